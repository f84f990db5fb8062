#pragma once

#include "diagnose/reading.h"

// The rules of CredSSP, one file for each way in which it ends. The order in which they are asked
// is judge_credssp's.
namespace rdpwhy::diagnose {

/// TSRequest.errorCode: the server's own word.
void judge_error_code(const Reading& reading, Findings& findings);
/// SPNEGO negState reject.
void judge_rejected_mechanism(const Reading& reading, Findings& findings);
/// chose_against_ntlm().
void judge_choice_against_ntlm(const Reading& reading, Findings& findings);
/// The server's pubKeyAuth is not what this connection's certificate makes it.
void judge_public_key(const Reading& reading, Findings& findings);
/// We ourselves stopped, and say why.
void judge_own_stop(const Reading& reading, const record::RunFacts::OwnStop& stop,
                    Findings& findings);
/// The server left.
void judge_departure(const Reading& reading, Findings& findings);
/// No failure is in the evidence unless a departure of the client is one.
void judge_client_departure(const Reading& reading, Findings& findings);
/// One side of the dialogue stayed closed: nothing is concluded from it.
void judge_half_of_it(const Reading& reading, Side closed, Findings& findings);

}  // namespace rdpwhy::diagnose
