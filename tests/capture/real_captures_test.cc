#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "capture/event_recorder.h"
#include "capture/shared_captures.h"
#include "rdpwhy/capture/capture_reader.h"

namespace rdpwhy::capture {
namespace {

using testing::output_of;
using testing::read_whole;
using testing::RecordedFlow;
using testing::RecordingHost;

std::uint64_t count_packets(CaptureReader& reader, std::set<std::uint32_t>* link_types = nullptr) {
  std::uint64_t packets = 0;
  while (const auto packet = reader.next()) {
    ++packets;
    if (link_types != nullptr) link_types->insert(packet->link_type);
  }
  return packets;
}

TEST(RealCaptures, HaveThePacketsAndLinkTypesThatAnIndependentParserFound) {
  RDPWHY_NEED_SHARED_CAPTURES(captures);
  const auto told = testing::truth(captures);
  for (const auto& entry : told["captures"]) {
    const auto name = entry["file"].get<std::string>();
    SCOPED_TRACE(name);
    const auto file = read_whole(captures / name);
    auto reader = CaptureReader::open(file);
    ASSERT_TRUE(reader) << reader.error().text;
    std::set<std::uint32_t> link_types;
    const auto& facts = entry["file_facts"];
    EXPECT_EQ(count_packets(*reader, &link_types), facts["packets"]);
    EXPECT_EQ(link_types, facts["linktypes"].get<std::set<std::uint32_t>>());
    const bool cut = std::ranges::any_of(reader->complaints(), [](const std::string& complaint) {
      return complaint.starts_with("the file is cut in the middle of");
    });
    EXPECT_EQ(cut, facts["truncated_file"].get<bool>());
    EXPECT_EQ(reader->tls_key_logs().size(), facts["dsb_blocks"]);
    std::map<std::string, int> labels;
    for (const auto& text : reader->tls_key_logs()) {
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && line[0] != '#') ++labels[line.substr(0, line.find(' '))];
      }
    }
    for (const auto& [label, count] : facts["dsb_labels"].items()) EXPECT_EQ(labels[label], count);
  }
}

TEST(RealCaptures, OfThePcapngConformanceSetHaveThePacketsTheyShould) {
  RDPWHY_NEED_SHARED_CAPTURES(captures);
  const auto told = testing::truth(captures);
  for (const auto& [name, facts] : told["pcapng_conformance"]["files"].items()) {
    SCOPED_TRACE(name);
    const auto file = read_whole(captures / "pcapng-conformance" / name);
    auto reader = CaptureReader::open(file);
    ASSERT_TRUE(reader) << reader.error().text;
    EXPECT_EQ(count_packets(*reader), facts["packets"]);
    for (const auto& complaint : reader->complaints()) {
      const bool expected = complaint.starts_with("simple packets") ||
                            complaint.starts_with("packets are not in order of time") ||
                            complaint.find("version 2.0") != std::string::npos;
      EXPECT_TRUE(expected) << complaint;
    }
  }
}

/// "1519128000.195312500" as nanoseconds.
std::optional<std::int64_t> nanoseconds(const std::string& text) {
  const auto dot = text.find('.');
  if (dot == std::string::npos) return std::nullopt;
  auto fraction = text.substr(dot + 1);
  fraction.resize(9, '0');
  const auto seconds = std::stoll(text.substr(0, dot));
  const auto part = std::stoll(fraction);
  return seconds * 1'000'000'000 + (text[0] == '-' ? -part : part);
}

void compare_frames_with_tshark(const std::filesystem::path& path) {
  SCOPED_TRACE(path.filename());
  const auto file = read_whole(path);
  auto reader = CaptureReader::open(file);
  ASSERT_TRUE(reader) << reader.error().text;
  const auto listed = output_of("tshark -n -r '" + path.string() +
                                "' -T fields -e frame.number -e frame.time_epoch -e frame.len "
                                "-e frame.cap_len -e frame.encap_type");
  if (!listed) return;  // a file that tshark itself gives up on
  struct Row {
    std::string time;
    std::uint64_t size = 0, captured = 0;
  };
  std::map<std::uint64_t, Row> rows;
  std::istringstream lines(*listed);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::string number, size, captured;
    Row row;
    std::getline(cells, number, '\t');
    std::getline(cells, row.time, '\t');
    std::getline(cells, size, '\t');
    std::getline(cells, captured, '\t');
    row.size = std::stoull(size);
    row.captured = std::stoull(captured);
    rows[std::stoull(number)] = row;
  }
  std::uint64_t compared = 0;
  while (const auto packet = reader->next()) {
    const auto row = rows.find(packet->number);
    if (row == rows.end()) continue;
    ++compared;
    EXPECT_EQ(packet->octets.size(), row->second.captured) << "frame " << packet->number;
    EXPECT_EQ(packet->original_size, row->second.size) << "frame " << packet->number;
    if (const auto time = nanoseconds(row->second.time)) {
      EXPECT_EQ(packet->at.ns, *time) << "frame " << packet->number;
    }
  }
  EXPECT_EQ(compared, reader->packets()) << "frames that tshark does not number so";
}

