#include "lab/rdstls.h"

#include <algorithm>

#include "rdpwhy/auth/rdstls.h"

namespace rdpwhy::lab {
namespace {

constexpr std::uint32_t kSuccess = 0;
constexpr std::uint32_t kLogonFailure = 0x52E;

constexpr std::string_view kGuid = "cmVkaXJlY3RlZC1ieS1sYWI=";
constexpr std::string_view kUser = "alice";
constexpr std::string_view kDomain = "LAB";
/// A blob as any other, never to be seen again outside this exchange.
constexpr std::string_view kPassword = "handed-out-for-one-connection";

}  // namespace

rdp::ServerRedirection redirection_with_credentials() {
  rdp::ServerRedirection packet;
  packet.flags = rdp::ServerRedirection::kPasswordIsPkEncrypted;
  packet.user_name = kUser;
  packet.domain = kDomain;
  packet.password_size = static_cast<std::uint32_t>(kPassword.size());
  packet.redirection_guid = kGuid;
  return packet;
}

Secret handed_out_password() { return Secret(kPassword); }

Bytes RdstlsDialogue::greeting() { return auth::encode(auth::RdstlsCapabilities{}); }

RdstlsDialogue::Answer RdstlsDialogue::answer(ByteSpan message) const {
  const auto right = auth::encode({.redirection_guid = std::string(kGuid),
                                   .user_name = std::string(kUser),
                                   .domain = std::string(kDomain)},
                                  handed_out_password());
  const auto result = std::ranges::equal(message, right.reveal()) ? result_ : kLogonFailure;
  return {.octets = auth::encode(auth::RdstlsAuthenticationResponse{.result_code = result}),
          .granted = result == kSuccess};
}

}  // namespace rdpwhy::lab
