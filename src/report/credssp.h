#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/record/handshake_record.h"
#include "report/json_writer.h"

// What a report says of authentication inside TLS. No secret can be in it: the record holds none.
namespace rdpwhy::report {

/// The members "credssp" and "rdstls", each only where something of it was seen.
void write_credssp(JsonWriter& w, const HandshakeRecord& record);

/// One line of the section about NLA.
struct CredsspLine {
  std::string_view title;  ///< "domain"
  std::string text;        ///< may hold anything that a peer sends: not yet made printable
};
/// `live`: the clock that the evidence was stamped by is ours.
[[nodiscard]] std::vector<CredsspLine> credssp_lines(const HandshakeRecord& record, bool live);

/// Who says no in this evidence, and in which words: "the server said no: STATUS_LOGON_FAILURE
/// (0xc000006d)". Nothing where it is no refusal of authentication.
[[nodiscard]] std::optional<std::string> refusal_in_words(const Evidence& evidence);

}  // namespace rdpwhy::report
