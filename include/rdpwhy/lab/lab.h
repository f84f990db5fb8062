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
#include "rdpwhy/base/secret.h"
#include "rdpwhy/crypto/make_certificate.h"

namespace rdpwhy::lab {

enum class Close { kNo, kClose, kReset };

/// A server with Network Level Authentication (MS-CSSP 3.1.5), one field per deviation. The default
/// authenticates its account by real NTLM and grants it the desktop.
struct NlaFaults {
  bool hybrid_ex = true;              ///< false: HYBRID, without an authorization result
  bool restricted_admin = true;       ///< the Confirm offers it
  std::uint32_t version = 6;          ///< of its TSRequests
  std::uint32_t authorization = 0;    ///< early user authorization result
  bool updated_clients_only = false;  ///< alert 80 to clients older than CredSSP 5

  // What its challenge holds.
  bool target_info = true;
  bool timestamp = true;
  bool unknown_av_pairs = false;

  // How it wraps its tokens.
  enum class Wrapping { kAsAsked, kBare, kSpnego };
  Wrapping wrapping = Wrapping::kAsAsked;
  bool rejects = false;         ///< SPNEGO negState reject, whatever is offered
  bool wants_kerberos = false;  ///< SPNEGO: chooses Kerberos, whatever was sent

  enum class Proof {
    kRight,
    kOfAnotherKey,  ///< as from a machine behind the one that ended TLS
    kTheClients,    ///< the client's own pubKeyAuth comes back
    kUnsealed,
  };
  Proof proof = Proof::kRight;

  /// Which message of the client has what follows for an answer. kPublicKey: what follows stands
  /// behind the right answer to AUTHENTICATE, and no credentials are waited for.
  enum class At { kNegotiate, kAuthenticate, kPublicKey, kCredentials };
  At at = At::kAuthenticate;
  std::optional<std::uint32_t> error_code;  ///< TSRequest.errorCode
  std::optional<std::uint8_t> alert;        ///< a fatal TLS alert
  Close leave = Close::kNo;
  bool silent = false;
  bool ultimatum = false;  ///< T.125 DisconnectProviderUltimatum inside TLS
  enum class Broken {
    kNo,
    kTruncated,   ///< half of the right answer, then it closes
    kLengthLies,  ///< a length inside is larger than what holds it
    kHuge,        ///< the header claims 100 MB, and octets follow without end
    kLargeToken,  ///< a token of half a megabyte that is nothing
    kNoToken,     ///< a version and nothing else
    kText,        ///< octets that are no TSRequest
  };
  Broken broken = Broken::kNo;
};

/// A session host behind TLS or NLA (MS-RDPBCGR 1.3.1.1), one field per deviation. The default goes
/// all the way to the font map; there is no session behind it, and nobody is asked who they are.
struct SessionFaults {
  /// Which message of the client has what follows for an answer, instead of the right one.
  enum class At {
    kConnectInitial,
    kErectDomain,  ///< which nobody answers
    kAttachUser,
    kFirstJoin,
    kLastJoin,
    kClientInfo,    ///< instead of licensing
    kDemandActive,  ///< licensing ended well; instead of the Demand Active
    kConfirmActive,
    kSynchronize,
    kRequestControl,
    kFontList,
    kAfterFontMap,  ///< behind the font map
  };
  At at = At::kConnectInitial;
  std::optional<std::uint32_t> error_info;  ///< Set Error Info, and the server leaves
  std::optional<std::uint8_t> ultimatum;    ///< T.125 Reason, and the server leaves
  Close leave = Close::kNo;
  bool silent = false;
  bool refused = false;  ///< MCS: a result that is no success, and the server leaves
  /// A redirection packet with a routing token, and the server leaves. Who comes back with that
  /// token meets a server that behaves.
  bool redirected = false;
  /// With `redirected`: it hands out credentials, and who comes back with the token and offers
  /// RDSTLS has to show them there. Shown as they were handed out, this is the result.
  std::optional<std::uint32_t> rdstls_result;
  enum class Broken {
    kNo,
    kTruncated,         ///< half of the right answer, then it leaves
    kText,              ///< octets that are no TPKT
    kEmptyBlock,        ///< a data block of the Connect-Response with length 0
    kBlockTooLong,      ///< ... that is larger than what holds it
    kHugeCapabilities,  ///< a Demand Active that claims more than there is
  };
  Broken broken = Broken::kNo;

