#include "rdpwhy/diagnose/experiments.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/check.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::diagnose {
namespace {

using enum ExperimentId;
using record::EndedHow;

constexpr Experiment kExperiments[] = {
    {kSameAgain, "same-again", "the same again",
     "what always happens, from what happens now and then"},
    {kSilentConnection, "silent-connection", "nothing was sent",
     "who ends every connection, from who left because of the request"},
    {kProxyHeader, "proxy-header", "a PROXY protocol header went first",
     "a listener behind a balancer, from one that answers nobody"},
    {kNoCookie, "no-cookie", "no cookie in the request",
     "a dislike of the cookie, from a refusal of every request"},
    {kNoToken, "no-token", "no routing token in the request",
     "a dislike of the token, from a refusal of every request"},
    {kRdpOnly, "rdp-only", "offered standard RDP security alone",
     "a server that leaves where TLS is offered, from one that refuses every request"},
    {kTlsOnly, "tls-only", "offered TLS without NLA", "NLA, from the rest of the server"},
    {kNlaOnly, "nla-only", "offered NLA alone", "servers that want NLA and do not say so"},
    {kNoHybridEx, "no-hybrid-ex", "offered TLS and NLA, without early authorization",
     "who does not know HYBRID_EX"},
    {kTlsFirst, "tls-first", "TLS from the first octet, no X.224",
     "a service of another kind, from an RDP server that says nothing"},
    {kSmallClientHello, "small-client-hello", "a small, classic ClientHello",
     "a dislike of large or modern hellos, from a server without a usable key"},
    {kEveryCipher, "every-cipher", "offered every suite, group and signature algorithm we have",
     "a missing common suite, from a server without a usable key"},
    {kTls12Only, "tls12-only", "offered TLS 1.2 alone",
     "versions and the modern hello, from the rest"},
    {kTls13Only, "tls13-only", "offered TLS 1.3 alone", "versions, from the rest"},
    {kTls11Only, "tls11-only", "offered TLS 1.1 alone", "versions, from the rest"},
    {kTls10Only, "tls10-only", "offered TLS 1.0 alone", "versions, from the rest"},
    {kRsaOnly, "rsa-only", "offered suites for RSA certificates alone",
     "one certificate of several, from all of them"},
    {kEcdsaOnly, "ecdsa-only", "offered suites for ECDSA certificates alone",
     "one certificate of several, from all of them"},
    {kSplitClientHello, "split-client-hello", "the ClientHello in small pieces, slowly",
     "a device that reads single packets, from the server"},
    {kNoServerName, "no-server-name", "no server name in the ClientHello",
     "a choice by server name, from a refusal of every hello"},
    {kClampedSegments, "clamped-mss", "segments of at most 536 octets",
     "a path that loses large packets, from a server that hangs"},
    {kOtherAddress, "other-address", "connected to another address of the name",
     "one machine of several under this name, from all of them"},
};

/// How a handshake ended, as far as two endings are to be called the same: whether a departure is
/// seen as FIN or RST may be a matter of microseconds.
struct Kind {
  enum class What { kLeft, kSilent, kSaidNo, kBroken, kNoWay, kOther } what = What::kOther;
  std::int64_t number = -1;  ///< of the alert or failure code

