#pragma once

#include <span>
#include <string_view>

#include "cli/arguments.h"

namespace rdpwhy::cli {

/// One verb of the contract: gets what follows it on the command line, gives the exit code.
struct Verb {
  std::string_view name;
  std::string_view summary;
  int (*run)(const Arguments& arguments);
};
[[nodiscard]] std::span<const Verb> verbs();

int run_probe(const Arguments& arguments);
/// Whether the word behind this option of the verb is its value, as in "--user lab".
[[nodiscard]] bool probe_takes_a_value(const std::string& option);
int run_replay(const Arguments& arguments);
int run_compare(const Arguments& arguments);
int run_tls(const Arguments& arguments);
int run_explain(const Arguments& arguments);
int run_causes(const Arguments& arguments);
int run_lab(const Arguments& arguments);

}  // namespace rdpwhy::cli
