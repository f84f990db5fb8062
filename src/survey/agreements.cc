// Groups and signature algorithms, by elimination.
#include <algorithm>

#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/registry.h"
#include "survey/hunts.h"

namespace rdpwhy::survey {
namespace {

using tls::KeyExchange;

constexpr std::size_t kAll = 1000;  ///< more than any registry has
constexpr std::size_t kShortList = 4;
constexpr std::size_t kShortAlgorithms = 16;

bool is_ecdhe(std::uint16_t suite) {
  const auto exchange = tls::key_exchange_of(suite);
  return exchange == KeyExchange::kEcdhe || exchange == KeyExchange::kEcdheAnonymous ||
         exchange == KeyExchange::kEcdhePsk;
}

bool is_dhe(std::uint16_t suite) {
  const auto exchange = tls::key_exchange_of(suite);
  return exchange == KeyExchange::kDhe || exchange == KeyExchange::kDheAnonymous ||
         exchange == KeyExchange::kDhePsk;
}

/// The server signs its part of the key exchange.
bool is_signed(std::uint16_t suite) {
  const auto exchange = tls::key_exchange_of(suite);
  return exchange == KeyExchange::kEcdhe || exchange == KeyExchange::kDhe;
}

bool is_ecdsa(std::uint16_t suite) {
  return tls::cipher_suite_name(suite).value_or("").find("_ECDSA_") != std::string_view::npos;
}

/// The curve of the certificate with which the suites of that version are answered.
std::optional<std::uint16_t> certificate_curve(const Result& result) {
  for (const auto& certificate : result.certificates) {
    const auto& curve = certificate.chain.front()->key.curve;
    if (curve.empty()) continue;
    if (const auto group = tls::group_code(curve)) return group;
  }
  return std::nullopt;
}

void settle_preference(Preference& place, Preference preference) { place = preference; }

/// RFC 8422 5.1: a client that does not offer the certificate's curve cannot take it, so all that
/// is left is offered once more with that curve behind it.
std::unique_ptr<Inquiry> behind_the_certificate(const HelloOffer& offer, std::size_t batch,
                                                Result& result) {
  auto& listing = result.groups;
  const bool only_ecdsa = std::ranges::all_of(offer.suites, is_ecdsa);
  const auto curve = certificate_curve(result);
  const bool was_accepted =
      curve && std::ranges::find(listing.accepted, *curve) != listing.accepted.end();
  if (!only_ecdsa || !was_accepted) return nullptr;
  Codes rest;
  for (const auto group : curves()) {
    if (std::ranges::find(listing.accepted, group) == listing.accepted.end()) rest.push_back(group);
  }
  if (result.group_preference != Preference::kClient) {
    listing.undecided = rest;
    listing.reason =
        "without the certificate's curve nothing is accepted, and with it that may "
        "be what the server prefers";
    return nullptr;
  }
  return std::make_unique<ListHunt>("groups beside the certificate's", offer, group_place(),
                                    Elimination(rest, batch, {*curve}), listing);
}

/// The signature algorithms that a list of a hello can hold where long ones are refused.
std::size_t algorithm_batch(const Result& result) {
  return result.calibration.short_lists ? kShortAlgorithms : kAll;
}

}  // namespace

std::unique_ptr<Inquiry> group_inquiry(const Shapes& shapes, Result& result) {
  const auto* finding = newest_before_tls13(result, is_ecdhe);
  if (finding == nullptr || finding->version == kSsl3 || result.calibration.no_extensions)
    return nullptr;
  auto offer = shapes.of(finding->version);
  offer.suites = suites_where(*finding, is_ecdhe);
  const auto batch = result.calibration.short_lists ? kShortList : kAll;
  const auto about = tls::version_name(finding->version) + ": groups";
  return std::make_unique<InTurn>(std::deque<InTurn::Make>{
      [=, &result] {
        return std::make_unique<ListHunt>(about, offer, group_place(), Elimination(curves(), batch),
                                          result.groups);
      },
      [=, &result] {
        return std::make_unique<PreferenceProof>(
            about, offer, group_place(), result.groups.accepted, batch == kAll,
            [&result](Preference p) { settle_preference(result.group_preference, p); });
      },
      [=, &result] { return behind_the_certificate(offer, batch, result); }});
}

namespace {

std::uint32_t bits_of(std::uint16_t finite_field_group) {
  switch (finite_field_group) {
    case 0x0100:
      return 2048;
    case 0x0101:
      return 3072;
    case 0x0102:
      return 4096;
    case 0x0103:
      return 6144;
    case 0x0104:
      return 8192;
    default:
      return 0;
  }
}

/// RFC 7919: one group at a time, the largest first. A server that sends another prime than was
/// asked for knows nothing of it.
class FiniteFieldHunt final : public Inquiry {
 public:
  FiniteFieldHunt(HelloOffer offer, Listing& listing)
      : offer_(std::move(offer)), listing_(listing), left_(finite_field_groups()) {
    std::ranges::reverse(left_);
  }

