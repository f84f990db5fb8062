#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "auth/octets.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/auth/ts_request.h"

// Vectors and real captures that lie beside the project and are no part of it.
namespace rdpwhy::auth {
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

Bytes octets(const json& hex) { return from_hex(hex.get<std::string>()); }

std::uint32_t number(const json& hex) {
  return static_cast<std::uint32_t>(std::stoul(hex.get<std::string>(), nullptr, 0));
}

std::string hex_of(ByteSpan bytes) { return base::to_hex(bytes); }

std::string filetime_hex(std::uint64_t filetime) {
  Bytes bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(filetime >> (8 * i)));
  return hex_of(bytes);
}

void expect_av_pairs(const AvPairs& pairs, const json& expected) {
  const std::pair<const char*, AvId> kNames[] = {
      {"nb_domain", AvId::kNbDomainName},   {"nb_computer", AvId::kNbComputerName},
      {"dns_domain", AvId::kDnsDomainName}, {"dns_computer", AvId::kDnsComputerName},
      {"dns_tree", AvId::kDnsTreeName},     {"target_name", AvId::kTargetName}};
  for (const auto& [key, id] : kNames) {
    EXPECT_EQ(pairs.text(id).has_value(), expected.contains(key)) << key;
    if (expected.contains(key)) {
      EXPECT_EQ(pairs.text(id), expected[key].get<std::string>());
    }
  }
  EXPECT_EQ(pairs.flags().has_value(), expected.contains("flags"));
  if (expected.contains("flags")) {
    EXPECT_EQ(pairs.flags(), expected["flags"]);
  }
  EXPECT_EQ(pairs.timestamp().has_value(), expected.contains("timestamp"));
  if (expected.contains("timestamp")) {
    EXPECT_EQ(filetime_hex(pairs.timestamp().value_or(0)), expected["timestamp"]);
  }
  const std::pair<const char*, AvId> kOctets[] = {{"single_host", AvId::kSingleHost},
                                                  {"channel_bindings", AvId::kChannelBindings}};
  for (const auto& [key, id] : kOctets) {
    ASSERT_EQ(pairs.find(id) != nullptr, expected.contains(key)) << key;
    if (expected.contains(key)) {
      EXPECT_EQ(hex_of(pairs.find(id)->value), expected[key]);
    }
  }
}

void expect_version(const std::optional<NtlmVersion>& version, const json& expected) {
  ASSERT_EQ(version.has_value(), expected.contains("version"));
  if (version) {
    EXPECT_EQ(version->text(), expected["version"]);
  }
}

void expect_message(const NtlmNegotiate& message, const json& expected) {
  EXPECT_EQ(expected["ntlm"], "NEGOTIATE");
  EXPECT_EQ(message.flags, number(expected["flags"]));
  expect_version(message.version, expected);
}

void expect_message(const NtlmChallenge& message, const json& expected) {
  EXPECT_EQ(expected["ntlm"], "CHALLENGE");
  EXPECT_EQ(message.flags, number(expected["flags"]));
  EXPECT_EQ(message.target_name, expected["target"]);
  EXPECT_EQ(hex_of(message.server_challenge), expected["server_challenge"]);
  ASSERT_EQ(message.target_info.has_value(), expected.contains("target_info"));
  if (message.target_info) expect_av_pairs(*message.target_info, expected["target_info"]);
  expect_version(message.version, expected);
}

void expect_message(const NtlmAuthenticate& message, const json& expected) {
  EXPECT_EQ(expected["ntlm"], "AUTHENTICATE");
  EXPECT_EQ(message.flags, number(expected["flags"]));
  EXPECT_EQ(message.domain_name, expected["domain"]);
  EXPECT_EQ(message.user_name, expected["user"]);
  EXPECT_EQ(message.workstation, expected["workstation"]);
  EXPECT_EQ(message.nt_response_size, expected["nt_response_len"]);
  EXPECT_EQ(message.lm_response_size, expected["lm_response_len"]);
  EXPECT_EQ(message.encrypted_random_session_key_size, expected["session_key_len"]);
  EXPECT_EQ(message.ntlmv2.has_value(), expected.value("ntlmv2", false));
  if (message.ntlmv2) expect_av_pairs(message.ntlmv2->av_pairs, expected["av"]);
  expect_version(message.version, expected);
}

