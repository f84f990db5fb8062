#include <algorithm>
#include <utility>

#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/session_summary.h"
#include "rdpwhy/tls/registry.h"
#include "record/credssp_names.h"
#include "record/inside_course.h"
#include "record/session_course.h"
#include "record/session_names.h"
#include "record/session_order.h"
#include "record/tls_walk.h"

namespace rdpwhy::record {
namespace {

/// Where in the evidence a phase was completed.
using Position = std::size_t;

/// What the connection is about, read in one pass.
struct Course {
  std::optional<Position> resolved, connected, negotiated, secured;
  Position behind_tls = 0;  ///< the first evidence that can belong to the phases behind it
  bool resolver_asked = false;
  bool x224_seen = false;  ///< any X.224 PDU, or octets where one is due
  bool tls_seen = false;
  bool begins_late = false;
  bool tls_opened = false;
  std::optional<std::uint32_t> selected;  ///< of the Confirm that passed; 0: standard RDP security
  bool client_spoke = false;  ///< data of the phase behind TLS (or behind X.224 without TLS)
  bool server_answered = false;
  InsideCourse inside;
  SessionCourse session;

  /// What is said inside TLS can be judged.
  [[nodiscard]] bool is_open() const { return inside.seen && !inside.blind; }
  [[nodiscard]] bool without_tls() const { return negotiated && selected == 0u && !tls_seen; }
  /// The first phase that Standard RDP Security hides.
  [[nodiscard]] std::optional<Phase> closed_from() const {
    for (const auto& stage : session.stages) {
      if (stage.encrypted) return stage.phase;
    }
    return {};
  }
};

bool is_alert_that_ends(const tls::Alert& alert, bool tls13) {
  if (alert.description == tls::Alert::kCloseNotify) return false;
  constexpr std::uint8_t kUserCanceled = 90;
  // RFC 8446 6: the level means nothing there, all but these two end the connection.
  return alert.level != tls::Alert::kWarning || (tls13 && alert.description != kUserCanceled);
}

/// A protocol selected that was not offered (PROTOCOL_RDP is always on offer), or several at once.
bool breaks_offer(std::uint32_t selected, const rdp::ConnectionRequest* request) {
  if (request == nullptr) return false;
  const auto offered = request->negotiation ? request->negotiation->requested.bits : 0;
  return (selected & ~offered) != 0 || (selected & (selected - 1)) != 0;
}

Course read_course(const HandshakeRecord& record) {
  Course course;
  TlsWalk tls(record);
  const rdp::ConnectionRequest* request = nullptr;
  std::optional<Position>
      broken;            // a Confirm that the offer does not allow: passed only if TLS follows
  bool gave_up = false;  // the client: with a Confirm that comes later nobody goes on
  for (Position i = 0; i < record.evidence.size(); ++i) {
    const auto& e = record.evidence[i];
    const auto role = tls.step(e);
    if (is_tls(e.fact)) {
      course.tls_seen = true;
      if (broken && e.where.side == Side::kClient) course.negotiated = std::exchange(broken, {});
    }
    // However late: the client had done its part.
    if (tls.passed() && !course.secured) {
      course.secured = i;
      course.behind_tls = role == TlsWalk::Role::kInside ? i : i + 1;
    } else if (role == TlsWalk::Role::kApplication ||
               std::holds_alternative<rdp::DataTpdu>(e.fact) || is_session(e.fact)) {
      if (e.where.side == Side::kClient) course.client_spoke = true;
      // Tickets of TLS 1.3 look like data: only what comes after the client's own counts as an
      // answer.
      if (e.where.side == Side::kServer && (!tls.opened() || course.client_spoke)) {
        course.server_answered = true;
      }
    }
    if (const auto* resolved = get_if<Resolved>(&e.fact)) {
      course.resolver_asked = true;
      if (!resolved->addresses.empty()) course.resolved = i;
    } else if (std::holds_alternative<Connected>(e.fact)) {
      course.connected = i;
      gave_up = false;
    } else if (const auto* ending = std::get_if<Ending>(&e.fact)) {
      // A half-close without a wait is no giving up: the answer is still listened to.
      gave_up = gave_up || (ending->by == Side::kClient && ending->silence >= kSilenceOfTimeout);
    } else if (std::holds_alternative<BeginsLate>(e.fact)) {
      course.begins_late = true;
      course.connected = i;
    } else if (const auto* r = get_if<rdp::ConnectionRequest>(&e.fact)) {
      course.x224_seen = true;
      request = r;
    } else if (const auto* confirm = std::get_if<rdp::ConnectionConfirm>(&e.fact)) {
      course.x224_seen = true;
      if (confirm->failure() != nullptr || course.negotiated || gave_up) continue;
      const auto* response = confirm->response();
      course.selected = response != nullptr ? response->selected_protocol : 0;
      (breaks_offer(*course.selected, request) ? broken : course.negotiated) = i;
    } else if (holds<Malformed>(e.fact) || holds<Unexpected>(e.fact) ||
               std::holds_alternative<ForeignProtocol>(e.fact) ||
               std::holds_alternative<rdp::DisconnectRequest>(e.fact) ||
               std::holds_alternative<rdp::DisconnectProviderUltimatum>(e.fact)) {
      course.x224_seen = course.x224_seen || e.phase == Phase::kX224;
    }
  }
  course.tls_opened = tls.opened();
  course.inside = read_inside_course(record, course.selected, course.secured);
  if (course.is_open()) {
    course.client_spoke = course.inside.client_spoke_mcs;
    course.server_answered = course.inside.server_spoke_mcs;
  }
  course.session =
      read_session_course(record, !course.tls_seen && course.selected.value_or(0) == 0);
  if (course.closed_from()) {
    course.client_spoke = course.session.client_spoke_closed;
    course.server_answered = course.session.server_answered_closed;
  }
  return course;
}

/// The milestones of this connection in order; the first without a position is the phase that
/// stopped.
struct Milestone {
  Phase phase;
  std::optional<Position> passed;
  bool skipped = false;
  bool encrypted = false;
};

/// The phases inside TLS, as far as they can be seen.
void add_inside(const Course& course, std::vector<Milestone>& out) {
  const auto& inside = course.inside;
  if (inside.kdc_asked) {
    out.push_back({.phase = Phase::kKerberos,
                   .passed = inside.kdc_granted,
                   .skipped = inside.went_on_without_kdc});
  }
  if (!course.is_open() && !inside.credssp && !inside.rdstls) return;
  const auto behind = phase_behind(course.selected.value_or(0));
  if (behind == Phase::kCredssp || inside.credssp_seen) {
    out.push_back({.phase = Phase::kCredssp, .passed = inside.credssp});
    if (inside.authorization_applies)
      out.push_back({.phase = Phase::kAuthorization, .passed = inside.authorization});
  } else if (behind == Phase::kRdstls || inside.rdstls_seen) {
    out.push_back({.phase = Phase::kRdstls, .passed = inside.rdstls});
  }
}

std::vector<Milestone> milestones(const Course& course) {
  std::vector<Milestone> out;
  if (course.resolver_asked) out.push_back({Phase::kResolve, course.resolved});
  out.push_back({Phase::kTcp, course.connected});
  // TLS from the first octet on (MS-RDPBCGR 5.4.2.2), or a capture that begins behind X.224.
  const bool without_x224 = course.tls_seen && !course.x224_seen;
  if (!without_x224) out.push_back({Phase::kX224, course.negotiated});
  if (!course.without_tls()) {
    out.push_back({Phase::kTls, course.secured});
  } else if (course.session.seen) {
    out.push_back({.phase = Phase::kTls, .passed = {}, .skipped = true});
  }
  add_inside(course, out);
  for (const auto& stage : course.session.stages)
    out.push_back({stage.phase, stage.passed, stage.skipped, stage.encrypted});
  return out;
}

/// Looks for what ended the connection in the phase that did not complete.
class EndingSearch {
 public:
  /// `behind`: everything that can be seen of the handshake passed.
  EndingSearch(const HandshakeRecord& record, const Course& course, Phase phase, Position from,
               bool behind)
      : record_(record),
        course_(course),
        phase_(phase),
        from_(from),
        behind_(behind),
        tls_(record) {}

