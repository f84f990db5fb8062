#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/rdp/server_certificate.h"

// MS-RDPBCGR 2.2.1.12 and MS-RDPELE 2.2: what follows the basic security header with
// SEC_LICENSE_PKT. Nothing is decrypted here (crypto/licensing_keys.h).
namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.1.12.1.1 bMsgType
enum class LicensingType : std::uint8_t {
  kLicenseRequest = 0x01,
  kPlatformChallenge = 0x02,
  kNewLicense = 0x03,
  kUpgradeLicense = 0x04,
  kLicenseInfo = 0x12,
  kNewLicenseRequest = 0x13,
  kPlatformChallengeResponse = 0x15,
  kErrorAlert = 0xFF,
};
/// "LICENSE_REQUEST", "ERROR_ALERT", ...
[[nodiscard]] std::optional<std::string_view> licensing_type_name(std::uint8_t type);

/// MS-RDPBCGR 2.2.1.12.1.2 wBlobType
enum class LicensingBlobType : std::uint16_t {
  kAny = 0,
  kData = 1,
  kRandom = 2,
  kCertificate = 3,
  kError = 4,
  kEncryptedData = 9,
  kKeyExchangeAlgorithm = 13,
  kScope = 14,
  kClientUserName = 15,
  kClientMachineName = 16,
};

/// MS-RDPBCGR 2.2.1.12.1.2 Licensing Binary Blob (LICENSE_BINARY_BLOB). The type is kept as it
/// came: Windows leaves it to chance where the receiver is to ignore it.
struct LicensingBlob {
  std::uint16_t type = 0;
  Bytes octets;

  friend bool operator==(const LicensingBlob&, const LicensingBlob&) = default;
};

/// MS-RDPELE 2.2.2.1.1 Product Information (PRODUCT_INFO)
struct ProductInformation {
  std::uint32_t version = 0;  ///< major number in the high half: 0x00060002 is 6.2
  std::string company_name;
  std::string product_id;  ///< "A02": a session host of Windows Server

  friend bool operator==(const ProductInformation&, const ProductInformation&) = default;
};

using LicensingRandom = std::array<std::uint8_t, 32>;
using LicensingMac = std::array<std::uint8_t, 16>;

/// MS-RDPELE 2.2.2.1 Server License Request (SERVER_LICENSE_REQUEST)
struct LicenseRequest {
  static constexpr std::size_t kMostScopes = 64;
  LicensingRandom server_random{};
  ProductInformation product;
  std::vector<std::uint32_t> key_exchange_algorithms{1};  ///< KeyExchangeList: 1 is RSA
  /// ServerCertificate: empty where the server's security data gave one already. It may not be
  /// readable as one: decode_server_certificate says.
  LicensingBlob server_certificate{3, {}};
  std::vector<std::string> scopes;  ///< ScopeList: "microsoft.com"

  friend bool operator==(const LicenseRequest&, const LicenseRequest&) = default;
};

/// MS-RDPELE 2.2.2.4 Server Platform Challenge (SERVER_PLATFORM_CHALLENGE)
struct PlatformChallenge {
  std::uint32_t connect_flags = 0;  ///< reserved, and left to chance by Windows
  LicensingBlob encrypted_challenge{0, {}};
  LicensingMac mac{};  ///< over the challenge in the clear

  friend bool operator==(const PlatformChallenge&, const PlatformChallenge&) = default;
};

/// MS-RDPELE 2.2.2.7 Server New License (SERVER_NEW_LICENSE), 2.2.2.6 Server Upgrade License
/// (SERVER_UPGRADE_LICENSE): the type of the PDU tells them apart.
struct IssuedLicense {
  LicensingBlob encrypted_license_info{9, {}};  ///< a NewLicenseInformation
  LicensingMac mac{};

  friend bool operator==(const IssuedLicense&, const IssuedLicense&) = default;
};

/// MS-RDPELE 2.2.2.2 Client New License Request (CLIENT_NEW_LICENSE_REQUEST)
struct NewLicenseRequest {
  std::uint32_t preferred_key_exchange_algorithm = 1;
  std::uint32_t platform_id = 0;
  LicensingRandom client_random{};
  LicensingBlob encrypted_premaster_secret{2, {}};
  std::string user_name;
  std::string machine_name;

  friend bool operator==(const NewLicenseRequest&, const NewLicenseRequest&) = default;
};

/// MS-RDPELE 2.2.2.3 Client License Information (CLIENT_LICENSE_INFO)
struct LicenseInformation {
  std::uint32_t preferred_key_exchange_algorithm = 1;
  std::uint32_t platform_id = 0;
  LicensingRandom client_random{};
  LicensingBlob encrypted_premaster_secret{2, {}};
  LicensingBlob license{1, {}};  ///< LicenseInfo: the licence that the client has
  LicensingBlob encrypted_hardware_id{9, {}};
  LicensingMac mac{};

