#include "diagnose/catalogue.h"

#include <map>

namespace rdpwhy::diagnose {
namespace {

std::vector<Cause> make_causes() {
  std::vector<Cause> table;
  add_causes_of_reaching(table);
  add_causes_of_negotiation(table);
  add_causes_of_tls(table);
  add_causes_of_logon(table);
  add_causes_of_session(table);
  add_causes_of_the_whole(table);
  return table;
}

}  // namespace

std::span<const Cause> causes() {
  static const auto kTable = make_causes();
  return kTable;
}

const Cause* find_cause(std::string_view id) {
  static const auto kIndex = [] {
    std::map<std::string_view, const Cause*> index;
    for (const auto& cause : causes()) index.emplace(cause.id, &cause);
    return index;
  }();
  const auto found = kIndex.find(id);
  return found == kIndex.end() ? nullptr : found->second;
}

std::string_view name_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::kCertain:
      return "certain";
    case Confidence::kLikely:
      return "likely";
    case Confidence::kPossible:
      break;
  }
  return "possible";
}

}  // namespace rdpwhy::diagnose
