#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/time.h"
#include "rdpwhy/rdp/autodetect.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/client_info.h"
#include "rdpwhy/rdp/heartbeat.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/multitransport.h"
#include "rdpwhy/rdp/redirection.h"
#include "rdpwhy/rdp/server_blocks.h"
#include "rdpwhy/rdp/share_control.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/record/certificate_facts.h"
#include "rdpwhy/record/phase.h"
#include "rdpwhy/record/session_opener.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::record {

// --- before the first octet -------------------------------------------------------------------

/// The name was looked up. Live only.
struct Resolved {
  std::string name;
  std::vector<std::string> addresses;  ///< in the order in which a client would try them
  std::string error;                   ///< the resolver's own words; empty when it answered
  friend bool operator==(const Resolved&, const Resolved&) = default;
};

/// The client asks for a connection (its first SYN).
struct Connecting {
  friend bool operator==(const Connecting&, const Connecting&) = default;
};

/// The server's SYN-ACK arrived.
struct Connected {
  friend bool operator==(const Connected&, const Connected&) = default;
};

/// An ICMP error about this connection (RFC 792, RFC 4443). Live it comes from the error queue
/// while TCP is being established; later the kernel tells only that there was one and what it
/// stands for.
struct IcmpError {
  std::optional<std::uint8_t> type;  ///< both unknown: the kernel kept the message to itself
  std::optional<std::uint8_t> code;
  bool v6 = false;
  std::string offender;  ///< address of the host that sent it; empty: unknown
  std::string meaning;   ///< "host unreachable", "administratively prohibited", ...
  friend bool operator==(const IcmpError&, const IcmpError&) = default;
};

/// The flow was under way when the capture began: its first octets, and who is client, are
/// inferred.
struct BeginsLate {
  friend bool operator==(const BeginsLate&, const BeginsLate&) = default;
};

/// Another protocol opened the way first: SOCKS (RFC 1928), HTTP CONNECT, a PROXY protocol header.
struct ProxyOpening {
  std::string protocol;  ///< "SOCKS5", "SOCKS4", "HTTP CONNECT", "PROXY v1", "PROXY v2"
  std::string target;    ///< "host:port" where it names one
  std::string answer;    ///< of the proxy; empty for the client's own side
  bool granted = true;
  friend bool operator==(const ProxyOpening&, const ProxyOpening&) = default;
};

// --- TLS (X.224 facts are the structs of rdp/x224.h themselves) ---------------------------------

/// A Certificate message of either side; the list can be empty.
struct Certificates {
  std::vector<CertificateHandle> chain;  ///< leaf first, as sent
  friend bool operator==(const Certificates& a, const Certificates& b) {
    if (a.chain.size() != b.chain.size()) return false;
    for (std::size_t i = 0; i < a.chain.size(); ++i) {
      if (!(*a.chain[i] == *b.chain[i])) return false;
    }
    return true;
  }
};

/// A handshake message of which only type and size matter here (ServerHelloDone, Finished, ...).
struct HandshakeMessage {
  std::uint8_t type = 0;
  std::uint32_t size = 0;                            ///< octets of the body
  std::optional<std::uint16_t> signature_algorithm;  ///< CertificateVerify
  friend bool operator==(const HandshakeMessage&, const HandshakeMessage&) = default;
};

/// RFC 8446 4.3.1 EncryptedExtensions (seen only with keys).
struct EncryptedExtensions {
  std::vector<std::uint16_t> types;
  friend bool operator==(const EncryptedExtensions&, const EncryptedExtensions&) = default;
};

struct ChangeCipherSpec {
  friend bool operator==(const ChangeCipherSpec&, const ChangeCipherSpec&) = default;
};

/// An alert; nothing inside when it is encrypted and no keys are at hand.
struct TlsAlert {
  std::optional<tls::Alert> alert;
  friend bool operator==(const TlsAlert&, const TlsAlert&) = default;
};

