#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "crypto/record_sealer.h"
#include "oracles/oracle.h"
#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/crypto/channel_bindings.h"
#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/crypto/ntlm.h"
#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/crypto/tls_session.h"
#include "rdpwhy/tls/registry.h"

/// What holds of this room for any octets at all: for libFuzzer, and for the tests' damaged input.
/// A breach ends the program, as a fuzzer wants it and a test notices it.
namespace rdpwhy::crypto::oracle {

using rdpwhy::oracle::hold;

inline bool is_one_line(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// Cuts octets into pieces: each is led by its length in two octets.
inline std::vector<ByteSpan> pieces_of(ByteSpan octets) {
  std::vector<ByteSpan> pieces;
  while (octets.size() >= 2) {
    const std::size_t wanted = octets[0] * std::size_t{256} + octets[1];
    octets = octets.subspan(2);
    const auto piece = octets.first(std::min(wanted, octets.size()));
    octets = octets.subspan(piece.size());
    pieces.push_back(piece);
  }
  return pieces;
}

/// `der` is a certificate or anything else.
inline void check_certificate(ByteSpan der) {
  const auto facts = read_certificate(der);
  const auto again = read_certificate(der);
  hold(facts == again && facts.subject == again.subject && facts.notes == again.notes &&
           facts.self_signed == again.self_signed && facts.dns_names == again.dns_names,
       "a certificate is read the same twice");
  hold(base::equal(facts.der, der), "a certificate's octets are kept");
  hold(facts.sha1.size() == 40 && facts.sha256.size() == 64, "a certificate has its thumbprints");
  std::vector<std::string> texts = {facts.error,      facts.subject,  facts.issuer,
                                    facts.serial,     facts.key.type, facts.signature_algorithm,
                                    facts.common_name};
  texts.insert(texts.end(), facts.dns_names.begin(), facts.dns_names.end());
  texts.insert(texts.end(), facts.notes.begin(), facts.notes.end());
  if (facts.extended_key_usage) {
    texts.insert(texts.end(), facts.extended_key_usage->begin(), facts.extended_key_usage->end());
  }
  for (const auto& text : texts)
    hold(is_one_line(text), "a certificate's text cannot break a line");
}

/// `octets` are certificates, each led by its length in two octets.
inline void check_judge(ByteSpan octets) {
  std::vector<record::CertificateHandle> chain;
  CertificateCache cache(8);
  for (const auto piece : pieces_of(octets)) chain.push_back(cache.read(piece));
  CertificateJudge remembering(TrustStore::none());
  CertificateJudge forgetful(TrustStore::none(), 0);
  for (const auto& name : {std::string(), std::string("host.lab"), std::string("192.0.2.1")}) {
    for (const Moment now : {Moment{0}, Moment{INT64_MAX}, Moment{INT64_MIN}}) {
      const auto problems = remembering.judge(chain, name, now);
      hold(problems == remembering.judge(chain, name, now), "a chain is judged the same twice");
      hold(problems == forgetful.judge(chain, name, now), "a cache changes no judgement");
      hold(std::is_sorted(problems.begin(), problems.end()) &&
               std::adjacent_find(problems.begin(), problems.end()) == problems.end(),
           "problems come in order and once");
      hold(chain.empty() || !chain.front()->error.empty() || !problems.empty(),
           "nothing is trusted by an empty store");
    }
  }
}

inline void check_key_log(ByteSpan octets) {
  const auto text = base::as_text(octets);
  KeyLog whole;
  const auto understood = whole.add(text);
  hold(whole.size() <= understood, "no secret comes from nowhere");
  hold(whole.empty() == (understood == 0), "a log is empty when no secret was understood");
  KeyLog parts;  // cut behind a line: the same secrets
  const auto line = text.find('\n', text.size() / 2);
  if (line == std::string_view::npos) return;
  const auto sum = parts.add(text.substr(0, line + 1)) + parts.add(text.substr(line + 1));
  hold(sum == understood && parts.size() == whole.size(), "a log in two parts holds the same");
}

/// The first octet chooses suite and early data; then come records, each led by its length in two
/// octets, whose first octet, taken away, says the side and what happens before it.
inline void check_record_opener(ByteSpan octets) {
  if (octets.empty()) return;
  KeyLog log;
  const std::string random(64, '0');
  for (const auto& secret : {std::string(64, '1'), std::string(96, '2')}) {
    for (const auto* label : {"CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_TRAFFIC_SECRET_0 "}) {
      log.add(label + random + " " + secret);
    }
    if ((octets[0] & 0x10) != 0) break;  // of the other hash
  }
  if ((octets[0] & 0x20) != 0) {  // another log says otherwise
    for (const auto& secret : {std::string(64, '3'), std::string(96, '4')})
      log.add("SERVER_TRAFFIC_SECRET_0 " + random + " " + secret);
  }
  tls::ClientHello client_hello;
  client_hello.early_data = (octets[0] & 0x08) != 0;
  tls::ServerHello server_hello;
  server_hello.selected_version = 0x0304;
  server_hello.cipher_suite = static_cast<std::uint16_t>(0x1300 + (octets[0] & 0x07));
  const auto opener = make_record_opener(log, client_hello, server_hello);
  hold(opener != nullptr, "TLS 1.3 has an opener");
  for (const auto piece : pieces_of(octets.subspan(1))) {
    if (piece.empty()) continue;
    const auto side = (piece[0] & 1) != 0 ? Side::kServer : Side::kClient;
    if ((piece[0] & 2) != 0) opener->finished(side);
    if ((piece[0] & 4) != 0) opener->key_update(side);
    const auto record = piece.subspan(1);
    const auto opened = opener->open(side, record);
    hold(!opened || opened->plaintext.size() + 5 <= record.size(), "opening a record adds nothing");
  }
}

/// Every suite that TLS 1.0 to 1.2 are opened with.
inline const std::vector<std::uint16_t>& opened_suites() {
  static const auto suites = [] {
    std::vector<std::uint16_t> found;
    for (const auto& entry : tls::cipher_suites()) {
      if (cipher_spec_of(entry.code)) found.push_back(entry.code);
    }
    return found;
  }();
  return suites;
}

/// The first three octets choose suite, version and the order of MAC and encryption. Then come
/// pieces, each led by its length in two octets, whose first two, taken away, say what they are:
/// something to be sealed with the right keys and opened again, whole or damaged; a record as it
/// stands; a handshake message of anybody.
inline void check_tls12_opener(ByteSpan octets) {
  if (octets.size() < 3) return;
  const auto& suites = opened_suites();
  const auto version = static_cast<std::uint16_t>(0x0301 + octets[2] % 3);
  const auto suite = suites[(octets[0] * std::size_t{256} + octets[1]) % suites.size()];
  tls::ClientHello client_hello;
  tls::ServerHello server_hello;
  server_hello.random.fill(2);
  server_hello.legacy_version = version;
  server_hello.cipher_suite = suite;
  server_hello.encrypt_then_mac = (octets[2] & 0x80) != 0;
  const bool cbc = cipher_spec_of(suite)->kind == CipherSpec::Kind::kCbc;
  const Bytes master(48, 0x11);
  KeyLog log;
  log.add("CLIENT_RANDOM " + std::string(64, '0') + " " + std::string(96, '1'));
  if ((octets[2] & 0x40) != 0)  // another log says otherwise
    log.add("CLIENT_RANDOM " + std::string(64, '0') + " " + std::string(96, '2'));
  SessionMemory sessions;
  const auto opener = make_record_opener({log, nullptr, &sessions}, client_hello, server_hello);
  hold(opener != nullptr, "TLS 1.0 to 1.2 have an opener");

  struct Half {
    RecordSealer sealer;
    bool in_step = true;  ///< nothing but what the sealer made was opened
    bool after_damage = false;
  };
  const auto half_of = [&](Side side) {
    return Half{RecordSealer({.suite = suite,
                              .version = version,
                              .encrypt_then_mac = cbc && server_hello.encrypt_then_mac,
                              .side = side},
                             master, client_hello.random, server_hello.random)};
  };
  Half halves[] = {half_of(Side::kClient), half_of(Side::kServer)};
  opener->change_cipher_spec(Side::kClient);
  opener->change_cipher_spec(Side::kServer);
  for (const auto piece : pieces_of(octets.subspan(3))) {
    if (piece.size() < 2) continue;
    const auto side = (piece[0] & 1) != 0 ? Side::kServer : Side::kClient;
    auto& half = halves[piece[0] & 1];
    const auto content = piece.subspan(2);
    if ((piece[0] & 2) != 0) opener->handshake_message(side, content);
    if ((piece[0] & 4) != 0) {
      opener->change_cipher_spec(side);
      half.in_step = false;
    }
    if ((piece[0] & 8) != 0) {
      const auto opened = opener->open(side, content);
      hold(!opened || opened->plaintext.size() + 5 <= content.size(),
           "opening a record adds nothing");
      half.in_step = false;
      continue;
    }
    if (!half.sealer.is_known()) continue;
    auto record = half.sealer.seal(23, content);
    const bool damaged = (piece[0] & 16) != 0;
    if (damaged) {  // the length is the framing's, not ours
      auto at = piece[1] * record.size() / 256;
      if (at == 3 || at == 4) at = 5;
      record[at] ^= static_cast<std::uint8_t>(1 | piece[0]);
    }
    const auto opened = opener->open(side, record);
    const bool same =
        opened && opened->content_type == 23 && base::equal(opened->plaintext, content);
    if (half.in_step) {
      hold(!damaged || !opened, "a damaged record does not open");
      hold(!opened || same, "what opens is what was sealed");
      const bool chained = half.after_damage && cbc && version == 0x0301;
      hold(damaged || chained || opened.has_value(), "what was sealed opens");
    }
    half.after_damage = damaged;
  }
}

/// `octets` are what a peer sends, in pieces led by their length in two octets.
inline void check_tls_session(ByteSpan octets) {
  auto session = TlsSession::client(TlsOffer::mstsc(), {});
  hold(session.has_value(), "a client starts");
  session->feed({});
  hold(!session->drain().empty(), "a client says hello");
  for (const auto piece : pieces_of(octets)) {
    const auto before = session->state();
    const auto after = session->feed(piece);
    hold(after == session->state(), "feed says the state");
    hold(before != TlsSession::State::kFailed || after == before, "a failure lasts");
    hold((after == TlsSession::State::kFailed) == !session->failure().empty(),
         "a failure has its reason");
    hold(session->plaintext().empty() || after != TlsSession::State::kHandshaking,
         "no plaintext comes before the handshake is over");
    const auto ours = session->drain();
    hold(ours.size() <= piece.size() + (std::size_t{1} << 20), "what we answer is bounded");
  }
  session->close();
}

/// A server's CHALLENGE_MESSAGE, or anything else.
inline void check_ntlm_challenge(ByteSpan octets) {
  const auto challenge = auth::decode_ntlm_challenge(octets);
  if (!challenge) return;
  NtlmClientPlan plan;
  plan.user = "user";
  plan.service = "TERMSRV/host";
  plan.session_key = std::make_shared<Secret>(Bytes(16, 0x5E));
  const auto negotiate = encode(mstsc_ntlm_negotiate());
  const auto answer = answer_ntlm_challenge(negotiate, octets, *challenge, plan,
                                            Secret(std::string_view("password")));
  if (!answer) {
    hold(!answer.error().text.empty() && is_one_line(answer.error().text),
         "a challenge is refused with a reason");
    return;
  }
  const auto message = auth::decode_ntlm_authenticate(answer->authenticate);
  hold(message && message->user_name == "user" && message->ntlmv2,
       "a challenge is answered with NTLMv2");
  hold((message->flags & ~challenge->flags) == 0, "nothing is claimed that was not negotiated");
  hold(message->mic.has_value() == challenge->target_info->timestamp().has_value(),
       "the MIC comes with the server's time");
}

/// What a client says to a server of ours: NEGOTIATE_MESSAGE, AUTHENTICATE_MESSAGE, sealed octets.
inline void check_ntlm_client(ByteSpan octets) {
  NtlmAcceptor acceptor({});
  if (const auto challenge = acceptor.challenge(octets)) {
    hold(auth::decode_ntlm_challenge(*challenge).has_value(), "a challenge can be read");
  } else {
    hold(acceptor.challenge(encode(mstsc_ntlm_negotiate())).has_value(), "mstsc is challenged");
  }
  hold(!acceptor.accept(octets, Secret(std::string_view("nobody knows it"))),
       "nobody is let in by chance");
}

/// `octets` are a certificate or anything else.
inline void check_channel_bindings(ByteSpan octets) {
  const auto key = subject_public_key(octets);
  hold(key ? key->size() < octets.size() : is_one_line(key.error().text),
       "a key is a part of its certificate");
  const auto bindings = tls_server_end_point_bindings(octets);
  hold(key || !bindings, "what is no certificate binds nothing");
}

}  // namespace rdpwhy::crypto::oracle
