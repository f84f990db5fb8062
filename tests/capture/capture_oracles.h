#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include "rdpwhy/base/check.h"
#include "rdpwhy/capture/capture_reader.h"
#include "rdpwhy/capture/capture_writer.h"
#include "rdpwhy/capture/flows.h"

// What must hold for every input of this room, whatever its octets are. Each function aborts
// through RDPWHY_CHECK where it does not: for libFuzzer and for the sweeps in tests.
namespace rdpwhy::capture::oracle {

/// A listener's view of one flow: events come in an order that can be, and nothing after the end.
class CheckingHost : public Flows::Host {
 public:
  struct Totals {
    std::uint64_t flows = 0;
    std::uint64_t done = 0;
    std::uint64_t events = 0;
    std::uint64_t octets = 0;  ///< delivered and skipped
  };

  explicit CheckingHost(bool wants = true) : wants_(wants) {}

  class Listener : public FlowListener {
   public:
    explicit Listener(CheckingHost& host) : host_(host) {}
    ~Listener() override { RDPWHY_CHECK(finished_); }
    void connecting(Moment) override {
      RDPWHY_CHECK(!connecting_ && !connected_ && !late_ && offset_[0] + offset_[1] == 0);
      connecting_ = true;
      count();
    }
    void connected(Moment) override {
      RDPWHY_CHECK(!connected_ && !refused_);
      connected_ = true;
      count();
    }
    void begins_late(Moment) override {
      RDPWHY_CHECK(!connecting_ && !connected_ && !late_);
      late_ = true;
      count();
    }
    void bytes(End side, ByteSpan octets, Moment) override {
      RDPWHY_CHECK(host_.wants_ && !octets.empty());
      advance(side, octets.size());
      host_.totals.octets += octets.size();
    }
    void skipped(End side, std::uint64_t size, Moment) override {
      RDPWHY_CHECK(!host_.wants_ && size > 0);
      advance(side, size);
      host_.totals.octets += size;
    }
    void gap(End side, std::uint64_t size, Moment) override {
      RDPWHY_CHECK(size > 0 && size <= (std::uint64_t{1} << 31U));
      advance(side, size);
    }
    void closed(End by, Moment) override {
      auto& closed = closed_[static_cast<std::size_t>(by)];
      RDPWHY_CHECK(!closed);
      closed = true;
      count();
    }
    void reset(End, Moment) override {
      RDPWHY_CHECK(!reset_ && !refused_);
      reset_ = true;
      count();
    }
    void refused(Moment) override {
      RDPWHY_CHECK(connecting_ && !connected_ && !refused_ && offset_[0] + offset_[1] == 0);
      refused_ = true;
      count();
    }
    void icmp(const IcmpQuote&) override { count(); }
    void finished(Moment) override {
      count();
      finished_ = true;
    }
    [[nodiscard]] bool wants(End) const override { return host_.wants_; }

   private:
    void count() {
      RDPWHY_CHECK(!finished_);
      ++host_.totals.events;
    }
    void advance(End side, std::uint64_t size) {
      RDPWHY_CHECK(connecting_ || connected_ || late_);
      RDPWHY_CHECK(!reset_ && !refused_ && !closed_[static_cast<std::size_t>(side)]);
      offset_[static_cast<std::size_t>(side)] += size;
      count();
    }

    CheckingHost& host_;
    bool connecting_ = false, connected_ = false, late_ = false, reset_ = false, refused_ = false;
    bool finished_ = false;
    std::array<bool, 2> closed_{};
    std::array<std::uint64_t, 2> offset_{};
  };

  std::unique_ptr<FlowListener> flow(const Endpoint&, const Endpoint&, Moment) override {
    ++totals.flows;
    return std::make_unique<Listener>(*this);
  }
  void done(std::unique_ptr<FlowListener> listener) override {
    RDPWHY_CHECK(listener != nullptr);
    ++totals.done;
  }

  Totals totals;

