#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "rdp/rdp_oracles.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/server_blocks.h"
#include "rdpwhy/rdp/tpkt.h"

// Vectors that lie beside the project and are no part of it.
namespace rdpwhy::rdp {
namespace {

using nlohmann::json;

std::filesystem::path shared_folder() {
  if (const char* folder = std::getenv("RDPWHY_SHARED")) return folder;
  return std::filesystem::path(RDPWHY_SOURCE_DIR) / ".." / "shared";
}

std::uint32_t number(const json& value) {
  if (value.is_number()) return value.get<std::uint32_t>();
  return static_cast<std::uint32_t>(std::stoul(value.get<std::string>(), nullptr, 0));
}

std::string said(const Notes& notes) {
  std::string text;
  for (const auto& note : notes.anomalies) text += note.field + ": " + note.text + "; ";
  return text;
}

class SharedMcsVectors : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = shared_folder() / "vectors" / "mcs_gcc.json";
    std::ifstream in(path);
    if (!in) GTEST_SKIP() << "skipped: no " << path;
    vectors_ = json::parse(in)["vectors"];
  }
  json vectors_;
};

void expect_parameters(const DomainParameters& read, const json& expected) {
  EXPECT_EQ(read.max_channel_ids, expected["max_channel_ids"]);
  EXPECT_EQ(read.max_user_ids, expected["max_user_ids"]);
  EXPECT_EQ(read.max_token_ids, expected["max_token_ids"]);
  EXPECT_EQ(read.num_priorities, expected["num_priorities"]);
  EXPECT_EQ(read.min_throughput, expected["min_throughput"]);
  EXPECT_EQ(read.max_height, expected["max_height"]);
  EXPECT_EQ(read.max_mcs_pdu_size, expected["max_mcspdu_size"]);
  EXPECT_EQ(read.protocol_version, expected["protocol_version"]);
}

void expect_core(const ClientCoreData& core, const json& expected) {
  EXPECT_EQ(core.version, number(expected["version"]));
  EXPECT_EQ(core.desktop_width, expected["width"]);
  EXPECT_EQ(core.desktop_height, expected["height"]);
  EXPECT_EQ(core.color_depth, number(expected["color_depth"]));
  EXPECT_EQ(core.keyboard_layout, number(expected["keyboard_layout"]));
  EXPECT_EQ(core.client_build, expected["client_build"]);
  EXPECT_EQ(core.client_name, expected["client_name"]);
  EXPECT_EQ(core.keyboard_type, expected["keyboard_type"]);
  EXPECT_EQ(core.keyboard_sub_type, expected["keyboard_subtype"]);
  EXPECT_EQ(core.keyboard_function_key, expected["function_keys"]);
  const auto expect_optional = [&](const auto& field, const char* name) {
    ASSERT_EQ(field.has_value(), expected.contains(name)) << name;
    if (field) {
      EXPECT_EQ(*field, number(expected[name])) << name;
    }
  };
  expect_optional(core.post_beta2_color_depth, "post_beta2_color_depth");
  expect_optional(core.client_product_id, "client_product_id");
  expect_optional(core.serial_number, "serial");
  expect_optional(core.high_color_depth, "high_color_depth");
  expect_optional(core.supported_color_depths, "supported_color_depths");
  expect_optional(core.early_capability_flags, "early_capability_flags");
  expect_optional(core.connection_type, "connection_type");
  expect_optional(core.server_selected_protocol, "server_selected_protocol");
  EXPECT_EQ(core.client_dig_product_id.value_or(""), expected.value("dig_product_id", ""));
}

