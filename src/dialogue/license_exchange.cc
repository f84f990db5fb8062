#include "dialogue/license_exchange.h"

#include "rdpwhy/base/secret.h"
#include "rdpwhy/crypto/standard_security.h"
#include "rdpwhy/rdp/server_certificate.h"

namespace rdpwhy::dialogue {
namespace {

using rdp::LicensingBlobType;
using rdp::LicensingType;

// MS-RDPELE 2.2.2.2: CLIENT_OS_ID_WINNT_POST_52 and CLIENT_IMAGE_ID_MICROSOFT.
constexpr std::uint32_t kPlatform = 0x04010000;

/// One and the same for every probe: a licence per device is then issued once at most.
rdp::ClientHardwareId hardware_id() { return {.platform_id = kPlatform}; }

rdp::LicensingBlob blob(LicensingBlobType type, Bytes octets) {
  return {static_cast<std::uint16_t>(type), std::move(octets)};
}

template <typename Message>
Bytes encoded(LicensingType type, Message message) {
  return rdp::encode(
      rdp::LicensingPdu{.type = static_cast<std::uint8_t>(type), .message = std::move(message)});
}

std::string user_name(const ProbePlan& plan) {
  const auto& credentials = plan.credssp.credentials;
  return credentials == nullptr ? plan.session.client_name : credentials->user();
}

}  // namespace

std::optional<Bytes> LicenseExchange::request(const rdp::LicenseRequest& asked,
                                              ByteSpan certificate) {
  const auto& randomness = plan_->session.licensing;
  if (randomness.premaster_secret == nullptr) return std::nullopt;
  const auto& own = asked.server_certificate.octets;
  const auto key = rdp::decode_server_certificate(own.empty() ? certificate : ByteSpan(own));
  if (!key) return std::nullopt;
  auto encrypted = crypto::encrypt_to_server(*key, *randomness.premaster_secret);
  keys_ = crypto::LicensingKeys::derive(*randomness.premaster_secret, randomness.client_random,
                                        asked.server_random);
  if (!encrypted || !keys_) return std::nullopt;
  return encoded(LicensingType::kNewLicenseRequest,
                 rdp::NewLicenseRequest{.platform_id = kPlatform,
                                        .client_random = randomness.client_random,
                                        .encrypted_premaster_secret =
                                            blob(LicensingBlobType::kRandom, std::move(*encrypted)),
                                        .user_name = user_name(*plan_),
                                        .machine_name = plan_->session.client_name});
}

std::optional<Bytes> LicenseExchange::respond(const rdp::PlatformChallenge& challenge) const {
  if (!keys_) return std::nullopt;
  const auto plain = keys_->transform(challenge.encrypted_challenge.octets);
  if (keys_->mac(plain) != challenge.mac) return std::nullopt;
  const auto answer = rdp::encode(rdp::PlatformChallengeAnswer{.challenge = plain});
  const auto id = rdp::encode(hardware_id());
  auto both = answer;
  both.insert(both.end(), id.begin(), id.end());
  return encoded(
      LicensingType::kPlatformChallengeResponse,
      rdp::PlatformChallengeResponse{
          .encrypted_response = blob(LicensingBlobType::kEncryptedData, keys_->transform(answer)),
          .encrypted_hardware_id = blob(LicensingBlobType::kEncryptedData, keys_->transform(id)),
          .mac = keys_->mac(both)});
}

}  // namespace rdpwhy::dialogue
