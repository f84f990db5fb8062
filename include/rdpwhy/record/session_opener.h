#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::record {

/// What is known of the key by which a server of Standard RDP Security says who it is (MS-RDPBCGR
/// 2.2.1.4.3.1, 5.3.3). All of it follows from the certificate alone; no key file is needed.
struct ServerKeyJudgement {
  enum class Form : std::uint8_t { kProprietary, kX509, kUnreadable };
  enum class Signature : std::uint8_t {
    kNotJudged,  ///< unreadable, or of a kind that is not judged here
    kValid,      ///< proprietary: by the terminal services signing key, which everybody has; X.509:
                 ///< by the next certificate of the chain (the root itself is not looked for)
    kInvalid,
  };
  Form form = Form::kUnreadable;
  Signature signature = Signature::kNotJudged;
  std::uint32_t key_bits = 0;  ///< RSA modulus, in bits; 0: unknown
  bool is_published = false;   ///< the private half is printed in other programs: no secret at all

  friend bool operator==(const ServerKeyJudgement&, const ServerKeyJudgement&) = default;
};

/// Opens what Standard RDP Security protects in one connection (MS-RDPBCGR 5.3); made by `crypto`
/// for each connection that is asked for it. Nothing here fails for what a peer sends: what cannot
/// be opened stays closed.
class SessionOpener {
 public:
  struct Opened {
    Bytes plaintext;       ///< without the padding of FIPS
    bool mac_fits = true;  ///< else what was decrypted is not what the sender had, or not its MAC
  };
  enum class Refusal : std::uint8_t {
    kNoKeys,       ///< the client random is not known, or security data and exchange were not seen
    kUnsupported,  ///< an encryption method that is none of the four
    kOutOfStep,    ///< octets of this side are missing since its last change of keys
    kMalformed,    ///< too short, no whole blocks, more padding than data
  };
  /// One protected payload: what follows the basic security header (2.2.8.1.1.2.2, 2.2.8.1.1.2.3)
  /// or the header of a fast-path PDU (2.2.8.1.2, 2.2.9.1.2).
  struct Protected {
    Side side = Side::kClient;
    /// SEC_SECURE_CHECKSUM, or FASTPATH_..._SECURE_CHECKSUM: the MAC covers the count of payloads.
    bool salted = false;
    ByteSpan signature;        ///< dataSignature, 8 octets
    std::uint8_t padding = 0;  ///< padlen of FIPS, else 0
    ByteSpan data;             ///< encryptedData
  };

  virtual ~SessionOpener() = default;

  /// TS_UD_SC_SEC1 of the server (2.2.1.4.3). Without random and certificate (method none): never
  /// mind, nothing will be protected.
  virtual ServerKeyJudgement server_security(std::uint32_t encryption_method,
                                             ByteSpan server_random,
                                             ByteSpan server_certificate) = 0;
  /// encryptedClientRandom of the Security Exchange PDU (2.2.1.10.1), with the zeros at its end.
  /// True when the session keys are known from here on.
  virtual bool security_exchange(ByteSpan encrypted_client_random) = 0;
  /// In the order of each side's stream. Every call counts the payload, but for kNoKeys and
  /// kUnsupported. After 4096 payloads of a side its keys are updated (5.3.7), nobody says so.
  virtual std::expected<Opened, Refusal> open(const Protected& payload) = 0;
  /// Octets of this side are missing: how many payloads they held is unknown.
  virtual void lost(Side side) = 0;
};

/// One opener for each connection; may be empty: protected payloads stay closed.
using SessionOpenerFactory = std::function<std::unique_ptr<SessionOpener>()>;

}  // namespace rdpwhy::record
