#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "capture/capture_oracles.h"
#include "capture/packets.h"
#include "capture/shared_captures.h"

// Every oracle aborts where something does not hold: that a test gets to its end is what it proves.
namespace rdpwhy::capture {
namespace {

using testing::ethernet;
using testing::ipv4;
using testing::ipv6;
using testing::joined;
using testing::tcp;
using testing::text;

void cut_at_every_octet(ByteSpan file, std::size_t step = 1) {
  for (std::size_t size = 0; size <= file.size(); size += step) {
    // A copy of exactly that size: a sanitizer sees the first octet read behind it.
    const auto cut = base::to_bytes(file.first(size));
    oracle::check_capture_file(cut);
  }
}

void damage_every_octet(const Bytes& file, std::size_t step = 1) {
  auto damaged = file;
  for (std::size_t at = 0; at < file.size(); at += step) {
    for (const int change : {0xFF, 0x01, 0x80}) {
      damaged[at] = static_cast<std::uint8_t>(file[at] ^ change);
      oracle::check_capture_file(damaged);
    }
    damaged[at] = file[at];
  }
}

Bytes own_pcapng() {
  Bytes file;
  CaptureWriter writer([&](ByteSpan part) { file.insert(file.end(), part.begin(), part.end()); },
                       "test");
  Endpoint client = testing::end_v4(1, 50'000);
  Endpoint server = testing::end_v4(2, 3389);
  ConnectionWriter connection(writer, client, server);
  connection.connecting({1});
  connection.icmp(
      {.type = 3, .code = 1, .offender = server.address, .from = client, .to = server, .at = {2}});
  connection.connected({3});
  writer.secrets("CLIENT_RANDOM 00 11\n");
  connection.bytes(End::kClient, text("a question of some octets"), {4});
  connection.bytes(End::kServer, text("an answer"), {5});
  connection.closed(End::kServer, {6});
  connection.reset(End::kClient, {7});
  return file;
}

/// Frames of every link layer that one pcap can hold: tags, fragments, extension headers.
Bytes own_pcap() {
  Writer file;
  file.u32le(0xA1B2C3D4).u16le(2).u16le(4).u64le(0).u32le(65'535).u32le(1);
  std::uint32_t seconds = 1;
  const auto add = [&](const Bytes& frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    file.u32le(seconds++).u32le(0).u32le(size).u32le(size).bytes(frame);
  };
  const auto whole = tcp(50'000, 3389, 100, 0x18, text("put together from fragments"));
  const auto part = [&](std::size_t offset, std::size_t size, bool more) {
    return ipv4(ByteSpan(whole).subspan(offset, size),
                {.flags_and_offset = static_cast<std::uint16_t>(offset / 8 + (more ? 0x2000 : 0))});
  };
  add(ethernet(0x0800, part(0, 24, true)));
  add(ethernet(0x0800, part(24, whole.size() - 24, false)));
  add(ethernet(0x8100, joined({Bytes{0, 5, 0x08, 0x00},
                               ipv4(tcp(50'000, 3389, 127, 0x18, text("tagged")))})));
  add(ethernet(0x86DD,
               ipv6(0, joined({Bytes{6, 0, 1, 4, 0, 0, 0, 0}, tcp(1, 2, 3, 2, text("syn"))}))));
  add(ethernet(0x0800,
               ipv4(joined({Bytes{3, 1, 0, 0, 0, 0, 0, 0}, ipv4(tcp(50'000, 3389, 1, 2, {}))}),
                    {.protocol = 1})));
  return file.take();
}

TEST(CaptureSweep, OwnFilesCutAtEveryOctet) {
  cut_at_every_octet(own_pcapng());
  cut_at_every_octet(own_pcap());
}

TEST(CaptureSweep, OwnFilesDamagedAtEveryOctet) {
  damage_every_octet(own_pcapng());
  damage_every_octet(own_pcap());
}

TEST(CaptureSweep, ConformanceFilesCutAndDamagedAtEveryOctet) {
  RDPWHY_NEED_SHARED_CAPTURES(captures);
  for (const auto& entry : std::filesystem::directory_iterator(captures / "pcapng-conformance")) {
    const auto file = testing::read_whole(entry.path());
    cut_at_every_octet(file);
    damage_every_octet(file);
  }
}

TEST(CaptureSweep, RealCapturesCutAndDamagedInManyPlaces) {
  RDPWHY_NEED_SHARED_CAPTURES(captures);
  const auto told = testing::truth(captures);
  for (const auto& entry : told["captures"]) {
    const auto file = testing::read_whole(captures / entry["file"].get<std::string>());
    if (file.size() > 20'000) continue;
    const auto step = std::max<std::size_t>(file.size() / 150, 1);
    cut_at_every_octet(file, step);
    damage_every_octet(file, 3 * step + 1);
  }
}

TEST(CaptureSweep, RandomSegmentsOfOneConnection) {
  std::mt19937 random(20'261'121);
  for (int round = 0; round < 3000; ++round) {
    Bytes script(8 + random() % 600);
    for (auto& octet : script) octet = static_cast<std::uint8_t>(random());
    // Half of the rounds stay near the beginning, where holes are filled more often than not.
    if (round % 2 == 0) {
      for (std::size_t i = 3; i < script.size(); i += 6)
        script[i] = static_cast<std::uint8_t>(script[i] % 12);
      for (std::size_t i = 6; i < script.size(); i += 6)
        script[i] = static_cast<std::uint8_t>(script[i] % 12);
    }
    oracle::check_segments(script);
  }
}

TEST(CaptureSweep, RandomConnectionsWrittenAndRead) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Bytes script(3 + random() % 60);
    for (auto& octet : script) octet = static_cast<std::uint8_t>(random());
    for (std::size_t i = 1; i < script.size(); i += 3)
      script[i] = static_cast<std::uint8_t>(script[i] % 4);
    oracle::check_written_connection(script);
  }
}

TEST(CaptureSweep, RandomFrames) {
  std::mt19937 random(8);
  const auto good = joined({Bytes{6, 0}, ipv4(tcp(50'000, 3389, 1, 0x18, text("hello")))});
  for (int round = 0; round < 20'000; ++round) {
    Bytes script = good;
    if (round % 3 == 0) {
      script.resize(random() % 120);
      for (auto& octet : script) octet = static_cast<std::uint8_t>(random());
    } else {
      for (int i = 0; i < 3; ++i)
        script[random() % script.size()] = static_cast<std::uint8_t>(random());
    }
    oracle::check_frame(script);
  }
}

}  // namespace
}  // namespace rdpwhy::capture
