#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <functional>
#include <string>
#include <vector>

#include "crypto/openssl_handles.h"
#include "crypto/tls_pair.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::crypto {

/// What one side wrote at once, in the order of the connection.
struct Flight {
  Side side;
  Bytes octets;
};
using Wire = std::vector<Flight>;

/// A client and a server of OpenSSL with everything it can do at security level 0, beyond what
/// TlsSession is for: pre-shared keys, anonymous suites, tickets, resumption, renegotiation.
class OpensslPair {
 public:
  struct Setup {
    std::uint16_t version = TLS1_2_VERSION;
    std::string suites;  ///< OpenSSL's names; TLS 1.2 and older
    bool encrypt_then_mac = true;
    bool extended_master_secret = true;
    bool tickets = false;
    bool empty_fragments = false;  ///< TLS 1.0 with CBC
    std::string
        server_groups;  ///< OpenSSL's names; one that the client puts second: it is asked again
    CertificateRecipe::Key key = CertificateRecipe::Key::kRsa2048;
  };

  explicit OpensslPair(const Setup& setup) {
    client_context_.reset(SSL_CTX_new_ex(library_context(), nullptr, TLS_client_method()));
    server_context_.reset(SSL_CTX_new_ex(library_context(), nullptr, TLS_server_method()));
    for (SSL_CTX* c : {client_context_.get(), server_context_.get()}) configure(c, setup);
    const auto settings = settings_for_tests(setup.key);
    const auto chain = read_pem_certificates(settings.certificate_chain_pem);
    const auto key = read_pem_private_key(settings.private_key_pem);
    EXPECT_TRUE(chain && key);
    private_key_pem_ = settings.private_key_pem;
    if (!setup.server_groups.empty())
      SSL_CTX_set1_groups_list(server_context_.get(), setup.server_groups.c_str());
    SSL_CTX_use_certificate(server_context_.get(), chain->front().get());
    SSL_CTX_use_PrivateKey(server_context_.get(), key->get());
    SSL_CTX_set_dh_auto(server_context_.get(), 1);
    if (setup.suites.find("PSK") != std::string::npos) share_key();
    SSL_CTX_set_app_data(client_context_.get(), this);
    SSL_CTX_set_keylog_callback(client_context_.get(), [](const SSL* ssl, const char* line) {
      auto* self = static_cast<OpensslPair*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      self->key_log_ += std::string(line) + "\n";
    });
  }

  OpensslPair(const OpensslPair&) = delete;
  OpensslPair& operator=(const OpensslPair&) = delete;

  /// A new connection of the same two ends.
  testing::AssertionResult connect(SSL_SESSION* resumed = nullptr) {
    wire_.clear();
    client_ = make(client_context_.get());
    server_ = make(server_context_.get());
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
    if (resumed != nullptr) SSL_set_session(client_.get(), resumed);
    return settle();
  }

  /// Handshakes go on until nobody has more to say; true when both are established.
  testing::AssertionResult settle() {
    for (int turn = 0; turn < 20; ++turn) {
      for (SSL* ssl : {client_.get(), server_.get()}) {
        SSL_do_handshake(ssl);
        take_text(ssl);
      }
      const bool moved = carry(Side::kClient) | carry(Side::kServer);  // NOLINT: both are carried
      if (!moved) break;
    }
    const auto errors = take_errors();
    if (SSL_is_init_finished(client_.get()) == 1 && SSL_is_init_finished(server_.get()) == 1)
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << errors;
  }

