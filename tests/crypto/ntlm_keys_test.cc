#include "crypto/ntlm_keys.h"

#include <gtest/gtest.h>

#include "crypto/ntlm_primitives.h"
#include "crypto/ntlm_protection.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/crypto/ntlm.h"

namespace rdpwhy::crypto {
namespace {

Bytes hex(std::string_view text) { return base::parse_hex(text).value(); }
std::string hex(const Secret& secret) { return base::to_hex(secret.reveal()); }

TEST(NtlmPrimitives, AgreeWithTheirRfcs) {
  ASSERT_TRUE(ntlm_available());
  EXPECT_EQ(hex(md4(base::as_bytes("abc"))), "a448017aaf21d8525fc10ae87aa6729d");
  EXPECT_EQ(hex(md5({base::as_bytes("a"), base::as_bytes("bc")})),
            "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(
      hex(hmac_md5(Secret(Bytes(16, 0x0B)), {base::as_bytes("Hi "), base::as_bytes("There")})),
      "9294727a3638bb1c13f48ef8158bfc9d");
}

TEST(NtlmPrimitives, Rc4GoesOnWhereItStopped) {
  const Secret key(hex("0123456789abcdef0123456789abcdef"));
  const Bytes text(40, 0xA5);
  Rc4 whole(key);
  const auto at_once = whole.transform(text);
  Rc4 parts(key);
  auto in_parts = parts.transform(ByteSpan(text).first(7));
  for (const auto octet : parts.transform(ByteSpan(text).subspan(7))) in_parts.push_back(octet);
  EXPECT_EQ(at_once, in_parts);
  EXPECT_EQ(hex(rc4_once(key, at_once)), base::to_hex(text));
}

// MS-NLMP 4.2.1 and 4.2.4: the common values and the figures of NTLMv2.
class NtlmFigures : public testing::Test {
 protected:
  const Secret response_key_ = ntowf_v2(Secret("Password"), "User", "Domain");
  const Bytes server_challenge_ = hex("0123456789abcdef");
  const Bytes client_challenge_ = hex("aaaaaaaaaaaaaaaa");
  const Secret exported_key_{Bytes(16, 0x55)};
  static constexpr std::uint32_t kFlags = 0xE28A8233;

