#pragma once

#include <memory>
#include <utility>

#include "dissect/streams.h"
#include "rdpwhy/auth/ntlm.h"
#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/auth/spnego.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/server_blocks.h"

// Hand-made streams with something said inside TLS. The records are "sealed" by their content type
// behind the plaintext, as TLS 1.3 has it inside (RFC 8446 5.2), and nothing else.
namespace rdpwhy::dissect::streams {

class IdentityOpener : public record::RecordOpener {
 public:
  std::expected<Opened, Refusal> open(Side, ByteSpan header_and_fragment) override {
    auto inner = header_and_fragment.subspan(tls::RecordHeader::kSize);
    while (!inner.empty() && inner.back() == 0) inner = inner.first(inner.size() - 1);
    if (inner.empty()) return std::unexpected(Refusal::kBadRecord);
    return Opened{.content_type = inner.back(),
                  .plaintext = base::to_bytes(inner.first(inner.size() - 1))};
  }
  void finished(Side) override {}
  void key_update(Side) override {}
};

inline Dissector::Options opening_options() {
  return {
      .read_certificate = {},
      .make_opener = [](const auto&, const auto&) { return std::make_unique<IdentityOpener>(); },
      .secrets_may_come = false};
}

inline Bytes sealed(tls::ContentType type, Bytes plaintext) {
  plaintext.push_back(static_cast<std::uint8_t>(type));
  return record(tls::ContentType::kApplicationData, plaintext);
}
/// A record of application data.
inline Bytes inside(Bytes plaintext) {
  return sealed(tls::ContentType::kApplicationData, std::move(plaintext));
}
inline Bytes sealed_handshake(Bytes message) {
  return sealed(tls::ContentType::kHandshake, std::move(message));
}
inline Bytes sealed_alert(std::uint8_t level, std::uint8_t description) {
  return sealed(tls::ContentType::kAlert, {level, description});
}

/// A handshake of TLS 1.3 behind X.224, then what is said inside.
inline Connection opened_connection(std::uint32_t selected, Connection rest = {}) {
  using tls::ContentType;
  using tls::HandshakeType;
  Connection out = {
      client(request()), server(confirm(selected)),
      client(record(ContentType::kHandshake, client_hello_message(true))),
      server(joined({record(ContentType::kHandshake, server_hello_message(true)),
                     sealed_handshake(handshake(HandshakeType::kFinished, Bytes(32, 1)))})),
      client(sealed_handshake(handshake(HandshakeType::kFinished, Bytes(32, 2))))};
  for (auto& event : rest) out.push_back(std::move(event));
  return out;
}

inline Bytes ts_request(auth::TsRequest request) { return auth::encode(request); }
inline Bytes with_token(Bytes token) {
  auth::TsRequest request;
  request.nego_tokens = std::vector<Bytes>{std::move(token)};
  return auth::encode(request);
}
inline Bytes ntlm_negotiate() {
  return with_token(auth::encode(auth::NtlmNegotiate{.flags = auth::ntlm_flag::kUnicode,
                                                     .domain_name = {},
                                                     .workstation_name = {},
                                                     .version = {}}));
}
/// Its timestamp is that of moment_of(0) plus ten seconds.
inline Bytes ntlm_challenge() {
  auth::NtlmChallenge challenge;
  challenge.flags = auth::ntlm_flag::kUnicode | auth::ntlm_flag::kTargetInfo;
  challenge.target_name = "LAB";
  const auto filetime = auth::filetime_of({moment_of(0).ns + 10'000'000'000});
  Bytes time;
  for (int i = 0; i < 8; ++i) time.push_back(static_cast<std::uint8_t>(filetime >> (8 * i)));
  challenge.target_info = auth::AvPairs{
      {{static_cast<std::uint16_t>(auth::AvId::kNbDomainName), {'L', 0, 'A', 0, 'B', 0}},
       {static_cast<std::uint16_t>(auth::AvId::kTimestamp), time}}};
  return with_token(auth::encode(challenge));
}
inline Bytes ntlm_authenticate() {
  auth::NtlmAuthenticate message;
  message.flags = auth::ntlm_flag::kUnicode;
  message.domain_name = "LAB";
  message.user_name = "user";
  message.workstation = "HERE";
  message.lm_response = Bytes(24, 0xAA);
  message.nt_response = Bytes(24, 0xBB);
  auth::TsRequest request;
  request.nego_tokens = std::vector<Bytes>{auth::encode(message)};
  request.pub_key_auth = Bytes(48, 0xCC);
  request.client_nonce = Bytes(32, 0xDD);
  return auth::encode(request);
}
inline Bytes pub_key_answer() {
  auth::TsRequest request;
  request.pub_key_auth = Bytes(48, 0xEE);
  return auth::encode(request);
}
inline Bytes auth_info() {
  auth::TsRequest request;
  request.auth_info = Bytes(60, 0x5A);
  return auth::encode(request);
}
inline Bytes ts_error(std::uint32_t code) {
  auth::TsRequest request;
  request.error_code = code;
  return auth::encode(request);
}
inline Bytes authorization(std::uint32_t result) {
  return auth::encode(auth::EarlyUserAuthorizationResult{result});
}
inline Bytes data_tpdu(Bytes user_data) {
  Bytes tpdu = {2, 0xF0, 0x80};
  tpdu.insert(tpdu.end(), user_data.begin(), user_data.end());
  return rdp::encode_tpkt(tpdu);
}
inline Bytes mcs_initial() {
  const auto blocks = rdp::encode(rdp::ClientBlocks{{rdp::ClientSecurityData{}}});
  const auto conference = rdp::encode(rdp::ConferenceCreateRequest{.user_data = blocks});
  return data_tpdu(rdp::encode(rdp::ConnectInitial{.user_data = conference}));
}
inline Bytes mcs_response() {
  const auto blocks = rdp::encode(rdp::ServerBlocks{{rdp::ServerCoreData{}}});
  const auto conference = rdp::encode(rdp::ConferenceCreateResponse{.user_data = blocks});
  return data_tpdu(rdp::encode(rdp::ConnectResponse{.user_data = conference}));
}

/// NTLM up to the client's credentials.
inline Connection credssp_exchange() {
  return {client(inside(ntlm_negotiate())), server(inside(ntlm_challenge())),
          client(inside(ntlm_authenticate())), server(inside(pub_key_answer())),
          client(inside(auth_info()))};
}
inline Connection operator+(Connection a, Connection b) {
  for (auto& event : b) a.push_back(std::move(event));
  return a;
}

}  // namespace rdpwhy::dissect::streams
