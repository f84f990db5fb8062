// rdpwhy [probe] TARGET...
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>

#include "cli/files.h"
#include "cli/probe_options.h"
#include "cli/trust.h"
#include "cli/verbs.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/investigate/investigate.h"
#include "rdpwhy/investigate/redirection.h"
#include "rdpwhy/report/report.h"

namespace rdpwhy::cli {
namespace {

/// What is about to be lost, or is written elsewhere than it looks, is said.
void tell_what_is_replaced(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_symlink(path, error)) {
    talk(fmt::format("{} is a symbolic link: what it leads to is written", path));
  }
  if (fs::is_regular_file(path, error) && fs::file_size(path, error) > 0 && !error) {
    talk(fmt::format("{} existed and is replaced", path));
  }
}

/// Where octets and secrets of the connections are kept, if asked for.
struct Keeping {
  std::unique_ptr<Sink> capture;
  std::unique_ptr<Sink> secrets;

  [[nodiscard]] std::expected<void, Error> open(const TypedProbe& typed) {
    if (!typed.write_capture.empty()) {
      tell_what_is_replaced(typed.write_capture);
      auto file = create_private_file(typed.write_capture, Existing::kReplace);
      if (!file) return std::unexpected(file.error());
      capture = std::move(*file);
    }
    if (!typed.key_log.empty()) {
      auto file = create_private_file(typed.key_log, Existing::kAppend);
      if (!file) return std::unexpected(file.error());
      secrets = std::move(*file);
    }
    return {};
  }
  void attach(net::ProbeOptions& options) const {
    if (capture)
      options.capture_sink = [sink = capture.get()](ByteSpan octets) {
        sink->write(base::as_text(octets));
      };
    if (secrets) {
      options.on_secret = [sink = secrets.get()](std::string_view line) {
        sink->write(line);
        if (!line.ends_with('\n')) sink->write("\n");
      };
    }
  }
  /// After each target, so that a later crash loses nothing.
  [[nodiscard]] bool flush() const {
    bool good = true;
    for (const auto* sink : {capture.get(), secrets.get()}) {
      if (sink == nullptr || const_cast<Sink*>(sink)->flush()) continue;
      talk(sink->error());
      good = false;
    }
    return good;
  }
};

void print_report(const Errand& errand, const investigate::Investigation& found,
                  const TypedProbe& typed, bool first) {
  report::Subject subject;
  subject.source.target = errand.target.text;
  subject.source.address = found.handshake.address;
  if (errand.options.proxy) subject.source.proxy = net::text_of(*errand.options.proxy);
  subject.source.redirected_from = errand.redirected_from;
  subject.source.port = found.handshake.port != 0 ? found.handshake.port : errand.target.port;
  subject.started = found.handshake.started;
  subject.record = &found.handshake.record;
  subject.certificate_problems = found.certificate_problems;
  subject.fingerprints = &found.fingerprints;
  subject.diagnosis = &found.diagnosis;
  subject.remarks = errand.remarks;
  subject.encryption = found.encryption;
  if (found.repetitions) subject.repetitions = &*found.repetitions;
  std::string out;
  if (typed.json) {
    report::append_json(out, subject);
    out += '\n';
  } else {
    if (!first) out += '\n';
    out += report::to_text(subject, {colour_wanted(typed.colour), report_width(), typed.explain});
  }
  results().write(out);
}

/// The one attempt goes to the first target; the others are probed as without a password. Nothing:
/// go on.
std::optional<int> attach_credentials(const CLI::App& app, const TypedProbe& typed,
                                      std::vector<Errand>& errands) {
  if (!typed.logon.wanted()) return {};
  auto& first = errands.front();
  auto attempt = obtain_credentials(typed.logon, first.rdp_file ? &*first.rdp_file : nullptr);
  if (!attempt) {
    const auto& [exit, error] = attempt.error();
    if (exit == kUsage) return usage_error(app, error.text);
    return talk(error.text), exit;
  }
  first.options.plan.credssp.credentials = std::move(*attempt);
  for (auto& other : std::span(errands).subspan(1)) {
    auto& plan = other.options.plan;
    plan.until_without_nla = std::min(plan.until_without_nla.value_or(plan.until), Phase::kMcs);
    plan.until = std::min(plan.until, Phase::kCredssp);
    if (plan.credssp.authentication == dialogue::Authentication::kKerberos) {
      plan.credssp.authentication = dialogue::Authentication::kNegotiate;  // not by a cache either
    }
    other.remarks.push_back(fmt::format(
        "the logon is for the first target only ({}), since a password is tried once; here nobody "
        "logs on, and the handshake is followed as without --user",
        base::printable(first.target.text)));
  }
  if (errands.size() > 1) {
    talk(fmt::format("{} targets: the logon is tried at {} only, since a password is tried once",
                     errands.size(), first.target.text));
  }
  if (!typed.write_capture.empty() && !typed.no_capture_secrets) {
    talk(
        fmt::format("{} will let its holder read this logon and try passwords against it; "
                    "--no-capture-secrets leaves the secrets out",
                    typed.write_capture));
  }
  if (!typed.key_log.empty()) {
    talk(fmt::format("{} will let the holder of a capture read this logon", typed.key_log));
  }
  return {};
}

int exit_code_of(const HandshakeRecord& record) {
  const auto progress = record::progress(record);
  if (progress.failure) return kFailed;
  const auto until = record.run ? record.run->until : std::nullopt;
  return until && !progress.as_asked ? kFailed : kComplete;
}

/// Where the redirection that ends this connection leads; a remark where it is not followed.
std::optional<Errand> next_errand(Errand& errand, const net::ProbedConnection& met, int followed) {
  auto next = investigate::follow_redirection(errand.target, errand.options, met, followed);
  if (!next) return {};
  if (!*next) {
    errand.remarks.push_back("The redirection is not followed: " + next->error().text + ".");
    return {};
  }
  return Errand{.target = std::move((*next)->target),
                .options = std::move((*next)->options),
                .remarks = {std::move((*next)->says)},
                .redirected_from = errand.target.text,
                .rdp_file = {}};
}

/// One target after the other, each with what its redirections lead to.
class Round {
 public:
  Round(const TypedProbe& typed, crypto::CertificateJudge& judge, const Keeping& keeping,
        std::optional<diagnose::Saw> saw)
      : typed_(typed), judge_(judge), keeping_(keeping), saw_(saw) {}