  friend bool operator==(const LicenseInformation&, const LicenseInformation&) = default;
};

/// MS-RDPELE 2.2.2.5 Client Platform Challenge Response (CLIENT_PLATFORM_CHALLENGE_RESPONSE)
struct PlatformChallengeResponse {
  LicensingBlob encrypted_response{9, {}};  ///< a PlatformChallengeAnswer
  LicensingBlob encrypted_hardware_id{9, {}};
  LicensingMac mac{};

  friend bool operator==(const PlatformChallengeResponse&,
                         const PlatformChallengeResponse&) = default;
};

/// MS-RDPBCGR 2.2.1.12.1.3 Licensing Error Message (LICENSE_ERROR_MESSAGE). STATUS_VALID_CLIENT (7)
/// is how licensing ends well.
struct LicensingError {
  static constexpr std::uint32_t kValidClient = 7;
  std::uint32_t error_code = 0;
  std::uint32_t state_transition = 0;
  LicensingBlob error_info{4, {}};

  friend bool operator==(const LicensingError&, const LicensingError&) = default;
};

/// A message of a type that no specification has.
struct UnknownLicensing {
  Bytes octets;

  friend bool operator==(const UnknownLicensing&, const UnknownLicensing&) = default;
};

/// MS-RDPBCGR 2.2.1.12.1.1 Licensing Preamble (LICENSE_PREAMBLE) and the message behind it.
struct LicensingPdu {
  static constexpr std::uint8_t kVersionMask = 0x0F;  ///< 2: RDP 4.0, 3: RDP 5.0 and later
  static constexpr std::uint8_t kExtendedErrors = 0x80;

  std::uint8_t type = 0;  ///< bMsgType
  std::uint8_t flags = 3;
  std::variant<UnknownLicensing, LicenseRequest, PlatformChallenge, IssuedLicense,
               LicenseInformation, NewLicenseRequest, PlatformChallengeResponse, LicensingError>
      message;

  [[nodiscard]] const LicensingError* error() const {
    return std::get_if<LicensingError>(&message);
  }
  [[nodiscard]] const LicenseRequest* request() const {
    return std::get_if<LicenseRequest>(&message);
  }

  friend bool operator==(const LicensingPdu&, const LicensingPdu&) = default;
};

/// The PDU ends where wMsgSize says; octets behind it are noted and dropped.
[[nodiscard]] std::expected<LicensingPdu, DecodeError> decode_licensing(ByteSpan octets,
                                                                        Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const LicensingPdu& pdu);

/// MS-RDPELE 2.2.2.6.1 New License Information (NEW_LICENSE_INFO), decrypted.
struct NewLicenseInformation {
  std::uint32_t version = 0;
  std::string scope;
  std::string company_name;
  std::string product_id;
  Bytes license;  ///< pbLicenseInfo: X.509 certificates (PKCS #7) that the client is to keep

  friend bool operator==(const NewLicenseInformation&, const NewLicenseInformation&) = default;
};
[[nodiscard]] std::expected<NewLicenseInformation, DecodeError> decode_new_license_information(
    ByteSpan octets, Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const NewLicenseInformation& information);

/// MS-RDPELE 2.2.2.5.1 Platform Challenge Response Data (PLATFORM_CHALLENGE_RESPONSE_DATA), in the
/// clear.
struct PlatformChallengeAnswer {
  std::uint16_t version = 0x0100;
  std::uint16_t client_type = 0x0100;           ///< 0xFF00: others than Windows
  std::uint16_t license_detail_level = 0x0003;  ///< LICENSE_DETAIL_DETAIL
  Bytes challenge;

  friend bool operator==(const PlatformChallengeAnswer&, const PlatformChallengeAnswer&) = default;
};
[[nodiscard]] std::expected<PlatformChallengeAnswer, DecodeError> decode_platform_challenge_answer(
    ByteSpan octets, Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const PlatformChallengeAnswer& answer);

/// MS-RDPELE 2.2.2.3.1 Client Hardware Identification (CLIENT_HARDWARE_ID), in the clear.
struct ClientHardwareId {
  std::uint32_t platform_id = 0;
  std::array<std::uint32_t, 4> data{};

  friend bool operator==(const ClientHardwareId&, const ClientHardwareId&) = default;
};
[[nodiscard]] std::expected<ClientHardwareId, DecodeError> decode_client_hardware_id(
    ByteSpan octets, Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const ClientHardwareId& id);

}  // namespace rdpwhy::rdp
