// Every fact of the shared captures that the phases up to TLS can show, compared with verified
// truth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/capture/flows.h"
#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/replay/replay.h"
#include "rdpwhy/tls/registry.h"
#include "replay/shared_captures.h"

namespace rdpwhy::replay {
namespace {

using nlohmann::json;
using testing::IsEmpty;
using Key = std::pair<std::string, std::string>;

class Disagreements {
 public:
  void where(std::string text) { where_ = std::move(text); }
  template <typename A, typename B>
  void compare(const char* fact, const A& truth, const B& ours) {
    ++compared;
    if (ours == truth || is_known(fact)) return;
    found.push_back(where_ + ": " + fact + ": truth " + json(truth).dump() + ", ours " +
                    json(ours).dump());
  }
  void say(const std::string& text) {
    if (!is_known(text)) found.push_back(where_ + ": " + text);
  }

  std::vector<std::string> found;
  std::size_t compared = 0;

 private:
  /// Where the written truth is not what the octets say; each was looked at by hand.
  bool is_known(const std::string& fact) const {
    struct Known {
      const char* capture;
      const char* fact;
    };
    static const Known kKnown[] = {
        // The server sends ChangeCipherSpec and Finished before the client's key exchange and
        // closes: a
        // test of broken stacks. "handshake_completed" there means that both Finished were seen.
        {"TLS_PSK_WITH_ARIA_128_CBC_SHA256", "TLS reached"},
        // The ServerHello takes a pre-shared key (extension 41), so the session is resumed.
        {"tls_1.3_unidirectional_server", "resumed"},
        {"tls_2_reasms.pcapng", "resumed"},
        {"tls_2_reasms_b.pcapng", "resumed"},
        // Damaged hellos: a suite list of length 0 in front of octets that are no extensions.
        {"tls_cipher_lens.pcap 192.168.11.11:51591", "no TLS"},
    };
    return std::ranges::any_of(kKnown, [&](const Known& known) {
      return where_.find(known.capture) != std::string::npos && fact == known.fact;
    });
  }

