#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "crypto/certificate_files.h"
#include "crypto/tls_pair.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/certificate.h"

namespace rdpwhy::crypto {
namespace {

using record::CertificateFacts;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CertificateFacts made(const CertificateRecipe& recipe) {
  const auto certificate = make_self_signed(recipe);
  EXPECT_TRUE(certificate) << certificate.error().text;
  return read_certificate(der_blocks(certificate->certificate_pem).at(0));
}

TEST(ReadCertificate, SaysWhatTheRecipeSaid) {
  auto recipe = recipe_for_tests();
  recipe.ip_addresses = {"192.0.2.7", "2001:db8::1"};
  recipe.extended_key_usage = {"serverAuth", "1.3.6.1.4.1.311.54.1.2"};
  const auto facts = made(recipe);
  EXPECT_THAT(facts.error, IsEmpty());
  EXPECT_THAT(facts.notes, IsEmpty());
  EXPECT_EQ(facts.subject, "CN = host.lab");
  EXPECT_EQ(facts.issuer, "CN = host.lab");
  EXPECT_EQ(facts.common_name, "host.lab");
  EXPECT_TRUE(facts.self_signed);
  EXPECT_TRUE(facts.subject_equals_issuer);
  EXPECT_EQ(facts.version, 3);
  EXPECT_EQ(facts.not_before, recipe.not_before);
  EXPECT_EQ(facts.not_after, recipe.not_after);
  EXPECT_EQ(facts.not_before_text, "2023-11-14T22:13:20Z");
  EXPECT_EQ(facts.key, (CertificateFacts::Key{"RSA", 2048, ""}));
  EXPECT_EQ(facts.signature_algorithm, "sha256WithRSAEncryption");
  EXPECT_EQ(facts.signature_digest, "SHA256");
  EXPECT_THAT(facts.dns_names, ElementsAre("host.lab"));
  EXPECT_THAT(facts.ip_addresses, ElementsAre("192.0.2.7", "2001:db8::1"));
  ASSERT_TRUE(facts.extended_key_usage);
  EXPECT_THAT(*facts.extended_key_usage, ElementsAre("serverAuth", "1.3.6.1.4.1.311.54.1.2"));
  EXPECT_EQ(facts.is_ca, false);
  EXPECT_FALSE(facts.key_usage);
  EXPECT_EQ(facts.serial.size(), 32u);
}

TEST(ReadCertificate, NamesKeysDigestsAndVersions) {
  using Key = CertificateRecipe::Key;
  auto recipe = recipe_for_tests();
  recipe.key = Key::kEcP256;
  auto facts = made(recipe);
  EXPECT_EQ(facts.key, (CertificateFacts::Key{"EC", 256, "prime256v1"}));
  EXPECT_EQ(facts.signature_algorithm, "ecdsa-with-SHA256");
  recipe.key = Key::kEd25519;
  facts = made(recipe);
  EXPECT_EQ(facts.key, (CertificateFacts::Key{"Ed25519", 256, ""}));
  EXPECT_EQ(facts.signature_digest, "");
  EXPECT_TRUE(facts.self_signed);
  recipe.key = Key::kRsa1024;
  recipe.digest = "MD5";
  recipe.version = 1;
  facts = made(recipe);
  EXPECT_EQ(facts.key.bits, 1024);
  EXPECT_EQ(facts.signature_algorithm, "md5WithRSAEncryption");
  EXPECT_EQ(facts.signature_digest, "MD5");
  EXPECT_TRUE(facts.self_signed);  // no security level gets in the way
  EXPECT_EQ(facts.version, 1);
  EXPECT_FALSE(facts.extended_key_usage);
  EXPECT_FALSE(facts.is_ca);
  recipe.digest = "SHA1";
  EXPECT_EQ(made(recipe).signature_digest, "SHA1");
}

TEST(ReadCertificate, AnIssuedOneIsNotSelfSigned) {
  const auto issued = make_issued(recipe_for_tests(), true);
  ASSERT_TRUE(issued);
  const auto chain = read_chain(issued->certificate_pem);
  ASSERT_EQ(chain.size(), 2u);
  EXPECT_FALSE(chain[0]->self_signed);
  EXPECT_EQ(chain[0]->issuer, "O = rdpwhy lab, CN = rdpwhy lab CA");
  EXPECT_TRUE(chain[1]->self_signed);
  EXPECT_EQ(chain[1]->is_ca, true);
  ASSERT_TRUE(chain[1]->key_usage);
  EXPECT_THAT(*chain[1]->key_usage, ElementsAre("keyCertSign", "cRLSign"));
}

TEST(ReadCertificate, LineEndsAndControlsInNamesAreEscaped) {
  auto recipe = recipe_for_tests();
  recipe.common_name = "a\r\nfake: line\x1b[31m \xe2\x80\xae \xc3\xa4\"x";
  recipe.dns_names.clear();
  const auto facts = made(recipe);
  for (const auto& text : {facts.subject, facts.issuer, facts.common_name}) {
    for (const char c : text) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << text;
    EXPECT_THAT(text, ::testing::Not(HasSubstr("\xe2\x80\xae"))) << text;
    EXPECT_THAT(text, HasSubstr("\xc3\xa4"));
  }
  EXPECT_THAT(facts.subject, HasSubstr("\\0D\\0A"));
}

TEST(ReadCertificate, SignatureAlgorithmsOfOiwAreNamed) {
  auto recipe = recipe_for_tests();
  recipe.digest = "SHA1";
  auto der = der_blocks(make_self_signed(recipe)->certificate_pem).at(0);
  // The outer sha1WithRSAEncryption (PKCS #1) becomes OIW's sha1WithRSA, four octets shorter.
  const Bytes pkcs = {0x30, 0x0D, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 5, 5, 0};
  const Bytes oiw = {0x30, 0x09, 6, 5, 0x2B, 0x0E, 3, 2, 0x1D, 5, 0};
  const auto at = std::find_end(der.begin(), der.end(), pkcs.begin(), pkcs.end());
  ASSERT_NE(at, der.end());
  const auto place = at - der.begin();
  der.erase(at, at + static_cast<std::ptrdiff_t>(pkcs.size()));
  der.insert(der.begin() + place, oiw.begin(), oiw.end());
  ASSERT_GE(der[3], 4);
  der[3] = static_cast<std::uint8_t>(der[3] - 4);  // the length of the whole
  const auto facts = read_certificate(der);
  EXPECT_THAT(facts.error, IsEmpty());
  EXPECT_EQ(facts.signature_algorithm, "sha1WithRSA");
  EXPECT_EQ(facts.signature_digest, "SHA1");
  EXPECT_FALSE(facts.self_signed);  // inner and outer algorithm differ
}

TEST(ReadCertificate, KeysThatNobodyMakesAnyMoreAreRead) {
  if (!have("openssl")) GTEST_SKIP() << "skipped: no openssl program";
  const auto folder = scratch_folder("old_keys");
  write_file(folder / "req.cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
  const auto make = [&](const std::string& options) {
    const auto ran = run("openssl req -x509 -nodes -subj /CN=old -keyout /dev/null -config " +
                         (folder / "req.cnf").string() + " " + options + " -out " +
                         (folder / "old.pem").string());
    EXPECT_EQ(ran.exit_code, 0) << ran.output;
    const auto chain = read_chain(read_file(folder / "old.pem").value_or(""));
    return chain.empty() ? CertificateFacts() : *chain[0];
  };
  auto facts = make("-newkey rsa:512 -sha1");
  EXPECT_EQ(facts.key.bits, 512);
  EXPECT_TRUE(facts.self_signed);
  facts = make("-newkey rsa:2048 -sha256 -sigopt rsa_padding_mode:pss -days 2900000");
  EXPECT_EQ(facts.signature_algorithm, "rsassaPss");
  EXPECT_EQ(facts.signature_digest, "SHA256");
  EXPECT_TRUE(facts.self_signed);
  EXPECT_GT(facts.not_after_text, "9900");  // RFC 5280's end of time is near
  EXPECT_EQ(facts.not_after.ns, INT64_MAX);
  facts = make("-newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -sha512");
  EXPECT_EQ(facts.key, (CertificateFacts::Key{"EC", 384, "secp384r1"}));
  EXPECT_EQ(facts.signature_digest, "SHA512");
  facts = make("-newkey ed448");
  EXPECT_EQ(facts.key.type, "Ed448");
  EXPECT_TRUE(facts.self_signed);
  facts = make("-newkey rsa-pss -pkeyopt rsa_keygen_bits:1024");
  EXPECT_EQ(facts.key.type, "RSA-PSS");
  EXPECT_TRUE(facts.self_signed);
}

TEST(ReadCertificate, UnreadableDatesAreTold) {
  auto recipe = recipe_for_tests();
  auto der = der_blocks(make_self_signed(recipe)->certificate_pem).at(0);
  // "300317174640Z" is the recipe's notAfter; another one of the same length breaks nothing but
  // trust
  const std::string text(base::as_text(der));
  const auto at = text.find("300317174640Z");
  ASSERT_NE(at, std::string::npos);
  const auto with = [&](std::string_view date) {
    Bytes changed = der;
    std::copy(date.begin(), date.end(), changed.begin() + static_cast<std::ptrdiff_t>(at));
    return read_certificate(changed);
  };
  auto facts = with("300317174641Z");
  EXPECT_EQ(facts.not_after_text, "2030-03-17T17:46:41Z");
  EXPECT_FALSE(facts.self_signed);  // the signature covers the date
  facts = with("3003171746+01");
  EXPECT_THAT(facts.not_after_text, IsEmpty());
  EXPECT_THAT(facts.notes, ElementsAre("notAfter cannot be read"));
  facts = with("300317174640+");
  EXPECT_THAT(facts.error, IsEmpty());
  EXPECT_THAT(facts.notes, ElementsAre("notAfter cannot be read"));
  facts = with("301317174640Z");  // month 13
  EXPECT_THAT(facts.notes, ElementsAre("notAfter cannot be read"));
}

TEST(ReadCertificate, EveryTruncationIsAnErrorAndKeepsTheOctets) {
  const auto der = der_blocks(make_self_signed(recipe_for_tests())->certificate_pem).at(0);
  for (std::size_t size = 0; size < der.size(); ++size) {
    const auto facts = read_certificate(ByteSpan(der).first(size));
    EXPECT_FALSE(facts.error.empty()) << size;
    EXPECT_EQ(facts.der.size(), size);
    EXPECT_EQ(facts.sha1.size(), 40u);
    EXPECT_EQ(facts.sha256.size(), 64u);
  }
  Bytes longer = der;
  longer.push_back(0);
  const auto facts = read_certificate(longer);
  EXPECT_THAT(facts.error, IsEmpty());
  EXPECT_THAT(facts.notes, ElementsAre("1 octets behind the certificate"));
}

TEST(ReadCertificate, EveryDamagedOctetIsReadTheSameTwice) {
  auto recipe = recipe_for_tests();
  recipe.key = CertificateRecipe::Key::kEcP256;
  const auto der = der_blocks(make_self_signed(recipe)->certificate_pem).at(0);
  int still_self_signed = 0;
  for (std::size_t at = 0; at < der.size(); ++at) {
    Bytes damaged = der;
    damaged[at] ^= 0x41;
    const auto once = read_certificate(damaged);
    const auto again = read_certificate(damaged);
    EXPECT_EQ(once.error, again.error);
    EXPECT_EQ(once.subject, again.subject);
    EXPECT_EQ(once.notes, again.notes);
    if (once.self_signed) ++still_self_signed;
  }
  EXPECT_LE(still_self_signed, 2);  // no damage inside what is signed goes unseen
}

TEST(CertificateCache, GivesTheSameWithAnyCapacity) {
  const auto der = der_blocks(make_self_signed(recipe_for_tests())->certificate_pem).at(0);
  auto other_recipe = recipe_for_tests();
  other_recipe.key = CertificateRecipe::Key::kEcP256;
  const auto other = der_blocks(make_self_signed(other_recipe)->certificate_pem).at(0);
  CertificateCache off(0);
  CertificateCache one(1);
  CertificateCache many;
  for (int round = 0; round < 3; ++round) {
    for (const auto& octets : {der, other}) {
      const auto expected = read_certificate(octets);
      EXPECT_EQ(*off.read(octets), expected);
      EXPECT_EQ(*one.read(octets), expected);
      EXPECT_EQ(*many.read(octets), expected);
    }
  }
  EXPECT_EQ(many.read(der), many.read(der));  // one object
  EXPECT_NE(off.read(der), off.read(der));
}

TEST(ReadCertificate, AgreesWithTheOpensslProgram) {
  if (!have("openssl")) GTEST_SKIP() << "skipped: no openssl program";
  const auto folder = scratch_folder("read");
  auto recipe = recipe_for_tests();
  recipe.common_name = "h\xc3\xb6st, \"quoted\" +";
  const auto certificate = make_issued(recipe, false);
  ASSERT_TRUE(certificate);
  write_file(folder / "leaf.pem", certificate->certificate_pem);
  const auto facts = read_chain(certificate->certificate_pem).at(0);
  const auto says = [&](const std::string& options) {
    auto text = run("openssl x509 -noout -in " + (folder / "leaf.pem").string() + " " + options);
    return text.output.substr(0, text.output.find('\n'));
  };
  EXPECT_EQ(says("-subject -nameopt oneline,-esc_msb"), "subject=" + facts->subject);
  EXPECT_EQ(says("-issuer -nameopt oneline,-esc_msb"), "issuer=" + facts->issuer);
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  EXPECT_EQ(lower(says("-serial")), "serial=" + facts->serial);
  auto thumbprint = lower(says("-fingerprint -sha256"));
  std::erase(thumbprint, ':');
  EXPECT_EQ(thumbprint, "sha256 fingerprint=" + facts->sha256);
}

// --- certificates of real captures -------------------------------------------------------------

std::string short_oid(const std::string& name) {
  static const std::map<std::string, std::string> kNames = {
      {"serverAuth", "1.3.6.1.5.5.7.3.1"},
      {"clientAuth", "1.3.6.1.5.5.7.3.2"},
      {"emailProtection", "1.3.6.1.5.5.7.3.4"},
      {"nsSGC", "2.16.840.1.113730.4.1"},
  };
  const auto found = kNames.find(name);
  return found != kNames.end() ? found->second : name;
}

/// "CN=a,O=b" and "O = b, CN = a" have the same parts.
std::set<std::string> name_parts(std::string text) {
  std::set<std::string> parts;
  for (auto at = text.find(" = "); at != std::string::npos; at = text.find(" = ")) {
    text.replace(at, 3, "=");
  }
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    auto part = text.substr(0, end);
    text.erase(0, end + 1);
    part.erase(0, part.find_first_not_of(' '));
    // Where OpenSSL has a name, RFC 4514 has another or a number.
    for (const auto& [ours, theirs] :
         {std::pair("emailAddress=", "1.2.840.113549.1.9.1="),
          std::pair("postalCode=", "2.5.4.17="), std::pair("street=", "STREET=")}) {
      if (part.starts_with(ours)) part.replace(0, std::string_view(ours).size(), theirs);
    }
    parts.insert(part);
  }
  return parts;
}

void compare(const CertificateFacts& facts, const nlohmann::json& truth) {
  SCOPED_TRACE(facts.sha256);
  EXPECT_THAT(facts.error, IsEmpty());
  EXPECT_EQ(facts.sha1, truth["sha1"]);
  EXPECT_EQ(facts.der.size(), truth["der_len"]);
  auto serial = facts.serial;
  serial.erase(0, std::min(serial.find_first_not_of('0'), serial.size() - 1));
  EXPECT_EQ(serial, truth["serial"]);
  EXPECT_EQ(facts.not_before_text, truth["not_before"]);
  EXPECT_EQ(facts.not_after_text, truth["not_after"]);
  EXPECT_EQ(base::to_rfc3339(facts.not_after, 0), truth["not_after"]);
  EXPECT_EQ(facts.signature_algorithm, truth["sig_alg"]);
  EXPECT_EQ("v" + std::to_string(facts.version), truth["version"]);
  EXPECT_EQ(facts.key.type, truth["key"]);
  EXPECT_EQ(facts.key.bits, truth["key_bits"]);
  if (truth.contains("curve")) {
    EXPECT_EQ(facts.key.curve, truth["curve"]);
  }
  EXPECT_EQ(facts.subject_equals_issuer, truth["subject_equals_issuer"]);
  EXPECT_EQ(facts.self_signed, truth["self_signature_verifies"]);
  if (truth.contains("basic_constraints_ca")) {
    EXPECT_EQ(facts.is_ca, truth["basic_constraints_ca"]);
  }
  if (const auto san = truth.value("san", nlohmann::json()).dump();
      san != "null" && san.find('@') == std::string::npos) {  // mail addresses are not kept
    auto names = facts.dns_names;
    names.insert(names.end(), facts.ip_addresses.begin(), facts.ip_addresses.end());
    EXPECT_EQ(nlohmann::json(names).dump(), san);
  }
  if (truth.contains("eku")) {
    nlohmann::json usages = nlohmann::json::array();
    for (const auto& usage : facts.extended_key_usage.value_or(std::vector<std::string>())) {
      usages.push_back(short_oid(usage));
    }
    EXPECT_EQ(usages, truth["eku"]);
  }
  const std::string subject = truth["subject"];
  if (subject.find_first_of("\\\"") == std::string::npos &&
      facts.subject.find_first_of("\\\"") == std::string::npos) {
    EXPECT_EQ(name_parts(facts.subject), name_parts(subject));
  }
}

/// The certificates that tshark finds in a file, by SHA-256.
std::map<std::string, CertificateFacts> certificates_of(const std::filesystem::path& file,
                                                        const std::string& options) {
  const auto ran = run("tshark -r '" + file.string() + "' " + options +
                       " -Y tls.handshake.certificate -T fields -e tls.handshake.certificate"
                       " 2>/dev/null");
  std::map<std::string, CertificateFacts> found;
  for (std::size_t at = 0; at < ran.output.size();) {
    const auto end = std::min(ran.output.find_first_of(",\n", at), ran.output.size());
    if (const auto der = base::parse_hex(ran.output.substr(at, end - at)); der && !der->empty()) {
      auto facts = read_certificate(*der);
      found.emplace(facts.sha256, std::move(facts));
    }
    at = end + 1;
  }
  return found;
}

TEST(ReadCertificate, AgreesWithTheTruthOfEveryRealCapture) {
  const auto folder = shared_folder() / "captures";
  const auto text = read_file(folder / "truth.json");
  if (!text) GTEST_SKIP() << "skipped: no shared captures at " << folder;
  if (!have("tshark")) GTEST_SKIP() << "skipped: no tshark";
  const auto truth = nlohmann::json::parse(*text);
  int compared = 0;
  for (const auto& capture : truth["captures"]) {
    std::map<std::string, nlohmann::json> wanted;
    for (const auto& connection : capture["connections"]) {
      if (!connection.contains("tls") || !connection["tls"].contains("certificates")) continue;
      for (const auto& one : connection["tls"]["certificates"]) wanted[one["sha256"]] = one;
    }
    const auto file = folder / capture["file"].get<std::string>();
    for (const auto* options : {"", "-d tcp.port==3389,tls"}) {
      if (wanted.empty()) break;
      for (const auto& [fingerprint, facts] : certificates_of(file, options)) {
        const auto known = wanted.find(fingerprint);
        if (known == wanted.end()) continue;
        compare(facts, known->second);
        wanted.erase(known);
        ++compared;
      }
    }
    EXPECT_TRUE(wanted.empty()) << file << ": " << wanted.size() << " not found";
  }
  EXPECT_GE(compared, 60);
}

}  // namespace
}  // namespace rdpwhy::crypto
