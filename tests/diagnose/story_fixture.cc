#include <memory>

#include "diagnose/story.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::diagnose {

using record::Ending;

Story::Story(bool live) {
  circumstances.live = live;
  circumstances.now = now_;
  if (live) {
    circumstances.target_host = "host";
    circumstances.target_port = 3389;
    circumstances.server_address = "192.0.2.7";
    record.run.emplace();
    record.run->until = Phase::kTls;
    record.run->phase_timeout = 5'000'000'000;
    record.run->local_address = "192.0.2.1:50000";
  }
}

Story& Story::add(Phase phase, Side side, record::Fact fact, double after_ms) {
  now_.ns += static_cast<Nanoseconds>(after_ms * 1e6);
  Evidence e;
  e.id = static_cast<record::EvidenceId>(record.evidence.size() + 1);
  e.phase = phase;
  e.where.side = side;
  e.at = now_;
  e.fact = std::move(fact);
  record.evidence.push_back(std::move(e));
  return *this;
}

namespace {
void on_wire(Evidence& e, std::uint64_t& octets, std::uint32_t size) {
  e.where.layer = record::Layer::kWire;
  e.where.offset = octets;
  e.where.size = size;
  octets += size;
}
}  // namespace

Story& Story::live_only() { return record.evidence.back().live_only = true, *this; }

Story& Story::on_wire_of(std::uint32_t size) {
  auto& last = record.evidence.back();
  on_wire(last, octets_[last.where.side == Side::kServer ? 1 : 0], size);
  return *this;
}

Story& Story::note(std::string text) {
  record.evidence.back().notes.push_back({0, "field", std::move(text)});
  return *this;
}

Story& Story::tcp(double round_trip_ms) {
  if (record.run) record.run->rtt_us = static_cast<std::uint32_t>(round_trip_ms * 1000);
  add(Phase::kTcp, Side::kClient, record::Connecting{}, 0);
  return add(Phase::kTcp, Side::kServer, record::Connected{}, round_trip_ms);
}

Story& Story::request(std::uint32_t protocols, bool cookie) {
  rdp::ConnectionRequest cr;
  if (cookie) cr.cookie = "rdpwhy";
  cr.negotiation = rdp::NegotiationRequest{0, {protocols}};
  add(Phase::kX224, Side::kClient, cr);
  on_wire(record.evidence.back(), octets_[0], 42);
  return *this;
}

Story& Story::request_without_negotiation() {
  add(Phase::kX224, Side::kClient, rdp::ConnectionRequest{});
  on_wire(record.evidence.back(), octets_[0], 11);
  return *this;
}

Story& Story::confirm(std::uint32_t selected, double after_ms) {
  rdp::ConnectionConfirm cc;
  cc.negotiation = rdp::NegotiationResponse{0, selected};
  add(Phase::kX224, Side::kServer, cc, after_ms);
  on_wire(record.evidence.back(), octets_[1], 19);
  return *this;
}

Story& Story::refuse(std::uint32_t failure_code) {
  rdp::ConnectionConfirm cc;
  cc.negotiation = rdp::NegotiationFailure{0, failure_code};
  add(Phase::kX224, Side::kServer, cc);
  on_wire(record.evidence.back(), octets_[1], 19);
  return *this;
}

Story& Story::client_hello(std::uint16_t newest, std::uint32_t size) {
  tls::ClientHello hello;
  hello.legacy_version = std::min<std::uint16_t>(newest, 0x0303);
  hello.cipher_suites = {0xC030, 0xC02F};
  hello.server_name = "host";
  if (newest == 0x0304) hello.supported_versions = {0x0304, 0x0303};
  add(Phase::kTls, Side::kClient, hello);
  on_wire(record.evidence.back(), octets_[0], size);
  return *this;
}

Story& Story::server_hello(std::uint16_t version) {
  tls::ServerHello hello;
  hello.legacy_version = std::min<std::uint16_t>(version, 0x0303);
  if (version == 0x0304) hello.selected_version = version;
  hello.cipher_suite = version == 0x0304 ? 0x1302 : 0xC030;
  add(Phase::kTls, Side::kServer, hello);
  on_wire(record.evidence.back(), octets_[1], 80);
  return *this;
}

