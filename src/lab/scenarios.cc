// One table: name, what the server does, which real failure looks so, the causes to be reported,
// the faults. It is long because there are many ways to fail.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "lab/scenario_rows.h"
#include "rdpwhy/lab/lab.h"
#include "rdpwhy/rdp/negotiation.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::lab {
namespace {

using Recipe = crypto::CertificateRecipe;
using Key = Recipe::Key;

Recipe recipe_for_loopback() { return {.dns_names = {"localhost"}, .ip_addresses = {"127.0.0.1"}}; }

Faults with_certificate(Recipe recipe) { return {.certificate = std::move(recipe)}; }

Faults with_failure(std::uint32_t code) { return {.failure_code = code}; }

Faults with_alert(std::uint8_t description) { return {.alert_on_client_hello = description}; }

Faults with_versions(std::uint16_t min, std::uint16_t max) {
  return {.tls_min = min, .tls_max = max};
}

Faults with_key(Key key) {
  auto recipe = recipe_for_loopback();
  recipe.key = key;
  return with_certificate(std::move(recipe));
}

Faults with_dates(Moment from, Moment to) {
  auto recipe = recipe_for_loopback();
  recipe.not_before = from;
  recipe.not_after = to;
  return with_certificate(std::move(recipe));
}

Moment first_of_january(int year) {
  return base::from_seconds(base::seconds_from_civil(year, 1, 1, 0, 0, 0));
}

Faults answering(std::string_view text) {
  return {.answer_on_request = base::to_bytes(base::as_bytes(text))};
}

constexpr std::string_view kHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 11\r\n"
    "Connection: close\r\n\r\nBad Request";

Faults answering_tls() {
  constexpr std::uint8_t kProtocolVersion = 70;
  const tls::Alert alert{.level = tls::Alert::kFatal, .description = kProtocolVersion};
  return {.answer_on_request =
              tls::encode_record(tls::ContentType::kAlert, 0x0301, tls::encode(alert))};
}

Faults answering_garbage() {
  Bytes garbage(96);
  for (std::size_t i = 0; i < garbage.size(); ++i) {
    garbage[i] = static_cast<std::uint8_t>(0x9E + 73 * i);
  }
  return {.answer_on_request = std::move(garbage)};
}

// Causes: contract.md's ids, the first answer first, then others that may stand beside it.
const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      {{"valid",
        "behaves through X.224 and TLS",
        "a healthy server with its self-signed certificate",
        {"handshake-complete"}},
       [] { return Faults{}; }},

      // TCP
      {{"closes-at-once",
        "closes every connection before it reads anything",
        "a forwarder (docker-proxy, ssh -L, a load balancer) whose backend is down",
        {"forwarder-without-backend", "refused-after-connection-request", "proxy-header-expected"}},
       [] { return Faults{.at_once = Close::kClose}; }},
      {{"resets-at-once",
        "resets every connection before it reads anything",
        "an address that is banned by the server or by a device in front of it",
        {"forwarder-without-backend", "refused-after-connection-request", "proxy-header-expected"}},
       [] { return Faults{.at_once = Close::kReset}; }},

