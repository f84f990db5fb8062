// rdpwhy explain CODE... and --hex OCTETS
#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/verbs.h"
#include "rdpwhy/auth/annotate.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/rdp/annotate.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/report/report.h"
#include "rdpwhy/tls/annotate.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::cli {
namespace {

/// "0x904,0x7", "0x904:0x7" and "0x904 0x7" are two codes, as for --saw; a name is one.
std::vector<std::string> split_codes(const std::vector<std::string>& typed) {
  std::vector<std::string> out;
  for (const auto& word : typed) {
    if (!codes::named(word).empty()) {
      out.push_back(word);
      continue;
    }
    std::size_t at = 0;
    while (at <= word.size()) {
      const auto end = std::min(word.find_first_of(",: ", at), word.size());
      if (end > at) out.push_back(word.substr(at, end - at));
      at = end + 1;
    }
  }
  return out;
}

/// -1073741715 is an NTSTATUS in decimal and no option. CLI11 takes it for a value behind a blank,
/// which split_codes drops.
Arguments with_negatives_kept(Arguments arguments) {
  for (auto& word : arguments) {
    if (word.size() > 1 && word[0] == '-' && word[1] >= '0' && word[1] <= '9') word.insert(0, " ");
  }
  return arguments;
}

/// Windows and its tools write the same number in decimal, in hex and with "0x" forgotten.
std::vector<const codes::Code*> readings_of(const std::string& word) {
  if (const auto number = parse_number(word)) return codes::readings(*number);
  auto found = codes::named(word);
  if (found.empty()) {
    if (const auto number = parse_number("0x" + word)) found = codes::readings(*number);
  }
  return found;
}

nlohmann::ordered_json as_json(const std::string& word, const codes::Code& code) {
  nlohmann::ordered_json out;
  out["asked"] = word;
  out["family"] = codes::name_of(code.family);
  out["code"] = code.value;
  out["name"] = code.name;
  out["meaning"] = code.meaning;
  out["phase"] = code.phase;
  out["source"] = code.source;
  return out;
}

std::string as_text(const codes::Code& code) {
  std::string out;
  report::append_wrapped(out, "  ",
                         fmt::format("{}: {}{}", codes::name_of(code.family), code.name,
                                     code.also.empty() ? "" : fmt::format(" ({})", code.also)),
                         report_width());
  report::append_wrapped(out, "      ", code.meaning, report_width());
  if (!code.phase.empty())
    report::append_wrapped(out, "      arises in: ", code.phase, report_width());
  report::append_wrapped(out, "      source: ", code.source, report_width());
  return out;
}

/// "Error code: 0x904, Extended error code: 0x7" read together, as the dialog shows it.
std::string as_pair(const std::vector<std::string>& words) {
  if (words.size() != 2) return {};
  const auto first = parse_number(words[0]);
  const auto second = parse_number(words[1]);
  if (!first || !second) return {};
  const auto* code = codes::find(codes::Family::kMstsc, *first);
  if (code == nullptr) return {};
  const auto extended = codes::name(codes::Family::kMstscExtended, *second);
  std::string text =
      fmt::format("As mstsc's dialog shows it: error code 0x{:x} is {}; extended 0x{:x} is {}.",
                  *first, code->name, *second, extended ? *extended : "not known");
  if (*first == 0x904) {
    text +=
        " It means no more than that the other end's connection ended while mstsc still expected "
        "something. ";
    text += *second == 7 ? "The 7 is set by mstsc itself when that happens before the connection "
                           "sequence is over; it is no word of the "
                           "server, and has nothing to do with licences (there a 7 is success). "
                         : "";
    text +=
        "Which phase was running and how it ended is what tells the causes apart: rdpwhy HOST "
        "finds that.";
  }
  std::string out;
  report::append_wrapped(out, "", text, report_width());
  return out + "\n";
}

bool begins_tls(ByteSpan octets) {
  const auto header = tls::decode_record_header(octets);
  return (header && tls::plausible(*header)) || tls::looks_like_ssl2_hello(octets);
}

/// One side's octets, message by message: TPKTs, and what stands inside TLS (TSRequests, security
/// tokens, RDSTLS), one kind behind the other as on a real connection, or TLS records to the end.
std::string annotated(ByteSpan octets) {
  std::string text;
  for (auto rest = octets; !rest.empty();) {
    if (!text.empty()) text += '\n';
    if (auth::begins_message(rest)) {
      const auto message = auth::annotate(rest);
      text += auth::annotated_text(message, rest);
      rest = rest.subspan(message.size);
    } else if (begins_tls(rest)) {
      return text + tls::annotated_text(rest);
    } else if (text.empty() || rest[0] == rdp::TpktHeader::kVersion) {
      const auto pdu = rdp::annotate(rest);
      text += rdp::annotated_text(pdu, rest);
      rest = rest.subspan(pdu.size);
    } else {
      return text +
             fmt::format("nothing known any more, {} octet{}\n", rest.size(),
                         rest.size() == 1 ? "" : "s") +
             base::annotated_dump(rest, {});
    }
  }
  return text;
}

int explain_octets(const CLI::App& app, const std::string& typed) {
  const auto octets = base::parse_hex(typed);
  if (!octets) return usage_error(app, octets.error().in("--hex").text);
  if (octets->empty()) return usage_error(app, "--hex: no octets given");
  results().write(annotated(*octets));
  return finish_results(kComplete);
}

}  // namespace

int run_explain(const Arguments& arguments) {
  CLI::App app("What a code means, in every number space it stands in, and where it arises.",
               "rdpwhy explain");
  std::vector<std::string> typed;
  std::vector<std::string> hex;
  bool json = false;
  app.add_option("CODE", typed, "a number (0x904, 2308) or a name (HYBRID_REQUIRED_BY_SERVER)");
  app.add_option("--hex", hex, "octets to read field by field, instead of codes");
  app.add_flag("--json", json, "one JSON object per reading and line");
  if (const auto leave = parse(app, with_negatives_kept(arguments))) return *leave;
  if (!hex.empty()) {
    if (json) return usage_error(app, "--hex has no JSON form");
    if (!typed.empty()) return usage_error(app, "codes or --hex, not both");
    return explain_octets(app, fmt::format("{}", fmt::join(hex, " ")));
  }
  const auto words = split_codes(typed);
  if (words.empty()) return usage_error(app, "which code?");

  int exit_code = kComplete;
  std::string out = json ? std::string() : as_pair(words);
  for (const auto& word : words) {
    const auto found = readings_of(word);
    if (found.empty()) {
      const auto meant = meant_as_hex(word, codes::Family::kMstsc);
      talk(diagnose::find_cause(word) != nullptr
               ? fmt::format("{0} is a cause, not a code: rdpwhy causes {0} has it in full", word)
               : fmt::format("{} stands in none of the tables{}", word,
                             meant ? fmt::format("; did you mean {}?", *meant) : ""));
      exit_code = kFailed;
      continue;
    }
    if (!json) {
      const auto number = parse_number(word);
      out += number ? fmt::format("0x{:x} ({})\n", *number, *number) : word + "\n";
    }
    for (const auto* code : found)
      out += json ? as_json(word, *code).dump() + "\n" : as_text(*code);
    if (!json) out += '\n';
  }
  if (out.ends_with("\n\n")) out.pop_back();
  results().write(out);
  return finish_results(exit_code);
}

}  // namespace rdpwhy::cli
