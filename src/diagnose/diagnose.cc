#include <fmt/format.h>

#include "diagnose/reading.h"
#include "diagnose/weighing.h"

namespace rdpwhy::diagnose {
namespace {

/// Nothing fits: the phase and the ending are said, no more.
void judge_unexplained(const Reading& reading, Findings& findings) {
  const auto* failure = reading.failure();
  if (failure != nullptr) {
    findings.add(
        "unexplained", Confidence::kPossible,
        fmt::format(
            "It stopped in {}: {} by the {}, {} after {}. No known cause has just this form.",
            record::row_of(failure->phase).title, record::name_of(failure->how),
            record::name_of(failure->by), duration_in_words(failure->after_ns),
            after_in_words(*failure, "the beginning")),
        ids_with_failure(reading, {}));
    return;
  }
  if (reading.record.evidence.empty()) {
    findings.add("unexplained", Confidence::kPossible, "Nothing was seen of this connection.", {});
    return;
  }
  findings.add("unexplained", Confidence::kPossible,
               "Nothing shows a failure, and it did not get far enough to be called complete.",
               ids({reading.last_ending}));
}

/// What only an experiment could answer, and none did, counts against a cause.
void settle_untried(Diagnosis& diagnosis) {
  for (auto& finding : diagnosis.causes) {
    finding.against.insert(finding.against.begin(), finding.untried.begin(), finding.untried.end());
    finding.untried.clear();
  }
}

/// The causes, by what the record itself says.
void judge(const Reading& reading, Findings& findings) {
  if (reading.before_proxy_grant()) {
    judge_proxy(reading, findings);
  } else {
    judge_reaching(reading, findings);
    judge_negotiation(reading, findings);
    if (!judge_flood(reading, findings)) {
      judge_tls(reading, findings);
      judge_kerberos(reading, findings);
      judge_credssp(reading, findings);
      judge_rdstls(reading, findings);
      judge_authorization(reading, findings);
      judge_session(reading, findings);
      judge_after_tls(reading, findings);
    }
  }
  judge_chosen_security(reading, findings);
  judge_capture(reading, findings);
  judge_complete(reading, findings);
  if (findings.empty()) judge_unexplained(reading, findings);
}

Diagnosis diagnosed(const HandshakeRecord& record, const record::Summary& summary,
                    const Circumstances& circumstances, std::span<const ExperimentResult> made) {
  const Reading reading(record, summary, circumstances);
  Diagnosis diagnosis;
  Findings findings(diagnosis);
  judge(reading, findings);
  if (!made.empty()) weigh_experiments(reading, made, diagnosis);
  settle_untried(diagnosis);
  gather_warnings(reading, findings);
  diagnosis.mstsc = expected_code(reading, diagnosis);
  if (circumstances.saw) diagnosis.saw = judge_saw(*circumstances.saw, reading, diagnosis);
  return diagnosis;
}

}  // namespace

Diagnosis diagnose(const HandshakeRecord& record, const Circumstances& circumstances) {
  return diagnose(record, record::summary(record), circumstances);
}

Diagnosis diagnose(const HandshakeRecord& record, const record::Summary& summary,
                   const Circumstances& circumstances) {
  return diagnosed(record, summary, circumstances, {});
}

Diagnosis diagnose(const HandshakeRecord& record, const Circumstances& circumstances,
                   std::span<const ExperimentResult> made) {
  return diagnosed(record, record::summary(record), circumstances, made);
}

}  // namespace rdpwhy::diagnose
