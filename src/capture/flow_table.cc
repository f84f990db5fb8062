#include "capture/flow_table.h"

#include <algorithm>
#include <cstring>

namespace rdpwhy::capture {
namespace {

constexpr std::uint64_t kOdd1 = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kOdd2 = 0xC2B2AE3D27D4EB4F;

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 32U;
  value *= kOdd1;
  return value ^ (value >> 29U);
}

std::uint64_t hash_of(const EndKey& key) {
  return mix(key.high * kOdd2 + mix(key.low + kOdd1) + key.rest * kOdd1);
}

/// The same for both directions.
std::uint64_t hash_of(const EndKey& a, const EndKey& b) { return mix(hash_of(a) + hash_of(b)); }

}  // namespace

EndKey key_of(const Endpoint& endpoint) {
  EndKey key;
  std::memcpy(&key.high, endpoint.address.octets.data(), 8);
  std::memcpy(&key.low, endpoint.address.octets.data() + 8, 8);
  key.rest = (static_cast<std::uint64_t>(endpoint.port) << 1U) | (endpoint.address.v6 ? 1U : 0U);
  return key;
}

FlowTable::~FlowTable() {
  for (auto* list : {&live_list_, &over_list_}) {
    while (list->oldest != nullptr) {
      auto* flow = list->oldest;
      unlink(*list, *flow);
      delete flow;
    }
  }
}

FlowTable::Found FlowTable::find(const EndKey& from, const EndKey& to) const {
  const auto hash = hash_of(from, to);
  for (auto* flow = buckets_[hash & (buckets_.size() - 1)]; flow != nullptr; flow = flow->chain) {
    if (flow->hash != hash) continue;
    if (flow->keys[0] == from && flow->keys[1] == to) return {flow, End::kClient};
    if (flow->keys[1] == from && flow->keys[0] == to) return {flow, End::kServer};
  }
  return {};
}

Flow* FlowTable::crowded_out(const EndKey& from, const EndKey& to) const {
  constexpr int kLongestChain = 64;
  auto* flow = buckets_[hash_of(from, to) & (buckets_.size() - 1)];
  int length = 0;
  Flow* last = nullptr;
  for (; flow != nullptr; flow = flow->chain, ++length) last = flow;
  return length >= kLongestChain ? last : nullptr;
}

Flow& FlowTable::add(const Endpoint& client, const Endpoint& server, Moment at) {
  if (live_ + over_ >= buckets_.size()) grow();
  auto* flow = new Flow;
  flow->ends[0] = client;
  flow->ends[1] = server;
  flow->keys[0] = key_of(client);
  flow->keys[1] = key_of(server);
  flow->number = number_++;
  flow->over_at = at;
  flow->hash = hash_of(flow->keys[0], flow->keys[1]);
  flow->chain = bucket(flow->hash);
  bucket(flow->hash) = flow;
  push(live_list_, *flow);
  ++live_;
  return *flow;
}

void FlowTable::remove(Flow& flow) {
  auto** at = &bucket(flow.hash);
  while (*at != &flow) at = &(*at)->chain;
  *at = flow.chain;
  unlink(flow.over ? over_list_ : live_list_, flow);
  --(flow.over ? over_ : live_);
  delete &flow;
}

void FlowTable::touch(Flow& flow) {
  if (live_list_.newest == &flow || flow.over) return;
  unlink(live_list_, flow);
  push(live_list_, flow);
}

void FlowTable::retire(Flow& flow) {
  unlink(live_list_, flow);
  --live_;
  flow.over = true;
  push(over_list_, flow);
  ++over_;
}

void FlowTable::touch_over(Flow& flow, Moment at) {
  flow.over_at = at;
  unlink(over_list_, flow);
  push(over_list_, flow);
}

std::vector<Flow*> FlowTable::live_in_order() const {
  std::vector<Flow*> flows;
  flows.reserve(live_);
  for (auto* flow = live_list_.oldest; flow != nullptr; flow = flow->newer) flows.push_back(flow);
  std::ranges::sort(flows, {}, &Flow::number);
  return flows;
}

void FlowTable::unlink(List& list, Flow& flow) {
  (flow.newer != nullptr ? flow.newer->older : list.newest) = flow.older;
  (flow.older != nullptr ? flow.older->newer : list.oldest) = flow.newer;
  flow.newer = flow.older = nullptr;
}

void FlowTable::push(List& list, Flow& flow) {
  flow.older = list.newest;
  (list.newest != nullptr ? list.newest->newer : list.oldest) = &flow;
  list.newest = &flow;
}

void FlowTable::grow() {
  std::vector<Flow*> larger(buckets_.size() * 2, nullptr);
  for (auto* head : buckets_) {
    while (head != nullptr) {
      auto* flow = head;
      head = flow->chain;
      auto*& slot = larger[flow->hash & (larger.size() - 1)];
      flow->chain = slot;
      slot = flow;
    }
  }
  buckets_ = std::move(larger);
}

}  // namespace rdpwhy::capture