void expect_client(const ClientBlocks& blocks, const json& expected) {
  if (expected.contains("core")) {
    ASSERT_NE(blocks.find<ClientCoreData>(), nullptr);
    expect_core(*blocks.find<ClientCoreData>(), expected["core"]);
  }
  if (expected.contains("cluster")) {
    const auto* cluster = blocks.find<ClientClusterData>();
    ASSERT_NE(cluster, nullptr);
    EXPECT_EQ(cluster->flags, number(expected["cluster"]["flags"]));
    EXPECT_EQ(cluster->redirected_session_id, expected["cluster"]["session_id"]);
  }
  if (expected.contains("security")) {
    const auto* security = blocks.find<ClientSecurityData>();
    ASSERT_NE(security, nullptr);
    EXPECT_EQ(security->encryption_methods, number(expected["security"]["encryption_methods"]));
    EXPECT_EQ(security->ext_encryption_methods,
              number(expected["security"]["ext_encryption_methods"]));
  }
  if (expected.contains("channels")) {
    const auto* network = blocks.find<ClientNetworkData>();
    ASSERT_NE(network, nullptr);
    ASSERT_EQ(network->channels.size(), expected["channels"].size());
    for (std::size_t i = 0; i < network->channels.size(); ++i) {
      EXPECT_EQ(network->channels[i].name, expected["channels"][i]["name"]);
      EXPECT_EQ(network->channels[i].options, number(expected["channels"][i]["options"]));
    }
  }
  if (expected.contains("monitors")) {
    ASSERT_NE(blocks.find<ClientMonitorData>(), nullptr);
    EXPECT_EQ(blocks.find<ClientMonitorData>()->monitors.size(), expected["monitors"]);
  }
}

void expect_server(const ServerBlocks& blocks, const json& expected) {
  const auto* core = blocks.find<ServerCoreData>();
  const auto* network = blocks.find<ServerNetworkData>();
  const auto* security = blocks.find<ServerSecurityData>();
  const auto* message = blocks.find<ServerMessageChannelData>();
  const auto* multitransport = blocks.find<ServerMultitransportChannelData>();
  ASSERT_TRUE(core && network && security && message && multitransport);
  EXPECT_EQ(core->version, number(expected["core"]["version"]));
  EXPECT_EQ(core->client_requested_protocols, expected["core"]["client_requested_protocols"]);
  EXPECT_EQ(network->mcs_channel_id, expected["network"]["mcs_io_channel"]);
  EXPECT_EQ(network->channel_ids,
            expected["network"]["channel_ids"].get<std::vector<std::uint16_t>>());
  EXPECT_EQ(security->encryption_method, expected["security"]["encryption_method"]);
  EXPECT_EQ(security->encryption_level, expected["security"]["encryption_level"]);
  EXPECT_EQ(base::to_hex(security->server_random.value()), expected["security"]["server_random"]);
  EXPECT_EQ(security->server_certificate.value().size(), expected["security"]["server_cert_len"]);
  EXPECT_EQ(message->mcs_channel_id, expected["msg_channel_id"]);
  EXPECT_EQ(multitransport->flags, number(expected["multitransport_flags"]));
}

void expect_connect_initial(const ConnectInitial& initial, const json& expected) {
  EXPECT_EQ(base::to_hex(initial.calling_domain_selector), expected["calling"]);
  EXPECT_EQ(base::to_hex(initial.called_domain_selector), expected["called"]);
  EXPECT_EQ(initial.upward_flag, expected["upward"]);
  expect_parameters(initial.target, expected["target"]);
  expect_parameters(initial.minimum, expected["minimum"]);
  expect_parameters(initial.maximum, expected["maximum"]);
  Notes notes;
  const auto conference = decode_conference_create_request(initial.user_data, &notes);
  ASSERT_TRUE(conference.has_value()) << conference.error().message();
  EXPECT_EQ(base::as_text(conference->key), expected["gcc_h221_key"].get<std::string>());
  EXPECT_EQ(conference->user_data.size(), expected["gcc_userdata_len"]);
  const auto blocks = decode_client_blocks(conference->user_data, &notes);
  ASSERT_TRUE(blocks.has_value()) << blocks.error().message();
  EXPECT_EQ(said(notes), "");
  expect_client(*blocks, expected["client"]);
  EXPECT_EQ(encode(*blocks), conference->user_data);
  EXPECT_EQ(encode(*conference), initial.user_data);
}

struct ExpectPdu {
  const json& expected;

