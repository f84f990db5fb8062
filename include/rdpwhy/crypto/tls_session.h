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

/// What our ClientHello offers. Numbers are those of the IANA registries; names that OpenSSL 3 cannot do
/// any more are refused with an Error that lists them.
struct TlsOffer {
  std::uint16_t min_version = 0x0301;
  std::uint16_t max_version = 0x0304;
  std::vector<std::uint16_t> cipher_suites;         ///< TLS 1.3 and older ones in one list, in order
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
  std::string server_name;                          ///< empty: no server_name extension. mstsc sends addresses too

  /// Versions, suites, groups and signature algorithms of a current mstsc (Windows 11), in its order.
  [[nodiscard]] static TlsOffer mstsc();
};

/// What our server end (the lab) presents.
struct TlsServerSettings {
  std::uint16_t min_version = 0x0303;
  std::uint16_t max_version = 0x0304;
  std::string certificate_chain_pem;
  std::string private_key_pem;
  std::string cipher_list;  ///< OpenSSL's syntax; empty: its default at security level 0
  bool request_client_certificate = false;
};

/// A TLS connection over memory BIOs: octets of the peer in by `feed`, ours out by `drain`, plaintext by
/// `plaintext` and `write`. No socket, no clock; randomness is OpenSSL's own, which a TLS stack cannot do
/// without. What OpenSSL thinks of the peer never fills a record (I4); `accessors` exists for tests.
class TlsSession {
 public:
  using KeyLogCallback = std::function<void(std::string_view line)>;

  [[nodiscard]] static std::expected<TlsSession, Error> client(const TlsOffer& offer, KeyLogCallback on_secret);
  [[nodiscard]] static std::expected<TlsSession, Error> server(const TlsServerSettings& settings);

  enum class State {
    kHandshaking,
    kEstablished,  ///< our side's handshake is complete
    kPeerClosed,   ///< close_notify received
    kFailed,       ///< see failure()
  };

  /// Moves on: takes the peer's octets (may be empty, to produce the first flight), handshakes, decrypts.
  State feed(ByteSpan from_peer);
  /// What must be written to the peer now; empty when nothing.
  [[nodiscard]] Bytes drain();
  /// Decrypted application data since the last call.
  [[nodiscard]] Bytes plaintext();
  void write(ByteSpan application_data);
  /// Queues a close_notify for drain().
  void close();

  [[nodiscard]] State state() const;
  /// OpenSSL's reason in words, for people who debug us; never a cause.
  [[nodiscard]] const std::string& failure() const;

  /// For cross-checks in tests only (I4).
  struct Accessors {
    std::uint16_t version = 0;
    std::uint16_t cipher = 0;
    std::uint16_t group = 0;
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
