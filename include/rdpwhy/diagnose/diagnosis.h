#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/time.h"
#include "rdpwhy/diagnose/experiments.h"
#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/summary.h"

namespace rdpwhy::diagnose {

enum class Confidence { kCertain, kLikely, kPossible };
[[nodiscard]] std::string_view name_of(Confidence confidence);

/// Text of the program itself, which lasts: made while compiling and of nothing else, so that no
/// finding can hold a view of something that goes.
class Lasting : public std::string_view {
 public:
  consteval Lasting(const char* text) : std::string_view(text) {}  // NOLINT: that is its use
};

/// A row of the catalogue: what `rdpwhy causes` prints and what a finding refers to by id.
struct Cause {
  std::string_view id;  ///< contract.md
  std::string_view title;
  std::optional<Phase> phase;
  std::string_view looks_like;  ///< what it looks like on the wire
  std::string_view against;     ///< what would refute it
  std::vector<Lasting> fix;     ///< what to do next, in order: setting, log and event id, command
  std::string_view sources;
};
[[nodiscard]] std::span<const Cause> causes();
[[nodiscard]] const Cause* find_cause(std::string_view id);

struct Finding {
  std::string id;
  Confidence confidence = Confidence::kPossible;
  Lasting title = "";  ///< where the catalogue's would not be true here; empty: that one
  std::string says;    ///< one or two sentences about this very connection
  std::vector<record::EvidenceId> because;
  std::vector<std::string> experiments = {};  ///< whose outcome speaks for it, by name
  std::vector<std::string> against;           ///< why it may still not be
  std::vector<std::string> untried = {};      ///< the same, as long as no experiment was made of it
  std::vector<Lasting> fix;                   ///< of the catalogue, or for this very connection
};

struct Warning {
  std::string id;
  std::string says;
  std::vector<record::EvidenceId> because;
};

/// What mstsc shows for such a failure, as far as known.
struct MstscCode {
  std::uint32_t code = 0;
  std::optional<std::uint32_t> extended;
  Confidence confidence = Confidence::kPossible;
};

/// --saw: what the user saw, and whether this failure can show as that.
struct Saw {
  std::uint32_t code = 0;
  std::optional<std::uint32_t> extended;
};
struct SawVerdict {
  enum class Fits { kYes, kNo, kUnknown };
  Fits fits = Fits::kUnknown;
  std::string says;  ///< whether it can show as that, and what would
};

/// What one experiment showed.
struct JudgedExperiment {
  std::string name;     ///< "tls12-only", "same-again-2"
  std::string changed;  ///< the one thing, in words
  Outcome outcome = Outcome::kTellsNothing;
  std::optional<Phase> reached;
  std::optional<record::Failure> failure;
  std::string proves;  ///< what it rules in or out
};

struct Diagnosis {
  std::optional<MstscCode> mstsc;
  std::vector<Finding> causes;                     ///< the first is the one to bet on; never empty
  std::vector<JudgedExperiment> experiments = {};  ///< in the order in which they were made
  std::vector<Warning> warnings;
  std::optional<SawVerdict> saw;
};

/// What diagnosis knows beside the record.
struct Circumstances {
  bool live = true;
  Moment now;                     ///< live: now; offline: the capture's own time
  std::string target_host;        ///< empty for a capture
  std::uint16_t target_port = 0;  ///< 0: unknown
  std::string server_address;     ///< the address that was connected to, without port
  std::string proxy;              ///< "socks5://host:1080" that leads to the target; empty: none
  std::vector<std::string> certificate_problems;  ///< contract.md's names, judged by `crypto`
  Bytes expected_certificate;  ///< DER, of the redirection that led here; empty: none was named
  std::optional<Saw> saw;
};

/// Pure (I5): reads the record and the circumstances, nothing else. Every finding names its
/// evidence.
[[nodiscard]] Diagnosis diagnose(const HandshakeRecord& record, const Circumstances& circumstances);
/// The same, for whoever has the summary of that record at hand.
[[nodiscard]] Diagnosis diagnose(const HandshakeRecord& record, const record::Summary& summary,
                                 const Circumstances& circumstances);

/// With what became of experiments: causes are refuted or shown by them (I5). Without any it is the
/// same as the one above.
[[nodiscard]] Diagnosis diagnose(const HandshakeRecord& record, const Circumstances& circumstances,
                                 std::span<const ExperimentResult> made);

/// "0.4 ms", "1.8 ms", "250 ms", "5.0 s", "3 min": for sentences, not for arithmetic.
[[nodiscard]] std::string duration_in_words(Nanoseconds ns);

}  // namespace rdpwhy::diagnose
