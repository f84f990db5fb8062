#include "rdpwhy/record/octets.h"

#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace rdpwhy::record {
namespace {

/// What an allocator adds to each piece, rounding included.
constexpr std::size_t kPerAllocation = 24;

const std::size_t kInside = std::string().capacity();

std::size_t behind(const std::string& text) {
  return text.capacity() > kInside ? text.capacity() + kPerAllocation : 0;
}

// Known before the templates that look into lists.
std::size_t behind(const tls::Extension& extension);
std::size_t behind(const auth::AvPair& pair);
std::size_t behind(const auth::AvPairs& pairs);
std::size_t behind(const auth::NtlmAuthenticate::ClientChallenge& challenge);
std::size_t behind(const auth::KrbError& error);
std::size_t behind(const auth::MechanismMessage& message);
std::size_t behind(const auth::SpnegoToken& token);
std::size_t behind(const auth::Token& token);
std::size_t behind(const DecodeError& error);
std::size_t behind(const rdp::ChannelDefinition& channel) { return behind(channel.name); }
std::size_t behind(const rdp::CapabilitySet& set);
std::size_t behind(const rdp::ClientBlock& block);
std::size_t behind(const rdp::ServerBlock& block);
std::size_t behind(const Note& note) { return behind(note.field) + behind(note.text); }

template <typename T>
std::size_t behind(const std::vector<T>& list) {
  if (list.capacity() == 0) return 0;
  auto sum = list.capacity() * sizeof(T) + kPerAllocation;
  if constexpr (!std::is_trivially_copyable_v<T>) {
    for (const auto& one : list) sum += behind(one);
  }
  return sum;
}

template <typename T>
std::size_t behind(const std::optional<T>& value) {
  return value ? behind(*value) : 0;
}

template <typename... T>
std::size_t behind_all(const T&... parts) {
  return (behind(parts) + ... + std::size_t{0});
}

std::size_t behind(const tls::Extension& extension) { return behind(extension.payload); }

/// Extensions come by the ten thousand in a hostile hello, and lists as long as the message.
std::size_t behind(const tls::ClientHello& h) {
  return behind_all(h.session_id, h.cipher_suites, h.ssl2_cipher_specs, h.compression_methods,
                    h.extensions, h.server_name, h.supported_versions, h.supported_groups,
                    h.ec_point_formats, h.signature_algorithms, h.signature_algorithms_cert,
                    h.key_shares, h.alpn, h.psk_key_exchange_modes);
}

std::size_t behind(const tls::ServerHello& h) {
  return behind_all(h.session_id, h.extensions, h.alpn);
}

std::size_t behind(const tls::CertificateRequest& r) {
  return behind_all(r.request_context, r.extensions, r.certificate_types, r.signature_algorithms);
}

std::size_t behind(const Certificates& certificates) {
  auto sum = certificates.chain.capacity() * sizeof(CertificateHandle) + kPerAllocation;
  for (const auto& certificate : certificates.chain) {
    if (certificate != nullptr) sum += octets_held(*certificate);
  }
  return sum;
}

std::size_t behind(const EncryptedExtensions& e) { return behind(e.types); }
std::size_t behind(const rdp::ConnectionRequest& r) {
  return behind_all(r.cookie, r.routing_token, r.parameters);
}
std::size_t behind(const rdp::ConnectionConfirm& c) { return behind(c.parameters); }
std::size_t behind(const rdp::DataTpdu& d) { return behind(d.first); }
std::size_t behind(const ForeignProtocol& f) { return behind_all(f.protocol, f.first); }
std::size_t behind(const Malformed& m) {
  return behind_all(m.what, m.error.field, m.error.text, m.first);
}
std::size_t behind(const Unexpected& u) { return behind_all(u.got, u.expected, u.seen, u.first); }
std::size_t behind(const auth::AvPair& pair) { return behind(pair.value); }
std::size_t behind(const auth::AvPairs& pairs) { return behind(pairs.pairs); }
std::size_t behind(const auth::NtlmAuthenticate::ClientChallenge& c) { return behind(c.av_pairs); }
std::size_t behind(const auth::KrbError& e) {
  return behind_all(e.realm, e.service_name, e.client_realm, e.client_name, e.text, e.data);
}

std::size_t behind(const auth::MechanismMessage& message) {
  if (const auto* negotiate = std::get_if<auth::NtlmNegotiate>(&message))
    return behind_all(negotiate->domain_name, negotiate->workstation_name);
  if (const auto* challenge = std::get_if<auth::NtlmChallenge>(&message))
    return behind_all(challenge->target_name, challenge->target_info);
  if (const auto* m = std::get_if<auth::NtlmAuthenticate>(&message)) {
    return behind_all(m->domain_name, m->user_name, m->workstation, m->lm_response, m->nt_response,
                      m->encrypted_random_session_key, m->ntlmv2);
  }
  if (const auto* token = std::get_if<auth::KerberosToken>(&message))
    return behind_all(token->mechanism, token->realm, token->server_name, token->error);
  return 0;
}

std::size_t behind(const auth::SpnegoToken& token) {
  if (const auto* init = std::get_if<auth::NegTokenInit>(&token)) {
    return behind_all(init->mech_types, init->req_flags, init->mech_token, init->hint_name,
                      init->hint_address, init->mech_list_mic, init->mech_types_der);
  }
  const auto& response = std::get<auth::NegTokenResp>(token);
  return behind_all(response.supported_mech, response.response_token, response.mech_list_mic);
}

std::size_t behind(const DecodeError& error) { return behind_all(error.field, error.text); }
/// Object identifiers and AV pairs take several times what they were on the wire.
std::size_t behind(const auth::Token& token) {
  return behind_all(token.spnego, token.message, token.mechanism_octets, token.error, token.notes);
}
std::size_t behind(const CredsspMessage& m) {
  return behind_all(m.tokens, m.pub_key_auth, m.client_nonce);
}
std::size_t behind(const ProxyOpening& p) { return behind_all(p.protocol, p.target, p.answer); }

std::size_t behind(const rdp::CapabilitySet& set) { return behind(set.body); }
std::size_t behind(const rdp::ClientBlock& block) {
  if (const auto* core = std::get_if<rdp::ClientCoreData>(&block))
    return behind_all(core->client_name, core->ime_file_name, core->client_dig_product_id);
  if (const auto* network = std::get_if<rdp::ClientNetworkData>(&block))
    return behind(network->channels);
  if (const auto* monitors = std::get_if<rdp::ClientMonitorData>(&block))
    return behind(monitors->monitors);
  if (const auto* monitors = std::get_if<rdp::ClientMonitorExtendedData>(&block))
    return behind(monitors->monitors);
  const auto* unknown = std::get_if<rdp::UnknownBlock>(&block);
  return unknown == nullptr ? 0 : behind(unknown->body);
}
std::size_t behind(const rdp::ServerBlock& block) {
  if (const auto* security = std::get_if<rdp::ServerSecurityData>(&block))
    return behind_all(security->server_random, security->server_certificate);
  if (const auto* network = std::get_if<rdp::ServerNetworkData>(&block))
    return behind(network->channel_ids);
  const auto* unknown = std::get_if<rdp::UnknownBlock>(&block);
  return unknown == nullptr ? 0 : behind(unknown->body);
}

// Of the session's PDUs those whose lists take several times what they were on the wire: names of
// channels, monitors, capability sets.
std::size_t behind(const McsConnectInitial& m) { return behind(m.blocks.blocks); }
std::size_t behind(const McsConnectResponse& m) { return behind(m.blocks.blocks); }
std::size_t behind(const rdp::ShareControl& control) {
  if (const auto* demand = std::get_if<rdp::DemandActive>(&control.content))
    return behind_all(demand->source_descriptor, demand->capability_sets);
  if (const auto* confirm = std::get_if<rdp::ConfirmActive>(&control.content))
    return behind_all(confirm->source_descriptor, confirm->capability_sets);
  return 4 * control.content_size;
}

/// A fact whose parts are counted one by one above.
template <typename T>
concept Counted = requires(const T& fact) { behind(fact); };

std::size_t behind_fact(const Evidence& evidence) {
  // Texts and lists of the other facts are at most a few times as long as what was on the wire.
  constexpr std::size_t kTimesAsRead = 4;
  return std::visit(
      [&]<typename T>(const T& held) -> std::size_t {
        if constexpr (requires { *held; }) {
          using Inside = std::remove_cvref_t<decltype(*held)>;
          const auto box = sizeof(Inside) + kPerAllocation;
          if constexpr (Counted<Inside>) return box + behind(*held);
          return box + kTimesAsRead * evidence.where.size;
        } else if constexpr (Counted<T>) {
          return behind(held);
        } else if constexpr (std::is_trivially_copyable_v<T>) {
          return 0;
        } else {
          return kTimesAsRead * evidence.where.size;
        }
      },
      evidence.fact);
}

}  // namespace

std::size_t octets_held(const CertificateFacts& f) {
  return sizeof(CertificateFacts) + kPerAllocation +
         behind_all(f.der, f.error, f.subject, f.issuer, f.serial, f.not_before_text,
                    f.not_after_text, f.key.type, f.key.curve, f.signature_algorithm,
                    f.signature_digest, f.common_name, f.dns_names, f.ip_addresses,
                    f.extended_key_usage, f.key_usage, f.sha1, f.sha256, f.notes);
}

std::size_t octets_held(const Evidence& evidence) {
  return sizeof(Evidence) + behind_fact(evidence) + behind(evidence.notes);
}

std::size_t octets_held(const HandshakeRecord& record) {
  std::size_t sum = 0;
  for (const auto& evidence : record.evidence) sum += octets_held(evidence);
  return sum;
}

}  // namespace rdpwhy::record