  static auth::AvPairs target_info() {
    return {.pairs = {{.id = 2, .value = base::utf8_to_utf16le("Domain")},
                      {.id = 1, .value = base::utf8_to_utf16le("Server")}}};
  }
};

TEST_F(NtlmFigures, TheResponseKeyIsThePublishedOne) {
  EXPECT_EQ(hex(response_key_), "0c868a403bfd7a93a3001ef22ef02e3f");
}

TEST_F(NtlmFigures, TheUsersCaseDoesNotMatterAndTheDomainsDoes) {
  EXPECT_EQ(hex(ntowf_v2(Secret("Password"), "uSER", "Domain")), hex(response_key_));
  EXPECT_NE(hex(ntowf_v2(Secret("Password"), "User", "DOMAIN")), hex(response_key_));
}

TEST_F(NtlmFigures, TheResponsesAreThePublishedOnes) {
  const auto temp =
      ntlmv2_client_challenge({.timestamp = 0,
                               .challenge = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA},
                               .av_pairs = target_info()});
  EXPECT_EQ(base::to_hex(temp),
            "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e"
            "0001000c005300650072007600650072000000000000000000");
  const auto response = ntlmv2_response(response_key_, server_challenge_, temp);
  EXPECT_EQ(hex(response.proof), "68cd0ab851e51c96aabc927bebef6a1c");
  EXPECT_EQ(hex(response.session_base_key), "8de40ccadbc14a82f15cb0ad0de95ca3");
  EXPECT_EQ(base::to_hex(lmv2_response(response_key_, server_challenge_, client_challenge_)),
            "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
  EXPECT_EQ(hex(rc4_once(response.session_base_key, exported_key_.reveal())),
            "c5dad2544fc9799094ce1ce90bc9d03e");
}

TEST_F(NtlmFigures, TheKeysOfTheClientAreThePublishedOnes) {
  EXPECT_EQ(hex(ntlm_sealing_key(kFlags, exported_key_, Side::kClient)),
            "59f600973cc4960a25480a7c196e4c58");
  EXPECT_EQ(hex(ntlm_signing_key(exported_key_, Side::kClient)),
            "4788dc861b4782f35d43fd98fe1a2d39");
}

TEST_F(NtlmFigures, TheSealedMessageIsThePublishedOne) {
  const auto client = make_ntlm_protection(kFlags, exported_key_, Side::kClient);
  EXPECT_EQ(base::to_hex(client->seal(base::utf8_to_utf16le("Plaintext"))),
            "01000000"
            "7fb38ec5c55d4976"
            "00000000"
            "54e50165bf1936dc996020c1811b0f06fb5f");
}

TEST_F(NtlmFigures, FewerBitsSealWithAnotherKeyAndSignWithTheSame) {
  const auto with = [this](std::uint32_t flags) {
    return hex(ntlm_sealing_key(flags, exported_key_, Side::kClient));
  };
  namespace flag = auth::ntlm_flag;
  EXPECT_EQ(with(flag::k128 | flag::k56), with(flag::k128));
  EXPECT_NE(with(flag::k56), with(flag::k128));
  EXPECT_NE(with(0), with(flag::k56));
  // 3.4.5.3: the first 7 or 5 octets of the key, and the constant with its zero.
  constexpr std::string_view kConstant =
      "session key to client-to-server sealing key magic constant";
  const ByteSpan constant(reinterpret_cast<const std::uint8_t*>(kConstant.data()),
                          kConstant.size() + 1);
  EXPECT_EQ(with(flag::k56), hex(md5({exported_key_.reveal().first(7), constant})));
  EXPECT_EQ(with(0), hex(md5({exported_key_.reveal().first(5), constant})));
}

std::string upper(std::string_view text) {
  Bytes wide = base::utf8_to_utf16le(text);
  upcase_utf16le(wide);
  return base::utf16le_to_utf8(wide);
}

TEST(NtlmUpperCase, IsWindowsNotASingleLocales) {
  EXPECT_EQ(upper("az09@AZ{`"), "AZ09@AZ{`");
  EXPECT_EQ(upper("m\u00fcller \u00f7 \u00ff"), "M\u00dcLLER \u00f7 \u0178");
  EXPECT_EQ(upper("\u015bwi\u0119ty \u017eluna"), "\u015aWI\u0118TY \u017dLUNA");
  EXPECT_EQ(upper("\u03b3\u03b9\u03ac\u03bd\u03bd\u03b7\u03c2"),
            "\u0393\u0399\u0386\u039d\u039d\u0397\u03a3");
  EXPECT_EQ(upper("\u0438\u0432\u0430\u043d \u0451"), "\u0418\u0412\u0410\u041d \u0401");
  EXPECT_EQ(upper("\u0561\u0580\u0561"), "\u0531\u0550\u0531");
  EXPECT_EQ(upper("\u1ea1\u1ef9"), "\u1ea0\u1ef8");
  EXPECT_EQ(upper("\u1f00\u1f80\u1fb3"), "\u1f08\u1f88\u1fbc");
  EXPECT_EQ(upper("\uff41"), "\uff21");
  // Left alone: no upper case of one unit, or none in Windows' table.
  EXPECT_EQ(upper("\u00df\u0131\u017f\u00b5"), "\u00df\u0131\u017f\u00b5");
  EXPECT_EQ(upper("\U0001f600"), "\U0001f600");
}

TEST(NtlmUpperCase, OfUpperCaseIsItself) {
  for (std::uint32_t unit = 0; unit < 0x10000; ++unit) {
    Bytes once = {static_cast<std::uint8_t>(unit), static_cast<std::uint8_t>(unit >> 8)};
    upcase_utf16le(once);
    Bytes twice = once;
    upcase_utf16le(twice);
    ASSERT_EQ(once, twice) << base::to_hex_number(unit, 4);
  }
}

}  // namespace
}  // namespace rdpwhy::crypto
