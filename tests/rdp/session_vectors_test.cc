#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "rdp/octets.h"
#include "rdp/share_oracles.h"

// Vectors and dialogues that lie beside the project and are no part of it.
namespace rdpwhy::rdp {
namespace {

using nlohmann::json;

std::filesystem::path shared_folder() {
  if (const char* folder = std::getenv("RDPWHY_SHARED")) return folder;
  return std::filesystem::path(RDPWHY_SOURCE_DIR) / ".." / "shared";
}

json read_vectors(std::string_view name) {
  std::ifstream in(shared_folder() / "vectors" / name);
  return json::parse(in)["vectors"];
}

Bytes octets_of(const json& vector) { return from_hex(vector["hex"].get<std::string>()); }

/// A number that the truth writes as one, or as a text in hex.
std::uint32_t number(const json& value) {
  if (value.is_number()) return value.get<std::uint32_t>();
  return static_cast<std::uint32_t>(std::stoul(value.get<std::string>(), nullptr, 0));
}

/// The user data of a Send Data PDU in a TPKT, whose MCS header is of no interest here; nothing for
/// any other PDU.
ByteSpan user_data(ByteSpan tpkt) {
  constexpr std::size_t kMcs = 7;
  if (tpkt.size() < kMcs + 7 || (tpkt[kMcs] >> 2 != 25 && tpkt[kMcs] >> 2 != 26)) return {};
  const auto at = kMcs + 6;
  return tpkt.subspan((tpkt[at] & 0x80) != 0 ? at + 2 : at + 1);
}

class SessionVectors : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared_folder() / "vectors" / "rdp_pdus.json")) {
      GTEST_SKIP() << "skipped: no shared folder at " << shared_folder();
    }
  }
};

void expect_client_info(const json& expected, ByteSpan octets) {
  Notes notes;
  const auto info = decode_client_info(octets.subspan(4), &notes);
  ASSERT_TRUE(info) << info.error().message();
  EXPECT_EQ(said(notes), "");
  EXPECT_EQ(info->code_page, expected["code_page"]);
  EXPECT_EQ(info->flags, number(expected["flags"]));
  EXPECT_EQ(info->domain, expected["domain"]);
  EXPECT_EQ(info->user_name, expected["user"]);
  EXPECT_EQ(info->password_size, expected["password_chars"].get<int>() * 2);
  EXPECT_EQ(info->alternate_shell, expected["alternate_shell"]);
  EXPECT_EQ(info->working_dir, expected["working_dir"]);
  ASSERT_TRUE(info->extended);
  EXPECT_EQ(info->extended->address_family, expected["address_family"]);
  EXPECT_EQ(info->extended->address, expected["client_address"]);
  EXPECT_EQ(info->extended->directory, expected["client_dir"]);
  ASSERT_TRUE(info->extended->time_zone);
  EXPECT_EQ(info->extended->time_zone->bias, expected["tz_bias"]);
  EXPECT_EQ(info->extended->session_id, expected["session_id"]);
  EXPECT_EQ(info->extended->performance_flags, number(expected["performance_flags"]));
  EXPECT_EQ(info->extended->auto_reconnect_cookie_size, expected["auto_reconnect_cookie_len"]);
  const auto written = encode(*info, Secret(Bytes(info->password_size / 2u)));
  EXPECT_EQ(base::to_hex(written.reveal()), base::to_hex(octets.subspan(4)));
}

struct ContentTruth {
  const json& expected;
  ByteSpan octets;
  const ShareControl& pdu;

