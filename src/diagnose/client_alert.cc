#include "diagnose/client_alert.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::diagnose {
namespace {

using record::Certificates;

/// What the server said of the handshake before the alert.
struct ServerFlight {
  explicit ServerFlight(const Reading& reading) {
    for (const auto& e : reading.record.evidence) {
      if (e.id >= reading.failure()->evidence) break;
      if (e.where.side != Side::kServer || e.phase != Phase::kTls) continue;
      any = any || record::message_name(reading.record, e).has_value();
      if (const auto* hello = record::get_if<tls::ServerHello>(&e.fact)) {
        if (hello->hello_retry_request) {
          ++retry_requests;
          last_retry = &e;
        } else {
          tls13 = tls::is_tls13(hello->version());
        }
      } else if (std::holds_alternative<Certificates>(e.fact)) {
        certificates = &e;
      } else if (const auto* message = std::get_if<record::HandshakeMessage>(&e.fact)) {
        note_message(*message, e);
      } else if (std::holds_alternative<record::ProtectedRecord>(e.fact)) {
        closed = &e;
      }
    }
  }

  void note_message(const record::HandshakeMessage& message, const Evidence& e) {
    switch (static_cast<tls::HandshakeType>(message.type)) {
      case tls::HandshakeType::kCertificate:  // else it would be Certificates
        oversized = &e;
        break;
      case tls::HandshakeType::kServerKeyExchange:
        key_exchange = &e;
        break;
      case tls::HandshakeType::kCertificateVerify:
        verify = &e;
        break;
      case tls::HandshakeType::kFinished:
        finished = &e;
        break;
      default:
        break;
    }
  }

  [[nodiscard]] bool nothing_read() const { return !any; }

  bool any = false;
  unsigned retry_requests = 0;
  const Evidence* last_retry = nullptr;
  bool tls13 = false;
  const Evidence* certificates = nullptr;
  const Evidence* oversized = nullptr;  ///< a certificate message longer than is read here
  const Evidence* key_exchange = nullptr;
  const Evidence* verify = nullptr;
  const Evidence* finished = nullptr;
  const Evidence* closed = nullptr;  ///< a record that nobody here could open
};

struct Breach {
  std::string says;  ///< of the server: "sent a second HelloRetryRequest"
  std::vector<const Evidence*> shown;
  bool seen_by_us = false;        ///< not only the client's word
  bool may_be_transport = false;  ///< octets changed on the way look the same
};

/// RFC 8446 4.1.4 and 4.4: what the order of the messages itself shows.
Breach breach_of_order(const Reading& reading, const ServerFlight& flight) {
  if (flight.retry_requests > 1) {
    return {.says = fmt::format("sent {} HelloRetryRequests, of which TLS allows one",
                                flight.retry_requests),
            .shown = {flight.last_retry},
            .seen_by_us = true};
  }
  if (flight.tls13 && flight.certificates != nullptr && flight.finished != nullptr &&
      flight.verify == nullptr) {
    return {.says =
                "sent its Finished without a CertificateVerify, so it never showed that the "
                "certificate's key is its own",
            .shown = {flight.certificates, flight.finished},
            .seen_by_us = true};
  }
  if (flight.nothing_read()) return {.says = "answered the ClientHello with what is not due there"};
  return {.says = fmt::format("sent a message out of turn; the last one was {}",
                              after_in_words(*reading.failure(), "not read"))};
}

Breach breach_of_proof(const ServerFlight& flight) {
  const auto* signature = flight.verify != nullptr ? flight.verify : flight.key_exchange;
  const auto* name = flight.verify != nullptr ? "CertificateVerify" : "ServerKeyExchange";
  Breach breach{.shown = {signature, flight.finished}, .may_be_transport = true};
  if (signature != nullptr && flight.finished != nullptr) {
    breach.says = fmt::format("sent a {} or a Finished that does not verify", name);
  } else if (signature != nullptr) {
    breach.says = fmt::format(
        "signed the handshake ({}) with another key than the certificate's, "
        "or signed something else",
        name);
  } else {
    breach.says = "sent a Finished that does not fit the handshake";
  }
  return breach;
}

/// RFC 8446 6.2: what the client says that it found.
std::optional<Breach> breach_in(const Reading& reading, const tls::Alert& alert) {
  const ServerFlight flight(reading);
  const auto& after = reading.failure()->after;
  const auto up_to = after.empty()
                         ? std::string()
                         : fmt::format(" (its messages up to {})", record::message_in_words(after));
  switch (alert.description) {
    case 10:
      return breach_of_order(reading, flight);
    case 20:
      return Breach{.says = "sent a record that cannot be opened with the keys of this connection",
                    .shown = {flight.closed},
                    .may_be_transport = true};
    case 22:
      return Breach{.says = "sent a record that is longer than TLS allows"};
    case 47:
      return Breach{.says =
                        "chose or named something that contradicts the client's offer or "
                        "itself" +
                        up_to};
    case 50:
      return Breach{.says = "sent a message that cannot be decoded" + up_to};
    case 51:
      return breach_of_proof(flight);
    case 109:
      return Breach{.says = "left out an extension that has to be there" + up_to};
    case 110:
      return Breach{.says = "answered with an extension that was not offered" + up_to};
    default:
      return {};
  }
}

/// A chain in which something is no certificate at all, and the client's alert about it.
std::optional<Breach> breach_in_certificate(const Reading& reading, const tls::Alert& alert) {
  static constexpr std::uint8_t kAboutCertificates[] = {42, 43, 46, 50};
  if (std::ranges::count(kAboutCertificates, alert.description) == 0) return {};
  if (reading.certificate == nullptr) return {};
  const auto& chain = std::get<Certificates>(reading.certificate->fact).chain;
  const auto bad =
      std::ranges::find_if(chain, [](const auto& c) { return c && !c->error.empty(); });
  if (bad == chain.end()) return {};
  return Breach{
      .says = fmt::format("sent a chain in which certificate {} of {} ({} octets) cannot be "
                          "read: {}",
                          bad - chain.begin() + 1, chain.size(), (*bad)->der.size(), (*bad)->error),
      .shown = {reading.certificate},
      .seen_by_us = true};
}

/// The server chose a version that was not on offer: the client has to refuse it.
bool judge_version(const Reading& reading, const tls::Alert& alert, Findings& findings) {
  if (reading.server_hello == nullptr || !reading.tls || reading.tls->client_hello == nullptr)
    return false;
  const auto chosen = record::get_if<tls::ServerHello>(&reading.server_hello->fact)->version();
  const auto& hello = *reading.tls->client_hello;
  const bool listed = hello.supported_versions.has_value();
  const bool offered = listed ? std::ranges::count(*hello.supported_versions, chosen) != 0
                              : chosen <= hello.legacy_version;
  if (offered && alert.description != 70) return false;
  auto& finding = findings.add(
      "no-common-tls-version", offered ? Confidence::kLikely : Confidence::kCertain,
      fmt::format("The server chose {}, which the client {} ({} offered), and the client ended it "
                  "with {}.",
                  tls::version_name(chosen), offered ? "does not accept" : "had not offered",
                  offered_versions_in_words(reading), alert_in_words(alert)),
      ids_with_failure(reading, {reading.client_hello, reading.server_hello}));
  if (offered) finding.against.push_back("the ClientHello does not say how old a version may be");
  return true;
}

/// A chain within what TLS allows and beyond what is read here: nobody broke a rule.
bool judge_own_limit(const Reading& reading, const tls::Alert& alert, Findings& findings) {
  const ServerFlight flight(reading);
  if (flight.oversized == nullptr) return false;
  const auto size = std::get<record::HandshakeMessage>(flight.oversized->fact).size;
  auto& finding = findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format("The server's certificate message has {} octets, and the client ended it with "
                  "{}{}. TLS allows that size; clients read far less (OpenSSL by itself 100 kB).",
                  size, alert_in_words(alert),
                  reading.record.run
                      ? ": more than 1 MiB is not read here, so this program gave up "
                        "by its own limit"
                      : ""),
      ids_with_failure(reading, {flight.oversized}));
  finding.fix.insert(finding.fix.begin(),
                     "Look at the chain that the server is set to send: far fewer certificates, or "
                     "smaller ones, do.");
  return true;
}

}  // namespace