  std::optional<Failure> find() {
    for (Position i = 0; i < record_.evidence.size(); ++i) {
      const auto& e = record_.evidence[i];
      const auto role = tls_.step(e);
      if (const auto* hello = get_if<tls::ServerHello>(&e.fact))
        tls13_ = tls::is_tls13(hello->version());
      if (e.where.side == Side::kServer && e.where.layer != Layer::kTransport) lost_.reset();
      if (i >= from_) {
        if (auto failure = judge(i, role)) return failure;
      }
      note_turn(e);
    }
    if (refused_) return fail_refused();
    if (broken_) return fail(*broken_, record_.evidence[*broken_].where.side, EndedHow::kMalformed);
    return {};
  }

 private:
  std::optional<Failure> judge(Position i, TlsWalk::Role role) {
    const auto& e = record_.evidence[i];
    const auto side = e.where.side;
    if (std::holds_alternative<Connecting>(e.fact)) {  // another address is tried
      because_.clear();
    } else if (const auto* confirm = std::get_if<rdp::ConnectionConfirm>(&e.fact)) {
      if (phase_ == Phase::kX224) return judge_confirm(i, *confirm);
    } else if (std::holds_alternative<rdp::DisconnectRequest>(e.fact) ||
               std::holds_alternative<rdp::DisconnectProviderUltimatum>(e.fact)) {
      // After the client took its leave it only answers that.
      if (behind_ && (course_.server_answered || client_left_)) return {};
      return fail(i, side, EndedHow::kFailurePdu);
    } else if (is_authentication(e.fact)) {
      if (phase_ > Phase::kTls) return judge_authentication(i);
    } else if (is_session(e.fact)) {
      return judge_session(i);
    } else if (const auto* alert = std::get_if<TlsAlert>(&e.fact)) {
      return judge_alert(i, *alert);
    } else if (role == TlsWalk::Role::kAlert) {
      if (!behind_) return judge_alert(i, {});
    } else if (role == TlsWalk::Role::kApplication && phase_ >= Phase::kMcs && !behind_) {
      // The middle of the session does not open: what it says cannot be seen.
      const auto* data = std::get_if<ApplicationData>(&e.fact);
      if (!hidden_ && (data == nullptr || !data->begins_message)) hidden_ = i;
    } else if (holds<Malformed>(e.fact) || holds<Unexpected>(e.fact) ||
               std::holds_alternative<ForeignProtocol>(e.fact)) {
      if (!broken_ && !behind_) broken_ = i;
    } else if (std::holds_alternative<Gap>(e.fact) || std::holds_alternative<BeginsLate>(e.fact)) {
      if (!behind_ && !hidden_) hidden_ = i;
    } else if (const auto* icmp = get_if<IcmpError>(&e.fact)) {
      because_.push_back(e.id);
      if (!lost_ && says_unreachable(*icmp)) lost_ = i;
    } else if (const auto* opening = get_if<ProxyOpening>(&e.fact)) {
      if (!opening->granted) return fail(i, Side::kNetwork, EndedHow::kFailurePdu);
    } else if (const auto* resolved = get_if<Resolved>(&e.fact)) {
      if (resolved->addresses.empty()) return fail(i, Side::kNetwork, EndedHow::kUnreachable);
    } else if (const auto* ending = std::get_if<Ending>(&e.fact)) {
      return judge_ending(i, *ending);
    } else if (broken_ && accepts_broken(e)) {
      broken_.reset();
    }
    return {};
  }

