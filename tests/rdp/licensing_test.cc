#include "rdpwhy/rdp/licensing.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "rdp/licensing_oracles.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

using nlohmann::json;

Bytes hex(std::string_view text) { return base::parse_hex(text).value(); }

std::string said(const Notes& notes) {
  std::string text;
  for (const auto& note : notes.anomalies) text += note.field + ": " + note.text + "; ";
  return text;
}

LicenseRequest a_request() {
  LicenseRequest request;
  for (std::size_t i = 0; i < request.server_random.size(); ++i)
    request.server_random[i] = static_cast<std::uint8_t>(i);
  request.product = {
      .version = 0x00060002, .company_name = "Example Corporation", .product_id = "A02"};
  request.server_certificate.octets = {1, 2, 3};
  request.scopes = {"example.org"};
  return request;
}

std::vector<LicensingPdu> one_of_each() {
  const LicensingBlob sealed{9, {1, 2, 3, 4, 5}};
  NewLicenseRequest new_license;
  new_license.encrypted_premaster_secret.octets = Bytes(72, 7);
  new_license.user_name = "lab";
  new_license.machine_name = "CLIENT-1";
  LicenseInformation information;
  information.encrypted_premaster_secret.octets = Bytes(72, 7);
  information.license.octets = {9, 9};
  information.encrypted_hardware_id = sealed;
  const auto pdu = [](LicensingType type, auto message) {
    return LicensingPdu{.type = static_cast<std::uint8_t>(type), .message = std::move(message)};
  };
  return {
      pdu(LicensingType::kLicenseRequest, a_request()),
      pdu(LicensingType::kPlatformChallenge, PlatformChallenge{.encrypted_challenge = sealed}),
      pdu(LicensingType::kNewLicense, IssuedLicense{.encrypted_license_info = sealed}),
      pdu(LicensingType::kUpgradeLicense, IssuedLicense{.encrypted_license_info = sealed}),
      pdu(LicensingType::kLicenseInfo, information),
      pdu(LicensingType::kNewLicenseRequest, new_license),
      pdu(LicensingType::kPlatformChallengeResponse,
          PlatformChallengeResponse{.encrypted_response = sealed, .encrypted_hardware_id = sealed}),
      pdu(LicensingType::kErrorAlert, LicensingError{.error_code = 7, .state_transition = 2})};
}

TEST(Licensing, EveryMessageComesBackAsItWas) {
  for (const auto& pdu : one_of_each()) {
    SCOPED_TRACE(licensing_type_name(pdu.type).value_or("?"));
    const auto octets = encode(pdu);
    Notes notes;
    const auto back = decode_licensing(octets, &notes);
    ASSERT_TRUE(back.has_value()) << back.error().message();
    EXPECT_EQ(*back, pdu);
    EXPECT_EQ(said(notes), "");
    oracle::check_licensing(octets);
  }
}

// MS-RDPBCGR 4.1.11 shows this message: licensing ends well for a server that needs no licence.
TEST(Licensing, AnErrorAlertWithValidClientIsReadAsTheSpecificationShowsIt) {
  const auto octets = hex("ff 03 10 00 07 00 00 00 02 00 00 00 04 00 00 00");
  Notes notes;
  const auto pdu = decode_licensing(octets, &notes);
  ASSERT_TRUE(pdu.has_value());
  ASSERT_NE(pdu->error(), nullptr);
  EXPECT_EQ(pdu->error()->error_code, LicensingError::kValidClient);
  EXPECT_EQ(pdu->error()->state_transition, 2u);
  EXPECT_EQ(pdu->flags & LicensingPdu::kVersionMask, 3);
  EXPECT_EQ(said(notes), "");
  EXPECT_EQ(encode(*pdu), octets);
}

TEST(Licensing, AnEmptyBlobMayHaveAnyType) {
  const auto octets = hex("ff 02 10 00 07 00 00 00 02 00 00 00 28 14 00 00");
  Notes notes;
  const auto pdu = decode_licensing(octets, &notes);
  ASSERT_TRUE(pdu.has_value());
  EXPECT_EQ(pdu->error()->error_info.type, 0x1428);
  EXPECT_EQ(said(notes), "");
  EXPECT_EQ(encode(*pdu), octets);
}

TEST(Licensing, OctetsBehindTheSizeAreNotedAndDropped) {
  const auto octets = hex("ff 03 10 00 07 00 00 00 02 00 00 00 04 00 00 00 aa bb");
  Notes notes;
  const auto pdu = decode_licensing(octets, &notes);
  ASSERT_TRUE(pdu.has_value());
  EXPECT_EQ(pdu->error()->error_code, 7u);
  EXPECT_EQ(said(notes), "wMsgSize: is 16 and 2 more octets follow; ");
}

