#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.8.1.1.2.1 TS_SECURITY_HEADER, flags.
namespace security_flags {
inline constexpr std::uint16_t kExchangePacket = 0x0001;
inline constexpr std::uint16_t kTransportRequest = 0x0002;
inline constexpr std::uint16_t kTransportResponse = 0x0004;  ///< RDP_SEC_TRANSPORT_RSP
inline constexpr std::uint16_t kEncrypt = 0x0008;
inline constexpr std::uint16_t kResetSequenceNumber = 0x0010;
inline constexpr std::uint16_t kIgnoreSequenceNumber = 0x0020;
inline constexpr std::uint16_t kInfoPacket = 0x0040;
inline constexpr std::uint16_t kLicensePacket = 0x0080;
inline constexpr std::uint16_t kLicenseEncrypt = 0x0200;
inline constexpr std::uint16_t kRedirectionPacket = 0x0400;
inline constexpr std::uint16_t kSecureChecksum = 0x0800;
inline constexpr std::uint16_t kAutodetectRequest = 0x1000;
inline constexpr std::uint16_t kAutodetectResponse = 0x2000;
inline constexpr std::uint16_t kHeartbeat = 0x4000;
inline constexpr std::uint16_t kFlagsHiValid = 0x8000;
}  // namespace security_flags

/// "SEC_INFO_PKT", ...; bits without a name as one hex number.
[[nodiscard]] std::vector<std::string> security_flag_names(std::uint16_t flags);

/// Which header stands before the payload of a Send Data PDU. The octets alone do not tell it.
enum class SecurityHeaderForm : std::uint8_t {
  kBasic,    ///< flags and flagsHi
  kNonFips,  ///< and a signature
  kFips,     ///< and the FIPS length, version, padding and signature
};

/// MS-RDPBCGR 2.2.8.1.1.2 TS_SECURITY_HEADER, TS_SECURITY_HEADER1, TS_SECURITY_HEADER2
struct SecurityHeader {
  static constexpr std::uint16_t kFipsLength = 0x10;
  static constexpr std::uint8_t kFipsVersion = 1;
  using Signature = std::array<std::uint8_t, 8>;

  std::uint16_t flags = 0;
  std::uint16_t flags_hi = 0;
  std::optional<Signature> signature;   ///< dataSignature; there in both longer forms
  std::optional<std::uint8_t> padding;  ///< padlen, in the FIPS form

  [[nodiscard]] bool has(std::uint16_t flag) const { return (flags & flag) != 0; }
  [[nodiscard]] SecurityHeaderForm form() const {
    if (!signature) return SecurityHeaderForm::kBasic;
    return padding ? SecurityHeaderForm::kFips : SecurityHeaderForm::kNonFips;
  }
  friend bool operator==(const SecurityHeader&, const SecurityHeader&) = default;
};

[[nodiscard]] SecurityHeader read_security_header(Reader& r, SecurityHeaderForm form);
void write(Writer& w, const SecurityHeader& header);

/// A header and where its payload begins in the octets given.
struct SecuredPayload {
  SecurityHeader header;
  std::size_t header_size = 0;
  friend bool operator==(const SecuredPayload&, const SecuredPayload&) = default;
};

/// `user_data` of a Send Data PDU. What follows the header is not looked at.
[[nodiscard]] std::expected<SecuredPayload, DecodeError> decode_security_header(
    ByteSpan user_data, SecurityHeaderForm form, Notes* notes = nullptr);
/// The payload behind its header, as user data of a Send Data PDU.
[[nodiscard]] Bytes encode(const SecurityHeader& header, ByteSpan payload);

/// MS-RDPBCGR 5.3.2, 2.2.8.1.1.2: the form that a side's protected payloads have. `method` is the
/// server's encryptionMethod, with kEncrypt among the flags.
[[nodiscard]] SecurityHeaderForm form_of_encrypted(std::uint32_t encryption_method);

}  // namespace rdpwhy::rdp
