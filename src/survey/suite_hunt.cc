// Which versions a server takes, and which suites of each: one question for each suite that it
// takes, and one for all that it does not.
#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/tls/registry.h"
#include "survey/elimination.h"
#include "survey/inquiry.h"

namespace rdpwhy::survey {
namespace {

constexpr std::uint8_t kProtocolVersion = 70;

class SuiteHunt final : public Inquiry {
 public:
  SuiteHunt(const Shapes& shapes, Result& result, std::size_t place)
      : result_(result),
        place_(place),
        shape_(shapes.of(finding().version)),
        elimination_(is_tls13() ? suites_of_tls13() : suites_before_tls13(), shapes.most_suites()) {
  }

  std::optional<Ask> next() override {
    if (elimination_.is_done()) return std::nullopt;
    Ask ask{.about = tls::version_name(finding().version) + ": suites", .offer = shape_};
    ask.offer.suites = elimination_.offer();
    return ask;
  }

  void take(const Verdict& verdict) override {
    finding().listing.asked = true;
    switch (verdict.kind) {
      case Verdict::Kind::kSelected:
        return take_selection(verdict.selection);
      case Verdict::Kind::kRefused:
        return take_refusal(verdict);
      case Verdict::Kind::kUnknown:
        elimination_.unknown(verdict.reason, finding().listing);
        if (elimination_.is_done() && finding().accepted.known == Known::kUnknown)
          finding().accepted.reason = verdict.reason;
        return;
    }
  }

  void stop(const std::string& reason) override {
    const bool was_over = elimination_.is_done();
    elimination_.stop(reason, finding().listing);
    if (!was_over && finding().accepted.known == Known::kUnknown)
      finding().accepted.reason = reason;
  }

 private:
  // Looked up each time: they lie in a vector.
  [[nodiscard]] VersionFinding& finding() const { return result_.versions[place_]; }
  [[nodiscard]] bool is_tls13() const { return finding().version == kTls13; }

  void take_selection(const Selection& selection) {
    if (selection.version != finding().version) {
      // Asked for this version or an older one it takes an older one.
      if (finding().accepted.known == Known::kYes) return elimination_.drop(selection.suite);
      finding().accepted = {.known = Known::kNo,
                            .reason = "answers with " + tls::version_name(selection.version)};
      return elimination_.drop_all();
    }
    finding().accepted = {.known = Known::kYes, .reason = {}};
    if (is_tls13()) result_.calibration.keys_first = !shape_.key_shares.empty();
    elimination_.selected(selection.suite, finding().listing);
    SuiteFinding suite{.suite = selection.suite,
                       .group = selection.group,
                       .dh_bits = selection.dh_bits,
                       .signature_algorithm = selection.signature_algorithm,
                       .key_type = {},
                       .complete = selection.complete};
    if (!selection.chain.empty()) suite.key_type = selection.chain.front()->key.type;
    finding().suites.push_back(std::move(suite));
    if (selection.downgrade != tls::ServerHello::Downgrade::kNone)
      finding().downgrade_sentinel.known = Known::kYes;
    finding().in_one_hello = elimination_.in_one_batch();
    take_properties(selection);
  }

  /// What every ServerHello shows in passing.
  void take_properties(const Selection& selection) {
    auto& extensions = result_.extensions;
    if (selection.certificate_request) {
      extensions.client_certificate.known = Known::kYes;
      extensions.client_certificate_types = selection.certificate_request->certificate_types;
    } else if (selection.complete && !is_tls13() &&
               extensions.client_certificate.known == Known::kUnknown) {
      extensions.client_certificate.known = Known::kNo;
    }
    if (is_tls13()) return;
    const auto settle = [](Finding& property, bool shown) {
      if (property.known != Known::kYes) property.known = shown ? Known::kYes : Known::kNo;
    };
    settle(extensions.session_id, selection.session_id);
    if (!shape_.extensions) return;
    settle(extensions.secure_renegotiation,
           selection.has_extension(tls::ExtensionType::kRenegotiationInfo));
    settle(extensions.extended_master_secret,
           selection.has_extension(tls::ExtensionType::kExtendedMasterSecret));
  }

  void take_refusal(const Verdict& verdict) {
    const bool nothing_yet = finding().accepted.known == Known::kUnknown;
    // Some take no TLS 1.3 without a key in the first hello.
    if (is_tls13() && nothing_yet && shape_.key_shares.empty() &&
        verdict.refusal.alert != kProtocolVersion) {
      shape_.key_shares = ready_key_shares();
      return;
    }
    elimination_.refused(verdict.refusal, finding().listing);
    if (nothing_yet && verdict.refusal.alert == kProtocolVersion) elimination_.drop_all();
    // Something undecided may hide an accepted suite.
    if (elimination_.is_done() && nothing_yet && finding().listing.undecided.empty())
      finding().accepted = {.known = Known::kNo, .reason = verdict.reason};
  }

  Result& result_;
  std::size_t place_;
  HelloOffer shape_;
  Elimination elimination_;
};

}  // namespace

std::vector<std::unique_ptr<Inquiry>> suite_inquiries(const Shapes& shapes, Result& result) {
  result.versions.clear();
  for (const auto version : {kSsl3, kTls10, kTls11, kTls12, kTls13}) {
    result.versions.push_back({});
    result.versions.back().version = version;
  }
  std::vector<std::unique_ptr<Inquiry>> inquiries;
  for (std::size_t i = result.versions.size(); i-- > 0;)
    inquiries.push_back(std::make_unique<SuiteHunt>(shapes, result, i));
  return inquiries;
}

}  // namespace rdpwhy::survey
