#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>
#include <variant>

#include "rdpwhy/record/queries.h"
#include "rdpwhy/tls/registry.h"
#include "record/tls_walk.h"

namespace rdpwhy::record {
namespace {

template <typename T>
constexpr bool kOnlyTlsHas =
    std::is_same_v<T, Boxed<tls::ClientHello>> || std::is_same_v<T, Boxed<tls::ServerHello>> ||
    std::is_same_v<T, Certificates> || std::is_same_v<T, tls::ServerKeyExchange> ||
    std::is_same_v<T, Boxed<tls::CertificateRequest>> || std::is_same_v<T, EncryptedExtensions> ||
    std::is_same_v<T, HandshakeMessage> || std::is_same_v<T, ChangeCipherSpec> ||
    std::is_same_v<T, TlsAlert> || std::is_same_v<T, ProtectedRecord> ||
    std::is_same_v<T, ApplicationData>;

/// By the fact's index: asked of every evidence, several times.
constexpr auto kIsTls = []<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
  return std::array<bool, sizeof...(kIndex)>{
      kOnlyTlsHas<std::variant_alternative_t<kIndex, Fact>>...};
}(std::make_index_sequence<std::variant_size_v<Fact>>());

/// True for a message that only a handshake that is no resumption holds.
bool only_in_full_handshake(const HandshakeMessage& message) {
  const auto type = static_cast<tls::HandshakeType>(message.type);
  return type == tls::HandshakeType::kServerHelloDone ||
         type == tls::HandshakeType::kClientKeyExchange;
}

/// RFC 5246 7.3: the server that resumes goes from ServerHello straight to ChangeCipherSpec.
std::optional<bool> resumed_before_tls13(const HandshakeRecord& record,
                                         const tls::ServerHello* hello) {
  bool after_hello = false;
  for (const auto& e : record.evidence) {
    if (const auto* h = get_if<tls::ServerHello>(&e.fact)) after_hello = after_hello || h == hello;
    if (!after_hello) continue;
    if (const auto* m = std::get_if<HandshakeMessage>(&e.fact);
        m != nullptr && only_in_full_handshake(*m)) {
      return false;
    }
    if (e.where.side != Side::kServer) continue;
    if (std::holds_alternative<Certificates>(e.fact) ||
        std::holds_alternative<tls::ServerKeyExchange>(e.fact)) {
      return false;
    }
    if (std::holds_alternative<Gap>(e.fact) || holds<Malformed>(e.fact)) return {};
    if (std::holds_alternative<ChangeCipherSpec>(e.fact)) return true;
  }
  return {};
}

void take_agreement(const HandshakeRecord& record, TlsSummary& summary) {
  const auto* hello = summary.server_hello;
  if (hello == nullptr) return;
  summary.version = hello->version();
  summary.cipher = hello->cipher_suite;
  if (tls::is_tls13(*summary.version)) {
    if (hello->key_share) summary.group = hello->key_share->group;
    summary.resumed = hello->pre_shared_key;
  } else {
    summary.resumed = resumed_before_tls13(record, hello);
  }
}

void take(const Evidence& e, TlsSummary& summary) {
  const bool server = e.where.side == Side::kServer;
  if (const auto* client_hello = get_if<tls::ClientHello>(&e.fact)) {
    summary.client_hello = client_hello;
  } else if (const auto* server_hello = get_if<tls::ServerHello>(&e.fact)) {
    summary.hello_retry = summary.hello_retry || server_hello->hello_retry_request;
    if (!server_hello->hello_retry_request) summary.server_hello = server_hello;
  } else if (const auto* exchange = std::get_if<tls::ServerKeyExchange>(&e.fact)) {
    summary.group = exchange->group;
    summary.dh_bits = exchange->dh_bits;
    if (exchange->signature_algorithm) summary.signature_algorithm = exchange->signature_algorithm;
  } else if (const auto* message = std::get_if<HandshakeMessage>(&e.fact)) {
    if (server && message->signature_algorithm)
      summary.signature_algorithm = message->signature_algorithm;
  } else if (holds<tls::CertificateRequest>(e.fact)) {
    summary.client_certificate_requested = summary.client_certificate_requested || server;
  } else if (const auto* certificates = std::get_if<Certificates>(&e.fact)) {
    if (server && summary.certificates == nullptr) {
      summary.certificates = certificates;
      summary.certificates_at = e.at;
    }
  } else if (std::holds_alternative<TlsAlert>(e.fact)) {
    summary.alerts.push_back(&e);
  }
}

}  // namespace

bool is_tls(const Fact& fact) { return kIsTls[fact.index()]; }

std::optional<TlsSummary> tls_summary(const HandshakeRecord& record) {
  if (std::ranges::none_of(record.evidence, [](const Evidence& e) { return is_tls(e.fact); }))
    return {};
  TlsSummary summary;
  for (const auto& e : record.evidence) take(e, summary);
  take_agreement(record, summary);
  return summary;
}

}  // namespace rdpwhy::record
