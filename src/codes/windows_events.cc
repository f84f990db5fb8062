#include "codes/tables.h"

namespace rdpwhy::codes {
namespace {

// Event ids of Windows that belong to a failing RDP connection. The name is what people search for:
// the source and the number.

constexpr Code kWindowsEventCodes[] = {
    {Family::kSchannelEvent, 21, "LocalSessionManager 21", "A user signed in to a session.",
     "session", "Applications and Services log, TerminalServices-LocalSessionManager"},
    {Family::kSchannelEvent, 23, "LocalSessionManager 23", "A user signed off.", "session",
     "Applications and Services log, TerminalServices-LocalSessionManager"},
    {Family::kSchannelEvent, 24, "LocalSessionManager 24", "A session was disconnected.", "session",
     "Applications and Services log, TerminalServices-LocalSessionManager"},
    {Family::kSchannelEvent, 25, "LocalSessionManager 25",
     "A user came back to an existing session.", "session",
     "Applications and Services log, TerminalServices-LocalSessionManager"},
    {Family::kSchannelEvent, 39, "LocalSessionManager 39",
     "One session was disconnected by another.", "session",
     "Applications and Services log, TerminalServices-LocalSessionManager"},
    {Family::kSchannelEvent, 40, "LocalSessionManager 40",
     "A session was disconnected, with a reason code from the space of the extended codes.",
     "session", "Applications and Services log, TerminalServices-LocalSessionManager"},
    {Family::kSchannelEvent, 50, "TermDD 50",
     "The RDP stack met an error in the protocol stream and disconnected the client.", "any",
     "System log, TermDD"},
    {Family::kSchannelEvent, 56, "TermDD 56",
     "The security layer met an error in the protocol stream and disconnected the client; the "
     "last "
     "four octets of its data are a status code.",
     "tls", "System log, TermDD"},
    {Family::kSchannelEvent, 71, "TermService 71",
     "The number of connections allowed was exceeded (Windows NT 4.0 Terminal Server Edition, "
     "where clients saw 0x904).",
     "x224", "Microsoft KB 192165"},
    {Family::kSchannelEvent, 131, "RdpCoreTS 131",
     "The server took a new TCP or UDP connection of a client.", "tcp",
     "Applications and Services log, RemoteDesktopServices-RdpCoreTS"},
    {Family::kSchannelEvent, 139, "RdpCoreTS 139",
     "The security layer met an error in the protocol stream, whose code the event gives "
     "(0x80090304 and the like), and disconnected the client.",
     "credssp", "Applications and Services log, RemoteDesktopServices-RdpCoreTS"},
    {Family::kSchannelEvent, 140, "RdpCoreTS 140",
     "A connection failed because user name or password was wrong.", "credssp",
     "Applications and Services log, RemoteDesktopServices-RdpCoreTS"},
    {Family::kSchannelEvent, 226, "RdpCoreTS 226",
     "A step of the connection's state machine failed. With Event_Disconnect and 0x80070040 the "
     "peer was simply gone.",
     "any", "Applications and Services log, RemoteDesktopServices-RdpCoreTS"},
    {Family::kSchannelEvent, 261, "RemoteConnectionManager 261",
     "The RDP listener received a connection: TCP reached the service.", "tcp",
     "Applications and Services log, TerminalServices-RemoteConnectionManager"},
    {Family::kSchannelEvent, 1024, "RDPClient 1024", "The client tries to connect to a server.",
     "tcp", "Applications and Services log of the client, TerminalServices-RDPClient"},
    {Family::kSchannelEvent, 1026, "RDPClient 1026",
     "The client was disconnected; the reason is the \"Error code\" of mstsc in decimal (2308 "
     "is "
     "0x904).",
     "any", "Applications and Services log of the client, TerminalServices-RDPClient"},
    {Family::kSchannelEvent, 1056, "RemoteConnectionManager 1056",
     "The server made a new self-signed certificate for Remote Desktop.", "tls",
     "System log, TerminalServices-RemoteConnectionManager"},
    {Family::kSchannelEvent, 1057, "RemoteConnectionManager 1057",
     "The server could not make a new self-signed certificate, for example because its key set "
     "does not exist. TLS connections fail from then on.",
     "tls", "System log, TerminalServices-RemoteConnectionManager"},
    {Family::kSchannelEvent, 1058, "RemoteConnectionManager 1058",
     "The server could not replace its expired self-signed certificate, for example because "
     "access "
     "was denied or the object exists already.",
     "tls", "System log, TerminalServices-RemoteConnectionManager"},
    {Family::kSchannelEvent, 1149, "RemoteConnectionManager 1149",
     "The network part of a sign-in succeeded. In spite of its text no session exists yet.",
     "credssp", "Applications and Services log, TerminalServices-RemoteConnectionManager"},
    {Family::kSchannelEvent, 1296, "SessionBroker-Client 1296",
     "The server got no redirection from the connection broker.", "client_info",
     "Applications and Services log, TerminalServices-SessionBroker-Client"},
    {Family::kSchannelEvent, 2056, "SessionBroker 2056",
     "The connection broker cannot reach its database or finds itself missing there, for "
     "example "
     "after it was renamed.",
     "client_info", "Applications and Services log, TerminalServices-SessionBroker"},
    {Family::kSchannelEvent, 3210, "NETLOGON 3210",
     "The server could not prove itself to its domain controller: the trust between them is "
     "broken.",
     "credssp", "System log, NETLOGON"},
    {Family::kSchannelEvent, 4001, "NTLM 4001",
     "This machine was about to use NTLM towards another and a policy forbade it.", "credssp",
     "Applications and Services log of the client, NTLM"},
    {Family::kSchannelEvent, 4002, "NTLM 4002",
     "NTLM came in and a policy of this server forbade it.", "credssp",
     "Applications and Services log, NTLM"},
    {Family::kSchannelEvent, 4004, "NTLM 4004",
     "NTLM was to be judged by this domain controller and a policy forbade it.", "credssp",
     "Applications and Services log of the domain controller, NTLM"},
    {Family::kSchannelEvent, 4624, "Security 4624",
     "An account signed in. With Network Level Authentication logon type 3 comes first, type 10 "
     "with the session.",
     "credssp", "Security log"},
    {Family::kSchannelEvent, 4625, "Security 4625",
     "An account failed to sign in; Status and Sub Status are NTSTATUS codes. Where it is "
     "missing, "
     "authentication was never reached.",
     "credssp", "Security log"},
    {Family::kSchannelEvent, 4740, "Security 4740",
     "An account was locked out; the event names the computer that the failed sign-ins came "
     "from.",
     "credssp", "Security log of the domain controller"},
    {Family::kSchannelEvent, 4768, "Security 4768",
     "A Kerberos ticket-granting ticket was asked for. Result code 0x6: no such user; 0x12: "
     "disabled, locked out or expired; 0x17: the password has expired.",
     "kerberos", "Security log of the domain controller"},
    {Family::kSchannelEvent, 4769, "Security 4769",
     "A Kerberos ticket for a service was asked for. Failure code 0x7: no service of that name.",
     "kerberos", "Security log of the domain controller"},
    {Family::kSchannelEvent, 4771, "Security 4771",
     "Kerberos preauthentication failed. Failure code 0x18: the password is wrong; 0x25: the "
     "clocks are too far apart.",
     "kerberos", "Security log of the domain controller"},
    {Family::kSchannelEvent, 4776, "Security 4776",
     "A machine judged credentials by NTLM; the error code is an NTSTATUS, 0 is success.",
     "credssp", "Security log of the machine that holds the account"},
    {Family::kSchannelEvent, 4825, "Security 4825",
     "A user was denied access to Remote Desktop: not a member of Remote Desktop Users or "
     "Administrators.",
     "authorization", "Security log"},
    {Family::kSchannelEvent, 5719, "NETLOGON 5719",
     "The server could reach no domain controller of its domain.", "credssp",
     "System log, NETLOGON"},
    {Family::kSchannelEvent, 6041, "LsaSrv 6041",
     "A client refused the CredSSP version of a server that lacks the update for CVE-2018-0886; "
     "the event names that version.",
     "credssp", "System log of the client, LSA (LsaSrv)"},
    {Family::kSchannelEvent, 36869, "Schannel 36869",
     "The server's certificate has no private key attached to it.", "tls", "System log, Schannel"},
    {Family::kSchannelEvent, 36870, "Schannel 36870",
     "The private key of the server's certificate cannot be opened (0x8009030d: no rights, or a "
     "damaged key store). On the wire: TCP ends right after the ClientHello, without an alert.",
     "tls", "System log, Schannel"},
    {Family::kSchannelEvent, 36871, "Schannel 36871",
     "TLS could not be set up for the server or client at all (state 10013): as a rule every "
     "allowed TLS version is switched off.",
     "tls", "System log, Schannel"},
    {Family::kSchannelEvent, 36874, "Schannel 36874",
     "A client's TLS request offers no cipher suite that the server takes. On the wire: alert "
     "40.",
     "tls", "System log, Schannel"},
    {Family::kSchannelEvent, 36880, "Schannel 36880",
     "A TLS handshake was completed; the event names version, suite and group.", "tls",
     "System log, Schannel"},
    {Family::kSchannelEvent, 36881, "Schannel 36881",
     "The certificate that the peer showed has expired or is not valid yet.", "tls",
     "System log, Schannel"},
    {Family::kSchannelEvent, 36882, "Schannel 36882",
     "The certificate that the peer showed comes from an issuer that is not trusted.", "tls",
     "System log, Schannel"},
    {Family::kSchannelEvent, 36884, "Schannel 36884",
     "The certificate that the peer showed is not for the name that was expected.", "tls",
     "System log, Schannel"},
    {Family::kSchannelEvent, 36886, "Schannel 36886",
     "No default certificate for servers exists on this machine.", "tls", "System log, Schannel"},
    {Family::kSchannelEvent, 36887, "Schannel 36887",
     "The peer sent a fatal TLS alert; the event gives its number.", "tls", "System log, Schannel"},
    {Family::kSchannelEvent, 36888, "Schannel 36888",
     "This machine sent a fatal TLS alert; the event gives its number and a state (40 with "
     "1205: "
     "no common suite).",
     "tls", "System log, Schannel"},
    {Family::kSchannelEvent, 40960, "LsaSrv 40960",
     "Negotiating an authentication failed; the event names the server and the status.", "credssp",
     "System log, LSA (LsaSrv)"},
    {Family::kSchannelEvent, 40961, "LsaSrv 40961",
     "No security protocol was available for an authentication to the server named.", "credssp",
     "System log, LSA (LsaSrv)"},
};
static_assert(well_formed(kWindowsEventCodes));

}  // namespace

std::span<const Code> windows_event_codes() { return kWindowsEventCodes; }

}  // namespace rdpwhy::codes
