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
#include "rdpwhy/investigate/investigate.h"
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
  subject.source.port = found.handshake.port != 0 ? found.handshake.port : errand.target.port;
  subject.started = found.handshake.started;
  subject.record = &found.handshake.record;
  subject.certificate_problems = found.certificate_problems;
  subject.diagnosis = &found.diagnosis;
  subject.remarks = errand.remarks;
  subject.encryption = found.encryption;
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
    other.remarks.push_back(
        "the password went to the first target only, since it is tried once; here nobody logs on");
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

  int exit_code = kComplete;
  ProgressLine progress;
  for (auto& errand : errands) {
    keeping.attach(errand.options);
    errand.options.ends_on_signals = true;
    errand.options.on_phase = [&](Phase phase) {
      progress.show(fmt::format("{}: {} ...", errand.target.text, record::row_of(phase).title));
    };
    auto found = investigate::investigate(errand.target, errand.options, judge, *saw);
    const bool asks_further = typed.enumerate_encryption && found && !found->handshake.signal;
    const bool asked =
        asks_further && investigate::enumerate_encryption(errand.target, errand.options, *found);
    progress.clear();
    if (asks_further && !asked) {
      talk(
          fmt::format("{}: no encryption method is asked for: the handshake did not settle on "
                      "Standard RDP Security (--security rdp offers it alone)",
                      errand.target.text));
    }
    if (!keeping.flush()) exit_code = std::max<int>(exit_code, kCouldNotTry);
    if (!found) {
      talk(found.error().in(errand.target.text).text);
      exit_code = std::max<int>(exit_code, kCouldNotTry);
      continue;
    }
    const auto& record = found->handshake.record;
    if (found->handshake.signal && record::first<record::Connected>(record) == nullptr) {
      talk(fmt::format("{}: interrupted before a connection was established", errand.target.text));
      exit_code = kCouldNotTry;
      break;
    }
    print_report(errand, *found, typed, &errand == &errands.front());
    if (!results().flush()) break;
    exit_code = std::max(exit_code, exit_code_of(record));
    if (found->handshake.signal) {
      talk(fmt::format("{}: interrupted; the report is of what was seen until then",
                       errand.target.text));
      exit_code = std::max<int>(exit_code, kFailed);
      break;
    }
  }
  return finish_results(exit_code);
}

}  // namespace rdpwhy::cli