  void operator()(const DemandActive& demand) const {
    EXPECT_EQ(expected["pdu"], "DemandActive");
    EXPECT_EQ(demand.share_id, number(expected["share_id"]));
    const auto* count = expected.contains("n_caps") ? "n_caps" : "number_capabilities";
    EXPECT_EQ(demand.capability_sets.size(), expected[count]);
    EXPECT_EQ(base::to_hex(encode(demand, pdu.pdu_source)), base::to_hex(octets));
  }
  void operator()(const ConfirmActive& confirm) const {
    EXPECT_EQ(expected["pdu"], "ConfirmActive");
    EXPECT_EQ(confirm.share_id, number(expected["share_id"]));
    EXPECT_EQ(base::to_hex(encode(confirm, pdu.pdu_source)), base::to_hex(octets));
  }
  void operator()(const ShareData& data) const { std::visit(*this, data.content); }
  void operator()(const Synchronize& content) const {
    EXPECT_EQ(expected["pdu"], "Synchronize");
    EXPECT_EQ(content.target_user, expected["target_user"]);
  }
  void operator()(const Control& content) const {
    EXPECT_EQ(expected["pdu"], "Control");
    EXPECT_EQ(content, (Control{expected["action"], expected["grant_id"], expected["control_id"]}));
  }
  void operator()(const FontMap& content) const {
    EXPECT_EQ(expected["pdu"], "FontMap");
    EXPECT_EQ(content.map_flags, expected["list_flags"]);
    EXPECT_EQ(content.entry_size, expected["entry_size"]);
  }
  void operator()(const SetErrorInfo& content) const {
    EXPECT_EQ(expected["pdu"], "SetErrorInfo");
    EXPECT_EQ(content.error_info,
              number(expected.contains("code") ? expected["code"] : expected["error_info"]));
  }
  void operator()(const SaveSessionInfo& content) const {
    EXPECT_EQ(expected["pdu"], "SaveSessionInfo");
    EXPECT_EQ(content.info_type, expected["info_type"]);
    EXPECT_EQ(content.domain, "IT-HELP");
    EXPECT_EQ(content.user_name, "Administrator");
  }
  void operator()(const auto&) const { ADD_FAILURE() << "another PDU than " << expected["pdu"]; }
};

void expect_share(const json& expected, ByteSpan octets) {
  Notes notes;
  const auto pdu = decode_share_control(octets, &notes);
  ASSERT_TRUE(pdu) << pdu.error().message();
  EXPECT_EQ(said(notes), "");
  if (expected.contains("pdu_source")) {
    EXPECT_EQ(pdu->pdu_source, expected["pdu_source"]);
  }
  std::visit(ContentTruth{expected, octets, *pdu}, pdu->content);
}

TEST_F(SessionVectors, OfPdusDecodeToTheirValues) {
  std::size_t seen = 0;
  for (const auto& vector : read_vectors("rdp_pdus.json")) {
    const auto& expected = vector["expect"];
    const auto pdu = expected.value("pdu", "");
    if (pdu.empty() || pdu.starts_with("MCS") || pdu == "License") continue;
    SCOPED_TRACE(vector["id"].get<std::string>());
    const auto octets = octets_of(vector);
    const bool is_framed = vector["framing"] == "TPKT";
    const auto payload = is_framed ? user_data(octets) : ByteSpan(octets);
    ASSERT_FALSE(payload.empty());
    pdu == "ClientInfo" ? expect_client_info(expected, payload) : expect_share(expected, payload);
    ++seen;
  }
  EXPECT_GE(seen, 15u);
}

TEST_F(SessionVectors, OfARedirectionDecodeToTheirValues) {
  std::size_t seen = 0;
  for (const auto& vector : read_vectors("redirection.json")) {
    const auto& expected = vector["expect"];
    if (!expected.contains("redir_flags")) continue;
    SCOPED_TRACE(vector["id"].get<std::string>());
    const auto octets = octets_of(vector);
    const auto pdu = decode_share_control(user_data(octets));
    ASSERT_TRUE(pdu) << pdu.error().message();
    EXPECT_EQ(pdu->pdu_source, expected["source"]);
    const auto& packet = std::get<ServerRedirection>(pdu->content);
    EXPECT_EQ(packet.session_id, expected["session_id"]);
    EXPECT_EQ(packet.flags, number(expected["redir_flags"]));
    EXPECT_EQ(packet.target_net_address, expected["target_net_address"].get<std::string>());
    EXPECT_EQ(packet.user_name, expected["username"].get<std::string>());
    EXPECT_EQ(packet.domain, expected["domain"].get<std::string>());
    EXPECT_EQ(packet.target_fqdn, expected["target_fqdn"].get<std::string>());
    EXPECT_EQ(packet.target_netbios_name, expected["target_netbios_name"].get<std::string>());
    EXPECT_EQ(packet.target_net_addresses,
              expected["target_net_addresses"].get<std::vector<std::string>>());
    ++seen;
  }
  EXPECT_GE(seen, 1u);
}