  std::optional<Failure> judge_confirm(Position i, const rdp::ConnectionConfirm& confirm) {
    if (const auto* request = first_evidence<rdp::ConnectionRequest>(record_))
      because_.push_back(request->id);
    if (confirm.failure() != nullptr) return fail(i, Side::kServer, EndedHow::kFailurePdu);
    return fail(i, Side::kServer, EndedHow::kMalformed);  // selects what was not offered
  }

  std::optional<Failure> judge_session(Position i) {
    const auto& e = record_.evidence[i];
    if (broken_ && accepts_broken(e)) broken_.reset();
    switch (session_refusal(e)) {
      case SessionRefusal::kForGood:
        return fail(i, e.where.side, EndedHow::kFailurePdu);
      case SessionRefusal::kUnlessMoreComes:
        if (!refused_) refused_ = i;
        break;
      case SessionRefusal::kNone:
        break;
    }
    return {};
  }

  static bool is_authentication(const Fact& fact) {
    return holds<CredsspMessage>(fact) || holds<auth::EarlyUserAuthorizationResult>(fact) ||
           holds<auth::RdstlsPdu>(fact) || holds<KdcTalk>(fact);
  }

  std::optional<Failure> judge_authentication(Position i) {
    const auto& e = record_.evidence[i];
    if (const auto* message = get_if<CredsspMessage>(&e.fact)) return judge_credssp(i, *message);
    if (const auto* talk = get_if<KdcTalk>(&e.fact)) {
      if (phase_ == Phase::kKerberos && talk->outcome != KdcTalk::Outcome::kGranted) refused_ = i;
      return {};
    }
    if (broken_ && accepts_broken(e)) broken_.reset();
    std::uint32_t result = 0;
    if (const auto* authorization = get_if<auth::EarlyUserAuthorizationResult>(&e.fact)) {
      result = authorization->authorization_result;
    } else if (const auto* pdu = get_if<auth::RdstlsPdu>(&e.fact)) {
      const auto* response = std::get_if<auth::RdstlsAuthenticationResponse>(pdu);
      result = response != nullptr ? response->result_code : 0;
    }
    if (result != 0) return fail(i, e.where.side, EndedHow::kFailurePdu);
    return {};
  }

