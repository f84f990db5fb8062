// Every valid message cut at every octet, lengthened by one, and damaged in every octet.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "auth/auth_oracles.h"
#include "auth/messages.h"

namespace rdpwhy::auth {
namespace {

struct Message {
  std::string name;
  Bytes octets;
  std::function<std::optional<DecodeError>(ByteSpan)> decode;
  std::function<void(ByteSpan)> check;
};

template <typename Decode>
auto error_of(Decode decode) {
  return [decode](ByteSpan octets) -> std::optional<DecodeError> {
    const auto decoded = decode(octets);
    if (decoded) return std::nullopt;
    return decoded.error();
  };
}

Bytes ts_request() {
  return encode(TsRequest{.nego_tokens = std::vector<Bytes>{nlmp_authenticate_v2()},
                          .pub_key_auth = Bytes(16, 1),
                          .error_code = 0xC000006D,
                          .client_nonce = Bytes(32, 2)});
}

Bytes ts_credentials() {
  const auto secret = encode(TsPasswordCreds{
      .domain_name = "D", .user_name = "user", .password = Secret(from_hex("70007700"))});
  return base::to_bytes(secret.reveal());
}

std::vector<Message> messages() {
  const auto challenge = error_of([](ByteSpan o) { return decode_ntlm_challenge(o); });
  const auto authenticate = error_of([](ByteSpan o) { return decode_ntlm_authenticate(o); });
  const auto spnego = error_of([](ByteSpan o) { return decode_spnego(o); });
  const auto kerberos = error_of([](ByteSpan o) { return decode_kerberos_token(o); });
  const auto rdstls = error_of([](ByteSpan o) { return decode_rdstls(o); });
  return {
      {"TSRequest", ts_request(), error_of([](ByteSpan o) { return decode_ts_request(o); }),
       oracle::check_ts_request},
      {"TSCredentials", ts_credentials(),
       error_of([](ByteSpan o) { return decode_ts_credentials(o); }), oracle::check_ts_credentials},
      {"CHALLENGE", nlmp_challenge(), challenge, oracle::check_ntlm},
      {"CHALLENGE without target info", nlmp_challenge_without_target_info(), challenge,
       oracle::check_ntlm},
      {"AUTHENTICATE, NTLMv1", nlmp_authenticate_v1(), authenticate, oracle::check_ntlm},
      {"AUTHENTICATE, NTLMv2", nlmp_authenticate_v2(), authenticate, oracle::check_ntlm},
      {"NegTokenInit", neg_token_init(), spnego, oracle::check_spnego},
      {"NegTokenInit2", neg_token_init2(), spnego, oracle::check_spnego},
      {"NegTokenResp", neg_token_resp(), spnego, oracle::check_spnego},
      {"AP-REQ", ap_request(), kerberos, oracle::check_kerberos},
      {"AP-REP", ap_reply(), kerberos, oracle::check_kerberos},
      {"KRB-ERROR", krb_error(), kerberos, oracle::check_kerberos},
      {"KERB-TGT-REQUEST", tgt_request(), kerberos, oracle::check_kerberos},
      {"KERB-TGT-REPLY", tgt_reply(), kerberos, oracle::check_kerberos},
      {"RDSTLS with password", rdstls_password_request(), rdstls, oracle::check_rdstls},
      {"RDSTLS with cookie", rdstls_cookie_request(), rdstls, oracle::check_rdstls},
      {"RDSTLS capabilities", from_hex("0100 0100 0100 0100"), rdstls, oracle::check_rdstls},
      {"RDSTLS response", from_hex("0100 0400 0100 2e050000"), rdstls, oracle::check_rdstls},
  };
}

TEST(EveryMessage, IsValidAsItStands) {
  for (const auto& message : messages()) {
    const auto error = message.decode(message.octets);
    EXPECT_FALSE(error) << message.name << ": " << error->message();
  }
}

TEST(EveryMessage, CutAtAnyOctetFailsAndNamesAField) {
  for (const auto& message : messages()) {
    for (std::size_t size = 0; size < message.octets.size(); ++size) {
      SCOPED_TRACE(message.name + " cut to " + std::to_string(size));
      const auto error = message.decode(ByteSpan(message.octets).first(size));
      ASSERT_TRUE(error);
      EXPECT_EQ(error->kind, DecodeError::Kind::kTruncated) << error->message();
      EXPECT_NE(error->field, "");
      EXPECT_LE(error->offset, size);
      EXPECT_EQ(error->left, size - error->offset) << "the rest of the octets, no more";
      EXPECT_GT(error->needed, error->left);
    }
  }
}

// DER ends where it says; NTLM has a payload, and octets in it that nobody points to are an oddity.
TEST(EveryMessage, WithOneOctetMoreIsNotTakenForTheSame) {
  for (auto& message : messages()) {
    SCOPED_TRACE(message.name);
    message.octets.push_back(7);
    const auto error = message.decode(message.octets);
    const auto token = decode_token(message.octets);
    Notes notes;
    if (message.name == "TSRequest") static_cast<void>(decode_ts_request(message.octets, &notes));
    EXPECT_TRUE(error || !token.notes.empty() || !notes.anomalies.empty());
  }
}

void check(const Message& message, ByteSpan octets) {
  message.check(octets);
  oracle::check_token(octets);
  oracle::check_annotation(octets);
}

TEST(EveryMessage, CutOrDamagedInAnyOctetBreaksNoPromise) {
  for (const auto& message : messages()) {
    for (std::size_t at = 0; at < message.octets.size(); ++at) {
      check(message, ByteSpan(message.octets).first(at));
      for (const int damage : {0x01, 0x20, 0x80}) {
        auto octets = message.octets;
        octets[at] ^= static_cast<std::uint8_t>(damage);
        check(message, octets);
      }
    }
  }
}

// Every length and every offset of two octets set to values that lie.
TEST(EveryMessage, WithALyingNumberAnywhereBreaksNoPromise) {
  for (const auto& message : messages()) {
    for (std::size_t at = 0; at + 4 <= message.octets.size(); ++at) {
      for (const auto* lie : {"ffff", "0080", "84ffffffff"}) {
        auto octets = message.octets;
        const auto replaced = from_hex(lie);
        for (std::size_t i = 0; i < replaced.size() && at + i < octets.size(); ++i) {
          octets[at + i] = replaced[i];
        }
        check(message, octets);
      }
    }
  }
}

TEST(RandomOctets, BreakNoPromise) {
  std::mt19937 generator(1);  // the same octets in every run
  std::uniform_int_distribution<unsigned> octet(0, 255);
  for (int round = 0; round < 2000; ++round) {
    Bytes octets(generator() % 96);
    for (auto& o : octets) o = static_cast<std::uint8_t>(octet(generator));
    oracle::check_auth(octets);
  }
}

}  // namespace
}  // namespace rdpwhy::auth
