// The catalogue of causes: a table, and long because it is one. Ids are those of the contract;
// order is that of the phases. Advice names a setting, a log with its event, or a command and the
// machine it runs on. What is only good as a test is called one, and what does harm is named as
// harmful or left out.
#include <algorithm>
#include <array>
#include <map>

#include "rdpwhy/diagnose/diagnosis.h"

namespace rdpwhy::diagnose {
namespace {

// Advice that several causes share.
constexpr std::string_view kSchannelLog =
    "On the server, read the Schannel events of that minute: Get-WinEvent -FilterHashtable "
    "@{LogName='System';ProviderName='Schannel'} -MaxEvents 20. Event 36870 (0x8009030D) means the "
    "private "
    "key cannot be opened; 36871 (state 10013) means no TLS version is enabled for servers.";
constexpr std::string_view kTryLocalhost =
    "Run the same probe on the server itself (rdpwhy 127.0.0.1): if it gets further there, "
    "something on "
    "the path is at fault; if not, the server is.";
constexpr std::string_view kSecurityLog =
    "On the server, read event 4625 in the Security log: its Status and Sub Status say why the "
    "logon failed.";
constexpr std::string_view kTwoVantagePoints =
    "Capture on both ends at once (tcpdump -w, or pktmon on Windows) and compare: whichever "
    "segment shows on "
    "one side only was dropped or made on the way.";
constexpr std::string_view kErrorInfoLog =
    "On the server, read Applications and Services Logs > Microsoft > Windows > "
    "TerminalServices-LocalSessionManager and RemoteConnectionManager, Operational, at that time.";

std::vector<Cause> make_causes() {
  std::vector<Cause> t;
  const auto add = [&](Cause cause) { t.push_back(std::move(cause)); };

  // --- resolve, tcp
  // ---------------------------------------------------------------------------------
  add({"name-not-found",
       "The name has no address",
       Phase::kResolve,
       "The resolver answers that the name does not exist or has no A or AAAA record; no packet "
       "goes to any server.",
       "The same name resolves on this machine a moment later, or an address was given instead of "
       "a name.",
       {"On the client, ask for the name itself: nslookup NAME on Windows, getent ahosts NAME on "
        "Linux. Check the spelling and the search suffix.",
        "If the name is internal, check that the VPN is up and that its DNS servers are asked: "
        "Get-DnsClientNrptRule and ipconfig /all, or resolvectl query NAME.",
        "Try the fully qualified name. By address it works too, but then Kerberos cannot be used "
        "and the certificate's name will not match."},
       "Microsoft Learn: IMsTscAxEvents::OnDisconnected, reasons 260 and 520"});
  add({"name-resolves-to-dead-address",
       "The name leads to an address that is dead or belongs to another machine",
       Phase::kResolve,
       "The name has several addresses; the one that a client tries first does not answer, another "
       "one does.",
       "Every address of the name answers alike, or the name has one address only.",
       {"Compare the addresses that the report lists with the server's own: Get-NetIPAddress on "
        "the server.",
        "Remove the stale record, AAAA as well as A (Get-DnsServerResourceRecord -Name NAME "
        "-ZoneName ZONE on the DNS server), and let the server register again: ipconfig "
        "/registerdns.",
        "Until then: rdpwhy NAME --resolve ADDRESS shows which address works, and -4 or -6 which "
        "family does."},
       "RFC 6724 (order of addresses), RFC 8305; reports about dead IPv6 records"});
  add({"port-closed",
       "Nothing listens on this port",
       Phase::kTcp,
       "The SYN is answered by a RST at once: the host is up and refuses.",
       "The RST comes from a firewall on the way that rejects with a reset; its TTL then differs "
       "from that of other answers of the host.",
       {"On the server, see whether RDP is switched on: "
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server, fDenyTSConnections must be 0 "
        "(Settings > System > Remote Desktop). Windows Home cannot serve RDP at all.",
        "On the server, see who listens: Get-NetTCPConnection -State Listen -LocalPort 3389; "
        "another port stands in ...\\WinStations\\RDP-Tcp, PortNumber.",
        "If nothing listens although RDP is on: Get-Service TermService, then qwinsta must list "
        "rdp-tcp as Listen; Restart-Service TermService -Force. On Linux: systemctl status xrdp."},
       "RFC 9293 3.5.2; Microsoft Learn: OnDisconnected, reason 516"});
  add({"port-filtered",
       "A firewall drops or forbids the connection",
       Phase::kTcp,
       "The SYN is never answered although it is repeated, or an ICMP message says that the "
       "connection is prohibited.",
       "Other ports of the host are silent as well and it does not answer at all: then it is off, "
       "asleep or at another address.",
       {"Check the firewall of the server: Get-NetFirewallRule -DisplayGroup 'Remote Desktop' | "
        "Format-Table DisplayName,Enabled,Profile; the network's profile may have become Public.",
        "Check what stands between: security group or NSG of a cloud, the VPN's access list, the "
        "office firewall. An ICMP sender that the report names is where to look.",
        "Test-NetConnection HOST -Port 3389 from another network tells whether only this path is "
        "filtered."},
       "RFC 792 and RFC 4443 (codes for administratively prohibited); Microsoft Learn: "
       "OnDisconnected, reason 516"});
  add({"host-unreachable",
       "There is no way to the host, or it is off",
       Phase::kTcp,
       "ICMP says that the host or network is unreachable, the kernel has no route, or nobody "
       "answers ARP or neighbour discovery.",
       "The host answers anything else from the same client at the same time.",
       {"Check that the host is up and awake, and that this is its address today (DHCP): ping, arp "
        "-n or Get-NetNeighbor on the same network.",
        "Check the route: ip route get ADDRESS, or Find-NetRoute -RemoteIPAddress ADDRESS. A VPN "
        "that is down shows here.",
        "The ICMP sender in the report is the router that gave up: look at its routes."},
       "RFC 792, RFC 4443, RFC 1122 3.3.8"});
  add({"local-policy-blocks",
       "This machine does not let the connection out",
       Phase::kTcp,
       "connect() fails at once with EPERM or EACCES and no packet leaves.",
       "A packet of the connection is seen on the wire.",
       {"Look at the outbound rules of this machine: nft list ruleset or iptables -S OUTPUT on "
        "Linux; Get-NetFirewallRule -Direction Outbound -Action Block on Windows.",
        "Look for endpoint protection or sandboxing that decides per program; another program from "
        "the same machine connecting proves it."},
       "connect(2), netfilter"});
  add({"proxy-header-expected",
       "The listener waits for a PROXY protocol header",
       Phase::kX224,
       "TCP completes, the Connection Request is dropped or never answered; with a PROXY v1 or v2 "
       "header in front of it, it is answered.",
       "A connection without such a header is answered, or one with it is not.",
       {"On the load balancer or reverse proxy, see whether the listener or its backend is set to "
        "PROXY protocol (haproxy: accept-proxy and send-proxy; nginx stream: proxy_protocol) on "
        "one side only.",
        "Make both sides agree; connect through the balancer and not to the backend port."},
       "HAProxy PROXY protocol specification, versions 1 and 2"});
  add({"forwarder-without-backend",
       "A forwarder accepted the connection, nothing is behind it",
       Phase::kX224,
       "TCP completes, then the connection ends by itself: without waiting for the Connection "
       "Request and without one octet from the server.",
       "A connection on which nothing is sent stays open for longer than two round trips: then the "
       "request was what it did not like.",
       {"Find what really listens at this address: a container's published port, ssh -L, wslrelay, "
        "frp, a tunnel client, a load balancer, a RustDesk or similar tunnel. Its log says that it "
        "could not reach the backend.",
        "Check on the forwarder's own machine whether the backend answers: rdpwhy BACKEND:3389. "
        "Backend off, still booting, wrong address or RDP not switched on are the usual ends.",
        "If there is no forwarder: a ban of this client's address (IPBan, fail2ban), or a full "
        "connection table."},
       "confirmed reports: container port publishing, tunnel clients, frp with a wrong local "
       "address"});
  add({"not-an-rdp-service",
       "Something else than RDP answers on this port",
       Phase::kX224,
       "The first octets are no TPKT: an SSH, HTTP, VNC or TLS server, or an unknown protocol.",
       "The same port answers a Connection Request with a Connection Confirm.",
       {"Look who owns the port on the server: Get-Process -Id (Get-NetTCPConnection -LocalPort "
        "3389).OwningProcess, or ss -ltnp on Linux.",
        "Check the port number, and the port forwarding that leads there. TLS at once may be an RD "
        "Gateway or another HTTPS service, or a listener wrapped in TLS: those need their own "
        "client settings.",
        "If the product has its own client (NoMachine, VNC, AnyDesk and others), use that."},
       "MS-RDPBCGR 2.2.1.1, T.123 clause 8; Microsoft Learn: Remote Desktop internal error, "
       "another program on the port"});

  // --- x224
  // -----------------------------------------------------------------------------------------
  add({"server-not-answering",
       "The server takes the connection and says nothing",
       Phase::kX224,
       "TCP completes, the Connection Request is acknowledged and never answered.",
       "A second attempt is answered, late: then it is slow or busy.",
       {"On the server: the service may hang while the kernel still accepts. Restart-Service "
        "TermService -Force (console or other remote access needed); on Linux systemctl restart "
        "xrdp.",
        "See whether the server is out of memory, processor or sessions: quser, Get-Counter "
        "'\\Terminal Services\\*'.",
        "If a forwarder or balancer stands in between, its backend may be the silent one: probe "
        "the backend directly. A listener that waits for a PROXY header is silent as well.",
        kTryLocalhost},
       "confirmed reports of a hung TermService; forwarders whose far end is silent"});
  add({"refused-after-connection-request",
       "The server leaves once it has read the Connection Request",
       Phase::kX224,
       "A silent connection stays open, but after the Connection Request (or right after the "
       "Confirm) it is closed or reset before a ClientHello could be read.",
       "The connection ends without a request as well: then nobody behind it reads.",
       {"Look for a limit on the server: number of sessions or connections reached (quser; policy "
        "'Limit number of connections', MaxInstanceCount), event 71.",
        "Look for a ban on this client's address: IPBan, fail2ban, RDP guard products, and their "
        "logs.",
        "If an RDP-aware proxy or balancer answers, its log says why it refused: unknown cookie, "
        "unknown routing token, no backend.",
        "VirtualBox VRDE and similar servers do this when their certificate file cannot be read: "
        "see the log of the virtual machine."},
       "Microsoft KB Q192165 (maximum connection count); reports about VRDE and RDP proxies"});
  add({"cookie-or-token-rejected",
       "The cookie or routing token is what it does not like",
       Phase::kX224,
       "The connection ends after a Connection Request with a cookie or token; the same request "
       "without it is answered.",
       "A request without cookie and token ends the same way.",
       {"Compare: rdpwhy HOST --cookie '' against rdpwhy HOST. If only the bare one is answered, "
        "look at what inspects the cookie: balancer, session broker, proxy or intrusion "
        "prevention.",
        "With an .rdp file, check its loadbalanceinfo line: the token must be the one of this "
        "collection (tsv://...), and the proxy must know routing tokens.",
        "On an F5, HAProxy or similar balancer, see the rule that matches mstshash= or msts=."},
       "MS-RDPBCGR 3.2.5.3.1; FreeRDP pull request 9040"});
  add({"tls-required",
       "The server wants TLS or NLA and was not offered it",
       Phase::kX224,
       "RDP_NEG_FAILURE 1, SSL_REQUIRED_BY_SERVER.",
       "The request did offer TLS: then the server expects it alone or with another flag (some "
       "answer 1 to NLA without TLS).",
       {"Let the client offer TLS: in mstsc that is the default; in an .rdp file remove negotiate "
        "security layer:i:0 and enablecredsspsupport:i:0; in FreeRDP drop /sec:rdp.",
        "Old clients (before RDP 5.2, Windows XP without updates) cannot: replace them rather than "
        "lowering the server's SecurityLayer."},
       "MS-RDPBCGR 2.2.1.2.2"});
  add({"legacy-security-only",
       "The server allows nothing but old RDP security",
       Phase::kX224,
       "RDP_NEG_FAILURE 2, SSL_NOT_ALLOWED_BY_SERVER.",
       "Another request to the same server is answered with TLS.",
       {"On the server set SecurityLayer to 2 (TLS) or 1 (negotiate): "
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp, or the "
        "policy 'Require use of specific security layer for remote (RDP) connections'. Somebody "
        "may have set 0 on the advice of a web page.",
        "On xrdp set security_layer=negotiate in /etc/xrdp/xrdp.ini and give it a certificate.",
        "To get in once for repairing it: mstsc falls back by itself; FreeRDP needs /sec:rdp. This "
        "is unauthenticated and weak: do not leave it so."},
       "MS-RDPBCGR 2.2.1.2.2"});
  add({"server-has-no-certificate",
       "The server has no certificate it could use",
       Phase::kX224,
       "RDP_NEG_FAILURE 3, SSL_CERT_NOT_ON_SERVER: the server says so itself.",
       "None: the server's own words.",
       {"On Windows let it make a new one: remove the certificate from Cert:\\LocalMachine\\Remote "
        "Desktop, then Restart-Service SessionEnv and TermService; events 1057 and 1058 of "
        "TerminalServices-RemoteConnectionManager say why that fails.",
        "If a certificate was assigned by policy or WMI (Win32_TSGeneralSetting, "
        "SSLCertificateSHA1Hash), see that it exists in LocalMachine\\My with its private key and "
        "that NETWORK SERVICE may read the key.",
        "On xrdp: certificate= and key_file= in /etc/xrdp/xrdp.ini must be readable for the user "
        "xrdp (adduser xrdp ssl-cert, then restart)."},
       "MS-RDPBCGR 2.2.1.2.2; Microsoft Learn: event ids for RDP to Azure virtual machines (1057, "
       "1058); xrdp source, libxrdp/xrdp_iso.c"});
  add({"inconsistent-flags",
       "The server finds the request contradictory",
       Phase::kX224,
       "RDP_NEG_FAILURE 4, INCONSISTENT_FLAGS.",
       "None: the server's own words.",
       {"Look for restricted admin mode or remote credential guard on the client (mstsc "
        "/restrictedAdmin, /remoteGuard): they need NLA, and the server must allow them "
        "(HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa, DisableRestrictedAdmin=0).",
        "A client that speaks TLS first, before X.224, gets this answer when it then does not ask "
        "for NLA."},
       "MS-RDPBCGR 2.2.1.2.2 and 5.4.2.2"});
  add({"nla-required",
       "The server requires NLA and the client did not offer it",
       Phase::kX224,
       "RDP_NEG_FAILURE 5, HYBRID_REQUIRED_BY_SERVER.",
       "The request offered HYBRID: then the server contradicts itself.",
       {"Let the client use NLA: enablecredsspsupport:i:1 in the .rdp file, /sec:nla in FreeRDP, "
        "the security mode NLA or Any in Guacamole, 'Use CredSSP' in mRemoteNG.",
        "If the client cannot (old library, built without CredSSP), update it.",
        "Taking NLA off on the server (UserAuthentication=0) is only a test: it lets everybody "
        "reach the logon screen. Turn it on again."},
       "MS-RDPBCGR 2.2.1.2.2; many reports, among them mRemoteNG 885 and FreeRDP 13185"});
  add({"client-certificate-required",
       "The server wants a certificate from the client",
       Phase::kX224,
       "RDP_NEG_FAILURE 6, or TLS dies after the server asked for a client certificate and got "
       "none (alert 116, 40 or 42, or a close).",
       "The same server completes TLS with a client that sends no certificate.",
       {"Use a client with a certificate for this server (smart card or device certificate), or "
        "ask who runs the server which authority it accepts; the report says how many names its "
        "request listed.",
        "If nobody meant to require it: look at the TLS-terminating proxy in front (mutual TLS, "
        "ssl_verify_client on)."},
       "MS-RDPBCGR 2.2.1.2.2; RFC 8446 4.3.2 and 6.2 (certificate_required)"});
  add({"legacy-security-chosen",
       "TLS was offered, the server chose old RDP security",
       Phase::kX224,
       "The Connection Confirm selects PROTOCOL_RDP, or carries no negotiation data at all, "
       "although TLS was offered.",
       "The server is older than RDP 5.2: then it knows nothing else.",
       {"On xrdp this is what an unreadable key looks like: /var/log/xrdp.log says 'Cannot read "
        "private key file'. adduser xrdp ssl-cert, then systemctl restart xrdp.",
        "On Windows see SecurityLayer in HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal "
        "Server\\WinStations\\RDP-Tcp (0 means this), and the policy that sets it; then the "
        "certificate as for server-has-no-certificate.",
        "Current mstsc may refuse or show a blank window; standard RDP security authenticates "
        "nobody and should not stay."},
       "MS-RDPBCGR 5.3; xrdp issues 1169, 1294, 2304 and others"});

  // --- tls
  // ------------------------------------------------------------------------------------------
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
  add({"server-closes-after-tls",
       "TLS completes, then the server leaves",
       Phase::kCredssp,
       "The TLS handshake completes and the server closes before any CredSSP or MCS answer.",
       "The server answers the first message after TLS.",
       {"A server program without credentials or session set up does this: gnome-remote-desktop "
        "needs grdctl rdp set-credentials, IronRDP-based servers set_credentials, others a user "
        "list. Read its log at that second.",
        "On Windows the NLA part is broken: events of LsaSrv and Schannel in the System log, "
        "CredSSP and TermService in good health; test once with UserAuthentication=0 and set it "
        "back.",
        "Behind a proxy or bastion: its backend may be away. See its log."},
       "confirmed reports about gnome-remote-desktop and IronRDP servers without credentials"});

  // --- credssp and authorization
  // -----------------------------------------------------------------------
  add({"credssp-version-refused",
       "One side refuses the other's CredSSP version",
       Phase::kCredssp,
       "The server's TSRequest has a version below 5 and a patched client stops, or the server "
       "drops an older client (alert 80).",
       "Both sides speak version 5 or 6.",
       {"Update the side with the lower version (the fix for CVE-2018-0886, March to May 2018).",
        "The policy Encryption Oracle Remediation set to Vulnerable opens the hole again for every "
        "connection: use it only to reach the machine once for updating it, and set it back."},
       "MS-CSSP 2.2.1 and 3.1.5; CVE-2018-0886"});
  add({"ntlm-blocked",
       "NTLM is not allowed",
       Phase::kCredssp,
       "STATUS_NTLM_BLOCKED, STATUS_NOT_SUPPORTED or SEC_E_UNSUPPORTED_FUNCTION in "
       "TSRequest.errorCode, or the server leaves on the NTLM NEGOTIATE while Kerberos is offered.",
       "NTLM works for another account or client.",
       {"Let the client use Kerberos: connect by the fully qualified name (not by address), with a "
        "domain account and a domain controller in reach; klist get TERMSRV/HOST.FQDN on the "
        "client must work.",
        "The policies are Network security: Restrict NTLM (incoming, on the server; in this "
        "domain, on the controllers). Event 4002 (on the server) or 4001 (on the client) of "
        "Microsoft-Windows-NTLM/Operational names what was blocked.",
        "Members of Protected Users can never use NTLM."},
       "MS-ERREF C0000418; Windows events NTLM/Operational"});
  add({"logon-failure",
       "User name or password is wrong",
       Phase::kCredssp,
       "STATUS_LOGON_FAILURE, STATUS_WRONG_PASSWORD or STATUS_NO_SUCH_USER in TSRequest.errorCode.",
       "None: the server's own words. Which of the two is wrong it does not say on purpose.",
       {"Check the form of the name: DOMAIN\\user, user@domain, .\\user for a local account, "
        "AzureAD\\user@domain for a joined machine.",
        "Delete saved credentials that may be stale: cmdkey /delete:TERMSRV/HOST on the client.",
        kSecurityLog},
       "MS-CSSP 2.2.1, MS-ERREF"});
  add({"account-disabled",
       "The account is disabled",
       Phase::kCredssp,
       "STATUS_ACCOUNT_DISABLED in TSRequest.errorCode.",
       "None: the server's own words.",
       {"Enable it: Enable-ADAccount NAME, or Enable-LocalUser NAME on the server.", kSecurityLog},
       "MS-ERREF C0000072"});
  add({"account-locked-out",
       "The account is locked out",
       Phase::kCredssp,
       "STATUS_ACCOUNT_LOCKED_OUT in TSRequest.errorCode.",
       "None: the server's own words.",
       {"Unlock it (Unlock-ADAccount NAME) and find who locked it: event 4740 on the domain "
        "controller names the computer.",
        "Until that is found it will lock again: look for saved passwords, services and tasks "
        "there."},
       "MS-ERREF C0000234"});
  add({"account-expired",
       "The account has expired",
       Phase::kCredssp,
       "STATUS_ACCOUNT_EXPIRED in TSRequest.errorCode.",
       "None: the server's own words.",
       {"Extend it: Set-ADAccountExpiration NAME, or Clear-ADAccountExpiration NAME."},
       "MS-ERREF C0000193"});
  add({"account-restriction",
       "A restriction of the account forbids this logon",
       Phase::kCredssp,
       "STATUS_ACCOUNT_RESTRICTION, STATUS_INVALID_LOGON_HOURS or STATUS_INVALID_WORKSTATION in "
       "TSRequest.errorCode.",
       "The same account gets in with Kerberos: then it is the ban on NTLM for Protected Users.",
       {"Check: member of Protected Users (needs Kerberos: connect by fully qualified name), empty "
        "password (Limit local account use of blank passwords), logon hours, allowed workstations.",
        kSecurityLog},
       "MS-ERREF C000006E, C000006F, C0000070; FreeRDP 5258, mRemoteNG 3175"});
  add({"password-expired",
       "The password has expired",
       Phase::kCredssp,
       "STATUS_PASSWORD_EXPIRED in TSRequest.errorCode.",
       "None: the server's own words.",
       {"Change it elsewhere: at a console, by Ctrl+Alt+Del in another session, through RD Web "
        "with password change enabled. NLA cannot change it."},
       "MS-ERREF C0000071"});
  add({"password-must-change",
       "The password must be changed at the next logon",
       Phase::kCredssp,
       "STATUS_PASSWORD_MUST_CHANGE in TSRequest.errorCode.",
       "None: the server's own words.",
       {"Change it elsewhere first, or clear 'User must change password at next logon' (Set-ADUser "
        "NAME -ChangePasswordAtLogon $false). NLA cannot change it."},
       "MS-ERREF C0000224; FreeRDP 4182 and others"});
  add({"logon-type-not-granted",
       "The account lacks the right to log on over the network",
       Phase::kCredssp,
       "STATUS_LOGON_TYPE_NOT_GRANTED in TSRequest.errorCode.",
       "None: the server's own words.",
       {"On the server: Local Policies > User Rights Assignment: 'Deny access to this computer "
        "from the network' must not hold the account, 'Access this computer from the network' "
        "must. NLA needs it."},
       "MS-ERREF C000015B; windowsserverdocs 6811"});
  add({"no-logon-servers",
       "The server cannot reach a domain controller",
       Phase::kCredssp,
       "STATUS_NO_LOGON_SERVERS, STATUS_TRUSTED_RELATIONSHIP_FAILURE and their kin in "
       "TSRequest.errorCode.",
       "Other domain logons on that server work at the same time.",
       {"On the server: nltest /sc_query:DOMAIN and Test-ComputerSecureChannel; -Repair mends a "
        "broken trust. nslookup -type=srv _ldap._tcp.dc._msdcs.DOMAIN must answer.",
        "A local account (.\\name) tells whether only the domain is out of reach.",
        "Events 5719 (NETLOGON) and 1129 (GroupPolicy) in the System log."},
       "MS-ERREF C000005E, C000018C, C000018D; Microsoft Learn: cannot connect RDP to Azure "
       "virtual machine"});
  add({"clock-skew",
       "The clocks differ too much",
       Phase::kCredssp,
       "STATUS_TIME_DIFFERENCE_AT_DC or KRB_AP_ERR_SKEW; or the NTLM time differs by more than "
       "five minutes and Kerberos is refused.",
       "Times agree within five minutes.",
       {"w32tm /query /status on the server and w32tm /stripchart /computer:DC on the client; "
        "chronyc tracking on Linux. Mend the time source and w32tm /resync."},
       "RFC 4120 7.5.9, MS-ERREF C0000133; FreeRDP 8722"});
  add({"kerberos-unavailable",
       "Kerberos cannot be used from here",
       Phase::kKerberos,
       "No KDC answers, the service name TERMSRV/host is unknown, or the realm is not found: on "
       "the client's side.",
       "klist get TERMSRV/HOST succeeds on this client.",
       {"Connect by the name that carries the service principal name: setspn -Q TERMSRV/HOST.",
        "Check _kerberos._tcp SRV records and TCP 88 to the controllers; /etc/krb5.conf on Linux "
        "and macOS (realm in capitals)."},
       "RFC 4120; FreeRDP 10059, 10268"});
  add({"credentials-refused-without-reason",
       "The credentials were refused, without a reason",
       Phase::kCredssp,
       "NTLM AUTHENTICATE is answered by alert 49 or 80, close or reset, and no errorCode: servers "
       "with CredSSP 2 or 5 and many others cannot say more.",
       "An errorCode came.",
       {"Take user name and password as the first suspects, then policy (see ntlm-blocked, "
        "credssp-version-refused).",
        kSecurityLog,
        "On Linux servers the log says more: FreeRDP shadow, gnome-remote-desktop (journalctl "
        "--user -u gnome-remote-desktop)."},
       "MS-CSSP 2.2.1.1; FreeRDP 2434, 4449; own measurements of FreeRDP shadow"});
  add({"intermediary-cannot-complete-credssp",
       "Something in between cannot complete CredSSP",
       Phase::kCredssp,
       "CredSSP goes silent, or the public-key confirmation does not match the certificate of TLS.",
       "A direct connection to the server fails alike.",
       {"Connect past the proxy, bastion or inspecting firewall once; if that works, exclude RDP "
        "from inspection: CredSSP is bound to the server's TLS key and cannot be relayed."},
       "MS-CSSP 3.1.5; CVE-2018-0886"});
  add({"intermediary-backend-failed",
       "The gateway works, the host behind it does not",
       Phase::kClientInfo,
       "Certificate and NTLM names are those of a gateway, bastion or PAM proxy; its front "
       "completes, then it leaves when the client's data should go on to the real host.",
       "The names are those of the target itself.",
       {"Read the log of the gateway or bastion for this user and second; check the vaulted "
        "account's password and the backend's own health: run rdpwhy from the gateway against the "
        "backend."},
       "reports about PAM proxies and bastions"});
  add({"remote-desktop-right-missing",
       "The user may not log on through Remote Desktop",
       Phase::kAuthorization,
       "The early user authorization result is 5, access denied, after good credentials.",
       "None: the server's own words.",
       {"On the server: Add-LocalGroupMember 'Remote Desktop Users' DOMAIN\\user, and the right "
        "'Allow log on through Remote Desktop Services' for that group; the Deny right must not "
        "hold the user."},
       "MS-RDPBCGR 2.2.10.2"});

  // --- from mcs on
  // --------------------------------------------------------------------------------------
  add({"session-host-refused",
       "The session host refuses the connection",
       Phase::kMcs,
       "Set Error Info 7 (SERVER_DENIED_CONNECTION), an MCS refusal or a disconnect ultimatum "
       "before there is a session.",
       "The socket merely closed: then the 7 in 'extended error code' is mstsc's own and says "
       "nothing.",
       {"See the limit of sessions and drain mode: change logon /query, quser, collection "
        "settings.",
        kErrorInfoLog,
        "IronRDP-based servers send exactly this when user name or password do not match without "
        "NLA."},
       "MS-RDPBCGR 2.2.5.1.1; IronRDP source, ironrdp-acceptor"});
  add({"insufficient-privileges",
       "The user lacks the right to this session host",
       Phase::kMcs,
       "Set Error Info 9, SERVER_INSUFFICIENT_PRIVILEGES.",
       "None: the server's own words.",
       {"Add the user to Remote Desktop Users or to the collection.",
        "Farm members refuse direct connections: use the collection's .rdp file with its "
        "loadbalanceinfo (tsv://MS Terminal Services Plugin.1.COLLECTION)."},
       "MS-RDPBCGR 2.2.5.1.1; FreeRDP 3959"});
  add({"connection-broker-failure",
       "The connection broker cannot place the session",
       Phase::kMcs,
       "Set Error Info 0x400 to 0x412.",
       "None: the server's own words.",
       {"On the broker: events 1296, 1301, 1306 and 2056 of "
        "TerminalServices-SessionBroker(-Client); its database and name must be as they were when "
        "the deployment was made."},
       "MS-RDPBCGR 2.2.5.1.1; Microsoft Learn: event ids for RDP to Azure virtual machines"});
  add({"licensing-failure",
       "Licensing fails",
       Phase::kLicensing,
       "A licensing error alert other than STATUS_VALID_CLIENT, or Set Error Info 0x100 to 0x10A.",
       "The alert is 7, STATUS_VALID_CLIENT: that is success.",
       {"On the session host: Get-RDLicenseConfiguration, or lsdiag.msc: mode set, licence server "
        "reachable, licences left, grace period not over (events 1128 and 1130).",
        "On the client: delete HKLM\\SOFTWARE\\Microsoft\\MSLicensing when a stale licence is "
        "sent; start mstsc once as administrator. FreeRDP keeps .cal files.",
        "mstsc /admin asks for no licence and shows whether the rest works."},
       "MS-RDPBCGR 2.2.1.12.1.3 and 2.2.5.1.1; MS-RDPELE"});
  add({"protocol-error-reported",
       "The server reports a protocol error",
       std::nullopt,
       "Set Error Info 0x10C9 and above.",
       "None: the server's own words.",
       {"rdpwhy explain CODE says which message it disliked. Update the client; try without bitmap "
        "cache, graphics pipeline and redirections.",
        kErrorInfoLog},
       "MS-RDPBCGR 2.2.5.1.1"});
  add({"ended-by-server-code",
       "The server ended it and said why",
       std::nullopt,
       "A Set Error Info that no other row claims: idle or logon timeout, replaced by another "
       "connection, logoff, administrator's tool.",
       "None: the server's own words.",
       {"rdpwhy explain CODE says what it means.", kErrorInfoLog},
       "MS-RDPBCGR 2.2.5.1.1"});
  add({"redirected",
       "The server sends the client elsewhere",
       Phase::kMcs,
       "A redirection packet: the client has to connect again, to the named target or with the "
       "given routing token.",
       "The client follows and that connection fails for a reason of its own.",
       {"Use a client that follows redirections (use redirection server name:i:1 in the .rdp file "
        "for gnome-remote-desktop's system mode).",
        "Probe the named target as well."},
       "MS-RDPBCGR 2.2.13; reports about GNOME remote login"});
  add({"session-ended-after-handshake",
       "The session ended right after it began",
       Phase::kFinalization,
       "Everything completed, then the server left within seconds without logoff or disconnect by "
       "the user.",
       "A logoff or a user's disconnect is seen.",
       {"Read the logs of the session itself: event 4005 (winlogon), display driver, "
        "~/.xsession-errors and /var/log/xrdp-sesman.log on Linux.",
        kErrorInfoLog},
       "reports about session start failures"});

  // --- about the whole
  // ------------------------------------------------------------------------------------
  add({"flaky-path",
       "The same handshake ends differently each time",
       std::nullopt,
       "Repeats of one handshake end in different ways.",
       "Every repeat ends alike.",
       {"Look at loss and routing: mtr -T -P 3389 HOST. Several servers behind one address with "
        "different settings look the same: compare certificates."},
       "own classification"});
  add({"slow-server",
       "The server answers far more slowly than the network",
       std::nullopt,
       "An answer takes many times the round trip, or comes too late.",
       "The round trip itself is slow.",
       {"On the server: processor, memory, disk queue at that time; name lookups of the client's "
        "address and revocation checks that time out.",
        "Measure again with rdpwhy HOST --timeout 60: the phase that takes the time is where to "
        "look."},
       "own classification; reports of hung services"});
  add({"loopback-guard",
       "mstsc refuses to connect to its own machine",
       std::nullopt,
       "The target is this machine's own port 3389: mstsc says 0x708, 'already have a console "
       "session', without a packet.",
       "Another client or another machine is used.",
       {"With a port forwarded on this machine use another address or port: mstsc /v:127.0.0.2, or "
        "publish the port as 3390."},
       "dockur/windows 1256 and others"});
  add({"unexplained",
       "None of the known causes fits",
       std::nullopt,
       "The phase and the ending are known, what made it end is not.",
       "Another observation parts the causes.",
       {"Compare with a second vantage point, first of all the server itself (rdpwhy 127.0.0.1 "
        "there).",
        "Keep the connection for others to read: rdpwhy HOST --write-capture FILE.pcapng --keylog "
        "FILE.keys."},
       "own classification"});
  add({"capture-incomplete",
       "The capture does not hold enough",
       std::nullopt,
       "It begins late, ends early or has gaps where the answer would be.",
       "The missing part is in another file.",
       {"Capture again, from before the attempt until after its end, with full packets: tcpdump -s "
        "0 --immediate-mode -w FILE port 3389, or pktmon start --capture --pkt-size 0.",
        "Capture on the host itself rather than on a mirror port that drops."},
       "own classification"});
  add({"handshake-complete",
       "The handshake went as far as asked",
       std::nullopt,
       "Every phase that was asked for completed.",
       "A failure is seen later.",
       {"If users still fail, compare: from their machine, by the name they use, with their "
        "client. What fails after TLS (credentials, licences, session) was not tried here.",
        "rdpwhy HOST --saw CODE,EXTENDED says whether what they see can come from what was seen "
        "here."},
       "MS-RDPBCGR 1.3.1.1"});
  return t;
}

}  // namespace

std::span<const Cause> causes() {
  static const auto kTable = make_causes();
  return kTable;
}

const Cause* find_cause(std::string_view id) {
  static const auto kIndex = [] {
    std::map<std::string_view, const Cause*> index;
    for (const auto& cause : causes()) index.emplace(cause.id, &cause);
    return index;
  }();
  const auto found = kIndex.find(id);
  return found == kIndex.end() ? nullptr : found->second;
}

std::string_view name_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::kCertain:
      return "certain";
    case Confidence::kLikely:
      return "likely";
    case Confidence::kPossible:
      break;
  }
  return "possible";
}

}  // namespace rdpwhy::diagnose