  void say(Side side, std::string_view text) {
    EXPECT_EQ(SSL_write(of(side), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
    EXPECT_TRUE(settle());
  }
  void close(Side side) {
    SSL_shutdown(of(side));
    carry(side);
  }
  bool renegotiate() {
    const bool asked = SSL_renegotiate(client_.get()) == 1;
    return asked && settle() && SSL_renegotiate_pending(client_.get()) == 0;
  }
  /// TLS 1.3: this side's keys, and the other's in answer.
  void update_keys(Side side) {
    EXPECT_EQ(SSL_key_update(of(side), SSL_KEY_UPDATE_REQUESTED), 1);
    EXPECT_TRUE(settle());
  }
  [[nodiscard]] bool was_resumed() const { return SSL_session_reused(client_.get()) == 1; }
  [[nodiscard]] SSL* client() const { return client_.get(); }

  [[nodiscard]] const Wire& wire() const { return wire_; }
  /// What each side read, as OpenSSL says.
  [[nodiscard]] const std::string& read_by(Side side) const {
    return side == Side::kServer ? server_text_ : client_text_;
  }
  [[nodiscard]] const std::string& key_log() const { return key_log_; }
  [[nodiscard]] const std::string& private_key_pem() const { return private_key_pem_; }

 private:
  static unsigned write_psk(unsigned char* out) {
    std::fill_n(out, 16, static_cast<unsigned char>(7));
    return 16;
  }

  void share_key() {
    SSL_CTX_set_psk_server_callback(server_context_.get(), [](SSL*, const char*, unsigned char* psk,
                                                              unsigned) { return write_psk(psk); });
    SSL_CTX_set_psk_client_callback(
        client_context_.get(),
        [](SSL*, const char*, char* identity, unsigned, unsigned char* psk, unsigned) {
          identity[0] = 'i';
          identity[1] = 0;
          return write_psk(psk);
        });
  }

  static void configure(SSL_CTX* c, const Setup& setup) {
    SSL_CTX_set_security_level(c, 0);
    SSL_CTX_clear_options(c, SSL_CTX_get_options(c));
    std::uint64_t options = SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                            SSL_OP_ALLOW_CLIENT_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT;
    if (!setup.encrypt_then_mac) options |= SSL_OP_NO_ENCRYPT_THEN_MAC;
    if (!setup.extended_master_secret) options |= SSL_OP_NO_EXTENDED_MASTER_SECRET;
    if (!setup.tickets) options |= SSL_OP_NO_TICKET;
    if (!setup.empty_fragments) options |= SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS;
    SSL_CTX_set_options(c, options);
    SSL_CTX_set_min_proto_version(c, setup.version);
    SSL_CTX_set_max_proto_version(c, setup.version);
    const auto list = setup.suites.empty() ? "ALL:@SECLEVEL=0" : setup.suites + ":@SECLEVEL=0";
    SSL_CTX_set_cipher_list(c, list.c_str());
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_SERVER);
    constexpr unsigned char kContext[] = {1};
    SSL_CTX_set_session_id_context(c, kContext, sizeof kContext);
  }

  static SslPtr make(SSL_CTX* context) {
    SslPtr ssl(SSL_new(context));
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    return ssl;
  }

  SSL* of(Side side) const { return side == Side::kServer ? server_.get() : client_.get(); }

  void take_text(SSL* ssl) {
    char buffer[16384];
    int got = 0;
    while ((got = SSL_read(ssl, buffer, sizeof buffer)) > 0)
      (ssl == server_.get() ? server_text_ : client_text_)
          .append(buffer, static_cast<std::size_t>(got));
  }

  bool carry(Side from) {
    SSL* const sender = of(from);
    SSL* const reader = of(from == Side::kServer ? Side::kClient : Side::kServer);
    Bytes octets(BIO_ctrl_pending(SSL_get_wbio(sender)));
    if (octets.empty()) return false;
    BIO_read(SSL_get_wbio(sender), octets.data(), static_cast<int>(octets.size()));
    BIO_write(SSL_get_rbio(reader), octets.data(), static_cast<int>(octets.size()));
    wire_.push_back({from, std::move(octets)});
    return true;
  }

  SslContextPtr client_context_, server_context_;
  SslPtr client_, server_;
  Wire wire_;
  std::string client_text_, server_text_;
  std::string key_log_;
  std::string private_key_pem_;
};

}  // namespace rdpwhy::crypto
