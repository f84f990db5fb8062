#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"

namespace rdpwhy::crypto {

/// What our ClientHello offers. Numbers are those of the IANA registries; what OpenSSL 3 cannot do
/// any more is refused with an Error that lists it. OpenSSL writes TLS 1.3 suites before all
/// others, the order among each kind is kept. An empty list means OpenSSL's own default.
struct TlsOffer {
  std::uint16_t min_version = 0x0301;
  std::uint16_t max_version = 0x0304;
  std::vector<std::uint16_t> cipher_suites;  ///< TLS 1.3 and older ones in one list, in order
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
  std::string server_name;           ///< empty: no server_name extension. mstsc sends addresses too
  bool status_request = false;       ///< RFC 6066 8, an OCSP response is welcome
  bool encrypt_then_mac = false;     ///< RFC 7366; Schannel does not know it
  bool post_handshake_auth = false;  ///< RFC 8446 4.2.6; answered with an empty Certificate
  bool skip_unsupported = false;     ///< leave out what OpenSSL cannot do instead of refusing

  /// Versions, suites, groups and signature algorithms of a current mstsc (Windows 11), in its
  /// order.
  [[nodiscard]] static TlsOffer mstsc();
};

/// What our server end (the lab) presents.
struct TlsServerSettings {
  std::uint16_t min_version = 0x0303;
  std::uint16_t max_version = 0x0304;
  std::string certificate_chain_pem;  ///< leaf first
  std::string private_key_pem;
  std::string
      cipher_list;  ///< TLS 1.2 and older, OpenSSL's syntax; empty: its default at security level 0
  std::string tls13_cipher_suites;  ///< TLS 1.3, OpenSSL's syntax; empty: its default
  std::string groups;               ///< OpenSSL's syntax ("X25519:P-256"); empty: its default
  bool request_client_certificate = false;
  bool require_client_certificate = false;  ///< and refuse a client without one
  bool send_tickets = true;                 ///< TLS 1.3: NewSessionTicket after the handshake
};

/// A TLS connection over memory BIOs: octets of the peer in by `feed`, ours out by `drain`,
/// plaintext by `plaintext` and `write`. No socket, no clock; randomness is OpenSSL's own, which a
/// TLS stack cannot do without. What OpenSSL thinks of the peer never fills a record (I4);
/// `accessors` exists for tests. No configuration file and no security level of the system narrows
/// what is offered or accepted.
class TlsSession {
 public:
  /// One line of the NSS key log format, without its line end.
  using KeyLogCallback = std::function<void(std::string_view line)>;

  [[nodiscard]] static std::expected<TlsSession, Error> client(const TlsOffer& offer,
                                                               KeyLogCallback on_secret);
  [[nodiscard]] static std::expected<TlsSession, Error> server(const TlsServerSettings& settings,
                                                               KeyLogCallback on_secret = {});

  enum class State {
    kHandshaking,
    kEstablished,  ///< our side's handshake is complete
    kPeerClosed,   ///< close_notify received; we may still write
    kFailed,       ///< see failure(); drain() may hold the alert that says so to the peer
  };

  /// Moves on: takes the peer's octets (may be empty, to produce the first flight), handshakes,
  /// decrypts. Takes everything that is given; after kPeerClosed and kFailed it drops it. More than
  /// 64 MiB of plaintext that nobody takes is a failure.
  State feed(ByteSpan from_peer);
  /// What must be written to the peer now; empty when nothing.
  [[nodiscard]] Bytes drain();
  /// Decrypted application data since the last call.
  [[nodiscard]] Bytes plaintext();
  /// Encrypts for drain(); what is written before the handshake is complete waits for it.
  void write(ByteSpan application_data);
  /// Queues a close_notify for drain(). Nothing is queued during the handshake or after a failure.
  void close();
  /// Queues a fatal alert of the server's choice as its last word, as Schannel refuses behind
  /// CredSSP. For TLS 1.2 and 1.3 with AES-GCM or ChaCha20-Poly1305 and the first traffic keys;
  /// else, and during the handshake, nothing is sent.
  void refuse(std::uint8_t alert);
  /// RFC 8446 4.6.3: new sending keys from here on; TLS 1.3 only, else nothing happens.
  void update_keys(bool ask_peer_too);
  /// RFC 5246 7.4.1.1: a server's HelloRequest; TLS 1.2 and older, else nothing happens.
  void renegotiate();

  [[nodiscard]] State state() const;
  /// OpenSSL's reason in words, for people who debug us; never a cause.
  [[nodiscard]] const std::string& failure() const;

  /// For cross-checks in tests only (I4).
  struct Accessors {
    std::uint16_t version = 0;
    std::uint16_t cipher = 0;
    std::uint16_t group = 0;
    bool resumed = false;
    Bytes peer_certificate;
  };
  [[nodiscard]] Accessors accessors() const;

  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;
  ~TlsSession();

 private:
  class Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::crypto
