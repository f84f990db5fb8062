#include "diagnose/predictions.h"

#include <algorithm>

#include "diagnose/late_answer.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::diagnose {
namespace {

using enum ExperimentId;
using record::EndedHow;
using Versions = Hypothesis::Versions;

constexpr auto kPass = Expects::kPass;
constexpr auto kAnything = Expects::kAnything;
constexpr auto kOtherwise = Expects::kOtherwise;

const std::vector<Hypothesis>& table() {
  static const std::vector<Hypothesis> kTable = {
      // Ended at the Connection Request.
      {.form = Form::kLeftAtRequest, .cause = "forwarder-without-backend"},
      {.form = Form::kLeftAtRequest,
       .cause = "refused-after-connection-request",
       .of = {{kSilentConnection, kOtherwise}}},
      {.form = Form::kLeftAtRequest,
       .cause = "refused-after-connection-request",
       .of = {{kSilentConnection, kOtherwise}, {kRdpOnly, kPass}},
       .only_if_shown = true,
       .shown = "the server leaves only where TLS is offered: so does one that cannot load its "
                "certificate file (VirtualBox's VRDE among them)"},
      {.form = Form::kLeftAtRequest,
       .cause = "cookie-or-token-rejected",
       .of = {{kSilentConnection, kOtherwise}, {kNoCookie, kPass}, {kNoToken, kPass}},
       .shown = "the same request is answered when the cookie or token is left out"},
      {.form = Form::kLeftAtRequest,
       .cause = "proxy-header-expected",
       .of = {{kSilentConnection, kAnything}, {kProxyHeader, kPass}},
       .shown = "the same request is answered when a PROXY protocol header goes before it"},
      {.form = Form::kLeftAtRequest,
       .cause = "not-an-rdp-service",
       .of = {{kSilentConnection, kOtherwise}, {kTlsFirst, kPass}},
       .only_if_shown = true,
       .shown = "it answers in TLS when TLS comes first: an HTTPS service, an RD Gateway, or RDP "
                "wrapped in TLS (MS-RDPBCGR 5.4.2.2)"},

      // Silence there.
      {.form = Form::kSilentAtRequest,
       .cause = "server-not-answering",
       .usually = Expects::kNoPass,
       .of = {{kSilentConnection, kAnything}}},
      {.form = Form::kSilentAtRequest,
       .cause = "proxy-header-expected",
       .of = {{kSilentConnection, kAnything}, {kProxyHeader, kPass}},
       .shown = "the same request is answered when a PROXY protocol header goes before it"},
      {.form = Form::kSilentAtRequest,
       .cause = "cookie-or-token-rejected",
       .of = {{kSilentConnection, kAnything}, {kNoCookie, kPass}, {kNoToken, kPass}},
       .only_if_shown = true,
       .shown = "the same request is answered when the cookie or token is left out"},
      {.form = Form::kSilentAtRequest,
       .cause = "not-an-rdp-service",
       .of = {{kSilentConnection, kAnything}, {kTlsFirst, kPass}},
       .only_if_shown = true,
       .shown = "it answers in TLS when TLS comes first: an HTTPS service, an RD Gateway, or RDP "
                "wrapped in TLS (MS-RDPBCGR 5.4.2.2)"},

      // Ended between the Confirm and the ClientHello.
      {.form = Form::kLeftBeforeHello, .cause = "refused-after-connection-request"},
      {.form = Form::kLeftBeforeHello, .cause = "server-private-key-unreadable"},
      {.form = Form::kLeftBeforeHello,
       .cause = "cookie-or-token-rejected",
       .of = {{kNoCookie, kPass}, {kNoToken, kPass}},
       .only_if_shown = true,
       .shown = "it goes on when the cookie or token is left out"},

      // Ended at the ClientHello.
      {.form = Form::kLeftAtHello, .cause = "server-private-key-unreadable"},
      {.form = Form::kLeftAtHello, .cause = "server-tls-disabled"},
      {.form = Form::kLeftAtHello,
       .cause = "client-hello-intolerance",
       .of = {{kSmallClientHello, kPass}},
       .versions = Versions::kOlderPass,
       .shown = "a smaller or more classic ClientHello is answered"},
      {.form = Form::kLeftAtHello,
       .cause = "client-hello-intolerance",
       .of = {{kNoServerName, kPass}},
       .only_if_shown = true,
       .at_best = Confidence::kPossible,
       .shown = "the same ClientHello without a server name is answered: something chooses by that "
                "name"},
      {.form = Form::kLeftAtHello,
       .cause = "no-common-tls-version",
       .versions = Versions::kOthersPass,
       .shown = "another TLS version is answered"},
      {.form = Form::kLeftAtHello,
       .cause = "no-common-cipher",
       .of = {{kEveryCipher, kPass}, {kRsaOnly, kPass}, {kEcdsaOnly, kPass}},
       .only_if_shown = true,
       .shown = "it is answered when other suites, groups or signature algorithms are offered"},
      {.form = Form::kLeftAtHello,
       .cause = "middlebox-interference",
       .usually = Expects::kAnything,
       .of = {{kSplitClientHello, kPass}},
       .stays_open = true,
       .shown = "the same ClientHello passes in small pieces: something on the way reads single "
                "packets"},

      // Silence there.
      {.form = Form::kSilentAtHello, .cause = "stalled", .usually = Expects::kNoPass},
      {.form = Form::kSilentAtHello,
       .cause = "path-mtu-black-hole",
       .of = {{kSmallClientHello, kAnything},
              {kTls12Only, kAnything},
              {kTls13Only, kAnything},
              {kSplitClientHello, kAnything},
              {kEveryCipher, kAnything},
              {kClampedSegments, kPass}},
       .shown = "it passes when segments have at most 536 octets"},
      {.form = Form::kSilentAtHello,
       .cause = "client-hello-intolerance",
       .of = {{kSmallClientHello, kPass}},
       .versions = Versions::kOlderPass,
       .only_if_shown = true,
       .shown = "a smaller or more classic ClientHello is answered"},
      {.form = Form::kSilentAtHello,
       .cause = "middlebox-interference",
       .of = {{kSplitClientHello, kPass}, {kClampedSegments, kAnything}},
       .only_if_shown = true,
       .shown = "the same ClientHello passes in small pieces: something on the way reads single "
                "packets"},

      // An alert there that leaves it open.
      {.form = Form::kAlertAtHello,
       .cause = "no-common-cipher",
       .of = {{kEveryCipher, kPass}, {kRsaOnly, kPass}, {kEcdsaOnly, kPass}},
       .stays_open = true,
       .shown = "it is answered when other suites, groups or signature algorithms are offered"},
      {.form = Form::kAlertAtHello,
       .cause = "no-common-tls-version",
       .versions = Versions::kOthersPass,
       .shown = "another TLS version is answered"},
      {.form = Form::kAlertAtHello,
       .cause = "client-hello-intolerance",
       .of = {{kSmallClientHello, kPass}},
       .versions = Versions::kOlderPass,
       .only_if_shown = true,
       .shown = "a smaller or more classic ClientHello is answered"},
      {.form = Form::kAlertAtHello, .cause = "server-private-key-unreadable"},
  };
  return kTable;
}

bool any_certain(const Diagnosis& diagnosis) {
  return std::ranges::any_of(diagnosis.causes, [](const Finding& finding) {
    return finding.confidence == Confidence::kCertain;
  });
}

bool any_named(const Diagnosis& diagnosis, std::string_view id) {
  return std::ranges::find(diagnosis.causes, id, &Finding::id) != diagnosis.causes.end();
}

Form form_at_request(const Reading& reading, bool silent) {
  if (reading.server_bytes != 0) return silent ? Form::kNone : Form::kLater;
  if (silent) return late_answer(reading) != nullptr ? Form::kNone : Form::kSilentAtRequest;
  return reading.server_left() ? Form::kLeftAtRequest : Form::kNone;
}

Form form_at_hello(const Reading& reading, const Diagnosis& diagnosis, bool silent) {
  const auto& failure = *reading.failure();
  if (silent) {
    // Octets that come, however slowly or senselessly, are no silence.
    const bool quiet = any_named(diagnosis, "stalled") && !any_named(diagnosis, "slow-server");
    return quiet ? Form::kSilentAtHello : Form::kNone;
  }
  if (failure.by != Side::kServer) return Form::kNone;
  if (reading.server_hello != nullptr) return Form::kNone;
  if (failure.how == EndedHow::kAlert) return Form::kAlertAtHello;
  if (!reading.server_left()) return Form::kNone;
  return any_named(diagnosis, "server-tls-disabled") ? Form::kLeftAtHello : Form::kLeftBeforeHello;
}

bool signs_with_ecdsa(std::uint16_t algorithm) {
  return algorithm < 0x0700 && (algorithm & 0xFF) == 3;  // RFC 8446 4.2.3
}
bool signs_with_rsa(std::uint16_t algorithm) {
  return (algorithm < 0x0700 && (algorithm & 0xFF) == 1) ||
         (algorithm >= 0x0804 && algorithm <= 0x080B && algorithm != 0x0807 && algorithm != 0x0808);
}

std::uint16_t version_of(ExperimentId id) {
  switch (id) {
    case kTls10Only:
      return 0x0301;
    case kTls11Only:
      return 0x0302;
    case kTls12Only:
      return 0x0303;
    case kTls13Only:
      return 0x0304;
    default:
      return 0;
  }
}

}  // namespace

