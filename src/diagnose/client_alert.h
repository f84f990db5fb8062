#pragma once

#include "diagnose/reading.h"

namespace rdpwhy::diagnose {

/// A fatal alert of the client that says what is wrong with the server's messages. Live the client
/// is our own TLS library; in a capture it is anybody's, and its word weighs less. False: this
/// alert says nothing of the kind.
bool judge_alert_of_client(const Reading& reading, const tls::Alert& alert, Findings& findings);

}  // namespace rdpwhy::diagnose