  std::string where_;
};

json number_or_null(const auto& value) { return value ? json(*value) : json(); }

std::string version_of_truth(const std::string& name) {
  static const std::map<std::string, std::string> kNames = {
      {"SSL2", "SSLv2"},
      {"SSL3", "SSLv3"},
      {"TLS1.0", "TLSv1.0"},
      {"TLS1.1", "TLSv1.1"},
      {"TLS1.2", "TLSv1.2"},
      {"TLS1.3", "TLSv1.3"},
      {"TLS1.3-draft18", "TLSv1.3 (draft 18)"}};
  const auto found = kNames.find(name);
  return found == kNames.end() ? name : found->second;
}

void compare_x224(Disagreements& out, const json& truth, const HandshakeRecord& record) {
  const auto* request = record::first<rdp::ConnectionRequest>(record);
  const auto* confirm = record::first<rdp::ConnectionConfirm>(record);
  if (truth.contains("x224_cr")) {
    const auto& cr = truth["x224_cr"];
    if (request == nullptr) return out.say("no Connection Request");
    if (cr.contains("cookie") && cr["cookie"].is_string()) {
      out.compare("cookie", cr["cookie"].get<std::string>(), request->cookie.value_or("(none)"));
    }
    if (cr.contains("neg_req")) {
      if (!request->negotiation) return out.say("no RDP_NEG_REQ");
      out.compare("requestedProtocols", cr["neg_req"]["requested_protocols"].get<std::uint32_t>(),
                  request->negotiation->requested.bits);
      out.compare("request flags", cr["neg_req"]["flags"].get<int>(),
                  int{request->negotiation->flags});
    }
  }
  if (!truth.contains("x224_cc")) return;
  const auto& cc = truth["x224_cc"];
  if (confirm == nullptr) return out.say("no Connection Confirm");
  if (cc.contains("neg_rsp") && cc["neg_rsp"]["length"] == 8) {
    if (confirm->response() == nullptr) return out.say("no RDP_NEG_RSP");
    out.compare("selectedProtocol", cc["neg_rsp"]["selected_protocol"].get<std::uint32_t>(),
                confirm->response()->selected_protocol);
    out.compare("response flags", cc["neg_rsp"]["flags"].get<int>(),
                int{confirm->response()->flags});
  }
  if (cc.contains("neg_failure")) {
    if (confirm->failure() == nullptr) return out.say("no RDP_NEG_FAILURE");
    out.compare("failureCode", cc["neg_failure"]["code"].get<std::uint32_t>(),
                confirm->failure()->failure_code);
  }
}

void compare_hello(Disagreements& out, const json& hello, const record::TlsSummary& tls) {
  if (tls.client_hello == nullptr) return out.say("no ClientHello");
  const auto& ours = *tls.client_hello;
  out.compare("client random", hello["random"].get<std::string>(), base::to_hex(ours.random));
  out.compare("offered suites", hello["ciphers"].get<std::vector<std::uint16_t>>(),
              ours.cipher_suites);
  const auto list = [&](const char* key, const char* fact, const auto& list_of_ours) {
    if (!hello.contains(key)) return;
    out.compare(fact, hello[key].get<std::vector<std::uint16_t>>(),
                list_of_ours.value_or(std::vector<std::uint16_t>{}));
  };
  list("groups", "offered groups", ours.supported_groups);
  list("sigalgs", "offered signature algorithms", ours.signature_algorithms);
  list("supported_versions", "offered versions", ours.supported_versions);
  if (hello.contains("sni"))
    out.compare("server name", hello["sni"].get<std::string>(), ours.server_name.value_or(""));
  if (hello.contains("alpn")) {
    out.compare("ALPN", hello["alpn"].get<std::vector<std::string>>(),
                ours.alpn.value_or(std::vector<std::string>{}));
  }
  std::vector<std::uint16_t> types;
  for (const auto& extension : ours.extensions) types.push_back(extension.type);
  out.compare("extensions", hello["extensions"].get<std::vector<std::uint16_t>>(), types);
}

void compare_certificates(Disagreements& out, const json& truth, const record::TlsSummary& tls) {
  std::vector<std::string> expected, ours;
  for (const auto& c : truth["certificates"]) {
    if (c["from"] == "server") expected.push_back(c["sha256"]);
  }
  if (expected.empty()) return;
  if (tls.certificates != nullptr) {
    for (const auto& c : tls.certificates->chain) ours.push_back(c->sha256);
  }
  out.compare("certificates", expected, ours);
}

void compare_alerts(Disagreements& out, const json& truth, const record::TlsSummary& tls) {
  for (const auto& alert : truth["alerts"]) {
    const bool found = std::ranges::any_of(tls.alerts, [&](const Evidence* e) {
      const auto& ours = std::get<record::TlsAlert>(e->fact).alert;
      if (record::name_of(e->where.side) != alert["from"].get<std::string>()) return false;
      return alert["code"].is_null() || !ours ||
             (alert["encrypted"] == false && ours->description == alert["code"]);
    });
    out.compare("alert", true, found || alert.value("encrypted", false));
  }
}

void compare_tls(Disagreements& out, const json& truth, const HandshakeRecord& record) {
  const auto tls = record::tls_summary(record);
  if (!tls) return out.say("no TLS");
  if (truth.contains("version")) {
    out.compare("version", version_of_truth(truth["version"]),
                tls->version ? tls::version_name(*tls->version) : "");
    const auto expected =
        static_cast<std::uint16_t>(std::stoul(truth["cipher"].get<std::string>(), nullptr, 0));
    out.compare("cipher", json(expected), number_or_null(tls->cipher));
    if (truth["group"].is_number())
      out.compare("group", truth["group"], number_or_null(tls->group));
    if (truth.contains("ske_sigalg"))
      out.compare("signature", truth["ske_sigalg"], number_or_null(tls->signature_algorithm));
    if (truth.contains("dh_p_bits"))
      out.compare("DH bits", truth["dh_p_bits"], number_or_null(tls->dh_bits));
    if (truth["resumed"].is_boolean() && tls->resumed)
      out.compare("resumed", truth["resumed"].get<bool>(), *tls->resumed);
  }
  if (truth.contains("client_hello")) compare_hello(out, truth["client_hello"], *tls);
  compare_certificates(out, truth, *tls);
  compare_alerts(out, truth, *tls);
  if (truth["handshake_completed"] == true) {
    out.compare("TLS reached", true, record::progress(record).reached >= Phase::kTls);
  }
}

/// The rules of the contract for what ended a connection in these phases.
void compare_ending(Disagreements& out, const json& truth, const HandshakeRecord& record) {
  const auto ended = truth.value("ended_in_phase", "");
  const auto progress = record::progress(record);
  const auto reached = std::string(progress.reached ? record::name_of(*progress.reached) : "none");
  if (ended.starts_with("x224: neg")) {
    out.compare("reached", std::string("tcp"), reached);
    if (!progress.failure) return out.say("no failure");
    out.compare("failed phase", std::string("x224"),
                std::string(record::name_of(progress.failure->phase)));
    out.compare("failed how", std::string("failure_pdu"),
                std::string(record::name_of(progress.failure->how)));
  } else if (ended.starts_with("tls: handshake")) {
    out.compare("TLS reached", true, progress.reached >= Phase::kTls);
    out.compare("failed in TLS", false, progress.failure && progress.failure->phase <= Phase::kTls);
  }
}

TEST(Truth, EveryFactOfEveryRdpConnectionAgrees) {
  RDPWHY_SKIP_WITHOUT_SHARED_CAPTURES();
  Disagreements out;
  std::size_t connections = 0;
  const auto truth = shared::truth();
  for (const auto& capture : truth["captures"]) {
    const auto path = shared::folder() / "captures" / capture["file"].get<std::string>();
    if (!std::filesystem::exists(path)) continue;
    const auto octets = shared::file_octets(path);
    const auto keys = shared::key_log_beside(path);
    std::map<Key, std::vector<ReplayedConnection>> ours;
    Moment before{INT64_MIN};
    const auto summary = replay(octets, {.key_log = keys}, [&](ReplayedConnection connection) {
      EXPECT_LE(before, connection.started) << path;
      before = connection.started;
      ours[{connection.client.text(), connection.server.text()}].push_back(std::move(connection));
    });
    ASSERT_TRUE(summary) << path << ": " << summary.error().text;
    std::map<Key, std::size_t> seen;
    std::set<Key> wanted;
    for (const auto& connection : capture["connections"]) {
      if (connection["kind"] != "rdp" || connection.value("transport", "tcp") != "tcp") continue;
      const Key key{connection["client"], connection["server"]};
      wanted.insert(key);
      out.where(capture["file"].get<std::string>() + " " + key.first + " > " + key.second);
      auto& records = ours[key];
      ++connections;
      if (records.empty()) {
        out.say("not reported");
        continue;
      }
      const auto& record = records[std::min(seen[key]++, records.size() - 1)].record;
      compare_x224(out, connection, record);
      if (connection.contains("tls") && !connection["tls"].empty())
        compare_tls(out, connection["tls"], record);
      compare_ending(out, connection, record);
    }
    for (const auto& [key, records] : ours) {
      if (wanted.contains(key) || records.empty()) continue;
      out.where(capture["file"].get<std::string>() + " " + key.first + " > " + key.second);
      for (const auto& connection : records) {
        const auto reached = record::progress(connection.record).reached;
        if (!key.second.ends_with(":3389") || reached > Phase::kTcp)
          out.say("called RDP and is none");
      }
    }
  }
  EXPECT_THAT(out.found, IsEmpty());
  EXPECT_GT(connections, 20u);
  EXPECT_GT(out.compared, 300u);
}

/// Every flow of a capture through the dissector of plain TLS.
class TlsHost final : public capture::Flows::Host {
 public:
  explicit TlsHost(dissect::Dissector::Options options) : options_(std::move(options)) {}

