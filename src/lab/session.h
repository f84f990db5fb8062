#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/crypto/standard_server.h"
#include "rdpwhy/lab/lab.h"
#include "rdpwhy/rdp/server_blocks.h"

namespace rdpwhy::lab {

/// The server's half of what follows security (MS-RDPBCGR 1.3.1.1), from MCS Connect-Initial to the
/// font map, message by message: a client's TPKT in, the server's TPKTs out. No session stands
/// behind it, nobody is logged on. It reads what the client says with our codecs, and goes wrong as
/// it is told.
class SessionDialogue {
 public:
  enum class Then {
    kGoOn,   ///< the client's next message is due
    kLeave,  ///< in order
    kReset,
    kSilent,  ///< for good
  };
  struct Answer {
    Bytes octets;
    Then then = Then::kGoOn;
  };

  /// `requested`: the client's requestedProtocols, which the server core data repeats.
  /// Inside TLS nothing more is encrypted.
  SessionDialogue(const SessionFaults& faults, std::uint32_t requested, bool inside_tls = true);

  /// What its redirections say to come back with.
  static constexpr std::string_view kRoutingToken = "Cookie: msts=16777343.15629.0000";

  /// How many octets the first message of `octets` has: nothing while that is not known. Anything
  /// but a TPKT is one message, all of it.
  [[nodiscard]] static std::optional<std::size_t> message_size(ByteSpan octets);
  [[nodiscard]] Answer answer(ByteSpan message);

 private:
  using At = SessionFaults::At;

  [[nodiscard]] Answer answer_in_the_clear(ByteSpan message);
  [[nodiscard]] Answer answer_mcs(ByteSpan user_data);
  [[nodiscard]] Answer connect(ByteSpan conference_create_request);
  [[nodiscard]] Answer join(std::uint16_t initiator, std::uint16_t channel);
  [[nodiscard]] Answer answer_secured(ByteSpan user_data);
  [[nodiscard]] Answer answer_payload(ByteSpan user_data);
  [[nodiscard]] Answer answer_licensing(ByteSpan pdu);
  [[nodiscard]] Answer answer_share(ByteSpan pdu);
  [[nodiscard]] Answer end_licensing();

  /// `right` as it is, or what the faults put in its place.
  [[nodiscard]] Answer at(At place, Bytes right);
  /// What the server says on the I/O channel, encrypted from the Security Exchange on.
  [[nodiscard]] Bytes sealed(ByteSpan messages);
  [[nodiscard]] Bytes sealed_payload(ByteSpan user_data);
  [[nodiscard]] rdp::ServerSecurityData security_data() const;
  [[nodiscard]] Bytes refusal(At place) const;  ///< with a result that is no success
  [[nodiscard]] Bytes spoilt(Bytes right) const;
  [[nodiscard]] Bytes connect_response(std::uint8_t result) const;
  [[nodiscard]] Bytes demand_active() const;
  [[nodiscard]] Bytes error_info() const;
  [[nodiscard]] Bytes redirection() const;

  SessionFaults faults_;
  std::uint32_t requested_;
  std::size_t static_channels_ = 0;
  std::size_t joined_ = 0;
  bool asked_for_license_ = false;
  std::optional<crypto::StandardServer> security_;  ///< absent: nothing is encrypted
  std::optional<crypto::StandardSecurity> keys_;
};

}  // namespace rdpwhy::lab
