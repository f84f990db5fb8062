#include "replay/report_order.h"

#include <algorithm>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/record/octets.h"

namespace rdpwhy::replay {
namespace {

/// A client that opens a flow for nothing opens the real one at once, as a rule before it drops the
/// other.
constexpr Nanoseconds kCompanyWithin = 10'000'000'000;
constexpr std::size_t kMostSlots = 262'144;
constexpr std::size_t kMostReal = 65'536;

}  // namespace

std::uint64_t ReportOrder::open() {
  if (slots_.size() >= kMostSlots) move_on();
  slots_.emplace_back();
  return first_ + slots_.size() - 1;
}

void ReportOrder::drop(std::uint64_t place) {
  if (place < first_) return;
  slots_[place - first_].state = State::kDropped;
  move_on();
}

void ReportOrder::report(std::uint64_t place, ReplayedConnection connection) {
  put(place, State::kReady, std::move(connection));
}

void ReportOrder::report_if_alone(std::uint64_t place, ReplayedConnection connection) {
  put(place, State::kLonely, std::move(connection));
}

void ReportOrder::put(std::uint64_t place, State state, ReplayedConnection connection) {
  auto kept = std::make_unique<ReplayedConnection>(std::move(connection));
  if (place < first_) {  // it was open for so long that the others went ahead
    if (state == State::kReady || !has_company(*kept)) give(place, std::move(kept));
    return;
  }
  auto& slot = slots_[place - first_];
  const auto octets = record::octets_held(kept->record);
  held_ += octets;
  slot = {state, std::move(kept), octets};
  move_on();
}

std::size_t ReportOrder::HashOfHosts::operator()(const Hosts& hosts) const {
  const auto& [client, server] = hosts;
  const auto hash_of = [](const capture::Address& address) {
    return std::hash<std::string_view>{}(base::as_text(address.octets));
  };
  constexpr std::size_t kOdd = 0x9E3779B97F4A7C15;
  return (hash_of(client) * kOdd + hash_of(server.address)) * kOdd + server.port;
}

void ReportOrder::real(const capture::Endpoint& client, const capture::Endpoint& server,
                       std::uint64_t place) {
  if (real_.size() >= kMostReal) real_.clear();
  auto& newest = real_[{client.address, server}];
  newest = std::max(newest, place);
}

std::optional<std::uint64_t> ReportOrder::newest(const capture::Endpoint& client,
                                                 const capture::Endpoint& server) const {
  const auto found = real_.find({client.address, server});
  if (found == real_.end()) return std::nullopt;
  return found->second;
}

bool ReportOrder::has_company(const ReplayedConnection& connection) const {
  return real_.contains({connection.client.address, connection.server});
}

void ReportOrder::end() {
  over_ = true;
  move_on();
}

void ReportOrder::give(std::uint64_t place, std::unique_ptr<ReplayedConnection> connection) {
  connection->number = reported_++;
  sink_(place, std::move(*connection));
}

void ReportOrder::move_on() {
  while (!slots_.empty()) {
    auto& slot = slots_.front();
    const bool crowded = over_ || held_ > kMostHeld || slots_.size() >= kMostSlots;
    bool tell = slot.state == State::kReady;
    if (slot.state == State::kOpen && !crowded) return;
    if (slot.state == State::kLonely) {
      const bool company = has_company(*slot.connection);
      const auto& last = slot.connection->record.evidence.back();
      if (!company && !crowded && now_ - last.at < kCompanyWithin) return;
      tell = !company;
    }
    auto connection = std::move(slot.connection);
    held_ -= slot.octets;
    slots_.pop_front();
    const auto place = first_++;
    if (tell) give(place, std::move(connection));
  }
}

}  // namespace rdpwhy::replay
