#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/crypto/make_certificate.h"

namespace rdpwhy::lab {

/// One field per deviation; the default is a server that behaves through X.224 and TLS.
struct Faults {
  enum class Close { kNo, kClose, kReset };
  Close at_once = Close::kNo;        ///< after accept, before reading anything
  Close after_request = Close::kNo;  ///< the Connection Request was read, no Confirm
  bool silent = false;               ///< never answers anything
  std::string banner;                ///< sent at once instead of RDP: "SSH-2.0-...\r\n"
  Bytes answer_on_request;           ///< these octets instead of a Confirm: HTTP, TLS, garbage
  std::optional<std::uint32_t> failure_code;          ///< RDP_NEG_FAILURE
  bool no_negotiation = false;                        ///< a Confirm with LI = 6
  std::optional<std::uint32_t> selected;              ///< RDP_NEG_RSP, whatever was offered
  bool confirm_truncated = false;                     ///< half a Confirm, then close
  bool confirm_bad_length = false;                    ///< TPKT length that lies
  Close after_confirm = Close::kNo;                   ///< before any ClientHello octet is read
  Close after_client_hello = Close::kNo;              ///< no alert
  std::optional<std::uint8_t> alert_on_client_hello;  ///< fatal
  bool ultimatum_on_client_hello = false;  ///< clear-text MCS DisconnectProviderUltimatum, as xrdp
  bool garbage_on_client_hello = false;
  bool silent_after_client_hello = false;
  bool endless_after_client_hello = false;  ///< octets without end
  bool one_octet_a_second = false;          ///< slow Confirm
  std::uint16_t tls_min = 0x0303, tls_max = 0x0304;
  /// Else a self-signed one for 127.0.0.1 and localhost. Moments left at zero: valid now.
  std::optional<crypto::CertificateRecipe> certificate;
  bool issued = false;           ///< by a CA, whose certificate is sent with it
  bool omit_issuer = false;      ///< with `issued`: the CA's certificate is not sent
  Close after_tls = Close::kNo;  ///< handshake completes, then it leaves
  bool request_client_certificate = false;
  bool require_client_certificate = false;  ///< and refuses a client without one
  std::string cipher_list;                  ///< OpenSSL's syntax; empty: its default
};

struct Scenario {
  std::string_view name;                 ///< "closes-at-once"
  std::string_view summary;              ///< what the server does, one line
  std::string_view story;                ///< which real failure looks like this
  std::vector<std::string_view> causes;  ///< first cause, then others that may be reported
};
[[nodiscard]] std::span<const Scenario> scenarios();
[[nodiscard]] const Scenario* find_scenario(std::string_view name);
[[nodiscard]] Faults faults_of(std::string_view scenario);

/// A running server on 127.0.0.1. Serves any number of connections until it goes, 64 at a time,
/// each for 30 seconds at most.
class Server {
 public:
  /// Port 0: any free one.
  [[nodiscard]] static std::expected<Server, Error> start(Faults faults, std::uint16_t port = 0);
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::uint64_t connections() const;  ///< accepted so far
  Server(Server&&) noexcept;
  ~Server();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::lab
