// Single properties: one question for all of them together, and one for each where the server
// answers none of it.
#include <algorithm>
#include <utility>

#include "rdpwhy/tls/registry.h"
#include "survey/hunts.h"

namespace rdpwhy::survey {
namespace {

using tls::ExtensionType;

constexpr std::uint8_t kInappropriateFallback = 86;
constexpr std::uint8_t kNoApplicationProtocol = 120;

bool is_block_cipher(std::uint16_t suite) {
  return tls::cipher_suite_name(suite).value_or("").find("_CBC_") != std::string_view::npos;
}
bool is_any(std::uint16_t) { return true; }

/// One property of TLS 1.2 and older: how it is offered, and how the answer shows it.
struct Property {
  std::string_view name;
  Finding Extensions::* place;
  void (*offer)(HelloOffer&);
  bool (*shown)(const Selection&);
};

constexpr Property kProperties[] = {
    {"encrypt-then-MAC", &Extensions::encrypt_then_mac,
     [](HelloOffer& o) { o.encrypt_then_mac = true; },
     [](const Selection& s) { return s.has_extension(ExtensionType::kEncryptThenMac); }},
    {"session tickets", &Extensions::session_ticket, [](HelloOffer& o) { o.session_ticket = true; },
     [](const Selection& s) { return s.has_extension(ExtensionType::kSessionTicket); }},
    {"OCSP stapling", &Extensions::ocsp_stapling, [](HelloOffer& o) { o.status_request = true; },
     [](const Selection& s) { return s.certificate_status; }},
    {"heartbeat", &Extensions::heartbeat, [](HelloOffer& o) { o.heartbeat = true; },
     [](const Selection& s) { return s.has_extension(ExtensionType::kHeartbeat); }},
    {"record size limit", &Extensions::record_size_limit,
     [](HelloOffer& o) { o.record_size_limit = true; },
     [](const Selection& s) { return s.has_extension(ExtensionType::kRecordSizeLimit); }},
    {"compression", &Extensions::compression,
     [](HelloOffer& o) { o.compression = {1, 64, 0}; },  // RFC 3749 DEFLATE, RFC 3943 LZS
     [](const Selection& s) { return s.compression != 0; }},
};

class PropertyQuestions final : public Inquiry {
 public:
  PropertyQuestions(HelloOffer offer, bool has_block_cipher, Extensions& found)
      : offer_(std::move(offer)), found_(found) {
    for (const auto& property : kProperties) {
      const bool needs_blocks = property.place == &Extensions::encrypt_then_mac;
      if (needs_blocks && !has_block_cipher) {
        (found_.*property.place).reason = "no suite with a block cipher is accepted";
      } else {
        left_.push_back(&property);
      }
    }
  }

  std::optional<Ask> next() override {
    if (left_.empty()) return std::nullopt;
    Ask ask{.about = tls::version_name(offer_.version) + ": extensions", .offer = offer_};
    if (together_) {
      for (const auto* property : left_) property->offer(ask.offer);
    } else {
      ask.about = tls::version_name(offer_.version) + ": " + std::string(left_.front()->name);
      left_.front()->offer(ask.offer);
    }
    return ask;
  }

  void take(const Verdict& verdict) override {
    const bool selected = verdict.kind == Verdict::Kind::kSelected;
    if (together_ && !selected) {
      together_ = false;
      return;
    }
    const auto asked = together_ ? left_.size() : 1;
    for (std::size_t i = 0; i < asked; ++i) {
      auto& finding = found_.*left_[i]->place;
      if (!selected) {
        finding.reason = "a hello with it is not answered: " + verdict.reason;
      } else {
        finding.known = left_[i]->shown(verdict.selection) ? Known::kYes : Known::kNo;
      }
    }
    left_.erase(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(asked));
  }

  void stop(const std::string& reason) override {
    for (const auto* property : left_) (found_.*property->place).reason = reason;
    left_.clear();
  }

