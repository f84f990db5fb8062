// Causes of resolve, tcp and x224.
#include "diagnose/catalogue.h"

namespace rdpwhy::diagnose {

void add_causes_of_reaching(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
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
}

void add_causes_of_negotiation(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
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
}

}  // namespace rdpwhy::diagnose