/// A protected record that stays closed to us: an encrypted handshake message of TLS 1.2
/// (Finished), anything after ServerHello in TLS 1.3 without keys.
struct ProtectedRecord {
  std::uint8_t type = 0;   ///< outer content type
  std::uint32_t size = 0;  ///< octets of the fragment
  friend bool operator==(const ProtectedRecord&, const ProtectedRecord&) = default;
};

/// Application data: what is said inside belongs to later phases. Of a record that was opened only
/// where it holds the beginning of a message and no more: messages have facts of their own.
struct ApplicationData {
  std::uint32_t size = 0;       ///< octets of the fragment as on the wire
  bool begins_message = false;  ///< opened: the rest of the message is in later records
  friend bool operator==(const ApplicationData&, const ApplicationData&) = default;
};

// --- authentication (RDSTLS and early authorization facts are the structs of auth/ themselves)
// ----

/// A TSRequest (MS-CSSP 2.2.1) with its tokens read. Nothing in it proves a password: see
/// auth::Token; the sealed TSCredentials are kept by size.
struct CredsspMessage {
  std::uint32_t version = 0;
  bool has_nego_tokens = false;
  std::vector<auth::Token> tokens;
  std::optional<std::uint32_t> auth_info_size;  ///< octets
  std::optional<Bytes> pub_key_auth;            ///< sealed
  std::optional<std::uint32_t> error_code;      ///< NTSTATUS or SECURITY_STATUS
  std::optional<Bytes> client_nonce;
  friend bool operator==(const CredsspMessage&, const CredsspMessage&) = default;
};

/// Our own talk with the KDC (RFC 4120 3.1 and 3.3). Live only.
struct KdcTalk {
  enum class Outcome : std::uint8_t {
    kGranted,
    kRefused,      ///< the KDC answered with an error
    kUnreachable,  ///< no KDC answers, or none is known for the realm
    kTimeout,      ///< the deadline of the phase passed first
    kUnavailable,  ///< our side: no realm, no credentials, a configuration that cannot be read
  };
  Outcome outcome = Outcome::kGranted;
  std::string principal;  ///< "user@REALM", as far as known
  std::string service;    ///< "TERMSRV/host@REALM"; empty: the ticket-granting ticket
  std::optional<std::int32_t> error_code;   ///< RFC 4120 7.5.9
  std::string words;                        ///< the library's own, printable, no secret in them
  std::optional<Nanoseconds> clock_offset;  ///< the KDC's clock minus ours
  bool from_cache = false;                  ///< an existing credential cache was used, no password
  friend bool operator==(const KdcTalk&, const KdcTalk&) = default;
};
[[nodiscard]] std::string_view name_of(KdcTalk::Outcome outcome);

// --- the session's phases (single PDUs are the structs of rdp/ themselves) ----------------------

/// MS-RDPBCGR 2.2.1.3 Client MCS Connect Initial PDU: MCS, GCC and the client's data blocks.
struct McsConnectInitial {
  rdp::DomainParameters target, minimum, maximum;
  rdp::ClientBlocks blocks;
  friend bool operator==(const McsConnectInitial&, const McsConnectInitial&) = default;
};

/// MS-RDPBCGR 2.2.1.4 Server MCS Connect Response PDU.
struct McsConnectResponse {
  std::uint8_t result = 0;  ///< T.125 Result
  rdp::DomainParameters parameters;
  std::uint8_t conference_result = 0;  ///< T.124 8.7
  rdp::ServerBlocks blocks;
  /// Standard RDP Security, where somebody judged the key that the server shows.
  std::optional<ServerKeyJudgement> server_key;

  [[nodiscard]] bool accepts() const { return result == 0 && conference_result == 0; }
  friend bool operator==(const McsConnectResponse&, const McsConnectResponse&) = default;
};