  std::optional<Failure> judge_credssp(Position i, const CredsspMessage& message) {
    const auto& e = record_.evidence[i];
    const bool server = e.where.side == Side::kServer;
    if (broken_ && accepts_broken(e)) broken_.reset();
    if (refuses(message)) return fail(i, e.where.side, EndedHow::kFailurePdu);
    if (!server || behind_) return {};
    refused_.reset();
    if (kerberos_error_of(message) != nullptr) {  // a client may correct its clock and try again
      refused_ = i;
    } else if (has_unreadable_token(message) && !broken_) {
      broken_ = i;
    }
    return {};
  }

  std::optional<Failure> fail_refused() const {
    const auto& e = record_.evidence[*refused_];
    const auto* talk = get_if<KdcTalk>(&e.fact);
    if (talk == nullptr) return fail(*refused_, e.where.side, EndedHow::kFailurePdu);
    switch (talk->outcome) {
      case KdcTalk::Outcome::kRefused:
        return fail(*refused_, Side::kNetwork, EndedHow::kFailurePdu);
      case KdcTalk::Outcome::kTimeout:
        return fail(*refused_, Side::kNetwork, EndedHow::kTimeout);
      case KdcTalk::Outcome::kUnavailable:
        return fail(*refused_, Side::kClient, EndedHow::kUnreachable);
      case KdcTalk::Outcome::kUnreachable:
      case KdcTalk::Outcome::kGranted:
        break;
    }
    return fail(*refused_, Side::kNetwork, EndedHow::kUnreachable);
  }

  /// A message of the other side that answers what we could not read: it could.
  bool accepts_broken(const Evidence& e) const {
    return e.where.side != record_.evidence[*broken_].where.side &&
           !holds<rdp::ConnectionRequest>(e.fact) && !holds<tls::ClientHello>(e.fact) &&
           message_name(record_, e);
  }

  std::optional<Failure> judge_alert(Position i, const TlsAlert& alert) {
    const auto& e = record_.evidence[i];
    const auto side = e.where.side;
    note_leave(i, alert);
    if (refused_ && !(alert.alert && alert.alert->description == tls::Alert::kCloseNotify)) {
      because_.push_back(e.id);
      return fail_refused();
    }
    if (behind_) {  // encrypted ones are close_notify as a rule
      if (alert.alert && is_alert_that_ends(*alert.alert, tls13_) && side == Side::kServer &&
          !course_.server_answered) {
        return fail(i, side, EndedHow::kAlert);
      }
      if (!closing_) closing_ = i;  // the other side's only answers it
      return {};
    }
    if (broken_ && record_.evidence[*broken_].where.side != side && side == Side::kClient) {
      because_.push_back(e.id);
      return fail(*broken_, Side::kServer, EndedHow::kMalformed);
    }
    if (broken_) because_.push_back(record_.evidence[*broken_].id);
    if (!alert.alert && phase_ > Phase::kTls) {
      if (!closing_) closing_ = i;
      return {};
    }
    if (!alert.alert || is_alert_that_ends(*alert.alert, tls13_) ||
        leaves_after_warning(i, *alert.alert)) {
      return fail(i, side, EndedHow::kAlert);
    }
    if (alert.alert->description == tls::Alert::kCloseNotify && !closing_) closing_ = i;
    return {};
  }

