#include "rdpwhy/tls/registry.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tls/registry_tables.h"

namespace rdpwhy::tls {
namespace {

/// What a program prints; empty when it is absent.
std::string output_of(const char* command) {
  std::string output;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command, "r"), pclose);
  if (!pipe) return output;
  std::array<char, 65536> buffer;
  while (const auto size = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    output.append(buffer.data(), size);
  }
  return output;
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(by, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// The value table of one of tshark's fields, as `tshark -G values` prints it.
std::map<std::uint16_t, std::string> tshark_table(const std::string& field) {
  static const std::string all = output_of("tshark -G values 2>/dev/null | grep '^V\ttls\\.'");
  std::map<std::uint16_t, std::string> table;
  for (const auto& line : split(all, '\n')) {
    const auto columns = split(line, '\t');
    if (columns.size() != 4 || columns[0] != "V" || columns[1] != field) continue;
    if (columns[3].starts_with("Reserved")) continue;  // GREASE
    table[static_cast<std::uint16_t>(std::stoul(columns[2], nullptr, 0))] = columns[3];
  }
  return table;
}

TEST(Registry, KnowsSuitesOfEveryAge) {
  EXPECT_EQ(cipher_suite_name(0x0000), "TLS_NULL_WITH_NULL_NULL");
  EXPECT_EQ(cipher_suite_name(0x0004), "TLS_RSA_WITH_RC4_128_MD5");
  EXPECT_EQ(cipher_suite_name(0x002F), "TLS_RSA_WITH_AES_128_CBC_SHA");
  EXPECT_EQ(cipher_suite_name(0x009D), "TLS_RSA_WITH_AES_256_GCM_SHA384");
  EXPECT_EQ(cipher_suite_name(0x00FF), "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
  EXPECT_EQ(cipher_suite_name(0x1301), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(cipher_suite_name(0x5600), "TLS_FALLBACK_SCSV");
  EXPECT_EQ(cipher_suite_name(0xC030), "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
  EXPECT_EQ(cipher_suite_name(0xC0AF), "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8");
  EXPECT_EQ(cipher_suite_name(0xC106), "TLS_GOSTR341112_256_WITH_MAGMA_MGM_S");
  EXPECT_EQ(cipher_suite_name(0xCCA8), "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(cipher_suite_name(0xFEFE), "SSL_RSA_FIPS_WITH_DES_CBC_SHA");
  EXPECT_EQ(cipher_suite_name(0xD004), std::nullopt);
  EXPECT_EQ(cipher_suite_name(0x0A0A), std::nullopt);
}

TEST(Registry, KnowsGroupsSchemesAndExtensions) {
  EXPECT_EQ(group_name(23), "secp256r1");
  EXPECT_EQ(group_name(29), "x25519");
  EXPECT_EQ(group_name(0x0104), "ffdhe8192");
  EXPECT_EQ(group_name(0x11EC), "X25519MLKEM768");
  EXPECT_EQ(group_name(0x6399), "X25519Kyber768Draft00");
  EXPECT_EQ(group_name(0), std::nullopt);
  EXPECT_EQ(signature_scheme_name(0x0804), "rsa_pss_rsae_sha256");
  EXPECT_EQ(signature_scheme_name(0x0202), "dsa_sha1");
  EXPECT_EQ(signature_scheme_name(0x0303), "ecdsa_sha224");
  EXPECT_EQ(signature_scheme_name(0x0301), "rsa_pkcs1_sha224");
  EXPECT_EQ(signature_scheme_name(0x0603), "ecdsa_secp521r1_sha512");
  EXPECT_EQ(extension_name(0), "server_name");
  EXPECT_EQ(extension_name(0xFF01), "renegotiation_info");
  EXPECT_EQ(extension_name(0xFE0D), "encrypted_client_hello");
  EXPECT_EQ(extension_name(63), std::nullopt);
}

TEST(Registry, KnowsAlertsAndHandshakeTypes) {
  EXPECT_EQ(alert_name(0), "close_notify");
  EXPECT_EQ(alert_name(40), "handshake_failure");
  EXPECT_EQ(alert_name(70), "protocol_version");
  EXPECT_EQ(alert_name(121), "ech_required");
  EXPECT_EQ(alert_name(255), std::nullopt);
  EXPECT_EQ(handshake_type_name(1), "client_hello");
  EXPECT_EQ(handshake_type_name(24), "key_update");
  EXPECT_EQ(handshake_type_name(99), std::nullopt);
}

TEST(Registry, NamesVersionsAsOpensslDoes) {
  EXPECT_EQ(version_name(0x0002), "SSLv2");
  EXPECT_EQ(version_name(0x0300), "SSLv3");
  EXPECT_EQ(version_name(0x0301), "TLSv1.0");
  EXPECT_EQ(version_name(0x0302), "TLSv1.1");
  EXPECT_EQ(version_name(0x0303), "TLSv1.2");
  EXPECT_EQ(version_name(0x0304), "TLSv1.3");
  EXPECT_EQ(version_name(0x7F1C), "TLSv1.3 (draft 28)");
  EXPECT_EQ(version_name(0x0305), "0x0305");
  EXPECT_EQ(version_name(0x0A0A), "0x0a0a");
}

TEST(Registry, TellsTls13AndItsDraftsFromTheRest) {
  EXPECT_TRUE(is_tls13(0x0304));
  EXPECT_TRUE(is_tls13(0x7F12));
  EXPECT_FALSE(is_tls13(0x0303));
  EXPECT_FALSE(is_tls13(0x0305));
  EXPECT_FALSE(is_tls13(0x7A7A));  // GREASE
}

TEST(Registry, KnowsTheSixteenGreaseValuesAndNoOther) {
  int count = 0;
  for (unsigned code = 0; code < 65536; ++code)
    count += is_grease(static_cast<std::uint16_t>(code));
  EXPECT_EQ(count, 16);
  EXPECT_TRUE(is_grease(0x0A0A));
  EXPECT_TRUE(is_grease(0xFAFA));
  EXPECT_FALSE(is_grease(0x0A1A));
}

TEST(Registry, FindsAnUnknownValueInHex) {
  EXPECT_EQ(name_or_hex(group_name(23), 23), "secp256r1");
  EXPECT_EQ(name_or_hex(group_name(0xABCD), 0xABCD), "0xabcd");
  EXPECT_EQ(name_or_hex(group_name(0), 0), "0x0000");
}

TEST(Registry, FindsEverySuiteAndGroupByItsOwnName) {
  std::set<std::string_view> names;
  for (const auto& entry : cipher_suites()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name << " stands twice";
    EXPECT_EQ(cipher_suite_code(entry.name), entry.code) << entry.name;
    EXPECT_EQ(cipher_suite_name(entry.code), entry.name);
  }
  for (const auto& entry : groups()) {
    EXPECT_EQ(group_code(entry.name), entry.code) << entry.name;
    EXPECT_EQ(group_name(entry.code), entry.name);
  }
  for (const auto& entry : signature_schemes()) {
    EXPECT_EQ(signature_scheme_name(entry.code), entry.name);
  }
  for (const auto& entry : extension_types()) EXPECT_EQ(extension_name(entry.code), entry.name);
}

TEST(Registry, FindsSuitesByTheirOpensslNames) {
  EXPECT_EQ(cipher_suite_code("ECDHE-RSA-AES256-GCM-SHA384"), 0xC030);
  EXPECT_EQ(cipher_suite_code("ecdhe-rsa-aes256-gcm-sha384"), 0xC030);
  EXPECT_EQ(cipher_suite_code("AES128-SHA"), 0x002F);
  EXPECT_EQ(cipher_suite_code("DES-CBC3-SHA"), 0x000A);
  EXPECT_EQ(cipher_suite_code("TLS_AES_256_GCM_SHA384"), 0x1302);
  EXPECT_EQ(cipher_suite_code("HIGH"), std::nullopt);
  EXPECT_EQ(cipher_suite_code(""), std::nullopt);
  for (const auto& entry : openssl_name_table()) {
    EXPECT_EQ(cipher_suite_code(entry.name), entry.code) << entry.name;
    EXPECT_TRUE(cipher_suite_name(entry.code)) << entry.name;
  }
}

TEST(Registry, FindsGroupsByTheirOtherNames) {
  EXPECT_EQ(group_code("P-256"), 23);
  EXPECT_EQ(group_code("prime256v1"), 23);
  EXPECT_EQ(group_code("X25519"), 29);
  EXPECT_EQ(group_code("p-999"), std::nullopt);
  EXPECT_EQ(signature_scheme_code("ED25519"), 0x0807);
  EXPECT_EQ(signature_scheme_code("rsa_pss_rsae_sha256"), 0x0804);
  EXPECT_EQ(signature_scheme_code("ed2551"), std::nullopt);
}

TEST(Registry, NamesTheCiphersOfSsl2) {
  EXPECT_EQ(ssl2_cipher_name(0x010080), "SSL2_RC4_128_WITH_MD5");
  EXPECT_EQ(ssl2_cipher_name(0x0700C0), "SSL2_DES_192_EDE3_CBC_WITH_MD5");
  EXPECT_EQ(ssl2_cipher_name(0x000004), std::nullopt);
}

// tshark's tables were written by other people from the same registry.
TEST(RegistryAgainstTshark, NamesEverySuiteAlike) {
  const auto theirs = tshark_table("tls.handshake.ciphersuite");
  if (theirs.empty()) GTEST_SKIP() << "skipped: no tshark";
  EXPECT_GT(theirs.size(), 350u) << "the table was not read";
  // tshark gives a draft's suite the name of the one that was registered later.
  const std::map<std::uint16_t, std::string> known = {
      {0xCC13, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
      {0xCC14, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
      {0xCC15, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
      {0xFFE0, "SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA"},
      {0xFFE1, "SSL_RSA_FIPS_WITH_DES_CBC_SHA"},
  };
  for (const auto& [code, name] : theirs) {
    const auto ours = std::string(cipher_suite_name(code).value_or("(none)"));
    if (const auto found = known.find(code); found != known.end()) {
      EXPECT_EQ(name, found->second);
      EXPECT_EQ(ours, found->second + "_OLD");
    } else {
      EXPECT_EQ(ours, name) << code;
    }
  }
  // The other way round, tshark 4.0 lacks drafts (RMD 0x72-0x7E, CECPQ1, GOST 0xFF85) and AEGIS.
  const auto is_known_to_be_missing = [](std::uint16_t code) {
    return (code >= 0x72 && code <= 0x7E) || (code >= 0x16B7 && code <= 0x16BA) || code == 0x1306 ||
           code == 0x1307 || code == 0xFF85;
  };
  for (const auto& entry : cipher_suites()) {
    EXPECT_TRUE(theirs.contains(entry.code) || is_known_to_be_missing(entry.code)) << entry.name;
  }
}

TEST(RegistryAgainstTshark, NamesEveryExtensionAlike) {
  const auto theirs = tshark_table("tls.handshake.extension.type");
  if (theirs.empty()) GTEST_SKIP() << "skipped: no tshark";
  // Spelling: the registry has the singular, and tshark words of its own for what is not in it.
  const std::map<std::uint16_t, std::string> ours = {
      {34, "delegated_credential"},
      {53, "connection_id_deprecated"},
      {17513, "application_settings_old"},
      {0xFFA5, "quic_transport_parameters_draft"},
  };
  for (const auto& [code, name] : theirs) {
    const auto found = ours.find(code);
    EXPECT_EQ(extension_name(code), found != ours.end() ? found->second : name) << code;
  }
}

TEST(RegistryAgainstTshark, NamesEveryGroupAlike) {
  const auto theirs = tshark_table("tls.handshake.extensions_supported_group");
  if (theirs.empty()) GTEST_SKIP() << "skipped: no tshark";
  for (const auto& [code, name] : theirs) {
    // Private experiments of Open Quantum Safe; the registry gave some numbers to others since.
    if ((code >= 0x0200 && code <= 0x02FF) || (code >= 0x2F00 && code <= 0x2FFF)) continue;
    EXPECT_EQ(group_name(code), name) << code;
  }
}

TEST(RegistryAgainstTshark, NamesEverySignatureSchemeAlike) {
  const auto theirs = tshark_table("tls.handshake.sig_hash_alg");
  if (theirs.empty()) GTEST_SKIP() << "skipped: no tshark";
  for (const auto& [code, name] : theirs) {
    if (code >= 0xFE00) continue;  // private experiments of Open Quantum Safe
    EXPECT_EQ(signature_scheme_name(code), name) << code;
  }
}

TEST(RegistryAgainstTshark, KnowsEveryAlertAndHandshakeType) {
  const auto alerts = tshark_table("tls.alert_message.desc");
  if (alerts.empty()) GTEST_SKIP() << "skipped: no tshark";
  const auto folded =
      [](std::string text) {  // "No application Protocol" and "no_application_protocol"
        for (auto& c : text) c = c == ' ' ? '_' : static_cast<char>(std::tolower(c));
        return text;
      };
  for (const auto& [code, name] : alerts) {
    EXPECT_EQ(alert_name(static_cast<std::uint8_t>(code)), folded(name)) << code;
  }
}

TEST(RegistryAgainstOpenssl, FindsEveryNameThatOpensslPrints) {
  const auto output = output_of("openssl ciphers -V 'ALL:COMPLEMENTOFALL:@SECLEVEL=0' 2>/dev/null");
  if (output.empty()) GTEST_SKIP() << "skipped: no openssl";
  int seen = 0;
  for (const auto& line : split(output, '\n')) {
    unsigned high = 0;
    unsigned low = 0;
    std::array<char, 80> name{};
    if (std::sscanf(line.c_str(), " 0x%2x,0x%2x - %79s", &high, &low, name.data()) != 3) continue;
    EXPECT_EQ(cipher_suite_code(name.data()), high << 8 | low) << line;
    ++seen;
  }
  EXPECT_GT(seen, 50);
}

}  // namespace
}  // namespace rdpwhy::tls
