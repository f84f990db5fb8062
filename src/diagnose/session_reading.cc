#include "diagnose/session_reading.h"

#include <fmt/format.h>

#include "rdpwhy/codes/codes.h"

namespace rdpwhy::diagnose {
namespace {

using record::Ending;

/// A range of Set Error Info numbers (MS-RDPBCGR 2.2.5.1.1) and its cause in the contract. The
/// first that holds a number counts.
struct Range {
  std::uint32_t first, last;
  ErrorInfoMeaning meaning;
};

constexpr Range kRanges[] = {
    {0x07, 0x07, {"session-host-refused", "why it denies is not said; its own log has the reason"}},
    {0x09, 0x09, {"insufficient-privileges", {}}},
    {0x100, 0x10A, {"licensing-failure", {}}},
    {0x400, 0x412, {"connection-broker-failure", {}}},
    {0x10C9, 0xFFFFFFFF, {"protocol-error-reported", {}}},
};

}  // namespace

bool ends_connection(const Evidence& e) {
  if (std::holds_alternative<rdp::DisconnectProviderUltimatum>(e.fact) ||
      std::holds_alternative<rdp::DisconnectRequest>(e.fact))
    return true;
  if (const auto* alert = std::get_if<record::TlsAlert>(&e.fact))
    return !alert->alert || alert->alert->description == tls::Alert::kCloseNotify;
  const auto* ending = std::get_if<Ending>(&e.fact);
  return ending != nullptr &&
         (ending->how == Ending::How::kClose || ending->how == Ending::How::kReset);
}

SessionReading::SessionReading(const HandshakeRecord& record) {
  if (auto found = record::session_summary(record)) {
    summary = *found;
    began = true;
  }
  if (!began) return;
  for (const auto& e : record.evidence) {
    const bool server = e.where.side == Side::kServer;
    if (record::holds<record::McsConnectResponse>(e.fact)) connect_response = &e;
    if (const auto* confirm = std::get_if<rdp::AttachUserConfirm>(&e.fact);
        confirm != nullptr && confirm->result != rdp::kMcsSuccessful)
      refused_attach = &e;
    if (const auto* confirm = std::get_if<rdp::ChannelJoinConfirm>(&e.fact);
        confirm != nullptr && confirm->result != rdp::kMcsSuccessful)
      refused_join = &e;
    if (record::holds<rdp::ClientInfo>(e.fact)) client_info = &e;
    if (record::share_control_in<rdp::DemandActive>(e) != nullptr && server) demand_active = &e;
    if (const auto* licensing = record::get_if<rdp::LicensingPdu>(&e.fact)) {
      if (server && licensing->request() != nullptr) license_request = &e;
      if (!server && licensing->error() != nullptr) client_alert = &e;
    }
    if (!ends_connection(e) || server_left != nullptr || client_left != nullptr) continue;
    (server ? server_left : client_left) = &e;
  }
  // A client that asks whether it may leave has begun to.
  if (const auto* asked = summary.shutdown_requested_at;
      asked != nullptr && server_left != nullptr && asked->id < server_left->id) {
    client_left = asked;
    server_left = nullptr;
  }
}

const rdp::LicensingError* SessionReading::licensing_failure() const {
  const auto* error = summary.licensing_error;
  const bool failed = error != nullptr && error->error_code != rdp::LicensingError::kValidClient;
  return failed ? error : nullptr;
}

bool SessionReading::was_ended_by_user() const {
  constexpr std::uint32_t kDisconnectByUser = 0x0B;
  constexpr std::uint32_t kLogoffByUser = 0x0C;
  return summary.error_info == kDisconnectByUser || summary.error_info == kLogoffByUser;
}

ErrorInfoMeaning meaning_of_error_info(std::uint32_t error_info) {
  for (const auto& [first, last, meaning] : kRanges)
    if (error_info >= first && error_info <= last) return meaning;
  return {"ended-by-server-code", {}};
}

std::string error_info_in_words(std::uint32_t error_info) {
  const auto name = codes::name(codes::Family::kErrorInfo, error_info);
  if (name) return fmt::format("{} (0x{:X})", *name, error_info);
  const bool protocol = meaning_of_error_info(error_info).cause == "protocol-error-reported";
  return fmt::format("0x{:X}, a number without a published name{}", error_info,
                     protocol ? " in the range of protocol errors (0x10C9 and above)" : "");
}

}  // namespace rdpwhy::diagnose
