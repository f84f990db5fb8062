#include "rdpwhy/auth/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/messages.h"
#include "auth/octets.h"

namespace rdpwhy::auth {
namespace {

using testing::IsEmpty;

Bytes in_resp(const Bytes& token) {
  return encode(NegTokenResp{.neg_state = 1, .response_token = token});
}

Bytes in_init(const Bytes& token) {
  return encode(NegTokenInit{.mech_types = {std::string(oid::kNtlm)}, .mech_token = token});
}

bool holds(ByteSpan octets, ByteSpan part) {
  return base::as_text(octets).find(base::as_text(part)) != std::string_view::npos;
}

TEST(Token, OfBareNtlmIsRead) {
  const auto token = decode_token(nlmp_challenge());
  EXPECT_FALSE(token.error);
  EXPECT_FALSE(token.spnego);
  EXPECT_EQ(token.size, nlmp_challenge().size());
  EXPECT_EQ(std::get<NtlmChallenge>(token.message).target_name, "Server");
  EXPECT_EQ(token.mechanism_octets, nlmp_challenge());
  EXPECT_THAT(token.notes, IsEmpty());
}

TEST(Token, OfNtlmInSpnegoIsRead) {
  const auto init = decode_token(in_init(encode(NtlmNegotiate{.flags = 1})));
  EXPECT_FALSE(init.error);
  EXPECT_EQ(std::get<NtlmNegotiate>(init.message).flags, 1u);
  const auto resp = decode_token(in_resp(nlmp_challenge()));
  EXPECT_EQ(std::get<NtlmChallenge>(resp.message).target_name, "Server");
  EXPECT_EQ(std::get<NegTokenResp>(*resp.spnego).neg_state, 1);
  EXPECT_EQ(std::get<NegTokenResp>(*resp.spnego).response_token, Bytes{})
      << "there is one, and it is not kept twice";
  EXPECT_EQ(resp.mechanism_octets, nlmp_challenge());
}

TEST(Token, OfKerberosIsReadWithAndWithoutSpnego) {
  EXPECT_EQ(std::get<KerberosToken>(decode_token(ap_reply()).message).kind,
            KerberosToken::Kind::kApReply);
  const auto token = decode_token(in_resp(krb_error()));
  EXPECT_EQ(std::get<KerberosToken>(token.message).error->error_code, 37);
  EXPECT_EQ(token.mechanism_octets, krb_error());
}

TEST(Token, OfSpnegoMayHaveNothingInside) {
  const auto token = decode_token(from_hex("a107 3005 a003 0a0100"));
  EXPECT_FALSE(token.error);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(token.message));
  EXPECT_EQ(std::get<NegTokenResp>(*token.spnego).neg_state, 0);
  EXPECT_THAT(token.mechanism_octets, IsEmpty());
}

TEST(Token, OfAnUnknownMechanismKeepsItsFrameOnly) {
  const auto token = decode_token(in_init(from_hex("4e45474f45585453")));
  EXPECT_FALSE(token.error);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(token.message));
  EXPECT_THAT(token.mechanism_octets, IsEmpty());
}

TEST(Token, KeepsNoProofOfAPassword) {
  const auto response = from_hex("67c43011f30298a2ad35ece64f16331c");
  for (const auto& octets : {nlmp_authenticate_v1(), in_resp(nlmp_authenticate_v1())}) {
    const auto token = decode_token(octets);
    EXPECT_FALSE(token.error);
    const auto& message = std::get<NtlmAuthenticate>(token.message);
    EXPECT_EQ(message.user_name, "User");
    EXPECT_EQ(message.nt_response_size, 24u);
    EXPECT_THAT(message.nt_response, IsEmpty());
    EXPECT_THAT(message.lm_response, IsEmpty());
    EXPECT_THAT(message.encrypted_random_session_key, IsEmpty());
    EXPECT_THAT(token.mechanism_octets, IsEmpty());
  }
  const auto ticket = from_hex("eeeeeeeeeeeeeeee");
  for (const auto& octets : {ap_request(), in_resp(ap_request()), tgt_reply()}) {
    const auto token = decode_token(octets);
    EXPECT_FALSE(token.error);
    EXPECT_FALSE(holds(token.mechanism_octets, ticket));
  }
}

TEST(Token, ThatCannotBeReadKeepsNoProofEither) {
  auto damaged = nlmp_authenticate_v1();
  damaged[32 + 3] = 0xFF;
  const auto token = decode_token(damaged);
  ASSERT_TRUE(token.error);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(token.message));
  EXPECT_THAT(token.mechanism_octets, IsEmpty());
}

TEST(Token, SaysWhereInTheWholeTheErrorStands) {
  auto damaged = nlmp_challenge();
  damaged[8] = 9;
  const auto bare = decode_token(damaged);
  EXPECT_EQ(bare.error->message(), "MessageType: is 9, which no NTLM message has (offset 8)");
  const auto framed = in_resp(damaged);
  const auto token = decode_token(framed);
  EXPECT_TRUE(token.spnego);
  EXPECT_EQ(token.error->offset, 8 + framed.size() - damaged.size());
  auto odd = nlmp_challenge();
  odd.push_back(7);
  const auto noted = decode_token(in_resp(odd));
  ASSERT_EQ(noted.notes.size(), 1u);
  EXPECT_EQ(noted.notes[0].offset, in_resp(odd).size() - 1);
}

TEST(Token, ThatIsNoneIsSaidToBeNone) {
  EXPECT_EQ(decode_token({}).error->message(), "negoToken: is empty (offset 0)");
  EXPECT_EQ(decode_token(from_hex("0102")).error->message(),
            "negoToken: begins neither SPNEGO nor NTLM nor Kerberos (offset 0)");
  EXPECT_EQ(decode_token(from_hex("4e544c4d53535000")).error->message(),
            "MessageType needs 4 bytes at offset 8, 0 left");
}

}  // namespace
}  // namespace rdpwhy::auth
