#pragma once

#include <string>
#include <vector>

#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/record/encryption_experiment.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/repetitions.h"
#include "report/json_writer.h"

// What a report says of connections that were made beside the one that it is about.
namespace rdpwhy::report {

/// "failed": where and how a handshake stopped short, or null.
void write_failed(JsonWriter& w, const std::optional<record::Failure>& failure);

/// One member of "experiments".
void write_experiment(JsonWriter& w, const record::EncryptionExperiment& experiment);
void write_experiment(JsonWriter& w, const diagnose::JudgedExperiment& experiment);

/// "repetitions": of --repeat.
void write_repetitions(JsonWriter& w, const record::Repetitions& repetitions);
/// A line of text for each ending and each phase.
[[nodiscard]] std::vector<std::string> lines_of(const record::Repetitions& repetitions);

/// "40 bit", "FIPS", "none"
[[nodiscard]] std::string method_in_words(std::uint32_t method);
/// What it proves: "taken, at ENCRYPTION_LEVEL_LOW".
[[nodiscard]] std::string in_words(const record::EncryptionExperiment& experiment);

}  // namespace rdpwhy::report
