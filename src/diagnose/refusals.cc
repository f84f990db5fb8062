// What each code of TSRequest.errorCode stands for: a table, and long because it is one. A row is
// certain where the code says just what its cause says; where the code is narrower, wider or vaguer
// than the nearest cause, it is not. A code without a row, or whose cause is "unexplained", has no
// cause that says what it says: its own name and meaning are told instead.
#include "diagnose/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rdpwhy/codes/codes.h"

namespace rdpwhy::diagnose {
namespace {

constexpr auto kCertain = Confidence::kCertain;
constexpr auto kLikely = Confidence::kLikely;
constexpr auto kPossible = Confidence::kPossible;

constexpr std::string_view kSelective =
    "the permission that is missing is 'Allowed to authenticate' on the server's computer object, "
    "on a trust with selective authentication";
constexpr std::string_view kMistypedDomain = "A domain name that was mistyped looks the same.";
constexpr std::string_view kCardOnly =
    "a password cannot help: the account is set to smart cards only";
constexpr std::string_view kMaybeNoDc =
    "A server that lost its domain controller, so that Kerberos fell back, can say this.";
constexpr std::string_view kServersOwnKey =
    "the server's own machine account or its key may be at fault, not the client";

constexpr Refusal kRefusals[] = {
    // --- NTSTATUS
    {0xC0000022, "unexplained", kPossible, 0, "the code does not say which right is missing",
     "remote-desktop-right-missing",
     "Some servers say so of a user who may not use Remote Desktop."},
    {0xC000005E, "no-logon-servers", kCertain, 0x1807, "", "", ""},
    {0xC0000064, "logon-failure", kCertain, 0xA07, "", "", ""},
    {0xC000006A, "logon-failure", kCertain, 0x807, "", "", ""},
    {0xC000006C, "unexplained", kPossible, 0, "", "password-must-change",
     "It arises where a password is being changed."},
    {0xC000006D, "logon-failure", kCertain, 0x807, "", "", ""},
    {0xC000006E, "account-restriction", kCertain, 0xC07, "", "", ""},
    {0xC000006F, "account-restriction", kCertain, 0xC07, "", "", ""},
    {0xC0000070, "account-restriction", kCertain, 0xC07, "", "", ""},
    {0xC0000071, "password-expired", kCertain, 0xF07, "", "", ""},
    {0xC0000072, "account-disabled", kCertain, 0xB07, "", "", ""},
    {0xC00000BB, "ntlm-blocked", kLikely, 0, "the code says 'not supported', not what is not", "",
     ""},
    {0xC00000DC, "no-logon-servers", kLikely, 0x1807,
     "the code speaks of the authority's state, not of its absence", "", ""},
    {0xC00000DF, "no-logon-servers", kLikely, 0x1807, "the domain may not exist at all",
     "logon-failure", kMistypedDomain},
    {0xC000010B, "unexplained", kPossible, 0, "", "logon-type-not-granted",
     "It speaks of the kind of logon."},
    {0xC0000133, "clock-skew", kCertain, 0, "", "", ""},
    {0xC0000155, "logon-type-not-granted", kLikely, 0x1307,
     "the code does not say which kind of logon is meant", "", ""},
    {0xC000015B, "logon-type-not-granted", kCertain, 0x1307, "", "", ""},
    {0xC000018A, "no-logon-servers", kCertain, 0x1807, "", "", ""},
    {0xC000018B, "no-logon-servers", kCertain, 0x1807, "", "", ""},
    {0xC000018C, "no-logon-servers", kCertain, 0x1807, "", "", ""},
    {0xC000018D, "no-logon-servers", kCertain, 0x1807, "", "", ""},
    {0xC0000190, "no-logon-servers", kCertain, 0x1807, "", "", ""},
    {0xC0000192, "no-logon-servers", kCertain, 0x1807, "", "", ""},
    {0xC0000193, "account-expired", kCertain, 0xE07, "", "", ""},
    {0xC0000224, "password-must-change", kCertain, 0x1207, "", "", ""},
    {0xC0000234, "account-locked-out", kCertain, 0xD07, "", "", ""},
    {0xC00002FA, "account-restriction", kLikely, 0xC07, kCardOnly, "", ""},
    {0xC00002FC, "unexplained", kPossible, 0, "", "kerberos-unavailable",
     "The realm could not be found."},
    {0xC00002FD, "unexplained", kPossible, 0, "", "kerberos-unavailable",
     "Kerberos failed over encryption types."},
    {0xC0000322, "unexplained", kPossible, 0, kServersOwnKey, "no-logon-servers",
     "A server whose trust with the domain is broken lacks its key."},
    {0xC0000380, "unexplained", kPossible, 0x1C07, "", "", ""},
    {0xC0000381, "unexplained", kPossible, 0x2207, "", "", ""},
    {0xC0000388, "unexplained", kPossible, 0, "", "no-logon-servers", kMaybeNoDc},
    {0xC0000413, "account-restriction", kLikely, 0, kSelective, "", ""},
    {0xC0000418, "ntlm-blocked", kCertain, 0, "", "", ""},
    {0xC000041C, "logon-failure", kLikely, 0, "the name's form is at fault, not the password", "",
     ""},
    // --- SECURITY_STATUS
    {0x80090302, "ntlm-blocked", kLikely, 0, "the code says 'not supported', not what is not", "",
     ""},
    {0x80090303, "kerberos-unavailable", kLikely, 0, "the server says so, not our own KDC", "", ""},
    {0x80090304, "unexplained", kPossible, 0, "", "no-logon-servers",
     "Windows says this too when its security authority cannot be reached."},
    {0x80090308, "unexplained", kPossible, 0, "", "intermediary-cannot-complete-credssp",
     "Something in between may have changed a token."},
    {0x8009030C, "logon-failure", kCertain, 0x807, "", "", ""},
    {0x8009030E, "unexplained", kPossible, 0, "", "server-closes-after-tls",
     "A server without credentials set up has nothing to answer with."},
    {0x8009030F, "intermediary-cannot-complete-credssp", kPossible, 0,
     "a fault in the computation of either side looks the same", "", ""},
    {0x80090311, "no-logon-servers", kCertain, 0x1807, "", "", ""},
    {0x80090322, "kerberos-unavailable", kLikely, 0,
     "the ticket is for another account than the server's: a doubled or misplaced service "
     "principal name",
     "", ""},
    {0x80090324, "clock-skew", kCertain, 0, "", "", ""},
    {0x8009033E, "account-restriction", kLikely, 0xC07, kCardOnly, "", ""},
    {0x80090341, "unexplained", kPossible, 0, "", "kerberos-unavailable",
     "The realm could not be found."},
    {0x80090342, "unexplained", kPossible, 0, "", "kerberos-unavailable",
     "Kerberos failed over encryption types."},
    {0x80090346, "intermediary-cannot-complete-credssp", kLikely, 0,
     "the client bound itself to another TLS connection than the server has", "", ""},
    {0x80090348, "unexplained", kPossible, 0, kServersOwnKey, "no-logon-servers",
     "A server whose trust with the domain is broken lacks its key."},
    {0x80090350, "unexplained", kPossible, 0, "", "no-logon-servers", kMaybeNoDc},
};

/// Win32 errors that mean the same as an NTSTATUS (MS-ERREF 2.2 and 2.3).
constexpr std::pair<std::uint32_t, std::uint32_t> kOfWin32[] = {
    {0x0005, 0xC0000022}, {0x051F, 0xC000005E}, {0x0525, 0xC0000064}, {0x052E, 0xC000006D},
    {0x052F, 0xC000006E}, {0x0530, 0xC000006F}, {0x0531, 0xC0000070}, {0x0532, 0xC0000071},
    {0x0533, 0xC0000072}, {0x0569, 0xC000015B}, {0x0576, 0xC0000133}, {0x06FC, 0xC000018C},
    {0x06FD, 0xC000018D}, {0x0701, 0xC0000193}, {0x0773, 0xC0000224}, {0x0775, 0xC0000234},
    {0x078F, 0xC0000413}, {0x0791, 0xC0000418},
};

/// An NTSTATUS behind FACILITY_NT_BIT, a Win32 error behind FACILITY_WIN32 (MS-ERREF 2.1.2).
std::uint32_t unwrapped(std::uint32_t code) {
  if ((code & 0xF0000000) == 0xD0000000) return code & ~0x10000000u;
  if ((code & 0xFFFF0000) == 0x80070000) {
    const auto* found =
        std::ranges::find(kOfWin32, code & 0xFFFF, &std::pair<std::uint32_t, std::uint32_t>::first);
    if (found != std::end(kOfWin32)) return found->second;
  }
  return code;
}

const codes::Code* find_code(std::uint32_t code) {
  for (const auto candidate : {code, unwrapped(code)}) {
    for (const auto family : {codes::Family::kNtStatus, codes::Family::kSecurityStatus}) {
      if (const auto* found = codes::find(family, candidate)) return found;
    }
  }
  return nullptr;
}

}  // namespace

std::span<const Refusal> refusals() { return kRefusals; }

const Refusal* find_refusal(std::uint32_t code) {
  const auto* found = std::ranges::find(kRefusals, unwrapped(code), &Refusal::code);
  return found == std::end(kRefusals) ? nullptr : found;
}

const Refusal* find_win32_refusal(std::uint32_t error) {
  return error <= 0xFFFF ? find_refusal(0x80070000u | error) : nullptr;
}

std::string status_in_words(std::uint32_t code) {
  const auto* known = find_code(code);
  return known == nullptr ? fmt::format("the error code 0x{:08X}, which has no known name", code)
                          : fmt::format("{} (0x{:08X})", known->name, code);
}

std::string_view status_meaning(std::uint32_t code) {
  const auto* known = find_code(code);
  return known == nullptr ? std::string_view() : known->meaning;
}

}  // namespace rdpwhy::diagnose
