#include "rdpwhy/auth/ts_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/messages.h"
#include "auth/octets.h"

namespace rdpwhy::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TsRequest, OfEveryFieldComesBack) {
  for (std::uint32_t version : {2u, 3u, 4u, 5u, 6u, 0xFFFFFFFFu}) {
    const TsRequest request{.version = version,
                            .nego_tokens = std::vector<Bytes>{nlmp_challenge(), from_hex("aabb")},
                            .auth_info = Bytes(300, 1),
                            .pub_key_auth = Bytes(48, 2),
                            .error_code = 0xC000006D,
                            .client_nonce = Bytes(32, 3)};
    const auto octets = encode(request);
    Notes notes;
    const auto decoded = decode_ts_request(octets, &notes);
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_EQ(*decoded, request);
    EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
    EXPECT_EQ(ts_request_size(octets), octets.size());
  }
}

TEST(TsRequest, ErrorCodeIsTheSameWithAnySign) {
  const std::pair<const char*, std::uint32_t> kCases[] = {
      {"300d a003020106 a406 020480090302", 0x80090302},    // as Windows writes it
      {"300e a003020106 a407 02050080090302", 0x80090302},  // unsigned
      {"300d a003020106 a406 0204c000006d", 0xC000006D},
      {"300a a003020106 a403 020105", 5},
      {"300a a003020106 a403 0201ff", 0xFFFFFFFF}};
  for (const auto& [hex, code] : kCases) {
    Notes notes;
    const auto request = decode_ts_request(from_hex(hex), &notes);
    ASSERT_TRUE(request) << hex << request.error().message();
    EXPECT_EQ(request->error_code, code) << hex;
    EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  }
  EXPECT_EQ(encode(TsRequest{.error_code = 0x80090302}),
            from_hex("300d a003020106 a406 020480090302"));
  EXPECT_EQ(encode(TsRequest{.error_code = 5}), from_hex("300a a003020106 a403 020105"));
  EXPECT_FALSE(decode_ts_request(from_hex("300e a003020106 a407 02050180090302")));
}

TEST(TsRequest, ErrorCodeOfAPaddedIntegerIsReadAndNoted) {
  Notes notes;
  const auto request = decode_ts_request(from_hex("300e a003020106 a407 0205ff80090302"), &notes);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->error_code, 0x80090302u);
  EXPECT_EQ(said(notes), "errorCode an INTEGER written longer than DER has it; ");
}

TEST(TsRequest, WithoutVersionIsRefused) {
  const auto empty = decode_ts_request(from_hex("3000"));
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().message(), "version: is missing (offset 2)");
  EXPECT_FALSE(decode_ts_request(from_hex("3004 a2020400")));
}

TEST(TsRequest, ThatIsOddIsReadAndNoted) {
  const auto notes_of = [](std::string_view hex) {
    Notes notes;
    const auto request = decode_ts_request(from_hex(hex), &notes);
    return request ? said(notes) : request.error().message();
  };
  EXPECT_EQ(notes_of("3005 a003020106 aabbcc"), "TSRequest 3 octets behind the SEQUENCE; ");
  EXPECT_EQ(notes_of("3009 a1023000 a003020106"),
            "negoTokens is empty; TSRequest stands out of order; ");
  EXPECT_EQ(notes_of("300a a003020106 a7030201ff"),
            "TSRequest an element that this structure does not have; ");
  EXPECT_EQ(notes_of("300a a003020106 a503040100"), "clientNonce has 1 octets, not 32; ");
  EXPECT_EQ(notes_of("308105 a003020106"),
            "TSRequest its length is written longer than DER has it; ");
}

TEST(TsRequest, OfIndefiniteOrForeignFormIsRefused) {
  EXPECT_EQ(decode_ts_request(from_hex("3080 a003020106 0000")).error().text,
            "an indefinite length, which DER does not have");
  EXPECT_EQ(decode_ts_request(from_hex("0400")).error().text, "is OCTET STRING, not SEQUENCE");
  EXPECT_EQ(decode_ts_request(from_hex("3010 a003020106 a109 3007 2405 0403616263")).error().field,
            "NegoData item");
}

TEST(TsRequest, SizeIsKnownFromTheHeaderAlone) {
  EXPECT_EQ(ts_request_size({}), std::nullopt);
  EXPECT_EQ(ts_request_size(from_hex("30")), std::nullopt);
  EXPECT_EQ(ts_request_size(from_hex("3082")), std::nullopt);
  EXPECT_EQ(ts_request_size(from_hex("308201")), std::nullopt);
  EXPECT_EQ(ts_request_size(from_hex("30820123")), 4u + 0x123);
  EXPECT_EQ(ts_request_size(from_hex("3005a003")), 7u);
  EXPECT_EQ(ts_request_size(from_hex("3084ffffffff")), 0x1'0000'0005u) << "claimed, not believed";
  EXPECT_EQ(ts_request_size(from_hex("03000013")).error().text,
            "begins with 0x03, not with that of a SEQUENCE, 0x30");
  EXPECT_FALSE(ts_request_size(from_hex("3080")));
  EXPECT_FALSE(ts_request_size(from_hex("3088ffffffff")));
}