  /// A client that gives up waiting inside TLS says close_notify first, and its FIN follows at
  /// once. To a server that said so before it only answers: nothing was due any more.
  void note_leave(Position i, const TlsAlert& alert) {
    if (closing_ && record_.evidence[*closing_].where.side == Side::kServer) return;
    if (phase_ <= Phase::kTls || i == 0 || record_.evidence[i].where.side != Side::kClient) return;
    if (alert.alert && alert.alert->description != tls::Alert::kCloseNotify) return;
    const auto silence = record_.evidence[i].at - record_.evidence[i - 1].at;
    gave_up_ = gave_up_ || (server_due_ && silence >= kSilenceOfTimeout);
  }

  /// A warning with which its sender leaves: nothing of the handshake follows it.
  bool leaves_after_warning(Position i, const tls::Alert& alert) const {
    if (alert.description == tls::Alert::kCloseNotify) return false;
    for (auto j = i + 1; j < record_.evidence.size(); ++j) {
      const auto& e = record_.evidence[j];
      if (const auto* ending = std::get_if<Ending>(&e.fact)) {
        return ending->by == record_.evidence[i].where.side;
      }
      if (!std::holds_alternative<TlsAlert>(e.fact)) return false;
    }
    return false;
  }

  std::optional<Failure> judge_ending(Position i, const Ending& ending) {
    if (behind_) return judge_ending_behind(i, ending);
    const auto id = record_.evidence[i].id;
    if (phase_ == Phase::kTcp) return fail(i, ending.by, how_of(ending));
    if (broken_) {
      because_.push_back(id);
      return fail(*broken_, record_.evidence[*broken_].where.side, EndedHow::kMalformed);
    }
    if (hidden_) {
      because_.push_back(id);
      return fail(*hidden_, Side::kNetwork, EndedHow::kCaptureEnd);
    }
    if (refused_) {
      because_.push_back(id);
      return fail_refused();
    }
    if (closing_) return closed_by_notify(i, ending);
    if (lost_ && server_due_ && gives_up(ending)) return lost_on_the_way(i);
    if (ending.by == Side::kClient && server_due_ && ending.silence >= kSilenceOfTimeout) {
      return fail(i, Side::kClient, EndedHow::kTimeout);
    }
    return fail(i, ending.by, how_of(ending));
  }

  /// After everything that can be seen here: only a server that leaves, or is silent, before it
  /// answered anything failed.
  std::optional<Failure> judge_ending_behind(Position i, const Ending& ending) {
    if (course_.server_answered) return {};
    if (ending.by == Side::kServer) {
      if (client_left_) return {};
      if (closing_) return closed_by_notify(i, ending);
      return fail(i, Side::kServer, how_of(ending));
    }
    if (ending.by != Side::kClient) return {};
    if (closing_ && record_.evidence[*closing_].where.side == Side::kServer)
      return closed_by_notify(i, ending);
    client_left_ = true;
    if (course_.client_spoke && server_due_ && lost_) return lost_on_the_way(i);
    const bool waited = gave_up_ || ending.silence >= kSilenceOfTimeout;
    if (course_.client_spoke && server_due_ && waited) {
      return fail(i, Side::kClient, EndedHow::kTimeout);
    }
    return {};
  }

  /// RFC 8446 6.1: who says close_notify closes, whoever's FIN comes first.
  std::optional<Failure> closed_by_notify(Position i, const Ending& ending) {
    const auto& notify = record_.evidence[*closing_];
    if (behind_ && notify.where.side == Side::kClient) return {};
    because_.push_back(notify.id);
    if (gave_up_ && ending.by == Side::kClient) return fail(i, Side::kClient, EndedHow::kTimeout);
    if (ending.by == notify.where.side) return fail(i, ending.by, how_of(ending));
    auto failure = fail(i, notify.where.side, EndedHow::kClose);
    // Not when the other side drew the conclusion.
    if (phase_ > Phase::kTls) failure.after_ns -= record_.evidence[i].at - notify.at;
    return failure;
  }