  class Listener final : public capture::FlowListener {
   public:
    Listener(Key key, dissect::Dissector::Options options,
             std::map<Key, std::vector<HandshakeRecord>>& records)
        : key_(std::move(key)),
          dissector_(dissect::make_tls_dissector(std::move(options))),
          records_(records) {}
    void begins_late(Moment at) override { dissector_.begins_late(at); }
    void connected(Moment at) override { dissector_.connected(at); }
    void bytes(capture::End side, ByteSpan octets, Moment at) override {
      dissector_.bytes(of(side), octets, at);
    }
    void gap(capture::End side, std::uint64_t size, Moment at) override {
      dissector_.gap(of(side), size, at);
    }
    void closed(capture::End by, Moment at) override {
      dissector_.ended(of(by), record::Ending::How::kClose, at);
    }
    void reset(capture::End by, Moment at) override {
      dissector_.ended(of(by), record::Ending::How::kReset, at);
    }
    void finished(Moment) override { records_[key_].push_back(dissector_.take()); }

   private:
    static Side of(capture::End end) {
      return end == capture::End::kServer ? Side::kServer : Side::kClient;
    }
    Key key_;
    dissect::Dissector dissector_;
    std::map<Key, std::vector<HandshakeRecord>>& records_;
  };

  std::unique_ptr<capture::FlowListener> flow(const capture::Endpoint& client,
                                              const capture::Endpoint& server, Moment) override {
    return std::make_unique<Listener>(Key{client.text(), server.text()}, options_, records);
  }
  void done(std::unique_ptr<capture::FlowListener>) override {}

