#pragma once

#include <gtest/gtest.h>

#include <string>

#include "rdpwhy/crypto/make_certificate.h"
#include "rdpwhy/crypto/tls_session.h"

namespace rdpwhy::crypto {

/// What one side wrote, as the peer got it: for tests that look at the octets.
struct Flights {
  Bytes client;
  Bytes server;
};

/// Carries octets between two sessions until both have nothing more to say.
inline Flights exchange(TlsSession& client, TlsSession& server) {
  Flights flights;
  client.feed({});
  for (int turn = 0; turn < 20; ++turn) {
    const Bytes to_server = client.drain();
    if (!to_server.empty()) server.feed(to_server);
    const Bytes to_client = server.drain();
    if (!to_client.empty()) client.feed(to_client);
    flights.client.insert(flights.client.end(), to_server.begin(), to_server.end());
    flights.server.insert(flights.server.end(), to_client.begin(), to_client.end());
    if (to_server.empty() && to_client.empty()) break;
  }
  return flights;
}

inline CertificateRecipe recipe_for_tests() {
  CertificateRecipe recipe;
  recipe.common_name = "host.lab";
  recipe.dns_names = {"host.lab"};
  recipe.not_before = base::from_seconds(1'700'000'000);
  recipe.not_after = base::from_seconds(1'900'000'000);
  return recipe;
}

/// Server settings with a self-signed certificate of the given key.
inline TlsServerSettings settings_for_tests(
    CertificateRecipe::Key key = CertificateRecipe::Key::kRsa2048) {
  auto recipe = recipe_for_tests();
  recipe.key = key;
  const auto made = make_self_signed(recipe);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().text);
  TlsServerSettings settings;
  if (made) {
    settings.certificate_chain_pem = made->certificate_pem;
    settings.private_key_pem = made->private_key_pem;
  }
  settings.min_version = 0x0301;
  return settings;
}

}  // namespace rdpwhy::crypto