  std::optional<Ask> next() override {
    if (left_.empty()) return std::nullopt;
    Ask ask{.about = tls::version_name(offer_.version) + ": finite-field groups", .offer = offer_};
    ask.offer.groups = {left_.front()};
    return ask;
  }

  void take(const Verdict& verdict) override {
    const auto group = left_.front();
    left_.erase(left_.begin());
    listing_.asked = true;
    if (verdict.kind == Verdict::Kind::kUnknown) {
      listing_.undecided.push_back(group);
      listing_.reason = verdict.reason;
    } else if (verdict.kind == Verdict::Kind::kRefused) {
      listing_.refusal = verdict.refusal;
    } else if (verdict.selection.dh_bits == bits_of(group)) {
      // A prime of the server's own may have the size of one of the five.
      candidates_.push_back(group);
    } else {
      ignores_ = true;
    }
    if (!left_.empty()) return;
    if (!ignores_) listing_.accepted = candidates_;
  }

  void stop(const std::string& reason) override {
    listing_.undecided.insert(listing_.undecided.end(), left_.begin(), left_.end());
    if (!left_.empty()) listing_.reason = reason;
    left_.clear();
  }

 private:
  HelloOffer offer_;
  Listing& listing_;
  Codes left_;
  Codes candidates_;
  bool ignores_ = false;
};

}  // namespace

std::unique_ptr<Inquiry> finite_field_inquiry(const Shapes& shapes, Result& result) {
  const auto* finding = newest_before_tls13(result, is_dhe);
  if (finding == nullptr || finding->version == kSsl3 || result.calibration.no_extensions)
    return nullptr;
  auto offer = shapes.of(finding->version);
  offer.suites = suites_where(*finding, is_dhe);
  return std::make_unique<FiniteFieldHunt>(std::move(offer), result.finite_field_groups);
}

std::unique_ptr<Inquiry> signature_inquiry(const Shapes& shapes, Result& result) {
  const auto* finding = result.version(kTls12);
  if (finding == nullptr || result.calibration.no_extensions) return nullptr;
  auto offer = shapes.of(kTls12);
  offer.suites = suites_where(*finding, is_signed);
  if (offer.suites.empty()) return nullptr;
  return std::make_unique<ListHunt>("TLSv1.2: signature algorithms", offer, signature_place(),
                                    Elimination(signature_algorithms(), algorithm_batch(result)),
                                    result.signature_algorithms);
}

namespace {

/// RFC 8446 4.2.3: algorithms with which nobody may sign a handshake of TLS 1.3.
bool never_in_tls13(std::uint16_t algorithm) {
  const auto signature = algorithm & 0xFF;
  const bool is_pair = algorithm >> 8 <= 6 && signature <= 3;
  return is_pair && !(signature == 3 && algorithm >> 8 >= 4);
}

/// The server names its algorithm under keys only; before them it shows in whether it goes on. So
/// sets are asked for, and halved as long as it goes on.
class SetTest final : public Inquiry {
 public:
  SetTest(HelloOffer offer, Listing& listing, std::size_t batch)
      : offer_(std::move(offer)), listing_(listing) {
    Codes never;
    Codes rest;
    // By kind of key, since a server has one or two.
    Codes kinds[4];
    for (const auto algorithm : signature_algorithms()) {
      const auto name = tls::signature_scheme_name(algorithm).value_or("");
      auto& set = never_in_tls13(algorithm)          ? never
                  : name.starts_with("rsa_pss_rsae") ? kinds[0]
                  : name.starts_with("rsa_pss_pss")  ? kinds[1]
                  : name.starts_with("ecdsa_")       ? kinds[2]
                  : name.starts_with("ed")           ? kinds[3]
                                                     : rest;
      if (set.size() < batch) set.push_back(algorithm);
    }
    sets_ = {std::move(never)};
    for (auto& kind : kinds) sets_.push_back(std::move(kind));
    sets_.push_back(std::move(rest));
  }

  std::optional<Ask> next() override {
    if (sets_.empty()) return std::nullopt;
    Ask ask{.about = "TLSv1.3: signature algorithms", .offer = offer_};
    ask.offer.signature_algorithms = sets_.front();
    return ask;
  }

  void take(const Verdict& verdict) override {
    listing_.asked = true;
    const auto set = std::move(sets_.front());
    sets_.pop_front();
    const bool is_first = std::exchange(is_first_, false);
    if (verdict.kind == Verdict::Kind::kRefused) {
      listing_.refusal = verdict.refusal;
      return;
    }
    const bool goes_on = verdict.kind == Verdict::Kind::kSelected;
    if (goes_on && (is_first || verdict.selection.hello_retry)) {
      sets_.clear();
      listing_.reason = verdict.selection.hello_retry
                            ? "the server asks for another key before it looks at them"
                            : "the server begins to answer whatever algorithms are offered";
      return;
    }
    if (!goes_on) {
      listing_.undecided.insert(listing_.undecided.end(), set.begin(), set.end());
      listing_.reason = verdict.reason;
    } else if (set.size() == 1) {
      listing_.accepted.push_back(set.front());
    } else {
      // What is left may be decided by elimination: of two halves one at least is taken.
      const auto half = static_cast<std::ptrdiff_t>((set.size() + 1) / 2);
      sets_.emplace_front(set.begin() + half, set.end());
      sets_.emplace_front(set.begin(), set.begin() + half);
    }
  }

