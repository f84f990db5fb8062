#include "rdpwhy/auth/spnego.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/messages.h"
#include "auth/octets.h"

namespace rdpwhy::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <typename Token>
Token read(const Bytes& octets, Notes* notes = nullptr) {
  const auto token = decode_spnego(octets, notes);
  EXPECT_TRUE(token) << (token ? "" : token.error().message());
  if (!token || !std::holds_alternative<Token>(*token)) {
    ADD_FAILURE() << "another token";
    return {};
  }
  return std::get<Token>(*token);
}

std::string notes_of(const Bytes& octets) {
  Notes notes;
  const auto token = decode_spnego(octets, &notes);
  return token ? said(notes) : token.error().message();
}

TEST(Spnego, InitWithMicIsReadAndWritten) {
  Notes notes;
  const auto token = read<NegTokenInit>(neg_token_init(), &notes);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_THAT(token.mech_types, ElementsAre(oid::kNtlm));
  EXPECT_EQ(token.mech_types_der, from_hex("300c 060a2b06010401823702020a"));
  EXPECT_EQ(token.mech_token, from_hex("746f6b"));
  EXPECT_EQ(token.mech_list_mic, from_hex("6d6963"));
  EXPECT_EQ(token.req_flags, std::nullopt);
  EXPECT_EQ(encode(token), neg_token_init());
}

TEST(Spnego, Init2WithHintsIsReadAndWritten) {
  Notes notes;
  const auto token = read<NegTokenInit>(neg_token_init2(), &notes);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_THAT(token.mech_types, ElementsAre(oid::kKerberos, oid::kNtlm));
  EXPECT_EQ(token.req_flags, from_hex("0640"));
  EXPECT_EQ(token.hint_name, "not_defined_in_RFC4178@please_ignore");
  EXPECT_EQ(token.hint_address, from_hex("01"));
  EXPECT_EQ(token.mech_list_mic, from_hex("6d6963"));
  EXPECT_EQ(encode(token), neg_token_init2());
}

TEST(Spnego, RespIsReadAndWritten) {
  Notes notes;
  const auto token = read<NegTokenResp>(neg_token_resp(), &notes);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(token.neg_state, 1);
  EXPECT_EQ(token.supported_mech, oid::kNtlm);
  EXPECT_EQ(token.response_token, from_hex("746f6b"));
  EXPECT_EQ(token.mech_list_mic, from_hex("6d6963"));
  EXPECT_EQ(encode(token), neg_token_resp());
}

TEST(Spnego, RespMayBeEmpty) {
  const auto token = read<NegTokenResp>(from_hex("a102 3000"));
  EXPECT_EQ(token, NegTokenResp{});
  EXPECT_EQ(encode(token), from_hex("a102 3000"));
  EXPECT_EQ(read<NegTokenResp>(from_hex("a107 3005 a003 0a0102")).neg_state, 2);
}

TEST(Spnego, IsToldFromOtherTokens) {
  EXPECT_TRUE(is_spnego(neg_token_init()));
  EXPECT_TRUE(is_spnego(neg_token_resp()));
  EXPECT_FALSE(is_spnego(ap_request()));
  EXPECT_FALSE(is_spnego(nlmp_challenge()));
  EXPECT_FALSE(is_spnego({}));
}

TEST(Spnego, ThatIsOddIsReadAndNoted) {
  EXPECT_EQ(notes_of(from_hex("a012 3010 a00e 300c 060a2b06010401823702020a")),
            "negTokenInit stands without a GSS-API frame; ");
  EXPECT_EQ(notes_of(from_hex("600c 06062b0601050502 a102 3000")),
            "negTokenResp stands in a GSS-API frame; ");
  EXPECT_EQ(notes_of(from_hex("a107 3005 a003 0a0109")), "negState is 9, which has no name; ");
  EXPECT_EQ(notes_of(from_hex("600c 06062b0601050502 a002 3000")), "mechTypes is missing; ");
  EXPECT_EQ(notes_of(from_hex("6010 06062b0601050502 a006 3004 a002 3000")),
            "mechTypes is empty; ");
}

TEST(Spnego, OfAnotherMechanismIsRefused) {
  EXPECT_EQ(notes_of(ap_request()), "thisMech: is 1.2.840.113554.1.2.2, not SPNEGO (offset 3)");
  EXPECT_EQ(notes_of(nlmp_challenge()), "negTokenInit: is the tag 0x4e, not [0] (offset 0)");
}

TEST(Spnego, MechanismsAndStatesHaveNames) {
  EXPECT_EQ(mechanism_name(oid::kNtlm), "NTLM");
  EXPECT_EQ(mechanism_name(oid::kNegoEx), "NEGOEX");
  EXPECT_EQ(mechanism_name("1.2.3"), std::nullopt);
  EXPECT_EQ(neg_state_name(0), "accept-completed");
  EXPECT_EQ(neg_state_name(3), "request-mic");
  EXPECT_EQ(neg_state_name(4), std::nullopt);
}

}  // namespace
}  // namespace rdpwhy::auth
