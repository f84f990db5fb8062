// A table of contents: which verb, then that verb's own file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <new>

#include "cli/console.h"
#include "cli/password.h"
#include "cli/verbs.h"
#include "rdpwhy/base/check.h"

namespace rdpwhy::cli {

std::span<const Verb> verbs() {
  static constexpr std::array<Verb, 7> kVerbs = {{
      {"probe", "TARGET...     the handshake against a live server, and why it fails (the default)",
       run_probe},
      {"replay", "FILE...       the same for every RDP connection in a pcap or pcapng file",
       run_replay},
      {"tls", "TARGET...     every TLS version, cipher suite and so on that a server accepts",
       run_tls},
      {"compare", "A B [C...]    TLS configurations side by side, live or saved: what differs",
       run_compare},
      {"explain", "CODE...       what a code means and where it arises; --hex OCTETS reads octets",
       run_explain},
      {"causes", "[ID]          the catalogue of causes", run_causes},
      {"lab", "[SCENARIO]    a server on loopback that fails in a chosen way; --list names them",
       run_lab},
  }};
  return kVerbs;
}

namespace {

std::string usage() {
  std::string out =
      "usage: rdpwhy [probe] TARGET...\n       rdpwhy VERB ... (rdpwhy VERB --help tells more)\n\n";
  for (const auto& verb : verbs()) out += fmt::format("  {:8} {}\n", verb.name, verb.summary);
  out +=
      "\nTARGET is a host, host:port, [v6]:port or an .rdp file; the port is 3389 unless given.\n"
      "A host named like a verb needs rdpwhy probe NAME.\n"
      "Exit codes: 0 as far as asked, 1 not, 2 usage, 3 could not try, 4 they differ, 70 our own "
      "bug.\n";
  return out;
}

/// Verbs that are promised: no host is meant by them.
constexpr std::array<std::string_view, 1> kNotBuiltYet = {"scan"};

const Verb* verb_named(std::string_view name) {
  const auto found = std::ranges::find(verbs(), name, &Verb::name);
  return found == verbs().end() ? nullptr : &*found;
}

/// "--json replay x" must not become a probe of a host named "replay"; "--user lab" is no verb.
const Verb* late_verb(const Arguments& arguments) {
  if (!arguments.front().starts_with('-')) return nullptr;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const auto* verb = verb_named(arguments[i]);
    if (verb != nullptr && !probe_takes_a_value(arguments[i - 1])) return verb;
  }
  return nullptr;
}

int run(const Arguments& arguments) {
  if (arguments.empty()) {
    talk_as_it_is(usage());
    return kUsage;
  }
  const auto& first = arguments.front();
  if (first == "--help" || first == "-h" || first == "help") {
    results().write(usage());
    return finish_results(kComplete);
  }
  if (first == "--version") {
    results().write("rdpwhy " RDPWHY_VERSION "\n");
    return finish_results(kComplete);
  }
  if (const auto* verb = verb_named(first))
    return verb->run({arguments.begin() + 1, arguments.end()});
  if (std::ranges::find(kNotBuiltYet, first) != kNotBuiltYet.end()) {
    talk(fmt::format("rdpwhy {0} is not built yet; a host of that name needs rdpwhy probe {0}",
                     first));
    return kUsage;
  }
  if (const auto* late = late_verb(arguments)) {
    talk(fmt::format(
        "the verb comes first: rdpwhy {0} ...; a host of that name needs rdpwhy probe {0}",
        late->name));
    return kUsage;
  }
  return run_probe(arguments);
}

/// The root: what gets here is our own bug, whatever the peer or the file did.
int run_guarded(const Arguments& arguments) {
  try {
    return run(arguments);
  } catch (const base::OurBug& bug) {
    talk(fmt::format("this is a bug of rdpwhy itself, please report it: {}", bug.what()));
  } catch (const std::bad_alloc&) {
    talk("out of memory");
    return kCouldNotTry;
  } catch (const std::exception& error) {
    talk(fmt::format("this is a bug of rdpwhy itself, please report it: {}", error.what()));
  }
  return kOurBug;
}

}  // namespace
}  // namespace rdpwhy::cli

int main(int argc, char** argv) {
  rdpwhy::cli::occupy_closed_streams();
  rdpwhy::cli::hide_environment_password();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves is an error of writing, told as such
  return rdpwhy::cli::run_guarded({argv + std::min(argc, 1), argv + argc});
}
