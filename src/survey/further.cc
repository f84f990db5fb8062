// What is asked of the versions and suites that were found.
#include "rdpwhy/tls/registry.h"
#include "survey/hunts.h"

namespace rdpwhy::survey {
namespace {

std::unique_ptr<Inquiry> suite_preference(const Shapes& shapes, Result& result, std::size_t at) {
  auto& finding = result.versions[at];
  Codes suites;
  for (const auto& suite : finding.suites) {
    if (suites.size() < shapes.most_suites()) suites.push_back(suite.suite);
  }
  return std::make_unique<PreferenceProof>(
      tls::version_name(finding.version) + ": suites", shapes.of(finding.version), suite_place(),
      std::move(suites), finding.in_one_hello,
      [&result, at](Preference preference) { result.versions[at].preference = preference; });
}

}  // namespace

std::vector<std::unique_ptr<Inquiry>> further_inquiries(const Shapes& shapes, Result& result) {
  std::vector<std::unique_ptr<Inquiry>> inquiries;
  for (std::size_t i = result.versions.size(); i-- > 0;)
    inquiries.push_back(suite_preference(shapes, result, i));
  for (const auto make : {tls13_inquiry, group_inquiry, finite_field_inquiry, signature_inquiry}) {
    if (auto inquiry = make(shapes, result)) inquiries.push_back(std::move(inquiry));
  }
  for (auto& inquiry : property_inquiries(shapes, result)) inquiries.push_back(std::move(inquiry));
  return inquiries;
}

}  // namespace rdpwhy::survey