void expect_syn(const json& expected, const RdpUdpSyn& syn) {
  EXPECT_EQ(syn.source_ack, number(expected["sn_source_ack"]));
  EXPECT_EQ(syn.receive_window, expected["recv_window"]);
  EXPECT_EQ(syn.flags, number(expected["flags"]));
  EXPECT_EQ(syn.initial_sequence_number, number(expected["initial_seq"]));
  EXPECT_EQ(syn.up_stream_mtu, expected["mtu_up"]);
  EXPECT_EQ(syn.down_stream_mtu, expected["mtu_down"]);
  EXPECT_EQ(syn.correlation_id.has_value(), expected.contains("correlation_id"));
  if (syn.correlation_id) {
    EXPECT_EQ(base::to_hex(*syn.correlation_id), expected["correlation_id"]);
  }
  EXPECT_EQ(syn.version.has_value(), expected.contains("udp_version"));
  if (syn.version) {
    EXPECT_EQ(*syn.version, number(expected["udp_version"]));
    EXPECT_EQ(*syn.syn_ex_flags, number(expected["synex_flags"]));
  }
}

TEST_F(SessionVectors, OfRdpUdpDecodeToTheirValues) {
  std::size_t seen = 0;
  for (const auto& vector : read_vectors("rdpeudp.json")) {
    const auto& expected = vector["expect"];
    if (expected.contains("structure")) continue;
    SCOPED_TRACE(vector["id"].get<std::string>());
    auto octets = octets_of(vector);
    octets.resize(expected.value("payload_len", octets.size()));  // the zeros were left out
    Notes notes;
    const auto syn = decode_rdpudp_syn(octets, &notes);
    ASSERT_TRUE(syn) << syn.error().message();
    EXPECT_EQ(said(notes), "");
    EXPECT_TRUE(begins_rdpudp_syn(octets));
    expect_syn(expected, *syn);
    EXPECT_EQ(encode(*syn), octets);
    ++seen;
  }
  EXPECT_GE(seen, 10u);
}

TEST_F(SessionVectors, ThatAreBadAreReported) {
  std::size_t seen = 0;
  for (const auto& vector : read_vectors("bad_inputs.json")) {
    SCOPED_TRACE(vector["id"].get<std::string>());
    const auto octets = octets_of(vector);
    oracle::check_session_pdus(octets);
    if (vector["kind"] != "redirection") continue;
    EXPECT_FALSE(decode_share_control(user_data(octets)));
    ++seen;
  }
  EXPECT_GE(seen, 2u);
}

TEST_F(SessionVectors, BreakNoInvariantWhenDamaged) {
  for (const auto* name : {"rdp_pdus.json", "redirection.json", "rdpeudp.json"}) {
    for (const auto& vector : read_vectors(name)) {
      const auto octets = octets_of(vector);
      const auto payload = user_data(octets);
      auto damaged = base::to_bytes(payload.empty() ? ByteSpan(octets) : payload);
      for (std::size_t at = 0; at < damaged.size(); ++at) {
        damaged[at] ^= 0xFF;
        oracle::check_session_pdus(damaged);
        damaged[at] ^= 0xFF;
      }
    }
  }
}

/// Not a security header, which stands in the same place.
bool begins_share_control(ByteSpan octets) {
  const auto size = share_control_size(octets);
  return size && *size <= octets.size() && octets.size() >= 4 && octets[3] == 0 &&
         octets[2] >> 4 == 1 && share_control_type_name(octets[2] & 0x0F);
}

/// Each TPKT of one direction as the decoders of this room see it.
std::size_t readable_share_pdus(ByteSpan stream) {
  std::size_t seen = 0;
  while (stream.size() >= 4 && stream[0] == 3) {
    const auto length = static_cast<std::size_t>(stream[2] << 8 | stream[3]);
    if (length < 4 || length > stream.size()) break;
    auto rest = user_data(stream.first(length));
    while (begins_share_control(rest)) {
      const auto size = *share_control_size(rest);
      const auto pdu = decode_share_control(rest.first(size));
      EXPECT_TRUE(pdu) << base::to_hex(rest.first(std::min<std::size_t>(size, 32)))
                       << (pdu ? "" : pdu.error().message());
      ++seen;
      rest = rest.subspan(size);
    }
    stream = stream.subspan(length);
  }
  return seen;
}

TEST_F(SessionVectors, OfWholeDialoguesHaveReadableShareControlPdus) {
  for (const auto& vector : read_vectors("dialogues.json")) {
    SCOPED_TRACE(vector["id"].get<std::string>());
    EXPECT_GE(readable_share_pdus(from_hex(vector["server_hex"].get<std::string>())), 1u);
    EXPECT_GE(readable_share_pdus(from_hex(vector["client_hex"].get<std::string>())), 1u);
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
