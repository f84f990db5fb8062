#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/rdp/negotiation.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/survey/answer.h"
#include "rdpwhy/survey/plan.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"

/// A server that is a table of what it accepts. It reads our hellos with the codecs, answers in
/// octets, and what comes of a connection is what the dissector reads in them.
namespace rdpwhy::survey::test {

using Codes = std::vector<std::uint16_t>;

inline bool holds(const Codes& codes, std::uint16_t code) {
  return std::ranges::find(codes, code) != codes.end();
}

struct Table {
  std::map<std::uint16_t, Codes> suites;  ///< by version, in the server's order
  bool server_decides = true;
  Codes groups = {0x001D, 0x0017};  ///< in the server's order
  Codes signature_algorithms = {0x0804, 0x0401, 0x0403};
  std::uint32_t dh_bits = 2048;
  /// The smallest prime of those RFC 7919 groups; empty: it knows none and sends its own.
  Codes finite_field_groups;

  enum class Refuses { kAlert, kReset, kClose, kSilence };
  Refuses refuses = Refuses::kAlert;
  std::uint8_t suite_alert = 40;
  std::uint8_t version_alert = 70;
  bool names_versions = true;  ///< reads supported_versions; else only TLS 1.3 asks for it
  bool hello_retry = true;     ///< false: no TLS 1.3 without a key of the first hello

  std::size_t most_suites = 65535;
  enum class Beyond { kRefuses, kIgnores };
  Beyond beyond = Beyond::kRefuses;  ///< what becomes of suites that are more than that
  bool takes_long_lists = true;      ///< more than 16 groups or 32 algorithms are refused

  bool extended_master_secret = true, encrypt_then_mac = false, session_ticket = false,
       status_request = false, heartbeat = false, record_size_limit = false,
       secure_renegotiation = true, fallback_scsv = true, session_id = true, deflate = false,
       asks_client = false, sentinel = true;
  std::optional<std::string> alpn;
  std::uint32_t wants_protocol = 0x01;  ///< of RDP_NEG_REQ; 0x02: HYBRID or failure 5

  /// Selects this whatever is offered.
  std::optional<std::uint16_t> stubborn_suite;
  /// Each connection that begins within a burst of so many without a pause is reset, with or
  /// without a hello.
  std::optional<unsigned> burst;
  /// Stops answering for good after so many connections.
  std::optional<unsigned> dies_after;
  /// Connections with these numbers are reset once the hello was read.
  std::vector<unsigned> hiccups;
};

class TableServer {
 public:
  explicit TableServer(Table table) : table_(std::move(table)) {}

  /// RFC 8446 4.2.3: PKCS #1 v1.5, DSA, and ECDSA without a curve of its own.
  static bool never_in_tls13(std::uint16_t algorithm) {
    const auto hash = algorithm >> 8;
    const auto signature = algorithm & 0xFF;
    return hash <= 6 && signature <= 3 && !(hash >= 4 && signature == 3);
  }

  [[nodiscard]] unsigned connections() const { return connections_; }

  Answer answer(const Question& question) {
    ++connections_;
    in_burst_ = question.pause.count() > 0 ? 1 : in_burst_ + 1;
    const auto record = talk(question);
    return answer_of(record);
  }

 private:
  using How = record::Ending::How;

  /// The server's octets, and how it ends.
  struct Flight {
    Bytes octets;
    std::optional<How> ends;  ///< nothing: silence
  };

