#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/run_clock.h"
#include "rdpwhy/auth/message_protection.h"
#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"
#include "rdpwhy/record/facts.h"

namespace rdpwhy::net {

/// What a KerberosClient asks of whoever waits for it. Called on the thread that works.
class KerberosPatron {
 public:
  virtual ~KerberosPatron() = default;
  /// Nothing when they are spent already, or when nobody waits any more.
  [[nodiscard]] virtual std::optional<dialogue::Credentials> take_credentials() = 0;
  /// A talk begins: what is known of it, for the case that its end is not waited for.
  virtual void talk_begins(const record::KdcTalk& so_far) = 0;
  virtual void talk_ended(record::KdcTalk talk) = 0;
};

/// Who wants a ticket for what.
struct KerberosErrand {
  std::string user;    ///< empty: the tickets of the credential cache are used
  std::string domain;  ///< as typed
  std::string host;    ///< of TERMSRV/host
  /// Kerberos was asked for by name, so a user without a domain is one of the default realm. Else
  /// that realm has to have something to do with the host: a stranger's KDC need not hear of a
  /// local user of some server.
  bool insists = false;
};

/// One Kerberos security context as its client: ticket-granting ticket, service ticket, AP-REQ and
/// AP-REP, over MIT's krb5 and GSSAPI. Everything here blocks; one thread at a time.
class KerberosClient {
 public:
  explicit KerberosClient(KerberosErrand errand);
  KerberosClient(const KerberosClient&) = delete;
  KerberosClient& operator=(const KerberosClient&) = delete;
  ~KerberosClient();

  /// The first step, with an empty token, talks with KDCs; the others are computed here. A password
  /// is sent to one KDC one time, over TCP, and never after `deadline`.
  [[nodiscard]] dialogue::KerberosAnswer step(ByteSpan server_token, KerberosPatron& patron,
                                              Deadline deadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::net
