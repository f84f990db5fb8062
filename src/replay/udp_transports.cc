#include "replay/udp_transports.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace rdpwhy::replay {
namespace {

constexpr auto kNobodys = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kFlagsAt = 6;
constexpr std::size_t kSequenceNumberAt = 8;

std::uint32_t number_at(ByteSpan octets, std::size_t at) {
  std::uint32_t number = 0;
  for (const auto octet : octets.subspan(at, 4)) number = number << 8U | octet;
  return number;
}

// Of what begins_rdpudp_syn took for one: its 16 octets are there.
bool is_answer(ByteSpan datagram) {
  return (datagram[kFlagsAt + 1] & rdp::rdpudp_flags::kAck) != 0;
}

void sort_by_beginning(std::vector<record::UdpTransport>& transports) {
  std::ranges::sort(transports, {}, [](const auto& transport) {
    return std::tie(transport.began, transport.client, transport.server);
  });
}

}  // namespace

bool UdpTransports::concerns(const capture::Datagram& datagram) {
  return rdp::begins_rdpudp_syn(datagram.payload);
}

UdpTransports::Ends UdpTransports::ends_of(const capture::Datagram& datagram) {
  return is_answer(datagram.payload) ? Ends{datagram.to, datagram.from}
                                     : Ends{datagram.from, datagram.to};
}

void UdpTransports::add(const capture::Datagram& datagram, std::optional<std::uint64_t> place) {
  const bool answer = is_answer(datagram.payload);
  const Key key{.place = place.value_or(kNobodys),
                .ends = ends_of(datagram),
                .number = number_at(datagram.payload, answer ? 0 : kSequenceNumberAt)};
  auto found = transports_.find(key);
  if (found == transports_.end()) {
    if (transports_.size() >= kMost) {
      ++left_out_;
      return;
    }
    found = transports_.emplace(key, record::UdpTransport{}).first;
    found->second.client = key.ends.client.text();
    found->second.server = key.ends.server.text();
    found->second.began = datagram.at;
  }
  auto& transport = found->second;
  if (!answer) ++transport.syns;
  if (answer && !transport.answered) transport.answered = datagram.at;
  auto& read = answer ? transport.answer : transport.syn;
  if (read) return;
  auto decoded = rdp::decode_rdpudp_syn(datagram.payload);
  if (decoded) {
    read = *decoded;
  } else if (transport.unreadable.empty()) {
    transport.unreadable = decoded.error().message();
  }
}

std::vector<record::UdpTransport> UdpTransports::take(std::uint64_t place) {
  std::vector<record::UdpTransport> taken;
  if (transports_.empty()) return taken;
  auto at = transports_.lower_bound(Key{.place = place, .ends = {}, .number = 0});
  while (at != transports_.end() && at->first.place == place) {
    taken.push_back(std::move(at->second));
    at = transports_.erase(at);
  }
  sort_by_beginning(taken);
  return taken;
}

std::vector<record::UdpTransport> UdpTransports::take_rest() {
  std::vector<record::UdpTransport> taken;
  for (auto& [key, transport] : transports_) taken.push_back(std::move(transport));
  transports_.clear();
  sort_by_beginning(taken);
  return taken;
}

}  // namespace rdpwhy::replay
