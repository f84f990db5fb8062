#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "dissect/evidence_log.h"
#include "rdpwhy/base/wiped_bytes.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/rdp/share_control.h"

namespace rdpwhy::dissect {

/// What stands in X.224 Data TPDUs behind the negotiation, in the clear or inside TLS (MS-RDPBCGR
/// 1.3.1.1): MCS, the PDUs that it carries, and Standard RDP Security around them. Once the session
/// is active only what tells how it ends becomes evidence, however long it lasts.
class SessionLayer {
 public:
  /// Of one side, until the session is active. Thirty-three channels are joined at most.
  static constexpr unsigned kMostMessages = 160;
  static constexpr unsigned kMostSteps = 32;       ///< Demand Actives, Font Maps: never crowded out
  static constexpr unsigned kMostLater = 32;       ///< of one side once it is active
  static constexpr unsigned kMostClosed = 8;       ///< payloads of one side that stay closed
  static constexpr unsigned kMostChannelData = 4;  ///< of one side
  static constexpr unsigned kMostFastPath = 4;     ///< of one side

  SessionLayer(const Dissector::Options& options, EvidenceLog& log)
      : options_(options), log_(log) {}

  /// `user_data` is a part of `unit`. `plain`: no TLS was selected, so that Standard RDP Security
  /// may be used.
  void read(const Unit& unit, ByteSpan user_data, bool plain, std::vector<Note> notes);
  void read_ultimatum(const Unit& unit, rdp::DisconnectProviderUltimatum ultimatum,
                      std::vector<Note> notes);
  /// MS-RDPBCGR 2.2.8.1.2, 2.2.9.1.2: says nothing, but counts where payloads are protected, and is
  /// no silence.
  void read_fast_path(const Unit& unit);
  /// What the Connection Request offered.
  void offered(std::uint32_t protocols) { offered_ = protocols; }
  /// Octets of that side are missing.
  void lost(Side side);
  /// The server's Font Map was seen.
  [[nodiscard]] bool is_active() const { return active_; }
  /// Whole messages of that side, before the session was active, for which there was no room.
  [[nodiscard]] std::uint32_t untold(Side side) const {
    return side == Side::kServer ? server_.untold : client_.untold;
  }

 private:
  struct Half {
    std::uint32_t untold = 0;
    unsigned messages = 0;
    unsigned steps = 0;
    unsigned later = 0;
    unsigned closed = 0;
    unsigned channel_data = 0;
    unsigned fast_path = 0;
  };
  /// A payload on its way down: what stands behind the security header, if there is one.
  struct Payload {
    const Unit& unit;
    ByteSpan whole;  ///< the user data of the Send Data PDU
    ByteSpan content;
    rdp::SecurityHeader header;
    bool opened = false;  ///< `content` was encrypted
    std::vector<Note> notes;
  };

  void read_connect_initial(const Unit& unit, rdp::ConnectInitial initial, Notes notes);
  void read_connect_response(const Unit& unit, rdp::ConnectResponse response, Notes notes);
  void note_oddities(const record::McsConnectResponse& response, Notes& notes) const;
  void take_agreement(const record::McsConnectResponse& response);
  void read_attach_confirm(const Unit& unit, const rdp::AttachUserConfirm& confirm, Notes notes);
  void note_join(const Unit& unit, const rdp::ChannelJoinConfirm& confirm, Notes& notes) const;
  void follow(const Unit& unit, const rdp::ShareControl& control, std::vector<Note>& notes);
  std::optional<record::ServerKeyJudgement> make_opener(const rdp::ServerBlocks& blocks);
  void read_send_data(const Unit& unit, const rdp::SendData& data, std::vector<Note> notes);
  [[nodiscard]] bool has_security_header(ByteSpan payload, Side side) const;
  void read_secured(Payload payload);
  void open_unread(Side side, ByteSpan user_data);
  void open_payload(Payload& payload, base::WipedBytes& plaintext);
  void refuse_payload(Payload& payload, record::SessionOpener::Refusal refusal);
  void keep_closed(const Payload& payload, std::optional<record::SessionOpener::Refusal> refusal);
  void dispatch(Payload& payload);
  void read_security_exchange(Payload& payload);
  void read_redirection(Payload& payload);
  void tell_password(const Unit& unit, ByteSpan packet) const;
  void read_share_controls(Payload& payload);
  void read_share_control(Payload& payload, rdp::ShareControl control, std::vector<Note> notes);
  template <typename Decode>
  void read_as(Phase phase, std::string_view what, Payload& payload, Decode decode);

  void add(Phase phase, const Unit& unit, record::Fact fact, std::vector<Note> notes);
  /// `shown`: octets of it may stand in a report.
  void add_malformed(const Unit& unit, std::string_view what, DecodeError error, ByteSpan shown,
                     std::vector<Note> notes);
  void add_unexpected(const Unit& unit, std::string_view got, std::string_view expected);
  [[nodiscard]] bool may_add(Side side, bool ends_session, bool goes_on = false);
  void leave_untold(Side side);
  void enter(Phase phase);
  Half& half(Side side) { return side == Side::kServer ? server_ : client_; }

  const Dissector::Options& options_;
  EvidenceLog& log_;
  std::unique_ptr<record::SessionOpener> opener_;
  std::optional<std::uint16_t> io_channel_, message_channel_;
  std::uint32_t encryption_method_ = 0, encryption_level_ = 0;
  std::optional<std::uint32_t> offered_;           ///< requestedProtocols of the Connection Request
  std::optional<std::size_t> channels_asked_for_;  ///< of the client's network data
  std::optional<std::uint16_t> join_asked_for_;    ///< channelId of the client's last request
  bool plain_ = false;
  bool lost_ = false;  ///< octets of either side are missing
  bool licensing_seen_ = false;
  bool synchronized_ = false;  ///< by the server, since the last Demand Active
  bool granted_control_ = false;
  bool initial_seen_ = false;
  bool response_seen_ = false;
  bool activating_ = false;  ///< a Demand Active was seen
  bool confirmed_ = false;   ///< and the client's answer to it
  bool active_ = false;      ///< the Font Map was seen
  Half client_, server_;
};

}  // namespace rdpwhy::dissect
