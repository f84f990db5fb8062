#include "crypto/handshake_secrets.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <utility>

#include "rdpwhy/base/check.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::crypto {

namespace {

using tls::ExtensionType;
using tls::HandshakeType;

constexpr std::uint16_t kTls10 = 0x0301;
constexpr std::uint16_t kTruncatedHmac = 4;   // RFC 6066 7
constexpr std::size_t kMostEncrypted = 2048;  // RSA keys of 16,384 bits

const tls::Extension* find(const std::vector<tls::Extension>& extensions, std::uint16_t type) {
  const auto found = std::ranges::find(extensions, type, &tls::Extension::type);
  return found == extensions.end() ? nullptr : &*found;
}

/// The octets behind a length of two octets that says how many follow.
ByteSpan behind_length(ByteSpan octets) {
  if (octets.size() < 2) return {};
  const std::size_t length = static_cast<std::size_t>(octets[0] << 8 | octets[1]);
  return octets.size() - 2 < length ? ByteSpan{} : octets.subspan(2, length);
}

}  // namespace

HandshakeSecrets::HandshakeSecrets(const OpeningSecrets& secrets, const tls::ClientHello& hello)
    : secrets_(secrets),
      client_random_(hello.random),
      wants_premaster_(secrets.key_log.has_premasters() ||
                       (secrets.private_keys != nullptr && !secrets.private_keys->empty())) {
  if (secrets_.sessions == nullptr) return;
  offered_id_ = hello.session_id;
  const auto* ticket =
      find(hello.extensions, static_cast<std::uint16_t>(ExtensionType::kSessionTicket));
  if (ticket != nullptr && !ticket->payload.empty())
    offered_ticket_ = SessionMemory::of_ticket(ticket->payload);
}

void HandshakeSecrets::agree(const tls::ServerHello& hello) {
  agreed_ = true;
  server_random_ = hello.random;
  version_ = hello.version();
  cipher_suite_ = hello.cipher_suite;
  spec_ = cipher_spec_of(cipher_suite_);
  compressed_ = hello.compression_method != 0;
  truncated_mac_ = find(hello.extensions, kTruncatedHmac) != nullptr;
  encrypt_then_mac_ = hello.encrypt_then_mac;
  extended_master_ = hello.extended_master_secret;
  if (secrets_.sessions == nullptr || hello.session_id.empty()) return;
  session_id_ = SessionMemory::of_session_id(hello.session_id);
  resumes_id_ = hello.session_id == offered_id_;
}

void HandshakeSecrets::message(Side side, ByteSpan octets) {
  const auto header = tls::decode_handshake_header(octets);
  if (!header) {
    transcript_lost_ = transcript_lost_ || !exchanged_;
    return;
  }
  const auto body = octets.subspan(tls::HandshakeHeader::kSize);
  if (wants_premaster_) follow_transcript(header->type, octets);
  switch (header->kind()) {
    case HandshakeType::kCertificate:
      if (side == Side::kServer && wants_premaster_) {
        const auto decoded = tls::decode_certificate(body, false);
        if (decoded && !decoded->certificates.empty()) certificate_ = decoded->certificates.front();
      }
      break;
    case HandshakeType::kClientKeyExchange:
      if (side == Side::kClient && !exchanged_) read_key_exchange(body);
      break;
    case HandshakeType::kNewSessionTicket:
      if (side == Side::kServer) read_ticket(body);
      break;
    default:
      break;
  }
}

