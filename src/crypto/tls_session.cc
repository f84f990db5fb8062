#include "rdpwhy/crypto/tls_session.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "crypto/alert_sealer.h"
#include "crypto/openssl_handles.h"
#include "crypto/tls_offer.h"
#include "crypto/wiped.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/base/wiped_bytes.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::crypto {

namespace {

constexpr std::size_t kMaxUntakenPlaintext = std::size_t{64} << 20;
constexpr std::size_t kFeedStep = std::size_t{64} << 10;  // what OpenSSL's buffer holds at a time

}  // namespace

class TlsSession::Impl {
 public:
  Impl(SslContextPtr context, KeyLogCallback on_secret)
      : on_secret_(std::move(on_secret)), context_(std::move(context)) {}
  ~Impl() { OPENSSL_cleanse(unsent_.data(), unsent_.size()); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::expected<void, Error> start(bool as_server, const std::string& server_name);
  State feed(ByteSpan from_peer);
  Bytes drain();
  Bytes plaintext() {
    Bytes out(plaintext_.begin(), plaintext_.end());
    plaintext_ = {};
    return out;
  }
  void write(ByteSpan application_data);
  void close();
  void refuse(std::uint8_t alert);
  void update_keys(bool ask_peer_too);
  void renegotiate();
  State state() const { return state_; }
  const std::string& failure() const { return failure_; }
  Accessors accessors() const;

 private:
  static void log_secret(const SSL* ssl, const char* line);
  void remember_traffic_secret(std::string_view line);
  void count_records(ByteSpan written);
  Bytes drain_pending();
  Bytes sealed_alert() const;
  void move_on();
  bool handshake();
  void read_plaintext();
  void send_unsent();
  /// What `result` of an SSL call means for us; true when the call may be made again at once.
  bool judge(int result);
  void fail(std::string why);

  KeyLogCallback on_secret_;
  SslContextPtr context_;
  SslPtr ssl_;
  BIO* from_peer_ = nullptr;  // owned by ssl_
  BIO* to_peer_ = nullptr;    // owned by ssl_
  State state_ = State::kHandshaking;
  bool close_sent_ = false;
  bool is_server_ = false;
  std::optional<std::uint8_t> alert_;  // to go out behind all that is pending
  std::uint64_t records_written_ = 0;  // under the keys of now
  Secret traffic_secret_;              // TLS 1.3, the server's first
  std::string failure_;
  base::WipedBytes plaintext_;
  Bytes unsent_;
};

std::expected<void, Error> TlsSession::Impl::start(bool as_server, const std::string& server_name) {
  is_server_ = as_server;
  SSL_CTX_set_keylog_callback(context_.get(), &Impl::log_secret);
  ssl_.reset(SSL_new(context_.get()));
  from_peer_ = BIO_new(BIO_s_mem());
  to_peer_ = BIO_new(BIO_s_mem());
  if (ssl_ == nullptr || from_peer_ == nullptr || to_peer_ == nullptr) {
    BIO_free(from_peer_);
    BIO_free(to_peer_);
    return std::unexpected(Error{"OpenSSL does not start: " + take_errors()});
  }
  SSL_set_bio(ssl_.get(), from_peer_, to_peer_);
  SSL_set_app_data(ssl_.get(), this);
  if (as_server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
    // As SSL_set_tlsext_host_name, whose macro casts in the old style.
    if (!server_name.empty() &&
        SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(server_name.c_str())) != 1) {
      ERR_clear_error();
      return std::unexpected(Error{"the server name is too long for TLS (255 octets)"});
    }
  }
  return {};
}

void TlsSession::Impl::log_secret(const SSL* ssl, const char* line) {
  auto* self = static_cast<Impl*>(SSL_get_app_data(ssl));
  if (self == nullptr) return;
  if (self->is_server_) self->remember_traffic_secret(line);
  if (self->on_secret_) self->on_secret_(line);
}

void TlsSession::Impl::remember_traffic_secret(std::string_view line) {
  if (!line.starts_with("SERVER_TRAFFIC_SECRET_0 ")) return;
  auto octets = base::parse_hex(line.substr(line.rfind(' ') + 1));
  if (octets) traffic_secret_ = Secret(std::move(*octets));
}

TlsSession::State TlsSession::Impl::feed(ByteSpan from_peer) {
  do {
    if (state_ == State::kFailed || state_ == State::kPeerClosed) return state_;
    const auto step = from_peer.first(std::min(from_peer.size(), kFeedStep));
    from_peer = from_peer.subspan(step.size());
    if (!step.empty() && BIO_write(from_peer_, step.data(), static_cast<int>(step.size())) !=
                             static_cast<int>(step.size())) {
      fail("out of memory");
      return state_;
    }
    move_on();
  } while (!from_peer.empty());
  return state_;
}

void TlsSession::Impl::move_on() {
  ERR_clear_error();
  if (state_ == State::kHandshaking && !handshake()) return;
  if (state_ == State::kEstablished) send_unsent();
  if (state_ == State::kEstablished) read_plaintext();
}

