// Servers and paths that take exception to one thing: what is wrong shows only when that one thing
// is changed.
#include <vector>

#include "lab/scenario_rows.h"

namespace rdpwhy::lab {
namespace {

using Reply = Dislikes::Reply;

Faults disliking(Dislikes dislikes) { return {.dislikes = dislikes}; }

}  // namespace

std::span<const Row> dislike_rows() {
  static const std::vector<Row> kRows = {
      // X.224
      {{"wants-proxy-header",
        "closes unless a PROXY protocol header comes first",
        "a server set up to stand behind HAProxy or nginx, reached past it",
        {"proxy-header-expected"}},
       [] { return disliking({.no_proxy_header = Reply::kClose}); }},
      {{"silent-without-proxy-header",
        "says nothing unless a PROXY protocol header comes first",
        "a server set up to stand behind a load balancer, reached past it",
        {"proxy-header-expected"}},
       [] { return disliking({.no_proxy_header = Reply::kSilent}); }},
      {{"dislikes-cookie",
        "closes on a Connection Request with a cookie",
        "a proxy whose parser of requests is too narrow",
        {"cookie-or-token-rejected"}},
       [] { return disliking({.cookie = Reply::kClose}); }},
      {{"closes-where-tls-is-offered",
        "closes on a Connection Request that offers TLS or NLA",
        "VirtualBox whose remote display cannot read its certificate file",
        {"refused-after-connection-request"}},
       [] { return disliking({.tls_offer = Reply::kClose}); }},
      {{"tls-without-x224",
        "speaks TLS from the first octet and closes on anything else",
        "an HTTPS server or an RD Gateway on that port",
        {"not-an-rdp-service"}},
       [] { return disliking({.no_tls_first = Reply::kClose}); }},
      {{"refuses-every-second",
        "closes every second connection at its Connection Request, the first one too",
        "two servers behind one address, of which one is down",
        {"flaky-path", "refused-after-connection-request", "cookie-or-token-rejected",
         "forwarder-without-backend", "proxy-header-expected"}},
       [] { return disliking({.every = 2, .of_every = Reply::kClose}); }},

      // TLS
      {{"resets-large-hello",
        "resets on a ClientHello of more than 220 octets",
        "an old TLS stack or inspecting device that cannot stand large hellos",
        {"client-hello-intolerance", "middlebox-interference"}},
       [] { return disliking({.large_hello = Reply::kReset}); }},
      {{"silent-on-large-hello",
        "says nothing to a ClientHello of more than 220 octets",
        "an inspecting device that drops what it cannot follow",
        {"client-hello-intolerance"}},
       [] { return disliking({.large_hello = Reply::kSilent}); }},
      {{"resets-tls13-hello",
        "resets on a ClientHello that offers TLS 1.3 among others",
        "a server or device that does not know how to choose an older version",
        {"client-hello-intolerance", "middlebox-interference"}},
       [] { return disliking({.tls13 = Reply::kReset}); }},
      {{"resets-without-common-cipher",
        "resets where no suite or signature algorithm fits its Ed25519 certificate",
        "a server that does not say what it misses",
        {"no-common-cipher", "middlebox-interference"}},
       [] {
         auto faults = disliking({.no_common = Reply::kReset});
         faults.certificate =
             crypto::CertificateRecipe{.dns_names = {"localhost"}, .ip_addresses = {"127.0.0.1"}};
         faults.certificate->key = crypto::CertificateRecipe::Key::kEd25519;
         return faults;
       }},
      {{"resets-where-ecdsa-is-offered",
        "resets on a ClientHello with suites for ECDSA certificates",
        "a server with an RSA and an ECDSA certificate, whose ECDSA key it cannot read",
        {"no-common-cipher", "client-hello-intolerance", "middlebox-interference"}},
       [] { return disliking({.ecdsa = Reply::kReset}); }},
      {{"resets-whole-hello",
        "resets on a ClientHello that comes in one piece",
        "an intrusion prevention system that reads single packets",
        {"middlebox-interference"}},
       [] { return disliking({.whole_hello = Reply::kReset}); }},
      {{"resets-server-name",
        "resets on a ClientHello with a server name",
        "a front end that routes by server name and does not know this one",
        {"client-hello-intolerance", "middlebox-interference"}},
       [] { return disliking({.server_name = Reply::kReset}); }},
      {{"silent-large-segments",
        "its segments of more than 600 octets never arrive",
        "a tunnel with a small MTU, and a firewall that drops ICMP",
        {"path-mtu-black-hole"}},
       [] { return disliking({.large_segments = true}); }},
      {{"limits-connections",
        "resets on the ClientHello, and closes all connections after the third at once",
        "a server without a usable key, behind something that slows down guessing of passwords",
        {"server-private-key-unreadable", "server-tls-disabled", "client-hello-intolerance",
         "no-common-tls-version", "middlebox-interference"}},
       [] {
         auto faults = disliking({.after = 3});
         faults.after_client_hello = Close::kReset;
         return faults;
       }},
  };
  return kRows;
}

}  // namespace rdpwhy::lab