/// RFC 7627 3: the hash of all messages up to and including the ClientKeyExchange.
void HandshakeSecrets::follow_transcript(std::uint8_t type, ByteSpan octets) {
  const auto kind = static_cast<HandshakeType>(type);
  if (exchanged_ || kind == HandshakeType::kHelloRequest) return;  // RFC 5246 7.4.1.1
  if (kind == HandshakeType::kClientHello) {
    client_hello_ = base::to_bytes(octets);
    return;
  }
  if (!agreed_ || !extended_master_ || !spec_ || transcript_lost_) return;
  if (transcript_ == nullptr) {
    if (client_hello_.empty()) return;  // no transcript without its beginning
    transcript_.reset(EVP_MD_CTX_new());
    const DigestPtr digest(EVP_MD_fetch(library_context(), prf_digest(version_, *spec_), nullptr));
    RDPWHY_CHECK(transcript_ != nullptr && digest != nullptr);
    EVP_DigestInit_ex2(transcript_.get(), digest.get(), nullptr);
    EVP_DigestUpdate(transcript_.get(), client_hello_.data(), client_hello_.size());
    client_hello_ = {};
  }
  EVP_DigestUpdate(transcript_.get(), octets.data(), octets.size());
  if (kind != HandshakeType::kClientKeyExchange) return;
  session_hash_.resize(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  EVP_DigestFinal_ex(transcript_.get(), session_hash_.data(), &size);
  session_hash_.resize(size);
  transcript_.reset();
}

void HandshakeSecrets::read_key_exchange(ByteSpan body) {
  exchanged_ = true;
  if (!wants_premaster_ || tls::key_exchange_of(cipher_suite_) != tls::KeyExchange::kRsa) return;
  const auto encrypted = behind_length(body);  // RFC 5246 7.4.7.1
  if (encrypted.size() <= kMostEncrypted) encrypted_premaster_ = base::to_bytes(encrypted);
}

/// RFC 5077 3.3: a lifetime of four octets, then the ticket.
void HandshakeSecrets::read_ticket(ByteSpan body) {
  if (secrets_.sessions == nullptr || body.size() < 4) return;
  const auto ticket = behind_length(body.subspan(4));
  if (ticket.empty()) return;
  new_ticket_ = SessionMemory::of_ticket(ticket);
  if (proven_) secrets_.sessions->remember(*new_ticket_, masters_.front());
}

bool HandshakeSecrets::find_masters() {
  if (!masters_.empty()) return true;
  if (!agreed_) return false;
  find_logged_masters();
  if (!masters_.empty()) return true;
  exchanged_ ? find_exchanged_masters() : find_resumed_masters();
  return !masters_.empty();
}

void HandshakeSecrets::find_logged_masters() {
  for (const auto secret : secrets_.key_log.secrets("CLIENT_RANDOM", client_random_))
    take_master(secret);
}

void HandshakeSecrets::find_resumed_masters() {
  if (secrets_.sessions == nullptr) return;
  for (const auto& name : {resumes_id_ ? session_id_ : std::nullopt, offered_ticket_}) {
    if (!name) continue;
    if (const auto secret = secrets_.sessions->master_secret(*name)) take_master(*secret);
  }
}

void HandshakeSecrets::find_exchanged_masters() {
  if (!spec_) return;
  for (const auto logged : secrets_.key_log.secrets("PMS_CLIENT_RANDOM", client_random_))
    take_premaster(logged);
  if (encrypted_premaster_.empty()) return;
  for (const auto logged : secrets_.key_log.premasters(encrypted_premaster_))
    take_premaster(logged);
  // A decryption costs much and comes out the same each time.
  if (!masters_.empty() || secrets_.private_keys == nullptr || std::exchange(exchange_tried_, true))
    return;
  const auto premaster = secrets_.private_keys->premaster(certificate_, encrypted_premaster_);
  if (premaster) take_premaster(premaster->reveal());
}

void HandshakeSecrets::take_master(ByteSpan secret) {
  if (secret.size() != kMasterSecretSize) return;
  std::ranges::copy(secret, masters_.emplace_back().begin());
}

void HandshakeSecrets::take_premaster(ByteSpan premaster) {
  const char* digest = prf_digest(version_, *spec_);
  if (!extended_master_) {
    derive_master_secret(digest, premaster, client_random_, server_random_,
                         masters_.emplace_back());
  } else if (!session_hash_.empty() && !transcript_lost_) {
    derive_extended_master_secret(digest, premaster, session_hash_, masters_.emplace_back());
  }
}

std::string_view HandshakeSecrets::obstacle() const {
  if (compressed_) return "the records are compressed, which is not undone here";
  if (truncated_mac_) return "records with a truncated HMAC (RFC 6066) are not opened here";
  if (!spec_) return "records of this cipher suite are not opened here";
  return {};
}

std::vector<HandshakeSecrets::Protection> HandshakeSecrets::protect(Side side) const {
  RDPWHY_CHECK(!masters_.empty() && spec_);
  const bool cbc = spec_->kind == CipherSpec::Kind::kCbc;
  const bool with_ivs = spec_->tag_size > 0 || (cbc && version_ <= kTls10);
  std::vector<Protection> protections;
  for (const auto& master : masters_) {
    const KeyBlock keys(prf_digest(version_, *spec_), *spec_, master, client_random_,
                        server_random_, with_ivs);
    auto octets =
        make_record_protection(*spec_, keys.of(side), !with_ivs, cbc && encrypt_then_mac_);
    if (octets == nullptr) return {};
    protections.push_back({std::move(octets), &master});
  }
  return protections;
}

void HandshakeSecrets::prove(const MasterSecret* right) {
  if (std::exchange(proven_, true)) return;
  masters_.remove_if([&](const MasterSecret& master) { return &master != right; });
  if (secrets_.sessions == nullptr) return;
  if (exchanged_ && session_id_) secrets_.sessions->remember(*session_id_, masters_.front());
  if (new_ticket_) secrets_.sessions->remember(*new_ticket_, masters_.front());
}

}  // namespace rdpwhy::crypto