  void stop(const std::string& reason) override { leave(reason); }

 private:
  void leave(const std::string& reason) {
    for (const auto& set : sets_)
      listing_.undecided.insert(listing_.undecided.end(), set.begin(), set.end());
    if (!sets_.empty()) listing_.reason = reason;
    sets_.clear();
  }

  HelloOffer offer_;
  Listing& listing_;
  std::deque<Codes> sets_;
  bool is_first_ = true;
};

/// Asked with a key in the hello, and only groups for which there is one: a server that first asks
/// for another key has not looked at the algorithms yet.
std::unique_ptr<Inquiry> tls13_signatures(HelloOffer offer, Result& result) {
  auto& listing = result.signature_algorithms_tls13;
  Codes groups;
  for (const auto group : ready_key_shares()) {
    if (std::ranges::find(result.groups_tls13.accepted, group) !=
        result.groups_tls13.accepted.end()) {
      groups.push_back(group);
    }
  }
  if (groups.empty()) {
    listing.reason = "the server takes no group of which a key is at hand";
    return nullptr;
  }
  offer.groups = groups;
  offer.key_shares = groups;
  return std::make_unique<SetTest>(std::move(offer), listing, algorithm_batch(result));
}

/// A handshake to its end, for what TLS 1.3 says under keys. `kind`: algorithms that begin so.
std::unique_ptr<Inquiry> whole_handshake(const HelloOffer& offer, std::string_view kind,
                                         Result& result) {
  auto ask = Ask{.about = "TLSv1.3: a whole handshake", .offer = offer, .whole = true};
  ask.offer.signature_algorithms.clear();
  for (const auto algorithm : result.signature_algorithms_tls13.accepted) {
    if (tls::signature_scheme_name(algorithm).value_or("").starts_with(kind))
      ask.offer.signature_algorithms.push_back(algorithm);
  }
  const bool any_kind = kind.empty();
  if (!any_kind && ask.offer.signature_algorithms.empty()) return nullptr;
  if (any_kind) ask.offer.signature_algorithms.clear();  // the library's own
  return std::make_unique<OneQuestion>(std::move(ask), [&result](const Verdict& verdict) {
    if (verdict.kind != Verdict::Kind::kSelected || verdict.selection.chain.empty()) return;
    auto& algorithms = result.signature_algorithms_tls13;
    if (const auto chosen = verdict.selection.signature_algorithm;
        chosen && algorithms.accepted.empty()) {
      algorithms.asked = true;
      algorithms.accepted.push_back(*chosen);
    }
    auto& extensions = result.extensions;
    extensions.tls13_ticket.known = verdict.selection.ticket ? Known::kYes : Known::kNo;
    if (verdict.selection.certificate_request) {
      extensions.client_certificate.known = Known::kYes;
    } else if (extensions.client_certificate.known == Known::kUnknown) {
      extensions.client_certificate.known = Known::kNo;
    }
  });
}

}  // namespace

std::unique_ptr<Inquiry> tls13_inquiry(const Shapes& shapes, Result& result) {
  const auto* finding = result.version(kTls13);
  if (finding == nullptr || finding->suites.empty()) return nullptr;
  auto offer = shapes.of(kTls13);
  for (const auto& suite : finding->suites) offer.suites.push_back(suite.suite);
  const auto batch = result.calibration.short_lists ? kShortList : kAll;
  const std::string about = "TLSv1.3: groups";
  std::deque<InTurn::Make> steps;
  steps.push_back([=, &result] {
    return std::make_unique<ListHunt>(about, offer, group_place(),
                                      Elimination(groups_of_tls13(), batch), result.groups_tls13);
  });
  steps.push_back([=, &result] {
    return std::make_unique<PreferenceProof>(
        about, offer, group_place(), result.groups_tls13.accepted, batch == kAll,
        [&result](Preference p) { settle_preference(result.group_preference_tls13, p); });
  });
  steps.push_back([=, &result] { return tls13_signatures(offer, result); });
  for (const std::string_view kind : {"rsa_", "ecdsa_", "ed"})
    steps.push_back([=, &result] { return whole_handshake(offer, kind, result); });
  steps.push_back([=, &result]() -> std::unique_ptr<Inquiry> {
    if (!result.signature_algorithms_tls13.accepted.empty()) return nullptr;
    return whole_handshake(offer, "", result);
  });
  return std::make_unique<InTurn>(std::move(steps));
}

}  // namespace rdpwhy::survey