bool TlsSession::Impl::handshake() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    state_ = State::kEstablished;
    return true;
  }
  judge(result);
  return false;
}

void TlsSession::Impl::read_plaintext() {
  std::array<std::uint8_t, 16384> buffer;
  for (;;) {
    const int got = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0) {
      judge(got);
      break;
    }
    plaintext_.insert(plaintext_.end(), buffer.begin(), buffer.begin() + got);
    if (plaintext_.size() > kMaxUntakenPlaintext) {
      fail("more plaintext than anybody takes");
      break;
    }
  }
  OPENSSL_cleanse(buffer.data(), buffer.size());
}

void TlsSession::Impl::send_unsent() {
  if (unsent_.empty() || close_sent_) return;
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_.get(), unsent_.data(), unsent_.size(), &written);
  if (result == 1) {
    OPENSSL_cleanse(unsent_.data(), unsent_.size());
    unsent_.clear();
    return;
  }
  judge(result);  // a renegotiation under way wants the peer's octets first: again on the next feed
}

bool TlsSession::Impl::judge(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      ERR_clear_error();
      return true;
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::kPeerClosed;
      ERR_clear_error();
      return false;
    default:
      fail(take_errors());
      return false;
  }
}

void TlsSession::Impl::fail(std::string why) {
  state_ = State::kFailed;
  failure_ = std::move(why);
}

Bytes TlsSession::Impl::drain() {
  auto octets = drain_pending();
  if (!alert_) return octets;
  const auto last = sealed_alert();
  alert_.reset();
  octets.insert(octets.end(), last.begin(), last.end());
  return octets;
}

Bytes TlsSession::Impl::drain_pending() {
  Bytes octets(BIO_ctrl_pending(to_peer_));
  if (octets.empty()) return octets;
  const int got = BIO_read(to_peer_, octets.data(), static_cast<int>(octets.size()));
  octets.resize(static_cast<std::size_t>(std::max(got, 0)));
  count_records(octets);
  return octets;
}

/// Whole records, as OpenSSL writes them. Counting begins anew where the keys change: with a
/// ChangeCipherSpec before TLS 1.3, behind the server's own flight in TLS 1.3.
void TlsSession::Impl::count_records(ByteSpan written) {
  const bool tls13 = SSL_version(ssl_.get()) == TLS1_3_VERSION;
  while (const auto header = tls::decode_record_header(written)) {
    const bool changes =
        header->type == static_cast<std::uint8_t>(tls::ContentType::kChangeCipherSpec);
    const bool begins_anew = tls13 ? state_ == State::kHandshaking : changes;
    records_written_ = begins_anew ? 0 : records_written_ + 1;
    const auto size = std::min(written.size(), tls::RecordHeader::kSize + header->length);
    written = written.subspan(size);
  }
}

Bytes TlsSession::Impl::sealed_alert() const {
  Wiped<SSL_MAX_MASTER_KEY_LENGTH> master;
  std::array<std::uint8_t, SSL3_RANDOM_SIZE> client, server;
  SSL_get_client_random(ssl_.get(), client.data(), client.size());
  SSL_get_server_random(ssl_.get(), server.data(), server.size());
  const auto size =
      SSL_SESSION_get_master_key(SSL_get_session(ssl_.get()), master.data(), master.size());
  const auto seen = accessors();
  const WritingEnd end{.side = Side::kServer,
                       .version = seen.version,
                       .cipher_suite = seen.cipher,
                       .sequence = records_written_,
                       .secret = seen.version == TLS1_3_VERSION ? traffic_secret_.reveal()
                                                                : ByteSpan(master).first(size),
                       .client_random = client,
                       .server_random = server};
  return seal_alert(end, {.level = tls::Alert::kFatal, .description = *alert_}).value_or(Bytes{});
}

void TlsSession::Impl::write(ByteSpan application_data) {
  if (application_data.empty() || close_sent_ || state_ == State::kFailed) return;
  unsent_.insert(unsent_.end(), application_data.begin(), application_data.end());
  ERR_clear_error();
  if (state_ == State::kEstablished || state_ == State::kPeerClosed) send_unsent();
}

void TlsSession::Impl::close() {
  if (close_sent_ || state_ == State::kHandshaking || state_ == State::kFailed) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());  // 0: sent, the peer's is still to come; we wait for nobody
  ERR_clear_error();
  close_sent_ = true;
}

void TlsSession::Impl::refuse(std::uint8_t alert) {
  if (!is_server_ || close_sent_ || state_ != State::kEstablished) return;
  alert_ = alert;
  close_sent_ = true;
}