Story& Story::certificate() {
  auto facts = std::make_shared<record::CertificateFacts>();
  facts->der = {0x30};
  facts->subject = facts->issuer = "CN = host";
  facts->self_signed = true;
  facts->key = {"RSA", 2048, ""};
  add(Phase::kTls, Side::kServer, record::Certificates{{std::move(facts)}}, 0);
  on_wire(record.evidence.back(), octets_[1], 900);
  return *this;
}

Story& Story::tls12_to_the_end() {
  const auto message = [](tls::HandshakeType type) {
    return record::HandshakeMessage{static_cast<std::uint8_t>(type), 4, {}};
  };
  const record::ProtectedRecord finished{static_cast<std::uint8_t>(tls::ContentType::kHandshake),
                                         40};
  server_hello();
  certificate();
  const auto step = [&](Side side, record::Fact fact) {
    add(Phase::kTls, side, std::move(fact), 0.1);
    on_wire(record.evidence.back(), octets_[side == Side::kServer ? 1 : 0], 45);
  };
  step(Side::kServer, message(tls::HandshakeType::kServerHelloDone));
  step(Side::kClient, message(tls::HandshakeType::kClientKeyExchange));
  step(Side::kClient, record::ChangeCipherSpec{});
  step(Side::kClient, finished);
  step(Side::kServer, record::ChangeCipherSpec{});
  step(Side::kServer, finished);
  return *this;
}

Story& Story::alert(Side by, std::uint8_t description) {
  add(Phase::kTls, by, record::TlsAlert{tls::Alert{tls::Alert::kFatal, description}});
  on_wire(record.evidence.back(), octets_[by == Side::kServer ? 1 : 0], 7);
  return *this;
}

Story& Story::until(Phase phase) {
  if (record.run) record.run->until = phase;
  return *this;
}

Story& Story::inside_tls(Phase phase, Side by, record::Fact fact, double after_ms) {
  add(phase, by, std::move(fact), after_ms);
  on_wire_of(100);
  record.evidence.back().where.layer = record::Layer::kDecrypted;
  return *this;
}

Story& Story::ts_request(Side by, record::CredsspMessage message, double after_ms) {
  message.has_nego_tokens = !message.tokens.empty();
  return inside_tls(Phase::kCredssp, by, std::move(message), after_ms);
}