  std::map<Key, std::vector<HandshakeRecord>> records;

 private:
  dissect::Dissector::Options options_;
};

TEST(Truth, EveryFactOfEveryOtherTlsConnectionAgrees) {
  RDPWHY_SKIP_WITHOUT_SHARED_CAPTURES();
  Disagreements out;
  std::size_t connections = 0;
  const auto truth = shared::truth();
  for (const auto& capture : truth["captures"]) {
    const auto path = shared::folder() / "captures" / capture["file"].get<std::string>();
    if (!std::filesystem::exists(path)) continue;
    const auto octets = shared::file_octets(path);
    auto reader = capture::CaptureReader::open(octets);
    ASSERT_TRUE(reader) << path;
    crypto::KeyLog secrets;
    secrets.add(shared::key_log_beside(path));
    for (const auto& block : reader->tls_key_logs()) secrets.add(block);
    crypto::CertificateCache certificates;
    TlsHost host(
        {.read_certificate = [&](ByteSpan der) { return certificates.read(der); },
         .make_opener =
             [&](const tls::ClientHello& client_hello, const tls::ServerHello& server_hello) {
               return crypto::make_record_opener(secrets, client_hello, server_hello);
             },
         .secrets_may_come = false});
    capture::Flows flows(host, {});
    capture::FrameDecoder frames;
    Moment last;
    while (const auto packet = reader->next()) {
      last = packet->at;
      const auto decoded = frames.decode(*packet);
      if (decoded.segment) flows.segment(*decoded.segment);
    }
    flows.end(last);
    std::map<Key, std::size_t> seen;
    for (const auto& connection : capture["connections"]) {
      if (connection["kind"] != "tls" || !connection.contains("tls")) continue;
      const Key key{connection["client"], connection["server"]};
      out.where(capture["file"].get<std::string>() + " " + key.first + " > " + key.second);
      ++connections;
      auto& records = host.records[key];
      if (records.empty()) {
        out.say("no such flow");
        continue;
      }
      compare_tls(out, connection["tls"], records[std::min(seen[key]++, records.size() - 1)]);
    }
  }
  EXPECT_THAT(out.found, IsEmpty());
  EXPECT_GE(connections, 60u);
  EXPECT_GT(out.compared, 500u);
}

}  // namespace
}  // namespace rdpwhy::replay
