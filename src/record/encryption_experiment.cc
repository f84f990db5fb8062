#include "rdpwhy/record/encryption_experiment.h"

namespace rdpwhy::record {
namespace {

const McsConnectResponse* accepted(const HandshakeRecord& record) {
  const auto* response = first<McsConnectResponse>(record);
  return response != nullptr && response->accepts() ? response : nullptr;
}

}  // namespace

EncryptionExperiment::Answer EncryptionExperiment::answer() const {
  if (method) return *method == offered ? Answer::kTaken : Answer::kAnother;
  const bool says_no = failure && failure->phase == Phase::kMcs && failure->by == Side::kServer &&
                       (failure->how == EndedHow::kClose || failure->how == EndedHow::kReset ||
                        failure->how == EndedHow::kFailurePdu);
  return says_no ? Answer::kRefused : Answer::kUnknown;
}

std::string_view name_of(EncryptionExperiment::Answer answer) {
  using Answer = EncryptionExperiment::Answer;
  switch (answer) {
    case Answer::kTaken:
      return "taken";
    case Answer::kAnother:
      return "another";
    case Answer::kRefused:
      return "refused";
    case Answer::kUnknown:
      break;
  }
  return "unknown";
}

EncryptionExperiment encryption_experiment(std::uint32_t offered, const HandshakeRecord& record) {
  auto course = progress(record);
  EncryptionExperiment experiment{.offered = offered,
                                  .reached = course.reached,
                                  .failure = std::move(course.failure),
                                  .method = {},
                                  .level = {}};
  const auto* response = accepted(record);
  if (response == nullptr) return experiment;
  if (const auto* security = response->blocks.find<rdp::ServerSecurityData>()) {
    experiment.method = security->encryption_method;
    experiment.level = security->encryption_level;
  }
  return experiment;
}

bool settles_standard_security(const HandshakeRecord& record) {
  const auto* confirm = first<rdp::ConnectionConfirm>(record);
  if (confirm == nullptr || confirm->failure() != nullptr || accepted(record) == nullptr)
    return false;
  const auto* response = confirm->response();
  return response == nullptr || response->selected_protocol == 0;
}

}  // namespace rdpwhy::record
