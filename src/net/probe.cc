#include "rdpwhy/net/probe.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/this_coro.hpp>
#include <csignal>

#include "net/address.h"
#include "net/connecting.h"
#include "net/drive.h"
#include "net/kerberos_worker.h"
#include "net/proxy_dialogue.h"
#include "net/resolver.h"
#include "net/waiting.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/crypto/session_opener.h"
#include "rdpwhy/crypto/standard_security.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::net {
namespace {

using asio::ip::tcp;
using std::chrono::steady_clock;

/// No more than these addresses of one name are tried.
constexpr std::size_t kMostAttempts = 8;
/// What an attempt gets at least, however many share the deadline: one retransmitted SYN (RFC 6298:
/// 1 s).
constexpr auto kShortestAttempt = std::chrono::milliseconds(1500);
/// The shortest time in which a silent peer is called silent.
constexpr auto kShortestWatch = std::chrono::milliseconds(300);

bool speaks_nla(std::uint32_t protocols) {
  constexpr auto kNla = static_cast<std::uint32_t>(rdp::Protocol::kHybrid) |
                        static_cast<std::uint32_t>(rdp::Protocol::kHybridEx);
  return (protocols & kNla) != 0;
}

/// getrandom(2) does not fail for so few octets once the kernel is up.
void fill(std::span<std::uint8_t> octets) {
  const auto count = ::getrandom(octets.data(), octets.size(), 0);
  RDPWHY_CHECK(count >= 0 && static_cast<std::size_t>(count) == octets.size());
}

std::shared_ptr<const Secret> fresh_secret(std::size_t octets) {
  Bytes random(octets);
  fill(random);
  return std::make_shared<Secret>(std::move(random));
}

dialogue::SessionPlan::LicensingRandomness fresh_licensing_randomness() {
  constexpr std::size_t kPremasterSecret = 48;  // MS-RDPELE 5.1.2
  dialogue::SessionPlan::LicensingRandomness fresh{.premaster_secret =
                                                       fresh_secret(kPremasterSecret)};
  fill(fresh.client_random);
  return fresh;
}

dialogue::CredsspPlan::Randomness fresh_randomness() {
  dialogue::CredsspPlan::Randomness fresh;
  fill(fresh.client_nonce);
  fill(fresh.client_challenge);
  constexpr std::size_t kNtlmSessionKey = 16;  // MS-NLMP 3.1.5.1.2 ExportedSessionKey
  fresh.session_key = fresh_secret(kNtlmSessionKey);
  return fresh;
}

/// What Windows would call this machine (MS-NLMP 2.2.1.3 Workstation).
std::string netbios_name() {
  constexpr std::size_t kLongest = 15;
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) return {};
  std::string name(host);
  name.resize(std::min({name.size(), name.find('.'), kLongest}));
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

/// One probe from the resolver to the end of its last connection.
class Run {
 public:
  Run(const Target& target, const ProbeOptions& options)
      : target_(target),
        options_(options),
        dissector_(options.oddities.tls_first ? dissect::make_tls_dissector(readers())
                                              : dissect::Dissector(readers())) {
    if (options_.capture_sink) capture_.emplace(options_.capture_sink, "rdpwhy");
    if (options_.plan.tls.server_name.empty()) {
      options_.plan.tls.server_name = options_.server_name.value_or(target.host);
    }
    auto& credssp = options_.plan.credssp;
    if (credssp.service_host.empty()) credssp.service_host = target.host;
    if (credssp.workstation.empty()) credssp.workstation = netbios_name();
    options_.plan.until = farthest();
    facts_.until = options_.plan.until;
    facts_.phase_timeout = options_.phase_timeout.count();
  }

  /// A signal came: the run comes to its end soon, by itself.
  void interrupt(asio::io_context& context, int signal) {
    signal_ = signal;
    asio::use_service<Interruption>(context).raise();
  }

  asio::awaitable<std::expected<ProbedConnection, Error>> go() {
    if (options_.delay.count() > 0) {
      co_await wait_until(steady_clock::now() + options_.delay);
      if (signal_) co_return ProbedConnection{.signal = signal_};
    }
    const auto started = clock_.now();
    const auto addresses = co_await find_addresses();
    if (!addresses) co_return std::unexpected(addresses.error());
    const auto port = options_.proxy ? options_.proxy->server.port : target_.port;
    tcp::endpoint server;
    if (!addresses->empty()) {
      const auto reached = co_await reach(*addresses, port);
      if (!reached) co_return std::unexpected(reached.error());
      server = *reached;
    }
    ProbedConnection result;
    if (options_.proxy) {  // its address says nothing about the server's
      if (const auto literal = literal_address(target_.host)) result.address = literal->to_string();
    } else if (!addresses->empty()) {
      result.address = endpoint_of(server).address.text();
    }
    result.port = target_.port;
    result.started = started;
    result.record = dissector_.take();
    settle_depth(result.record);
    // Who is told to stop misses no deadline.
    if (signal_) facts_.missed_deadline.reset();
    result.redirection_password = redirection_password_;
    result.signal = signal_;
    result.record.run = std::move(facts_);
    co_return result;
  }

