#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/time.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/record/certificate_facts.h"
#include "rdpwhy/record/phase.h"
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

/// An ICMP error about this connection (RFC 792, RFC 4443). Live it comes from the error queue.
struct IcmpError {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  bool v6 = false;
  std::string offender;  ///< address of the host that sent it
  std::string meaning;   ///< "host unreachable", "administratively prohibited", ...
  friend bool operator==(const IcmpError&, const IcmpError&) = default;
};

/// The flow was under way when the capture began: its first octets, and who is client, are inferred.
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
  std::uint32_t size = 0;  ///< octets of the body
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

/// A protected record that stays closed to us: an encrypted handshake message of TLS 1.2 (Finished),
/// anything after ServerHello in TLS 1.3 without keys.
struct ProtectedRecord {
  std::uint8_t type = 0;   ///< outer content type
  std::uint32_t size = 0;  ///< octets of the fragment
  friend bool operator==(const ProtectedRecord&, const ProtectedRecord&) = default;
};

/// Application data: what is said inside belongs to later phases.
struct ApplicationData {
  std::uint32_t size = 0;  ///< octets of the fragment as on the wire
  friend bool operator==(const ApplicationData&, const ApplicationData&) = default;
};

// --- what can go wrong --------------------------------------------------------------------------

/// Octets that are not the grammar they should be.
struct Malformed {
  std::string what;  ///< the message that was being read: "X.224 Connection Confirm"
  DecodeError error;
  Bytes first;       ///< at most 64 octets of it
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
    kClose,       ///< FIN
    kReset,       ///< RST on an established connection
    kRefused,     ///< RST to the SYN
    kUnreachable, ///< ICMP, no route, no ARP answer
    kUnanswered,  ///< SYN without any answer until the client gave up
    kLocal,       ///< our own machine refused to send (EPERM, EACCES)
    kCaptureEnd,  ///< the capture ends while the flow is open
  };
  Side by = Side::kNetwork;
  How how = How::kClose;
  Nanoseconds silence = 0;      ///< since the last octet of either side before it
  std::uint64_t client_bytes = 0;  ///< octets of the stream seen until here
  std::uint64_t server_bytes = 0;
  bool mid_message = false;     ///< a message of that side was incomplete

  /// Times aside (I4).
  friend bool operator==(const Ending& a, const Ending& b) {
    return a.by == b.by && a.how == b.how && a.client_bytes == b.client_bytes &&
           a.server_bytes == b.server_bytes && a.mid_message == b.mid_message;
  }
};
[[nodiscard]] std::string_view name_of(Ending::How how);

using Fact = std::variant<
    Resolved, Connecting, Connected, IcmpError, BeginsLate, ProxyOpening,
    rdp::ConnectionRequest, rdp::ConnectionConfirm, rdp::DisconnectRequest,
    rdp::DisconnectProviderUltimatum, rdp::DataTpdu,
    tls::ClientHello, tls::ServerHello, Certificates, tls::ServerKeyExchange,
    tls::CertificateRequest, EncryptedExtensions, HandshakeMessage, ChangeCipherSpec, TlsAlert,
    ProtectedRecord, ApplicationData,
    Malformed, Unexpected, ForeignProtocol, Gap, Ending>;

}  // namespace rdpwhy::record