std::span<const Hypothesis> hypotheses() { return table(); }

Form form_of(const Reading& reading, const Diagnosis& diagnosis) {
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->phase < Phase::kX224 || failure->phase == Phase::kKerberos ||
      reading.before_proxy_grant() || any_certain(diagnosis))
    return Form::kNone;
  const bool silent =
      reading.silence() || (failure->by == Side::kClient && reading.missed_deadline);
  // What followed somebody's credentials cannot be asked again without them.
  if (reading.logon.names_somebody() || reading.logon.delegation != nullptr ||
      reading.session.client_info != nullptr || failure->phase > Phase::kMcs)
    return Form::kNone;
  if (failure->how == EndedHow::kFailurePdu) return Form::kNone;
  if (failure->how == EndedHow::kMalformed) return Form::kLater;
  if (failure->phase == Phase::kX224) return form_at_request(reading, silent);
  if (failure->phase == Phase::kTls) return form_at_hello(reading, diagnosis, silent);
  return reading.server_left() || silent ? Form::kLater : Form::kNone;
}

Offered::Offered(const Reading& reading) : reading_(reading) {
  if (reading.client_hello != nullptr) {
    const auto& hello = record::get<tls::ClientHello>(reading.client_hello->fact);
    if (hello.supported_versions) {
      versions_ = *hello.supported_versions;
    } else {
      for (std::uint16_t v = 0x0301; v <= hello.legacy_version && v <= 0x0303; ++v)
        versions_.push_back(v);
    }
    std::erase_if(versions_, [](std::uint16_t v) { return tls::is_grease(v); });
  }
  const auto* resolved = record::first<record::Resolved>(reading.record);
  if (resolved == nullptr || reading.proxied) return;
  // Those before it did not answer: that stands in the record.
  const auto here = std::ranges::find(resolved->addresses, reading.circumstances.server_address);
  if (here != resolved->addresses.end()) addresses_.assign(here + 1, resolved->addresses.end());
}

