// Causes of the TLS handshake.
#include "diagnose/catalogue.h"

namespace rdpwhy::diagnose {

void add_causes_of_tls(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
  add({"server-private-key-unreadable",
       "The server cannot use the private key of its certificate",
       Phase::kTls,
       "TLS is agreed on, then every ClientHello, whatever its version and suites, ends in close "
       "or reset without an alert; xrdp sends a disconnect ultimatum in clear text instead.",
       "Any ClientHello gets a ServerHello, or the server's log has 36871 instead of 36870 at that "
       "time. From outside this cannot be told from server-tls-disabled.",
       {kSchannelLog,
        "With 36870: find the key of the bound certificate (certutil -v -store 'Remote Desktop', "
        "or LocalMachine\\My for an assigned one; 'Unique container name') and give NETWORK "
        "SERVICE read access to that file, under "
        "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys or, for CNG keys, ...\\Crypto\\Keys: "
        "icacls FILE /grant 'NETWORK SERVICE:R'.",
        "If it is the self-made certificate: delete only that one from Cert:\\LocalMachine\\Remote "
        "Desktop and Restart-Service SessionEnv, TermService -Force; events 1057 or 1058 say when "
        "making a new one fails.",
        "Do not rename or empty the MachineKeys folder, as some pages advise: it holds the keys of "
        "IIS, SQL Server and everything else on that machine.",
        "On xrdp: key and certificate must match, be readable for the user xrdp, and be strong "
        "enough for its OpenSSL (1024-bit RSA and SHA-1 are not): /var/log/xrdp.log."},
       "Microsoft Learn: event ids for RDP to Azure virtual machines (36870, 1057, 1058); a "
       "confirmed report with Schannel events at the attempts' times; own measurements of xrdp"});
  add({"server-tls-disabled",
       "No TLS version is enabled on the server",
       Phase::kTls,
       "The same on the wire as server-private-key-unreadable: every ClientHello ends in close or "
       "reset without an alert.",
       "Any ClientHello gets a ServerHello, or the server's log has 36870 instead of 36871.",
       {kSchannelLog,
        "With 36871: on the server look at "
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS "
        "1.2\\Server: Enabled must be 1 and DisabledByDefault 0 (or both absent). Restart the "
        "machine afterwards.",
        "A hardening script or policy usually did it, and often disabled the Client key as well: "
        "check both."},
       "Microsoft Learn: event ids for RDP to Azure virtual machines (36871, state 10013)"});
  add({"no-common-tls-version",
       "Client and server have no TLS version in common",
       Phase::kTls,
       "Alert 70 protocol_version, or refusals until another version is offered.",
       "The version that the client offered works with another client of the same server.",
       {"Compare what the report says was offered with what the server may use: "
        "SCHANNEL\\Protocols\\TLS 1.x\\Server on Windows, ssl_protocols in /etc/xrdp/xrdp.ini, the "
        "policy of the distribution (update-crypto-policies --show).",
        "Try: rdpwhy HOST --tls-min 1.0 --tls-max 1.0, then 1.1, 1.2, 1.3. The one that answers is "
        "what the server still speaks.",
        "Update the older side. Allowing TLS 1.0 again is a stop-gap for a machine that cannot be "
        "updated."},
       "RFC 8446 6.2, RFC 5246 7.2.2; xrdp 2628, Remmina 684"});
  add({"no-common-cipher",
       "Client and server have no cipher suite, group or signature algorithm in common",
       Phase::kTls,
       "Alert 40 handshake_failure (or 71 insufficient_security) to the ClientHello, of every "
       "version; or refusals until other suites are offered.",
       "Another version with the same suites is answered: then it is the version.",
       {"On a Windows server the same attempt leaves 36874 and 36888 (alert 40, state 1205) in the "
        "System log.",
        "On the server list what it may use: Get-TlsCipherSuite | Format-Table Name. The policy "
        "SSL Cipher Suite Order (Computer Configuration > Administrative Templates > Network > SSL "
        "Configuration Settings) should be Not Configured unless somebody keeps it up to date.",
        "Check that the list fits the certificate: an EC certificate needs ECDSA suites, an RSA "
        "one RSA suites.",
        "Try single suites: rdpwhy HOST --ciphers TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA and others."},
       "RFC 8446 6.2; Microsoft Learn: Remote Desktop internal error; FreeRDP 2591, Remmina 684"});
  add({"client-hello-intolerance",
       "Something cannot stand a large or modern ClientHello",
       Phase::kTls,
       "A large ClientHello, or one with new extensions, is dropped or answered by close; a small "
       "classic one with the same version and suites is answered.",
       "A small ClientHello ends the same way.",
       {"Try a smaller one: rdpwhy HOST --tls-max 1.2. If that passes, look for an inspecting "
        "firewall or an old TLS stack between client and server and update it.",
        "ClientHellos over 1,400 octets (post-quantum key shares) fall apart into two segments, "
        "which some inspection cannot follow: test with that feature switched off in the client."},
       "RFC 8446 9.3 and appendix D; RFC 8701"});
  add({"certificate-refused-by-client",
       "The client does not accept the server's certificate",
       Phase::kTls,
       "After the server's Certificate the client sends an alert (42 to 48) or leaves.",
       "The client goes on after the certificate.",
       {"Look at the certificate in this report: dates, name, issuer, key. A client that does not "
        "ask its user refuses a certificate that it cannot check.",
        "mstsc leaves and connects again after the user accepted the certificate: an attempt that "
        "ends here, followed by a second one, is normal.",
        "Give the server a certificate of an authority that the clients know (template with Remote "
        "Desktop Authentication, 1.3.6.1.4.1.311.54.1.2), or import the authority on the client. "
        "On clients that reject expired ones let the server renew it: delete it from "
        "Cert:\\LocalMachine\\Remote Desktop, Restart-Service SessionEnv."},
       "RFC 8446 6.2; Microsoft Learn: OnDisconnected, reason 6919; xrdp 2571"});
  add({"path-mtu-black-hole",
       "Large packets are lost on the path",
       Phase::kTls,
       "Small messages pass, the first large one (usually the server's certificate) never arrives "
       "and there is silence, no reset; with a clamped segment size it passes.",
       "The connection ends by a close or reset, or it stalls with small messages too.",
       {"Lower the segment size for a test: on the client ip route add HOST via GATEWAY advmss "
        "1200, or netsh interface ipv4 set subinterface NAME mtu=1300. If it then passes, this is "
        "it.",
        "Set the tunnel's MTU right (WireGuard 1420 or less, PPPoE 1492, IPsec about 1400) or "
        "clamp on the router: iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j "
        "TCPMSS --clamp-mss-to-pmtu.",
        "Let ICMP 'fragmentation needed' and 'packet too big' pass the firewalls."},
       "RFC 2923, RFC 4821; FreeRDP 6814"});
  add({"stalled",
       "The server answered, then fell silent",
       Phase::kTls,
       "The server answered before; then silence, whatever the size of what was sent, until the "
       "client hung up.",
       "A later octet arrives, or only large messages stall.",
       {"Try again and compare: if it stalls at the same step every time, the server or a proxy "
        "hangs there; if not, the path loses packets.",
        "On the server see whether the service is busy or blocked: event log of "
        "TerminalServices-RemoteConnectionManager, processor, certificate revocation checks that "
        "wait for an unreachable address.",
        kTwoVantagePoints},
       "own classification; reports of hanging proxies"});
  add({"middlebox-interference",
       "Something between the two answers or cuts the connection",
       Phase::kTls,
       "The reset or answer does not come from the machine that answered the SYN (other TTL, other "
       "options, impossible timing), or another certificate appears.",
       "The server's own capture shows that it sent the same packet.",
       {kTwoVantagePoints,
        "Compare the certificate's thumbprint with the server's own: Get-ChildItem "
        "'Cert:\\LocalMachine\\Remote Desktop' on the server. Another issuer names the inspecting "
        "device.",
        "Exclude port 3389 of this host from TLS inspection and intrusion prevention, and look at "
        "their logs for this client's address."},
       "reports about inspecting firewalls and security suites"});
  add({"protocol-violation",
       "The peer breaks the protocol",
       std::nullopt,
       "Malformed or truncated messages, a protocol selected that was not offered, or octets that "
       "are no TLS where TLS is due.",
       "The octets make sense as another protocol, or the capture lacks some of them.",
       {"The report names the field and offset; rdpwhy explain --hex OCTETS shows them field by "
        "field. That belongs into a bug report to the maker of the server or proxy.",
        "Update the server, or the proxy in front of it.", kTwoVantagePoints},
       "MS-RDPBCGR 3.2.5.3.2, RFC 8446 5"});
}

}  // namespace rdpwhy::diagnose
