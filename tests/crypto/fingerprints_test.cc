#include "rdpwhy/crypto/fingerprints.h"

#include <gtest/gtest.h>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/crypto/digest.h"

namespace rdpwhy::crypto {
namespace {

Bytes list16(const std::vector<std::uint16_t>& codes) {
  base::Writer w;
  {
    const auto list = w.block16be();
    for (const auto code : codes) w.u16be(code);
  }
  return w.take();
}

/// What a fingerprint is made of, as numbers; encoded and decoded, so that the readings are the
/// decoder's.
struct Offer {
  std::uint16_t version = 0x0303;
  std::vector<std::uint16_t> suites;
  std::vector<std::uint16_t> extensions;
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;

  [[nodiscard]] tls::ClientHello hello() const {
    tls::ClientHello hello;
    hello.legacy_version = version;
    hello.cipher_suites = suites;
    hello.compression_methods = {0};
    hello.has_extensions = !extensions.empty();
    for (const auto type : extensions) hello.extensions.push_back({type, payload(type)});
    const auto read = tls::decode_client_hello(tls::encode(hello));
    EXPECT_TRUE(read);
    return read.value_or(hello);
  }

 private:
  [[nodiscard]] Bytes payload(std::uint16_t type) const {
    if (type == 10) return list16(groups);
    if (type == 11) return *base::parse_hex("01 00");
    if (type == 13) return list16(signature_algorithms);
    if (type == 16) return *base::parse_hex("000C 02 6832 08 687474702F312E31");
    if (type == 43) return *base::parse_hex("06 7A7A 0304 0303");
    return {};
  }
};

HandshakeRecord record_of(record::Fact client, std::optional<tls::ServerHello> server = {}) {
  HandshakeRecord record;
  record.evidence.push_back({.id = 1,
                             .phase = Phase::kTls,
                             .where = {.side = Side::kClient},
                             .at = {},
                             .fact = std::move(client)});
  if (server) {
    record.evidence.push_back({.id = 2,
                               .phase = Phase::kTls,
                               .where = {.side = Side::kServer},
                               .at = {},
                               .fact = std::move(*server)});
  }
  return record;
}

/// JA4's technical details, "Example", with GREASE as that client sends it.
Offer chrome() {
  return {.suites = {0x3A3A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8,
                     0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035},
          .extensions = {0x9A9A, 0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D,
                         0x0005, 0x0023, 0x0012, 0x002B, 0xFF01, 0x000B, 0x000A, 0x0015},
          .groups = {0x001D, 0x0017},
          .signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}};
}

std::string with_md5(const std::string& expected) {
  return md5({}) ? expected : std::string();  // FIPS mode: none
}

TEST(Fingerprints, AreThoseOfThePublishedExamples) {
  const auto ja3 = [](const Offer& offer) {
    return fingerprints(record_of(offer.hello())).client.ja3;
  };
  EXPECT_EQ(ja3({.version = 769,
                 .suites = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4},
                 .extensions = {0, 10, 11},
                 .groups = {23, 24, 25},
                 .signature_algorithms = {}}),
            with_md5("ada70206e40642a3e4461f35503241d5"));
  EXPECT_EQ(ja3({.version = 769,
                 .suites = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99},
                 .extensions = {},
                 .groups = {},
                 .signature_algorithms = {}}),
            with_md5("de350869b8c85de67a350c8d186f11e6"));

  EXPECT_EQ(fingerprints(record_of(chrome().hello())).client.ja4,
            "t13d1516h2_8daaf6152771_e5627efa2ab1");
  tls::ServerHello server;
  server.legacy_version = 0x0303;
  server.cipher_suite = 0xC030;
  server.has_extensions = true;
  server.extensions = {{0x0005, {}}, {0x0017, {}}, {0xFF01, {0}}, {0x0000, {}}};
  EXPECT_EQ(fingerprints(record_of(chrome().hello(), server)).server.ja4s,
            "t120400_c030_4e8089b08790");
}

// Hellos of two Windows clients and one server whose captures others published, with these results.
TEST(Fingerprints, AreThosePublishedOfWindowsClients) {
  const Offer windows7{.version = 769,
                       .suites = {47, 53, 5, 10, 49171, 49172, 49161, 49162, 50, 56, 19, 4},
                       .extensions = {0, 5, 10, 11},
                       .groups = {23, 24},
                       .signature_algorithms = {}};
  tls::ServerHello server;
  server.legacy_version = 769;
  server.cipher_suite = 47;
  const auto older = fingerprints(record_of(windows7.hello(), server));
  EXPECT_EQ(older.client.ja3, with_md5("eaef0d8d3d689b3adc0c46bc5b6fc95e"));
  EXPECT_EQ(older.client.ja4, "t10d120400_d94e65cdb899_dedc66686760");
  EXPECT_EQ(older.server.ja3s, with_md5("18e962e106761869a61045bed0e81c2c"));
  EXPECT_EQ(older.server.ja4s, "t100000_002f_000000000000");

  const Offer windows10{.suites = {49196, 49195, 49200, 49199, 159, 158, 49188, 49187, 49192, 49191,
                                   49162, 49161, 49172, 49171, 57,  51,  157,   156,   61,    60,
                                   53,    47,    10,    106,   64,  56,  50,    19},
                        .extensions = {10, 11, 13, 35, 23, 65281},
                        .groups = {29, 23, 24},
                        .signature_algorithms = {0x0401, 0x0501, 0x0201, 0x0403, 0x0503, 0x0203,
                                                 0x0202, 0x0601, 0x0603}};
  const auto newer = fingerprints(record_of(windows10.hello())).client;
  EXPECT_EQ(newer.ja3, with_md5("043c543b63b895881d9abfbc320cb863"));
  EXPECT_EQ(newer.ja4, "t12i280600_bbd4f008d9b2_f28add8e7af0");
}

TEST(Fingerprints, TellListsOfNothingByZeros) {
  EXPECT_EQ(fingerprints(
                record_of(Offer{
                    .suites = {}, .extensions = {16, 0}, .groups = {}, .signature_algorithms = {}}
                              .hello()))
                .client.ja4,
            "t12d0002h2_000000000000_000000000000");
}

TEST(Fingerprints, AreNoneWithoutHellos) {
  EXPECT_EQ(fingerprints(HandshakeRecord{}), record::Fingerprints{});
  EXPECT_EQ(fingerprints(record_of(tls::ClientHello{.ssl2_format = true})), record::Fingerprints{});
}

TEST(Fingerprints, AreTheSameRemembered) {
  Fingerprinter small(2);
  auto offer = chrome();
  for (std::uint16_t round = 0; round < 20; ++round) {
    offer.suites.back() = static_cast<std::uint16_t>(0x0030 + round % 5);
    offer.signature_algorithms.resize(1 + round % 4, 0x0201);
    const auto record = record_of(offer.hello(), tls::ServerHello{.cipher_suite = round});
    EXPECT_EQ(small.of(record), fingerprints(record));
    EXPECT_EQ(small.of(record), fingerprints(record));
  }
  offer.suites.resize(20'000, 0x1301);  // too large to be remembered
  const auto record = record_of(offer.hello());
  EXPECT_EQ(small.of(record), fingerprints(record));
  EXPECT_EQ(small.of(record).client.ja4.substr(0, 10), "t13d9916h2");
}

}  // namespace
}  // namespace rdpwhy::crypto