  void operator()(const ConnectInitial& initial) const {
    EXPECT_EQ(expected["kind"], "ConnectInitial");
    expect_connect_initial(initial, expected);
  }
  void operator()(const AttachUserConfirm& confirm) const {
    EXPECT_EQ(expected["pdu"], "AttachUserConfirm");
    EXPECT_EQ(confirm.result, expected["result"]);
    EXPECT_EQ(confirm.initiator, expected["initiator"]);
  }
  void operator()(const ChannelJoinRequest& request) const {
    EXPECT_EQ(expected["pdu"], "ChannelJoinRequest");
    EXPECT_EQ(request.initiator, expected["initiator"]);
    EXPECT_EQ(request.channel_id, expected["channel"]);
  }
  void operator()(const ChannelJoinConfirm& confirm) const {
    EXPECT_EQ(expected["pdu"], "ChannelJoinConfirm");
    EXPECT_EQ(confirm.result, expected["result"]);
    EXPECT_EQ(confirm.initiator, expected["initiator"]);
    EXPECT_EQ(confirm.requested, expected["requested"]);
    EXPECT_EQ(confirm.channel_id, expected["channel"]);
  }
  void operator()(const DisconnectProviderUltimatum& ultimatum) const {
    EXPECT_EQ(expected["pdu"], "DisconnectProviderUltimatum");
    EXPECT_EQ(ultimatum.reason, expected["reason"]);
    EXPECT_EQ(disconnect_reason_name(ultimatum.reason), expected["reason_name"]);
  }
  template <typename Other>
  void operator()(const Other&) const {
    ADD_FAILURE() << "a PDU that no vector holds";
  }
};

TEST_F(SharedMcsVectors, DecodeToWhatTheySayAndComeBackOctetForOctet) {
  unsigned pdus = 0;
  for (const auto& vector : vectors_) {
    if (vector["framing"] != "TPKT+X.224 data") continue;
    SCOPED_TRACE(vector["id"]);
    const auto bytes = base::parse_hex(vector["hex"].get<std::string>()).value();
    Notes notes;
    const auto pdu = decode_mcs(ByteSpan(bytes).subspan(7), &notes);
    ASSERT_TRUE(pdu.has_value()) << pdu.error().message();
    EXPECT_EQ(said(notes), "");
    std::visit(ExpectPdu{vector["expect"]}, *pdu);
    std::visit(
        [&](const auto& value) {
          if constexpr (requires { encode(value); }) {
            EXPECT_EQ(base::to_hex(encode_tpkt(encode_data_tpdu(encode(value)))),
                      vector["hex"].get<std::string>());
          }
        },
        *pdu);
    ++pdus;
  }
  EXPECT_EQ(pdus, 9u);
}

TEST_F(SharedMcsVectors, OfBlocksDecodeToWhatTheySayAndComeBackOctetForOctet) {
  unsigned seen = 0;
  for (const auto& vector : vectors_) {
    if (vector["framing"] != "bare") continue;
    SCOPED_TRACE(vector["id"]);
    const auto bytes = base::parse_hex(vector["hex"].get<std::string>()).value();
    Notes notes;
    if (vector["what"] == "GCC server user data blocks") {
      const auto blocks = decode_server_blocks(bytes, &notes);
      ASSERT_TRUE(blocks.has_value()) << blocks.error().message();
      expect_server(*blocks, vector["expect"]);
      EXPECT_EQ(base::to_hex(encode(*blocks)), vector["hex"].get<std::string>());
    } else {
      const auto blocks = decode_client_blocks(bytes, &notes);
      ASSERT_TRUE(blocks.has_value()) << blocks.error().message();
      expect_client(*blocks, vector["expect"]);
      EXPECT_EQ(base::to_hex(encode(*blocks)), vector["hex"].get<std::string>());
    }
    EXPECT_EQ(said(notes), "");
    ++seen;
  }
  EXPECT_EQ(seen, 3u);
}

TEST_F(SharedMcsVectors, BreakNoInvariantWhenDamaged) {
  for (const auto& vector : vectors_) {
    const bool framed = vector["framing"] != "bare";
    auto bytes = base::parse_hex(vector["hex"].get<std::string>()).value();
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        bytes[at] ^= static_cast<std::uint8_t>(flip);
        if (framed) {
          oracle::check_tpkt(bytes);
        } else {
          oracle::check_blocks(bytes);
        }
        bytes[at] ^= static_cast<std::uint8_t>(flip);
      }
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
