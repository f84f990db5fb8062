#include "rdpwhy/crypto/standard_security.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "crypto/known_rsa_keys.h"
#include "crypto/raw_rsa.h"
#include "crypto/rsa_server.h"
#include "crypto/server_key.h"
#include "crypto/standard_security_oracles.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/licensing_keys.h"
#include "rdpwhy/crypto/session_opener.h"
#include "rdpwhy/rdp/licensing.h"

namespace rdpwhy::crypto {
namespace {

using nlohmann::json;
using Refusal = record::SessionOpener::Refusal;

Bytes hex(const char* text) { return base::parse_hex(text).value(); }
Bytes hex(const json& text) { return hex(text.get<std::string>().c_str()); }
std::string digits(const Secret& secret) { return base::to_hex(secret.reveal()); }

constexpr std::uint32_t kMethods[] = {1, 2, 8, 16};

Bytes counting_from(std::uint8_t first) {
  Bytes out(StandardSecurity::kRandomSize);
  for (auto& octet : out) octet = first++;
  return out;
}

const Bytes kClientRandom = counting_from(0x11);
const Bytes kServerRandom = counting_from(0x82);

StandardSecurity session(std::uint32_t method) {
  auto made = StandardSecurity::derive(method, Secret(kClientRandom), kServerRandom);
  EXPECT_TRUE(made.has_value());
  return std::move(*made);
}

record::SessionOpener::Protected as_received(const StandardSecurity::Sealed& sealed, Side side,
                                             bool salted) {
  return {.side = side,
          .salted = salted,
          .signature = sealed.signature,
          .padding = sealed.padding,
          .data = sealed.data};
}

TEST(StandardSecurity, IsAvailableHere) {
  const auto available = standard_security_available();
  EXPECT_TRUE(available.has_value()) << available.error().text;
}

TEST(StandardSecurity, KeysOf40And56BitsBeginWithTheSaltOfTheSpecification) {
  const auto whole = session(2);
  const auto weak = session(1);
  const auto middle = session(8);
  for (const auto side : {Side::kClient, Side::kServer}) {
    const auto key = digits(whole.initial_key(side));
    EXPECT_EQ(key.size(), 32u);
    EXPECT_EQ(digits(weak.initial_key(side)), "d1269e" + key.substr(6, 10));
    EXPECT_EQ(digits(middle.initial_key(side)), "d1" + key.substr(2, 14));
  }
  EXPECT_EQ(digits(weak.mac_key()), "d1269e" + digits(whole.mac_key()).substr(6, 10));
}

TEST(StandardSecurity, FipsKeysHaveSevenBitsInEachOctet) {
  const auto fips = session(16);
  EXPECT_TRUE(fips.is_fips());
  EXPECT_EQ(fips.mac_key().reveal().size(), 20u);
  for (const auto side : {Side::kClient, Side::kServer}) {
    const auto key = fips.initial_key(side).reveal();
    EXPECT_EQ(key.size(), 24u);
    for (const auto octet : key) EXPECT_LT(octet, 0x80);
  }
  EXPECT_NE(digits(fips.initial_key(Side::kClient)), digits(fips.initial_key(Side::kServer)));
}

TEST(StandardSecurity, OtherMethodsAndOtherRandomsMakeNoSession) {
  for (const std::uint32_t method : {0u, 3u, 4u, 32u, 0xFFFFFFFFu})
    EXPECT_FALSE(StandardSecurity::derive(method, Secret(kClientRandom), kServerRandom));
  EXPECT_FALSE(StandardSecurity::derive(2, Secret(Bytes(31)), kServerRandom));
  EXPECT_FALSE(StandardSecurity::derive(2, Secret(kClientRandom), Bytes(33)));
}

TEST(StandardSecurity, WhatOneEndSealsTheOtherOpensBeyondSeveralChangesOfKeys) {
  for (const auto method : kMethods) {
    SCOPED_TRACE(method);
    auto client = session(method);
    auto server = session(method);
    for (std::size_t i = 0; i < 2 * StandardSecurity::kKeyLifetime + 10; ++i) {
      const Bytes said(i % 23, static_cast<std::uint8_t>(i));
      const auto side = i % 3 == 0 ? Side::kServer : Side::kClient;
      auto& from = side == Side::kServer ? server : client;
      auto& to = side == Side::kServer ? client : server;
      const bool salted = i % 2 == 0;
      const auto sealed = from.seal(side, said, salted);
      EXPECT_EQ(sealed.data.size() - sealed.padding, said.size());
      const auto opened = to.open(as_received(sealed, side, salted));
      ASSERT_TRUE(opened.has_value()) << i;
      ASSERT_TRUE(opened->mac_fits) << i;
      ASSERT_EQ(opened->plaintext, said) << i;
    }
  }
}

TEST(StandardSecurity, ADamagedPayloadIsToldByItsMacAndCostsItselfAlone) {
  for (const std::uint32_t method : {1u, 2u, 8u}) {
    auto client = session(method);
    auto server = session(method);
    auto first = client.seal(Side::kClient, base::as_bytes("first"), true);
    const auto second = client.seal(Side::kClient, base::as_bytes("second"), true);
    first.data[0] ^= 1;
    EXPECT_FALSE(server.open(as_received(first, Side::kClient, true)).value().mac_fits);
    const auto behind = server.open(as_received(second, Side::kClient, true)).value();
    EXPECT_TRUE(behind.mac_fits);
    EXPECT_EQ(behind.plaintext, base::to_bytes(base::as_bytes("second")));
  }
}

TEST(StandardSecurity, TheSaltedSignatureIsNotThePlainOne) {
  auto client = session(2);
  auto server = session(2);
  const auto sealed = client.seal(Side::kClient, base::as_bytes("x"), true);
  EXPECT_FALSE(server.open(as_received(sealed, Side::kClient, false)).value().mac_fits);
}

TEST(StandardSecurity, WhatIsNoWholeBlockOrLacksOctetsClosesTheDirection) {
  auto fips = session(16);
  const auto sealed = session(16).seal(Side::kServer, base::as_bytes("something"), false);
  auto payload = as_received(sealed, Side::kServer, false);
  payload.data = payload.data.first(15);
  EXPECT_EQ(fips.open(payload).error(), Refusal::kMalformed);
  EXPECT_EQ(fips.open(as_received(sealed, Side::kServer, false)).error(), Refusal::kOutOfStep);

  auto gap = session(2);
  gap.lost(Side::kServer);
  const auto good = session(2).seal(Side::kServer, base::as_bytes("x"), false);
  EXPECT_EQ(gap.open(as_received(good, Side::kServer, false)).error(), Refusal::kOutOfStep);
}

// ------------------------------------------------------------------------- the server's key

TEST(ServerKey, WhatIsEncryptedToTheServerItsKeyDecrypts) {
  const auto& server = testing::rsa_server();
  const auto encrypted = encrypt_to_server(server.proprietary, Secret(kClientRandom));
  ASSERT_TRUE(encrypted.has_value());
  EXPECT_EQ(encrypted->size(), server.modulus.size() + 8);
  for (const bool is_ini : {false, true}) {
    RsaPrivateKeys keys;
    const auto added =
        is_ini ? keys.add_rdp_keys(server.rsakeys_ini) : keys.add_rdp_keys(server.private_pem);
    ASSERT_TRUE(added.has_value()) << added.error().text;
    const auto block = keys.decrypted_little_endian(server.modulus, *encrypted);
    ASSERT_TRUE(block.has_value());
    EXPECT_EQ(base::to_bytes(block->reveal().first(32)), kClientRandom);
    EXPECT_FALSE(keys.decrypted_little_endian(published_modulus(), *encrypted).has_value());
  }
}

TEST(ServerKey, AFileThatHoldsNoKeySaysSo) {
  RsaPrivateKeys keys;
  EXPECT_FALSE(keys.add_rdp_keys("[keys]\npub_exp=0x01\n").has_value());
  EXPECT_EQ(keys.add_rdp_keys("pri_exp=0x01\n").error().text,
            "a key pair without pub_mod or pub_exp");
  EXPECT_FALSE(keys.add_rdp_keys("pri_exp=0xzz\n").has_value());
  EXPECT_TRUE(keys.empty());
}

TEST(ServerKey, AProprietaryCertificateWithAnotherSignatureIsInvalid) {
  const auto judgement = judge_server_key(encode(testing::rsa_server().proprietary));
  EXPECT_EQ(judgement.form, record::ServerKeyJudgement::Form::kProprietary);
  EXPECT_EQ(judgement.signature, record::ServerKeyJudgement::Signature::kInvalid);
  EXPECT_EQ(judgement.key_bits, 1024u);
  EXPECT_FALSE(judgement.is_published);
}

TEST(ServerKey, OctetsThatAreNoCertificateAreNotJudged) {
  EXPECT_EQ(judge_server_key({}), record::ServerKeyJudgement{});
  EXPECT_EQ(judge_server_key(hex("02000000 02000000 01000000 00 01000000 00")),
            (record::ServerKeyJudgement{.form = record::ServerKeyJudgement::Form::kX509}));
}

TEST(ServerKey, ACertificateSeenBeforeIsNotReadAgainAndReadsTheSameWithoutAMemory) {
  ServerKeyCache cache(1);
  ServerKeyCache none(0);
  const auto certificate = encode(testing::rsa_server().proprietary);
  auto other = certificate;
  other[40] ^= 1;
  const auto first = cache.read(certificate);
  EXPECT_EQ(cache.read(certificate), first);
  EXPECT_NE(none.read(certificate), none.read(certificate));
  EXPECT_NE(cache.read(other), first);  // and the first one makes room
  EXPECT_NE(cache.read(certificate), first);
  for (const auto& octets : {certificate, other, Bytes{}}) {
    EXPECT_EQ(cache.read(octets)->judgement, judge_server_key(octets));
    EXPECT_EQ(none.read(octets)->judgement, judge_server_key(octets));
  }
}

TEST(ServerKey, AKeyThatIsTooSmallEncryptsNothing) {
  rdp::ProprietaryServerCertificate certificate;
  certificate.public_key.modulus = Bytes(16, 0xFF);
  certificate.public_key.public_exponent = 65537;
  EXPECT_FALSE(encrypt_to_server({.form = certificate}, Secret(kClientRandom)).has_value());
}

// --------------------------------------------------------------------------- the opener

struct Exchange {
  Bytes certificate = encode(testing::rsa_server().proprietary);
  Bytes encrypted =
      encrypt_to_server(testing::rsa_server().proprietary, Secret(kClientRandom)).value();
};

bool opens(record::SessionOpener& opener, const Exchange& exchange) {
  opener.server_security(2, kServerRandom, exchange.certificate);
  if (!opener.security_exchange(exchange.encrypted)) return false;
  const auto sealed = session(2).seal(Side::kClient, base::as_bytes("said"), false);
  const auto opened = opener.open(as_received(sealed, Side::kClient, false));
  return opened && opened->plaintext == base::to_bytes(base::as_bytes("said"));
}

TEST(SessionOpener, OpensWithTheServersKey) {
  RsaPrivateKeys keys;
  ASSERT_TRUE(keys.add_rdp_keys(testing::rsa_server().rsakeys_ini).has_value());
  EXPECT_TRUE(opens(*make_session_opener({.private_keys = &keys}), Exchange{}));
}

TEST(SessionOpener, OpensWhatWeSendOurselvesAndTellsTheLineThatOpensTheCapture) {
  const Secret ours(kClientRandom);
  KeyLog log;
  const auto live = make_session_opener(
      {.client_random = &ours, .on_secret = [&](std::string_view line) { log.add(line); }});
  EXPECT_TRUE(opens(*live, Exchange{}));
  EXPECT_EQ(log.size(), 1u);
  EXPECT_TRUE(opens(*make_session_opener({.key_log = &log}), Exchange{}));
}

TEST(SessionOpener, ARandomThatWasNotSentOpensNothing) {
  const Secret other(Bytes(32, 0x77));
  bool told = false;
  const auto opener = make_session_opener(
      {.client_random = &other, .on_secret = [&](std::string_view) { told = true; }});
  EXPECT_FALSE(opens(*opener, Exchange{}));
  EXPECT_FALSE(told);
  const auto sealed = session(2).seal(Side::kClient, base::as_bytes("said"), false);
  EXPECT_EQ(opener->open(as_received(sealed, Side::kClient, false)).error(), Refusal::kNoKeys);
}

TEST(SessionOpener, AMethodThatNobodyKnowsIsUnsupported) {
  RsaPrivateKeys keys;
  ASSERT_TRUE(keys.add_rdp_keys(testing::rsa_server().private_pem).has_value());
  const auto opener = make_session_opener({.private_keys = &keys});
  const Exchange exchange;
  opener->server_security(0x20, kServerRandom, exchange.certificate);
  EXPECT_FALSE(opener->security_exchange(exchange.encrypted));
  EXPECT_EQ(opener->open({}).error(), Refusal::kUnsupported);
}

TEST(SessionOpener, DamageBreaksNoInvariant) {
  const Exchange exchange;
  Bytes octets{2};
  octets.insert(octets.end(), kServerRandom.begin(), kServerRandom.end());
  auto certificate = exchange.certificate;
  certificate.resize((certificate.size() + 3) / 4 * 4);
  octets.push_back(static_cast<std::uint8_t>(certificate.size() / 4));
  octets.insert(octets.end(), certificate.begin(), certificate.end());
  octets.push_back(static_cast<std::uint8_t>(exchange.encrypted.size()));
  octets.insert(octets.end(), exchange.encrypted.begin(), exchange.encrypted.end());
  octets.resize(octets.size() + 64, 9);
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    oracle::check_session_opener(ByteSpan(octets).first(at));
    octets[at] ^= 0xFF;
    oracle::check_session_opener(octets);
    octets[at] ^= 0xFF;
  }
}

// ----------------------------------------------------------------------- licensing's keys

TEST(LicensingKeys, BlobsAreTheSameBothWays) {
  const auto keys = LicensingKeys::derive(Secret(Bytes(48, 1)), kClientRandom, kServerRandom);
  ASSERT_TRUE(keys.has_value());
  const Bytes said{1, 2, 3, 4, 5};
  EXPECT_NE(keys->transform(said), said);
  EXPECT_EQ(keys->transform(keys->transform(said)), said);
  EXPECT_NE(keys->mac(said), keys->mac({}));
}

// ------------------------------------------------- vectors beside the project, not part of it

json shared(const char* name) {
  const char* folder = std::getenv("RDPWHY_SHARED");
  const auto path =
      (folder != nullptr ? std::filesystem::path(folder)
                         : std::filesystem::path(RDPWHY_SOURCE_DIR) / ".." / "shared") /
      "vectors" / name;
  if (!std::filesystem::exists(path)) return {};
  std::ifstream in(path);
  return json::parse(in);
}

const json* vector_of(const json& file, const std::string& id) {
  for (const auto& vector : file["vectors"])
    if (vector["id"] == id) return &vector;
  return nullptr;
}

TEST(SharedStandardSecurity, KeysAndFirstPayloadsOfRealSessions) {
  const auto file = shared("standard_security.json");
  if (file.is_null()) GTEST_SKIP() << "skipped: no shared vectors";
  std::size_t opened = 0;
  for (const auto& vector : file["vectors"]) {
    const auto id = vector["id"].get<std::string>();
    if (!id.starts_with("session-keys-")) continue;
    SCOPED_TRACE(id);
    const auto& in = vector["inputs"];
    auto keys =
        StandardSecurity::derive(in["method"].get<std::uint32_t>(),
                                 Secret(hex(in["client_random"])), hex(in["server_random"]));
    ASSERT_TRUE(keys.has_value());
    EXPECT_EQ(digits(keys->mac_key()), vector["expect"]["mac_key"]);
    EXPECT_EQ(digits(keys->initial_key(Side::kClient)), vector["expect"]["client_to_server_key"]);
    EXPECT_EQ(digits(keys->initial_key(Side::kServer)), vector["expect"]["server_to_client_key"]);
    for (const auto side : {Side::kClient, Side::kServer}) {
      const auto* first = vector_of(
          file, fmt::format("first-encrypted-{}-{}", record::name_of(side), id.substr(13)));
      ASSERT_NE(first, nullptr);
      const auto& payload = (*first)["inputs"];
      const auto flags = std::stoul(payload["sec_flags"].get<std::string>(), nullptr, 16);
      const auto signature = hex(payload["mac"]);
      const auto data = hex(payload["ciphertext"]);
      const auto plaintext = keys->open(
          {.side = side, .salted = (flags & 0x0800) != 0, .signature = signature, .data = data});
      ASSERT_TRUE(plaintext.has_value());
      EXPECT_TRUE(plaintext->mac_fits);
      EXPECT_EQ(base::to_hex(plaintext->plaintext), (*first)["expect"]["plaintext"]);
      ++opened;
    }
  }
  EXPECT_GE(opened, 6u);
}

TEST(SharedStandardSecurity, TheBuiltInKeyOpensItsSessionsWithoutAFile) {
  const auto file = shared("standard_security.json");
  if (file.is_null()) GTEST_SKIP() << "skipped: no shared vectors";
  std::size_t seen = 0;
  for (const auto& vector : file["vectors"]) {
    if (vector.value("note", "").find("hard-coded-rsa-key-pair") == std::string::npos) continue;
    const auto& in = vector["inputs"];
    rdp::ProprietaryServerCertificate certificate;
    certificate.public_key = {.bit_length = 512,
                              .data_length = 63,
                              .public_exponent = 65537,
                              .modulus = base::to_bytes(published_modulus())};
    certificate.public_key.modulus.resize(72);
    const auto opener = make_session_opener({});
    const auto judgement = opener->server_security(
        1, hex(in["server_random"]), encode(rdp::ServerCertificate{.form = certificate}));
    EXPECT_TRUE(judgement.is_published);
    EXPECT_TRUE(opener->security_exchange(hex(in["encrypted_client_random"])));
    ++seen;
  }
  EXPECT_EQ(seen, 2u);
}

TEST(SharedStandardSecurity, CertificatesOfRealServersAreSignedWithTheSigningKey) {
  const auto file = shared("standard_security.json");
  if (file.is_null()) GTEST_SKIP() << "skipped: no shared vectors";
  std::size_t seen = 0;
  for (const auto& vector : file["vectors"]) {
    if (!vector["id"].get<std::string>().starts_with("proprietary-certificate-")) continue;
    const auto& expected = vector["expect"];
    auto octets = hex(vector["hex"]);
    auto judgement = judge_server_key(octets);
    EXPECT_EQ(judgement.signature == record::ServerKeyJudgement::Signature::kValid,
              expected["signature_valid"].get<bool>());
    EXPECT_EQ(judgement.key_bits, expected["bits"].get<std::uint32_t>());
    octets[40] ^= 1;
    judgement = judge_server_key(octets);
    EXPECT_EQ(judgement.signature, record::ServerKeyJudgement::Signature::kInvalid);
    ++seen;
  }
  EXPECT_GE(seen, 2u);
}

TEST(SharedStandardSecurity, ALicensingMacIsThatOfTheVector) {
  const auto file = shared("standard_security.json");
  if (file.is_null()) GTEST_SKIP() << "skipped: no shared vectors";
  const auto* vector = vector_of(file, "licensing-mac");
  ASSERT_NE(vector, nullptr);
  const auto& in = (*vector)["inputs"];
  EXPECT_EQ(base::to_hex(licensing_mac(Secret(hex(in["mac_salt_key"])), hex(in["data"]))),
            (*vector)["expect"]["mac"]);
}

const rdp::LicensingPdu* pdu_of(const std::vector<rdp::LicensingPdu>& exchange,
                                rdp::LicensingType type) {
  for (const auto& pdu : exchange)
    if (pdu.type == static_cast<std::uint8_t>(type)) return &pdu;
  return nullptr;
}

TEST(SharedStandardSecurity, LicensingExchangesOfRealServersOpen) {
  const auto file = shared("licensing.json");
  if (file.is_null()) GTEST_SKIP() << "skipped: no shared vectors";
  std::size_t challenges = 0;
  std::size_t licenses = 0;
  for (const auto& vector : file["vectors"]) {
    const auto id = vector["id"].get<std::string>();
    if (!id.ends_with("-keys")) continue;
    SCOPED_TRACE(id);
    const auto stem = id.substr(0, id.size() - 4);
    std::vector<rdp::LicensingPdu> exchange;
    for (const auto& other : file["vectors"]) {
      if (!other.contains("hex") || !other["id"].get<std::string>().starts_with(stem)) continue;
      const auto octets = hex(other["hex"]);
      exchange.push_back(rdp::decode_licensing(ByteSpan(octets).subspan(4)).value());
    }
    const auto* request = pdu_of(exchange, rdp::LicensingType::kLicenseRequest);
    ASSERT_NE(request, nullptr);
    // That client sends zeros for its random and its premaster secret.
    const auto keys =
        LicensingKeys::derive(Secret(Bytes(48)), Bytes(32), request->request()->server_random);
    ASSERT_TRUE(keys.has_value());
    EXPECT_EQ(digits(keys->encryption_key()), vector["expect"]["licensing_encryption_key"]);
    EXPECT_EQ(digits(keys->mac_salt_key()), vector["expect"]["mac_salt_key"]);
    if (const auto* pdu = pdu_of(exchange, rdp::LicensingType::kPlatformChallenge)) {
      const auto& challenge = std::get<rdp::PlatformChallenge>(pdu->message);
      EXPECT_EQ(keys->mac(keys->transform(challenge.encrypted_challenge.octets)), challenge.mac);
      ++challenges;
    }
    if (const auto* pdu = pdu_of(exchange, rdp::LicensingType::kNewLicense)) {
      const auto& license = std::get<rdp::IssuedLicense>(pdu->message);
      const auto said = keys->transform(license.encrypted_license_info.octets);
      EXPECT_EQ(keys->mac(said), license.mac);
      const auto information = rdp::decode_new_license_information(said);
      ASSERT_TRUE(information.has_value()) << information.error().message();
      EXPECT_EQ(information->scope, "microsoft.com");
      EXPECT_EQ(information->product_id, "A02");
      EXPECT_EQ(encode(*information), said);
      ++licenses;
    }
    // Keys of licensing certificates stand under the identifier of a signature algorithm.
    const auto& certificate = request->request()->server_certificate.octets;
    if (certificate.empty()) continue;
    const auto judgement = judge_server_key(certificate);
    EXPECT_GE(judgement.key_bits, 512u);
    EXPECT_NE(judgement.signature, record::ServerKeyJudgement::Signature::kInvalid);
    EXPECT_TRUE(
        encrypt_to_server(rdp::decode_server_certificate(certificate).value(), Secret(Bytes(48, 1)))
            .has_value());
  }
  EXPECT_GE(challenges, 3u);
  EXPECT_GE(licenses, 1u);
}

}  // namespace
}  // namespace rdpwhy::crypto