  /// Who repeats in vain seldom gets its FIN out before the capture ends.
  static bool gives_up(const Ending& ending) {
    return ending.by == Side::kClient ||
           (ending.how == Ending::How::kCaptureEnd && ending.silence >= kSilenceOfTimeout);
  }

  /// Nothing of the server came behind the ICMP error: the silence has a reason, and hanging up
  /// only draws the conclusion.
  std::optional<Failure> lost_on_the_way(Position hung_up) {
    std::erase(because_, record_.evidence[*lost_].id);
    because_.push_back(record_.evidence[hung_up].id);
    return fail(*lost_, Side::kNetwork, EndedHow::kUnreachable);
  }

  static EndedHow how_of(const Ending& ending) {
    switch (ending.how) {
      case Ending::How::kClose:
        return EndedHow::kClose;
      case Ending::How::kReset:
        return EndedHow::kReset;
      case Ending::How::kRefused:
        return EndedHow::kRefused;
      case Ending::How::kUnreachable:
      case Ending::How::kLocal:
        return EndedHow::kUnreachable;
      case Ending::How::kUnanswered:
        return EndedHow::kTimeout;
      case Ending::How::kCaptureEnd:
        return EndedHow::kCaptureEnd;
    }
    return EndedHow::kClose;
  }

  Failure fail(Position at, Side by, EndedHow how) const {
    const auto& shown = record_.evidence[at];
    Failure failure{
        .phase = phase_, .by = by, .how = how, .evidence = shown.id, .because = because_};
    std::ranges::sort(failure.because);
    for (Position i = at; i-- > 0;) {
      const auto name = message_name(record_, record_.evidence[i]);
      const bool goodbye = closing_ && i >= *closing_ && is_tls(record_.evidence[i].fact);
      const bool clients = closing_ && record_.evidence[*closing_].where.side == Side::kClient;
      if (!name || (goodbye && (clients || phase_ > Phase::kTls))) continue;
      failure.after = *name;
      failure.after_ns = shown.at - record_.evidence[i].at;
      break;
    }
    return failure;
  }

  void note_turn(const Evidence& e) {
    if (const auto* opening = get_if<ProxyOpening>(&e.fact)) {
      const bool header = opening->protocol.starts_with("PROXY ");  // nobody answers it
      server_due_ = e.where.side == Side::kClient && !header;
    }
    if (holds<rdp::ConnectionRequest>(e.fact)) server_due_ = true;
    if (std::holds_alternative<rdp::ConnectionConfirm>(e.fact)) server_due_ = false;
    if (std::holds_alternative<rdp::DataTpdu>(e.fact)) server_due_ = e.where.side == Side::kClient;
    // Tickets and key updates are nobody's turn once something was said inside.
    const bool housekeeping = spoke_inside_ && std::holds_alternative<HandshakeMessage>(e.fact);
    spoke_inside_ = spoke_inside_ || is_inside_tls(e);
    if ((is_tls(e.fact) && !housekeeping) || (is_inside_tls(e) && !is_session(e.fact)))
      server_due_ = tls_.server_due();
    if (const auto* message = get_if<CredsspMessage>(&e.fact)) note_proof(*message, e.where.side);
    const auto due = server_due_after(e);
    if (!order_.is_out_of_place(e) && due) server_due_ = *due;
  }

  /// Once NTLM's proof is out only a pubKeyAuth or a refusal answers it (MS-CSSP 3.1.5).
  void note_proof(const CredsspMessage& message, Side side) {
    if (side == Side::kClient) {
      proof_due_ = std::ranges::any_of(message.tokens, [](const auth::Token& token) {
        return std::holds_alternative<auth::NtlmAuthenticate>(token.message);
      });
    } else if (message.pub_key_auth || refuses(message)) {
      proof_due_ = false;
    } else if (proof_due_) {
      server_due_ = true;
    }
  }

