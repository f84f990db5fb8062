// rdpwhy compare A B [C...]
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/files.h"
#include "cli/survey_options.h"
#include "cli/verbs.h"
#include "rdpwhy/report/tls_survey.h"
#include "rdpwhy/survey/compare.h"

namespace rdpwhy::cli {
namespace {

constexpr std::size_t kMostSaved = 16u << 20;

/// One of the configurations.
struct Side {
  std::string name;
  survey::Result result;
};

bool is_saved(const std::string& text) {
  std::error_code unknown;
  return !text.ends_with(".rdp") && std::filesystem::is_regular_file(text, unknown);
}

std::expected<Side, int> load(const std::string& path) {
  const auto octets = read_small_file(path, kMostSaved);
  if (!octets) return talk(octets.error().text), std::unexpected(int{kCouldNotTry});
  auto saved = report::read_saved_survey(*octets);
  if (!saved) return talk(saved.error().in(path).text), std::unexpected(int{kCouldNotTry});
  return Side{.name = path, .result = std::move(saved->result)};
}

std::expected<Side, int> ask(const CLI::App& app, const TypedSurvey& typed,
                             const std::string& text) {
  auto errand = make_survey_errand(app, typed, text);
  if (!errand) return std::unexpected(errand.error());
  auto found = survey_with_progress(*errand, typed);
  if (!found) return talk(found.error().in(text).text), std::unexpected(int{kCouldNotTry});
  if (found->signal) {
    talk(fmt::format("{}: interrupted, so nothing is compared", text));
    return std::unexpected(int{kFailed});
  }
  return Side{.name = text, .result = std::move(found->result)};
}

/// 4: they differ. 1: they do not, as far as is known, and something is not.
int compare_pair(const Side& first, const Side& second, const TypedSurvey& typed, bool is_first) {
  const auto comparison = survey::compare(first.result, second.result);
  const report::ComparisonSubject subject{
      .first = first.name, .second = second.name, .comparison = &comparison};
  std::string out;
  if (typed.connection.json) {
    report::append_json(out, subject);
    out += '\n';
  } else {
    if (!is_first) out += '\n';
    out +=
        report::to_text(subject, {colour_wanted(typed.connection.colour), report_width(), false});
  }
  results().write(out);
  if (!comparison.differences.empty()) return kDiffers;
  return comparison.unknown.empty() ? kComplete : kFailed;
}

}  // namespace

int run_compare(const Arguments& arguments) {
  CLI::App app(
      "TLS configurations side by side: only what differs. Each is a file that rdpwhy tls --json "
      "wrote, or a live target.",
      "rdpwhy compare");
  TypedSurvey typed;
  declare_survey(app, typed);
  app.footer(
      "All are compared with the first. Exit codes: 0 equal, 1 not all is known, 4 they differ.");
  if (const auto leave = parse(app, arguments)) return *leave;
  const auto& texts = typed.connection.targets;
  if (texts.size() < 2) return usage_error(app, "two configurations at least are compared");
  std::vector<Side> sides;
  for (const auto& text : texts) {
    auto side = is_saved(text) ? load(text) : ask(app, typed, text);
    if (!side) return side.error();
    if (!side->result.calibration.answered) {
      talk(fmt::format("{}: no TLS was answered there, so there is nothing to compare", text));
      return kFailed;
    }
    sides.push_back(*std::move(side));
  }
  int exit_code = kComplete;
  for (std::size_t i = 1; i < sides.size(); ++i)
    exit_code = std::max(exit_code, compare_pair(sides[0], sides[i], typed, i == 1));
  return finish_results(exit_code);
}

}  // namespace rdpwhy::cli
