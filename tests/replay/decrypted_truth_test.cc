// The plaintext of the shared captures that have secrets, octet by octet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "crypto/tls_witness.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/capture/capture_reader.h"
#include "rdpwhy/capture/flows.h"
#include "rdpwhy/crypto/digest.h"
#include "replay/shared_captures.h"

namespace rdpwhy::replay {
namespace {

using nlohmann::json;
using Key = std::pair<std::string, std::string>;

/// One flow: the TPKTs in front of TLS are passed over, TLS is opened.
class Decrypting final : public capture::FlowListener {
 public:
  explicit Decrypting(const crypto::OpeningSecrets& secrets) : witness(secrets) {}

  void bytes(capture::End end, ByteSpan octets, Moment) override {
    auto& half = halves_[end == capture::End::kServer ? 1 : 0];
    half.front.insert(half.front.end(), octets.begin(), octets.end());
    ByteSpan rest = half.front;
    while (!half.is_tls && rest.size() >= 4) {
      const std::size_t size = rest[0] == 3 ? static_cast<std::size_t>(rest[2] << 8 | rest[3]) : 0;
      half.is_tls = size == 0;
      if (half.is_tls || rest.size() < size) break;
      rest = rest.subspan(size);
    }
    if (half.is_tls) {
      witness.read(end == capture::End::kServer ? Side::kServer : Side::kClient, rest);
      rest = {};
    }
    half.front = base::to_bytes(rest);
  }

  void connecting(Moment) override {}
  void connected(Moment) override {}
  void begins_late(Moment) override {}
  void gap(capture::End, std::uint64_t, Moment) override {}
  void closed(capture::End, Moment) override {}
  void reset(capture::End, Moment) override {}
  void finished(Moment) override {}

  crypto::TlsWitness witness;

 private:
  struct Half {
    Bytes front;
    bool is_tls = false;
  };
  Half halves_[2];
};

class DecryptingHost final : public capture::Flows::Host {
 public:
  explicit DecryptingHost(const crypto::OpeningSecrets& secrets) : secrets_(secrets) {}
  std::unique_ptr<capture::FlowListener> flow(const capture::Endpoint& client,
                                              const capture::Endpoint& server, Moment) override {
    keys_.emplace_back(client.text(), server.text());
    auto made = std::make_unique<Decrypting>(secrets_);
    names_[made.get()] = keys_.back();
    return made;
  }
  void done(std::unique_ptr<capture::FlowListener> listener) override {
    auto& flow = static_cast<Decrypting&>(*listener);
    witnesses.emplace(names_[&flow], std::move(flow.witness));
  }

  std::map<Key, crypto::TlsWitness> witnesses;

 private:
  crypto::OpeningSecrets secrets_;
  std::vector<Key> keys_;
  std::map<const capture::FlowListener*, Key> names_;
};

json facts_of(const crypto::TlsWitness& witness) {
  const auto hash = [](const std::string& text) {
    return base::to_hex(crypto::sha256(base::as_bytes(text)));
  };
  return {{"client_records", witness.client.data_records},
          {"server_records", witness.server.data_records},
          {"client_bytes", witness.client.text.size()},
          {"server_bytes", witness.server.text.size()},
          {"client_sha256", hash(witness.client.text)},
          {"server_sha256", hash(witness.server.text)}};
}

bool has_secrets(const json& capture) {
  return std::ranges::any_of(capture["connections"], [](const json& connection) {
    return connection.contains("tls") && connection["tls"].contains("decrypted") &&
           connection["tls"]["decrypted"].is_object();
  });
}

TEST(Truth, EveryPlaintextOfEveryConnectionWithSecretsAgrees) {
  RDPWHY_SKIP_WITHOUT_SHARED_CAPTURES();
  std::size_t compared = 0;
  const auto truth = shared::truth();
  for (const auto& capture : truth["captures"]) {
    const auto path = shared::folder() / "captures" / capture["file"].get<std::string>();
    if (!std::filesystem::exists(path) || !has_secrets(capture)) continue;
    const auto octets = shared::file_octets(path);
    auto reader = capture::CaptureReader::open(octets);
    ASSERT_TRUE(reader) << path;
    crypto::KeyLog secrets;
    secrets.add(shared::key_log_beside(path));
    for (const auto& block : reader->tls_key_logs()) secrets.add(block);
    crypto::SessionMemory sessions;
    DecryptingHost host(crypto::OpeningSecrets(secrets, nullptr, &sessions));
    capture::Flows flows(host, {});
    capture::FrameDecoder frames;
    Moment last;
    while (const auto packet = reader->next()) {
      last = packet->at;
      const auto decoded = frames.decode(*packet);
      if (decoded.segment) flows.segment(*decoded.segment);
    }
    flows.end(last);
    for (const auto& connection : capture["connections"]) {
      if (!connection.contains("tls") || !connection["tls"].contains("decrypted") ||
          !connection["tls"]["decrypted"].is_object()) {
        continue;
      }
      const auto found = host.witnesses.find({connection["client"], connection["server"]});
      ASSERT_NE(found, host.witnesses.end()) << path;
      EXPECT_EQ(facts_of(found->second), connection["tls"]["decrypted"])
          << path << " " << connection["client"];
      ++compared;
    }
  }
  EXPECT_GE(compared, 13u);
}

}  // namespace
}  // namespace rdpwhy::replay
