#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "crypto/ntlm_keys.h"
#include "crypto/ntlm_pair.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/channel_bindings.h"

// Vectors that lie beside the project and are no part of it.
namespace rdpwhy::crypto {
namespace {

using nlohmann::json;

json shared_vectors(const char* file) {
  const char* folder = std::getenv("RDPWHY_SHARED");
  const auto shared = folder != nullptr
                          ? std::filesystem::path(folder)
                          : std::filesystem::path(RDPWHY_SOURCE_DIR) / ".." / "shared";
  std::ifstream in(shared / "vectors" / file);
  return in ? json::parse(in)["vectors"] : json();
}

Bytes octets(const json& text) { return base::parse_hex(text.get<std::string>()).value(); }

TEST(SharedNtlmVectors, ComputedValuesAgree) {
  const auto vectors = shared_vectors("ntlm.json");
  if (vectors.is_null()) GTEST_SKIP() << "skipped: no shared vectors";
  int computed = 0;
  for (const auto& vector : vectors) {
    SCOPED_TRACE(vector["id"]);
    if (!vector.contains("inputs")) continue;
    const auto& in = vector["inputs"];
    const auto& expected = vector["expect"];
    ++computed;
    if (in.contains("certificate_hash")) {
      EXPECT_EQ(base::to_hex(bindings_of_hash(octets(in["certificate_hash"])).value()),
                expected["msv_channel_bindings"]);
      continue;
    }
    const auto key = ntowf_v2(Secret(in["password"].get<std::string>()),
                              in["user"].get<std::string>(), in["domain"].get<std::string>());
    const auto response = ntlmv2_response(key, octets(in["server_challenge"]), octets(in["temp"]));
    EXPECT_EQ(base::to_hex(response.proof.reveal()), expected["ntproofstr"]);
    if (expected.contains("session_base_key")) {
      EXPECT_EQ(base::to_hex(response.session_base_key.reveal()), expected["session_base_key"]);
      const auto sent = rc4_once(response.session_base_key, Bytes(16, 0x55));
      EXPECT_EQ(base::to_hex(sent.reveal()), expected["encrypted_random_session_key"]);
    }
  }
  EXPECT_GE(computed, 3);
}

/// A real mstsc and a real server: our answer to the same challenge has the same shape.
TEST(SharedNtlmVectors, OurAnswerLooksLikeThatOfARealClient) {
  const auto vectors = shared_vectors("credssp.json");
  if (vectors.is_null()) GTEST_SKIP() << "skipped: no shared vectors";
  const auto token = [&vectors](std::string_view id) {
    const auto it =
        std::ranges::find(vectors, id, [](const json& v) { return v["id"].get<std::string>(); });
    EXPECT_NE(it, vectors.end()) << id;
    return auth::decode_ts_request(octets((*it)["hex"]))->nego_tokens->front();
  };
  const auto negotiate = token("wire-ntlm-rejected1-client-1");
  EXPECT_EQ(negotiate, encode(mstsc_ntlm_negotiate()));
  const auto challenge = token("wire-ntlm-rejected1-server-1");
  const auto real = auth::decode_ntlm_authenticate(token("wire-ntlm-rejected1-client-2")).value();

  NtlmClientPlan plan;
  plan.user = real.user_name;
  plan.domain = real.domain_name;
  plan.workstation = real.workstation;
  plan.service = real.ntlmv2->av_pairs.text(auth::AvId::kTargetName).value();
  plan.client_challenge = real.ntlmv2->challenge;
  plan.session_key = std::make_shared<Secret>(Bytes(16, 0x5E));
  const auto answer =
      answer_ntlm_challenge(negotiate, challenge, auth::decode_ntlm_challenge(challenge).value(),
                            plan, Secret(std::string_view("of nobody")));
  ASSERT_TRUE(answer);
  const auto ours = auth::decode_ntlm_authenticate(answer->authenticate).value();
  EXPECT_EQ(ours.flags, real.flags);
  EXPECT_EQ(ours.version, real.version);
  EXPECT_EQ(ours.lm_response, real.lm_response);
  EXPECT_EQ(ours.mic.has_value(), real.mic.has_value());
  EXPECT_EQ(ours.encrypted_random_session_key.size(), real.encrypted_random_session_key.size());
  // MsvAvSingleHost identifies the machine and its boot; we have no business to invent one.
  auto expected = *real.ntlmv2;
  std::erase_if(expected.av_pairs.pairs, [](const auth::AvPair& pair) {
    return pair.id == static_cast<std::uint16_t>(auth::AvId::kSingleHost);
  });
  EXPECT_EQ(*ours.ntlmv2, expected);
}

}  // namespace
}  // namespace rdpwhy::crypto
