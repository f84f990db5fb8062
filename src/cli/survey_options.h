#pragma once

#include <CLI/CLI.hpp>

#include <expected>
#include <string>

#include "cli/probe_options.h"
#include "rdpwhy/investigate/tls_survey.h"

// What is typed after `rdpwhy tls` and `rdpwhy compare`, and the survey that it asks for.
namespace rdpwhy::cli {

struct TypedSurvey {
  TypedProbe connection;  ///< the part of it that is about reaching the server
  unsigned parallel = 1;
  unsigned pace = static_cast<unsigned>(net::kPace.count());
  bool jarm = false;
  unsigned most_connections = static_cast<unsigned>(survey::Settings{}.most_connections);
};

void declare_survey(CLI::App& app, TypedSurvey& typed);

/// An exit code when it cannot be; what is wrong is told already.
[[nodiscard]] std::expected<Errand, int> make_survey_errand(const CLI::App& app,
                                                            const TypedSurvey& typed,
                                                            const std::string& text);

[[nodiscard]] investigate::TlsSurveyOptions survey_options(const TypedSurvey& typed,
                                                           const Errand& errand);

/// Carries it out, with a line of progress.
[[nodiscard]] std::expected<investigate::TlsSurvey, Error> survey_with_progress(
    const Errand& errand, const TypedSurvey& typed);

}  // namespace rdpwhy::cli
