// Causes from mcs on, and those about a connection as a whole.
#include "diagnose/catalogue.h"

namespace rdpwhy::diagnose {

void add_causes_of_session(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
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
        "rdpwhy --follow-redirection goes on to where the redirection leads, with its routing "
        "token; "
        "or probe the named target by itself."},
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
}

void add_causes_of_the_whole(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
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
}

}  // namespace rdpwhy::diagnose
