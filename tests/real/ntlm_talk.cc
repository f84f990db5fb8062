#include <array>
#include <chrono>
#include <iostream>
#include <string>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/crypto/ntlm.h"

// ntlm_talk client|server USER DOMAIN PASSWORD: our half of one NTLM authentication, a token or a
// sealed message in hex per line, for a stranger's implementation to answer.
namespace {

using namespace rdpwhy;

Bytes read_line() {
  std::string line;
  std::getline(std::cin, line);
  return base::parse_hex(line).value();
}
void say(ByteSpan octets) { std::cout << base::to_hex(octets) << std::endl; }

/// Both directions twice: what they seal is opened and sealed again.
int echo(auth::MessageProtection& protection) {
  for (int i = 0; i < 2; ++i) {
    const auto opened = protection.unseal(read_line());
    if (!opened) {
      std::cout << "does not open" << std::endl;
      return 1;
    }
    say(protection.seal(opened->reveal()));
  }
  return 0;
}

int talk_as_client(const std::array<std::string, 3>& who) {
  const Bytes negotiate = encode(crypto::mstsc_ntlm_negotiate());
  say(negotiate);
  const Bytes challenge = read_line();
  crypto::NtlmClientPlan plan;
  plan.user = who[0];
  plan.domain = who[1];
  plan.workstation = "PROBE";
  plan.service = "TERMSRV/localhost";
  plan.client_challenge.fill(0x35);
  plan.session_key = std::make_shared<Secret>(Bytes(16, 0x72));
  const auto answer = crypto::answer_ntlm_challenge(
      negotiate, challenge, auth::decode_ntlm_challenge(challenge).value(), plan, Secret(who[2]));
  if (!answer) {
    std::cout << answer.error().text << std::endl;
    return 1;
  }
  say(answer->authenticate);
  return echo(*answer->protection);
}

int talk_as_server(const std::array<std::string, 3>& who) {
  crypto::NtlmAcceptor::Settings settings;
  settings.server_challenge.fill(0x29);
  const auto name = [](auth::AvId id, std::string_view text) {
    return auth::AvPair{.id = static_cast<std::uint16_t>(id), .value = base::utf8_to_utf16le(text)};
  };
  // The stranger compares our clock with its own.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto filetime = auth::filetime_of({std::chrono::nanoseconds(now).count()});
  settings.target_info = auth::AvPairs{{name(auth::AvId::kNbDomainName, "LAB"),
                                        name(auth::AvId::kNbComputerName, "HOST"),
                                        {.id = static_cast<std::uint16_t>(auth::AvId::kTimestamp),
                                         .value = Writer().u64le(filetime).take()}}};
  crypto::NtlmAcceptor acceptor(settings);
  say(acceptor.challenge(read_line()).value());
  const auto accepted = acceptor.accept(read_line(), Secret(who[2]));
  if (!accepted) {
    std::cout << "refused " << static_cast<int>(accepted.error()) << std::endl;
    return 1;
  }
  std::cout << accepted->message.user_name << std::endl;
  return echo(*accepted->protection);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return 2;
  const std::array<std::string, 3> who = {arguments[2], arguments[3], arguments[4]};
  return std::string(arguments[1]) == "server" ? talk_as_server(who) : talk_as_client(who);
}
