// Session hosts behind TLS: what they do to whoever got through it. No session is made by any.
#include <vector>

#include "lab/scenario_rows.h"
#include "rdpwhy/crypto/standard_security.h"

namespace rdpwhy::lab {
namespace {

using At = SessionFaults::At;
using Broken = SessionFaults::Broken;

Faults with(SessionFaults session) { return {.session = session}; }

Faults with_error_info(At at, std::uint32_t code) { return with({.at = at, .error_info = code}); }

Faults with_ultimatum(std::uint32_t reason) {
  // T.125 has five of them, in three bits.
  return with({.at = At::kClientInfo, .ultimatum = static_cast<std::uint8_t>(reason & 7)});
}

Faults with_licensing_error(std::uint32_t code) { return with({.licensing_error = code}); }

Faults redirecting(std::optional<std::uint32_t> rdstls_result) {
  return with({.at = At::kDemandActive, .redirected = true, .rdstls_result = rdstls_result});
}

Faults redirecting_with(std::uint32_t rdstls_result) { return redirecting(rdstls_result); }

Faults leaving(At at, Close how) { return with({.at = at, .leave = how}); }

Faults silent(At at) { return with({.at = at, .silent = true}); }

/// By the bits of its keys, as people say it; 168 are those of 3DES.
std::uint32_t method_of(std::uint32_t bits) {
  using Method = crypto::EncryptionMethod;
  switch (bits) {
    case 40:
      return static_cast<std::uint32_t>(Method::k40Bit);
    case 56:
      return static_cast<std::uint32_t>(Method::k56Bit);
    case 168:
      return static_cast<std::uint32_t>(Method::kFips);
    default:
      return static_cast<std::uint32_t>(Method::k128Bit);
  }
}

Faults standard_security(std::uint32_t bits) {
  return {.selected = 0, .session = {.encryption_method = method_of(bits)}};
}

Faults standard_security_of_nobody(std::uint32_t bits) {
  return {.selected = 0, .session = {.encryption_method = method_of(bits), .other_keys = true}};
}

Faults broken(At at, Broken how) { return with({.at = at, .broken = how}); }

}  // namespace

std::span<const Row> session_rows() {
  static const std::vector<Row> kRows = {
      // Standard RDP Security
      {{"standard-security",
        "selects no TLS and encrypts by itself, with keys of 128 bits (or 40, 56, 168 for FIPS)",
        "xrdp that was set so or cannot read its certificate; Windows before 2003 SP1",
        {"legacy-security-chosen", "handshake-complete"},
        "BITS"},
       [] { return standard_security(128); },
       standard_security},
      {{"standard-security-other-keys",
        "the same, and what it says opens with no key that was agreed on",
        "a proxy that shows another server's key; a damaged rsakeys.ini",
        {"protocol-violation", "legacy-security-chosen"},
        "BITS"},
       [] { return standard_security_of_nobody(128); },
       standard_security_of_nobody},

      // MCS and channels
      {{"mcs-refused",
        "answers MCS Connect-Initial with rt-user-rejected",
        "a session host that takes no connections: drain mode, or too many of them",
        {"session-host-refused"}},
       [] { return with({.at = At::kConnectInitial, .refused = true}); }},
      {{"mcs-closes",
        "closes on MCS Connect-Initial",
        "an RDP server that was given no credentials to check, or no session to serve",
        {"server-closes-after-tls"}},
       [] { return leaving(At::kConnectInitial, Close::kClose); }},
      {{"mcs-silent",
        "says nothing on MCS Connect-Initial",
        "a session host that hangs",
        {"stalled"}},
       [] { return silent(At::kConnectInitial); }},
      {{"mcs-truncated",
        "half of an MCS Connect-Response, then closes",
        "a server that dies in the middle of its answer",
        {"protocol-violation"}},
       [] { return broken(At::kConnectInitial, Broken::kTruncated); }},
      {{"gcc-empty-block",
        "a data block of length 0 in its MCS Connect-Response",
        "a broken or hostile implementation",
        {"protocol-violation"}},
       [] { return broken(At::kConnectInitial, Broken::kEmptyBlock); }},
      {{"gcc-block-too-long",
        "a data block larger than the MCS Connect-Response that holds it",
        "a broken or hostile implementation",
        {"protocol-violation"}},
       [] { return broken(At::kConnectInitial, Broken::kBlockTooLong); }},
      {{"attach-refused",
        "lets nobody attach to its MCS domain",
        "a session host at its limit of users",
        {"session-host-refused"}},
       [] { return with({.at = At::kAttachUser, .refused = true}); }},
      {{"join-refused",
        "lets the client join none of the channels that it needs",
        "a server whose channels and whose client do not go together",
        {"session-host-refused"}},
       [] { return with({.at = At::kFirstJoin, .refused = true}); }},

      // Client info and licensing
      {{"ultimatum",
        "ends with an MCS disconnect ultimatum once it has the client's data",
        "xrdp, and others that refuse without saying why",
        {"session-host-refused"},
        "REASON"},
       [] { return with_ultimatum(3); },
       with_ultimatum},
      {{"error-info",
        "ends with Set Error Info (ERRINFO_SERVER_DENIED_CONNECTION) once it has the client's data",
        "whatever the number says; 7 comes from IronRDP when the password is wrong",
        {"session-host-refused"},
        "CODE"},
       [] { return with_error_info(At::kClientInfo, 7); },
       [](std::uint32_t code) { return with_error_info(At::kClientInfo, code); }},
      {{"closes-on-client-info",
        "closes once it has the client's data",
        "a bastion whose way to the real host is blocked, when it shows its own names",
        {"unexplained", "intermediary-backend-failed"}},
       [] { return leaving(At::kClientInfo, Close::kClose); }},
      {{"resets-on-client-info",
        "resets once it has the client's data",
        "a server whose session process dies",
        {"unexplained", "intermediary-backend-failed"}},
       [] { return leaving(At::kClientInfo, Close::kReset); }},
      {{"silent-on-client-info",
        "says nothing more once it has the client's data",
        "a session host that waits for a licence server or a broker",
        {"stalled"}},
       [] { return silent(At::kClientInfo); }},
      {{"licensing-error",
        "a licensing alert (ERR_NO_LICENSE_SERVER) with ST_TOTAL_ABORT",
        "a session host whose grace period is over and which reaches no licence server",
        {"licensing-failure"},
        "CODE"},
       [] { return with_licensing_error(6); },
       with_licensing_error},
      {{"asks-for-licence",
        "asks for a licence, and lets in who answers",
        "a session host with the Remote Desktop Session Host role",
        {"unexplained", "handshake-complete"}},
       [] { return with({.license_request = true}); }},

      // Capabilities and finalization
      {{"redirects",
        "sends the client back with a routing token, instead of capabilities",
        "a farm whose broker has placed the session on another host; GNOME's remote login",
        {"redirected"}},
       [] { return redirecting({}); }},
      {{"redirects-to-rdstls",
        "the same, and hands out credentials, which it takes back by RDSTLS",
        "GNOME's remote login; a farm that asks for its redirections to be proved",
        {"redirected"}},
       [] { return redirecting(0); }},
      {{"rdstls-result",
        "the same, and then refuses these credentials (RDSTLS_RESULT_LOGON_FAILURE)",
        "a redirection that came too late, or was followed twice",
        {"redirected"},
        "CODE"},
       [] { return redirecting(0x52E); },
       redirecting_with},
      {{"no-demand-active",
        "ends licensing well and says nothing more",
        "a session that does not start",
        {"stalled"}},
       [] { return silent(At::kDemandActive); }},
      {{"huge-capabilities",
        "a Demand Active that claims more capability sets than it holds",
        "a broken or hostile implementation",
        {"protocol-violation"}},
       [] { return broken(At::kDemandActive, Broken::kHugeCapabilities); }},
      {{"closes-on-confirm-active",
        "closes on the client's capabilities",
        "a server that takes offence at one of them",
        {"unexplained", "intermediary-backend-failed"}},
       [] { return leaving(At::kConfirmActive, Close::kClose); }},
      {{"closes-after-font-map",
        "goes all the way to the font map and closes",
        "a session whose desktop dies at once",
        {"session-ended-after-handshake", "handshake-complete"}},
       [] { return leaving(At::kAfterFontMap, Close::kClose); }},
      {{"error-info-after-font-map",
        "goes all the way to the font map and ends with Set Error Info",
        "another connection that took the session over",
        {"ended-by-server-code", "handshake-complete"},
        "CODE"},
       [] { return with_error_info(At::kAfterFontMap, 5); },
       [](std::uint32_t code) { return with_error_info(At::kAfterFontMap, code); }},
  };
  return kRows;
}

}  // namespace rdpwhy::lab
