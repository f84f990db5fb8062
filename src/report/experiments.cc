#include "report/experiments.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "report/json_parts.h"

namespace rdpwhy::report {
namespace {

/// As the command line calls it.
std::string_view short_name(std::uint32_t method) {
  switch (method) {
    case 0x00:
      return "none";
    case 0x01:
      return "40";
    case 0x02:
      return "128";
    case 0x08:
      return "56";
    case 0x10:
      return "fips";
    default:
      return "";
  }
}

std::string method_name(std::uint32_t method) {
  const auto name = rdp::encryption_method_name(method);
  return name ? std::string(*name) : base::to_hex_number(method, 8);
}

std::string level_words(const record::EncryptionExperiment& experiment) {
  if (!experiment.level) return {};
  const auto name = rdp::encryption_level_name(*experiment.level);
  return fmt::format(", at {}",
                     name ? std::string(*name) : base::to_hex_number(*experiment.level, 8));
}

}  // namespace

void write_failed(JsonWriter& w, const std::optional<record::Failure>& failure) {
  w.key("failed");
  if (!failure) {
    w.null();
    return;
  }
  w.begin_object();
  w.member("phase", record::name_of(failure->phase));
  if (failure->after.empty()) {
    w.member_null("after");
  } else {
    w.member("after", failure->after);
  }
  w.key("ending");
  w.begin_object();
  w.member("by", record::name_of(failure->by));
  w.member("how", record::name_of(failure->how));
  w.key("after_ms");
  w.milliseconds(failure->after_ns);
  w.end_object();
  w.end_object();
}

namespace {

void write_reached(JsonWriter& w, const std::optional<Phase>& reached) {
  w.key("reached");
  if (reached) {
    w.text(record::name_of(*reached));
  } else {
    w.null();
  }
}

/// "same ending" as one word.
std::string outcome_key(diagnose::Outcome outcome) {
  std::string key(diagnose::name_of(outcome));
  std::ranges::replace(key, ' ', '_');
  return key;
}

}  // namespace

void write_experiment(JsonWriter& w, const diagnose::JudgedExperiment& experiment) {
  w.begin_object();
  w.member("id", experiment.name);
  w.member("changed", experiment.changed);
  write_reached(w, experiment.reached);
  write_failed(w, experiment.failure);
  w.member("outcome", outcome_key(experiment.outcome));
  w.member("proves", experiment.proves);
  w.end_object();
}

void write_experiment(JsonWriter& w, const record::EncryptionExperiment& experiment) {
  w.begin_object();
  w.member("id", fmt::format("encryption-{}", short_name(experiment.offered)));
  w.member("changed", fmt::format("offered {} only", method_name(experiment.offered)));
  write_reached(w, experiment.reached);
  write_failed(w, experiment.failure);
  w.member("proves", in_words(experiment));
  w.key("encryption");
  w.begin_object();
  w.key("offered");
  write_code(w, experiment.offered, rdp::encryption_method_name(experiment.offered));
  w.member("answer", record::name_of(experiment.answer()));
  if (experiment.method) {
    w.key("method");
    write_code(w, *experiment.method, rdp::encryption_method_name(*experiment.method));
  }
  if (experiment.level) {
    w.key("level");
    write_code(w, *experiment.level, rdp::encryption_level_name(*experiment.level));
  }
  w.end_object();
  w.end_object();
}

void write_repetitions(JsonWriter& w, const record::Repetitions& repetitions) {
  w.key("repetitions");
  w.begin_object();
  w.member_number("made", repetitions.made);
  w.key("endings");
  w.begin_array();
  for (const auto& ending : repetitions.endings) {
    w.begin_object();
    w.member_number("count", ending.count);
    write_reached(w, ending.reached);
    write_failed(w, ending.failure);
    w.end_object();
  }
  w.end_array();
  w.key("phases");
  w.begin_array();
  for (const auto& phase : repetitions.phases) {
    w.begin_object();
    w.member("phase", record::name_of(phase.phase));
    w.member_number("passed", phase.passed);
    if (phase.median) {
      w.key("ms");
      w.begin_object();
      w.key("shortest");
      w.milliseconds(*phase.shortest);
      w.key("median");
      w.milliseconds(*phase.median);
      w.key("longest");
      w.milliseconds(*phase.longest);
      w.end_object();
    }
    w.end_object();
  }
  w.end_array();
  w.end_object();
}

std::vector<std::string> lines_of(const record::Repetitions& repetitions) {
  using diagnose::duration_in_words;
  std::vector<std::string> lines;
  for (const auto& ending : repetitions.endings) {
    const auto& failure = ending.failure;
    const auto how =
        failure ? fmt::format("failed in {}: {} by the {}", record::row_of(failure->phase).title,
                              record::name_of(failure->how), record::name_of(failure->by))
        : ending.reached ? fmt::format("went through {}", record::row_of(*ending.reached).title)
                         : std::string("nothing completed");
    lines.push_back(fmt::format("{} of {} {}", ending.count, repetitions.made, how));
  }
  for (const auto& phase : repetitions.phases) {
    auto line = fmt::format("{:12} {} passed", record::name_of(phase.phase), phase.passed);
    if (phase.median) {
      line += fmt::format(", {} to {}, median {}", duration_in_words(*phase.shortest),
                          duration_in_words(*phase.longest), duration_in_words(*phase.median));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string method_in_words(std::uint32_t method) {
  if (method == 0) return "none";
  if (method == 0x10) return "FIPS";
  const auto name = short_name(method);
  return name.empty() ? base::to_hex_number(method, 8) : fmt::format("{} bit", name);
}

std::string in_words(const record::EncryptionExperiment& experiment) {
  using Answer = record::EncryptionExperiment::Answer;
  const auto& failure = experiment.failure;
  switch (experiment.answer()) {
    case Answer::kTaken:
      return "taken" + level_words(experiment);
    case Answer::kAnother:
      return fmt::format("not taken: the server settles on {}, which was not offered{}",
                         method_name(experiment.method.value_or(0)), level_words(experiment));
    case Answer::kRefused:
      return fmt::format("refused: the server ends the connection ({})",
                         record::name_of(failure->how));
    case Answer::kUnknown:
      break;
  }
  if (!failure) return "not known: the server names no method";
  return fmt::format("not known: ended in {} ({} by {})", record::name_of(failure->phase),
                     record::name_of(failure->how), record::name_of(failure->by));
}

}  // namespace rdpwhy::report
