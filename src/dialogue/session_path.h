#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/crypto/standard_security.h"
#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::dialogue {

/// The static channels that a client of ours asks for, as a current mstsc's first ones.
struct AskedChannel {
  std::string_view name;
  std::uint32_t options;
};
inline constexpr AskedChannel kAskedChannels[] = {{"rdpdr", 0x80800000},
                                                  {"rdpsnd", 0xC0000000},
                                                  {"cliprdr", 0xC0A00000},
                                                  {"drdynvc", 0xC0800000}};

/// What the sequences from MCS on hand over to one another: what was agreed until now, how far the
/// evidence has been read, and how a PDU of ours is wrapped on this connection.
class SessionPath {
 public:
  SessionPath(ProbePlan plan, std::uint32_t selected_protocol)
      : plan_(std::move(plan)), selected_protocol_(selected_protocol) {}

  [[nodiscard]] const ProbePlan& plan() const { return plan_; }
  [[nodiscard]] std::uint32_t selected_protocol() const { return selected_protocol_; }
  [[nodiscard]] bool wants(Phase phase) const { return plan_.depth(selected_protocol_) >= phase; }

  /// The server's next evidence that was not read yet; null when there is none.
  [[nodiscard]] const Evidence* next_of_server(std::span<const Evidence> evidence);

  // --- what the server's Connect Response settles

  void take(const record::McsConnectResponse& response);
  /// Behind Attach User: in the order in which they are joined.
  [[nodiscard]] std::vector<std::uint16_t> channels_to_join() const;
  [[nodiscard]] bool has_standard_security() const { return encryption_method_ != 0; }
  /// The Security Exchange PDU; from here on what we send is protected. An error says in one
  /// lower-case sentence why the server's key or method does not allow it.
  [[nodiscard]] std::expected<Bytes, std::string> security_exchange();
  /// serverCertificate of the server's security data; may be empty.
  [[nodiscard]] ByteSpan server_certificate() const { return certificate_; }

  void attached_as(std::uint16_t user_channel) { user_channel_ = user_channel; }
  [[nodiscard]] bool is_attached() const { return user_channel_ != 0; }
  [[nodiscard]] std::uint16_t user_channel() const { return user_channel_; }
  [[nodiscard]] std::uint32_t share_id() const { return share_id_; }
  void shares(std::uint32_t share_id) { share_id_ = share_id; }

  // --- what we send, as octets for the wire

  /// A share control PDU on the I/O channel.
  [[nodiscard]] Bytes on_io_channel(ByteSpan pdu);
  /// A PDU that has a security header in any case.
  [[nodiscard]] Bytes with_header(std::uint16_t flags, ByteSpan payload, bool on_message_channel);
  /// MCS, when it is not a Send Data Request.
  template <typename Pdu>
  [[nodiscard]] static Bytes framed(const Pdu& pdu) {
    return in_tpkt(rdp::encode(pdu));
  }

  /// The answer to an auto-detect or multitransport request of the server, which may come at any
  /// time once the channels are joined; nothing when none is due.
  [[nodiscard]] std::optional<Bytes> answer_to_request(const Evidence& evidence);

 private:
  /// MS-RDPBCGR 2.2.14.1.2 to 2.2.14.1.4: a bandwidth measurement under way.
  struct Measurement {
    Moment began;
    std::uint32_t octets = 0;
  };

  [[nodiscard]] static Bytes in_tpkt(ByteSpan mcs);
  [[nodiscard]] Bytes sent(std::uint16_t channel, Bytes user_data) const;
  [[nodiscard]] Bytes sealed(std::uint16_t flags, ByteSpan payload);
  [[nodiscard]] std::optional<Bytes> answer(const rdp::Autodetect& request, Moment at);

  ProbePlan plan_;
  std::uint32_t selected_protocol_ = 0;
  std::size_t read_ = 0;
  std::uint16_t user_channel_ = 0;
  std::uint16_t io_channel_ = 1003;  ///< where the server names none, the usual one
  std::uint16_t message_channel_ = 0;
  std::vector<std::uint16_t> static_channels_;
  std::uint32_t encryption_method_ = 0;
  Bytes server_random_;
  Bytes certificate_;
  std::uint32_t multitransport_flags_ = 0;
  std::uint32_t share_id_ = 0;
  std::optional<crypto::StandardSecurity> security_;
  std::optional<Measurement> measurement_;
};

using SessionPathPtr = std::unique_ptr<SessionPath>;

}  // namespace rdpwhy::dialogue
