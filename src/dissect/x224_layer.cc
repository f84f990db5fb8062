#include "dissect/x224_layer.h"

#include <fmt/format.h>

#include <string_view>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::dissect {
namespace {

/// T.125 7, BER: [APPLICATION 101] Connect-Initial and [APPLICATION 102] Connect-Response.
bool is_mcs_connect(const rdp::DataTpdu& tpdu, Side side) {
  constexpr std::uint8_t kApplication = 0x7F;
  const std::uint8_t tag = side == Side::kClient ? 0x65 : 0x66;
  return tpdu.first.size() >= 2 && tpdu.first[0] == kApplication && tpdu.first[1] == tag;
}

std::string_view due_from(Side side) {
  return side == Side::kClient ? "X.224 Connection Request" : "X.224 Connection Confirm";
}

}  // namespace

Phase X224Layer::phase_behind() const { return record::phase_behind(selected_.value_or(0)); }

void X224Layer::read(const Unit& unit, EvidenceLog& log) {
  Notes notes;
  if (const auto header = rdp::decode_tpkt_header(unit.octets); header && header->reserved != 0) {
    notes.add_anomaly(1, "reserved", fmt::format("is {}, not 0", header->reserved));
  }
  if (unit.missing > 0) {  // Gap has been said
    if (unit.side == Side::kClient) requested_ = true;
    unseen_ = true;
    session_.lost(unit.side);
    return;
  }
  auto tpdu = rdp::decode_tpdu(unit.octets.subspan(rdp::TpktHeader::kSize), &notes);
  if (!tpdu) {
    // The peer may understand what we do not: its answer still counts as one.
    if (unit.side == Side::kClient) requested_ = true;
    if (!requested_ && !unseen_) is_other_ = true;
    log.add(unit.where(), unit.at,
            record::Malformed{.what = std::string(due_from(unit.side)),
                              .error = std::move(tpdu.error()),
                              .first = first_octets(unit.octets)},
            std::move(notes.anomalies));
    return;
  }
  if (auto* request = std::get_if<rdp::ConnectionRequest>(&*tpdu)) {
    read_request(unit, std::move(*request), std::move(notes), log);
  } else if (auto* confirm = std::get_if<rdp::ConnectionConfirm>(&*tpdu)) {
    read_confirm(unit, std::move(*confirm), std::move(notes), log);
  } else if (auto* data = std::get_if<rdp::DataTpdu>(&*tpdu)) {
    read_data(unit, std::move(*data), std::move(notes), log);
  } else if (const auto* ultimatum = std::get_if<rdp::DisconnectProviderUltimatum>(&*tpdu)) {
    session_.read_ultimatum(unit, *ultimatum, std::move(notes.anomalies));
  } else if (const auto* disconnect = std::get_if<rdp::DisconnectRequest>(&*tpdu)) {
    log.add(unit.where(), unit.at, *disconnect, std::move(notes.anomalies));
  }
}

void X224Layer::read_inside_tls(const Unit& unit, std::string_view due, EvidenceLog& log) {
  Notes notes;
  auto tpdu = rdp::decode_tpdu(unit.octets.subspan(rdp::TpktHeader::kSize), &notes);
  if (!tpdu) {
    log.add(unit.where(), unit.at,
            record::Malformed{.what = "X.224 TPDU",
                              .error = std::move(tpdu.error()),
                              .first = first_octets(unit.octets, kMostFirstInsideTls)},
            std::move(notes.anomalies));
    return;
  }
  if (const auto* ultimatum = std::get_if<rdp::DisconnectProviderUltimatum>(&*tpdu)) {
    session_.read_ultimatum(unit, *ultimatum, std::move(notes.anomalies));
  } else if (const auto* disconnect = std::get_if<rdp::DisconnectRequest>(&*tpdu)) {
    log.add(unit.where(), unit.at, *disconnect, std::move(notes.anomalies));
  } else if (auto* data = std::get_if<rdp::DataTpdu>(&*tpdu); data != nullptr && due.empty()) {
    add_data(unit, std::move(*data), std::move(notes), log);
  } else {
    const std::string_view got = data != nullptr ? "X.224 Data"
                                 : std::holds_alternative<rdp::ConnectionRequest>(*tpdu)
                                     ? "X.224 Connection Request"
                                     : "X.224 Connection Confirm";
    log.add(unit.where(), unit.at,
            record::Unexpected{.got = std::string(got),
                               .expected = std::string(due.empty() ? "X.224 Data" : due),
                               .seen = log.seen(),
                               .first = first_octets(unit.octets, kMostFirstInsideTls)},
            std::move(notes.anomalies));
  }
}

