#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/logon_reading.h"
#include "diagnose/session_reading.h"
#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::diagnose {

/// What every rule looks at: the record's own facts, gathered once. Nothing here is judged yet.
struct Reading {
  Reading(const HandshakeRecord& record, const record::Summary& summary,
          const Circumstances& circumstances);

  const HandshakeRecord& record;
  const Circumstances& circumstances;
  const record::Progress& progress;
  const std::optional<record::TlsSummary>& tls;
  LogonReading logon;
  SessionReading session;

  // First evidence of each kind; null where there is none.
  const Evidence* request = nullptr;       ///< X.224 Connection Request
  const Evidence* confirm = nullptr;       ///< X.224 Connection Confirm
  const Evidence* client_hello = nullptr;  ///< the last one
  const Evidence* server_hello = nullptr;
  const Evidence* certificate = nullptr;  ///< the server's
  const Evidence* certificate_request = nullptr;
  const Evidence* foreign = nullptr;  ///< ForeignProtocol
  const Evidence* begins_late = nullptr;
  const Evidence* gap = nullptr;     ///< the first
  const Evidence* ending = nullptr;  ///< the one that the failure names, else the first
  const Evidence* last_ending = nullptr;

  // Octets of the two ends, as far as seen; what was said to and by a proxy is not counted.
  std::uint64_t client_bytes = 0;
  std::uint64_t server_bytes = 0;
  std::uint64_t opening_bytes = 0;        ///< of the client, to the proxy
  bool proxied = false;                   ///< a proxy leads to the server
  const Evidence* proxy_grant = nullptr;  ///< with it the way to the server is open
  bool server_mid_message = false;        ///< the server's last message is incomplete
  std::optional<Nanoseconds> round_trip;
  bool missed_deadline = false;  ///< live: we gave up waiting

  /// Whatever happens now is between the client and the proxy: nobody spoke to the server yet.
  [[nodiscard]] bool before_proxy_grant() const { return proxied && proxy_grant == nullptr; }
  /// The least of what a round trip can have taken: scheduling only ever adds to a measurement.
  [[nodiscard]] std::optional<Nanoseconds> shortest_round_trip() const;

  [[nodiscard]] const record::Failure* failure() const {
    return progress.failure ? &*progress.failure : nullptr;
  }
  [[nodiscard]] bool failed_in(Phase phase) const {
    return progress.failure && progress.failure->phase == phase;
  }
  /// It passed, or came before what passed. Of the ways to secure a connection (TLS to
  /// authorization) each has one of its own, so there only what passed counts.
  [[nodiscard]] bool reached(Phase phase) const {
    if (!progress.reached || *progress.reached < phase) return false;
    if (phase < Phase::kTls || phase > Phase::kAuthorization) return true;
    return std::ranges::any_of(progress.phases, [phase](const auto& row) {
      return row.phase == phase && row.state == record::PhaseState::kPassed;
    });
  }
  /// The peer left: FIN or RST from its side.
  [[nodiscard]] bool server_left() const {
    const auto* f = failure();
    return f != nullptr && f->by != Side::kClient &&
           (f->how == record::EndedHow::kClose || f->how == record::EndedHow::kReset);
  }
  [[nodiscard]] bool silence() const {
    const auto* f = failure();
    return f != nullptr && f->how == record::EndedHow::kTimeout;
  }
  /// TLS or more was offered in the Connection Request.
  [[nodiscard]] bool offered_tls() const;
  [[nodiscard]] const rdp::ConnectionConfirm* confirm_fact() const {
    return confirm == nullptr ? nullptr : std::get_if<rdp::ConnectionConfirm>(&confirm->fact);
  }
  [[nodiscard]] const rdp::ConnectionRequest* request_fact() const {
    return request == nullptr ? nullptr : record::get_if<rdp::ConnectionRequest>(&request->fact);
  }
};

/// Findings as rules make them: the catalogue's advice comes on by itself.
class Findings {
 public:
  explicit Findings(Diagnosis& diagnosis) : diagnosis_(diagnosis) {}
  Finding& add(std::string_view id, Confidence confidence, std::string says,
               std::vector<record::EvidenceId> because);
  void warn(std::string_view id, std::string says, std::vector<record::EvidenceId> because);
  [[nodiscard]] bool empty() const { return diagnosis_.causes.empty(); }
  [[nodiscard]] bool has(std::string_view id) const {
    return std::ranges::find(diagnosis_.causes, id, &Finding::id) != diagnosis_.causes.end();
  }