/// MS-RDPBCGR 2.2.1.10 Client Security Exchange PDU. The encrypted random itself is nobody's
/// business.
struct SecurityExchanged {
  std::uint32_t size = 0;   ///< octets of encryptedClientRandom
  bool keys_known = false;  ///< with it what follows can be opened
  friend bool operator==(const SecurityExchanged&, const SecurityExchanged&) = default;
};

/// A payload of Standard RDP Security that stays closed: its flags and size are all that can be
/// seen.
struct ClosedPayload {
  std::uint16_t flags = 0;  ///< of the basic security header
  std::uint32_t size = 0;   ///< octets of encryptedData
  /// Why; nothing: nobody tried.
  std::optional<SessionOpener::Refusal> refusal;
  friend bool operator==(const ClosedPayload&, const ClosedPayload&) = default;
};

/// Data of a static virtual channel, of which only the size is kept.
struct ChannelData {
  std::uint16_t channel_id = 0;
  std::uint32_t size = 0;
  friend bool operator==(const ChannelData&, const ChannelData&) = default;
};

/// MS-RDPBCGR 2.2.8.1.2, 2.2.9.1.2: drawing or input before the session is active, of which only
/// the size is kept.
struct FastPathPdu {
  std::uint32_t size = 0;
  friend bool operator==(const FastPathPdu&, const FastPathPdu&) = default;
};

// --- what can go wrong --------------------------------------------------------------------------

/// Octets that are not the grammar they should be.
struct Malformed {
  std::string what;  ///< the message that was being read: "X.224 Connection Confirm"
  DecodeError error;
  Bytes first;             ///< at most 64 octets of it
  bool own_limit = false;  ///< longer than is read here, which breaks no rule
  friend bool operator==(const Malformed&, const Malformed&) = default;
};

/// Grammar fine, but not its turn: "got a X, expected A or B, after C and D".
struct Unexpected {
  std::string got;
  std::string expected;
  std::string seen;
  Bytes first;
  friend bool operator==(const Unexpected&, const Unexpected&) = default;
};

/// The peer speaks something else on this port.
struct ForeignProtocol {
  std::string protocol;  ///< "SSH", "HTTP", "RFB (VNC)", "TLS", "SMTP", "FTP"; empty: unknown
  Bytes first;           ///< at most 64 octets
  friend bool operator==(const ForeignProtocol&, const ForeignProtocol&) = default;
};

/// Octets that the capture does not hold.
struct Gap {
  std::uint64_t size = 0;  ///< octets; 0: unknown
  friend bool operator==(const Gap&, const Gap&) = default;
};

/// One direction, or all of it, ended. Several can follow one another (our FIN, then the peer's).
struct Ending {
  enum class How : std::uint8_t {
    kClose,        ///< FIN
    kReset,        ///< RST on an established connection
    kRefused,      ///< RST to the SYN
    kUnreachable,  ///< ICMP, no route, no ARP answer
    kUnanswered,   ///< SYN without any answer until the client gave up
    kLocal,        ///< our own machine refused to send (EPERM, EACCES)
    kCaptureEnd,   ///< the capture ends while the flow is open
  };
  Side by = Side::kNetwork;
  How how = How::kClose;
  Nanoseconds silence = 0;         ///< since the last octet of either side before it
  std::uint64_t client_bytes = 0;  ///< octets of the stream seen until here
  std::uint64_t server_bytes = 0;
  bool mid_message = false;             ///< a message of that side was incomplete
  std::uint32_t server_unfinished = 0;  ///< octets of the server's message that was not whole yet
  /// Whole messages of the server, from MCS on, for which the record had no room.
  std::uint32_t server_untold = 0;

  /// Times aside (I4).
  friend bool operator==(const Ending& a, const Ending& b) {
    return a.by == b.by && a.how == b.how && a.client_bytes == b.client_bytes &&
           a.server_bytes == b.server_bytes && a.mid_message == b.mid_message &&
           a.server_unfinished == b.server_unfinished && a.server_untold == b.server_untold;
  }
};
[[nodiscard]] std::string_view name_of(Ending::How how);