  std::optional<std::uint32_t> licensing_error;  ///< dwErrorCode of the alert that ends licensing
  std::uint32_t licensing_transition = 1;        ///< and its dwStateTransition
  bool license_request = false;                  ///< asks for a licence, and lets in who answers

  /// Standard RDP Security, where nothing better was selected: encryptionMethod (MS-RDPBCGR
  /// 2.2.1.4.3), whatever was offered. Who shows a MAC that does not fit is left.
  std::uint32_t encryption_method = 0;
  bool other_keys = false;  ///< and what the server says is encrypted with keys of nobody

  friend bool operator==(const SessionFaults&, const SessionFaults&) = default;
};

/// What a server takes exception to, so that only a change of that one thing shows the cause; one
/// field per dislike. Whoever gives it none is served.
struct Dislikes {
  enum class Reply { kNone, kClose, kReset, kSilent };
  Reply no_proxy_header = Reply::kNone;  ///< PROXY protocol version 1 has to come first
  Reply cookie = Reply::kNone;           ///< in the Connection Request
  Reply tls_offer = Reply::kNone;        ///< TLS or NLA in the Connection Request
  Reply no_tls_first = Reply::kNone;     ///< TLS is spoken from the first octet, and no X.224
  Reply large_hello = Reply::kNone;      ///< a ClientHello of more than kLargeHello octets
  Reply tls13 = Reply::kNone;            ///< in the ClientHello
  Reply ecdsa = Reply::kNone;            ///< suites for ECDSA certificates in the ClientHello
  Reply server_name = Reply::kNone;      ///< in the ClientHello
  Reply whole_hello = Reply::kNone;      ///< a ClientHello that comes in one piece
  Reply no_common = Reply::kNone;        ///< instead of the alert that says what is missing
  /// The path swallows segments of the server that are larger than kSegment octets.
  bool large_segments = false;
  std::uint32_t every = 0;        ///< every so-and-so-manieth connection, the first one too...
  Reply of_every = Reply::kNone;  ///< ... ends so at the Connection Request
  std::uint32_t after = 0;        ///< more connections than that are closed at once

  static constexpr std::size_t kLargeHello = 220;
  static constexpr int kSegment = 600;
};

/// One field per deviation; the default is a server that behaves through X.224, TLS and all that
/// follows.
struct Faults {
  using Close = lab::Close;
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
  bool no_tickets = false;                  ///< TLS 1.3: says nothing behind the client's Finished
  std::optional<NlaFaults> nla;             ///< absent: TLS alone is selected where it is offered
  SessionFaults session;
  Dislikes dislikes;
};

/// Who may log on to a server with NLA. The domain does not matter.
struct Account {
  static constexpr std::string_view kUser = "alice";
  static constexpr std::string_view kPassword = "open-for-tests";  ///< known to everybody
  std::string user = std::string(kUser);
  Secret password{kPassword};
};

struct Scenario {
  std::string_view name;     ///< "closes-at-once"
  std::string_view summary;  ///< what the server does, one line
  std::string_view story;    ///< which real failure looks like this
  /// First cause, then others that may be reported; of a server with NLA when its account logs on.
  std::vector<std::string_view> causes;
  std::string_view number = {};  ///< what may stand behind a colon: "CODE"; empty: nothing may
};
[[nodiscard]] std::span<const Scenario> scenarios();
/// By name, also with a number where one may stand: "credssp-error:0xC0000234". Null: unknown.
[[nodiscard]] const Scenario* find_scenario(std::string_view name);
/// Of a name that find_scenario knows; else a server that behaves.
[[nodiscard]] Faults faults_of(std::string_view scenario);

/// What came about on a server with NLA, over all its connections.
struct Logons {
  std::uint64_t tried = 0;      ///< NTLM AUTHENTICATE messages
  std::uint64_t proved = 0;     ///< with the right user and password
  std::uint64_t delegated = 0;  ///< TSCredentials, Restricted Admin's empty ones too
  std::uint64_t matched = 0;    ///< those of them that hold the account's name and password
  friend bool operator==(const Logons&, const Logons&) = default;
};

/// A running server on 127.0.0.1. Serves any number of connections until it goes, 64 at a time,
/// each for 30 seconds at most.
class Server {
 public:
  /// Port 0: any free one.
  [[nodiscard]] static std::expected<Server, Error> start(Faults faults, std::uint16_t port = 0,
                                                          Account account = {});
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::uint64_t connections() const;  ///< accepted so far
  [[nodiscard]] Logons logons() const;
  Server(Server&&) noexcept;
  ~Server();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::lab
