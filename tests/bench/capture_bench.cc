// How fast a capture passes through reader, frame decoder and reassembly: 64 interleaved
// connections of 57 packets of some 195 octets, as in a capture of many RDP handshakes.
// RDPWHY_BENCH_CAPTURE names a file to be used instead.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "rdpwhy/capture/capture_reader.h"
#include "rdpwhy/capture/capture_writer.h"
#include "rdpwhy/capture/flows.h"

namespace rdpwhy::capture {
namespace {

Endpoint endpoint(std::uint32_t number, std::uint16_t port) {
  Endpoint end;
  end.address.octets = {10, static_cast<std::uint8_t>(number >> 16U),
                        static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
  end.port = port;
  return end;
}

Bytes make_capture(std::size_t size) {
  constexpr std::size_t kInterleaved = 64;
  constexpr int kExchanges = 25;  // with handshake and two FINs: 57 packets
  Bytes file;
  file.reserve(size + (1U << 20U));
  CaptureWriter writer([&](ByteSpan part) { file.insert(file.end(), part.begin(), part.end()); },
                       "rdpwhy benchmark");
  const Bytes payload(160, 0x5A);
  std::int64_t now = 1'790'000'000'000'000'000;
  std::uint32_t number = 0;
  while (file.size() < size) {
    std::vector<ConnectionWriter> connections;
    for (std::size_t i = 0; i < kInterleaved; ++i, ++number) {
      connections.emplace_back(
          writer, endpoint(number, static_cast<std::uint16_t>(20'000 + number % 40'000)),
          endpoint(0xFFFFFF, 3389));
    }
    for (auto& connection : connections) connection.connecting({now += 1000});
    for (auto& connection : connections) connection.connected({now += 1000});
    for (int i = 0; i < kExchanges; ++i) {
      for (auto& connection : connections) connection.bytes(End::kClient, payload, {now += 1000});
      for (auto& connection : connections) connection.bytes(End::kServer, payload, {now += 1000});
    }
    for (auto& connection : connections) connection.closed(End::kClient, {now += 1000});
    for (auto& connection : connections) connection.closed(End::kServer, {now += 1000});
  }
  return file;
}

const Bytes& capture_octets() {
  static const Bytes octets = [] {
    if (const char* path = std::getenv("RDPWHY_BENCH_CAPTURE")) {
      std::ifstream in(path, std::ios::binary);
      return Bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    return make_capture(std::size_t{256} * 1024 * 1024);
  }();
  return octets;
}

class CountingHost : public Flows::Host {
 public:
  enum class Interest { kNone, kEndsOnly, kFirstOctets, kAll };
  explicit CountingHost(Interest interest) : interest_(interest) {}

  std::unique_ptr<FlowListener> flow(const Endpoint&, const Endpoint&, Moment) override {
    ++flows;
    return interest_ == Interest::kNone ? nullptr : std::make_unique<Listener>(*this);
  }
  void done(std::unique_ptr<FlowListener>) override { ++finished; }

  std::uint64_t flows = 0;
  std::uint64_t finished = 0;
  std::uint64_t octets = 0;

 private:
  class Listener : public FlowListener {
   public:
    explicit Listener(CountingHost& host) : host_(host) {}
    void bytes(End, ByteSpan fresh, Moment) override {
      host_.octets += fresh.size();
      taken_ += fresh.size();
    }
    void gap(End, std::uint64_t, Moment) override {}
    void closed(End, Moment) override {}
    void reset(End, Moment) override {}
    void finished(Moment) override {}
    [[nodiscard]] bool wants(End) const override {
      switch (host_.interest_) {
        case Interest::kAll:
          return true;
        case Interest::kFirstOctets:
          return taken_ < 4096;
        default:
          return false;
      }
    }

   private:
    CountingHost& host_;
    std::uint64_t taken_ = 0;
  };

  Interest interest_;
};

void finish(benchmark::State& state, std::uint64_t packets) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(capture_octets().size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(packets));
}

void reader_alone(benchmark::State& state) {
  std::uint64_t packets = 0;
  const auto& octets = capture_octets();
  for (auto _ : state) {
    auto reader = CaptureReader::open(octets);
    while (const auto packet = reader->next()) benchmark::DoNotOptimize(packet->octets.data());
    packets += reader->packets();
  }
  finish(state, packets);
}
BENCHMARK(reader_alone)->Unit(benchmark::kMillisecond);

void reader_and_decoder(benchmark::State& state) {
  std::uint64_t packets = 0;
  const auto& octets = capture_octets();
  for (auto _ : state) {
    auto reader = CaptureReader::open(octets);
    FrameDecoder decoder;
    while (const auto packet = reader->next()) {
      const auto result = decoder.decode(*packet);
      benchmark::DoNotOptimize(result.segment.has_value());
    }
    packets += reader->packets();
  }
  finish(state, packets);
}
BENCHMARK(reader_and_decoder)->Unit(benchmark::kMillisecond);

void whole_room(benchmark::State& state) {
  std::uint64_t packets = 0;
  const auto& octets = capture_octets();
  for (auto _ : state) {
    CountingHost host(static_cast<CountingHost::Interest>(state.range(0)));
    auto reader = CaptureReader::open(octets);
    FrameDecoder decoder;
    Flows flows(host, {});
    Moment last;
    while (const auto packet = reader->next()) {
      const auto result = decoder.decode(*packet);
      if (result.segment) flows.segment(*result.segment);
      if (result.icmp) flows.icmp(*result.icmp);
      last = packet->at;
    }
    flows.end(last);
    packets += reader->packets();
    if (host.flows == 0) state.SkipWithError("no flows");
    benchmark::DoNotOptimize(host.octets);
  }
  finish(state, packets);
}
BENCHMARK(whole_room)
    ->ArgName("interest")  // 0 nobody listens, 1 only ends, 2 the first 4096 octets, 3 all
    ->DenseRange(0, 3)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rdpwhy::capture

BENCHMARK_MAIN();