 private:
  Diagnosis& diagnosis_;
};

/// The ids of those that are there, in order, each once.
[[nodiscard]] std::vector<record::EvidenceId> ids(std::initializer_list<const Evidence*> evidence);
/// The same with the evidence of the failure itself.
[[nodiscard]] std::vector<record::EvidenceId> ids_with_failure(
    const Reading& reading, std::initializer_list<const Evidence*> evidence);

/// What of the failure's octets is no such message: "X.224 Connection Confirm: LI ...", "SSH";
/// empty where the evidence does not say.
[[nodiscard]] std::string breach_in_words(const Reading& reading);

/// "closed the connection 1.8 ms after", "reset the connection at once after": the server's ending.
[[nodiscard]] std::string left_in_words(const record::Failure& failure);

/// "the Demand Active": what the server had to say next when a phase of the session stopped.
[[nodiscard]] std::string awaited_in_words(const Reading& reading);

/// "the ClientHello": the last message before the failure; `otherwise` where there is none.
[[nodiscard]] std::string after_in_words(const record::Failure& failure,
                                         std::string_view otherwise);

/// "TLSv1.3, TLSv1.2": of the ClientHello; "up to TLSv1.2" where it has no list.
[[nodiscard]] std::string offered_versions_in_words(const Reading& reading);

/// "alert 40 (handshake_failure)"
[[nodiscard]] std::string alert_in_words(const tls::Alert& alert);
/// The alert with which the failure ended; null when it did not, or nobody could read it.
[[nodiscard]] const tls::Alert* alert_of_failure(const Reading& reading);

// The rules, by phase. Each adds findings, the likeliest first, or stays silent.
void judge_proxy(const Reading& reading, Findings& findings);     // until it opened the way
void judge_reaching(const Reading& reading, Findings& findings);  // resolve and tcp
/// What is wrong with the protocol that the server selected, as the object of "selected"
/// (MS-RDPBCGR 2.2.1.2.1): not offered, or several at once. Nothing: it may be selected.
[[nodiscard]] std::optional<std::string> breach_of_offer(const Reading& reading);

void judge_negotiation(const Reading& reading, Findings& findings);  // x224
/// From TLS on: the client gave up amid octets without end. True: then nobody was silent.
bool judge_flood(const Reading& reading, Findings& findings);
/// From MCS on: the server said something else than what was due, or did not finish it. True: then
/// it was not silent.
bool judge_talk(const Reading& reading, Findings& findings);
/// Behind the TLS handshake, before MCS: other messages of TLS in place of what was due. The same.
bool judge_talk_of_tls(const Reading& reading, Findings& findings);
/// The client hung up when the server's message was not whole yet. True: then it was not silent.
bool judge_unfinished(const Reading& reading, Findings& findings);
void judge_tls(const Reading& reading, Findings& findings);
void judge_kerberos(const Reading& reading, Findings& findings);  // our talk with the KDC
void judge_credssp(const Reading& reading, Findings& findings);
void judge_rdstls(const Reading& reading, Findings& findings);
void judge_authorization(const Reading& reading, Findings& findings);
void judge_session(const Reading& reading, Findings& findings);    // from mcs on
void judge_after_tls(const Reading& reading, Findings& findings);  // what those leave open
void judge_complete(const Reading& reading, Findings& findings);   // no failure is seen
/// Standard RDP Security was chosen over TLS, and later something failed.
void judge_chosen_security(const Reading& reading, Findings& findings);
void judge_capture(const Reading& reading, Findings& findings);  // what the capture does not hold
void gather_warnings(const Reading& reading, Findings& findings);
void warn_about_logon(const Reading& reading, Findings& findings);    // a part of them
void warn_about_session(const Reading& reading, Findings& findings);  // and another

[[nodiscard]] std::optional<MstscCode> expected_code(const Reading& reading,
                                                     const Diagnosis& diagnosis);
/// From MCS on, where the server's own words are more than an ended socket.
[[nodiscard]] std::optional<MstscCode> code_of_session(const Reading& reading,
                                                       const Diagnosis& diagnosis);
[[nodiscard]] SawVerdict judge_saw(const Saw& saw, const Reading& reading,
                                   const Diagnosis& diagnosis);

}  // namespace rdpwhy::diagnose