void X224Layer::unexpected(const Unit& unit, std::string_view got, EvidenceLog& log) {
  const bool due = unit.side == Side::kClient ? !requested_ : requested_ && !answered_;
  log.add(unit.where(), unit.at,
          record::Unexpected{.got = std::string(got),
                             .expected = log.phase == Phase::kTls ? "TLS record"
                                         : due                    ? std::string(due_from(unit.side))
                                                                  : "",
                             .seen = log.seen(),
                             .first = first_octets(unit.octets)});
}

void X224Layer::read_request(const Unit& unit, rdp::ConnectionRequest request, Notes notes,
                             EvidenceLog& log) {
  if (unit.side == Side::kServer || requested_) {
    if (unit.side == Side::kServer && !requested_) is_other_ = true;
    unexpected(unit, "X.224 Connection Request", log);
    return;
  }
  requested_ = true;
  had_parameters_ = !request.parameters.empty();
  if (request.cookie || request.routing_token || request.negotiation || request.correlation)
    is_rdp_ = true;
  if (had_parameters_) is_other_ = true;
  offered_ = request.negotiation ? request.negotiation->requested.bits : 0;
  session_.offered(*offered_);
  log.add(unit.where(), unit.at, std::move(request), std::move(notes.anomalies));
}

void X224Layer::read_confirm(const Unit& unit, rdp::ConnectionConfirm confirm, Notes notes,
                             EvidenceLog& log) {
  if (unit.side == Side::kClient || answered_ || (!requested_ && !unseen_)) {
    if (!requested_) is_other_ = true;
    unexpected(unit, "X.224 Connection Confirm", log);
    return;
  }
  answered_ = true;
  if (confirm.failure() == nullptr) {
    selected_ = confirm.response() != nullptr ? confirm.response()->selected_protocol : 0;
    const auto beyond = *selected_ & ~offered_.value_or(*selected_);
    if (beyond != 0) {
      notes.add_anomaly(
          15, "selectedProtocol",
          fmt::format("{} selected though not offered", base::to_hex_number(*selected_, 8)));
    }
  }
  if (!std::holds_alternative<std::monostate>(confirm.negotiation) && !had_parameters_)
    is_rdp_ = true;
  log.add(unit.where(), unit.at, std::move(confirm), std::move(notes.anomalies));
  if (selected_) log.phase = selects_tls() ? Phase::kTls : Phase::kMcs;
}

void X224Layer::read_data(const Unit& unit, rdp::DataTpdu tpdu, Notes notes, EvidenceLog& log) {
  if ((!answered_ && !unseen_) || log.phase == Phase::kTls) {
    if (!requested_) is_other_ = true;
    unexpected(unit, "X.224 Data", log);
    return;
  }
  add_data(unit, std::move(tpdu), std::move(notes), log);
}

void X224Layer::add_data(const Unit& unit, rdp::DataTpdu tpdu, Notes notes, EvidenceLog& log) {
  if (is_mcs_connect(tpdu, unit.side) && !had_parameters_) is_rdp_ = true;
  (unit.side == Side::kClient ? client_spoke_data_ : server_spoke_data_) = true;
  // A negotiation that was not seen, and none of ours: it may be any ISO protocol's.
  const bool may_be_other = (is_other_ || !answered_) && !is_rdp_ && !unit.records;
  if (!may_be_other) {
    session_.read(unit, unit.octets.last(tpdu.size), !selects_tls(), std::move(notes.anomalies));
    return;
  }
  auto& count = unit.side == Side::kClient ? client_shallow_ : server_shallow_;
  if (count++ < kMostData)
    log.add(unit.where(), unit.at, std::move(tpdu), std::move(notes.anomalies));
}

}  // namespace rdpwhy::dissect
