#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "crypto/tls_pair.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/crypto/channel_bindings.h"
#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::dialogue {

/// Carries out what the sequences want, as `net` does, against a server in this process: real TLS,
/// and a record that the dissector builds from the octets of both sides.
class Talk {
 public:
  /// The octets that the server sends inside TLS on one TSRequest.
  using Server = std::function<Bytes(const auth::TsRequest&)>;
  /// What the server answers to octets behind X.224 or TLS, from MCS on.
  using Session = std::function<Bytes(ByteSpan)>;
  using Kerberos = std::function<KerberosAnswer(ByteSpan server_token)>;

  struct Settings {
    rdp::NegotiationResponse confirm;
    crypto::TlsServerSettings tls;
    Server server;
    Session session = {};  ///< in place of TSRequests, and in the clear where that is selected
    Kerberos kerberos = {};
    Bytes greeting = {};  ///< what the server says first inside TLS
    std::function<bool()> server_closed = [] { return false; };
    std::function<bool()> server_says_goodbye = [] { return false; };  ///< close_notify, no FIN
  };

  explicit Talk(Settings settings) : settings_(std::move(settings)) {}

  void run(const ProbePlan& plan) {
    dissector_.connecting(now());
    dissector_.connected(now());
    sequence_ = start(plan);
    phases = {sequence_->phase()};
    for (int steps = 0; carry_out(); ++steps) ASSERT_LT(steps, 200) << "the dialogue has no end";
  }

  [[nodiscard]] const HandshakeRecord& record() const { return dissector_.record(); }
  /// The facts of one kind and side, in order.
  template <typename T>
  [[nodiscard]] std::vector<const T*> all(Side side) const {
    std::vector<const T*> found;
    for (const auto& e : record().evidence) {
      const auto* fact = record::get_if<T>(&e.fact);
      if (fact != nullptr && e.where.side == side) found.push_back(fact);
    }
    return found;
  }

  std::vector<Phase> phases;
  record::RunFacts facts;
  std::optional<Error> error;
  bool timed_out = false;
  int kerberos_steps = 0;

 private:
  Moment now() { return {clock_ += 1'000'000}; }

  bool carry_out() {
    auto step = sequence_->next(dissector_.record());
    sequence_->tell(facts);
    if (auto* next = std::get_if<Next>(&step)) {
      sequence_ = std::move(next->sequence);
      phases.push_back(sequence_->phase());
      return true;
    }
    if (auto* send = std::get_if<Send>(&step)) return say(*send);
    if (auto* start = std::get_if<StartTls>(&step)) return start_tls(start->offer);
    if (auto* ask = std::get_if<AskKerberos>(&step)) {
      ++kerberos_steps;
      sequence_->kerberos_answered(settings_.kerberos(ask->server_token));
      return true;
    }
    if (std::holds_alternative<Await>(step)) {
      timed_out = !receive();
      return !timed_out;
    }
    if (std::holds_alternative<Linger>(step)) {
      receive();
      return true;
    }
    if (auto* give_up = std::get_if<GiveUp>(&step)) error = give_up->error;
    return false;
  }

  bool say(const Send& send) {
    if (client_) return write(send.bytes);
    if (!std::exchange(asked_, true)) return ask(send);
    dissector_.bytes(Side::kClient, send.bytes, now());
    if (auto answer = settings_.session(send.bytes); !answer.empty()) {
      inbox_.push_back(std::move(answer));
    }
    return true;
  }

  bool ask(const Send& request) {
    dissector_.bytes(Side::kClient, request.bytes, now());
    const rdp::ConnectionConfirm confirm{.negotiation = settings_.confirm};
    inbox_.push_back(rdp::encode_tpkt(rdp::encode(confirm)));
    return true;
  }

  bool start_tls(const crypto::TlsOffer& offer) {
    client_.emplace(crypto::TlsSession::client(offer, [this](std::string_view line) {
                      log_.add(line);
                    }).value());
    server_.emplace(crypto::TlsSession::server(settings_.tls).value());
    client_->feed({});
    for (int turn = 0; turn < 10 && flush(); ++turn) {
      while (!inbox_.empty()) receive();
    }
    if (!settings_.greeting.empty()) {
      server_->write(settings_.greeting);
      inbox_.push_back(server_->drain());
    }
    return true;
  }

  bool write(ByteSpan plaintext) {
    client_->write(plaintext);
    flush();
    return true;
  }

  /// What the client has to say goes to the server, and the server's answer to the inbox.
  bool flush() {
    const auto ours = client_->drain();
    if (ours.empty()) return false;
    dissector_.bytes(Side::kClient, ours, now());
    server_->feed(ours);
    const auto plaintext = server_->plaintext();
    partial_.insert(partial_.end(), plaintext.begin(), plaintext.end());
    if (settings_.session && !partial_.empty()) {
      if (const auto answer = settings_.session(std::exchange(partial_, {})); !answer.empty()) {
        server_->write(answer);
      }
    }
    while (!partial_.empty()) {
      const auto size = auth::ts_request_size(partial_).value().value_or(SIZE_MAX);
      if (size > partial_.size()) break;
      const auto message = ByteSpan(partial_).first(static_cast<std::size_t>(size));
      server_->write(settings_.server(auth::decode_ts_request(message).value()));
      partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(size));
    }
    if (settings_.server_says_goodbye()) server_->close();
    auto theirs = server_->drain();
    if (!theirs.empty()) inbox_.push_back(std::move(theirs));
    return true;
  }

  bool receive() {
    if (inbox_.empty()) {
      if (!settings_.server_closed() || ended_) return false;
      ended_ = true;
      dissector_.ended(Side::kServer, record::Ending::How::kClose, now());
      return true;
    }
    const auto octets = std::move(inbox_.front());
    inbox_.pop_front();
    dissector_.bytes(Side::kServer, octets, now());
    if (client_) {
      client_->feed(octets);
      dissector_.secrets_changed();
    }
    return true;
  }

  Settings settings_;
  crypto::KeyLog log_;
  Nanoseconds clock_ = 1'790'000'000'000'000'000;
  crypto::CertificateCache certificates_;
  dissect::Dissector dissector_{
      {.read_certificate = [this](ByteSpan der) { return certificates_.read(der); },
       .make_opener =
           [this](const tls::ClientHello& client, const tls::ServerHello& server) {
             return crypto::make_record_opener(log_, client, server);
           }}};
  std::unique_ptr<Sequence> sequence_;
  std::optional<crypto::TlsSession> client_;
  std::optional<crypto::TlsSession> server_;
  std::deque<Bytes> inbox_;
  Bytes partial_;
  bool ended_ = false;
  bool asked_ = false;
};

}  // namespace rdpwhy::dialogue
