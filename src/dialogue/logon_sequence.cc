#include "dialogue/logon_sequence.h"

#include "dialogue/leave_sequence.h"
#include "dialogue/licensing_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/rdp/client_info.h"
#include "rdpwhy/rdp/security_header.h"

namespace rdpwhy::dialogue {
namespace {

using rdp::ClientInfo;

Bytes client_info(const ProbePlan& plan, std::uint32_t selected_protocol) {
  constexpr std::uint32_t kNoExtras = 0x07;  // no wallpaper, no window contents, no animations
  rdp::ExtendedClientInfo extended{.address = "0.0.0.0",
                                   .directory = "C:\\Windows\\System32\\mstscax.dll"};
  extended.time_zone = rdp::TimeZone{.standard_name = "UTC", .daylight_name = "UTC"};
  extended.session_id = 0;
  extended.performance_flags = kNoExtras;
  extended.auto_reconnect_cookie_size = 0;
  extended.reserved1 = 0;
  extended.reserved2 = 0;
  ClientInfo info{.flags = ClientInfo::kMouse | ClientInfo::kDisableCtrlAltDel |
                           ClientInfo::kUnicode | ClientInfo::kMaximizeShell |
                           ClientInfo::kLogonNotify | ClientInfo::kEnableWindowsKey |
                           ClientInfo::kLogonErrors | ClientInfo::kMouseHasWheel |
                           ClientInfo::kNoAudioPlayback,
                  .extended = std::move(extended)};
  if (const auto& credentials = plan.credssp.credentials) {
    info.user_name = credentials->user();
    info.domain = credentials->domain();
  } else if (plan.rdstls &&
             selected_protocol == static_cast<std::uint32_t>(rdp::Protocol::kRdstls)) {
    info.user_name = plan.rdstls->user;
    info.domain = plan.rdstls->domain;
  }
  return base::to_bytes(rdp::encode(info, Secret()).reveal());
}

}  // namespace

void LogonSequence::tell(record::RunFacts& facts) const {
  if (own_stop_) facts.own_stop = own_stop_;
}

Step LogonSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (server_is_done(evidence)) return Finish{};
  if (!info_due_) {
    info_due_ = true;
    if (path_->has_standard_security()) {
      if (const auto able = crypto::standard_security_available(); !able) {
        return GiveUp{able.error()};
      }
      auto exchange = path_->security_exchange();
      if (!exchange) {
        own_stop_ = {.why = record::RunFacts::OwnStop::Why::kSecurityNotPossible,
                     .words = std::move(exchange.error())};
        return leave(std::move(path_), Phase::kSecurity);
      }
      return Send{std::move(*exchange)};
    }
  }
  if (!path_->wants(Phase::kClientInfo)) return leave(std::move(path_), phase());
  if (!info_sent_) {
    info_sent_ = true;
    const auto info = client_info(path_->plan(), path_->selected_protocol());
    return Send{path_->with_header(rdp::security_flags::kInfoPacket, info, false)};
  }
  return Next{std::make_unique<LicensingSequence>(std::move(path_))};
}

}  // namespace rdpwhy::dialogue