bool judge_alert_of_client(const Reading& reading, const tls::Alert& alert, Findings& findings) {
  constexpr std::uint8_t kProtocolVersion = 70, kIllegalParameter = 47;
  if (judge_own_limit(reading, alert, findings)) return true;
  const bool of_version =
      alert.description == kProtocolVersion || alert.description == kIllegalParameter;
  if (of_version && judge_version(reading, alert, findings)) return true;
  const bool live = reading.record.run.has_value();
  auto breach = live ? breach_in_certificate(reading, alert) : std::nullopt;
  if (!breach) breach = breach_in(reading, alert);
  const auto* confirm = reading.confirm;
  const bool server_spoke =
      reading.server_hello != nullptr ||
      reading.server_bytes > (confirm == nullptr ? 0 : confirm->where.offset + confirm->where.size);
  if (!breach || !server_spoke) return false;
  auto because = ids_with_failure(reading, {reading.server_hello});
  for (const auto* e : breach->shown) {
    if (e != nullptr) because.push_back(e->id);
  }
  std::ranges::sort(because);
  because.erase(std::ranges::unique(because).begin(), because.end());
  auto& finding = findings.add("protocol-violation",
                               breach->seen_by_us ? Confidence::kCertain
                               : live             ? Confidence::kLikely
                                                  : Confidence::kPossible,
                               fmt::format("The server {}; the client ended it with {}.",
                                           breach->says, alert_in_words(alert)),
                               because);
  if (!breach->seen_by_us) {
    finding.against.push_back(live
                                  ? "that is what the TLS library of this program found; another "
                                    "client may take it"
                                  : "only the client says so, and it may be the one that is wrong");
  }
  if (breach->may_be_transport) {
    findings
        .add("middlebox-interference", Confidence::kPossible,
             "A device that changes octets on the way has this effect.", because)
        .against.push_back("nothing else here shows such a device");
  }
  return true;
}

}  // namespace rdpwhy::diagnose
