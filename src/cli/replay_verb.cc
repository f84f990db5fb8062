// rdpwhy replay FILE...
#include <fmt/format.h>
#include <malloc.h>
#include <strings.h>

#include <algorithm>

#include "cli/files.h"
#include "cli/trust.h"
#include "cli/verbs.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/fingerprints.h"
#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/crypto/rsa_private_keys.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/replay/replay.h"
#include "rdpwhy/report/report.h"
#include "rdpwhy/tls/handshake.h"

namespace rdpwhy::cli {
namespace {

constexpr std::size_t kMostKeyLog = 256u << 20;
constexpr std::size_t kMostPrivateKey = 1u << 20;

struct Typed {
  std::vector<std::string> files;
  bool json = false, explain = false;
  std::string saw, ca, key_log;
  std::vector<std::string> tls_keys, rdp_keys;
  std::string colour = "auto";
};

void declare(CLI::App& app, Typed& typed) {
  app.add_option("FILE", typed.files, "pcap or pcapng")->required();
  app.add_flag("--json", typed.json, "one JSON object per connection and line");
  app.add_flag("--explain", typed.explain, "add the list of evidence");
  app.add_option("--keylog", typed.key_log,
                 "TLS secrets (NSS key log); those inside a pcapng are used anyway");
  app.add_option("--tls-key", typed.tls_keys,
                 "a server's RSA private key (PEM), for suites with RSA key exchange; again for "
                 "more")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option(
         "--rdp-key", typed.rdp_keys,
         "a server's RSA private key (PEM, or xrdp's rsakeys.ini) of Standard RDP Security; "
         "again for more")
      ->type_name("FILE")
      ->allow_extra_args(false);
  declare_saw(app, typed.saw);
  app.add_option("--ca", typed.ca, "trusted authorities: a PEM file or a hashed directory");
  app.add_option("--color", typed.colour, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

/// Thrown to leave a replay whose reader is gone: a gigabyte need not be read for nobody.
struct NobodyListens {};

/// Text that must not stay in memory.
struct Secrets {
  std::string text;
  ~Secrets() { ::explicit_bzero(text.data(), text.size()); }
};

using AddKeys = std::expected<void, Error> (crypto::RsaPrivateKeys::*)(std::string_view);

/// X.690 8.9: a SEQUENCE, which no text begins with so.
bool is_der(std::string_view octets) {
  return octets.size() > 1 && octets[0] == '\x30' && static_cast<unsigned char>(octets[1]) >= 0x80;
}

std::expected<crypto::RsaPrivateKeys, Error> read_private_keys(
    const std::vector<std::string>& files, AddKeys add) {
  crypto::RsaPrivateKeys keys;
  for (const auto& file : files) {
    auto text = read_small_file(file, kMostPrivateKey);
    if (!text) return std::unexpected(std::move(text.error()));
    const Secrets pem{std::move(*text)};
    if (auto added = (keys.*add)(pem.text); !added) {
      auto error = added.error().in(file);
      if (is_der(pem.text)) {
        error.text +=
            ": it is DER or PKCS#12 (.pfx), and PEM is wanted: openssl pkey -inform DER -in "
            "FILE -out FILE.pem, or openssl pkcs12 -in FILE -nocerts -nodes -out FILE.pem";
      }
      return std::unexpected(std::move(error));
    }
  }
  return keys;
}

bool stayed_closed(const record::HandshakeRecord& record) {
  bool sealed = false;
  for (const auto& e : record.evidence) {
    if (e.where.layer == record::Layer::kDecrypted) return false;
    sealed = sealed || std::holds_alternative<record::ProtectedRecord>(e.fact) ||
             std::holds_alternative<record::ApplicationData>(e.fact);
  }
  return sealed;
}

/// Whether the key log that was given has anything for the connections that it was given for: of
/// another session it helps nobody, and the report alone would only advise to give one.
class KeyLogUse {
 public:
  explicit KeyLogUse(std::string_view text) { log_.add(text); }

  void see(const record::HandshakeRecord& record) {
    const auto* hello = record::first<tls::ClientHello>(record);
    if (hello == nullptr || !stayed_closed(record)) return;
    ++closed_;
    static constexpr std::string_view kLabels[] = {
        "CLIENT_RANDOM", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"};
    const bool known =
        log_.has_premasters() || std::ranges::any_of(kLabels, [&](std::string_view label) {
          return log_.secret(label, hello->random).has_value();
        });
    if (!known) ++without_secret_;
  }

  void tell(const std::string& file) const {
    if (log_.empty()) {
      talk(fmt::format("{}: no TLS secret in it, so it is no key log", file));
    } else if (without_secret_ > 0) {
      talk(fmt::format("{}: {} TLS connection{} stayed closed, and of {} of them it has no secret",
                       file, closed_, closed_ == 1 ? "" : "s", without_secret_));
    }
  }

 private:
  crypto::KeyLog log_;
  std::uint64_t closed_ = 0;
  std::uint64_t without_secret_ = 0;
};

/// The same of the private keys that were given: a key opens nothing of another certificate, and
/// nothing at all where no secret was encrypted to it.
class PrivateKeyUse {
 public:
  explicit PrivateKeyUse(const crypto::RsaPrivateKeys& keys) : keys_(keys) {}

  void see(const record::HandshakeRecord& record) {
    if (keys_.empty() || !stayed_closed(record)) return;
    const auto tls = record::tls_summary(record);
    if (!tls || !tls->cipher) return;
    if (tls::key_exchange_of(*tls->cipher) != tls::KeyExchange::kRsa) {
      ++not_by_rsa_;
    } else if (tls->certificates == nullptr || tls->certificates->chain.empty()) {
      ++without_certificate_;
    } else if (!keys_.fit(tls->certificates->chain.front()->der)) {
      ++misfits_;
      misfit_ = tls->certificates->chain.front();
    }
  }

  void tell() const {
    if (misfits_ > 0) {
      talk(
          fmt::format("--tls-key: no key that was given is that of the certificate of {} ({}, "
                      "SHA-256 {}), so {} stayed closed",
                      in_words(misfits_), base::printable(misfit_->subject), misfit_->sha256,
                      misfits_ == 1 ? "it" : "they"));
    }
    if (not_by_rsa_ > 0) {
      talk(
          fmt::format("--tls-key: {} stayed closed: TLS 1.3, and (EC)DHE before it, encrypt "
                      "nothing to the server's key, so no private key opens it; a key log does",
                      in_words(not_by_rsa_)));
    }
    if (without_certificate_ > 0) {
      talk(
          fmt::format("--tls-key: {} stayed closed: resumed, or begun before the capture, so that "
                      "what was encrypted to a key is not in it",
                      in_words(without_certificate_)));
    }
  }

 private:
  static std::string in_words(std::uint64_t count) {
    return fmt::format("{} TLS connection{}", count, count == 1 ? "" : "s");
  }

  const crypto::RsaPrivateKeys& keys_;
  std::uint64_t misfits_ = 0, not_by_rsa_ = 0, without_certificate_ = 0;
  record::CertificateHandle misfit_;  ///< the last one
};

class Reporter {
 public:
  Reporter(const Typed& typed, std::optional<diagnose::Saw> saw, crypto::CertificateJudge& judge,
           std::optional<KeyLogUse>& key_log, PrivateKeyUse& private_keys)
      : typed_(typed),
        key_log_(key_log),
        private_keys_(private_keys),
        saw_(saw),
        judge_(judge),
        style_{colour_wanted(typed.colour), report_width(), typed.explain} {}

  void report(const std::string& file, const replay::ReplayedConnection& connection) {
    report::Subject subject;
    subject.source.live = false;
    subject.source.file = file;
    subject.source.connection = connection.number;
    subject.source.client = connection.client.text();
    subject.source.server = connection.server.text();
    subject.started = connection.started;
    subject.record = &connection.record;
    const auto summary = record::summary(connection.record);
    subject.summary = &summary;
    subject.udp = connection.udp;

    diagnose::Circumstances circumstances;
    circumstances.live = false;
    circumstances.now = connection.started;
    circumstances.saw = saw_;
    if (const auto& tls = summary.tls; tls && tls->certificates != nullptr) {
      // The name that the client asked for is the name that it typed.
      if (tls->client_hello != nullptr)
        circumstances.target_host = tls->client_hello->server_name.value_or("");
      circumstances.now = tls->certificates_at;
      for (const auto problem :
           judge_.judge(tls->certificates->chain, circumstances.target_host, circumstances.now)) {
        circumstances.certificate_problems.emplace_back(crypto::name_of(problem));
      }
    }
    subject.certificate_problems = circumstances.certificate_problems;
    subject.fingerprints = &fingerprinter_.of(connection.record);
    const auto diagnosis = diagnose::diagnose(connection.record, summary, circumstances);
    subject.diagnosis = &diagnosis;
    if (key_log_) key_log_->see(connection.record);
    private_keys_.see(connection.record);
    print(subject);
    if (summary.progress.failure) exit_code_ = std::max<int>(exit_code_, kFailed);
  }

  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  void print(const report::Subject& subject) {
    out_.clear();
    if (typed_.json) {
      report::append_json(out_, subject);
      out_ += '\n';
    } else {
      if (!first_) out_ += '\n';
      out_ += report::to_text(subject, style_);
    }
    first_ = false;
    results().write(out_);
    if (results().failed()) throw NobodyListens{};
  }

  const Typed& typed_;
  std::optional<KeyLogUse>& key_log_;
  PrivateKeyUse& private_keys_;
  std::optional<diagnose::Saw> saw_;
  crypto::CertificateJudge& judge_;
  crypto::Fingerprinter fingerprinter_;
  report::TextStyle style_;
  std::string out_;
  bool first_ = true;
  int exit_code_ = kComplete;
};

/// What one connection gives back the next one takes: the allocator need not return it to the
/// kernel in between, page by page.
void keep_freed_memory() {
  ::mallopt(M_TRIM_THRESHOLD, 32 << 20);
  ::mallopt(M_TOP_PAD, 1 << 20);
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

// The reader looks back as far as its sorting goes; pages that it misses are read again.
constexpr std::uint64_t kKeptBehindReader = 8u << 20;

/// Results are reports of connections over TCP; a transport over UDP alone makes none.
void tell_lone_udp(const std::string& file, const replay::ReplaySummary& summary) {
  constexpr std::size_t kMostTold = 20;
  const auto told = std::min(summary.udp.size(), kMostTold);
  for (std::size_t i = 0; i < told; ++i) {
    talk(fmt::format("{}: RDP over UDP without its TCP connection: {}", file,
                     report::udp_in_words(summary.udp[i])));
  }
  if (summary.udp.size() > told) {
    talk(fmt::format("{}: and {} more transports over UDP without their TCP connections", file,
                     summary.udp.size() - told));
  }
  if (summary.udp_left_out > 0) {
    talk(fmt::format("{}: {} more datagrams that begin transports over UDP: too many to be kept",
                     file, summary.udp_left_out));
  }
}

int replay_file(const std::string& file, replay::ReplayOptions options, Reporter& reporter) {
  auto mapped = MappedFile::open(file);
  if (!mapped) return talk(mapped.error().text), kCouldNotTry;
  options.on_offset = [&](std::uint64_t offset) {
    mapped->release_before(offset - std::min(offset, kKeptBehindReader));
  };
  const auto summary = replay::replay(
      mapped->octets(), options,
      [&](replay::ReplayedConnection connection) { reporter.report(file, connection); });
  if (!results().flush()) throw NobodyListens{};
  if (!summary) return talk(summary.error().in(file).text), kCouldNotTry;
  for (const auto& complaint : summary->complaints) talk(fmt::format("{}: {}", file, complaint));
  if (mapped->shrank()) {
    talk(fmt::format(
        "{}: the file became shorter while it was read; what was missing read as zeros", file));
    return kCouldNotTry;
  }
  if (summary->packets == 0 && !summary->complaints.empty()) {
    talk(fmt::format("{}: damaged before its first packet, so nothing of it could be read", file));
    return kCouldNotTry;
  }
  tell_lone_udp(file, *summary);
  if (summary->connections == 0) {
    talk(fmt::format("{}: no RDP connection in it ({} packets, {} TCP connections)", file,
                     summary->packets, summary->flows));
  }
  return kComplete;
}

}  // namespace

int run_replay(const Arguments& arguments) {
  CLI::App app("The report for every RDP connection in a capture, offline.", "rdpwhy replay");
  Typed typed;
  declare(app, typed);
  if (const auto leave = parse(app, arguments)) return *leave;

  const auto saw = parse_saw(typed.saw);
  if (!saw) return usage_error(app, saw.error().text);
  keep_freed_memory();
  Secrets secrets;
  if (!typed.key_log.empty()) {
    auto text = read_small_file(typed.key_log, kMostKeyLog);
    if (!text) return talk(text.error().text), kCouldNotTry;
    secrets.text = std::move(*text);
  }
  const auto private_keys = read_private_keys(typed.tls_keys, &crypto::RsaPrivateKeys::add);
  if (!private_keys) return talk(private_keys.error().text), kCouldNotTry;
  const auto rdp_keys = read_private_keys(typed.rdp_keys, &crypto::RsaPrivateKeys::add_rdp_keys);
  if (!rdp_keys) return talk(rdp_keys.error().text), kCouldNotTry;
  auto store = open_trust_store(typed.ca);
  if (!store) return talk(store.error().text), kCouldNotTry;
  crypto::CertificateJudge judge(std::move(*store));

  replay::ReplayOptions options;
  options.key_log = secrets.text;
  options.private_keys = &*private_keys;
  options.rdp_keys = &*rdp_keys;
  std::optional<KeyLogUse> key_log;
  if (!typed.key_log.empty()) key_log.emplace(secrets.text);
  PrivateKeyUse private_key_use(*private_keys);
  Reporter reporter(typed, *saw, judge, key_log, private_key_use);
  int exit_code = kComplete;
  try {
    for (const auto& file : typed.files)
      exit_code = std::max(exit_code, replay_file(file, options, reporter));
  } catch (const NobodyListens&) {
    // finish_results says why
  }
  if (key_log) key_log->tell(typed.key_log);
  private_key_use.tell();
  return finish_results(std::max(exit_code, reporter.exit_code()));
}

}  // namespace rdpwhy::cli