 private:
  dissect::Dissector::Options readers() {
    return {.read_certificate = [this](ByteSpan der) { return certificates_.read(der); },
            .make_opener =
                [this](const tls::ClientHello& client, const tls::ServerHello& server) {
                  return crypto::make_record_opener(key_log_, client, server);
                },
            .make_session_opener = [this] { return open_sessions(); },
            .on_redirection_password =
                [this](Secret password) { keep_redirection_password(std::move(password)); }};
  }

  /// NLA stands between TLS and MCS: who does not begin it has nothing to reach there.
  [[nodiscard]] Phase farthest() const {
    if (options_.oddities.stay_silent) return Phase::kTcp;
    if (options_.oddities.tls_first) return Phase::kTls;
    if (options_.plan.until >= Phase::kMcs) return options_.plan.until;
    const auto& negotiation = options_.plan.request.negotiation;
    const bool offers_tls = negotiation && negotiation->requested.bits != 0;
    const bool begins_credssp =
        offers_tls && speaks_nla(negotiation->requested.bits) &&
        options_.plan.credssp.authentication != dialogue::Authentication::kNone;
    return std::min(options_.plan.until, begins_credssp ? Phase::kAuthorization
                                         : offers_tls   ? Phase::kTls
                                                        : Phase::kX224);
  }

  /// How far the run had to go, now that the server has selected.
  void settle_depth(const HandshakeRecord& record) {
    const auto* confirm = record::first<rdp::ConnectionConfirm>(record);
    if (confirm == nullptr || confirm->failure() != nullptr) return;
    const auto* response = confirm->response();
    const auto selected = response == nullptr ? 0 : response->selected_protocol;
    // Who wanted to log on, and was not asked to by NLA, did not get as far as asked.
    if (!speaks_nla(selected)) {
      // RDSTLS and Entra ID begin with what a redirection or an account has given.
      const bool logs_on = options_.plan.rdstls.has_value() &&
                           selected == static_cast<std::uint32_t>(rdp::Protocol::kRdstls);
      const bool ends_with_tls = options_.until_is_a_wish && selected != 0 && !logs_on &&
                                 selected != static_cast<std::uint32_t>(rdp::Protocol::kSsl);
      facts_.until = ends_with_tls ? Phase::kTls : options_.plan.depth(selected);
    } else if (options_.until_is_a_wish && facts_.until == Phase::kAuthorization &&
               selected == static_cast<std::uint32_t>(rdp::Protocol::kHybrid)) {
      // Only HYBRID_EX has the authorization result (MS-RDPBCGR 5.4.2.1).
      facts_.until = std::min(*facts_.until, Phase::kCredssp);
    } else {
      facts_.until = std::min(*facts_.until, options_.plan.depth(selected));
    }
  }

  /// For Standard RDP Security: opens what is protected by the random that this run sends.
  [[nodiscard]] std::unique_ptr<record::SessionOpener> open_sessions() {
    return crypto::make_session_opener({.key_log = &key_log_,
                                        .client_random = options_.plan.session.client_random.get(),
                                        .on_secret = [this](std::string_view line) {
                                          if (tell_secret_) tell_secret_(line);
                                        }});
  }

  /// Of the first redirection, which is the one that counts.
  void keep_redirection_password(Secret password) {
    if (!options_.keep_redirection_password || redirection_password_) return;
    redirection_password_ = std::make_shared<const Secret>(std::move(password));
  }

  void enter(Phase phase) const {
    if (options_.on_phase) options_.on_phase(phase);
  }

  [[nodiscard]] Deadline deadline() const {
    return steady_clock::now() +
           std::chrono::duration_cast<steady_clock::duration>(options_.phase_timeout);
  }

