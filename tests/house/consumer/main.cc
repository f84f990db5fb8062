// Decodes a Connection Request whose octets are given in hex, with the installed library.
#include <cstdio>
#include <string>
#include <string_view>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/x224.h"

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const auto octets = rdpwhy::base::parse_hex(arguments[1]);
  if (!octets) return 2;
  const auto request = rdpwhy::rdp::decode_connection_request(*octets);
  if (!request) {
    std::printf("%s\n", request.error().message().c_str());
    return 1;
  }
  std::string protocols;
  if (request->negotiation) {
    for (const auto& name : rdpwhy::rdp::protocol_names(request->negotiation->requested)) {
      protocols += " " + name;
    }
  }
  std::printf("cookie %s asks for%s\n", request->cookie.value_or("(none)").c_str(),
              protocols.c_str());
  return 0;
}
