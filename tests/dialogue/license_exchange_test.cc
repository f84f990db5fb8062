#include "dialogue/license_exchange.h"

#include <gtest/gtest.h>

#include <algorithm>

// What the server's side of the keys makes of what the client says (MS-RDPELE 1.3.3, 5.1).
namespace rdpwhy::dialogue {
namespace {

Bytes premaster_secret() { return Bytes(48, 0x5A); }

ProbePlan plan_with_randomness() {
  ProbePlan plan;
  plan.session.client_name = "probe";
  plan.session.licensing.client_random.fill(0x11);
  plan.session.licensing.premaster_secret = std::make_shared<Secret>(premaster_secret());
  return plan;
}

/// Some odd number of 512 bits: only the form of what is encrypted to it is looked at.
Bytes server_certificate() {
  rdp::ProprietaryServerCertificate form;
  form.public_key = {.bit_length = 512, .data_length = 63, .public_exponent = 65537};
  form.public_key.modulus = Bytes(64, 0xC5);
  form.public_key.modulus.resize(72);
  form.signature = Bytes(72);
  return rdp::encode(rdp::ServerCertificate{.form = form});
}

rdp::LicenseRequest license_request(Bytes certificate) {
  rdp::LicenseRequest asked;
  asked.server_random.fill(0x22);
  asked.server_certificate.octets = std::move(certificate);
  return asked;
}

class LicenseExchangeTest : public testing::Test {
 protected:
  ProbePlan plan = plan_with_randomness();
  LicenseExchange exchange{plan};
  /// What a server derives that decrypted the premaster secret.
  crypto::LicensingKeys server_keys =
      crypto::LicensingKeys::derive(Secret(premaster_secret()), rdp::LicensingRandom(random(0x11)),
                                    rdp::LicensingRandom(random(0x22)))
          .value();

  static rdp::LicensingRandom random(std::uint8_t octet) {
    rdp::LicensingRandom out{};
    out.fill(octet);
    return out;
  }
  [[nodiscard]] rdp::PlatformChallenge challenge(ByteSpan plain) const {
    return {.encrypted_challenge = {0, server_keys.transform(plain)},
            .mac = server_keys.mac(plain)};
  }
};

TEST_F(LicenseExchangeTest, NamesTheClientAndSendsTheSecretToTheKeyOfTheRequest) {
  const auto packet = exchange.request(license_request(server_certificate()), {});
  ASSERT_TRUE(packet);
  const auto pdu = rdp::decode_licensing(*packet);
  ASSERT_TRUE(pdu) << pdu.error().message();
  const auto& request = std::get<rdp::NewLicenseRequest>(pdu->message);
  EXPECT_EQ(request.client_random, random(0x11));
  EXPECT_EQ(request.machine_name, "probe");
  EXPECT_EQ(request.user_name, "probe");
  EXPECT_EQ(request.encrypted_premaster_secret.octets.size(), 72u);
  EXPECT_NE(request.encrypted_premaster_secret.octets, Bytes(72));
}

TEST_F(LicenseExchangeTest, UsesTheKeyOfTheConnectionWhereTheRequestHasNone) {
  EXPECT_TRUE(exchange.request(license_request({}), server_certificate()));
  EXPECT_FALSE(exchange.request(license_request({}), {}));
  EXPECT_FALSE(exchange.request(license_request(Bytes(3, 1)), server_certificate()));
}

TEST_F(LicenseExchangeTest, AnswersAChallengeInAFormThatTheServersKeysVerify) {
  ASSERT_TRUE(exchange.request(license_request(server_certificate()), {}));
  const Bytes plain = {'T', 0, 'E', 0, 'S', 0, 'T', 0, 0, 0};
  const auto packet = exchange.respond(challenge(plain));
  ASSERT_TRUE(packet);
  const auto pdu = rdp::decode_licensing(*packet);
  ASSERT_TRUE(pdu) << pdu.error().message();
  const auto& response = std::get<rdp::PlatformChallengeResponse>(pdu->message);
  auto both = server_keys.transform(response.encrypted_response.octets);
  const auto answer = rdp::decode_platform_challenge_answer(both);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->challenge, plain);
  const auto id = server_keys.transform(response.encrypted_hardware_id.octets);
  EXPECT_TRUE(rdp::decode_client_hardware_id(id));
  both.insert(both.end(), id.begin(), id.end());
  EXPECT_EQ(server_keys.mac(both), response.mac);
}

TEST_F(LicenseExchangeTest, RefusesAChallengeWhoseMacIsOfOtherKeysOrThatComesUnasked) {
  auto tampered = challenge(Bytes(10, 7));
  EXPECT_FALSE(exchange.respond(tampered)) << "no request was made";
  ASSERT_TRUE(exchange.request(license_request(server_certificate()), {}));
  tampered.mac.front() ^= 1;
  EXPECT_FALSE(exchange.respond(tampered));
}

}  // namespace
}  // namespace rdpwhy::dialogue
