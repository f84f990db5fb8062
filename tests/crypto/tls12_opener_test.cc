// Connections of OpenSSL's own, opened: every suite and version that it has, every source of
// secrets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "crypto/openssl_pair.h"
#include "crypto/record_sealer.h"
#include "crypto/tls_witness.h"

namespace rdpwhy::crypto {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Refusal = record::RecordOpener::Refusal;

TlsWitness witnessed(const Wire& wire, const OpeningSecrets& secrets) {
  TlsWitness witness(secrets);
  for (const auto& flight : wire) witness.read(flight.side, flight.octets);
  return witness;
}

/// Both sides talk, in records small and large, and leave in order.
void converse(OpensslPair& pair) {
  pair.say(Side::kClient, "to the server.");
  pair.say(Side::kServer, "to the client.");
  pair.say(Side::kClient, std::string(20'000, '!'));
  pair.say(Side::kServer, std::string(15'999, '?'));
  for (std::size_t size = 1; size < 40; ++size) pair.say(Side::kClient, std::string(size, 'p'));
  pair.close(Side::kClient);
  pair.close(Side::kServer);
}

void expect_all_opened(const OpensslPair& pair, const TlsWitness& witness) {
  EXPECT_THAT(witness.client.refusals, IsEmpty());
  EXPECT_THAT(witness.server.refusals, IsEmpty());
  EXPECT_TRUE(witness.client.text == pair.read_by(Side::kServer));
  EXPECT_TRUE(witness.server.text == pair.read_by(Side::kClient));
  EXPECT_GT(witness.client.text.size(), 20'000u);
  EXPECT_THAT(witness.client.opened_types, Contains(20));
  EXPECT_THAT(witness.server.opened_types, Contains(20));
  EXPECT_THAT(witness.client.alerts, ElementsAre(Bytes{1, 0}));
  EXPECT_THAT(witness.server.alerts, ElementsAre(Bytes{1, 0}));
}

/// The suites of OpenSSL whose certificates we can make, with their first version.
std::vector<std::pair<std::string, std::uint16_t>> suites_of_openssl() {
  const SslContextPtr context(SSL_CTX_new_ex(library_context(), nullptr, TLS_client_method()));
  SSL_CTX_set_cipher_list(context.get(), "ALL:COMPLEMENTOFALL:@SECLEVEL=0");
  std::vector<std::pair<std::string, std::uint16_t>> suites;
  const auto* list = SSL_CTX_get_ciphers(context.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(list); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(list, i);
    const std::string name = SSL_CIPHER_get_name(cipher);
    const std::string version = SSL_CIPHER_get_version(cipher);
    if (version == "TLSv1.3" || name.find("DSS") != std::string::npos ||
        name.find("SRP") != std::string::npos) {
      continue;
    }
    suites.emplace_back(name, version == "TLSv1.2" ? TLS1_2_VERSION : TLS1_VERSION);
  }
  return suites;
}

class EveryVersion : public ::testing::TestWithParam<std::uint16_t> {};

TEST_P(EveryVersion, EverySuiteOfOpensslIsOpened) {
  std::size_t opened = 0;
  for (const auto& [suite, first_version] : suites_of_openssl()) {
    if (GetParam() < first_version) continue;
    SCOPED_TRACE(suite);
    const bool ecdsa = suite.find("ECDSA") != std::string::npos;
    OpensslPair pair(
        {.version = GetParam(),
         .suites = suite,
         .key = ecdsa ? CertificateRecipe::Key::kEcP256 : CertificateRecipe::Key::kRsa2048});
    ASSERT_TRUE(pair.connect());
    converse(pair);
    KeyLog log;
    log.add(pair.key_log());
    expect_all_opened(pair, witnessed(pair.wire(), log));
    if (HasFailure()) return;
    ++opened;
  }
  EXPECT_GT(opened, GetParam() == TLS1_2_VERSION ? 120u : 50u);
}

TEST_P(EveryVersion, CbcIsOpenedWithItsMacInsideAndOutside) {
  for (const auto* suite : {"AES128-SHA", "CAMELLIA256-SHA", "ECDHE-RSA-AES256-SHA"}) {
    for (const bool encrypt_then_mac : {false, true}) {
      SCOPED_TRACE(suite);
      OpensslPair pair({.version = GetParam(),
                        .suites = suite,
                        .encrypt_then_mac = encrypt_then_mac,
                        .empty_fragments = true});
      ASSERT_TRUE(pair.connect());
      converse(pair);
      KeyLog log;
      log.add(pair.key_log());
      const auto witness = witnessed(pair.wire(), log);
      expect_all_opened(pair, witness);
      // TLS 1.0 hides the next IV behind an empty record, once for what is written at once.
      EXPECT_EQ(witness.client.data_records, GetParam() == TLS1_VERSION ? 83u : 42u);
    }
  }
}

std::string only(std::string_view label, const std::string& log) {
  std::string out;
  for (std::size_t at = 0; at < log.size();) {
    const auto end = log.find('\n', at);
    const auto line = std::string_view(log).substr(at, end - at);
    if (line.starts_with(label)) out += std::string(line) + "\n";
    at = end + 1;
  }
  return out;
}

TEST_P(EveryVersion, ARsaKeyOpensWhatWasEncryptedToIt) {
  for (const bool extended : {false, true}) {
    SCOPED_TRACE(extended);
    OpensslPair pair(
        {.version = GetParam(), .suites = "AES256-SHA", .extended_master_secret = extended});
    ASSERT_TRUE(pair.connect());
    converse(pair);
    const KeyLog none;
    RsaPrivateKeys keys;
    const auto other = make_self_signed({.key = CertificateRecipe::Key::kRsa1024});
    ASSERT_TRUE(other && keys.add(other->private_key_pem));
    EXPECT_GT(witnessed(pair.wire(), {none, &keys, nullptr}).refusals(), 0u);
    ASSERT_TRUE(keys.add(pair.private_key_pem()));
    expect_all_opened(pair, witnessed(pair.wire(), {none, &keys, nullptr}));

    KeyLog premasters;
    premasters.add(only("RSA ", pair.key_log()));
    ASSERT_EQ(premasters.size(), 1u);
    expect_all_opened(pair, witnessed(pair.wire(), premasters));

    // The same secret by the client random, as Wireshark writes it.
    const auto by_cipher = only("RSA ", pair.key_log());
    const auto by_random = only("CLIENT_RANDOM ", pair.key_log());
    KeyLog by_name;
    ASSERT_EQ(by_name.add("PMS_" + by_random.substr(0, by_random.rfind(' ')) +
                          by_cipher.substr(by_cipher.rfind(' '))),
              1u);
    expect_all_opened(pair, witnessed(pair.wire(), by_name));
  }
}

TEST_P(EveryVersion, ASessionIsResumedByItsIdAndByItsTicket) {
  for (const bool tickets : {false, true}) {
    SCOPED_TRACE(tickets);
    OpensslPair pair({.version = GetParam(), .suites = "AES128-SHA", .tickets = tickets});
    ASSERT_TRUE(pair.connect());
    converse(pair);
    const auto first = pair.wire();
    SSL_SESSION* session = SSL_get1_session(pair.client());
    ASSERT_TRUE(pair.connect(session));
    SSL_SESSION_free(session);
    ASSERT_TRUE(pair.was_resumed());
    pair.say(Side::kClient, "resumed");

    const KeyLog none;
    RsaPrivateKeys keys;
    ASSERT_TRUE(keys.add(pair.private_key_pem()));
    EXPECT_GT(witnessed(pair.wire(), {none, &keys, nullptr}).refusals(), 0u);
    SessionMemory memory;
    const OpeningSecrets secrets(none, &keys, &memory);
    EXPECT_EQ(witnessed(first, secrets).refusals(), 0u);
    EXPECT_EQ(memory.size(), 1u);
    const auto witness = witnessed(pair.wire(), secrets);
    EXPECT_EQ(witness.refusals(), 0u);
    EXPECT_EQ(witness.client.text, "resumed");
    EXPECT_THAT(witness.client.opened_types, ElementsAre(20));
  }
}

TEST_P(EveryVersion, ARenegotiationChangesTheKeysOfEachSideInItsTurn) {
  for (const bool extended : {false, true}) {
    OpensslPair pair(
        {.version = GetParam(), .suites = "AES128-SHA", .extended_master_secret = extended});
    ASSERT_TRUE(pair.connect());
    pair.say(Side::kClient, "before");
    ASSERT_TRUE(pair.renegotiate());
    pair.say(Side::kServer, "between");
    ASSERT_TRUE(pair.renegotiate());
    converse(pair);

    KeyLog log;
    log.add(pair.key_log());
    const auto witness = witnessed(pair.wire(), log);
    expect_all_opened(pair, witness);
    EXPECT_EQ(std::ranges::count(witness.client.opened_types, 20), 3);
    EXPECT_THAT(witness.client.opened_types, Contains(1));   // ClientHello
    EXPECT_THAT(witness.server.opened_types, Contains(11));  // Certificate

    const KeyLog none;
    RsaPrivateKeys keys;
    ASSERT_TRUE(keys.add(pair.private_key_pem()));
    SessionMemory memory;
    expect_all_opened(pair, witnessed(pair.wire(), {none, &keys, &memory}));
  }
}

INSTANTIATE_TEST_SUITE_P(Tls12Opener, EveryVersion,
                         ::testing::Values(TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION));

TEST(Tls12Opener, CiphersThatNobodyNegotiatesAnyMoreAreOpened) {
  if (legacy_context() == nullptr) GTEST_SKIP() << "skipped: no legacy provider";
  struct Case {
    std::uint16_t suite;
    const char* name;
  };
  for (const auto& [suite, name] :
       {Case{0x0004, "RC4 and MD5"}, Case{0x0005, "RC4 and SHA-1"}, Case{0x000A, "3DES"},
        Case{0x0009, "DES"}, Case{0x0096, "SEED"}, Case{0xC012, "3DES under ECDHE"}}) {
    for (const int version : {0x0301, 0x0302, 0x0303}) {
      SCOPED_TRACE(name);
      KeyLog log;
      log.add("CLIENT_RANDOM " + std::string(64, '0') + " " + std::string(96, '1'));
      tls::ServerHello hello;
      hello.legacy_version = static_cast<std::uint16_t>(version);
      hello.cipher_suite = suite;
      RecordSealer sealer({.suite = suite, .version = hello.legacy_version, .side = Side::kServer},
                          Bytes(48, 0x11), tls::Random{}, hello.random);
      ASSERT_TRUE(sealer.is_known());
      const auto opener = make_record_opener(log, {}, hello);
      opener->change_cipher_spec(Side::kServer);
      for (const auto* text : {"first", "", "third"}) {
        const auto opened = opener->open(Side::kServer, sealer.seal(23, base::as_bytes(text)));
        ASSERT_TRUE(opened);
        EXPECT_EQ(base::as_text(opened->plaintext), text);
      }
    }
  }
}

// --- secrets that are not there, or wrong -------------------------------------------------------

class Gcm : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pair_.connect());
    converse(pair_);
  }
  OpensslPair pair_{OpensslPair::Setup{.suites = "ECDHE-RSA-AES128-GCM-SHA256"}};
};

/// The last digit of each secret is another one.
std::string spoiled(std::string lines) {
  for (std::size_t end = lines.find('\n'); end != std::string::npos;
       end = lines.find('\n', end + 1))
    lines[end - 1] = lines[end - 1] == '0' ? '1' : '0';
  return lines;
}

TEST(Tls12Opener, OfMasterSecretsThatDisagreeTheOneThatOpensARecordIsUsed) {
  // GCM counts records, CBC of TLS 1.0 chains them: each rival has to keep in step.
  for (const auto& setup : {OpensslPair::Setup{.suites = "ECDHE-RSA-AES128-GCM-SHA256"},
                            OpensslPair::Setup{.version = TLS1_VERSION, .suites = "AES128-SHA"}}) {
    for (const bool wrong_last : {false, true}) {
      OpensslPair pair(setup);
      ASSERT_TRUE(pair.connect());
      converse(pair);
      const auto right = only("CLIENT_RANDOM ", pair.key_log());
      KeyLog log;
      log.add(wrong_last ? right + spoiled(right) : spoiled(right) + right);
      ASSERT_EQ(log.size(), 2u);
      SessionMemory memory;
      expect_all_opened(pair, witnessed(pair.wire(), {log, nullptr, &memory}));
    }
  }
}

TEST(Tls12Opener, OfPremasterSecretsThatDisagreeTheRightOneIsUsedAndResumedWith) {
  OpensslPair pair({.suites = "AES128-SHA"});
  ASSERT_TRUE(pair.connect());
  converse(pair);
  const auto first = pair.wire();
  const auto right = only("RSA ", pair.key_log());
  KeyLog log;
  log.add(right + spoiled(right));
  ASSERT_EQ(log.size(), 2u);
  SSL_SESSION* session = SSL_get1_session(pair.client());
  ASSERT_TRUE(pair.connect(session));
  SSL_SESSION_free(session);
  ASSERT_TRUE(pair.was_resumed());
  SessionMemory memory;
  EXPECT_EQ(witnessed(first, {log, nullptr, &memory}).refusals(), 0u);
  EXPECT_EQ(witnessed(pair.wire(), {log, nullptr, &memory}).refusals(), 0u);
}

TEST(Tls12Opener, AKeyFitsItsOwnCertificateOnly) {
  const auto made = make_self_signed({.key = CertificateRecipe::Key::kRsa2048});
  const auto other = make_self_signed({.key = CertificateRecipe::Key::kEcP256});
  ASSERT_TRUE(made && other);
  const auto der_of = [](const std::string& pem) {
    const auto chain = read_pem_certificates(pem);
    Bytes der(static_cast<std::size_t>(i2d_X509(chain->front().get(), nullptr)));
    auto* to = der.data();
    i2d_X509(chain->front().get(), &to);
    return der;
  };
  RsaPrivateKeys keys;
  EXPECT_FALSE(keys.fit(der_of(made->certificate_pem)));
  ASSERT_TRUE(keys.add(made->private_key_pem));
  EXPECT_TRUE(keys.fit(der_of(made->certificate_pem)));
  EXPECT_FALSE(keys.fit(der_of(other->certificate_pem)));
  EXPECT_FALSE(keys.fit({}));
  EXPECT_FALSE(keys.fit(Bytes(500, 0x30)));
}

TEST_F(Gcm, WithoutSecretsEveryRecordWaits) {
  const auto witness = witnessed(pair_.wire(), KeyLog());
  EXPECT_THAT(witness.client.refusals, Each(Refusal::kNoSecrets));
  EXPECT_THAT(witness.server.refusals, Each(Refusal::kNoSecrets));
  EXPECT_GT(witness.client.refusals.size(), 40u);
  EXPECT_THAT(witness.client.text, IsEmpty());
}

TEST_F(Gcm, AWrongMasterSecretOpensNothing) {
  auto text = only("CLIENT_RANDOM", pair_.key_log());
  auto& digit = text.at(text.size() - 2);  // of the secret
  digit = digit == '0' ? '1' : '0';
  KeyLog log;
  ASSERT_EQ(log.add(text), 1u);
  const auto witness = witnessed(pair_.wire(), log);
  EXPECT_THAT(witness.client.refusals, Each(Refusal::kBadRecord));
  EXPECT_THAT(witness.client.text, IsEmpty());
  EXPECT_THAT(witness.server.text, IsEmpty());
}

TEST_F(Gcm, ASecretOfAnotherLengthIsNone) {
  auto text = only("CLIENT_RANDOM", pair_.key_log());
  text.resize(text.size() - 3);
  KeyLog log;
  ASSERT_EQ(log.add(text), 1u);
  EXPECT_THAT(witnessed(pair_.wire(), log).client.refusals, Each(Refusal::kNoSecrets));
}

TEST_F(Gcm, ADamagedRecordCostsItselfAlone) {
  KeyLog log;
  log.add(pair_.key_log());
  auto wire = pair_.wire();
  for (auto& flight : wire) {
    if (flight.side == Side::kClient && flight.octets[0] == 23) {
      flight.octets.back() ^= 1;
      break;
    }
  }
  const auto witness = witnessed(wire, log);
  EXPECT_THAT(witness.client.refusals, ElementsAre(Refusal::kBadRecord));
  EXPECT_THAT(pair_.read_by(Side::kServer), ::testing::EndsWith(witness.client.text));
}

TEST_F(Gcm, AKeyOfTheServerDoesNotHelpWhereTheSecretIsNotEncryptedToIt) {
  const KeyLog none;
  RsaPrivateKeys keys;
  ASSERT_TRUE(keys.add(pair_.private_key_pem()));
  EXPECT_THAT(witnessed(pair_.wire(), {none, &keys, nullptr}).client.refusals,
              Each(Refusal::kNoSecrets));
}

TEST(Tls12Opener, WhatIsNotOpenedSaysWhyOnceTheSecretIsThere) {
  tls::ServerHello hello;
  hello.legacy_version = 0x0303;
  hello.cipher_suite = 0xC02F;
  const Bytes record = {23, 3, 3, 0, 1, 0};
  KeyLog log;
  log.add("CLIENT_RANDOM " + std::string(64, '0') + " " + std::string(96, '0'));
  struct Case {
    std::uint16_t suite;
    std::uint8_t compression;
    const char* why;
  };
  for (const auto& [suite, compression, why] :
       {Case{0xC02F, 1, "compressed"}, Case{0x0003, 0, "cipher suite"},
        Case{0xCC13, 0, "cipher suite"}, Case{0xE411, 0, "cipher suite"}}) {
    hello.cipher_suite = suite;
    hello.compression_method = compression;
    const KeyLog none;
    const auto waiting = make_record_opener(none, {}, hello);
    waiting->change_cipher_spec(Side::kClient);
    EXPECT_EQ(waiting->open(Side::kClient, record).error(), Refusal::kNoSecrets);
    EXPECT_THAT(std::string(waiting->obstacle()), IsEmpty());
    const auto opener = make_record_opener(log, {}, hello);
    opener->change_cipher_spec(Side::kClient);
    EXPECT_EQ(opener->open(Side::kClient, record).error(), Refusal::kUnsupported);
    EXPECT_THAT(std::string(opener->obstacle()), HasSubstr(why));
  }
}

TEST(Tls12Opener, ARecordBeforeChangeCipherSpecComesBackAsItIs) {
  tls::ServerHello hello;
  hello.legacy_version = 0x0303;
  hello.cipher_suite = 0xC02F;
  const KeyLog none;
  const auto opener = make_record_opener(none, {}, hello);
  const auto opened = opener->open(Side::kServer, Bytes{21, 3, 3, 0, 2, 2, 40});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->content_type, 21);
  EXPECT_EQ(opened->plaintext, (Bytes{2, 40}));
}

// --- private keys -------------------------------------------------------------------------------

TEST(RsaPrivateKeys, WhatCannotHelpIsRefusedInPlainWords) {
  RsaPrivateKeys keys;
  EXPECT_THAT(keys.add("").error().text, HasSubstr("no private key"));
  const auto ec = make_self_signed({.key = CertificateRecipe::Key::kEcP256});
  ASSERT_TRUE(ec);
  EXPECT_THAT(keys.add(ec->certificate_pem).error().text, HasSubstr("no private key"));
  EXPECT_THAT(keys.add(ec->private_key_pem).error().text, HasSubstr("EC"));
  EXPECT_THAT(keys.add("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
                  .error()
                  .text,
              HasSubstr("not a readable private key"));
  EXPECT_TRUE(keys.empty());
}

/// The key again in another wrapping.
std::string written(const std::string& pem, bool pkcs8, const char* passphrase) {
  const auto key = read_pem_private_key(pem);
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const CipherPtr cipher(EVP_CIPHER_fetch(library_context(), "AES-128-CBC", nullptr));
  const auto* locks = passphrase == nullptr ? nullptr : cipher.get();
  char* mutable_passphrase = const_cast<char*>(passphrase);
  const int good = pkcs8
                       ? PEM_write_bio_PKCS8PrivateKey(bio.get(), key->get(), locks, nullptr, 0,
                                                       nullptr, mutable_passphrase)
                       : PEM_write_bio_PrivateKey_traditional(bio.get(), key->get(), locks, nullptr,
                                                              0, nullptr, mutable_passphrase);
  EXPECT_EQ(good, 1);
  std::string out(BIO_ctrl_pending(bio.get()), 0);
  BIO_read(bio.get(), out.data(), static_cast<int>(out.size()));
  return out;
}

TEST(RsaPrivateKeys, EveryWrappingIsReadAndAPassphraseIsNotAskedFor) {
  const auto made = make_self_signed({.key = CertificateRecipe::Key::kRsa2048});
  ASSERT_TRUE(made);
  for (const bool pkcs8 : {false, true}) {
    RsaPrivateKeys keys;
    EXPECT_TRUE(keys.add(made->certificate_pem + written(made->private_key_pem, pkcs8, nullptr)));
    const auto locked = keys.add(written(made->private_key_pem, pkcs8, "secret"));
    ASSERT_FALSE(locked);
    EXPECT_THAT(locked.error().text, HasSubstr("passphrase"));
    EXPECT_THAT(locked.error().text, Not(HasSubstr("secret")));
  }
}

TEST(RsaPrivateKeys, WhatWasNotEncryptedToTheKeyGivesNoSecret) {
  const auto made = make_self_signed({.key = CertificateRecipe::Key::kRsa1024});
  ASSERT_TRUE(made);
  RsaPrivateKeys keys;
  ASSERT_TRUE(keys.add(made->private_key_pem));
  const auto certificates = read_pem_certificates(made->certificate_pem);
  ASSERT_TRUE(certificates);
  const auto der = der_of(certificates->front().get());
  for (const std::size_t size : {0u, 1u, 127u, 128u, 129u, 2048u}) {
    for (int fill = 0; fill < 256; fill += 51) {
      EXPECT_FALSE(keys.premaster(der, Bytes(size, static_cast<std::uint8_t>(fill)))) << size;
    }
  }
  EXPECT_FALSE(keys.premaster({}, Bytes(128, 1)));
  EXPECT_FALSE(keys.premaster(Bytes(500, 0x30), Bytes(128, 1)));
}

// --- sessions -----------------------------------------------------------------------------------

TEST(SessionMemory, TheOldestGoFirst) {
  SessionMemory memory;
  const auto name_of = [](std::size_t i) {
    return SessionMemory::of_session_id(base::as_bytes(std::to_string(i)));
  };
  for (std::size_t i = 0; i < SessionMemory::kMostSessions + 10; ++i)
    memory.remember(name_of(i), Bytes(48, static_cast<std::uint8_t>(i)));
  EXPECT_EQ(memory.size(), SessionMemory::kMostSessions);
  EXPECT_FALSE(memory.master_secret(name_of(9)));
  ASSERT_TRUE(memory.master_secret(name_of(10)));
  memory.remember(name_of(10), Bytes(48, 0xAA));
  EXPECT_EQ((*memory.master_secret(name_of(10)))[0], 0xAA);
  EXPECT_EQ(memory.size(), SessionMemory::kMostSessions);
  EXPECT_FALSE(memory.master_secret(SessionMemory::of_ticket(base::as_bytes("10"))));
}

}  // namespace
}  // namespace rdpwhy::crypto
