#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "rdpwhy/diagnose/diagnosis.h"

// The catalogue of causes: a table in parts, by phase. Ids are those of the contract; order is that
// of the phases. Advice names a setting, a log with its event, or a command and the machine it runs
// on. What is only good as a test is called one, and what does harm is named as harmful or left
// out.
namespace rdpwhy::diagnose {

// Advice that several causes share.
inline constexpr Lasting kSchannelLog =
    "On the server, read the Schannel events of that minute: Get-WinEvent -FilterHashtable "
    "@{LogName='System';ProviderName='Schannel'} -MaxEvents 20. Event 36870 (0x8009030D) means the "
    "private "
    "key cannot be opened; 36871 (state 10013) means no TLS version is enabled for servers.";
inline constexpr Lasting kTryLocalhost =
    "Run the same probe on the server itself (rdpwhy 127.0.0.1): if it gets further there, "
    "something on "
    "the path is at fault; if not, the server is.";
inline constexpr Lasting kTwoVantagePoints =
    "Capture on both ends at once (tcpdump -w, or pktmon on Windows) and compare: whichever "
    "segment shows on "
    "one side only was dropped or made on the way.";
inline constexpr Lasting kErrorInfoLog =
    "On the server, read Applications and Services Logs > Microsoft > Windows > "
    "TerminalServices-LocalSessionManager and RemoteConnectionManager, Operational, at that time.";

void add_causes_of_reaching(std::vector<Cause>& table);     // resolve, tcp
void add_causes_of_negotiation(std::vector<Cause>& table);  // x224
void add_causes_of_tls(std::vector<Cause>& table);
void add_causes_of_logon(std::vector<Cause>& table);    // kerberos, credssp, rdstls, authorization
void add_causes_of_session(std::vector<Cause>& table);  // mcs and later
void add_causes_of_the_whole(std::vector<Cause>& table);

}  // namespace rdpwhy::diagnose