  const HandshakeRecord& record_;
  const Course& course_;
  Phase phase_;
  Position from_;
  bool behind_;  ///< TLS, or X.224 without TLS, passed
  TlsWalk tls_;
  SessionOrder order_;
  bool tls13_ = false;
  bool server_due_ = false;
  bool spoke_inside_ = false;  ///< somebody, inside TLS
  bool proof_due_ = false;     ///< the server's answer to the NTLM AUTHENTICATE
  bool client_left_ = false;
  std::optional<Position>
      broken_;  ///< octets that we could not read: the ending, if nothing refutes it
  std::optional<Position> hidden_;   ///< from here on the capture does not show everything
  std::optional<Position> closing_;  ///< a close_notify
  std::optional<Position> refused_;  ///< a KRB-ERROR or a KDC's no: the ending, if nothing follows
  bool gave_up_ = false;             ///< the client took its leave after a long silence
  std::optional<Position> lost_;     ///< an ICMP error, and nothing of the server since
  std::vector<EvidenceId> because_;
};

/// From the first evidence that belongs to the phase to its end. A phase that the server opens
/// begins where the one before it ended.
std::optional<Nanoseconds> duration(const HandshakeRecord& record, Phase phase, Position from,
                                    Position end) {
  std::optional<Moment> begin;
  const bool server_opens = row_of(phase).speaks_first == Side::kServer;
  if (server_opens && from > 0 && from <= end) begin = record.evidence[from - 1].at;
  for (Position i = 0; i <= end && i < record.evidence.size(); ++i) {
    const auto& e = record.evidence[i];
    if (phase == Phase::kTcp && std::holds_alternative<BeginsLate>(e.fact)) return {};
    // Each address that is tried begins the TCP phase anew.
    if (phase == Phase::kTcp && std::holds_alternative<Connecting>(e.fact)) begin = e.at;
    if (e.phase == phase && !begin) {
      // What a KDC was asked leaves no evidence, only what it said: it was asked at once after the
      // evidence before.
      const bool only_answers = phase == Phase::kKerberos && i > 0;
      begin = only_answers ? record.evidence[i - 1].at : e.at;
    }
  }
  if (!begin) return {};
  return record.evidence[end].at - *begin;
}

PhaseState state_behind(const Course& course, bool as_asked) {
  if (as_asked) return PhaseState::kStopped;
  if (course.is_open()) return PhaseState::kNotReached;
  const bool spoke = course.client_spoke || course.server_answered;
  // Where the handshake opened, what stays closed behind it may be no more than an alert.
  const bool closed = course.tls_opened ? course.client_spoke && course.inside.blind : spoke;
  return closed ? PhaseState::kEncrypted : PhaseState::kNotReached;
}

}  // namespace

bool says_unreachable(const IcmpError& error) {
  if (!error.type) return true;  // no other is told that way
  constexpr std::uint8_t kTooBig4 = 4;
  if (error.v6) return *error.type == 1 || *error.type == 3;
  return (*error.type == 3 && error.code != kTooBig4) || *error.type == 11;
}

Phase phase_behind(std::uint32_t selected_protocol) {
  const rdp::Protocols selected{selected_protocol};
  if (selected.has(rdp::Protocol::kHybrid) || selected.has(rdp::Protocol::kHybridEx)) {
    return Phase::kCredssp;
  }
  if (selected.has(rdp::Protocol::kRdstls)) return Phase::kRdstls;
  return Phase::kMcs;
}

namespace {

/// The first phase of which nothing can be said here.
Phase later_phase(const Course& course, const std::vector<Milestone>& passed) {
  if (const auto closed = course.closed_from()) return *closed;
  const auto last = passed.empty() ? Phase::kResolve : passed.back().phase;
  const bool authenticated =
      last == Phase::kCredssp || last == Phase::kAuthorization || last == Phase::kRdstls;
  return authenticated ? Phase::kMcs : phase_behind(course.selected.value_or(0));
}

/// `stopped_in`: the first phase that did not pass, if it can be seen.
bool went_as_far_as_asked(const HandshakeRecord& record, const Course& course,
                          std::optional<Phase> reached, std::optional<Phase> stopped_in) {
  if (!record.run || !record.run->until) return false;
  const auto until = *record.run->until;
  if (reached >= until) return true;
  const auto& stop = record.run->own_stop;
  if (!stop || until < Phase::kCredssp || until >= Phase::kMcs) return false;
  using Why = RunFacts::OwnStop::Why;
  return (stop->why == Why::kNoCredentials || stop->why == Why::kNothingToDelegate) &&
         course.inside.server_answered_credssp && stopped_in == Phase::kCredssp;
}

/// Our own side would not go on, and nobody failed.
bool would_not_go_on(const HandshakeRecord& record) {
  return record.run && record.run->own_stop &&
         record.run->own_stop->why == RunFacts::OwnStop::Why::kLicenseNotRequested;
}

/// In a capture: the client had its Connect-Response, said nothing of what follows and closed in
/// order. Nothing was due, so nothing failed: a probe ends like this.
bool left_behind_connect_response(const HandshakeRecord& record, const Failure& failure) {
  if (record.run || failure.phase != Phase::kChannels || failure.by != Side::kClient ||
      failure.how != EndedHow::kClose) {
    return false;
  }
  for (auto i = static_cast<Position>(failure.evidence - 1); i-- > 0;) {
    const auto& e = record.evidence[i];
    if (holds<McsConnectResponse>(e.fact)) return true;
    if (is_session(e.fact)) return false;
  }
  return false;
}

/// Nothing is known of the last phase beyond that it began.
bool is_under_way(const Course& course, Phase later) {
  return later == Phase::kMcs && course.is_open() &&
         (course.client_spoke || course.server_answered);
}

}  // namespace

Progress progress(const HandshakeRecord& record) {
  const auto course = read_course(record);
  Progress out;
  std::optional<Phase> stopped_in;
  Position from = 0;
  const auto stones = milestones(course);
  for (const auto& milestone : stones) {
    PhaseProgress row{.phase = milestone.phase};
    if (milestone.skipped) {
      row.state = PhaseState::kSkipped;
    } else if (milestone.encrypted) {
      row.state = stopped_in ? PhaseState::kNotReached : PhaseState::kEncrypted;
    } else if (milestone.passed && !stopped_in) {
      row.state = PhaseState::kPassed;
      row.duration = duration(record, milestone.phase, from, *milestone.passed);
      out.reached = milestone.phase;
      from = milestone.phase == Phase::kTls ? course.behind_tls : *milestone.passed + 1;
    } else if (!stopped_in) {
      stopped_in = milestone.phase;
    }
    out.phases.push_back(row);
  }
  if (course.without_tls() && !course.session.seen)
    out.phases.push_back({.phase = Phase::kTls, .state = PhaseState::kSkipped});

  const auto later = later_phase(course, stones);
  out.as_asked = went_as_far_as_asked(record, course, out.reached, stopped_in);
  // An active session has no handshake left that could fail.
  const bool active = out.reached == Phase::kFinalization;
  const bool stopped = out.as_asked || would_not_go_on(record);
  if (!stopped && !active && !record.evidence.empty()) {
    if (stopped_in == Phase::kTcp) {  // judged by the last address that was tried
      for (Position i = from; i < record.evidence.size(); ++i) {
        if (std::holds_alternative<Connecting>(record.evidence[i].fact)) from = i;
      }
    }
    out.failure =
        EndingSearch(record, course, stopped_in.value_or(later), from, !stopped_in).find();
    if (out.failure && left_behind_connect_response(record, *out.failure)) out.failure.reset();
  }
  for (auto& row : out.phases) {
    if (row.phase == stopped_in && stopped) row.state = PhaseState::kStopped;
    if (!out.failure || row.phase != out.failure->phase) continue;
    row.state = PhaseState::kFailed;
    row.duration = duration(record, row.phase, from, out.failure->evidence - 1);
  }
  if (course.session.seen) return out;
  if (!stopped_in && out.failure) {
    out.phases.push_back({.phase = later, .state = PhaseState::kFailed});
  } else if (!stopped_in && !course.without_tls() && !is_under_way(course, later)) {
    out.phases.push_back({.phase = later, .state = state_behind(course, out.as_asked)});
  }
  return out;
}

}  // namespace rdpwhy::record
