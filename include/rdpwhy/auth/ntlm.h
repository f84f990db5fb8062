#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/time.h"

// MS-NLMP 2.2: the messages. What is computed over them (keys, MIC, sealing) belongs to `crypto`.
namespace rdpwhy::auth {

/// MS-NLMP 2.2.2.5 NEGOTIATE: bits of NegotiateFlags.
namespace ntlm_flag {
inline constexpr std::uint32_t kUnicode = 0x00000001;
inline constexpr std::uint32_t kOem = 0x00000002;
inline constexpr std::uint32_t kRequestTarget = 0x00000004;
inline constexpr std::uint32_t kSign = 0x00000010;
inline constexpr std::uint32_t kSeal = 0x00000020;
inline constexpr std::uint32_t kDatagram = 0x00000040;
inline constexpr std::uint32_t kLmKey = 0x00000080;
inline constexpr std::uint32_t kNtlm = 0x00000200;
inline constexpr std::uint32_t kAnonymous = 0x00000800;
inline constexpr std::uint32_t kOemDomainSupplied = 0x00001000;
inline constexpr std::uint32_t kOemWorkstationSupplied = 0x00002000;
inline constexpr std::uint32_t kAlwaysSign = 0x00008000;
inline constexpr std::uint32_t kTargetTypeDomain = 0x00010000;
inline constexpr std::uint32_t kTargetTypeServer = 0x00020000;
inline constexpr std::uint32_t kExtendedSessionSecurity = 0x00080000;
inline constexpr std::uint32_t kIdentify = 0x00100000;
inline constexpr std::uint32_t kRequestNonNtSessionKey = 0x00400000;
inline constexpr std::uint32_t kTargetInfo = 0x00800000;
inline constexpr std::uint32_t kVersion = 0x02000000;
inline constexpr std::uint32_t k128 = 0x20000000;
inline constexpr std::uint32_t kKeyExchange = 0x40000000;
inline constexpr std::uint32_t k56 = 0x80000000;
}  // namespace ntlm_flag
/// "NTLMSSP_NEGOTIATE_UNICODE", ...; bits without a name as one hex string.
[[nodiscard]] std::vector<std::string> ntlm_flag_names(std::uint32_t flags);

/// MS-NLMP 2.2.2.10 VERSION
struct NtlmVersion {
  std::uint8_t major = 0;
  std::uint8_t minor = 0;
  std::uint16_t build = 0;
  std::uint8_t revision = 15;
  /// "10.0.20348"
  [[nodiscard]] std::string text() const;
  friend bool operator==(const NtlmVersion&, const NtlmVersion&) = default;
};
/// "Windows Server 2022", "Windows Server 2016 or Windows 10 1607": what Microsoft shipped with
/// that build; nothing for a build that no product is known for. A claim and no proof: FreeRDP says
/// 6.1.7601 wherever it runs.
[[nodiscard]] std::optional<std::string_view> windows_product(const NtlmVersion& version);

/// MS-NLMP 2.2.2.1 AV_PAIR
enum class AvId : std::uint16_t {
  kEol = 0,
  kNbComputerName = 1,
  kNbDomainName = 2,
  kDnsComputerName = 3,
  kDnsDomainName = 4,
  kDnsTreeName = 5,
  kFlags = 6,
  kTimestamp = 7,
  kSingleHost = 8,
  kTargetName = 9,
  kChannelBindings = 10,
};
struct AvPair {
  std::uint16_t id = 0;  ///< kept when unknown
  Bytes value;
  friend bool operator==(const AvPair&, const AvPair&) = default;
};
/// MS-NLMP 2.2.2.1: in wire order, without MsvAvEOL.
struct AvPairs {
  std::vector<AvPair> pairs;
  [[nodiscard]] const AvPair* find(AvId id) const;
  /// The UTF-16LE value of a name as UTF-8, unpaired surrogates replaced; nothing when absent.
  [[nodiscard]] std::optional<std::string> text(AvId id) const;
  [[nodiscard]] std::optional<std::uint32_t> flags() const;      ///< MsvAvFlags
  [[nodiscard]] std::optional<std::uint64_t> timestamp() const;  ///< FILETIME, 100 ns since 1601
  friend bool operator==(const AvPairs&, const AvPairs&) = default;
};
[[nodiscard]] std::expected<AvPairs, DecodeError> decode_av_pairs(ByteSpan octets,
                                                                  Notes* notes = nullptr);
/// MsvAvEOL is put behind them.
[[nodiscard]] Bytes encode(const AvPairs& pairs);

/// FILETIME (MS-DTYP 2.3.3) and our Moment.
[[nodiscard]] Moment moment_of_filetime(std::uint64_t filetime);
[[nodiscard]] std::uint64_t filetime_of(Moment moment);

/// MS-NLMP 2.2.1.1 NEGOTIATE_MESSAGE
struct NtlmNegotiate {
  std::uint32_t flags = 0;
  std::string domain_name;  ///< OEM code page, as on the wire
  std::string workstation_name;
  std::optional<NtlmVersion> version;
  friend bool operator==(const NtlmNegotiate&, const NtlmNegotiate&) = default;
};

/// MS-NLMP 2.2.1.2 CHALLENGE_MESSAGE
struct NtlmChallenge {
  std::uint32_t flags = 0;
  std::string target_name;  ///< UTF-8
  std::array<std::uint8_t, 8> server_challenge{};
  std::optional<AvPairs> target_info;
  std::optional<NtlmVersion> version;
  friend bool operator==(const NtlmChallenge&, const NtlmChallenge&) = default;
};

/// MS-NLMP 2.2.1.3 AUTHENTICATE_MESSAGE. Responses, session key and MIC are proofs of a password:
/// whoever keeps this in a record empties them first (`without_responses`).
struct NtlmAuthenticate {
  std::uint32_t flags = 0;
  std::string domain_name;  ///< UTF-8
  std::string user_name;
  std::string workstation;
  Bytes lm_response;
  Bytes nt_response;
  Bytes encrypted_random_session_key;
  std::optional<NtlmVersion> version;
  std::optional<std::array<std::uint8_t, 16>> mic;
  /// MS-NLMP 2.2.2.8, of an NTLMv2 response: what the client bound itself to.
  struct ClientChallenge {
    std::uint64_t timestamp = 0;  ///< FILETIME
    std::array<std::uint8_t, 8> challenge{};
    AvPairs av_pairs;
    friend bool operator==(const ClientChallenge&, const ClientChallenge&) = default;
  };
  std::optional<ClientChallenge> ntlmv2;
  std::uint32_t lm_response_size = 0;  ///< octets on the wire, also when the octets are emptied
  std::uint32_t nt_response_size = 0;
  std::uint32_t encrypted_random_session_key_size = 0;
  friend bool operator==(const NtlmAuthenticate&, const NtlmAuthenticate&) = default;
};
/// Sizes stay, and so does that there was a MIC, whose octets become zeros: with the challenges it
/// would let a guess at the password be checked.
[[nodiscard]] NtlmAuthenticate without_responses(NtlmAuthenticate message);

inline constexpr std::string_view kNtlmSignature{"NTLMSSP\0", 8};
[[nodiscard]] bool is_ntlm(ByteSpan token);
/// MessageType of a token that is_ntlm: 1, 2, 3 or whatever stands there; nothing when cut off.
[[nodiscard]] std::optional<std::uint32_t> ntlm_message_type(ByteSpan token);

[[nodiscard]] std::expected<NtlmNegotiate, DecodeError> decode_ntlm_negotiate(
    ByteSpan message, Notes* notes = nullptr);
[[nodiscard]] std::expected<NtlmChallenge, DecodeError> decode_ntlm_challenge(
    ByteSpan message, Notes* notes = nullptr);
[[nodiscard]] std::expected<NtlmAuthenticate, DecodeError> decode_ntlm_authenticate(
    ByteSpan message, Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const NtlmNegotiate& message);
[[nodiscard]] Bytes encode(const NtlmChallenge& message);
/// The octets of nt_response are written as they are; `ntlmv2` is not looked at.
[[nodiscard]] Bytes encode(const NtlmAuthenticate& message);
/// Where the 16 octets of the MIC stand in an AUTHENTICATE_MESSAGE with version and MIC fields.
inline constexpr std::size_t kNtlmMicOffset = 72;

}  // namespace rdpwhy::auth