TEST(Licensing, ASizeThatIsNotThereIsSaidExactly) {
  const auto pdu = decode_licensing(hex("ff 03 10 00 07 00 00 00"));
  ASSERT_FALSE(pdu.has_value());
  EXPECT_EQ(pdu.error().message(), "message needs 12 bytes at offset 4, 4 left");
  const auto less = decode_licensing(hex("ff 03 03 00"));
  ASSERT_FALSE(less.has_value());
  EXPECT_EQ(less.error().field, "wMsgSize");
}

TEST(Licensing, AnUnknownMessageIsKept) {
  Notes notes;
  const auto pdu = decode_licensing(hex("77 03 06 00 ab cd"), &notes);
  ASSERT_TRUE(pdu.has_value());
  EXPECT_EQ(std::get<UnknownLicensing>(pdu->message).octets, hex("abcd"));
  EXPECT_EQ(said(notes), "bMsgType: 0x77 is no licensing message; ");
}

TEST(Licensing, ACountOfScopesThatNobodySendsAllocatesNothing) {
  auto request = a_request();
  request.scopes.clear();
  auto octets = encode(LicensingPdu{.type = 1, .message = request});
  for (std::size_t i = octets.size() - 4; i < octets.size(); ++i) octets[i] = 0xFF;
  const auto pdu = decode_licensing(octets);
  ASSERT_FALSE(pdu.has_value());
  EXPECT_EQ(pdu.error().field, "ScopeCount");
}

TEST(Licensing, WhatIsEncryptedInItComesBackAsItWas) {
  const NewLicenseInformation license{.version = 0x60002,
                                      .scope = "example.org",
                                      .company_name = "Example Corporation",
                                      .product_id = "A02",
                                      .license = {1, 2, 3}};
  EXPECT_EQ(decode_new_license_information(encode(license)).value(), license);
  const PlatformChallengeAnswer answer{.challenge = {1, 2, 3}};
  EXPECT_EQ(decode_platform_challenge_answer(encode(answer)).value(), answer);
  const ClientHardwareId id{.platform_id = 2, .data = {1, 2, 3, 4}};
  EXPECT_EQ(decode_client_hardware_id(encode(id)).value(), id);
  EXPECT_EQ(encode(id).size(), 20u);
}

TEST(Licensing, DamageBreaksNoInvariant) {
  for (const auto& pdu : one_of_each()) {
    auto octets = encode(pdu);
    for (std::size_t at = 0; at < octets.size(); ++at) {
      oracle::check_licensing(ByteSpan(octets).first(at));
      for (const int flip : {0x01, 0x80, 0xFF}) {
        octets[at] ^= static_cast<std::uint8_t>(flip);
        oracle::check_licensing(octets);
        octets[at] ^= static_cast<std::uint8_t>(flip);
      }
    }
  }
}

// ------------------------------------------------------ whole exchanges of real servers

std::filesystem::path vectors_file(const char* name) {
  const char* folder = std::getenv("RDPWHY_SHARED");
  const auto shared = folder != nullptr
                          ? std::filesystem::path(folder)
                          : std::filesystem::path(RDPWHY_SOURCE_DIR) / ".." / "shared";
  return shared / "vectors" / name;
}

std::uint32_t number(const json& text) {
  if (text.is_number()) return text.get<std::uint32_t>();
  return static_cast<std::uint32_t>(std::stoul(text.get<std::string>(), nullptr, 16));
}

void expect_certificate(const LicensingBlob& blob, const json& expected) {
  EXPECT_EQ(blob.type, expected["blob_type"]);
  EXPECT_EQ(blob.octets.size(), expected["len"].get<std::size_t>());
  if (blob.octets.empty()) return;
  Notes notes;
  const auto certificate = decode_server_certificate(blob.octets, &notes);
  ASSERT_TRUE(certificate.has_value()) << certificate.error().message();
  EXPECT_EQ(said(notes), "");
  EXPECT_EQ(encode(*certificate), blob.octets);
  EXPECT_EQ(certificate->proprietary() != nullptr, expected.value("proprietary", false));
  if (!expected.contains("x509_chain")) return;
  const auto& chain = certificate->x509()->certificates;
  ASSERT_EQ(chain.size(), expected["x509_chain"].size());
  for (std::size_t i = 0; i < chain.size(); ++i)
    EXPECT_EQ(chain[i].size(), expected["x509_chain"][i]["der_len"].get<std::size_t>());
}