template <typename Decode>
void expect_ntlm(ByteSpan bytes, const json& expected, Decode decode) {
  Notes notes;
  const auto message = decode(bytes, &notes);
  ASSERT_TRUE(message.has_value()) << message.error().message();
  expect_message(*message, expected);
  EXPECT_TRUE(notes.anomalies.empty()) << said(notes);
  EXPECT_EQ(hex_of(encode(*message)), hex_of(bytes));
}

void expect_ntlm(ByteSpan bytes, const json& expected) {
  switch (ntlm_message_type(bytes).value_or(0)) {
    case 1:
      return expect_ntlm(bytes, expected, decode_ntlm_negotiate);
    case 2:
      return expect_ntlm(bytes, expected, decode_ntlm_challenge);
    default:
      expect_ntlm(bytes, expected, decode_ntlm_authenticate);
      if (const auto message = decode_ntlm_authenticate(bytes)) {
        EXPECT_EQ(hex_of(ByteSpan(message->nt_response).first(16)), expected["ntproofstr"]);
        if (expected.contains("mic")) {
          EXPECT_EQ(hex_of(message->mic.value_or(std::array<std::uint8_t, 16>{})), expected["mic"]);
        }
      }
  }
}

void expect_kerberos(const Token& token, const json& expected) {
  const auto* kerberos = std::get_if<KerberosToken>(&token.message);
  ASSERT_EQ(kerberos != nullptr && (kerberos->kind == KerberosToken::Kind::kApRequest ||
                                    kerberos->kind == KerberosToken::Kind::kApReply),
            expected.contains("krb5"));
  if (!expected.contains("krb5")) return;
  EXPECT_EQ(kerberos->kind == KerberosToken::Kind::kApRequest, expected["krb5"] == "AP-REQ");
}

void expect_token(ByteSpan bytes, const json& expected) {
  const auto token = decode_token(bytes);
  EXPECT_FALSE(token.error) << token.error->message();
  EXPECT_TRUE(token.notes.empty()) << said(token.notes);
  EXPECT_EQ(token.size, expected["len"]);
  EXPECT_EQ(token.spnego.has_value(), expected.contains("spnego"));
  expect_kerberos(token, expected);
  if (!token.spnego) {
    ASSERT_TRUE(expected.contains("ntlm"));
    expect_ntlm(bytes, expected);
    return;
  }
  Notes notes;
  const auto spnego = decode_spnego(bytes, &notes);
  ASSERT_TRUE(spnego.has_value());
  std::vector<std::string> oids;
  if (const auto* init = std::get_if<NegTokenInit>(&*spnego)) {
    EXPECT_EQ(expected["spnego"], "NegTokenInit");
    oids = init->mech_types;
    oids.insert(oids.begin(), std::string(oid::kSpnego));
    EXPECT_EQ(hex_of(encode(*init)), hex_of(bytes));
  } else {
    const auto& resp = std::get<NegTokenResp>(*spnego);
    EXPECT_EQ(expected["spnego"], "NegTokenResp");
    if (resp.supported_mech) oids.push_back(*resp.supported_mech);
    EXPECT_EQ(hex_of(encode(resp)), hex_of(bytes));
  }
  EXPECT_EQ(json(oids), expected["oids"]);
}

