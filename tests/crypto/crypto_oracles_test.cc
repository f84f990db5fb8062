#include "crypto/crypto_oracles.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "crypto/certificate_files.h"
#include "crypto/ntlm_pair.h"
#include "crypto/tls_pair.h"

namespace rdpwhy::crypto {
namespace {

/// A small generator of our own: the same octets on every machine.
class Octets {
 public:
  explicit Octets(std::uint32_t seed) : state_(seed * 2654435761U + 1) {}
  std::uint8_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return static_cast<std::uint8_t>(state_ >> 11);
  }
  std::size_t below(std::size_t limit) {
    std::size_t number = next();
    number = number << 8 | next();
    return number % std::max<std::size_t>(limit, 1);
  }
  Bytes some(std::size_t size) {
    Bytes octets(size);
    for (auto& octet : octets) octet = next();
    return octets;
  }

 private:
  std::uint32_t state_;
};

void add_piece(Bytes& out, ByteSpan piece) {
  out.push_back(static_cast<std::uint8_t>(piece.size() >> 8));
  out.push_back(static_cast<std::uint8_t>(piece.size()));
  out.insert(out.end(), piece.begin(), piece.end());
}

void damage(Octets& random, Bytes& octets) {
  for (std::size_t i = 1 + random.below(4); i > 0 && !octets.empty(); --i) {
    const auto at = random.below(octets.size());
    switch (random.below(3)) {
      case 0:
        octets[at] = random.next();
        break;
      case 1:
        octets.erase(octets.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      default:
        octets.insert(octets.begin() + static_cast<std::ptrdiff_t>(at), random.next());
    }
  }
}

TEST(CryptoOracles, HoldForDamagedCertificatesAndChains) {
  auto recipe = recipe_for_tests();
  recipe.key = CertificateRecipe::Key::kEcP256;
  recipe.ip_addresses = {"2001:db8::1"};
  recipe.intermediate = true;
  const auto blocks = der_blocks(make_issued(recipe, true)->certificate_pem);
  ASSERT_EQ(blocks.size(), 3u);
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Octets random(seed);
    Bytes chain;
    for (auto der : blocks) {
      if (random.below(2) == 0) damage(random, der);
      oracle::check_certificate(der);
      add_piece(chain, der);
    }
    oracle::check_judge(chain);
  }
}

TEST(CryptoOracles, HoldForRandomOctets) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Octets random(seed);
    const auto octets = random.some(random.below(2000));
    oracle::check_certificate(octets);
    oracle::check_judge(octets);
    oracle::check_key_log(octets);
    oracle::check_record_opener(octets);
    oracle::check_tls12_opener(octets);
    Bytes records = {random.next()};
    for (int i = 0; i < 20; ++i) {
      Bytes record = {random.next(), 23, 3, 3, 0, 60};
      const auto fragment = random.some(random.below(80));
      record.insert(record.end(), fragment.begin(), fragment.end());
      add_piece(records, record);
    }
    oracle::check_record_opener(records);
  }
}

TEST(CryptoOracles, HoldForEverySuiteOfTls12AndOlder) {
  std::uint32_t seed = 0;
  for (std::size_t suite = 0; suite < oracle::opened_suites().size(); ++suite) {
    for (const int options : {0, 1, 2, 0x80, 0x81, 0x82}) {
      Octets random(++seed);
      Bytes octets = {static_cast<std::uint8_t>(suite >> 8), static_cast<std::uint8_t>(suite),
                      static_cast<std::uint8_t>(options)};
      for (int i = 0; i < 30; ++i) {
        // Mostly what is sealed, every third time damaged; some of it empty.
        const bool odd = seed % 4 == 0 && random.below(10) == 0;
        Bytes piece = {
            static_cast<std::uint8_t>(
                odd ? random.next() : (random.next() & 0xE1) | (random.below(3) == 0 ? 16 : 0)),
            random.next()};
        const auto content = random.some(random.below(3) == 0 ? 0 : random.below(100));
        piece.insert(piece.end(), content.begin(), content.end());
        add_piece(octets, piece);
      }
      oracle::check_tls12_opener(octets);
    }
  }
}

TEST(CryptoOracles, HoldForDamagedKeyLogs) {
  const std::string text = "CLIENT_RANDOM " + std::string(64, 'a') + " " + std::string(96, 'b') +
                           "\n# comment\nSERVER_TRAFFIC_SECRET_0 " + std::string(64, '0') + " " +
                           std::string(64, '1') + "\r\n";
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    Octets random(seed);
    auto octets = base::to_bytes(base::as_bytes(text + text));
    damage(random, octets);
    oracle::check_key_log(octets);
  }
}

TEST(CryptoOracles, HoldForDamagedServerFlights) {
  auto settings = settings_for_tests();
  for (const int version : {0x0301, 0x0303, 0x0304}) {
    settings.max_version = static_cast<std::uint16_t>(version);
    auto server = TlsSession::server(settings);
    auto client = TlsSession::client(TlsOffer::mstsc(), {});
    ASSERT_TRUE(server && client);
    const auto flights = exchange(*client, *server);
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
      Octets random(seed);
      auto flight = flights.server;
      if (seed > 0) damage(random, flight);
      Bytes pieces;
      for (ByteSpan rest = flight; !rest.empty();) {
        const auto piece = rest.first(std::min(rest.size(), 1 + random.below(700)));
        add_piece(pieces, piece);
        rest = rest.subspan(piece.size());
      }
      oracle::check_tls_session(pieces);
    }
  }
}

TEST(CryptoOracles, HoldForDamagedNtlm) {
  const NtlmPair pair;
  ASSERT_TRUE(pair.answer);
  oracle::check_ntlm_challenge(pair.challenge);
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Octets random(seed);
    auto challenge = pair.challenge;
    damage(random, challenge);
    oracle::check_ntlm_challenge(challenge);
    auto authenticate = pair.answer->authenticate;
    damage(random, authenticate);
    oracle::check_ntlm_client(authenticate);
    auto negotiate = pair.negotiate;
    damage(random, negotiate);
    oracle::check_ntlm_client(negotiate);
  }
  for (std::size_t size = 0; size < pair.challenge.size(); ++size) {
    oracle::check_ntlm_challenge(ByteSpan(pair.challenge).first(size));
    oracle::check_ntlm_client(ByteSpan(pair.answer->authenticate).first(size));
  }
}

TEST(CryptoOracles, HoldForTheKeysOfDamagedCertificates) {
  const auto der = der_blocks(settings_for_tests().certificate_chain_pem).front();
  oracle::check_channel_bindings(der);
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Octets random(seed);
    auto damaged = der;
    damage(random, damaged);
    oracle::check_channel_bindings(damaged);
  }
}

}  // namespace
}  // namespace rdpwhy::crypto