TEST(RealCaptures, HaveTsharksFrameNumbersTimesAndSizes) {
  RDPWHY_NEED_SHARED_CAPTURES(captures);
  if (!testing::has_tshark()) GTEST_SKIP() << "skipped: no tshark";
  const auto told = testing::truth(captures);
  for (const auto& entry : told["captures"]) {
    compare_frames_with_tshark(captures / entry["file"].get<std::string>());
  }
  for (const auto& file : std::filesystem::directory_iterator(captures / "pcapng-conformance")) {
    compare_frames_with_tshark(file.path());
  }
}

std::uint64_t before_first_gap(const RecordedFlow& flow, int side) {
  return flow.gaps[side].empty() ? flow.octets[side].size() : flow.gaps[side].front().first;
}

using Gaps = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Gaps gaps_of(const nlohmann::json& told) {
  Gaps gaps;
  for (const auto& gap : told) gaps.emplace_back(gap[0], gap[1]);
  return gaps;
}

// Ours with neighbours put together, and without one at the very end: the truth only looks at holes
// with octets behind them, we also tell what was acknowledged and never captured.
Gaps gaps_before_octets(const RecordedFlow& flow, int side) {
  Gaps gaps;
  for (const auto& gap : flow.gaps[side]) {
    if (!gaps.empty() && gaps.back().first + gaps.back().second == gap.first) {
      gaps.back().second += gap.second;
    } else {
      gaps.push_back(gap);
    }
  }
  if (!gaps.empty() && gaps.back().first + gaps.back().second == flow.offset[side]) gaps.pop_back();
  return gaps;
}

// What the truth counts on one connection, against what the listener of its flow heard.
void compare_connection(const nlohmann::json& connection, const RecordedFlow& flow) {
  const auto& tcp = connection["tcp"];
  EXPECT_EQ(flow.late, !tcp["syn"].get<bool>() && !tcp["syn_ack"].get<bool>());
  EXPECT_TRUE(flow.finished);
  const char* names[] = {"client", "server"};
  for (int side = 0; side < 2; ++side) {
    const std::string name = names[side];
    SCOPED_TRACE(name);
    if (tcp[name + "_packets"] == 0) {
      EXPECT_TRUE(flow.octets[side].empty());
      continue;  // its gaps are ours to tell: the other side acknowledged what is not there
    }
    // The truth counts a keep-alive in front of a late flow as an octet of its stream; we do not.
    const auto bytes = tcp[name + "_stream_bytes"].get<std::uint64_t>();
    const auto here = before_first_gap(flow, side);
    EXPECT_TRUE(here == bytes || (flow.late && here + 1 == bytes)) << here << " for " << bytes;
    EXPECT_EQ(gaps_before_octets(flow, side), gaps_of(tcp[name + "_gaps"]));
    if (tcp.contains(name + "_bytes_after_gap")) {
      EXPECT_EQ(flow.octets[side].size() - before_first_gap(flow, side),
                tcp[name + "_bytes_after_gap"]);
    }
  }
  const auto closed_by = tcp["closed_by"].get<std::string>();
  // A connection can close and be reset as well; the truth names what came first.
  const std::map<std::string, std::vector<std::string>> expected = {
      {"fin:client", {"closed client"}},
      {"fin:server", {"closed server"}},
      {"rst:client", {"reset client"}},
      {"rst:server", {"reset server", "refused"}},
      {"open_at_end_of_capture", {"finished"}}};
  const auto& any_of = expected.at(closed_by);
  EXPECT_TRUE(std::ranges::any_of(any_of, [&](const auto& what) { return flow.heard(what); }))
      << closed_by;
}

TEST(RealCaptures, GiveTheStreamsGapsAndEndingsOfEveryConnection) {
  RDPWHY_NEED_SHARED_CAPTURES(captures);
  int compared = 0;
  const auto told = testing::truth(captures);
  for (const auto& entry : told["captures"]) {
    SCOPED_TRACE(entry["file"].get<std::string>());
    RecordingHost host;
    testing::read_capture(read_whole(captures / entry["file"].get<std::string>()), host);
    std::map<std::string, std::vector<const RecordedFlow*>> by_ends;
    for (const auto& flow : host.flows) {
      by_ends[flow->client.text() + " " + flow->server.text()].push_back(flow.get());
    }
    std::map<std::string, std::size_t> used;
    for (const auto& connection : entry["connections"]) {
      if (!connection.contains("tcp")) continue;
      const auto ends =
          connection["client"].get<std::string>() + " " + connection["server"].get<std::string>();
      SCOPED_TRACE(ends);
      const auto& tcp = connection["tcp"];
      const bool nothing = !tcp["syn"] && !tcp["syn_ack"] && tcp["client_stream_bytes"] == 0 &&
                           tcp["server_stream_bytes"] == 0;
      auto& index = used[ends];
      const auto& client = connection["client"].get<std::string>();
      const bool ambiguous =
          tcp["client_role_from"] == "payload/port" &&
          by_ends.contains(connection["server"].get<std::string>() + " " + client);
      if (ambiguous && by_ends[ends].empty()) continue;  // both ports are high: either may be right
      if (nothing && index >= by_ends[ends].size()) continue;  // bare FINs of a scan
      ASSERT_LT(index, by_ends[ends].size()) << "no such flow";
      compare_connection(connection, *by_ends[ends][index++]);
      ++compared;
    }
  }
  EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace rdpwhy::capture
