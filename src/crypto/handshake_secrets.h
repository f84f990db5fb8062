#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto/cipher_spec.h"
#include "crypto/key_schedule.h"
#include "crypto/openssl_handles.h"
#include "rdpwhy/crypto/record_opener.h"

namespace rdpwhy::crypto {

/// One handshake of TLS 1.0 to 1.2 as far as its keys depend on it: the first of a connection, or a
/// renegotiation inside of it.
class HandshakeSecrets {
 public:
  HandshakeSecrets(const OpeningSecrets& secrets, const tls::ClientHello& hello);
  /// The ServerHello: from here on it is known what protects the records.
  void agree(const tls::ServerHello& hello);

  /// Every message of the handshake in order, the hellos too; empty: the capture lacks part of it.
  void message(Side side, ByteSpan octets);

  [[nodiscard]] bool agreed() const { return agreed_; }
  /// Looks for the master secret until it is found; false when it is not there (yet). Where key
  /// logs disagree there are several, and the records tell which is the right one.
  [[nodiscard]] bool find_masters();
  /// Why records stay closed although the secret is there; empty: they need not.
  [[nodiscard]] std::string_view obstacle() const;
  struct Protection {
    std::unique_ptr<RecordProtection> octets;
    const MasterSecret* master;  ///< that it comes from
  };
  /// By each of the master secrets, once there are any and nothing is in the way. None when this
  /// OpenSSL does not have the cipher.
  [[nodiscard]] std::vector<Protection> protect(Side side) const;
  /// A record opened: this master secret is the right one, its rivals go, and later connections may
  /// resume the session.
  void prove(const MasterSecret* right);

 private:
  void follow_transcript(std::uint8_t type, ByteSpan octets);
  void read_key_exchange(ByteSpan body);
  void read_ticket(ByteSpan body);
  void find_logged_masters();
  void find_resumed_masters();
  void find_exchanged_masters();
  void take_master(ByteSpan secret);
  void take_premaster(ByteSpan premaster);

  OpeningSecrets secrets_;
  tls::Random client_random_;
  tls::Random server_random_{};
  std::uint16_t version_ = 0;
  std::uint16_t cipher_suite_ = 0;
  std::optional<CipherSpec> spec_;
  bool agreed_ = false;
  bool compressed_ = false;
  bool truncated_mac_ = false;
  bool encrypt_then_mac_ = false;
  bool extended_master_ = false;

  // What resumes or can be resumed, hashed at once.
  Bytes offered_id_;
  std::optional<SessionMemory::Name> offered_ticket_, session_id_, new_ticket_;
  bool resumes_id_ = false;
  bool proven_ = false;

  // For a premaster secret; kept only where one can be found.
  bool wants_premaster_;
  bool exchanged_ = false;  ///< a ClientKeyExchange was seen: nothing is resumed
  bool exchange_tried_ = false;
  Bytes client_hello_;  ///< until it is known which digest the transcript needs
  bool transcript_lost_ = false;
  DigestContextPtr transcript_;
  Bytes session_hash_;  ///< RFC 7627 3
  Bytes certificate_;   ///< the server's, DER
  Bytes encrypted_premaster_;

  std::list<MasterSecret> masters_;  ///< one, once a record has opened
};

}  // namespace rdpwhy::crypto