 private:
  HelloOffer offer_;
  Extensions& found_;
  std::vector<const Property*> left_;
  bool together_ = true;
};

void stay_unknown(Finding& finding, const std::string& reason) {
  if (finding.known == Known::kUnknown && finding.reason.empty()) finding.reason = reason;
}

std::unique_ptr<Inquiry> alpn_question(HelloOffer offer, Extensions& found) {
  offer.alpn = {"h2", "http/1.1"};
  return std::make_unique<OneQuestion>(
      Ask{.about = tls::version_name(offer.version) + ": ALPN", .offer = std::move(offer)},
      [&found](const Verdict& verdict) {
        if (verdict.kind == Verdict::Kind::kSelected) {
          found.alpn.known = verdict.selection.alpn ? Known::kYes : Known::kNo;
          if (verdict.selection.alpn) found.alpn_protocols = {*verdict.selection.alpn};
          return;
        }
        // RFC 7301 3.2: it knows others than those offered.
        if (verdict.refusal.alert == kNoApplicationProtocol) found.alpn.known = Known::kYes;
        found.alpn.reason = verdict.reason;
      },
      [&found](const std::string& reason) { stay_unknown(found.alpn, reason); });
}

/// RFC 7507: a client that says it fell back, to a server that could do better.
std::unique_ptr<Inquiry> fallback_question(const Shapes& shapes, Result& result) {
  auto& found = result.extensions.fallback_scsv;
  const VersionFinding* older = nullptr;
  const VersionFinding* newer = nullptr;
  for (const auto& finding : result.versions) {
    if (finding.suites.empty()) continue;
    older = std::exchange(newer, &finding);
  }
  if (older == nullptr) {
    found.reason = "there is no older version to fall back to";
    return nullptr;
  }
  auto offer = shapes.of(older->version);
  offer.suites = suites_where(*older, is_any);
  offer.suites.resize(std::min(offer.suites.size(), shapes.most_suites() - 1));
  offer.suites.push_back(kFallbackScsv);
  return std::make_unique<OneQuestion>(
      Ask{.about = tls::version_name(older->version) + ": fallback SCSV",
          .offer = std::move(offer)},
      [&found](const Verdict& verdict) {
        if (verdict.kind == Verdict::Kind::kSelected) {
          found.known = Known::kNo;
        } else if (verdict.refusal.alert == kInappropriateFallback) {
          found.known = Known::kYes;
        } else {
          found.reason = verdict.reason;
        }
      },
      [&found](const std::string& reason) { stay_unknown(found, reason); });
}

/// The same without server_name: which certificate then? Its chain is noted for every answer.
std::unique_ptr<Inquiry> nameless_question(HelloOffer offer, Extensions& found) {
  offer.server_name.reset();
  return std::make_unique<OneQuestion>(
      Ask{.about = tls::version_name(offer.version) + ": without a server name",
          .offer = std::move(offer)},
      [&found](const Verdict& verdict) {
        auto& needed = found.needs_server_name;
        if (verdict.kind == Verdict::Kind::kRefused) {
          needed = {.known = Known::kYes, .reason = verdict.reason};
        } else if (verdict.kind == Verdict::Kind::kUnknown) {
          stay_unknown(needed, verdict.reason);
        } else if (needed.known != Known::kYes) {
          needed = {.known = Known::kNo, .reason = {}};
        }
      },
      [&found](const std::string& reason) { stay_unknown(found.needs_server_name, reason); });
}

std::string kind_of_key(const VersionFinding& finding, std::uint16_t suite) {
  const auto found = std::ranges::find(finding.suites, suite, &SuiteFinding::suite);
  return found == finding.suites.end() ? std::string() : found->key_type;
}

/// Once for each kind of certificate that was shown.
void add_nameless_questions(const VersionFinding& finding, const HelloOffer& shape, Result& result,
                            std::vector<std::unique_ptr<Inquiry>>& inquiries) {
  if (!shape.server_name || !shape.extensions) return;
  std::vector<std::string> kinds;
  for (const auto& suite : finding.suites) {
    if (std::ranges::find(kinds, suite.key_type) == kinds.end()) kinds.push_back(suite.key_type);
  }
  for (const auto& kind : kinds) {
    auto offer = shape;
    offer.suites = suites_where(
        finding, [&](std::uint16_t suite) { return kind_of_key(finding, suite) == kind; });
    inquiries.push_back(nameless_question(std::move(offer), result.extensions));
  }
}

void say_that_tls13_has_none(Extensions& found) {
  const std::string reason = "TLS 1.2 and older have it, and none of them is accepted";
  for (const auto& property : kProperties) stay_unknown(found.*property.place, reason);
  for (auto* finding : {&found.extended_master_secret, &found.secure_renegotiation,
                        &found.session_id, &found.alpn}) {
    stay_unknown(*finding, reason);
  }
}

/// The sentinel is the newer version's: without one there is nothing to warn of.
void judge_sentinels(Result& result) {
  const auto* tls13 = result.version(kTls13);
  const bool has_tls13 = tls13 != nullptr && !tls13->suites.empty();
  for (auto& finding : result.versions) {
    if (finding.suites.empty() || finding.downgrade_sentinel.known == Known::kYes) continue;
    if (has_tls13 && finding.version < kTls13) {
      finding.downgrade_sentinel.known = Known::kNo;
    } else {
      finding.downgrade_sentinel.reason =
          finding.version == kTls13 ? "there is no newer version" : "TLS 1.3 is not accepted";
    }
  }
}

}  // namespace

std::vector<std::unique_ptr<Inquiry>> property_inquiries(const Shapes& shapes, Result& result) {
  std::vector<std::unique_ptr<Inquiry>> inquiries;
  judge_sentinels(result);
  auto& found = result.extensions;
  if (auto fallback = fallback_question(shapes, result)) inquiries.push_back(std::move(fallback));
  const auto* finding = newest_before_tls13(result, is_any);
  if (finding == nullptr) {
    say_that_tls13_has_none(found);
    return inquiries;
  }
  auto offer = shapes.of(finding->version);
  if (!offer.extensions) {
    for (const auto& property : kProperties)
      stay_unknown(found.*property.place, "hellos with extensions are not answered");
    stay_unknown(found.alpn, "hellos with extensions are not answered");
    return inquiries;
  }
  add_nameless_questions(*finding, offer, result, inquiries);
  auto blocks = suites_where(*finding, is_block_cipher);
  const bool has_blocks = !blocks.empty();
  offer.suites = has_blocks ? std::move(blocks) : suites_where(*finding, is_any);
  inquiries.push_back(std::make_unique<PropertyQuestions>(offer, has_blocks, found));
  inquiries.push_back(alpn_question(std::move(offer), found));
  return inquiries;
}

}  // namespace rdpwhy::survey
