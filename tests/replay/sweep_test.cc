// Every connection of every capture, cut, ended and damaged. RDPWHY_SWEEP=full takes every position
// of the first 16 KiB of each side and 1,000 seeded ones behind them; otherwise a seeded sample of
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "rdpwhy/capture/capture_reader.h"
#include "rdpwhy/capture/flows.h"
#include "rdpwhy/crypto/record_opener.h"
#include "replay/replay_oracles.h"
#include "replay/shared_captures.h"

namespace rdpwhy::replay {
namespace {

using dissect::streams::Connection;
using dissect::streams::Event;
namespace check = dissect::oracle;

bool is_full() {
  const char* wanted = std::getenv("RDPWHY_SWEEP");
  return wanted != nullptr && std::string_view(wanted) == "full";
}

struct Recorded {
  std::string name;
  bool tls_only = false;
  bool late = false;
  Connection events;
  std::size_t octets[2] = {0, 0};
  std::shared_ptr<const crypto::KeyLog> secrets;  ///< of its capture; never empty

  /// With what the secrets open.
  [[nodiscard]] check::Way way() const {
    return {.tls_only = tls_only,
            .late = late,
            .options = {.read_certificate = {},
                        .make_opener =
                            [log = secrets](const tls::ClientHello& client,
                                            const tls::ServerHello& server) {
                              return crypto::make_record_opener(*log, client, server);
                            },
                        .secrets_may_come = false}};
  }
};

/// Keeps what happened on each flow that begins as RDP or as TLS.
class Recorder final : public capture::Flows::Host {
 public:
  class Listener final : public capture::FlowListener {
   public:
    Listener(std::vector<Recorded>& out, std::string name,
             std::shared_ptr<const crypto::KeyLog> secrets)
        : out_(out) {
      recorded_.name = std::move(name);
      recorded_.secrets = std::move(secrets);
    }
    void begins_late(Moment) override { recorded_.late = true; }
    void bytes(capture::End side, ByteSpan octets, Moment) override {
      constexpr std::size_t kMost = 64 * 1024;
      auto& count = recorded_.octets[side == capture::End::kServer ? 1 : 0];
      if (count > kMost) return;
      count += octets.size();
      recorded_.events.push_back({.side = of(side), .octets = base::to_bytes(octets)});
    }
    void gap(capture::End side, std::uint64_t size, Moment) override {
      recorded_.events.push_back(dissect::streams::gap(of(side), size));
    }
    void closed(capture::End by, Moment) override {
      recorded_.events.push_back(dissect::streams::ended(of(by)));
    }
    void reset(capture::End by, Moment) override {
      recorded_.events.push_back(dissect::streams::ended(of(by), record::Ending::How::kReset));
    }
    void finished(Moment) override {
      if (recorded_.octets[0] + recorded_.octets[1] == 0) return;
      const auto& first =
          *std::ranges::find_if(recorded_.events, [](const Event& e) { return !e.octets.empty(); });
      const auto octet = first.octets[0];
      recorded_.tls_only = octet == 0x16 || (octet & 0x80) != 0;
      if (octet == 3 || octet == 4 || octet == 5 || octet == 'C' || recorded_.tls_only) {
        out_.push_back(std::move(recorded_));
      }
    }

