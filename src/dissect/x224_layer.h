#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dissect/evidence_log.h"
#include "dissect/session_layer.h"

namespace rdpwhy::dissect {

/// TPDUs in TPKTs (MS-RDPBCGR 2.2.1.1, 2.2.1.2): the negotiation. What is said behind it belongs to
/// the session layer; only what cannot be RDP is kept shallow here.
class X224Layer {
 public:
  /// Data TPDUs of one side, of something else than RDP, that become evidence.
  static constexpr unsigned kMostData = 16;

  explicit X224Layer(SessionLayer& session) : session_(session) {}

  /// A TPKT with a length that can be.
  void read(const Unit& unit, EvidenceLog& log);
  /// A TPKT inside TLS. `due`: what should stand there instead; empty: a Data TPDU may come.
  void read_inside_tls(const Unit& unit, std::string_view due, EvidenceLog& log);
  /// The flow was under way, or the octets of `side` are not all there: its part of the negotiation
  /// may have passed unseen.
  void negotiation_may_be_unseen() { unseen_ = true; }

  [[nodiscard]] bool requested() const { return requested_; }
  [[nodiscard]] bool selects_tls() const { return selected_.value_or(0) != 0; }
  /// No TLS was selected: what follows is RDP in the clear, or with its own encryption.
  [[nodiscard]] bool is_plain() const { return selected_ == 0u; }
  [[nodiscard]] bool spoke_data(Side side) const {
    return side == Side::kClient ? client_spoke_data_ : server_spoke_data_;
  }
  [[nodiscard]] bool is_exhausted(Side side) const {
    return (side == Side::kClient ? client_shallow_ : server_shallow_) >= kMostData;
  }
  [[nodiscard]] bool session_is_active() const { return session_.is_active(); }
  void read_fast_path(const Unit& unit) { session_.read_fast_path(unit); }
  [[nodiscard]] Phase phase_behind() const;
  /// Of the Confirm; nothing: none was read.
  [[nodiscard]] std::optional<std::uint32_t> selected() const { return selected_; }
  /// Something was said that only RDP says.
  [[nodiscard]] bool is_rdp() const { return is_rdp_; }
  /// Something was said that RDP does not say: TSAP parameters of other ISO protocols, or no
  /// request.
  [[nodiscard]] bool is_other() const { return is_other_ && !is_rdp_; }

 private:
  void read_request(const Unit& unit, rdp::ConnectionRequest request, Notes notes,
                    EvidenceLog& log);
  void read_confirm(const Unit& unit, rdp::ConnectionConfirm confirm, Notes notes,
                    EvidenceLog& log);
  void read_data(const Unit& unit, rdp::DataTpdu tpdu, Notes notes, EvidenceLog& log);
  void add_data(const Unit& unit, rdp::DataTpdu tpdu, Notes notes, EvidenceLog& log);
  void unexpected(const Unit& unit, std::string_view got, EvidenceLog& log);

  SessionLayer& session_;
  bool requested_ = false;
  bool answered_ = false;
  bool unseen_ = false;
  bool is_rdp_ = false;
  bool is_other_ = false;
  bool had_parameters_ = false;
  std::optional<std::uint32_t> offered_;
  std::optional<std::uint32_t> selected_;
  bool client_spoke_data_ = false;
  bool server_spoke_data_ = false;
  unsigned client_shallow_ = 0;
  unsigned server_shallow_ = 0;
};

}  // namespace rdpwhy::dissect
