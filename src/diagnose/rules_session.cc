// From MCS to finalization (MS-RDPBCGR 1.3.1.1), and what ends a session that has just begun. The
// server's own words come first: redirection, Set Error Info, licensing alert, a result of MCS, an
// ultimatum. Where it said nothing, the phase and the ending are told and little is guessed.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/reading.h"
#include "diagnose/rules_logon.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/redirection.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;

// Within this a session that ends has not been used by anybody.
constexpr Nanoseconds kJustBegun = 30'000'000'000;

std::string named(codes::Family family, std::uint32_t code) {
  const auto name = codes::name(family, code);
  return name ? fmt::format("{} ({})", *name, code)
              : fmt::format("{}, which has no published name", code);
}

/// Behind a blank; empty when nothing is known.
std::string meaning_behind_blank(codes::Family family, std::uint32_t code) {
  if (const auto* known = codes::find(family, code)) return fmt::format(" {}", known->meaning);
  const auto range = codes::range_meaning(family, code);
  return range ? fmt::format(" {}", *range) : std::string();
}

// ------------------------------------------------------------------ the server's own words

void judge_redirection(const Reading& reading, Findings& findings) {
  const auto& summary = reading.session.summary;
  const auto* packet = summary.redirection;
  if (packet == nullptr || (packet->flags & rdp::ServerRedirection::kNoRedirect) != 0) return;
  const auto target = rdp::redirection_target(*packet);
  std::string says =
      target.empty() ? "The server sends the client back to the same host"
                     : fmt::format("The server sends the client on to {}", base::printable(target));
  if (packet->load_balance_info) says += ", with a routing token for the next Connection Request";
  if (packet->redirection_guid || packet->password_size)
    says += ", and hands it credentials for it";
  says += ". The client has to connect again; this connection ends here, as it should.";
  auto& finding = findings.add("redirected", Confidence::kCertain, std::move(says),
                               ids_with_failure(reading, {summary.redirection_at}));
  if (reading.failure() != nullptr && reading.failure()->evidence != summary.redirection_at->id)
    finding.against.push_back("why the target then may fail is not seen here: probe it as well");
}

void judge_error_info(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  if (!session.summary.error_info || !findings.empty()) return;
  const auto code = *session.summary.error_info;
  if (session.is_active() && session.was_ended_by_user()) return;  // as sessions end
  const bool was_active =
      session.is_active() && session.summary.error_info_at->id > session.summary.font_map_at->id;
  const auto meaning = meaning_of_error_info(code);
  const auto* other = session.summary.other_error_info_at;
  auto& finding = findings.add(
      meaning.cause, Confidence::kCertain,
      fmt::format("The server said why, by Set Error Info {}{}{}.{}", error_info_in_words(code),
                  was_active ? ", when the session was active" : "",
                  other == nullptr
                      ? ""
                      : fmt::format("; before that it had said {}. The last one counts",
                                    error_info_in_words(*record::error_info_in(*other))),
                  meaning_behind_blank(codes::Family::kErrorInfo, code)),
      ids_with_failure(reading, {other, session.summary.error_info_at}));
  if (!meaning.remark.empty()) finding.against.emplace_back(meaning.remark);
}

/// MS-RDPBCGR 2.2.1.12.1.3: an alert that is no failure is STATUS_VALID_CLIENT alone; one that was
/// put right afterwards is none either.
void judge_licensing(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  if (!findings.empty() || reading.failure() == nullptr) return;
  const bool overcome = session.demand_active != nullptr;
  if (const auto* error = session.licensing_failure(); error != nullptr && !overcome) {
    constexpr std::uint32_t kTotalAbort = 1;
    auto& finding = findings.add(
        "licensing-failure", Confidence::kCertain,
        fmt::format("The server's licensing alert is {}, with the transition {}.{}",
                    named(codes::Family::kLicensing, error->error_code),
                    named(codes::Family::kLicensingTransition, error->state_transition),
                    meaning_behind_blank(codes::Family::kLicensing, error->error_code)),
        ids_with_failure(reading, {session.license_request, session.summary.licensing_error_at}));
    if (error->state_transition != kTotalAbort) {
      finding.confidence = Confidence::kLikely;
      finding.against.push_back(
          "its transition lets licensing go on, so something else may have ended the connection");
    }
    return;
  }
  if (session.client_alert == nullptr || overcome) return;
  const auto* alert = record::get_if<rdp::LicensingPdu>(&session.client_alert->fact)->error();
  findings
      .add("licensing-failure", Confidence::kLikely,
           fmt::format("The client itself broke licensing off, by the alert {}.{}",
                       named(codes::Family::kLicensing, alert->error_code),
                       meaning_behind_blank(codes::Family::kLicensing, alert->error_code)),
           ids_with_failure(reading, {session.license_request, session.client_alert}))
      .against.push_back("another client, or one without a stored licence, may get through");
}