namespace {
auth::Token bare(auth::MechanismMessage message) {
  auth::Token token;
  token.message = std::move(message);
  return token;
}

constexpr std::uint32_t kFlags = 0xE28A8235 | auth::ntlm_flag::kSeal;

auth::AvPair clock(Moment moment) {
  const auto filetime =
      static_cast<std::uint64_t>(moment.ns / 100 + 11'644'473'600 * std::int64_t{10'000'000});
  Bytes octets;
  for (int i = 0; i < 8; ++i) octets.push_back(static_cast<std::uint8_t>(filetime >> (8 * i)));
  return {static_cast<std::uint16_t>(auth::AvId::kTimestamp), std::move(octets)};
}
}  // namespace

Story& Story::negotiate(std::uint32_t version, bool spnego, bool kerberos_offered) {
  auth::NtlmNegotiate negotiate;
  negotiate.flags = kFlags;
  auto token = bare(std::move(negotiate));
  if (spnego || kerberos_offered) {
    auth::NegTokenInit init;
    if (kerberos_offered) init.mech_types.emplace_back(auth::oid::kMsKerberos);
    init.mech_types.emplace_back(auth::oid::kNtlm);
    token.spnego = init;
  }
  record::CredsspMessage message;
  message.version = version;
  message.tokens.push_back(std::move(token));
  return ts_request(Side::kClient, std::move(message));
}

Story& Story::challenge(std::uint32_t version, double clock_ahead_s) {
  auth::NtlmChallenge challenge;
  challenge.target_info.emplace();
  challenge.flags = kFlags;
  for (const auto id : {auth::AvId::kNbDomainName, auth::AvId::kNbComputerName})
    challenge.target_info->pairs.push_back({static_cast<std::uint16_t>(id), {'L', 0}});
  challenge.target_info->pairs.push_back(
      clock({now_.ns + static_cast<Nanoseconds>(clock_ahead_s * 1e9)}));
  record::CredsspMessage message;
  message.version = version;
  message.tokens.push_back(bare(std::move(challenge)));
  return ts_request(Side::kServer, std::move(message));
}

Story& Story::authenticate(std::uint32_t version) {
  auth::NtlmAuthenticate authenticate;
  authenticate.user_name = "alice";
  authenticate.mic.emplace();
  authenticate.mic->fill(0);  // as in every record
  authenticate.nt_response_size = 300;
  authenticate.ntlmv2.emplace();
  authenticate.ntlmv2->av_pairs.pairs = {
      {static_cast<std::uint16_t>(auth::AvId::kFlags), {2, 0, 0, 0}},
      {static_cast<std::uint16_t>(auth::AvId::kChannelBindings), Bytes(16, 0)}};
  record::CredsspMessage message;
  message.version = version;
  message.tokens.push_back(bare(std::move(authenticate)));
  message.pub_key_auth = Bytes(48, 1);
  return ts_request(Side::kClient, std::move(message));
}

Story& Story::ticket(std::uint32_t version) {
  auth::KerberosToken request;
  request.kind = auth::KerberosToken::Kind::kApRequest;
  auto token = bare(std::move(request));
  auth::NegTokenInit init;
  init.mech_types = {std::string(auth::oid::kMsKerberos), std::string(auth::oid::kNtlm)};
  token.spnego = init;
  record::CredsspMessage message;
  message.version = version;
  message.tokens.push_back(std::move(token));
  return ts_request(Side::kClient, std::move(message));
}

Story& Story::server_key(std::uint32_t version) {
  record::CredsspMessage message;
  message.version = version;
  message.pub_key_auth = Bytes(48, 2);
  return ts_request(Side::kServer, std::move(message));
}

Story& Story::delegate(std::uint32_t version) {
  record::CredsspMessage message;
  message.version = version;
  message.auth_info_size = 80;
  return ts_request(Side::kClient, std::move(message));
}

Story& Story::error_code(std::uint32_t code, std::uint32_t version, bool echoes_key) {
  record::CredsspMessage message;
  message.version = version;
  message.error_code = code;
  if (echoes_key) message.pub_key_auth = Bytes(48, 1);
  return ts_request(Side::kServer, std::move(message));
}

Story& Story::kerberos_error(std::int32_t code, double server_ahead_s) {
  auth::KerberosToken token;
  token.kind = auth::KerberosToken::Kind::kError;
  token.error.emplace();
  token.error->error_code = code;
  token.error->server_time = {now_.ns + static_cast<Nanoseconds>(server_ahead_s * 1e9)};
  record::CredsspMessage message;
  message.version = 6;
  message.tokens.push_back(bare(std::move(token)));
  return ts_request(Side::kServer, std::move(message));
}

Story& Story::authorization(std::uint32_t result) {
  return inside_tls(Phase::kAuthorization, Side::kServer,
                    auth::EarlyUserAuthorizationResult{result});
}

Story& Story::kdc(record::KdcTalk talk) {
  return add(Phase::kKerberos, Side::kNetwork, std::move(talk)).live_only();
}

Story& Story::end(Side by, Ending::How how, double after_ms, bool mid_message) {
  const auto phase = record.evidence.empty() ? Phase::kTcp : record.evidence.back().phase;
  add(phase, by,
      Ending{by, how, static_cast<Nanoseconds>(after_ms * 1e6), octets_[0], octets_[1], mid_message,
             unfinished_},
      after_ms);
  return *this;
}

Story& Story::partial(std::uint32_t size) {
  octets_[1] += size;
  unfinished_ = size;
  return *this;
}

Story& Story::wait_and_hang_up(double silence_ms) {
  if (record.run) record.run->missed_deadline = record.evidence.back().phase;
  return end(Side::kClient, Ending::How::kClose, silence_ms);
}

std::string found(const Diagnosis& diagnosis) {
  std::string out;
  for (const auto& cause : diagnosis.causes) {
    if (!out.empty()) out += ", ";
    out += cause.id + " " + std::string(name_of(cause.confidence));
  }
  return out;
}

}  // namespace rdpwhy::diagnose