  /// Empty: the resolver has none, which stands in the record.
  asio::awaitable<std::expected<std::vector<asio::ip::address>, Error>> find_addresses() {
    const auto host = !options_.resolve_to.empty() ? options_.resolve_to
                      : options_.proxy             ? options_.proxy->server.host
                                                   : target_.host;
    if (const auto literal = literal_address(host)) {
      const auto family = options_.family;
      if (family != ProbeOptions::Family::kAny &&
          literal->is_v6() != (family == ProbeOptions::Family::kV6)) {
        co_return std::unexpected(
            Error{host + " is not an address of the family that was asked for"});
      }
      co_return std::vector{*literal};
    }
    if (!options_.resolve_to.empty()) {
      co_return std::unexpected(Error{"\"" + host + "\" is no address to connect to"});
    }
    if (const auto scope = host.find('%'); scope != std::string::npos && host.contains(':')) {
      co_return std::unexpected(
          Error{"no network interface is called \"" + host.substr(scope + 1) + "\" here"});
    }
    enter(Phase::kResolve);
    auto resolution = co_await resolve(host, options_.family, deadline());
    record::Resolved told{.name = host, .addresses = {}, .error = std::move(resolution.error)};
    for (const auto& address : resolution.addresses) told.addresses.push_back(address.to_string());
    dissector_.resolved(std::move(told), clock_.now());
    if (resolution.timed_out) facts_.missed_deadline = Phase::kResolve;
    co_return std::move(resolution.addresses);
  }

  /// Tries the addresses in order; the endpoint that was tried last.
  asio::awaitable<std::expected<tcp::endpoint, Error>> reach(
      const std::vector<asio::ip::address>& addresses, std::uint16_t port) {
    enter(Phase::kTcp);
    const auto end = deadline();
    const auto shortest =
        std::min<steady_clock::duration>(options_.phase_timeout, kShortestAttempt);
    const auto attempts = std::min(addresses.size(), kMostAttempts);
    tcp::endpoint server;
    for (std::size_t i = 0; i < attempts; ++i) {
      server = tcp::endpoint(addresses[i], port);
      const auto now = steady_clock::now();
      const auto share = (end - now) / static_cast<int>(attempts - i);
      const auto up = co_await converse(server, now + std::max(share, shortest));
      if (!up) co_return std::unexpected(up.error());
      if (*up || signal_) break;
    }
    co_return server;
  }

  /// One connection to one address; false when it did not come about.
  asio::awaitable<std::expected<bool, Error>> converse(tcp::endpoint server, Deadline connect_by) {
    Tap tap(dissector_, capture_ ? &*capture_ : nullptr);
    tcp::socket socket(co_await asio::this_coro::executor);
    last_connection_ = steady_clock::now();
    const auto attempt = co_await connect(socket, server, tap, clock_, facts_, connect_by,
                                          options_.oddities.segment_size);
    if (!attempt) co_return std::unexpected(attempt.error());
    facts_.missed_deadline.reset();
    if (attempt->missed_deadline) facts_.missed_deadline = Phase::kTcp;
    if (!attempt->connected) co_return false;
    Stream stream(socket, tap, clock_);
    if (options_.oddities.stay_silent) {
      facts_.silent_connection = co_await watch(stream);
      co_await stream.close_in_order(steady_clock::now() + kPace);
      co_return true;
    }
    if (options_.oddities.proxy_header) send_proxy_header(socket);
    const auto driven = co_await speak(stream);
    facts_.retransmissions = stream.retransmissions();
    if (!driven) co_return std::unexpected(driven.error());
    const bool left_early = stream.left_unasked() && stream.received() == 0;
    if (left_early && options_.watch_silent_connection && !options_.proxy && !signal_) {
      co_await watch_silent_connection(server);
    }
    co_return true;
  }

  asio::awaitable<std::expected<void, Error>> speak(Stream& stream) {
    if (options_.proxy) {
      const auto opening =
          co_await open_through_proxy(stream, options_.proxy->kind, target_, deadline());
      if (opening != ProxyVerdict::kGranted) {
        if (opening == ProxyVerdict::kSilent) facts_.missed_deadline = Phase::kTcp;
        co_await stream.close_in_order(steady_clock::now() + kDrain);
        co_return std::expected<void, Error>{};
      }
    }
    KerberosWorker kerberos(options_.plan.credssp, clock_);
    tell_secret_ = [this, &stream](std::string_view line) {
      if (options_.on_secret) options_.on_secret(line);
      if (options_.capture_secrets) stream.tap().secret(line);
    };
    const DriveOptions how{.phase_timeout = options_.phase_timeout,
                           .linger = watch_time(),
                           .on_secret =
                               [this](std::string_view line) {
                                 key_log_.add(line);
                                 tell_secret_(line);
                               },
                           .on_phase = options_.on_phase,
                           .split_client_hello = options_.oddities.split_client_hello,
                           .kerberos = &kerberos};
    options_.plan.credssp.randomness = fresh_randomness();
    options_.plan.session.client_random = fresh_secret(crypto::StandardSecurity::kRandomSize);
    options_.plan.session.licensing = fresh_licensing_randomness();
    auto sequence = options_.oddities.tls_first ? dialogue::start_with_tls(options_.plan)
                                                : dialogue::start(options_.plan);
    auto driven = co_await drive(stream, std::move(sequence), how, facts_);
    tell_secret_ = {};
    co_return driven;
  }