  friend bool operator==(const Kind&, const Kind&) = default;
};

Kind kind_of(const HandshakeRecord& record, const record::Failure& failure) {
  using What = Kind::What;
  const bool known = failure.evidence >= 1 && failure.evidence <= record.evidence.size();
  const auto* shown = known ? &record.evidence[failure.evidence - 1].fact : nullptr;
  switch (failure.how) {
    case EndedHow::kTimeout:
      return {What::kSilent};
    case EndedHow::kClose:
    case EndedHow::kReset:
      if (failure.by == Side::kServer) return {What::kLeft};
      return {record.run && record.run->missed_deadline ? What::kSilent : What::kOther};
    case EndedHow::kAlert: {
      const auto* alert = shown == nullptr ? nullptr : std::get_if<record::TlsAlert>(shown);
      return {What::kSaidNo, alert != nullptr && alert->alert ? alert->alert->description : -1};
    }
    case EndedHow::kFailurePdu: {
      const auto* confirm = shown == nullptr ? nullptr : std::get_if<rdp::ConnectionConfirm>(shown);
      const auto* no = confirm == nullptr ? nullptr : confirm->failure();
      return {What::kSaidNo, no != nullptr ? 0x10000 + std::int64_t{no->failure_code} : -1};
    }
    case EndedHow::kMalformed:
      return {What::kBroken};
    case EndedHow::kRefused:
    case EndedHow::kUnreachable:
      return {What::kNoWay};
    case EndedHow::kCaptureEnd:
      break;
  }
  return {};
}

/// Nothing was sent: what the peer did of its own accord, beside what it did when it was asked.
Outcome outcome_of_silence(const Kind& failed, const ExperimentResult& result) {
  const auto& run = result.record.run;
  if (!run || !run->silent_connection || !run->silent_connection->connected)
    return Outcome::kTellsNothing;
  const auto& seen = *run->silent_connection;
  if (failed.what == Kind::What::kLeft)
    return seen.ended_by_peer ? Outcome::kSame : Outcome::kOtherwise;
  if (failed.what == Kind::What::kSilent && !seen.ended_by_peer && seen.bytes == 0)
    return Outcome::kSame;
  return Outcome::kOtherwise;
}

/// Without X.224 there is another first message: whether TLS is spoken at all counts.
Outcome outcome_of_tls_first(const Kind& failed, const HandshakeRecord& record) {
  if (record::first<tls::ServerHello>(record) != nullptr) return Outcome::kPassed;
  if (record::first<record::TlsAlert>(record, Side::kServer) != nullptr) return Outcome::kPassed;
  const auto progress = record::progress(record);
  if (!progress.failure || progress.failure->phase < Phase::kX224) return Outcome::kTellsNothing;
  const auto kind = kind_of(record, *progress.failure);
  if (kind == failed) return Outcome::kSame;
  return kind.what == Kind::What::kLeft ? Outcome::kOtherwise : Outcome::kTellsNothing;
}

bool is_unsaid(const Kind& kind) {
  return kind.what == Kind::What::kLeft || kind.what == Kind::What::kSilent;
}

}  // namespace

std::span<const Experiment> experiments() { return kExperiments; }

const Experiment& row_of(ExperimentId id) {
  const auto* found = std::ranges::find(kExperiments, id, &Experiment::id);
  RDPWHY_CHECK(found != std::end(kExperiments));
  return *found;
}

std::string ExperimentResult::name() const {
  const auto name = row_of(experiment.id).name;
  return number > 1 ? fmt::format("{}-{}", name, number) : std::string(name);
}

std::string ExperimentResult::changed() const {
  const auto& row = row_of(experiment.id);
  return experiment.address.empty() ? std::string(row.changed)
                                    : fmt::format("{}, {}", row.changed, experiment.address);
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kSame:
      return "same ending";
    case Outcome::kOtherwise:
      return "otherwise";
    case Outcome::kTellsNothing:
      break;
  }
  return "unclear";
}

Outcome outcome_of(const HandshakeRecord& failed, const ExperimentResult& result) {
  const auto first = record::progress(failed);
  if (!first.failure || !result.not_made.empty()) return Outcome::kTellsNothing;
  const auto kind = kind_of(failed, *first.failure);
  const auto& record = result.record;
  if (result.experiment.id == kSilentConnection) return outcome_of_silence(kind, result);
  if (result.experiment.id == kTlsFirst) return outcome_of_tls_first(kind, record);
  const auto next = record::progress(record);
  if (next.reached && *next.reached >= first.failure->phase) return Outcome::kPassed;
  // Who says no to a request answers it: more than was had before.
  if (first.failure->phase == Phase::kX224 && is_unsaid(kind) &&
      record::first<rdp::ConnectionConfirm>(record) != nullptr)
    return Outcome::kPassed;
  if (!next.failure || next.failure->phase != first.failure->phase) return Outcome::kTellsNothing;
  const auto met = kind_of(record, *next.failure);
  if (met.what == Kind::What::kNoWay || met.what == Kind::What::kOther)
    return Outcome::kTellsNothing;
  const bool hello_answered = record::first<tls::ServerHello>(record) != nullptr;
  if (hello_answered && record::first<tls::ServerHello>(failed) == nullptr)
    return Outcome::kOtherwise;
  if (met == kind) return Outcome::kSame;
  // Silence where somebody left before may be a packet that was lost.
  return met.what == Kind::What::kSilent ? Outcome::kTellsNothing : Outcome::kOtherwise;
}

}  // namespace rdpwhy::diagnose
