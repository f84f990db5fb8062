#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rdpwhy/capture/capture_reader.h"
#include "rdpwhy/capture/flows.h"

namespace rdpwhy::capture::testing {

struct Event {
  std::string what;  ///< "connecting", "client 5", "server gap 7", "closed client", ...
  Moment at;
};

/// Everything that one flow's listener heard.
struct RecordedFlow {
  Endpoint client;
  Endpoint server;
  std::vector<Event> events;
  Bytes octets[2];                                               ///< as delivered, gaps left out
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps[2];  ///< offset in the stream, size
  std::uint64_t offset[2] = {0, 0};
  std::uint64_t skipped[2] = {0, 0};
  bool late = false;
  bool finished = false;
  bool wanted = true;

  [[nodiscard]] std::vector<std::string> whats() const {
    std::vector<std::string> list;
    for (const auto& event : events) list.push_back(event.what);
    return list;
  }
  [[nodiscard]] bool heard(const std::string& what) const {
    for (const auto& event : events) {
      if (event.what == what) return true;
    }
    return false;
  }
};

class RecordingHost : public Flows::Host {
 public:
  class Listener : public FlowListener {
   public:
    Listener(RecordingHost& host, std::size_t index) : host_(host), index_(index) {}
    void connecting(Moment at) override { say("connecting", at); }
    void connected(Moment at) override { say("connected", at); }
    void begins_late(Moment at) override {
      flow().late = true;
      say("begins late", at);
    }
    void bytes(End side, ByteSpan octets, Moment at) override {
      auto& into = flow().octets[static_cast<int>(side)];
      into.insert(into.end(), octets.begin(), octets.end());
      flow().offset[static_cast<int>(side)] += octets.size();
      say(name(side) + " " + std::to_string(octets.size()), at);
    }
    void gap(End side, std::uint64_t size, Moment at) override {
      auto& offset = flow().offset[static_cast<int>(side)];
      flow().gaps[static_cast<int>(side)].emplace_back(offset, size);
      offset += size;
      say(name(side) + " gap " + std::to_string(size), at);
    }
    void skipped(End side, std::uint64_t size, Moment at) override {
      flow().offset[static_cast<int>(side)] += size;
      flow().skipped[static_cast<int>(side)] += size;
      say(name(side) + " skipped " + std::to_string(size), at);
    }
    void closed(End by, Moment at) override { say("closed " + name(by), at); }
    void reset(End by, Moment at) override { say("reset " + name(by), at); }
    void refused(Moment at) override { say("refused", at); }
    void icmp(const IcmpQuote& quote) override {
      say("icmp " + std::to_string(quote.type) + "/" + std::to_string(quote.code) + " of " +
              quote.offender.text(),
          quote.at);
    }
    void finished(Moment at) override {
      EXPECT_FALSE(flow().finished) << "finished twice";
      flow().finished = true;
      host_.finished_order.push_back(index_);
      say("finished", at);
    }
    [[nodiscard]] bool wants(End) const override { return host_.flows[index_]->wanted; }
    [[nodiscard]] std::size_t octets_held() const override {
      return host_.flows[index_]->octets[0].size() + host_.flows[index_]->octets[1].size();
    }

   private:
    RecordedFlow& flow() { return *host_.flows[index_]; }
    static std::string name(End side) { return side == End::kClient ? "client" : "server"; }
    void say(std::string what, Moment at) { flow().events.push_back({std::move(what), at}); }
    RecordingHost& host_;
    std::size_t index_;
  };

  std::unique_ptr<FlowListener> flow(const Endpoint& client, const Endpoint& server,
                                     Moment) override {
    ++asked;
    if (leave_alone) return nullptr;
    flows.push_back(std::make_unique<RecordedFlow>());
    flows.back()->client = client;
    flows.back()->server = server;
    flows.back()->wanted = wants;
    return std::make_unique<Listener>(*this, flows.size() - 1);
  }
  void done(std::unique_ptr<FlowListener> listener) override {
    EXPECT_NE(listener, nullptr);
    ++returned;
  }

  std::vector<std::unique_ptr<RecordedFlow>> flows;
  std::vector<std::size_t> finished_order;
  bool leave_alone = false;
  bool wants = true;
  std::size_t asked = 0;
  std::size_t returned = 0;
};

/// Reads a whole file into a host; the number of packets.
inline std::uint64_t read_capture(ByteSpan file, Flows::Host& host, Flows::Limits limits = {}) {
  auto reader = CaptureReader::open(file);
  if (!reader) return 0;
  FrameDecoder decoder;
  Flows flows(host, limits);
  Moment last;
  while (const auto packet = reader->next()) {
    last = packet->at;
    const auto result = decoder.decode(*packet);
    if (result.segment) flows.segment(*result.segment);
    if (result.icmp) flows.icmp(*result.icmp);
  }
  flows.end(last);
  return reader->packets();
}

}  // namespace rdpwhy::capture::testing