 private:
  bool wants_;
};

/// A whole file, of any octets: what is delivered was in it, every flow ends once, and what is said
/// stays in proportion to the file.
inline void check_capture_file(ByteSpan file) {
  for (const bool wants : {true, false}) {
    auto reader = CaptureReader::open(file);
    if (!reader) {
      RDPWHY_CHECK(!reader.error().text.empty());
      return;
    }
    CheckingHost host(wants);
    FrameDecoder decoder;
    Flows flows(host, {.most_flows = 64, .most_out_of_order = 8192, .most_buffered = 32'768});
    std::uint64_t packets = 0;
    while (const auto packet = reader->next()) {
      ++packets;
      RDPWHY_CHECK(packet->octets.size() <= packet->original_size);
      RDPWHY_CHECK(packet->octets.empty() ||
                   (packet->octets.data() >= file.data() &&
                    packet->octets.data() + packet->octets.size() <= file.data() + file.size()));
      const auto result = decoder.decode(*packet);
      if (result.segment) {
        RDPWHY_CHECK(result.segment->payload.size() <= result.segment->payload_on_wire);
        flows.segment(*result.segment);
      }
      if (result.icmp) flows.icmp(*result.icmp);
    }
    flows.end({});
    RDPWHY_CHECK(packets == reader->packets() && packets <= file.size() / 12);
    RDPWHY_CHECK(host.totals.flows == host.totals.done && host.totals.flows <= packets * 2);
    RDPWHY_CHECK(host.totals.octets <= file.size());
    RDPWHY_CHECK(host.totals.events <= 16 * packets + file.size());
    RDPWHY_CHECK(reader->complaints().size() <= 40);
  }
}

/// One frame of any link type.
inline void check_frame(ByteSpan script) {
  if (script.size() < 3) return;
  static constexpr std::uint32_t kLinks[] = {0, 1, 9, 12, 14, 50, 101, 108, 113, 228, 229, 276};
  FrameDecoder decoder;
  const auto link_type = kLinks[script[0] % std::size(kLinks)];
  const std::uint32_t cut = script[1];
  // The same octets as frames of several sizes, so that fragments can meet.
  for (auto part = script.subspan(2);; part = part.subspan(part.size() / 2)) {
    const auto result =
        decoder.decode({.octets = part,
                        .original_size = static_cast<std::uint32_t>(part.size()) + cut,
                        .at = {static_cast<std::int64_t>(part.size())},
                        .link_type = link_type,
                        .number = 1});
    if (result.segment) {
      RDPWHY_CHECK(result.segment->payload.size() <= result.segment->payload_on_wire);
      RDPWHY_CHECK(result.segment->payload_on_wire <= script.size() + cut);
    }
    if (part.size() < 2) return;
  }
}

/// The octet that stands at an offset of a stream in the scripts below.
[[nodiscard]] inline std::uint8_t octet_at(End side, std::uint64_t offset) {
  return static_cast<std::uint8_t>(offset * 31 + (offset >> 8U) * 7 +
                                   static_cast<std::uint64_t>(side) * 101);
}

/// A script of segments of one connection, cut, doubled, lost and out of order as the fuzzer likes;
/// each carries the right octets for its place, so whatever is delivered must be those, in their
/// place.
inline void check_segments(ByteSpan script) {
  class Host : public Flows::Host {
   public:
    class Listener : public FlowListener {
     public:
      void bytes(End side, ByteSpan octets, Moment) override {
        auto& offset = offset_[static_cast<std::size_t>(side)];
        for (const auto octet : octets) RDPWHY_CHECK(octet == octet_at(side, offset++));
      }
      void gap(End side, std::uint64_t size, Moment) override {
        offset_[static_cast<std::size_t>(side)] += size;
      }
      void closed(End, Moment) override {}
      void reset(End, Moment) override {}
      void finished(Moment) override {}

     private:
      std::array<std::uint64_t, 2> offset_{};
    };
    std::unique_ptr<FlowListener> flow(const Endpoint&, const Endpoint&, Moment) override {
      return std::make_unique<Listener>();
    }
    void done(std::unique_ptr<FlowListener>) override {}
  };
  if (script.size() < 8) return;
  Host host;
  Flows flows(host, {.most_flows = 8, .most_out_of_order = 700, .most_buffered = 2000});
  const std::uint32_t starts[2] = {0xFFFFFF00U + script[0], 0x7FFFFF00U + script[1]};
  Endpoint ends[2];
  ends[0].port = 50'000;
  ends[1].port = 3389;
  std::int64_t now = 0;
  const auto send = [&](std::size_t from, std::uint64_t offset, std::size_t size,
                        std::size_t captured, std::uint8_t flags, std::uint32_t acknowledged) {
    Bytes octets;
    for (std::size_t i = 0; i < captured; ++i) {
      octets.push_back(octet_at(static_cast<End>(from), offset + i));
    }
    Segment segment;
    segment.from = ends[from];
    segment.to = ends[1 - from];
    segment.sequence =
        starts[from] + static_cast<std::uint32_t>(offset) - ((flags & 1U) != 0 ? 1 : 0);
    segment.acknowledgement = starts[1 - from] + acknowledged;
    segment.syn = (flags & 1U) != 0;
    segment.fin = (flags & 2U) != 0;
    segment.rst = (flags & 4U) != 0;
    segment.ack = (flags & 8U) != 0;
    segment.psh = true;
    segment.payload = octets;
    segment.payload_on_wire = static_cast<std::uint32_t>(size);
    segment.at = {now += 1000};
    flows.segment(segment);
  };
  send(0, 0, 0, 0, 1, 0);
  send(1, 0, 0, 0, 9, 0);
  for (auto rest = script.subspan(2); rest.size() >= 6; rest = rest.subspan(6)) {
    const std::size_t size = rest[3] % 64U;
    const auto captured = rest[3] >= 0xF0 ? size / 2 : size;
    std::uint8_t flags = (rest[0] & 2U) != 0 ? 8 : 0;
    if (rest[0] >= 0xFC) flags |= 2;
    send(rest[0] & 1U, rest[1] * 8U + rest[2] % 8U, size, captured, flags,
         static_cast<std::uint32_t>(rest[4] * 8U + rest[5] % 8U));
  }
  flows.end({now});
}

/// A connection written and read again tells the same octets and endings.
inline void check_written_connection(ByteSpan script) {
  struct Told {
    Bytes octets[2];
    std::vector<int> endings;
  };
  class Host : public Flows::Host {
   public:
    class Listener : public FlowListener {
     public:
      explicit Listener(Told& told) : told_(told) {}
      void bytes(End side, ByteSpan octets, Moment) override {
        auto& into = told_.octets[static_cast<std::size_t>(side)];
        into.insert(into.end(), octets.begin(), octets.end());
      }
      void gap(End, std::uint64_t, Moment) override { RDPWHY_CHECK(false); }
      void closed(End by, Moment) override { told_.endings.push_back(static_cast<int>(by)); }
      void reset(End by, Moment) override { told_.endings.push_back(10 + static_cast<int>(by)); }
      void finished(Moment) override {}

     private:
      Told& told_;
    };
    std::unique_ptr<FlowListener> flow(const Endpoint&, const Endpoint&, Moment) override {
      RDPWHY_CHECK(flows++ == 0);
      return std::make_unique<Listener>(told);
    }
    void done(std::unique_ptr<FlowListener>) override {}
    Told told;
    int flows = 0;
  };

  Bytes file;
  CaptureWriter writer([&](ByteSpan part) { file.insert(file.end(), part.begin(), part.end()); },
                       "x");
  Endpoint ends[2];
  ends[0].port = 50'000;
  ends[1].port = 3389;
  ConnectionWriter connection(writer, ends[0], ends[1]);
  Told expected;
  bool closed[2] = {false, false};
  bool over = false;
  std::int64_t now = 1;
  connection.connecting({now++});
  connection.connected({now++});
  for (; script.size() >= 3; script = script.subspan(3)) {
    const std::size_t i = script[0] & 1U;
    const auto side = static_cast<End>(i);
    if (script[0] < 0xF0) {
      const Bytes octets(static_cast<std::size_t>(script[1]) * 256 + script[2], script[0]);
      connection.bytes(side, octets, {now++});
      if (!closed[i] && !over) {
        expected.octets[i].insert(expected.octets[i].end(), octets.begin(), octets.end());
      }
    } else if (script[0] < 0xFC) {
      connection.closed(side, {now++});
      if (!closed[i] && !over) expected.endings.push_back(static_cast<int>(i));
      closed[i] = true;
    } else {
      connection.reset(side, {now++});
      // After both FINs nothing is left to reset.
      if (!over && !(closed[0] && closed[1])) expected.endings.push_back(10 + static_cast<int>(i));
      over = true;
    }
    if (file.size() > (1U << 22U)) break;
  }
  Host host;
  auto reader = CaptureReader::open(file);
  RDPWHY_CHECK(reader.has_value());
  FrameDecoder decoder;
  Flows flows(host, {});
  while (const auto packet = reader->next()) {
    const auto result = decoder.decode(*packet);
    RDPWHY_CHECK(result.segment.has_value());
    flows.segment(*result.segment);
  }
  flows.end({now});
  RDPWHY_CHECK(reader->complaints().empty());
  RDPWHY_CHECK(host.told.octets[0] == expected.octets[0] &&
               host.told.octets[1] == expected.octets[1]);
  RDPWHY_CHECK(host.told.endings == expected.endings);
}

}  // namespace rdpwhy::capture::oracle
