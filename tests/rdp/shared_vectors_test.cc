#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "rdp/rdp_oracles.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"

// Vectors and real captures that lie beside the project and are no part of it.
namespace rdpwhy::rdp {
namespace {

using nlohmann::json;

std::filesystem::path shared_folder() {
  if (const char* folder = std::getenv("RDPWHY_SHARED")) return folder;
  return std::filesystem::path(RDPWHY_SOURCE_DIR) / ".." / "shared";
}

json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  return json::parse(in);
}

Bytes octets(const json& hex) { return base::parse_hex(hex.get<std::string>()).value(); }

struct Framed {
  Bytes bytes;
  TpktHeader header;
  ByteSpan tpdu;  // what of it is there
};

Framed frame(const json& hex) {
  Framed framed{.bytes = octets(hex)};
  framed.header = decode_tpkt_header(framed.bytes).value();
  const auto size = std::min<std::size_t>(framed.header.length, framed.bytes.size());
  framed.tpdu = ByteSpan(framed.bytes).first(size).subspan(TpktHeader::kSize);
  return framed;
}

std::string said(const Notes& notes) {
  std::string text;
  for (const auto& note : notes.anomalies) text += note.field + ": " + note.text + "; ";
  return text;
}

void expect_header(const Framed& framed, const json& expected) {
  EXPECT_EQ(framed.header.version, expected["tpkt_version"]);
  EXPECT_EQ(framed.header.length, expected["tpkt_length"]);
  EXPECT_EQ(framed.tpdu[0], expected["li"]);
}

template <typename Pdu>
void expect_references(const Pdu& pdu, const json& expected) {
  EXPECT_EQ(pdu.dst_ref, expected["dst_ref"]);
  EXPECT_EQ(pdu.src_ref, expected["src_ref"]);
  EXPECT_EQ(pdu.class_option, expected["class_options"]);
}

void expect_request(const json& expected, const json& hex) {
  const auto framed = frame(hex);
  Notes notes;
  const auto request = decode_connection_request(framed.tpdu, &notes);
  ASSERT_TRUE(request.has_value()) << request.error().message();
  expect_header(framed, expected);
  expect_references(*request, expected);
  EXPECT_EQ(request->cookie.has_value(), expected.contains("cookie"));
  if (request->cookie) {
    EXPECT_EQ(*request->cookie, expected["cookie"].get<std::string>());
  }
  EXPECT_EQ(request->negotiation.has_value(), expected.contains("neg_req"));
  if (request->negotiation) {
    EXPECT_EQ(request->negotiation->flags, expected["neg_req"]["flags"]);
    EXPECT_EQ(request->negotiation->requested.bits, expected["neg_req"]["requested_protocols"]);
  }
  EXPECT_EQ(request->correlation.has_value(), expected.contains("correlation_info"));
  if (request->correlation) {
    EXPECT_EQ(base::to_hex(request->correlation->correlation_id),
              expected["correlation_info"]["correlation_id"]);
  }
  EXPECT_EQ(base::to_hex(request->parameters), expected.value("unparsed", ""));
  EXPECT_EQ(notes.anomalies.empty(), !expected.contains("unparsed")) << said(notes);
  EXPECT_EQ(encode_tpkt(encode(*request)), framed.bytes);
}

void expect_confirm(const json& expected, const json& hex) {
  const auto framed = frame(hex);
  Notes notes;
  const auto confirm = decode_connection_confirm(framed.tpdu, &notes);
  ASSERT_TRUE(confirm.has_value()) << confirm.error().message();
  expect_header(framed, expected);
  expect_references(*confirm, expected);
  bool canonical = !expected.contains("trailing");
  ASSERT_EQ(confirm->response() != nullptr, expected.contains("neg_rsp"));
  if (const auto* response = confirm->response()) {
    EXPECT_EQ(response->flags, expected["neg_rsp"]["flags"]);
    EXPECT_EQ(response->selected_protocol, expected["neg_rsp"]["selected_protocol"]);
    canonical = canonical && expected["neg_rsp"]["length"] == 8;
  }
  ASSERT_EQ(confirm->failure() != nullptr, expected.contains("neg_failure"));
  if (const auto* failure = confirm->failure()) {
    EXPECT_EQ(failure->flags, expected["neg_failure"]["flags"]);
    EXPECT_EQ(failure->failure_code, expected["neg_failure"]["code"]);
    EXPECT_EQ(failure_code_name(failure->failure_code), expected["neg_failure"]["name"]);
  }
  EXPECT_EQ(base::to_hex(confirm->parameters), expected.value("trailing", ""));
  EXPECT_EQ(notes.anomalies.empty(), canonical) << said(notes);
  if (canonical) {
    EXPECT_EQ(encode_tpkt(encode(*confirm)), framed.bytes);
  }
}

class SharedVectors : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared_folder() / "vectors" / "x224.json")) {
      GTEST_SKIP() << "skipped: no shared folder at " << shared_folder();
    }
  }
};

