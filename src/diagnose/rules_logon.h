#pragma once

#include <string>
#include <string_view>

#include "diagnose/reading.h"

// What the rules of Kerberos, CredSSP, RDSTLS and authorization share.
namespace rdpwhy::diagnose {

/// A KRB-ERROR inside CredSSP: the server's own word about a ticket.
void judge_kerberos_error(const Reading& reading, Findings& findings);

/// "closed the connection 1.8 ms after AFTER", "ended it by TLS alert 80 (internal_error) ...": the
/// server's ending as a predicate.
[[nodiscard]] std::string departure_in_words(const Reading& reading, std::string_view after);
/// What was wrong with the message of the failure, behind a colon; empty where nothing is known.
[[nodiscard]] std::string breach_behind_colon(const Reading& reading);
/// A message longer than is read here. True: nobody broke a rule.
bool judge_own_limit(const Reading& reading, Findings& findings);
/// "7 min ahead of ours", "2.0 h behind ours"
[[nodiscard]] std::string skew_in_words(Nanoseconds skew);

[[nodiscard]] bool is_address(std::string_view host);  ///< an IP address, not a name
[[nodiscard]] std::string lower_case(std::string_view text);
/// What the KDC said or did not say, in one or two sentences.
[[nodiscard]] std::string kdc_talk_in_words(const Evidence& talk);

}  // namespace rdpwhy::diagnose