      // X.224
      {{"closes-after-request",
        "reads the Connection Request and closes",
        "a connection limit, or a gateway that does not like the cookie",
        {"refused-after-connection-request", "cookie-or-token-rejected",
         "forwarder-without-backend", "proxy-header-expected"}},
       [] { return Faults{.after_request = Close::kClose}; }},
      {{"resets-after-request",
        "reads the Connection Request and resets",
        "an intrusion prevention system, or a server that crashes",
        {"refused-after-connection-request", "cookie-or-token-rejected", "middlebox-interference",
         "forwarder-without-backend", "proxy-header-expected"}},
       [] { return Faults{.after_request = Close::kReset}; }},
      {{"silent",
        "accepts connections and never says anything",
        "a server that hangs, or a firewall that lets only the TCP handshake through",
        {"server-not-answering", "stalled", "proxy-header-expected"}},
       [] { return Faults{.silent = true}; }},
      {{"ssh-banner", "speaks SSH", "the wrong port is forwarded", {"not-an-rdp-service"}},
       [] { return Faults{.banner = "SSH-2.0-OpenSSH_9.2p1\r\n"}; }},
      {{"vnc-banner",
        "speaks RFB, the protocol of VNC",
        "another remote desktop on that port",
        {"not-an-rdp-service"}},
       [] { return Faults{.banner = "RFB 003.008\n"}; }},
      {{"http-answer",
        "answers the Connection Request with HTTP",
        "a web server on that port",
        {"not-an-rdp-service"}},
       [] { return answering(kHttpAnswer); }},
      {{"tls-first",
        "answers the Connection Request with a TLS alert",
        "a listener that expects TLS from the first octet, such as an HTTPS server",
        {"not-an-rdp-service"}},
       [] { return answering_tls(); }},
      {{"garbage",
        "answers the Connection Request with octets that mean nothing",
        "some other service on that port",
        {"not-an-rdp-service", "protocol-violation"}},
       [] { return answering_garbage(); }},
      {{"failure-1",
        "RDP_NEG_FAILURE SSL_REQUIRED_BY_SERVER",
        "the server wants TLS and was offered something else",
        {"tls-required"}},
       [] { return with_failure(1); }},
      {{"failure-2",
        "RDP_NEG_FAILURE SSL_NOT_ALLOWED_BY_SERVER",
        "the server is set to standard RDP security",
        {"legacy-security-only"}},
       [] { return with_failure(2); }},
      {{"failure-3",
        "RDP_NEG_FAILURE SSL_CERT_NOT_ON_SERVER",
        "the server has no certificate that it can use",
        {"server-has-no-certificate"}},
       [] { return with_failure(3); }},
      {{"failure-4",
        "RDP_NEG_FAILURE INCONSISTENT_FLAGS",
        "the server holds the request to be contradictory",
        {"inconsistent-flags"}},
       [] { return with_failure(4); }},
      {{"failure-5",
        "RDP_NEG_FAILURE HYBRID_REQUIRED_BY_SERVER",
        "the server requires Network Level Authentication",
        {"nla-required"}},
       [] { return with_failure(5); }},
      {{"failure-6",
        "RDP_NEG_FAILURE SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
        "the server wants a client certificate",
        {"client-certificate-required"}},
       [] { return with_failure(6); }},
      {{"failure-unknown",
        "RDP_NEG_FAILURE with a code that no specification knows",
        "a server of the future",
        {"unexplained", "protocol-violation"}},
       [] { return with_failure(0x7777); }},
      {{"no-negotiation",
        "a Connection Confirm without negotiation data",
        "a server older than RDP 5.2, or one that is set to standard RDP security",
        {"legacy-security-chosen", "legacy-security-only", "server-private-key-unreadable"}},
       [] { return Faults{.no_negotiation = true}; }},
      {{"selects-rdp",
        "selects PROTOCOL_RDP although TLS was offered",
        "xrdp that cannot read its certificate or key, or is set so",
        {"legacy-security-chosen", "legacy-security-only", "server-private-key-unreadable"}},
       [] { return Faults{.selected = 0}; }},
      {{"selects-not-offered",
        "selects RDSTLS, which was not offered",
        "a broker or gateway that answers out of turn",
        {"protocol-violation", "handshake-complete"}},
       [] { return Faults{.selected = static_cast<std::uint32_t>(rdp::Protocol::kRdstls)}; }},
      {{"confirm-truncated",
        "half a Connection Confirm, then closes",
        "a server or a device that dies in the middle of its answer",
        {"protocol-violation", "refused-after-connection-request"}},
       [] { return Faults{.confirm_truncated = true}; }},
      {{"confirm-bad-length",
        "a Connection Confirm whose TPKT length lies",
        "an implementation that counts wrongly",
        {"protocol-violation"}},
       [] { return Faults{.confirm_bad_length = true}; }},
      {{"one-octet-a-second",
        "sends its Connection Confirm one octet a second",
        "a starved server, or a tarpit",
        {"slow-server", "stalled", "server-not-answering"}},
       [] { return Faults{.one_octet_a_second = true}; }},
      {{"closes-after-confirm",
        "selects TLS and closes before it sees a ClientHello",
        "an RDP-aware proxy that has no backend for the name",
        {"refused-after-connection-request", "server-private-key-unreadable",
         "server-tls-disabled"}},
       [] { return Faults{.after_confirm = Close::kClose}; }},

