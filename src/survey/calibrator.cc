#include "survey/calibrator.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rdpwhy/rdp/negotiation.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::survey {
namespace {

constexpr std::uint32_t kHybridRequired = 5;  // MS-RDPBCGR 2.2.1.2.2
constexpr auto kHybrid = static_cast<std::uint32_t>(rdp::Protocol::kHybrid);
/// A list of suites shorter than this is no test of anything.
constexpr std::size_t kFewestSuites = 8;
constexpr std::size_t kImpossibleSuites = 8;

std::vector<std::uint16_t> first_of(const std::vector<std::uint16_t>& list, std::size_t count) {
  return {list.begin(), list.begin() + static_cast<std::ptrdiff_t>(std::min(count, list.size()))};
}

std::vector<std::uint16_t> joined(std::vector<std::uint16_t> a,
                                  const std::vector<std::uint16_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

HelloOffer modest(std::uint16_t version) {
  HelloOffer offer;
  offer.version = version;
  offer.suites = first_of(suites_before_tls13(), 30);
  offer.groups = first_of(curves(), 4);
  if (version >= kTls12) offer.signature_algorithms = first_of(signature_algorithms(), 16);
  return offer;
}

/// From what current clients send to what the oldest did: the first that is answered will do.
std::vector<HelloOffer> baseline_candidates() {
  auto current = modest(kTls13);
  current.beside_tls13 = {kTls12, kTls11, kTls10};
  current.suites = joined(first_of(suites_of_tls13(), 3), current.suites);
  // TLS 1.3 in full view, where a key is expected in the first hello.
  auto with_keys = current;
  with_keys.key_shares = ready_key_shares();
  auto everything = modest(kTls12);
  everything.suites = suites_before_tls13();
  everything.groups = curves();
  everything.signature_algorithms = signature_algorithms();
  auto all_of_tls13 = modest(kTls13);
  all_of_tls13.suites = suites_of_tls13();
  all_of_tls13.groups = groups_of_tls13();
  all_of_tls13.signature_algorithms = signature_algorithms();
  auto old = modest(kTls10);
  old.suites = first_of(suites_before_tls13(), 60);
  auto oldest = old;
  oldest.version = kSsl3;
  oldest.extensions = false;
  auto bare = oldest;
  bare.version = kTls10;
  auto all_bare = bare;
  all_bare.version = kTls12;
  all_bare.suites = suites_before_tls13();
  return {current, with_keys, modest(kTls12), everything, all_of_tls13,
          old,     bare,      all_bare,       oldest};
}

}  // namespace

Calibrator::Calibrator(const Settings& settings, Calibration& calibration,
                       std::vector<std::string>& anomalies)
    : settings_(settings),
      calibration_(calibration),
      anomalies_(anomalies),
      candidates_(baseline_candidates()) {
  calibration_.requested_protocols = settings_.requested_protocols;
  for (auto& candidate : candidates_) {
    if (!settings_.server_name.empty()) candidate.server_name = settings_.server_name;
  }
}

std::optional<Calibrator::Trial> Calibrator::next() const {
  switch (state_) {
    case State::kBaseline:
      return Trial{{.about = "a hello as clients send it", .offer = candidates_[candidate_]},
                   again_};
    case State::kImpossible:
    case State::kImpossibleAgain:
      return Trial{{.about = "a hello that nobody can accept", .offer = impossible_offer()},
                   again_};
    case State::kControl:
      return Trial{{.about = "control: what was answered before", .offer = baseline_}, again_};
    case State::kSize:
      return Trial{{.about = fmt::format("a hello of {} suites", size_), .offer = sized_offer()},
                   again_};
    case State::kOver:
      break;
  }
  return std::nullopt;
}

void Calibrator::take(const Answer& answer) {
  switch (state_) {
    case State::kBaseline:
      return take_baseline(answer);
    case State::kImpossible:
      return take_impossible(answer);
    case State::kControl:
      // Without it nobody knows whether the server refused or had enough of us.
      if (answer.selection) {
        state_ = State::kImpossibleAgain;
        again_ = false;
        return;
      }
      if (!std::exchange(again_, true)) return;
      calibration_.way.reset();
      return begin_size();
    case State::kImpossibleAgain:
      return take_impossible_again(answer);
    case State::kSize:
      return take_size(answer);
    case State::kOver:
      return;
  }
}

void Calibrator::note_refusal(const Refusal& refusal) {
  auto& known = calibration_.refusals;
  if (std::ranges::find(known, refusal) == known.end()) known.push_back(refusal);
}

void Calibrator::take_baseline(const Answer& answer) {
  if (answer.selection) {
    const auto& offer = candidates_[candidate_];
    if (const auto what = not_offered(offer, *answer.selection); what.empty()) {
      calibration_.answered = true;
      calibration_.no_extensions = !offer.extensions;
      calibration_.keys_first = !offer.key_shares.empty();
      baseline_ = offer;
      selected_ = *answer.selection;
      state_ = State::kImpossible;
      again_ = false;
      return;
    } else {
      anomalies_.push_back(fmt::format("the server selected {}, which was not offered", what));
    }
  } else {
    const auto& refusal = *answer.refusal;
    note_refusal(refusal);
    if (refusal.failure_code == kHybridRequired &&
        (calibration_.requested_protocols & kHybrid) == 0) {
      calibration_.requested_protocols |= kHybrid;
      return;
    }
    if (!refusal.answers_hello()) {
      // No hello will change that; but the listener may be busy for a moment.
      const bool says_so = refusal.failure_code || refusal.selected_protocol ||
                           refusal.how == record::EndedHow::kRefused || refusal.phase < Phase::kTcp;
      if (again_ || says_so) state_ = State::kOver;
      again_ = true;
      return;
    }
  }
  again_ = false;
  if (++candidate_ == candidates_.size()) state_ = State::kOver;
}

HelloOffer Calibrator::impossible_offer() const {
  auto offer = baseline_;
  offer.suites = unassigned_suites(kImpossibleSuites);
  return offer;
}

void Calibrator::take_impossible(const Answer& answer) {
  if (answer.selection) {
    anomalies_.push_back(
        fmt::format("offered suites that do not exist, the server selected {}",
                    tls::name_or_hex(tls::cipher_suite_name(answer.selection->suite),
                                     answer.selection->suite)));
    return begin_size();
  }
  const auto& refusal = *answer.refusal;
  if (!refusal.answers_hello()) {
    if (std::exchange(again_, true)) begin_size();
    return;
  }
  calibration_.way = refusal;
  again_ = false;
  if (refusal.alert) return begin_size();
  state_ = State::kControl;
}

void Calibrator::take_impossible_again(const Answer& answer) {
  // What happens once only is no way of refusing; an alert says what it is.
  const bool is_same = answer.refusal && *answer.refusal == *calibration_.way;
  if (answer.refusal && answer.refusal->alert && answer.refusal->answers_hello()) {
    calibration_.way = answer.refusal;
  } else if (!is_same) {
    calibration_.way.reset();
  }
  begin_size();
}

void Calibrator::begin_size() {
  again_ = false;
  state_ = State::kSize;
  calibration_.wanted_suites = suites_before_tls13().size();
  size_ = calibration_.wanted_suites;
}

/// Suites that nobody has, and last the one that was selected before: who selects it again has read
/// to the end.
HelloOffer Calibrator::sized_offer() const {
  auto offer = Shapes(settings_, calibration_).of(std::min(selected_.version, baseline_.version));
  offer.extensions = baseline_.extensions;
  offer.key_shares = baseline_.key_shares;
  offer.suites = unassigned_suites(size_ - 1);
  offer.suites.push_back(selected_.suite);
  return offer;
}

void Calibrator::take_size(const Answer& answer) {
  if (answer.selection && answer.selection->suite == selected_.suite) {
    calibration_.most_suites = size_;
    state_ = State::kOver;
    return;
  }
  // One ending of many is no limit yet.
  const bool says_so = answer.selection || answer.refusal->alert;
  if (!says_so && !std::exchange(again_, true)) return;
  again_ = false;
  size_ /= 2;
  if (size_ >= kFewestSuites) return;
  if (!std::exchange(calibration_.short_lists, true)) return begin_size();
  // The one that was answered is all that is known to be read.
  calibration_.most_suites = std::max(baseline_.suites.size(), kFewestSuites);
  state_ = State::kOver;
}

}  // namespace rdpwhy::survey