std::string mcs_result_in_words(std::uint8_t result) {
  const auto name = rdp::mcs_result_name(result);
  return name ? fmt::format("{} ({})", *name, result) : fmt::format("{}", result);
}

void add_refusal(const Reading& reading, Findings& findings, Confidence confidence,
                 std::string says, const Evidence* shown) {
  findings
      .add("session-host-refused", confidence, std::move(says), ids_with_failure(reading, {shown}))
      .against.push_back("why it refuses is not said; its own log has the reason");
}

/// A result of T.125 or T.124 that says no: the server's word, though not its reason.
void judge_mcs_results(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  if (!findings.empty() || reading.failure() == nullptr) return;
  if (const auto* shown = session.connect_response) {
    const auto& response = record::get<record::McsConnectResponse>(shown->fact);
    if (response.result != rdp::kMcsSuccessful) {
      add_refusal(reading, findings, Confidence::kCertain,
                  fmt::format("The server refused the MCS connection with the result {}.",
                              mcs_result_in_words(response.result)),
                  shown);
      return;
    }
    if (response.conference_result != 0) {
      const auto name = rdp::conference_result_name(response.conference_result);
      add_refusal(reading, findings, Confidence::kCertain,
                  fmt::format("The server refused the conference (T.124) with the result {} ({}).",
                              name.value_or("unknown"), response.conference_result),
                  shown);
      return;
    }
  }
  if (const auto* shown = session.refused_attach) {
    add_refusal(
        reading, findings, Confidence::kCertain,
        fmt::format("The server did not let the user attach to its MCS domain: result {}.",
                    mcs_result_in_words(std::get<rdp::AttachUserConfirm>(shown->fact).result)),
        shown);
    return;
  }
  // A static channel that is refused costs that channel; only a client that stops there fails.
  if (const auto* shown = session.refused_join;
      shown != nullptr && reading.failed_in(Phase::kChannels)) {
    const auto& confirm = std::get<rdp::ChannelJoinConfirm>(shown->fact);
    add_refusal(reading, findings, Confidence::kLikely,
                fmt::format("The server refused to let the client join channel {}: result {}.",
                            confirm.requested, mcs_result_in_words(confirm.result)),
                shown);
  }
}

/// A disconnect ultimatum: before there is a session it is a refusal; its reason says little.
void judge_ultimatum(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  const auto* shown = session.summary.server_ultimatum;
  if (!findings.empty() || reading.failure() == nullptr || shown == nullptr ||
      session.is_active() || session.client_left != nullptr)
    return;
  const auto reason = std::get<rdp::DisconnectProviderUltimatum>(shown->fact).reason;
  add_refusal(reading, findings, Confidence::kLikely,
              fmt::format("The server ended the connection by an MCS disconnect ultimatum ({}) "
                          "after {}, before there was a session.",
                          rdp::disconnect_reason_name(reason),
                          after_in_words(*reading.failure(), "its own messages")),
              shown);
}

// --------------------------------------------------------------------- nothing was said

bool is_other_name(std::string_view asked, std::string_view named) {
  const auto short_name = [](std::string_view name) { return name.substr(0, name.find('.')); };
  const auto a = lower_case(asked);
  const auto b = lower_case(named);
  return !a.empty() && !b.empty() && a != b && short_name(a) != short_name(b);
}

/// The front shows another machine's name than the one that was asked for: a certificate that does
/// not fit and, with NLA, an NTLM name that does not.
struct FrontNames {
  bool certificate = false;
  bool ntlm = false;
};
FrontNames foreign_names(const Reading& reading) {
  FrontNames out;
  const auto& host = reading.circumstances.target_host;
  if (host.empty() || is_address(host)) return out;
  const auto& problems = reading.circumstances.certificate_problems;
  out.certificate = std::ranges::find(problems, "name_mismatch") != problems.end();
  const auto* challenge = reading.logon.challenge_fact();
  if (challenge == nullptr || !challenge->target_info) return out;
  auto name = challenge->target_info->text(auth::AvId::kDnsComputerName);
  if (!name) name = challenge->target_info->text(auth::AvId::kNbComputerName);
  out.ntlm = name && is_other_name(host, *name);
  return out;
}

