#include "record/inside_course.h"

#include "rdpwhy/record/queries.h"
#include "record/credssp_names.h"
#include "record/session_names.h"

namespace rdpwhy::record {
namespace {

using Position = std::size_t;

class Walk {
 public:
  Walk(const HandshakeRecord& record, std::optional<std::uint32_t> selected,
       std::optional<Position> secured)
      : record_(record), selected_({selected.value_or(0)}), secured_(secured) {}

  InsideCourse walk() {
    for (Position i = 0; i < record_.evidence.size(); ++i) step(i, record_.evidence[i]);
    settle();
    return course_;
  }

 private:
  void step(Position i, const Evidence& e) {
    const bool server = e.where.side == Side::kServer;
    if (is_inside_tls(e)) course_.seen = true;
    if (is_inside_tls(e) && (holds<Malformed>(e.fact) || holds<Unexpected>(e.fact))) broken_ = true;
    if (secured_ && i > *secured_ && is_closed_data(e.fact) && !broken_) course_.blind = true;
    if (const auto* message = get_if<CredsspMessage>(&e.fact)) {
      step_credssp(i, *message, server);
    } else if (const auto* result = get_if<auth::EarlyUserAuthorizationResult>(&e.fact)) {
      authorization_seen_ = true;
      if (result->authorization_result == 0) course_.authorization = i;
    } else if (const auto* pdu = get_if<auth::RdstlsPdu>(&e.fact)) {
      course_.rdstls_seen = true;
      const auto* response = std::get_if<auth::RdstlsAuthenticationResponse>(pdu);
      if (server && response != nullptr && response->result_code == 0) course_.rdstls = i;
    } else if (const auto* talk = get_if<KdcTalk>(&e.fact)) {
      course_.kdc_asked = true;
      course_.kdc_granted.reset();
      if (talk->outcome == KdcTalk::Outcome::kGranted) course_.kdc_granted = i;
    } else if (is_session(e.fact) && is_inside_tls(e)) {
      (server ? course_.server_spoke_mcs : course_.client_spoke_mcs) = true;
    } else if (delegated_ && !course_.client_spoke_mcs && !client_left_) {
      client_left_ = !server && (std::holds_alternative<TlsAlert>(e.fact) ||
                                 std::holds_alternative<Ending>(e.fact));
      left_at_once_ = left_at_once_ || is_leaving(e);
    }
  }

  void step_credssp(Position i, const CredsspMessage& message, bool server) {
    course_.credssp_seen = true;
    last_ = i;
    const bool refusal = refuses(message) || kerberos_error_of(message) != nullptr;
    refused_ = refused_ || (server && refuses(message));
    if (server && refusal) {
      if (delegated_ && !course_.server_spoke_mcs) left_at_once_ = true;
    } else if (server) {
      course_.server_answered_credssp = true;
      if (message.pub_key_auth) confirmed_ = true;
    } else {
      if (message.auth_info_size) delegated_ = i;
      if (course_.kdc_asked && !course_.kdc_granted) course_.went_on_without_kdc = true;
    }
  }

  /// The server leaves, or says something else, where it was to accept the credentials in silence.
  static bool is_leaving(const Evidence& e) {
    if (const auto* ending = std::get_if<Ending>(&e.fact)) return ending->by == Side::kServer;
    if (e.where.side != Side::kServer) return false;
    return std::holds_alternative<TlsAlert>(e.fact) || holds<Malformed>(e.fact) ||
           holds<Unexpected>(e.fact) ||
           std::holds_alternative<rdp::DisconnectProviderUltimatum>(e.fact) ||
           std::holds_alternative<rdp::DisconnectRequest>(e.fact);
  }

  void settle() {
    // A server that goes on without a result did without it.
    const bool extended = selected_.has(rdp::Protocol::kHybridEx);
    const bool went_on = authorization_seen_ || course_.server_spoke_mcs;
    course_.authorization_applies = authorization_seen_ || (extended && !course_.server_spoke_mcs);
    if (!course_.credssp_seen) return;
    if (went_on) {
      course_.credssp = delegated_ ? delegated_ : last_;
    } else if (delegated_ && confirmed_ && !refused_ && (extended || !left_at_once_)) {
      // With HYBRID_EX an answer is due, and a server that leaves instead fails authorization.
      course_.credssp = delegated_;
    }
  }

  const HandshakeRecord& record_;
  rdp::Protocols selected_;
  std::optional<Position> secured_;
  InsideCourse course_;
  std::optional<Position> delegated_, last_;
  bool confirmed_ = false;
  bool refused_ = false;  ///< in a TSRequest, before or after the credentials went
  bool authorization_seen_ = false;
  bool broken_ = false;        ///< something inside could not be read: what follows stays closed
  bool client_left_ = false;   ///< after its credentials went: what the server does is an answer
  bool left_at_once_ = false;  ///< the server, after the credentials went and nothing else was said
};

}  // namespace

bool is_inside_tls(const Evidence& evidence) {
  const auto& fact = evidence.fact;
  if (holds<CredsspMessage>(fact) || holds<auth::RdstlsPdu>(fact) ||
      holds<auth::EarlyUserAuthorizationResult>(fact)) {
    return true;
  }
  return evidence.where.layer == Layer::kDecrypted && evidence.phase > Phase::kTls;
}

InsideCourse read_inside_course(const HandshakeRecord& record,
                                std::optional<std::uint32_t> selected,
                                std::optional<std::size_t> secured) {
  return Walk(record, selected, secured).walk();
}

}  // namespace rdpwhy::record
