#include "rdpwhy/investigate/tls_survey.h"

#include <sys/random.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "rdpwhy/base/check.h"
#include "rdpwhy/net/signal_watch.h"
#include "rdpwhy/survey/answer.h"

namespace rdpwhy::investigate {
namespace {

using std::chrono::steady_clock;

/// getrandom(2) does not fail for so few octets once the kernel is up.
void fill(std::span<std::uint8_t> octets) {
  const auto count = ::getrandom(octets.data(), octets.size(), 0);
  RDPWHY_CHECK(count >= 0 && static_cast<std::size_t>(count) == octets.size());
}

survey::HelloRandomness fresh_randomness() {
  survey::HelloRandomness fresh;
  fill(fresh.random);
  fill(fresh.session_id);
  fill(fresh.x25519);
  return fresh;
}

crypto::TlsOffer session_offer(const survey::HelloOffer& offer) {
  crypto::TlsOffer session;
  session.max_version = offer.version;
  session.min_version = offer.version;
  session.cipher_suites = offer.suites;
  session.groups = offer.groups;
  session.signature_algorithms = offer.signature_algorithms;
  session.server_name = offer.server_name.value_or("");
  session.skip_unsupported = true;
  return session;
}

/// A few threads that each carry one question out at a time.
class Survey {
 public:
  Survey(const net::Target& target, const TlsSurveyOptions& options)
      : target_(target), options_(options), plan_(options.plan) {
    auto& connection = options_.connection;
    connection.delay = {};
    connection.watch_silent_connection = false;
    if (connection.ends_on_signals) signals_.emplace();
    connection.capture_sink = {};
    connection.on_secret = {};
    connection.on_phase = {};
    connection.plan.until = Phase::kTls;
    connection.plan.until_without_nla.reset();
    connection.plan.credssp.credentials.reset();
    connection.plan.credssp.authentication = dialogue::Authentication::kNone;
    // What stands in the hello is the plan's to say.
    connection.server_name = "";
  }

  std::expected<TlsSurvey, Error> run() {
    const auto began = steady_clock::now();
    result_.started = {std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count()};
    result_.port = target_.port;
    {
      std::vector<std::jthread> threads;
      const auto count = std::clamp<std::size_t>(options_.side_by_side, 1, kMostSideBySide);
      for (std::size_t i = 0; i < count; ++i) threads.emplace_back([this, count] { work(count); });
    }
    if (bug_) std::rethrow_exception(bug_);
    if (error_ && result_.address.empty()) return std::unexpected(*error_);
    result_.took =
        std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now() - began).count();
    result_.result = plan_.result();
    return std::move(result_);
  }

 private:
  void work(std::size_t side_by_side) {
    try {
      std::unique_lock lock(mutex_);
      while (auto question = await_question(lock, side_by_side)) carry_out(*question, lock);
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      bug_ = std::current_exception();
      plan_.stop("a bug of rdpwhy itself");
      changed_.notify_all();
    }
  }

  /// Nothing: the survey is over.
  std::optional<survey::Question> await_question(std::unique_lock<std::mutex>& lock,
                                                 std::size_t side_by_side) {
    for (;;) {
      if (signals_) {
        if (const auto signal = signals_->caught()) interrupt(*signal);
      }
      if (plan_.is_done()) {
        changed_.notify_all();
        return std::nullopt;
      }
      // One more than is open: each thread takes one for itself.
      auto questions = plan_.next(std::min(open_ + 1, side_by_side));
      if (!questions.empty()) {
        ++open_;
        return std::move(questions.front());
      }
      if (plan_.is_done()) continue;
      changed_.wait(lock);
    }
  }

  void carry_out(const survey::Question& question, std::unique_lock<std::mutex>& lock) {
    // When this one may begin, all others after it.
    const auto start = std::max(steady_clock::now(), next_start_) + question.pause;
    next_start_ = start + options_.pace;
    ++asked_;
    if (options_.on_question) options_.on_question(question, asked_);
    auto connection = options_for(question);
    if (!can_be_offered(question, connection)) {
      --open_;
      --asked_;
      plan_.take(question.id, {});
      changed_.notify_all();
      return;
    }
    connection.delay = std::max<std::chrono::nanoseconds>(start - steady_clock::now(),
                                                          std::chrono::nanoseconds{0});
    lock.unlock();
    const auto probed = net::probe(target_, connection);
    lock.lock();
    --open_;
    settle(question, probed);
    changed_.notify_all();
  }

  void interrupt(int signal) {
    result_.signal = signal;
    plan_.stop("interrupted");
  }

  /// A whole handshake is as good as the library that makes it.
  static bool can_be_offered(const survey::Question& question,
                             const net::ProbeOptions& connection) {
    return !question.whole || crypto::TlsSession::client(connection.plan.tls, {}).has_value();
  }

  void settle(const survey::Question& question,
              const std::expected<net::ProbedConnection, Error>& probed) {
    if (!probed) {
      error_ = probed.error();
      plan_.stop("this machine cannot open connections: " + probed.error().text);
      return;
    }
    if (probed->signal) return interrupt(*probed->signal);
    if (!probed->address.empty()) {
      result_.address = probed->address;
      resolve_once(probed->address);
    }
    plan_.take(question.id, survey::answer_of(probed->record));
  }

  /// A name is asked for once: all of this is about one machine.
  void resolve_once(const std::string& address) {
    auto& connection = options_.connection;
    if (connection.proxy || !connection.resolve_to.empty() || address == target_.host) return;
    if (!target_.host.contains(':')) connection.resolve_to = address;
  }

  [[nodiscard]] net::ProbeOptions options_for(const survey::Question& question) const {
    auto connection = options_.connection;
    auto& request = connection.plan.request;
    if (request.negotiation) request.negotiation->requested.bits = question.requested_protocols;
    if (question.whole) {
      connection.plan.tls = session_offer(question.offer);
      connection.server_name = question.offer.server_name.value_or("");
    } else {
      connection.plan.client_hello = survey::encode(question.offer, fresh_randomness());
    }
    return connection;
  }

  const net::Target& target_;
  TlsSurveyOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  survey::Plan plan_;  ///< this and all below under the mutex
  TlsSurvey result_;
  std::size_t open_ = 0;
  std::size_t asked_ = 0;
  steady_clock::time_point next_start_{};
  std::optional<Error> error_;
  std::exception_ptr bug_;
  std::optional<net::SignalWatch> signals_;
};

}  // namespace

std::expected<TlsSurvey, Error> survey_tls(const net::Target& target,
                                           const TlsSurveyOptions& options) {
  return Survey(target, options).run();
}

}  // namespace rdpwhy::investigate