/// The client's data are with the front, and it leaves when they should go on to the real host.
bool judge_intermediary(const Reading& reading, Findings& findings, std::string_view departure) {
  if (reading.session.client_info == nullptr || reading.session.is_active()) return false;
  const auto names = foreign_names(reading);
  if (!names.certificate || !names.ntlm) return false;
  findings
      .add(
          "intermediary-backend-failed", Confidence::kLikely,
          fmt::format("The certificate and the NTLM names are those of another machine than {}; it "
                      "went through everything itself, and {}, as a gateway or bastion does that "
                      "cannot reach or enter the real host.",
                      reading.circumstances.target_host, departure),
          ids_with_failure(reading, {reading.certificate, reading.session.client_info}))
      .against.push_back("an alias of one and the same machine looks alike");
  return true;
}

void judge_silence(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  if (judge_intermediary(reading, findings,
                         fmt::format("said nothing for {} once it had the client's data",
                                     duration_in_words(failure.after_ns))))
    return;
  auto& finding = findings.add(
      "stalled", Confidence::kLikely,
      fmt::format("The server had answered before; then, when {} was due, it was silent for {}.",
                  awaited_in_words(reading), duration_in_words(failure.after_ns)),
      ids_with_failure(reading, {reading.session.connect_response}));
  if (failure.phase >= Phase::kClientInfo) {
    finding.confidence = Confidence::kPossible;
    finding.against.push_back(
        "a session that is being made can take longer than this: probe with --timeout 60");
  }
}

void judge_departure(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  const auto departure = departure_in_words(reading, after_in_words(failure, "that"));
  if (judge_intermediary(reading, findings, departure)) return;
  auto& finding = findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format("In {} the server {}, without a word of why. It had accepted everything before.",
                  record::row_of(failure.phase).title, departure),
      ids_with_failure(reading, {reading.session.connect_response, reading.session.client_info}));
  finding.fix.insert(
      finding.fix.begin(),
      "On the server, read Applications and Services Logs > Microsoft > Windows > "
      "RemoteDesktopServices-RdpCoreTS and TerminalServices-RemoteConnectionManager, Operational, "
      "at that second; on Linux the log of the RDP server (/var/log/xrdp.log, journalctl).");
  if (reading.session.client_info != nullptr && !reading.session.is_active()) {
    const auto names = foreign_names(reading);
    if (names.certificate || names.ntlm) {
      findings
          .add("intermediary-backend-failed", Confidence::kPossible,
               "The server shows another name than the one asked for, and left once it had the "
               "client's data: so does a gateway or bastion that cannot enter the real host.",
               ids_with_failure(reading, {reading.certificate, reading.session.client_info}))
          .against.push_back("an alias of one and the same machine looks alike");
    }
  }
}

void judge_breach(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format("In {} the {} sent what does not belong there{}.",
                       record::row_of(failure.phase).title, record::name_of(failure.by),
                       breach_behind_colon(reading)),
           ids_with_failure(reading, {reading.session.connect_response}))
      .against.push_back("something in between may have changed it");
}

/// The server left in the middle of a message: what it had said last begins one that never ended.
const Evidence* message_cut_off(const Reading& reading) {
  if (!reading.server_left()) return nullptr;
  const Evidence* last = nullptr;
  for (const auto& e : reading.record.evidence) {
    if (e.id >= reading.failure()->evidence) break;
    if (e.where.side != Side::kServer || e.where.layer == record::Layer::kTransport) continue;
    if (!ends_connection(e)) last = &e;
  }
  const auto* data = last == nullptr ? nullptr : std::get_if<record::ApplicationData>(&last->fact);
  return data != nullptr && data->begins_message ? last : nullptr;
}

/// Behind X.224 without TLS half a PDU is no evidence of its own, only a count.
bool judge_cut_off(const Reading& reading, Findings& findings) {
  const auto* begun = message_cut_off(reading);
  const auto octets = reading.server_left() ? record::unfinished_octets(reading.record) : 0;
  if (begun == nullptr && octets == 0) return false;
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format("The server {} {}, in the middle of a message, of which it had sent {}.",
                       left_in_words(*reading.failure()),
                       after_in_words(*reading.failure(), "the last message"),
                       octets == 0 ? "the beginning" : fmt::format("{} octets", octets)),
           ids_with_failure(reading, {begun}))
      .against.push_back("a server that dies breaks off like this too");
  return true;
}

