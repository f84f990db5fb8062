#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/reading.h"

// Questions about the dialogue of CredSSP (MS-CSSP 3.1.5) that several of its rules ask.
namespace rdpwhy::diagnose {

/// The least that a seal has of its own: NTLM's signature (MS-NLMP 2.2.2.9.1) and the header of
/// Kerberos (RFC 4121 4.2.6.2).
inline constexpr std::size_t kShortestSeal = 16;

/// What the client said last (before `answer`, where one is given), as the object of a sentence.
[[nodiscard]] std::string_view last_said(const LogonReading& logon,
                                         const Evidence* answer = nullptr);

/// Its evidence up to the failure, for a finding's `because`.
[[nodiscard]] std::vector<record::EvidenceId> dialogue_ids(
    const Reading& reading, std::initializer_list<const Evidence*> more = {});

/// MS-CSSP 2.2.1: of a version without the update of 2018.
[[nodiscard]] bool client_is_unpatched(const LogonReading& logon);
[[nodiscard]] bool server_is_unpatched(const LogonReading& logon);

/// The side of which no message could be read, while those of the other could: its secrets are
/// missing.
[[nodiscard]] std::optional<Side> side_that_stayed_closed(const Reading& reading);

/// The server's first answer chooses a mechanism that is not NTLM, which it was sent.
[[nodiscard]] bool chose_against_ntlm(const LogonReading& logon);

/// "has 3 octets: too few to be sealed"; empty where it is long enough.
[[nodiscard]] std::string breach_of_seal(const LogonReading& logon);

/// What in the server's first answer stops a client that is in order itself.
struct FirstBreach {
  std::string words;  ///< empty: nothing
  /// Nobody can go on with it, and a probe without credentials has nothing of what it came for. A
  /// challenge that lacks something is enough for who names nobody.
  bool stops_everybody = false;
};

[[nodiscard]] FirstBreach breach_in_first_answer(const LogonReading& logon);

/// What the server sent before its turn came, or twice, whatever the client made of it; empty:
/// nothing.
[[nodiscard]] std::string_view breach_of_order(const Reading& reading);

/// What the server sent on the client's proof that is no answer to it; empty: nothing.
[[nodiscard]] std::string_view breach_behind_proof(const Reading& reading);

}  // namespace rdpwhy::diagnose
