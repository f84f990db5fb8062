// Causes of kerberos, credssp, rdstls and authorization.
#include "diagnose/catalogue.h"

namespace rdpwhy::diagnose {
namespace {

constexpr Lasting kFailedLogon =
    "On the server, read event 4625 in the Security log at that second: its Status and Sub Status "
    "say why the logon failed. The domain controller has the same as 4776 (NTLM), 4771 and 4768 "
    "(Kerberos).";
constexpr Lasting kConnectionLog =
    "On the server, read Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational: event 140 "
    "is a wrong user name or password, 139 an error of the security layer with its code.";
constexpr Lasting kNoSecondTry =
    "rdpwhy tries a password once and never again; a client that tries by itself may lock the "
    "account.";
constexpr Lasting kServersWord = "None: the server's own words.";

void add_causes_of_credssp(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
  add({"server-closes-after-tls",
       "TLS completes, then the server leaves",
       Phase::kCredssp,
       "The TLS handshake completes and the server closes, resets or sends an alert before any "
       "CredSSP or MCS answer, at the latest on the client's first TSRequest.",
       "The server answers the first message after TLS.",
       {"A server program without credentials or session set up does this: gnome-remote-desktop "
        "needs grdctl rdp set-credentials, IronRDP-based servers set_credentials, others a user "
        "list. Read its log at that second.",
        "On Windows the NLA part is broken: events 40960 and 40961 of LsaSrv and those of "
        "Schannel in the System log, event 139 of RdpCoreTS/Operational (0x80090304 and the "
        "like); CredSSP and TermService in good health. As a test only, once: "
        "UserAuthentication=0; set it back.",
        "Behind a proxy or bastion: its backend may be away. See its log."},
       "confirmed reports about gnome-remote-desktop and IronRDP servers without credentials; "
       "DuoStream 254"});
  add({"credssp-version-refused",
       "One side refuses the other's CredSSP version",
       Phase::kCredssp,
       "The server's TSRequest has a version below 5 and a patched client stops before it sends "
       "credentials; or the client's is below 5 and an updated server answers its proof with "
       "alert 80.",
       "Both sides speak version 5 or 6.",
       {"Update the side with the lower version (the fix for CVE-2018-0886, March to May 2018; "
        "FreeRDP since 2.0.0-rc2).",
        "On a Windows client event 6041 of LSA (LsaSrv) in the System log names the version that "
        "the server offered.",
        "The policy Encryption Oracle Remediation set to Vulnerable opens the hole again for "
        "every connection: use it only to reach the machine once for updating it, and set it "
        "back."},
       "MS-CSSP 2.2.1 and 3.1.5; CVE-2018-0886; FreeRDP 4449, mRemoteNG 978"});
  add({"ntlm-blocked",
       "NTLM is not allowed",
       Phase::kCredssp,
       "STATUS_NTLM_BLOCKED, STATUS_NOT_SUPPORTED or SEC_E_UNSUPPORTED_FUNCTION in "
       "TSRequest.errorCode, SPNEGO's reject, or the server leaves on the NTLM NEGOTIATE while "
       "Kerberos is offered.",
       "NTLM works for another account or client.",
       {"Let the client use Kerberos: connect by the fully qualified name (not by address), with "
        "a domain account and a domain controller in reach; klist get TERMSRV/HOST.FQDN on the "
        "client must work.",
        "The policies are Network security: Restrict NTLM (Incoming NTLM traffic, on the server; "
        "NTLM authentication in this domain, on the controllers). Events of "
        "Microsoft-Windows-NTLM/Operational name what was blocked: 4002 on the server, 4001 on "
        "the client, 4004 on the controller; 4625 has Sub Status 0xC0000418.",
        "Members of Protected Users can never use NTLM."},
       "MS-ERREF C0000418; Microsoft Learn: restricting NTLM; IPBan 56, windows-itpro-docs 11384"});
  add({"credentials-refused-without-reason",
       "The credentials were refused, without a reason",
       Phase::kCredssp,
       "NTLM AUTHENTICATE is answered by alert 49 or 80, close or reset, or by a PDU of RDP "
       "itself, and no errorCode: servers with CredSSP 2 or 5 and many others cannot say more.",
       "An errorCode came.",
       {"Take user name and password as the first suspects: the form of the name (DOMAIN\\user, "
        ".\\user), the keyboard layout it was typed with, a saved password that is stale (cmdkey "
        "/delete:TERMSRV/HOST).",
        "Then policy: see ntlm-blocked and credssp-version-refused.", kFailedLogon, kConnectionLog,
        "On Linux servers the log says more: FreeRDP shadow (WLOG_LEVEL=DEBUG: user not in its "
        "SAM file, or MIC verification failed), gnome-remote-desktop (journalctl --user -u "
        "gnome-remote-desktop; grdctl status --show-credentials shows what it expects).",
        kNoSecondTry},
       "MS-CSSP 2.2.1.1; FreeRDP 2434, 4449; own measurements of FreeRDP shadow and "
       "gnome-remote-desktop"});
  add({"intermediary-cannot-complete-credssp",
       "Something in between cannot complete CredSSP",
       Phase::kCredssp,
       "CredSSP goes silent once the client's proof is out, or the server's public-key "
       "confirmation does not match the certificate of TLS.",
       "A direct connection to the server fails alike.",
       {"Compare the certificate in this report with the server's own: Get-ChildItem "
        "'Cert:\\LocalMachine\\Remote Desktop' on the server. Another thumbprint names the device "
        "in between.",
        "Connect past the proxy, bastion or inspecting firewall once; if that works, exclude RDP "
        "from inspection: CredSSP is bound to the server's TLS key and cannot be relayed.",
        "If the certificates are the same, the server is only slow: a domain controller out of "
        "its reach costs up to a minute (event 5719 of NETLOGON). Try rdpwhy HOST --timeout 90."},
       "MS-CSSP 3.1.5; CVE-2018-0886; reports about RDP man-in-the-middle proxies"});
}

void add_causes_of_accounts(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
  add({"logon-failure",
       "User name or password is wrong",
       Phase::kCredssp,
       "STATUS_LOGON_FAILURE, STATUS_WRONG_PASSWORD or STATUS_NO_SUCH_USER in "
       "TSRequest.errorCode, RDSTLS result 0x52E; or the KDC says KDC_ERR_PREAUTH_FAILED or "
       "KDC_ERR_C_PRINCIPAL_UNKNOWN.",
       "None: the server's or the KDC's own words. Which of the two is wrong a server does not "
       "say on purpose.",
       {"Check the form of the name: DOMAIN\\user, user@domain, .\\user for a local account, "
        "AzureAD\\user@domain for a joined machine. A realm of Kerberos is written in capitals.",
        "Delete saved credentials that may be stale: cmdkey /delete:TERMSRV/HOST on the client.",
        kFailedLogon, kNoSecondTry},
       "MS-CSSP 2.2.1, MS-ERREF C000006D, C000006A, C0000064; RFC 4120 7.5.9"});
  add({"account-disabled",
       "The account is disabled",
       Phase::kCredssp,
       "STATUS_ACCOUNT_DISABLED in TSRequest.errorCode, RDSTLS result 0x533; or the KDC says "
       "KDC_ERR_CLIENT_REVOKED, which a locked account gets as well.",
       "The account is enabled and not locked.",
       {"Look: Get-ADUser NAME -Properties Enabled,LockedOut,AccountExpirationDate; Get-LocalUser "
        "NAME on the server for a local account; kadmin.local -q 'getprinc NAME' on an MIT KDC.",
        "Enable it: Enable-ADAccount NAME, or Enable-LocalUser NAME on the server; kadmin.local "
        "-q 'modprinc +allow_tix NAME'.",
        kFailedLogon},
       "MS-ERREF C0000072; RFC 4120 7.5.9 (18)"});
  add({"account-locked-out",
       "The account is locked out",
       Phase::kCredssp,
       "STATUS_ACCOUNT_LOCKED_OUT in TSRequest.errorCode, RDSTLS result 0x775; or the KDC says "
       "KDC_ERR_CLIENT_REVOKED, which a disabled account gets as well.",
       "The account is not locked.",
       {"Unlock it (Unlock-ADAccount NAME; kadmin.local -q 'modprinc -unlock NAME') and find who "
        "locked it: event 4740 on the domain controller names the computer.",
        "Until that is found it will lock again: look for saved passwords, services and tasks "
        "there, and for guessing from the internet (many 4625 for many names)."},
       "MS-ERREF C0000234; RFC 4120 7.5.9 (18)"});
  add({"account-expired",
       "The account has expired",
       Phase::kCredssp,
       "STATUS_ACCOUNT_EXPIRED in TSRequest.errorCode, or KDC_ERR_NAME_EXP from the KDC.",
       kServersWord,
       {"Extend it: Set-ADAccountExpiration NAME, or Clear-ADAccountExpiration NAME; "
        "Set-LocalUser NAME -AccountNeverExpires on the server for a local account.",
        kFailedLogon},
       "MS-ERREF C0000193; RFC 4120 7.5.9 (1)"});
  add({"account-restriction",
       "A restriction of the account forbids this logon",
       Phase::kCredssp,
       "STATUS_ACCOUNT_RESTRICTION, STATUS_INVALID_LOGON_HOURS, STATUS_INVALID_WORKSTATION, "
       "STATUS_SMARTCARD_LOGON_REQUIRED or STATUS_AUTHENTICATION_FIREWALL_FAILED in "
       "TSRequest.errorCode; KDC_ERR_POLICY from the KDC.",
       "The same account gets in with Kerberos: then it is the ban on NTLM for Protected Users.",
       {"With STATUS_ACCOUNT_RESTRICTION over NTLM: is the account in Protected Users (Get-ADUser "
        "NAME -Properties MemberOf)? Then only Kerberos will do: connect by the fully qualified "
        "name, as user@domain. The controller's log "
        "Microsoft-Windows-Authentication/ProtectedUserFailures-DomainController says so (event "
        "100).",
        "An empty password: 'Accounts: Limit local account use of blank passwords to console "
        "logon only' on the server.",
        "Hours and workstations: Get-ADUser NAME -Properties logonHours,userWorkstations. "
        "Authentication policies: events 101, 105 and 106 of "
        "AuthenticationPolicyFailures-DomainController.",
        "A trust with selective authentication: give the account 'Allowed to authenticate' on the "
        "server's computer object.",
        kFailedLogon},
       "MS-ERREF C000006E, C000006F, C0000070, C00002FA, C0000413; FreeRDP 5258, mRemoteNG 3175; "
       "Microsoft Learn: Protected Users security group"});
  add({"password-expired",
       "The password has expired",
       Phase::kCredssp,
       "STATUS_PASSWORD_EXPIRED in TSRequest.errorCode, RDSTLS result 0x532; KDC_ERR_KEY_EXPIRED "
       "from the KDC. A TLS alert 80 does not mean this, whatever some clients show.",
       kServersWord,
       {"Change it elsewhere: at a console, by Ctrl+Alt+Del in another session, through RD Web "
        "with password change enabled (PasswordChangeEnabled), or kpasswd NAME against the KDC. "
        "NLA cannot change it."},
       "MS-ERREF C0000071; RFC 4120 7.5.9 (23)"});
  add({"password-must-change",
       "The password must be changed at the next logon",
       Phase::kCredssp,
       "STATUS_PASSWORD_MUST_CHANGE in TSRequest.errorCode, RDSTLS result 0x773; over Kerberos "
       "KDC_ERR_KEY_EXPIRED. A client that then tries again with TLS alone is told "
       "HYBRID_REQUIRED_BY_SERVER: that is not the cause.",
       kServersWord,
       {"Change it elsewhere first (a console, another session, RD Web with password change, "
        "kpasswd), or clear 'User must change password at next logon': Set-ADUser NAME "
        "-ChangePasswordAtLogon $false. NLA cannot change it.",
        "It is usual with fresh accounts and after a reset by an administrator."},
       "MS-ERREF C0000224; FreeRDP 4182, wallix redemption 98"});
  add({"logon-type-not-granted",
       "The account lacks the right to log on over the network",
       Phase::kCredssp,
       "STATUS_LOGON_TYPE_NOT_GRANTED in TSRequest.errorCode.",
       kServersWord,
       {"On the server: Local Policies > User Rights Assignment (secpol.msc): 'Deny access to "
        "this computer from the network' must not hold the account or a group of it, 'Access this "
        "computer from the network' must. NLA needs it before any right to Remote Desktop counts.",
        "gpresult /h FILE.html on the server says which policy sets it; a security baseline that "
        "denies local accounts is the usual one.",
        kFailedLogon},
       "MS-ERREF C000015B; windowsserverdocs 6811"});
}

void add_causes_of_domains(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
  add({"no-logon-servers",
       "The server cannot reach a domain controller",
       Phase::kCredssp,
       "STATUS_NO_LOGON_SERVERS, STATUS_TRUSTED_RELATIONSHIP_FAILURE and their kin in "
       "TSRequest.errorCode.",
       "Other domain logons on that server work at the same time.",
       {"On the server: nltest /sc_query:DOMAIN and Test-ComputerSecureChannel; -Repair mends a "
        "broken trust. nslookup -type=srv _ldap._tcp.dc._msdcs.DOMAIN must answer.",
        "A local account (.\\name) tells whether only the domain is out of reach.",
        "Events 5719 (no controller) and 3210 (trust) of NETLOGON, and 1129 (GroupPolicy) in the "
        "System log.",
        "A mistyped domain can look the same: check it."},
       "MS-ERREF C000005E, C000018C, C000018D; Microsoft Learn: cannot connect RDP to Azure "
       "virtual machine"});
  add({"clock-skew",
       "The clocks differ too much",
       Phase::kCredssp,
       "STATUS_TIME_DIFFERENCE_AT_DC or SEC_E_TIME_SKEW in TSRequest.errorCode, KRB_AP_ERR_SKEW "
       "from the KDC or the server; or the NTLM time differs by more than five minutes and "
       "Kerberos is refused.",
       "Times agree within five minutes.",
       {"See whose clock is wrong: w32tm /query /status and w32tm /stripchart /computer:DC on the "
        "server and on the client; chronyc tracking on Linux.",
        "Mend the time source, then w32tm /resync or chronyc makestep. A virtual machine that was "
        "paused or restored, and a dead battery, are the usual reasons; the time zone does not "
        "matter, a clock set in the wrong zone does.",
        "Events 36 and 47 of Time-Service in the System log say since when it has had no source."},
       "RFC 4120 7.5.9 (37), MS-ERREF C0000133; FreeRDP 8722, 3954"});
  add({"kerberos-unavailable",
       "Kerberos cannot be used from here",
       Phase::kKerberos,
       "No KDC answers, the service name TERMSRV/host is unknown, the realm is not found, no "
       "encryption type is common, or a ticket has expired or is for another key.",
       "klist get TERMSRV/HOST (Windows) or kvno TERMSRV/HOST (Linux) succeeds on this client.",
       {"Connect by the name that carries the service principal name, not by address: setspn -Q "
        "TERMSRV/HOST must find one account, the server's own (event 11 of "
        "Kerberos-Key-Distribution-Center tells of doubles).",
        "Check that a KDC is in reach: nslookup -type=srv _kerberos._tcp.REALM, and port 88 over "
        "TCP to it; /etc/krb5.conf on Linux and macOS (realm in capitals). KRB5_TRACE=/dev/stderr "
        "kinit NAME shows each step.",
        "KRB_AP_ERR_MODIFIED (event 4 of Security-Kerberos on the client): the name leads to "
        "another machine, or the service name stands at another account, or the server's trust is "
        "broken: Test-ComputerSecureChannel there.",
        "KDC_ERR_ETYPE_NOSUPP (events 14, 16 and 27 of the KDC): RC4 or DES was switched off on "
        "one side; set msDS-SupportedEncryptionTypes, and give old accounts a new password so "
        "that AES keys are made.",
        "An expired ticket: kdestroy and kinit again, or klist purge.",
        "To get on without it: rdpwhy HOST --auth ntlm, where NTLM is allowed."},
       "RFC 4120 7.5.9; FreeRDP 10059, 10268"});
}

void add_causes_of_authorization(std::vector<Cause>& table) {
  const auto add = [&](Cause cause) { table.push_back(std::move(cause)); };
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
       "The early user authorization result is 5, access denied, after good credentials; RDSTLS "
       "result 5.",
       kServersWord,
       {"On the server: Add-LocalGroupMember 'Remote Desktop Users' DOMAIN\\user, and the right "
        "'Allow log on through Remote Desktop Services' for that group; the right 'Deny log on "
        "through Remote Desktop Services' must not hold the user.",
        "Event 4825 in the server's Security log names the user that was denied.",
        "On a domain controller the group alone is not enough: the right has to be given as well. "
        "In a collection of session hosts the user has to be in the collection's groups."},
       "MS-RDPBCGR 2.2.10.2 and 2.2.17.4; windowsserverdocs reports of 0x2407"});
}

}  // namespace

void add_causes_of_logon(std::vector<Cause>& table) {
  add_causes_of_credssp(table);
  add_causes_of_accounts(table);
  add_causes_of_domains(table);
  add_causes_of_authorization(table);
}

}  // namespace rdpwhy::diagnose