/// MS-RDPBCGR 2.2.1.4.3, 5.3.4: what no client can agree on keys with; empty: it can.
std::string unusable_security(const record::McsConnectResponse& response) {
  constexpr std::uint32_t kMethods[] = {0x01, 0x02, 0x08, 0x10};
  constexpr std::size_t kRandom = 32;
  const auto* security = response.blocks.find<rdp::ServerSecurityData>();
  if (security == nullptr || security->encryption_method == 0) return {};
  if (std::ranges::find(kMethods, security->encryption_method) == std::end(kMethods))
    return fmt::format("nobody knows its encryption method 0x{:x}", security->encryption_method);
  const auto random = security->server_random ? security->server_random->size() : 0;
  if (random != kRandom)
    return fmt::format("its random has {} octets, and {} are due", random, kRandom);
  if (!response.server_key) return {};
  if (response.server_key->form == record::ServerKeyJudgement::Form::kUnreadable)
    return "its certificate cannot be read";
  return response.server_key->key_bits <= 8 * kRandom
             ? "its certificate has no RSA key that is large enough"
             : std::string();
}

/// In a capture: the client left where the server had given it nothing to make keys of.
void judge_unusable_security(const Reading& reading, Findings& findings) {
  const auto* shown = reading.session.connect_response;
  const auto* failure = reading.failure();
  if (shown == nullptr || failure == nullptr || !findings.empty() ||
      failure->phase != Phase::kSecurity || failure->by != Side::kClient)
    return;
  const auto why = unusable_security(record::get<record::McsConnectResponse>(shown->fact));
  if (why.empty()) return;
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format("What the server says in Standard RDP Security cannot be gone on with: {}.",
                       why),
           ids_with_failure(reading, {shown}))
      .against.push_back("a client that is less strict goes on");
}

/// We ourselves stopped where the server would have gone on, and say why.
void judge_own_stop(const Reading& reading, Findings& findings) {
  using Why = record::RunFacts::OwnStop::Why;
  const auto* stop =
      reading.record.run && reading.record.run->own_stop ? &*reading.record.run->own_stop : nullptr;
  if (stop == nullptr || !findings.empty()) return;
  const auto& session = reading.session;
  if (stop->why == Why::kLicenseNotRequested) {
    auto& finding = findings.add(
        "unexplained", Confidence::kLikely,
        "Nothing failed: the server asks for a licence request (MS-RDPELE), and none is made "
        "without your word, since it may then issue a temporary licence in this client's name.",
        ids({session.license_request}));
    finding.against.push_back("what its licensing would answer is not known");
    finding.fix = {
        "Add --request-license to go on; read in the server's licensing log what came "
        "of it."};
    return;
  }
  if (stop->why != Why::kSecurityNotPossible && stop->why != Why::kLicensingNotPossible) return;
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format(
               "What the server says in {} cannot be gone on with: {}.",
               stop->why == Why::kSecurityNotPossible ? "Standard RDP Security" : "licensing",
               base::printable(stop->words)),
           ids({session.connect_response, session.license_request}))
      .against.push_back("a client that is less strict goes on");
}

/// Everything completed, and the session was over before anybody can have used it.
void judge_short_session(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  const auto* left = session.server_left;
  const auto* active = session.summary.font_map_at;
  if (left == nullptr || active == nullptr || !findings.empty() || session.was_ended_by_user())
    return;
  if (reading.failure() != nullptr && reading.failure()->by == Side::kClient) return;
  const auto lasted = left->at - active->at;
  if (left->id < active->id || lasted > kJustBegun) return;
  findings
      .add("session-ended-after-handshake", Confidence::kLikely,
           fmt::format("Everything completed up to the font map; {} later the server left ({}), "
                       "without a logoff or a disconnect by the user.",
                       duration_in_words(lasted), record::describe(*left)),
           ids_with_failure(reading, {active, session.summary.deactivated_at, left}))
      .against.push_back("why it ended the session is not said");
}

}  // namespace

void judge_session(const Reading& reading, Findings& findings) {
  if (!reading.session.began || !findings.empty()) return;
  judge_redirection(reading, findings);
  judge_error_info(reading, findings);
  judge_licensing(reading, findings);
  judge_mcs_results(reading, findings);
  judge_ultimatum(reading, findings);
  judge_short_session(reading, findings);
  judge_own_stop(reading, findings);
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->phase < Phase::kMcs || !findings.empty()) return;
  judge_unusable_security(reading, findings);
  if (!findings.empty() || judge_cut_off(reading, findings)) return;
  if (judge_talk(reading, findings)) return;
  // Before the server's first word of these phases it is judge_after_tls that knows.
  if (reading.session.connect_response == nullptr && failure->how != EndedHow::kMalformed) return;
  if (failure->how == EndedHow::kMalformed) return judge_breach(reading, findings);
  if (reading.silence()) return judge_silence(reading, findings);
  if (reading.server_left() || (failure->how == EndedHow::kAlert && failure->by == Side::kServer))
    judge_departure(reading, findings);
}

}  // namespace rdpwhy::diagnose
