#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "rdpwhy/auth/message_protection.h"
#include "rdpwhy/auth/ntlm.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/base/time.h"

// What is computed in NTLM (MS-NLMP 3.3.2, 3.4), for either end. Only NTLMv2 with extended session
// security and 128 bits is ever spoken: what a current Windows does, and nothing weaker.
namespace rdpwhy::crypto {

/// MD4, RC4 and HMAC-MD5 can be had. Else an Error in plain words: OpenSSL's legacy provider is
/// missing, or FIPS mode forbids them.
[[nodiscard]] std::expected<void, Error> ntlm_available();

/// What a current mstsc opens with: flags 0xE20882B7 and the version of Windows 11 22H2.
[[nodiscard]] auth::NtlmNegotiate mstsc_ntlm_negotiate();

/// What goes into an AUTHENTICATE_MESSAGE besides the password. Texts are UTF-8.
struct NtlmClientPlan {
  std::string user;  ///< also "user@domain", then the domain stays empty
  std::string domain;
  std::string workstation;
  std::string service;  ///< MsvAvTargetName: "TERMSRV/host.example"
  /// MsvAvChannelBindings (see channel_bindings.h). Absent: 16 zeros, as mstsc sends them inside
  /// CredSSP, where pubKeyAuth binds to the channel.
  std::optional<std::array<std::uint8_t, 16>> channel_bindings;
  std::array<std::uint8_t, 8> client_challenge{};  ///< random
  std::shared_ptr<const Secret> session_key;       ///< 16 random octets: ExportedSessionKey
  Moment now;                                      ///< where the server says no time
};

struct NtlmRefusal {
  enum class Why : std::uint8_t {
    kUnavailable,  ///< ours: see ntlm_available
    kChallenge,    ///< the server's challenge lacks what a current Windows insists on
  };
  Why why = Why::kChallenge;
  std::string text;  ///< one lower-case sentence without a full stop
};

/// A security context as it comes about: the last message of the client, and what protects the
/// rest.
struct NtlmAnswer {
  Bytes authenticate;
  std::shared_ptr<auth::MessageProtection> protection;
};

/// MS-NLMP 3.1.5.1.2. `negotiate` and `challenge_octets` are the messages as they were sent and
/// received, which the MIC covers; `challenge` is the latter, decoded. Refused, as Windows does,
/// are challenges without 128 bit keys, and those that do not name the server (MsvAvNbComputerName
/// and MsvAvNbDomainName); those without extended session security, sealing or Unicode as well,
/// since what would be left to say is too weak to be said about a password.
[[nodiscard]] std::expected<NtlmAnswer, NtlmRefusal> answer_ntlm_challenge(
    ByteSpan negotiate, ByteSpan challenge_octets, const auth::NtlmChallenge& challenge,
    const NtlmClientPlan& plan, const Secret& password);

/// The server's end, for the lab and for tests. One object, one authentication.
class NtlmAcceptor {
 public:
  struct Settings {
    std::string target_name = "LAB";
    std::optional<auth::AvPairs> target_info;  ///< absent: NTLMSSP_NEGOTIATE_TARGET_INFO not set
    auth::NtlmVersion version{.major = 10, .minor = 0, .build = 20348, .revision = 15};
    std::array<std::uint8_t, 8> server_challenge{};  ///< random
    std::uint32_t refused_flags = 0;  ///< never negotiated, whatever the client offers
  };
  enum class Verdict : std::uint8_t {
    kUnavailable,    ///< see ntlm_available
    kMalformed,      ///< no AUTHENTICATE_MESSAGE, or not an answer to our challenge
    kNotNtlmv2,      ///< an older response, or none
    kWrongPassword,  ///< or another user, domain or challenge
    kWrongMic,       ///< the response is right, but the messages were changed on their way
  };

  explicit NtlmAcceptor(Settings settings) : settings_(std::move(settings)) {}

  /// The CHALLENGE_MESSAGE to a NEGOTIATE_MESSAGE.
  [[nodiscard]] std::expected<Bytes, DecodeError> challenge(ByteSpan negotiate);

  struct Accepted {
    auth::NtlmAuthenticate message;
    std::shared_ptr<auth::MessageProtection> protection;
  };
  /// `password` is that of the user whom the message names, UTF-8.
  [[nodiscard]] std::expected<Accepted, Verdict> accept(ByteSpan authenticate,
                                                        const Secret& password) const;

 private:
  Settings settings_;
  Bytes negotiate_;
  Bytes challenge_;
};

}  // namespace rdpwhy::crypto