void TlsSession::Impl::update_keys(bool ask_peer_too) {
  if (state_ != State::kEstablished || close_sent_) return;
  ERR_clear_error();
  if (SSL_key_update(ssl_.get(),
                     ask_peer_too ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1) {
    SSL_do_handshake(ssl_.get());
  }
  ERR_clear_error();
}

void TlsSession::Impl::renegotiate() {
  if (state_ != State::kEstablished || close_sent_) return;
  ERR_clear_error();
  if (SSL_renegotiate(ssl_.get()) == 1) SSL_do_handshake(ssl_.get());
  ERR_clear_error();
}

TlsSession::Accessors TlsSession::Impl::accessors() const {
  Accessors seen;
  seen.version = static_cast<std::uint16_t>(SSL_version(ssl_.get()));
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get())) {
    seen.cipher = SSL_CIPHER_get_protocol_id(cipher);
  }
  seen.group = group_of_nid(static_cast<int>(SSL_get_negotiated_group(ssl_.get())));
  seen.resumed = SSL_session_reused(ssl_.get()) == 1;
  if (const X509* certificate = SSL_get0_peer_certificate(ssl_.get())) {
    seen.peer_certificate = der_of(certificate);
  }
  return seen;
}

namespace {

std::expected<void, Error> set_identity(SSL_CTX* context, const TlsServerSettings& settings) {
  auto chain = read_pem_certificates(settings.certificate_chain_pem);
  if (!chain) return std::unexpected(chain.error());
  auto key = read_pem_private_key(settings.private_key_pem);
  if (!key) return std::unexpected(key.error());
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key->get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return std::unexpected(
        Error{"the certificate and the private key do not go together: " + take_errors()});
  }
  for (std::size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1) {
      return std::unexpected(Error{"the certificate chain cannot be used: " + take_errors()});
    }
  }
  return {};
}

/// Any client certificate will do: the lab asks for one to see what the client does.
int accept_any(int, X509_STORE_CTX*) { return 1; }

std::expected<SslContextPtr, Error> make_server_context(const TlsServerSettings& settings) {
  auto context = make_context(TLS_server_method(), settings.min_version, settings.max_version);
  if (!context) return context;
  SSL_CTX* const c = context->get();
  if (auto ok = set_identity(c, settings); !ok) return std::unexpected(ok.error());
  SSL_CTX_set_dh_auto(c, 1);
  if (!settings.cipher_list.empty() &&
      SSL_CTX_set_cipher_list(c, settings.cipher_list.c_str()) != 1) {
    return std::unexpected(Error{"the cipher list cannot be used: " + take_errors()});
  }
  SSL_CTX_set_security_level(c, 0);  // a cipher list may have named another one
  if (!settings.tls13_cipher_suites.empty() &&
      SSL_CTX_set_ciphersuites(c, settings.tls13_cipher_suites.c_str()) != 1) {
    return std::unexpected(Error{"the TLS 1.3 cipher suites cannot be used: " + take_errors()});
  }
  if (!settings.groups.empty() && SSL_CTX_set1_groups_list(c, settings.groups.c_str()) != 1) {
    return std::unexpected(Error{"the groups cannot be used: " + take_errors()});
  }
  if (settings.request_client_certificate || settings.require_client_certificate) {
    const int refuse = settings.require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | refuse, accept_any);
    constexpr std::array<unsigned char, 6> kContext = {'r', 'd', 'p', 'w', 'h', 'y'};
    SSL_CTX_set_session_id_context(c, kContext.data(), kContext.size());
  }
  if (!settings.send_tickets) SSL_CTX_set_num_tickets(c, 0);
  ERR_clear_error();
  return context;
}

}  // namespace

std::expected<TlsSession, Error> TlsSession::client(const TlsOffer& offer,
                                                    KeyLogCallback on_secret) {
  auto context = make_client_context(offer);
  if (!context) return std::unexpected(context.error());
  auto impl = std::make_unique<Impl>(std::move(*context), std::move(on_secret));
  if (auto ok = impl->start(false, offer.server_name); !ok) return std::unexpected(ok.error());
  return TlsSession(std::move(impl));
}

std::expected<TlsSession, Error> TlsSession::server(const TlsServerSettings& settings,
                                                    KeyLogCallback on_secret) {
  auto context = make_server_context(settings);
  if (!context) return std::unexpected(context.error());
  auto impl = std::make_unique<Impl>(std::move(*context), std::move(on_secret));
  if (auto ok = impl->start(true, {}); !ok) return std::unexpected(ok.error());
  return TlsSession(std::move(impl));
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;
TlsSession::~TlsSession() = default;

TlsSession::State TlsSession::feed(ByteSpan from_peer) { return impl_->feed(from_peer); }
Bytes TlsSession::drain() { return impl_->drain(); }
Bytes TlsSession::plaintext() { return impl_->plaintext(); }
void TlsSession::write(ByteSpan application_data) { impl_->write(application_data); }
void TlsSession::close() { impl_->close(); }
void TlsSession::refuse(std::uint8_t alert) { impl_->refuse(alert); }
void TlsSession::update_keys(bool ask_peer_too) { impl_->update_keys(ask_peer_too); }
void TlsSession::renegotiate() { impl_->renegotiate(); }
TlsSession::State TlsSession::state() const { return impl_->state(); }
const std::string& TlsSession::failure() const { return impl_->failure(); }
TlsSession::Accessors TlsSession::accessors() const { return impl_->accessors(); }

}  // namespace rdpwhy::crypto
