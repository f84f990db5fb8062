#include "diagnose/late_answer.h"

#include <fmt/format.h>

namespace rdpwhy::diagnose {

const Evidence* late_answer(const Reading& reading) {
  const auto* failure = reading.failure();
  const bool gave_up = failure != nullptr && failure->by == Side::kClient &&
                       (failure->how == record::EndedHow::kTimeout || reading.missed_deadline);
  if (!gave_up) return nullptr;
  for (const auto& e : reading.record.evidence) {
    if (e.id <= failure->evidence || e.where.side != Side::kServer) continue;
    if (e.where.layer == record::Layer::kTransport) continue;
    const auto* alert = std::get_if<record::TlsAlert>(&e.fact);
    if (alert != nullptr &&
        (!alert->alert || alert->alert->description == tls::Alert::kCloseNotify))
      continue;
    return &e;
  }
  return nullptr;
}

bool judge_late_answer(const Reading& reading, Findings& findings) {
  const auto* late = late_answer(reading);
  if (late == nullptr) return false;
  const auto& failure = *reading.failure();
  const auto& gave_up = reading.record.evidence[failure.evidence - 1];
  const auto behind = late->at - gave_up.at;
  auto because = ids_with_failure(reading, {late});
  findings
      .add(
          "slow-server", Confidence::kLikely,
          fmt::format("The server did answer ({}), after {:.2f} s: {} after the client had given "
                      "up waiting.",
                      record::describe(*late), static_cast<double>(failure.after_ns + behind) / 1e9,
                      duration_in_words(behind)),
          std::move(because))
      .against.push_back("an answer that was lost on the way and sent again comes late as well");
  return true;
}

}  // namespace rdpwhy::diagnose