void expect_ts_request(ByteSpan bytes, const json& expected) {
  EXPECT_EQ(bytes.size(), expected["len"]);
  EXPECT_EQ(ts_request_size(bytes), bytes.size());
  Notes notes;
  const auto request = decode_ts_request(bytes, &notes);
  ASSERT_TRUE(request.has_value()) << request.error().message();
  EXPECT_TRUE(notes.anomalies.empty()) << said(notes);
  EXPECT_EQ(request->version, expected["version"]);
  const auto expect_size = [&](const std::optional<Bytes>& field, const char* key) {
    ASSERT_EQ(field.has_value(), expected.contains(key)) << key;
    if (field) {
      EXPECT_EQ(field->size(), expected[key]) << key;
    }
  };
  expect_size(request->auth_info, "authInfo_len");
  expect_size(request->pub_key_auth, "pubKeyAuth_len");
  expect_size(request->client_nonce, "clientNonce_len");
  EXPECT_EQ(request->error_code.has_value(), expected.contains("errorCode"));
  if (request->error_code) {
    EXPECT_EQ(*request->error_code, number(expected["errorCode"]));
  }
  ASSERT_EQ(request->nego_tokens.has_value(), expected.contains("tokens"));
  if (request->nego_tokens) {
    ASSERT_EQ(request->nego_tokens->size(), expected["tokens"].size());
    for (std::size_t i = 0; i < request->nego_tokens->size(); ++i) {
      expect_token((*request->nego_tokens)[i], expected["tokens"][i]);
    }
  }
  EXPECT_EQ(hex_of(encode(*request)), hex_of(bytes));
}

class SharedVectors : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared_folder() / "vectors" / "credssp.json")) {
      GTEST_SKIP() << "skipped: no shared folder at " << shared_folder();
    }
  }
};

TEST_F(SharedVectors, OfCredSspDecodeToTheirValuesAndComeBack) {
  std::size_t seen = 0;
  const auto file = read_json(shared_folder() / "vectors" / "credssp.json");
  for (const auto& vector : file["vectors"]) {
    SCOPED_TRACE(vector["id"].get<std::string>());
    const auto bytes = octets(vector["hex"]);
    const auto& expected = vector["expect"];
    const auto structure = expected.value("structure", "TSRequest");
    if (structure == "TSRequest") {
      expect_ts_request(bytes, expected);
    } else if (structure == "EARLY_USER_AUTH_RESULT_PDU") {
      const auto result = decode_early_user_authorization_result(bytes);
      ASSERT_TRUE(result.has_value());
      EXPECT_EQ(result->authorization_result, expected["authorizationResult"]);
      EXPECT_EQ(encode(*result), bytes);
    } else {
      ASSERT_EQ(structure, "TSCredentials");
      Notes notes;
      const auto credentials = decode_ts_credentials(bytes, &notes);
      ASSERT_TRUE(credentials.has_value()) << credentials.error().message();
      EXPECT_TRUE(notes.anomalies.empty()) << said(notes);
      EXPECT_EQ(credentials->cred_type, expected["credType"]);
      EXPECT_EQ(hex_of(encode(std::get<TsPasswordCreds>(credentials->credentials)).reveal()),
                hex_of(bytes));
    }
    ++seen;
  }
  EXPECT_GE(seen, 17u);
}

TEST_F(SharedVectors, OfNtlmDecodeToTheirValuesAndComeBack) {
  std::size_t seen = 0;
  const auto file = read_json(shared_folder() / "vectors" / "ntlm.json");
  for (const auto& vector : file["vectors"]) {
    if (!vector.contains("hex")) continue;
    SCOPED_TRACE(vector["id"].get<std::string>());
    expect_ntlm(octets(vector["hex"]), vector["expect"]);
    ++seen;
  }
  EXPECT_GE(seen, 2u);
}

TEST_F(SharedVectors, OfBadTSRequestsAndNtlmMessagesAreReported) {
  std::size_t seen = 0;
  const auto file = read_json(shared_folder() / "vectors" / "bad_inputs.json");
  for (const auto& vector : file["vectors"]) {
    const auto bytes = octets(vector["hex"]);
    if (vector["kind"] == "credssp") {
      EXPECT_FALSE(decode_ts_request(bytes)) << vector["id"];
      ++seen;
    } else if (vector["kind"] == "ntlm") {
      const auto token = decode_token(bytes);
      EXPECT_TRUE(token.error || !token.notes.empty()) << vector["id"];
      ++seen;
    }
  }
  EXPECT_GE(seen, 15u);
}

}  // namespace
}  // namespace rdpwhy::auth