      // TLS
      {{"resets-after-client-hello",
        "resets on the ClientHello without an alert",
        "a Windows server that cannot read its private key (Schannel 36870)",
        {"server-private-key-unreadable", "server-tls-disabled", "client-hello-intolerance",
         "no-common-tls-version", "no-common-cipher", "middlebox-interference"}},
       [] { return Faults{.after_client_hello = Close::kReset}; }},
      {{"closes-after-client-hello",
        "closes on the ClientHello without an alert",
        "a Windows server whose Schannel is disabled, or whose key is unreadable",
        {"server-private-key-unreadable", "server-tls-disabled", "client-hello-intolerance",
         "no-common-tls-version", "no-common-cipher", "middlebox-interference"}},
       [] { return Faults{.after_client_hello = Close::kClose}; }},
      {{"alert-40",
        "answers the ClientHello with alert 40, handshake_failure",
        "no cipher suite, group or signature algorithm in common",
        {"no-common-cipher", "no-common-tls-version", "client-certificate-required"}},
       [] { return with_alert(40); }},
      {{"alert-70",
        "answers the ClientHello with alert 70, protocol_version",
        "no TLS version in common",
        {"no-common-tls-version"}},
       [] { return with_alert(70); }},
      {{"alert-80",
        "answers the ClientHello with alert 80, internal_error",
        "xrdp with TLS 1.0 and OpenSSL's security level 2",
        {"unexplained", "server-private-key-unreadable", "server-tls-disabled",
         "no-common-tls-version", "no-common-cipher"}},
       [] { return with_alert(80); }},
      {{"ultimatum-on-client-hello",
        "answers the ClientHello with a clear-text MCS disconnect",
        "xrdp whose certificate and key do not go together",
        {"server-private-key-unreadable", "server-tls-disabled", "protocol-violation"}},
       [] { return Faults{.ultimatum_on_client_hello = true}; }},
      {{"garbage-on-client-hello",
        "answers the ClientHello with octets that mean nothing",
        "a broken implementation or a device in between",
        {"protocol-violation", "middlebox-interference"}},
       [] { return Faults{.garbage_on_client_hello = true}; }},
      {{"silent-after-client-hello",
        "says nothing more once it has the ClientHello",
        "a server that hangs in its handshake, or a path that drops large packets",
        {"stalled", "path-mtu-black-hole", "client-hello-intolerance"}},
       [] { return Faults{.silent_after_client_hello = true}; }},
      {{"endless-after-client-hello",
        "answers the ClientHello without end",
        "a broken or hostile implementation",
        {"protocol-violation", "middlebox-interference"}},
       [] { return Faults{.endless_after_client_hello = true}; }},
      {{"tls12-only",
        "speaks TLS 1.2 alone",
        "Windows Server 2019 and older",
        {"handshake-complete"}},
       [] { return with_versions(0x0303, 0x0303); }},
      {{"tls13-only", "speaks TLS 1.3 alone", "a hardened server", {"handshake-complete"}},
       [] { return with_versions(0x0304, 0x0304); }},
      {{"tls13-no-tickets",
        "speaks TLS 1.3 and sends no session tickets, so that nothing follows the client's "
        "Finished",
        "servers and TLS front ends that resume no sessions",
        {"handshake-complete"}},
       [] {
         auto faults = with_versions(0x0304, 0x0304);
         faults.no_tickets = true;
         return faults;
       }},
      {{"tls10-only", "speaks TLS 1.0 alone", "Windows Server 2008", {"handshake-complete"}},
       [] { return with_versions(0x0301, 0x0301); }},
      {{"closes-after-tls",
        "completes the TLS handshake and closes",
        "a server without sessions to give, or with a broken NLA stack",
        {"handshake-complete", "server-closes-after-tls"}},
       [] { return Faults{.after_tls = Close::kClose}; }},
      {{"resets-after-tls",
        "completes the TLS handshake and resets",
        "a server whose session process dies",
        {"handshake-complete", "server-closes-after-tls", "flaky-path"}},
       [] { return Faults{.after_tls = Close::kReset}; }},
      {{"client-certificate-requested",
        "asks for a client certificate and goes on without one",
        "a server or proxy that is prepared for smart cards",
        {"handshake-complete"}},
       [] { return Faults{.request_client_certificate = true}; }},
      {{"client-certificate-required",
        "refuses a client without a certificate",
        "a proxy that authenticates by client certificates",
        {"client-certificate-required"}},
       [] { return Faults{.require_client_certificate = true}; }},