  [[nodiscard]] std::chrono::nanoseconds watch_time() const {
    const auto round_trip = std::chrono::microseconds(facts_.rtt_us.value_or(0));
    return std::max<std::chrono::nanoseconds>(2 * round_trip, kShortestWatch);
  }

  /// Who writes to a peer that closes at once is reset just as by a peer that dislikes the request:
  /// a connection on which nothing is said tells the two apart.
  asio::awaitable<void> watch_silent_connection(tcp::endpoint server) {
    co_await wait_until(last_connection_ + kPace);
    dissect::Dissector apart{dissect::Dissector::Options{}};
    Tap tap(apart, nullptr);
    record::RunFacts unused;
    tcp::socket socket(co_await asio::this_coro::executor);
    const auto attempt = co_await connect(socket, server, tap, clock_, unused, deadline());
    if (!attempt) co_return;  // no descriptors: then it stays unknown
    if (!attempt->connected) {
      facts_.silent_connection = record::RunFacts::SilentConnection{};
      co_return;
    }
    Stream stream(socket, tap, clock_);
    facts_.silent_connection = co_await watch(stream);
    co_await stream.close_in_order(steady_clock::now() + kPace);
  }

  asio::awaitable<record::RunFacts::SilentConnection> watch(Stream& stream) const {
    const auto began = clock_.now();
    const auto end =
        steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(watch_time());
    auto got = Stream::Got::kOctets;
    while (got == Stream::Got::kOctets) got = co_await stream.receive(end);
    co_return record::RunFacts::SilentConnection{.connected = true,
                                                 .ended_by_peer = stream.ended_by_peer(),
                                                 .reset = stream.reset_by_peer(),
                                                 .after = clock_.now() - began,
                                                 .bytes = stream.received()};
  }

  /// So little fits into the buffer of a fresh socket; a peer that has left shows in what follows.
  static void send_proxy_header(tcp::socket& socket) {
    asio::error_code unknown;
    const auto from = socket.local_endpoint(unknown);
    const auto to = socket.remote_endpoint(unknown);
    const auto line =
        fmt::format("PROXY {} {} {} {} {}\r\n", from.address().is_v6() ? "TCP6" : "TCP4",
                    from.address().to_string(), to.address().to_string(), from.port(), to.port());
    [[maybe_unused]] const auto sent =
        ::send(socket.native_handle(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  const Target& target_;
  ProbeOptions options_;
  RunClock clock_;
  crypto::KeyLog key_log_;
  crypto::CertificateCache certificates_{16};
  dissect::Dissector dissector_;
  std::optional<capture::CaptureWriter> capture_;
  record::RunFacts facts_;
  std::shared_ptr<const Secret> redirection_password_;
  Deadline last_connection_{};
  std::optional<int> signal_;
  std::function<void(std::string_view)> tell_secret_;  ///< while a connection is spoken on
};

}  // namespace

std::expected<ProbedConnection, Error> probe(const Target& target, const ProbeOptions& options) {
  // An offer that OpenSSL cannot make is said before anybody is bothered.
  if (options.plan.client_hello.empty()) {
    const auto session = crypto::TlsSession::client(options.plan.tls, {});
    if (!session) return std::unexpected(session.error());
  }
  std::optional<std::expected<ProbedConnection, Error>> result;
  std::exception_ptr bug;
  try {
    asio::io_context context(1);
    Run run(target, options);
    asio::signal_set signals(context);
    if (options.ends_on_signals) {
      signals.add(SIGINT);
      signals.add(SIGTERM);
      signals.async_wait([&](const asio::error_code& cancelled, int signal) {
        if (!cancelled) run.interrupt(context, signal);
      });
    }
    asio::co_spawn(context, run.go(), [&](std::exception_ptr thrown, auto outcome) {
      bug = std::move(thrown);
      result.emplace(std::move(outcome));
      signals.cancel();
    });
    context.run();
  } catch (const std::system_error& error) {
    return std::unexpected(Error{error.code().message()}.in("cannot open a socket"));
  }
  if (bug) std::rethrow_exception(bug);
  return *std::move(result);
}

}  // namespace rdpwhy::net
