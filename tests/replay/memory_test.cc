#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "rdpwhy/record/octets.h"
#include "rdpwhy/tls/hello.h"
#include "replay/made_capture.h"

// What a hostile capture can make the replay hold, by counting what is allocated.
namespace {

std::atomic<std::size_t> allocated{0};
std::atomic<std::size_t> highest{0};

void count(void* block) {
  const auto now = allocated += ::malloc_usable_size(block);
  if (now > highest) highest = now;
}

}  // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  count(block);
  return block;
}
void operator delete(void* block) noexcept {
  if (block != nullptr) allocated -= ::malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

namespace rdpwhy::replay {
namespace {

using capture::End;

/// A handshake message in as many records as it takes.
Bytes in_records(std::uint8_t type, ByteSpan body) {
  Bytes message{type, static_cast<std::uint8_t>(body.size() >> 16U),
                static_cast<std::uint8_t>(body.size() >> 8U),
                static_cast<std::uint8_t>(body.size())};
  message.insert(message.end(), body.begin(), body.end());
  constexpr std::size_t kRecord = 16'000;
  Bytes out;
  for (std::size_t at = 0; at < message.size(); at += kRecord) {
    const auto size = std::min(kRecord, message.size() - at);
    const Bytes header{22, 3, 1, static_cast<std::uint8_t>(size >> 8U),
                       static_cast<std::uint8_t>(size)};
    out.insert(out.end(), header.begin(), header.end());
    out.insert(out.end(), message.begin() + static_cast<std::ptrdiff_t>(at),
               message.begin() + static_cast<std::ptrdiff_t>(at + size));
  }
  return out;
}

/// A ClientHello of some 60 KB: extensions of four octets take ten times that in memory.
const Bytes& huge_hello() {
  static const Bytes octets = [] {
    tls::ClientHello hello;
    hello.legacy_version = 0x0303;
    hello.cipher_suites = {0x1301};
    hello.compression_methods = {0};
    hello.has_extensions = true;
    for (std::uint16_t i = 0; i < 15'000; ++i) {
      hello.extensions.push_back({static_cast<std::uint16_t>(0x8000 + i), {}});
    }
    return in_records(1, tls::encode(hello));
  }();
  return octets;
}

void ask(capture::ConnectionWriter& on, made::Capture& capture) {
  constexpr std::uint8_t kRequest[] = {3, 0, 0, 19, 14, 0xE0, 0, 0, 0, 0,
                                       0, 1, 0, 8,  0,  1,    0, 0, 0};
  constexpr std::uint8_t kConfirm[] = {3, 0, 0, 19, 14, 0xD0, 0, 0, 0, 0,
                                       0, 2, 0, 8,  0,  1,    0, 0, 0};
  on.bytes(End::kClient, kRequest, capture.tick());
  on.bytes(End::kServer, kConfirm, capture.tick());
}

TEST(ReplayMemory, ManyOpenConnectionsWithHugeHellosStayWithinTheBound) {
  constexpr std::size_t kMost = std::size_t{4} << 20;
  constexpr int kConnections = 40;  // of some 600 KB each
  made::Capture capture;
  for (std::uint16_t i = 0; i < kConnections; ++i) {
    auto& on = capture.open(1, static_cast<std::uint16_t>(50'000 + i));
    ask(on, capture);
    on.bytes(End::kClient, huge_hello(), capture.tick());
  }
  int reported = 0;
  std::size_t each = 0;
  ReplayOptions options;
  options.limits.most_held = kMost;
  const std::size_t before = allocated;
  highest = before;
  const auto summary = replay(capture.octets(), options, [&](const ReplayedConnection& connection) {
    ++reported;
    each = record::octets_held(connection.record);
  });
  ASSERT_TRUE(summary);
  EXPECT_EQ(reported, kConnections) << "those that were given up are reported all the same";
  EXPECT_GT(each * kConnections, 4 * kMost) << "or the capture is not hostile enough";
  EXPECT_LT(highest - before, kMost + 4 * each) << "octets at once";
}

TEST(ReplayMemory, OneConnectionThatSaysHelloForEverIsBounded) {
  made::Capture capture;
  auto& on = capture.open(1, 50'000);
  ask(on, capture);
  for (int i = 0; i < 40; ++i) on.bytes(End::kClient, huge_hello(), capture.tick());
  const std::size_t before = allocated;
  highest = before;
  const auto connections = made::replayed(capture.octets());
  ASSERT_EQ(connections.size(), 1u);
  const auto held = record::octets_held(connections[0].record);
  constexpr std::size_t kMost = std::size_t{4} << 20;
  EXPECT_GT(held, kMost / 2);
  EXPECT_LT(held, kMost + kMost / 2);
  EXPECT_LT(highest - before, 2 * kMost);
  const auto& evidence = connections[0].record.evidence;
  EXPECT_LT(evidence.size(), 20u);
  EXPECT_TRUE(record::holds<record::Ending>(evidence.back().fact)) << "its ending is told";
}

TEST(ReplayMemory, WhatARecordIsSaidToTakeIsWhatItTakes) {
  made::Capture capture;
  auto& on = capture.open(1, 50'000);
  ask(on, capture);
  on.bytes(End::kClient, huge_hello(), capture.tick());
  auto connections = made::replayed(capture.octets());
  ASSERT_EQ(connections.size(), 1u);
  const auto said = record::octets_held(connections[0].record);
  const std::size_t before = allocated;
  connections[0].record = {};
  const auto took = before - allocated;
  EXPECT_GT(said, took * 9 / 10) << took;
  EXPECT_LT(said, took * 2) << took;
}

}  // namespace
}  // namespace rdpwhy::replay