      // Certificates: findings beside a handshake that works
      {{"expired-certificate",
        "its certificate has expired",
        "nobody renewed it",
        {"handshake-complete"}},
       [] { return with_dates(first_of_january(2020), first_of_january(2021)); }},
      {{"not-yet-valid",
        "its certificate is not valid yet",
        "a clock that is wrong",
        {"handshake-complete"}},
       [] { return with_dates(first_of_january(2098), first_of_january(2099)); }},
      {{"sha1-certificate",
        "its certificate is signed with SHA-1",
        "an old certificate authority",
        {"handshake-complete"}},
       [] {
         auto recipe = recipe_for_loopback();
         recipe.digest = "SHA1";
         return with_certificate(std::move(recipe));
       }},
      {{"rsa1024",
        "its key has 1024 bits",
        "a server of the Windows XP years",
        {"handshake-complete"}},
       [] { return with_key(Key::kRsa1024); }},
      {{"wrong-name",
        "its certificate names another host",
        "a copied or shared certificate",
        {"handshake-complete"}},
       [] {
         return with_certificate({.common_name = "other.example", .dns_names = {"other.example"}});
       }},
      {{"missing-intermediate",
        "its issuer's certificate is not sent",
        "a certificate installed without its chain",
        {"handshake-complete"}},
       [] {
         return Faults{.certificate = recipe_for_loopback(), .issued = true, .omit_issuer = true};
       }},
      {{"private-authority",
        "its certificate comes from an authority that nobody knows",
        "an enterprise certificate authority seen from a machine outside",
        {"handshake-complete"}},
       [] { return Faults{.certificate = recipe_for_loopback(), .issued = true}; }},
      {{"wrong-usage",
        "its certificate is not meant for servers",
        "a certificate for e-mail",
        {"handshake-complete"}},
       [] {
         auto recipe = recipe_for_loopback();
         recipe.extended_key_usage = {"emailProtection"};
         return with_certificate(std::move(recipe));
       }},
      {{"ecdsa", "its key is an elliptic curve's", "a modern certificate", {"handshake-complete"}},
       [] { return with_key(Key::kEcP256); }},
      {{"ed25519",
        "its key is Ed25519, which mstsc does not offer",
        "a certificate made for other software than Windows",
        {"no-common-cipher", "no-common-tls-version"}},
       [] { return with_key(Key::kEd25519); }},
  };
  return kRows;
}

std::span<const Row> all_rows() {
  static const auto kAll = [] {
    auto all = rows();
    all.insert(all.end(), dislike_rows().begin(), dislike_rows().end());
    all.insert(all.end(), nla_rows().begin(), nla_rows().end());
    all.insert(all.end(), session_rows().begin(), session_rows().end());
    return all;
  }();
  return kAll;
}

/// "name:number" as people type it.
struct Typed {
  std::string_view name;
  bool has_number = false;
  std::optional<std::uint32_t> number;  ///< what stands there is one
};

Typed take_apart(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return {.name = text};
  Typed typed{.name = text.substr(0, colon), .has_number = true, .number = {}};
  auto digits = text.substr(colon + 1);
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  if (hex) digits.remove_prefix(2);
  std::uint32_t number = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, number, hex ? 16 : 10);
  if (error == std::errc() && stopped == end) typed.number = number;
  return typed;
}

const Row* find_row(const Typed& typed) {
  for (const auto& row : all_rows()) {
    if (row.scenario.name != typed.name) continue;
    const bool fits = !typed.has_number || (typed.number && row.faults_with != nullptr);
    return fits ? &row : nullptr;
  }
  return nullptr;
}

}  // namespace

std::span<const Scenario> scenarios() {
  static const auto kScenarios = [] {
    std::vector<Scenario> list;
    for (const auto& row : all_rows()) list.push_back(row.scenario);
    return list;
  }();
  return kScenarios;
}

const Scenario* find_scenario(std::string_view name) {
  const auto typed = take_apart(name);
  if (find_row(typed) == nullptr) return nullptr;
  const auto list = scenarios();
  const auto found = std::ranges::find(list, typed.name, &Scenario::name);
  return found == list.end() ? nullptr : &*found;
}

Faults faults_of(std::string_view scenario) {
  const auto typed = take_apart(scenario);
  const auto* row = find_row(typed);
  if (row == nullptr) return {};
  return typed.number ? row->faults_with(*typed.number) : row->faults();
}

}  // namespace rdpwhy::lab