/// A fact that is large and rare, kept apart: a capture can have a hundred thousand connections
/// open at once, with dozens of small evidences each, and a variant is as large as its largest
/// alternative. A value like any other; `get_if`, `get` and `holds` below see through it.
template <typename T>
class Boxed {
 public:
  Boxed(T value)
      : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT: as a T becomes a variant
  Boxed(const Boxed& other) : value_(std::make_unique<T>(*other.value_)) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) {
    value_ = std::make_unique<T>(*other.value_);
    return *this;
  }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;

  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] T& operator*() { return *value_; }
  operator const T&() const { return *value_; }  // NOLINT: for std::visit with functions of a T
  friend bool operator==(const Boxed& a, const Boxed& b) { return *a == *b; }

 private:
  std::unique_ptr<T> value_;  ///< empty only after a move
};

using Fact = std::variant<
    Connecting, Connected, BeginsLate, Boxed<Resolved>, Boxed<IcmpError>, Boxed<ProxyOpening>,
    Boxed<rdp::ConnectionRequest>, rdp::ConnectionConfirm, rdp::DisconnectRequest,
    rdp::DisconnectProviderUltimatum, rdp::DataTpdu, Boxed<tls::ClientHello>,
    Boxed<tls::ServerHello>, Certificates, tls::ServerKeyExchange, Boxed<tls::CertificateRequest>,
    EncryptedExtensions, HandshakeMessage, ChangeCipherSpec, TlsAlert, ProtectedRecord,
    ApplicationData, Boxed<CredsspMessage>, auth::EarlyUserAuthorizationResult,
    Boxed<auth::RdstlsPdu>, Boxed<KdcTalk>, Boxed<McsConnectInitial>, Boxed<McsConnectResponse>,
    rdp::ErectDomainRequest, rdp::AttachUserRequest, rdp::AttachUserConfirm,
    rdp::ChannelJoinRequest, rdp::ChannelJoinConfirm, rdp::OtherDomainPdu, SecurityExchanged,
    Boxed<rdp::ClientInfo>, Boxed<rdp::Autodetect>, Boxed<rdp::LicensingPdu>,
    rdp::MultitransportRequest, rdp::MultitransportResponse, rdp::Heartbeat,
    Boxed<rdp::ShareControl>, Boxed<rdp::ServerRedirection>, ClosedPayload, ChannelData,
    FastPathPdu, Boxed<Malformed>, Boxed<Unexpected>, ForeignProtocol, Gap, Ending>;
static_assert(sizeof(Fact) <= 80, "box what is larger");

/// How a T stands in a Fact.
template <typename T>
inline constexpr bool kIsBoxed = std::is_constructible_v<Fact, std::in_place_type_t<Boxed<T>>, T>;

/// The T in a fact, boxed or not; null when it holds something else.
template <typename T>
[[nodiscard]] const T* get_if(const Fact* fact) {
  if constexpr (kIsBoxed<T>) {
    const auto* box = std::get_if<Boxed<T>>(fact);
    return box == nullptr ? nullptr : &**box;
  } else {
    return std::get_if<T>(fact);
  }
}

template <typename T>
[[nodiscard]] bool holds(const Fact& fact) {
  return get_if<T>(&fact) != nullptr;
}

/// The T that the fact is known to hold.
template <typename T>
[[nodiscard]] const T& get(const Fact& fact) {
  if constexpr (kIsBoxed<T>) {
    return *std::get<Boxed<T>>(fact);
  } else {
    return std::get<T>(fact);
  }
}
template <typename T>
[[nodiscard]] T& get(Fact& fact) {
  return const_cast<T&>(get<T>(static_cast<const Fact&>(fact)));
}

}  // namespace rdpwhy::record
