#include <gtest/gtest.h>

#include <random>

#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "survey/survey_oracles.h"

namespace rdpwhy::survey::test {
namespace {

Bytes random_octets(std::mt19937& random, std::size_t size) {
  Bytes octets(size);
  for (auto& octet : octets) octet = static_cast<std::uint8_t>(random());
  return octets;
}

/// Octets that are a ServerHello more often than chance would have it.
void add_server_hello(std::mt19937& random, Bytes& out) {
  tls::ServerHello hello;
  hello.legacy_version = static_cast<std::uint16_t>(0x0300 + random() % 5);
  const auto& all = suites_before_tls13();
  hello.cipher_suite =
      random() % 2 == 0 ? all[random() % all.size()] : static_cast<std::uint16_t>(random());
  hello.has_extensions = random() % 2 == 0;
  if (hello.has_extensions)
    hello.extensions.push_back(
        {static_cast<std::uint16_t>(random() % 64), random_octets(random, random() % 6)});
  const auto octets = tls::encode_record(
      tls::ContentType::kHandshake, 0x0303,
      tls::encode_handshake(tls::HandshakeType::kServerHello, tls::encode(hello)));
  out.push_back(static_cast<std::uint8_t>(random() % 14));
  out.push_back(static_cast<std::uint8_t>((octets.size() + 3) / 4));
  out.insert(out.end(), octets.begin(), octets.end());
}

TEST(Survey, StandsWhateverServersSay) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    oracle::check_survey(random_octets(random, random() % 4000));
    Bytes octets;
    while (octets.size() < 6000) {
      add_server_hello(random, octets);
      if (random() % 4 == 0) {
        const auto noise = random_octets(random, random() % 40);
        octets.insert(octets.end(), noise.begin(), noise.end());
      }
    }
    oracle::check_survey(octets);
  }
  oracle::check_survey({});
}

}  // namespace
}  // namespace rdpwhy::survey::test