bool Offered::has_version(std::uint16_t version) const {
  return std::ranges::find(versions_, version) != versions_.end();
}

bool Offered::applies(ExperimentId id, Form form) const {
  const auto* request = reading_.request_fact();
  const auto* hello = reading_.client_hello == nullptr
                          ? nullptr
                          : record::get_if<tls::ClientHello>(&reading_.client_hello->fact);
  const bool at_request = is_at_request(form);
  const bool at_hello =
      form == Form::kLeftAtHello || form == Form::kSilentAtHello || form == Form::kAlertAtHello;
  switch (id) {
    case kSameAgain:
      return true;
    case kSilentConnection:
    case kProxyHeader:
    case kTlsFirst:
      return at_request && !reading_.proxied;
    case kNoCookie:
      return request != nullptr && request->cookie.has_value();
    case kNoToken:
      return request != nullptr && request->routing_token.has_value();
    case kRdpOnly:
      return at_request && reading_.offered_tls();
    case kClampedSegments:
      return at_hello && !reading_.proxied;
    case kTls10Only:
    case kTls11Only:
      return at_hello && !has_version(version_of(id));
    case kTls12Only:
    case kTls13Only:
      return at_hello && !(versions_.size() == 1 && has_version(version_of(id)));
    case kSmallClientHello:
    case kEveryCipher:
    case kSplitClientHello:
      return at_hello;
    case kRsaOnly:
    case kEcdsaOnly:
      return at_hello && hello != nullptr && hello->signature_algorithms &&
             std::ranges::any_of(*hello->signature_algorithms, signs_with_ecdsa) &&
             std::ranges::any_of(*hello->signature_algorithms, signs_with_rsa);
    case kNoServerName:
      return at_hello && hello != nullptr && hello->server_name.has_value();
    case kTlsOnly:
    case kNlaOnly:
    case kNoHybridEx:
      return false;  // no cause that can be told apart so far expects anything of them
    case kOtherAddress:
      return !addresses_.empty();
  }
  return false;
}

Expects Offered::expects(const Hypothesis& hypothesis, ExperimentId id) const {
  if (id == kSameAgain || id == kOtherAddress) return Expects::kAnything;
  for (const auto& [named, expected] : hypothesis.of) {
    if (named == id) return expected;
  }
  const auto version = version_of(id);
  if (version == 0 || hypothesis.versions == Versions::kAsUsual) return hypothesis.usually;
  if (hypothesis.versions == Versions::kOthersPass)
    return has_version(version) ? hypothesis.usually : Expects::kPass;
  const auto newest = versions_.empty() ? std::uint16_t{0} : std::ranges::max(versions_);
  if (!has_version(version)) return hypothesis.usually;
  return version < newest ? Expects::kPass : Expects::kAnything;
}

}  // namespace rdpwhy::diagnose
