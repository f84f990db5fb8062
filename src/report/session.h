#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/record/handshake_record.h"
#include "report/credssp.h"
#include "report/json_writer.h"

// What a report says of the session's phases, from MCS to finalization.
namespace rdpwhy::report {

/// The members "mcs", "licensing", "redirection" and "error_info", each only where it was seen.
void write_session(JsonWriter& w, const HandshakeRecord& record);

/// The lines of the section about the session; none where nothing of it was seen.
[[nodiscard]] std::vector<CredsspLine> session_lines(const HandshakeRecord& record);

/// Who says no in this evidence, and in which words; nothing where it is no refusal of these
/// phases.
[[nodiscard]] std::optional<std::string> session_refusal_in_words(const Evidence& evidence,
                                                                  const HandshakeRecord& record);

}  // namespace rdpwhy::report