  HandshakeRecord talk(const Question& question) {
    dissect::Dissector dissector({.read_certificate = read_certificate, .make_opener = {}});
    Moment at{1'000'000'000};
    const auto later = [&at] { return at = Moment{at.ns + 1'000'000}; };
    dissector.connecting(later());
    dissector.connected(later());
    const bool dead = table_.dies_after && connections_ > *table_.dies_after;
    if (dead || (table_.burst && in_burst_ > *table_.burst)) {
      dissector.ended(Side::kServer, How::kReset, later());
      return dissector.take();
    }
    rdp::ConnectionRequest request;
    request.negotiation =
        rdp::NegotiationRequest{.flags = 0, .requested = {question.requested_protocols}};
    dissector.bytes(Side::kClient, rdp::encode_tpkt(rdp::encode(request)), later());
    const bool refused = (question.requested_protocols & table_.wants_protocol) == 0;
    rdp::ConnectionConfirm confirm;
    if (refused) {
      confirm.negotiation = rdp::NegotiationFailure{.flags = 0, .failure_code = 5};
    } else {
      confirm.negotiation =
          rdp::NegotiationResponse{.flags = 0, .selected_protocol = table_.wants_protocol};
    }
    dissector.bytes(Side::kServer, rdp::encode_tpkt(rdp::encode(confirm)), later());
    if (refused) {
      dissector.ended(Side::kServer, How::kClose, later());
      return dissector.take();
    }
    const auto hello = encode(question.offer, {});
    dissector.bytes(Side::kClient, hello, later());
    const auto flight = holds_number(table_.hiccups, connections_)
                            ? Flight{.octets = {}, .ends = How::kReset}
                            : answer_hello(hello, question.whole);
    if (!flight.octets.empty()) dissector.bytes(Side::kServer, flight.octets, later());
    if (flight.ends) {
      dissector.ended(Side::kServer, *flight.ends, later());
    } else {
      at.ns += 5'000'000'000;
      dissector.ended(Side::kClient, How::kClose, later());
    }
    return dissector.take();
  }

  static bool holds_number(const std::vector<unsigned>& numbers, unsigned number) {
    return std::ranges::find(numbers, number) != numbers.end();
  }

  /// Certificates here are one octet that says of what kind the key is.
  static record::CertificateHandle read_certificate(ByteSpan der) {
    auto facts = std::make_shared<record::CertificateFacts>();
    facts->der = base::to_bytes(der);
    facts->key.type = !der.empty() && der[0] == 'E' ? "EC" : "RSA";
    return facts;
  }

  Flight refuse(std::uint8_t alert) const {
    switch (table_.refuses) {
      case Table::Refuses::kAlert:
        return {.octets = tls::encode_record(
                    tls::ContentType::kAlert, kTls12,
                    tls::encode(tls::Alert{.level = tls::Alert::kFatal, .description = alert})),
                .ends = How::kClose};
      case Table::Refuses::kReset:
        return {.octets = {}, .ends = How::kReset};
      case Table::Refuses::kClose:
        return {.octets = {}, .ends = How::kClose};
      case Table::Refuses::kSilence:
        break;
    }
    return {};
  }

  Flight answer_hello(ByteSpan record, bool whole) const {
    const auto hello = tls::decode_client_hello(
        record.subspan(tls::RecordHeader::kSize + tls::HandshakeHeader::kSize));
    RDPWHY_CHECK(hello.has_value());
    auto offered = hello->cipher_suites;
    if (offered.size() > table_.most_suites) {
      if (table_.beyond == Table::Beyond::kRefuses) return refuse(table_.suite_alert);
      offered.resize(table_.most_suites);
    }
    const bool long_lists = hello->supported_groups.value_or(Codes{}).size() > 16 ||
                            hello->signature_algorithms.value_or(Codes{}).size() > 32;
    if (!table_.takes_long_lists && long_lists) return refuse(50);
    const auto version = choose_version(*hello);
    if (!version) return refuse(table_.version_alert);
    const auto newest = table_.suites.rbegin()->first;
    if (table_.fallback_scsv && hello->fallback_scsv && *version < newest) return refuse(86);
    const auto suite = table_.stubborn_suite ? table_.stubborn_suite
                                             : choose_suite(*version, offered, *hello, whole);
    if (!suite) return refuse(table_.suite_alert);
    if (*version == kTls13) return tls13_flight(*hello, *suite, whole);
    return flight(*hello, *version, *suite);
  }

  [[nodiscard]] std::optional<std::uint16_t> choose_version(const tls::ClientHello& hello) const {
    for (auto known = table_.suites.rbegin(); known != table_.suites.rend(); ++known) {
      const auto version = known->first;
      if (hello.supported_versions && (table_.names_versions || version == kTls13)) {
        if (holds(*hello.supported_versions, version)) return version;
      } else if (version <= hello.legacy_version) {
        return version;
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<std::uint16_t> shared(const Codes& ours, const Codes& theirs) const {
    for (const auto code : table_.server_decides ? ours : theirs) {
      if (holds(table_.server_decides ? theirs : ours, code)) return code;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool possible(std::uint16_t version, std::uint16_t suite,
                              const tls::ClientHello& hello, bool whole) const {
    const auto exchange = tls::key_exchange_of(suite);
    const bool has_group =
        !hello.supported_groups || shared(table_.groups, *hello.supported_groups).has_value();
    if (version == kTls13) {
      if (!hello.supported_groups || !has_group) return false;
      const bool has_key = hello.key_shares && !hello.key_shares->empty();
      if (!has_key && !whole && !table_.hello_retry) return false;
      // Before a key is there, the algorithm is not looked at.
      if (!has_key && !whole) return true;
    }
    const bool is_signed = version == kTls13 || exchange == tls::KeyExchange::kDhe ||
                           exchange == tls::KeyExchange::kEcdhe;
    if (version >= kTls12 && is_signed && hello.signature_algorithms) {
      auto ours = table_.signature_algorithms;
      if (version == kTls13) std::erase_if(ours, never_in_tls13);
      if (!shared(ours, *hello.signature_algorithms)) return false;
    }
    return !is_ecdhe(exchange) || has_group;
  }

  [[nodiscard]] std::optional<std::uint16_t> choose_suite(std::uint16_t version,
                                                          const Codes& offered,
                                                          const tls::ClientHello& hello,
                                                          bool whole) const {
    Codes ours;
    for (const auto suite : table_.suites.at(version)) {
      if (possible(version, suite, hello, whole)) ours.push_back(suite);
    }
    return shared(ours, offered);
  }

  static bool is_ecdhe(tls::KeyExchange exchange) {
    using enum tls::KeyExchange;
    return exchange == kEcdhe || exchange == kEcdheAnonymous || exchange == kEcdhePsk;
  }
  static bool is_dhe(tls::KeyExchange exchange) {
    using enum tls::KeyExchange;
    return exchange == kDhe || exchange == kDheAnonymous || exchange == kDhePsk;
  }

  static Bytes handshake_record(std::uint16_t version, ByteSpan messages) {
    return tls::encode_record(tls::ContentType::kHandshake, version, messages);
  }

  Flight tls13_flight(const tls::ClientHello& hello, std::uint16_t suite, bool whole) const {
    static constexpr tls::Random kHelloRetryRequest = {
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C,
        0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB,
        0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};
    const auto group = shared(table_.groups, hello.supported_groups.value_or(Codes{}));
    RDPWHY_CHECK(group.has_value());
    const bool has_key =
        whole || std::ranges::any_of(hello.key_shares.value_or(std::vector<tls::KeyShare>{}),
                                     [&](const auto& share) { return share.group == *group; });
    tls::ServerHello answer;
    answer.legacy_version = kTls12;
    answer.session_id = hello.session_id;
    answer.cipher_suite = suite;
    answer.has_extensions = true;
    answer.extensions.push_back({43, {0x03, 0x04}});
    base::Writer share;
    share.u16be(*group);
    if (has_key) share.u16be(1).u8(9);
    if (!has_key) answer.random = kHelloRetryRequest;
    answer.extensions.push_back({51, share.take()});
    return {
        .octets = handshake_record(
            kTls12, tls::encode_handshake(tls::HandshakeType::kServerHello, tls::encode(answer))),
        .ends = {}};
  }

  void add_extensions(const tls::ClientHello& hello, tls::ServerHello& answer) const {
    const auto add = [&](bool wanted, bool has, std::uint16_t type, Bytes payload = {}) {
      if (wanted && has) answer.extensions.push_back({type, std::move(payload)});
    };
    add(hello.extended_master_secret, table_.extended_master_secret, 23);
    add(hello.encrypt_then_mac, table_.encrypt_then_mac && is_block_cipher(answer.cipher_suite),
        22);
    add(hello.session_ticket, table_.session_ticket, 35);
    add(hello.status_request, table_.status_request, 5);
    add(hello.heartbeat, table_.heartbeat, 15, {1});
    add(hello.record_size_limit.has_value(), table_.record_size_limit, 28, {0x40, 0x00});
    add(hello.renegotiation_info, table_.secure_renegotiation, 0xFF01, {0});
    if (table_.alpn && hello.alpn &&
        std::ranges::find(*hello.alpn, *table_.alpn) != hello.alpn->end()) {
      base::Writer w;
      w.u16be(static_cast<std::uint16_t>(table_.alpn->size() + 1));
      w.u8(static_cast<std::uint8_t>(table_.alpn->size())).text(*table_.alpn);
      answer.extensions.push_back({16, w.take()});
    }
    answer.has_extensions = hello.has_extensions && !answer.extensions.empty();
  }

  static bool is_block_cipher(std::uint16_t suite) {
    return tls::cipher_suite_name(suite).value_or("").find("_CBC_") != std::string_view::npos;
  }

  Flight flight(const tls::ClientHello& hello, std::uint16_t version, std::uint16_t suite) const {
    tls::ServerHello answer;
    answer.legacy_version = version;
    answer.cipher_suite = suite;
    if (table_.session_id) answer.session_id = Bytes(32, 7);
    const bool newer = table_.suites.rbegin()->first > version;
    if (table_.sentinel && newer && table_.suites.rbegin()->first == kTls13) {
      const std::string_view mark = "DOWNGRD";
      std::ranges::copy(mark, answer.random.end() - 8);
      answer.random.back() = version == kTls12 ? 1 : 0;
    }
    const auto& methods = hello.compression_methods;
    if (table_.deflate && std::ranges::find(methods, 1) != methods.end())
      answer.compression_method = 1;
    if (hello.has_extensions) add_extensions(hello, answer);
    base::Writer messages;
    messages.bytes(tls::encode_handshake(tls::HandshakeType::kServerHello, tls::encode(answer)));
    const bool is_ec =
        tls::cipher_suite_name(suite).value_or("").find("_ECDSA_") != std::string_view::npos;
    messages.bytes(tls::encode_handshake(
        tls::HandshakeType::kCertificate,
        Bytes{0, 0, 4, 0, 0, 1, static_cast<std::uint8_t>(is_ec ? 'E' : 'R')}));
    if (table_.status_request && hello.status_request) {
      messages.bytes(
          tls::encode_handshake(tls::HandshakeType::kCertificateStatus, Bytes{1, 0, 0, 1, 0}));
    }
    add_key_exchange(hello, version, suite, messages);
    if (table_.asks_client) {
      Bytes request = {2, 1, 64};
      if (version >= kTls12) request.insert(request.end(), {0, 2, 4, 1});
      request.insert(request.end(), {0, 0});
      messages.bytes(tls::encode_handshake(tls::HandshakeType::kCertificateRequest, request));
    }
    messages.bytes(tls::encode_handshake(tls::HandshakeType::kServerHelloDone, {}));
    return {.octets = handshake_record(version, messages.view()), .ends = {}};
  }

  void add_key_exchange(const tls::ClientHello& hello, std::uint16_t version, std::uint16_t suite,
                        base::Writer& messages) const {
    const auto exchange = tls::key_exchange_of(suite);
    base::Writer w;
    if (exchange == tls::KeyExchange::kEcdhePsk || exchange == tls::KeyExchange::kDhePsk)
      w.u16be(0);
    if (is_ecdhe(exchange)) {
      const auto group =
          hello.supported_groups ? shared(table_.groups, *hello.supported_groups) : std::nullopt;
      w.u8(3).u16be(group.value_or(table_.groups.front())).u8(1).u8(4);
    } else if (is_dhe(exchange)) {
      const auto named = hello.supported_groups
                             ? shared(table_.finite_field_groups, *hello.supported_groups)
                             : std::nullopt;
      const auto bits = named ? 2048U + 1024U * (*named - 0x0100U) : table_.dh_bits;
      w.u16be(static_cast<std::uint16_t>(bits / 8)).bytes(Bytes(bits / 8, 0xFF));
      w.u16be(1).u8(2).u16be(1).u8(9);
    } else {
      return;
    }
    const bool is_signed =
        exchange == tls::KeyExchange::kEcdhe || exchange == tls::KeyExchange::kDhe;
    if (is_signed && version >= kTls12) {
      const auto algorithm = hello.signature_algorithms
                                 ? shared(table_.signature_algorithms, *hello.signature_algorithms)
                                 : std::nullopt;
      w.u16be(algorithm.value_or(table_.signature_algorithms.front()));
    }
    if (is_signed) w.u16be(1).u8(5);
    messages.bytes(tls::encode_handshake(tls::HandshakeType::kServerKeyExchange, w.view()));
  }

  Table table_;
  unsigned connections_ = 0;
  unsigned in_burst_ = 0;
};

/// Asks until all is known, up to `side_by_side` questions at a time.
inline Result survey(TableServer& server, Settings settings = {.server_name = "host.lab"},
                     std::size_t side_by_side = 1) {
  Plan plan(std::move(settings));
  while (!plan.is_done()) {
    const auto questions = plan.next(side_by_side);
    RDPWHY_CHECK(!questions.empty() || plan.is_done());
    for (const auto& question : questions) plan.take(question.id, server.answer(question));
  }
  return plan.result();
}

}  // namespace rdpwhy::survey::test
