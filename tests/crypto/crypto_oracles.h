#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "oracles/oracle.h"
#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/crypto/tls_session.h"

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

}  // namespace rdpwhy::crypto::oracle