TEST_F(SharedVectors, OfX224DecodeToTheirValuesAndComeBack) {
  std::size_t seen = 0;
  const auto file = read_json(shared_folder() / "vectors" / "x224.json");
  for (const auto& vector : file["vectors"]) {
    SCOPED_TRACE(vector["id"].get<std::string>());
    const auto& expected = vector["expect"];
    if (expected["tpdu"] == "CR") {
      expect_request(expected, vector["hex"]);
    } else {
      ASSERT_EQ(expected["tpdu"], "CC");
      expect_confirm(expected, vector["hex"]);
    }
    ++seen;
  }
  EXPECT_GE(seen, 30u);
}

TEST_F(SharedVectors, OfBadX224AreReported) {
  std::size_t seen = 0;
  const auto file = read_json(shared_folder() / "vectors" / "bad_inputs.json");
  for (const auto& vector : file["vectors"]) {
    if (vector["kind"] != "x224") continue;
    const auto framed = frame(vector["hex"]);
    Notes notes;
    const auto decoded = decode_tpdu(framed.tpdu, &notes);
    EXPECT_TRUE(!decoded || !notes.anomalies.empty() ||
                framed.tpdu.size() + TpktHeader::kSize < framed.header.length)
        << vector["id"];
    const auto pdu = annotate(framed.bytes);
    EXPECT_TRUE(pdu.error.has_value() || !pdu.anomalies.empty()) << vector["id"];
    ++seen;
  }
  EXPECT_GE(seen, 12u);
}

TEST_F(SharedVectors, OfAnyKindBreakNoInvariantWhenDamaged) {
  for (const auto* name : {"x224.json", "bad_inputs.json"}) {
    const auto file = read_json(shared_folder() / "vectors" / name);
    for (const auto& vector : file["vectors"]) {
      if (!vector.contains("hex") || vector.value("kind", "x224") != "x224") continue;
      auto bytes = octets(vector["hex"]);
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        oracle::check_tpkt(ByteSpan(bytes).first(at));
        for (const int flip : {0x01, 0x80, 0xFF}) {
          bytes[at] ^= static_cast<std::uint8_t>(flip);
          oracle::check_x224(ByteSpan(bytes).subspan(TpktHeader::kSize));
          bytes[at] ^= static_cast<std::uint8_t>(flip);
        }
      }
    }
  }
}

TEST_F(SharedVectors, RealCapturesHoldWhatTheirTruthSays) {
  const auto path = shared_folder() / "captures" / "truth.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "skipped: no " << path;
  std::set<std::string> seen;
  const auto truth = read_json(path);
  for (const auto& capture : truth["captures"]) {
    if (!capture.contains("connections")) continue;
    for (const auto& connection : capture["connections"]) {
      SCOPED_TRACE(capture.value("file", "") + " " + connection.value("client", ""));
      if (connection.contains("x224_cr")) {
        expect_request(connection["x224_cr"], connection["x224_cr"]["hex"]);
        seen.insert(connection["x224_cr"]["hex"].get<std::string>());
      }
      if (connection.contains("x224_cc")) {
        expect_confirm(connection["x224_cc"], connection["x224_cc"]["hex"]);
        seen.insert(connection["x224_cc"]["hex"].get<std::string>());
      }
    }
  }
  EXPECT_GE(seen.size(), 38u);  // distinct PDUs
}

}  // namespace
}  // namespace rdpwhy::rdp
