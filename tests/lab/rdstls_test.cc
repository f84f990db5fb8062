#include "lab/rdstls.h"

#include <gtest/gtest.h>

#include "rdpwhy/auth/rdstls.h"

namespace rdpwhy::lab {
namespace {

std::uint32_t result_of(const RdstlsDialogue::Answer& answer) {
  const auto pdu = auth::decode_rdstls(answer.octets);
  EXPECT_TRUE(pdu);
  return std::get<auth::RdstlsAuthenticationResponse>(*pdu).result_code;
}

Secret shown(const rdp::ServerRedirection& redirection, const Secret& password) {
  return auth::encode({.redirection_guid = redirection.redirection_guid.value(),
                       .user_name = redirection.user_name.value(),
                       .domain = redirection.domain.value()},
                      password);
}

TEST(RdstlsDialogue, TakesBackWhatItsRedirectionHandedOutAndNothingElse) {
  const RdstlsDialogue server(0);
  const auto redirection = redirection_with_credentials();
  const auto right = server.answer(shown(redirection, handed_out_password()).reveal());
  EXPECT_TRUE(right.granted);
  EXPECT_EQ(result_of(right), 0u);
  const auto wrong = server.answer(shown(redirection, Secret("guessed")).reveal());
  EXPECT_FALSE(wrong.granted);
  EXPECT_EQ(result_of(wrong), 0x52Eu);
  auto other = redirection;
  other.redirection_guid = "b3RoZXI=";
  EXPECT_FALSE(server.answer(shown(other, handed_out_password()).reveal()).granted);
  EXPECT_FALSE(server.answer(base::as_bytes("GET / HTTP/1.1")).granted);
}

TEST(RdstlsDialogue, RefusesAsItIsTold) {
  const RdstlsDialogue server(0x775);
  const auto answer =
      server.answer(shown(redirection_with_credentials(), handed_out_password()).reveal());
  EXPECT_FALSE(answer.granted);
  EXPECT_EQ(result_of(answer), 0x775u);
}

}  // namespace
}  // namespace rdpwhy::lab