// A header that claims 4 GiB costs nothing.
TEST(TsRequest, ThatClaimsMoreThanThereIsNeedsIt) {
  EXPECT_EQ(decode_ts_request(from_hex("3084ffffffff a003020106")).error().message(),
            "TSRequest needs 4294967295 bytes at offset 6, 5 left");
}

// --- TSCredentials ------------------------------------------------------------------------------

std::string text_of(const Secret& secret) { return base::to_hex(secret.reveal()); }

TEST(TsCredentials, OfAPasswordComeBack) {
  const TsPasswordCreds creds{
      .domain_name = "DOM", .user_name = "user", .password = Secret(from_hex("70007700"))};
  const auto octets = encode(creds);
  EXPECT_EQ(text_of(octets), base::to_hex(from_hex("3029 a003020101 a122 0420 301e"
                                                   "a008 0406 44004f004d00"
                                                   "a10a 0408 7500730065007200"
                                                   "a206 0404 70007700")));
  Notes notes;
  const auto decoded = decode_ts_credentials(octets.reveal(), &notes);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(decoded->cred_type, 1u);
  const auto& read = std::get<TsPasswordCreds>(decoded->credentials);
  EXPECT_EQ(read.domain_name, "DOM");
  EXPECT_EQ(read.user_name, "user");
  EXPECT_EQ(text_of(read.password), "70007700");
}

TEST(TsCredentials, OfRestrictedAdminAreEmptyTexts) {
  EXPECT_EQ(text_of(encode(TsPasswordCreds{})),
            base::to_hex(from_hex("3017 a003020101 a110 040e 300c a002 0400 a102 0400 a202 0400")));
}

TEST(TsCredentials, OfASmartCardAreRead) {
  const auto octets = from_hex(
      "3052 a003020102 a14b 0449 3047 a006 0404 31003200"
      "a131 302f a003020101 a10a 0408 6300610072006400 a206 0404 52003100"
      "a30a 0408 6b00650079003100 a408 0406 430053005000"
      "a206 0404 75003100 a302 0400");
  Notes notes;
  const auto decoded = decode_ts_credentials(octets, &notes);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  const auto& creds = std::get<TsSmartCardCreds>(decoded->credentials);
  EXPECT_EQ(text_of(creds.pin), "31003200");
  EXPECT_EQ(creds.key_spec, 1u);
  EXPECT_EQ(creds.card_name, "card");
  EXPECT_EQ(creds.reader_name, "R1");
  EXPECT_EQ(creds.container_name, "key1");
  EXPECT_EQ(creds.csp_name, "CSP");
  EXPECT_EQ(creds.user_hint, "u1");
  EXPECT_EQ(creds.domain_hint, "");
}

TEST(TsCredentials, OfRemoteCredentialGuardAreReadByTheirPackages) {
  const auto octets = from_hex(
      "3041 a003020106 a13a 0438 3036"
      "a01d 301b a012 0410 4b00650072006200650072006f007300 a105 0403 010203"
      "a115 3013 3011 a00a 0408 4e0054004c004d00 a103 0401 04");
  Notes notes;
  const auto decoded = decode_ts_credentials(octets, &notes);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  const auto& creds = std::get<TsRemoteGuardCreds>(decoded->credentials);
  EXPECT_EQ(creds.logon_package, "Kerberos");
  EXPECT_THAT(creds.supplemental_packages, ElementsAre("NTLM"));
}

TEST(TsCredentials, OfAnUnknownTypeAreNoted) {
  Notes notes;
  const auto decoded = decode_ts_credentials(from_hex("300b a003020109 a104 0402 ffff"), &notes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->cred_type, 9u);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(decoded->credentials));
  EXPECT_EQ(said(notes), "credType is 9, which is not known; ");
}

TEST(TsCredentials, ShowNoSecretInTheFieldsOfADump) {
  const TsPasswordCreds creds{.user_name = "user", .password = Secret(from_hex("70007700"))};
  const auto octets = encode(creds);
  Notes notes(Notes::Detail::kFields);
  ASSERT_TRUE(decode_ts_credentials(octets.reveal(), &notes));
  for (const auto& field : notes.fields) {
    if (field.name == "password") {
      EXPECT_EQ(field.value.find("pw"), std::string::npos);
      EXPECT_EQ(field.value.find("7000"), std::string::npos);
    }
  }
}

// MS-RDPBCGR 2.2.10.2
TEST(EarlyUserAuthorizationResult, HasFourOctets) {
  const auto denied = decode_early_user_authorization_result(from_hex("05000000"));
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->authorization_result, 5u);
  EXPECT_EQ(encode(*denied), from_hex("05000000"));
  EXPECT_FALSE(decode_early_user_authorization_result(from_hex("050000")));
  EXPECT_FALSE(decode_early_user_authorization_result(from_hex("0500000000")));
  EXPECT_EQ(decode_early_user_authorization_result(from_hex("78563412"))->authorization_result,
            0x12345678u);
}

}  // namespace
}  // namespace rdpwhy::auth