   private:
    static Side of(capture::End end) {
      return end == capture::End::kServer ? Side::kServer : Side::kClient;
    }
    std::vector<Recorded>& out_;
    Recorded recorded_;
  };
  std::unique_ptr<capture::FlowListener> flow(const capture::Endpoint& client,
                                              const capture::Endpoint& server, Moment) override {
    return std::make_unique<Listener>(recorded, name + " " + client.text() + " > " + server.text(),
                                      secrets);
  }
  void done(std::unique_ptr<capture::FlowListener>) override {}
  std::vector<Recorded> recorded;
  std::string name;
  std::shared_ptr<const crypto::KeyLog> secrets;
};

std::vector<std::filesystem::path> capture_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& folder :
       {std::filesystem::path(RDPWHY_SOURCE_DIR) / "captures", shared::folder() / "captures"}) {
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".pcap" || extension == ".pcapng") files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

const std::vector<Recorded>& connections() {
  static const auto kAll = [] {
    Recorder recorder;
    for (const auto& path : capture_files()) {
      const auto octets = shared::file_octets(path);
      auto reader = capture::CaptureReader::open(octets);
      if (!reader) continue;
      recorder.name = path.filename().string();
      auto secrets = std::make_shared<crypto::KeyLog>();
      secrets->add(shared::key_log_beside(path));
      for (const auto& block : reader->tls_key_logs()) secrets->add(block);
      recorder.secrets = std::move(secrets);
      capture::Flows flows(recorder, {});
      capture::FrameDecoder frames;
      Moment last;
      while (const auto packet = reader->next()) {
        last = packet->at;
        if (const auto decoded = frames.decode(*packet); decoded.segment)
          flows.segment(*decoded.segment);
      }
      flows.end(last);
    }
    return std::move(recorder.recorded);
  }();
  return kAll;
}

/// Positions in a stream of `size` octets: all of the first 16 KiB and 1,000 seeded ones, or a
/// sample.
std::vector<std::size_t> positions(std::size_t size, std::size_t sample, std::uint64_t seed) {
  constexpr std::size_t kAllOf = 16 * 1024;
  constexpr std::size_t kBehind = 1000;
  std::vector<std::size_t> out;
  if (size < 2) return out;
  std::mt19937_64 random(seed);
  if (is_full()) {
    for (std::size_t i = 1; i < std::min(size, kAllOf); ++i) out.push_back(i);
    for (std::size_t i = 0; i < kBehind && size > kAllOf; ++i)
      out.push_back(kAllOf + random() % (size - kAllOf));
    return out;
  }
  for (std::size_t i = 1; i < std::min<std::size_t>(size, 64); i += 3) out.push_back(i);
  for (std::size_t i = 0; i < sample; ++i)
    out.push_back(1 + random() % (std::min(size, kAllOf) - 1));
  return out;
}

#define RDPWHY_SKIP_WITHOUT_CAPTURES() \
  if (connections().empty()) GTEST_SKIP() << "skipped: no captures"

TEST(CaptureSweep, EqualOctetsMakeEqualRecordsWhereverTheyAreCut) {
  RDPWHY_SKIP_WITHOUT_CAPTURES();
  for (const auto& c : connections()) {
    SCOPED_TRACE(c.name);
    check::check_connection(c.events, c.way(), 1);
    const auto whole = check::play_whole(c.events, c.way());
    for (const auto side : {Side::kClient, Side::kServer}) {
      for (const auto at : positions(c.octets[side == Side::kServer ? 1 : 0], 20, 7)) {
        std::size_t passed = 0;
        check::check_same(whole, check::play_cut(c.events, c.way(), [&](Side of, std::size_t size) {
                            if (of != side) return std::size_t{0};
                            const auto n = passed < at && at < passed + size ? at - passed : size;
                            passed += n;
                            return n;
                          }));
      }
    }
  }
}

TEST(CaptureSweep, AStreamThatStopsAnywhereHasItsEndingAsLastEvidence) {
  RDPWHY_SKIP_WITHOUT_CAPTURES();
  using How = record::Ending::How;
  for (const auto& c : connections()) {
    SCOPED_TRACE(c.name);
    for (auto n : positions(c.octets[0] + c.octets[1], 20, 11)) {
      Connection cut;
      for (const auto& event : c.events) {
        if (event.what == Event::What::kEnded) continue;
        cut.push_back(event);
        if (event.octets.size() > n) cut.back().octets.resize(n);
        n -= std::min(n, event.octets.size());
        if (n == 0) break;
      }
      check::check_record(check::play_whole(cut, c.way()).record, false);
      for (const auto how : {How::kClose, How::kReset}) {
        for (const auto by : {Side::kClient, Side::kServer}) {
          cut.push_back(dissect::streams::ended(by, how));
          check::check_record(check::play_whole(cut, c.way()).record, true);
          cut.pop_back();
        }
      }
    }
  }
}

TEST(CaptureSweep, DamagedOctetsNeitherCrashNorDependOnTheCut) {
  RDPWHY_SKIP_WITHOUT_CAPTURES();
  for (const auto& c : connections()) {
    SCOPED_TRACE(c.name);
    auto events = c.events;
    for (auto at : positions(c.octets[0] + c.octets[1], 15, 13)) {
      for (auto& event : events) {
        if (at >= event.octets.size()) {
          at -= event.octets.size();
          continue;
        }
        const auto bit = static_cast<std::uint8_t>(1u << (at % 8));
        event.octets[at] ^= bit;
        const auto whole = check::play_whole(events, c.way());
        check::check_record(whole.record, false);
        std::mt19937_64 random(at);
        check::check_same(whole, check::play_cut(events, c.way(), [&](Side, std::size_t size) {
                            return static_cast<std::size_t>(1 + random() % size);
                          }));
        event.octets[at] ^= bit;
        break;
      }
    }
  }
}

TEST(CaptureSweep, WholeFilesHoldWhatHoldsOfAnyFile) {
  const auto files = capture_files();
  if (files.empty()) GTEST_SKIP() << "skipped: no captures";
  for (const auto& path : files) {
    SCOPED_TRACE(path.string());
    auto octets = shared::file_octets(path);
    oracle::check_replay(octets);
    if (octets.size() < 64) continue;
    oracle::check_replay(ByteSpan(octets).first(octets.size() * 2 / 3));
    std::mt19937_64 random(octets.size());
    for (int i = 0; i < 20; ++i)
      octets[random() % octets.size()] ^= static_cast<std::uint8_t>(1u << random() % 8);
    (void)oracle::checked_replay(octets, {});
  }
}

}  // namespace
}  // namespace rdpwhy::replay