void expect_request(const LicenseRequest& request, const json& expected) {
  EXPECT_EQ(base::to_hex(request.server_random), expected["server_random"]);
  EXPECT_EQ(request.product.version, number(expected["product_version"]));
  EXPECT_EQ(request.product.company_name, expected["company"]);
  EXPECT_EQ(request.product.product_id, expected["product_id"]);
  EXPECT_EQ(request.key_exchange_algorithms, std::vector<std::uint32_t>{1});
  EXPECT_EQ(request.scopes, expected["scopes"].get<std::vector<std::string>>());
  expect_certificate(request.server_certificate, expected["server_certificate"]);
}

void expect_message(const LicensingPdu& pdu, const json& expected) {
  if (const auto* request = pdu.request()) expect_request(*request, expected);
  if (const auto* request = std::get_if<NewLicenseRequest>(&pdu.message)) {
    EXPECT_EQ(request->platform_id, number(expected["platform_id"]));
    EXPECT_EQ(base::to_hex(request->client_random), expected["client_random"]);
    EXPECT_EQ(request->encrypted_premaster_secret.octets.size(), 72u);
    EXPECT_EQ(request->user_name, expected["user"]);
    EXPECT_EQ(request->machine_name, expected["machine"]);
  }
  if (const auto* information = std::get_if<LicenseInformation>(&pdu.message)) {
    EXPECT_EQ(information->license.octets.size(), expected["license"]["len"].get<std::size_t>());
    EXPECT_EQ(base::to_hex(information->mac), expected["mac"]);
  }
  if (const auto* challenge = std::get_if<PlatformChallenge>(&pdu.message)) {
    EXPECT_EQ(challenge->connect_flags, number(expected["connect_flags"]));
    EXPECT_EQ(base::to_hex(challenge->encrypted_challenge.octets),
              expected["encrypted_challenge"]["hex"]);
    EXPECT_EQ(base::to_hex(challenge->mac), expected["mac"]);
  }
  if (const auto* response = std::get_if<PlatformChallengeResponse>(&pdu.message)) {
    EXPECT_EQ(base::to_hex(response->encrypted_response.octets),
              expected["encrypted_response"]["hex"]);
    EXPECT_EQ(base::to_hex(response->encrypted_hardware_id.octets),
              expected["encrypted_hwid"]["hex"]);
    EXPECT_EQ(base::to_hex(response->mac), expected["mac"]);
  }
  if (const auto* license = std::get_if<IssuedLicense>(&pdu.message)) {
    EXPECT_EQ(license->encrypted_license_info.octets.size(),
              expected["encrypted_license_info"]["len"].get<std::size_t>());
  }
  if (const auto* error = pdu.error()) {
    EXPECT_EQ(error->error_code, number(expected["error_code"]));
    EXPECT_EQ(error->state_transition, number(expected["state_transition"]));
  }
}

class SharedLicensing : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = vectors_file("licensing.json");
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "skipped: no " << path;
    std::ifstream in(path);
    file_ = json::parse(in);
  }

  json file_;
};

constexpr std::size_t kBasicSecurityHeader = 4;

TEST_F(SharedLicensing, ExchangesDecodeToTheirValuesAndComeBack) {
  std::size_t seen = 0;
  for (const auto& vector : file_["vectors"]) {
    if (!vector.contains("hex")) continue;
    SCOPED_TRACE(vector["id"].get<std::string>());
    const auto octets = hex(vector["hex"].get<std::string>());
    const auto pdu_octets = ByteSpan(octets).subspan(kBasicSecurityHeader);
    const auto& expected = vector["expect"];
    Notes notes;
    const auto pdu = decode_licensing(pdu_octets, &notes);
    ASSERT_TRUE(pdu.has_value()) << pdu.error().message();
    EXPECT_EQ(pdu->type, number(expected["type"]));
    EXPECT_EQ(licensing_type_name(pdu->type), expected["name"].get<std::string>());
    EXPECT_EQ(pdu->flags, number(expected["flags_version"]));
    expect_message(*pdu, expected);
    EXPECT_EQ(encode(*pdu), base::to_bytes(pdu_octets)) << said(notes);
    ++seen;
  }
  EXPECT_GE(seen, 25u);
}

TEST_F(SharedLicensing, DamageBreaksNoInvariant) {
  for (const auto& vector : file_["vectors"]) {
    if (!vector.contains("hex")) continue;
    auto octets = hex(vector["hex"].get<std::string>());
    octets.erase(octets.begin(), octets.begin() + kBasicSecurityHeader);
    const auto step = std::max<std::size_t>(1, octets.size() / 100);
    for (std::size_t at = 0; at < octets.size(); at += step) {
      oracle::check_licensing(ByteSpan(octets).first(at));
      octets[at] ^= 0xFF;
      oracle::check_licensing(octets);
      octets[at] ^= 0xFF;
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