  int run(std::vector<Errand>& errands) {
    for (auto& errand : errands) {
      keeping_.attach(errand.options);
      errand.options.ends_on_signals = true;
      if (!run_chain(errand)) break;
    }
    return finish_results(exit_code_);
  }

 private:
  /// False: the round ends here.
  bool run_chain(Errand& first) {
    auto next = run_one(first, 0);
    for (int followed = 1; next && !over_; ++followed) {
      auto errand = *std::move(next);
      next = run_one(errand, followed);
    }
    return !over_;
  }

  /// What follows from it: the next connection of the chain.
  std::optional<Errand> run_one(Errand& errand, int followed) {
    errand.options.on_phase = [&](Phase phase) {
      progress_.show(fmt::format("{}: {} ...", errand.target.text, record::row_of(phase).title));
    };
    const investigate::ExperimentLimits limits{
        .most = typed_.no_experiments ? 0 : typed_.most_experiments,
        .on_experiment = [&](std::string_view name) {
          progress_.show(fmt::format("{}: once more, {} ...", errand.target.text, name));
        }};
    auto found = investigate::investigate(errand.target, errand.options, judge_, saw_, limits);
    const bool enumerates = typed_.enumerate_encryption && found && !found->handshake.signal;
    const bool enumerated =
        enumerates && investigate::enumerate_encryption(errand.target, errand.options, *found);
    if (typed_.repeat > 1 && found && !found->handshake.signal)
      investigate::repeat(errand.target, errand.options, typed_.repeat, *found);
    progress_.clear();
    if (enumerates && !enumerated) {
      // Who never answered the negotiation cannot have settled on anything else.
      const auto* confirm = record::first<rdp::ConnectionConfirm>(found->handshake.record);
      talk(fmt::format(
          "{}: no encryption method is asked for: {}", errand.target.text,
          confirm == nullptr
              ? "the handshake did not get that far"
              : "the handshake did not settle on Standard RDP Security (--security rdp offers it "
                "alone)"));
    }
    if (!keeping_.flush()) note(kCouldNotTry);
    if (!found) {
      talk(found.error().in(errand.target.text).text);
      note(kCouldNotTry);
      return {};
    }
    const auto& met = found->handshake;
    if (met.signal && record::first<record::Connected>(met.record) == nullptr) {
      talk(fmt::format("{}: interrupted before a connection was established", errand.target.text));
      exit_code_ = kCouldNotTry;
      over_ = true;
      return {};
    }
    std::optional<Errand> next;
    if (typed_.follow_redirection) next = next_errand(errand, met, followed);
    print_report(errand, *found, typed_, std::exchange(is_first_, false));
    over_ = !results().flush();
    // Of a chain its last connection counts: to be sent on is no failure of who goes on.
    if (!over_ && !next) note(exit_code_of(met.record));
    if (found->repetitions && found->repetitions->differ()) note(kFailed);
    if (met.signal && !over_) {
      talk(fmt::format("{}: interrupted; the report is of what was seen until then",
                       errand.target.text));
      note(kFailed);
      over_ = true;
    }
    return next;
  }

  void note(int code) { exit_code_ = std::max(exit_code_, code); }

  const TypedProbe& typed_;
  crypto::CertificateJudge& judge_;
  const Keeping& keeping_;
  std::optional<diagnose::Saw> saw_;
  ProgressLine progress_;
  int exit_code_ = kComplete;
  bool is_first_ = true;
  bool over_ = false;
};

}  // namespace

int run_probe(const Arguments& arguments) {
  CLI::App app("The handshake against a live server, step by step, and why it fails.",
               "rdpwhy probe");
  TypedProbe typed;
  declare(app, typed);
  if (const auto leave = parse(app, arguments)) return *leave;

  const auto saw = parse_saw(typed.saw);
  if (!saw) return usage_error(app, saw.error().text);
  std::vector<Errand> errands;
  for (const auto& text : typed.targets) {
    auto errand = make_errand(app, typed, text);
    if (!errand) return errand.error();
    errands.push_back(std::move(*errand));
  }
  const auto* hint = errands.front().rdp_file ? &*errands.front().rdp_file : nullptr;
  if (const auto good = check_logon(typed.logon, hint); !good)
    return usage_error(app, good.error().text);
  auto store = open_trust_store(typed.ca);
  if (!store) return talk(store.error().text), kCouldNotTry;
  crypto::CertificateJudge judge(std::move(*store));
  Keeping keeping;
  if (const auto opened = keeping.open(typed); !opened)
    return talk(opened.error().text), kCouldNotTry;
  if (const auto leave = attach_credentials(app, typed, errands)) return *leave;

  return Round(typed, judge, keeping, *saw).run(errands);
}

bool probe_takes_a_value(const std::string& option) {
  CLI::App app;
  TypedProbe typed;
  declare(app, typed);
  const auto* found = app.get_option_no_throw(option);
  return found != nullptr && found->get_items_expected_max() > 0;
}

}  // namespace rdpwhy::cli
