#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/base/time.h"
#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/record/record_opener.h"
#include "rdpwhy/record/session_opener.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::dissect {

/// Reads one X.509 certificate; given by `crypto` (I4: one function reads X.509). Never fails:
/// octets that are no certificate come back with `error` set.
using CertificateReader = std::function<record::CertificateHandle(ByteSpan der)>;

/// Nothing when no opener fits (other versions, other suites): protected records stay closed.
using RecordOpenerFactory = std::function<std::unique_ptr<record::RecordOpener>(
    const tls::ClientHello& client_hello, const tls::ServerHello& server_hello)>;

/// Both sides' octets, cut anywhere, become evidence. Passive: it never sends, never waits, never
/// asks the time. Bounded: at most kMostBuffered octets per side and a bounded number of evidences,
/// whatever comes.
class Dissector {
 public:
  struct Options {
    CertificateReader
        read_certificate;  ///< may be empty: certificates are kept as octets with hashes missing
    RecordOpenerFactory make_opener;  ///< may be empty: nothing is opened
    /// May be empty: what Standard RDP Security protects stays closed. Asked once for each
    /// connection whose server sends security data.
    record::SessionOpenerFactory make_session_opener = {};
    /// May be empty. The password or blob of a server's redirection, which no record holds: for who
    /// follows it.
    std::function<void(Secret)> on_redirection_password = {};
    /// False in a replay, where all secrets are known from the start: what cannot be opened at once
    /// is given up at once. The evidence is the same either way.
    bool secrets_may_come = true;
  };
  /// A TLS record, a TPKT and a handshake message (certificate chains of 100 KB are seen) must fit.
  static constexpr std::size_t kMostBuffered = 1u << 20;

  explicit Dissector(Options options);
  ~Dissector();
  Dissector(Dissector&&) noexcept;
  Dissector& operator=(Dissector&&) noexcept;

  // What happens to the connection, in order of time.
  void connecting(Moment at);   ///< first SYN
  void connected(Moment at);    ///< SYN-ACK
  void begins_late(Moment at);  ///< no SYN seen
  void bytes(Side side, ByteSpan octets, Moment at);
  void gap(Side side, std::uint64_t size, Moment at);  ///< size 0: unknown
  void ended(Side by, record::Ending::How how, Moment at);
  void icmp(record::IcmpError error, Moment at);  ///< an empty `meaning` is filled in

  // Live only: what no capture of this connection can show.
  void resolved(record::Resolved resolved, Moment at);
  void kdc(record::KdcTalk talk, Moment at);
  /// An attempt of which no packet left this machine (no route, forbidden here), from `began` on.
  void not_sent(Side by, record::Ending::How how, Moment began, Moment at);
  /// The kernel told what an ICMP error stands for, and kept the message itself.
  void icmp_told(record::IcmpError error, Moment at);

  /// Secrets arrived: records that wait for them are tried again. Live, call it after every chance
  /// that the key-log callback ran and before the next octets.
  void secrets_changed();

  /// False once the first octets of a side cannot be RDP nor anything that leads to it.
  [[nodiscard]] bool may_be_rdp() const;

  /// True when something was seen that only RDP says: a Connection Request with a cookie, a routing
  /// token or RDP_NEG_REQ, a Connection Confirm with negotiation data, an MCS Connect PDU behind
  /// X.224. The bare Connection Request of an old client is no such thing, and neither is one with
  /// TSAP parameters (MMS, S7 and others share TPKT and X.224): the port has to decide there, which
  /// the dissector does not know.
  [[nodiscard]] bool is_rdp() const;

  /// False when nothing that this side may still send can become evidence, except its ending: the
  /// caller may count its octets instead of carrying them here, and report them by `skipped`.
  [[nodiscard]] bool wants(Side side) const;
  void skipped(Side side, std::uint64_t size, Moment at);

  /// Memory that it takes now, near enough (record/octets.h): the evidence, octets that are not a
  /// whole message yet, itself.
  [[nodiscard]] std::size_t octets_held() const;

  /// Grows only; ids are positions plus one.
  [[nodiscard]] const HandshakeRecord& record() const;

  /// The finished record. Records that still wait for secrets are given up as closed. The dissector
  /// is empty afterwards.
  [[nodiscard]] HandshakeRecord take();

 private:
  class Impl;
  friend Dissector make_tls_dissector(Options options);
  Dissector(Options options, bool tls_only);
  std::unique_ptr<Impl> impl_;
};

/// Octets that are TLS from the first on (no X.224 before it): for the TLS codecs' tests and for
/// TLS-first listeners (MS-RDPBCGR 5.4.2.2). Same facts, same code.
[[nodiscard]] Dissector make_tls_dissector(Dissector::Options options);

}  // namespace rdpwhy::dissect
