#include "net/kerberos_worker.h"

#include <asio/experimental/as_tuple.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "net/kerberos_client.h"
#include "net/resolver.h"

namespace rdpwhy::net {
namespace {

KerberosErrand errand_of(const dialogue::CredsspPlan& plan) {
  KerberosErrand errand;
  if (plan.credentials) {
    errand.user = plan.credentials->user();
    errand.domain = plan.credentials->domain();
  }
  errand.host = plan.service_host;
  errand.insists = plan.authentication == dialogue::Authentication::kKerberos;
  return errand;
}

record::KdcTalk unavailable(std::string principal, std::string service, std::string words) {
  return {.outcome = record::KdcTalk::Outcome::kUnavailable,
          .principal = std::move(principal),
          .service = std::move(service),
          .words = std::move(words)};
}

KerberosWorker::Step failed(record::KdcTalk talk, Moment at) {
  KerberosWorker::Step step;
  step.answer.failed = true;
  step.talks.push_back({.talk = std::move(talk), .at = at});
  return step;
}

}  // namespace

/// Of the thread that works and the coroutine that waits; whoever goes last frees it.
struct KerberosWorker::Shared final : KerberosPatron {
  Shared(const dialogue::CredsspPlan& plan, const RunClock& run_clock)
      : clock(run_clock), client(errand_of(plan)), credentials(plan.credentials) {}

  // On the thread that works.
  [[nodiscard]] std::optional<dialogue::Credentials> take_credentials() override {
    const std::lock_guard lock(mutex);
    if (waiting == nullptr || !credentials) return {};
    return credentials->take();
  }
  void talk_begins(const record::KdcTalk& so_far) override {
    const std::lock_guard lock(mutex);
    open_talk = so_far;
  }
  void talk_ended(record::KdcTalk talk) override {
    const std::lock_guard lock(mutex);
    open_talk.reset();
    talks.push_back({.talk = std::move(talk), .at = clock.now()});
  }
  void finish(const std::shared_ptr<Shared>& self, dialogue::KerberosAnswer given) {
    const std::lock_guard lock(mutex);
    answer = std::move(given);
    if (waiting == nullptr) return;
    // The timer belongs to the other thread: it is touched there only.
    asio::post(waiting->get_executor(), [self] {
      const std::lock_guard inner(self->mutex);
      if (self->waiting != nullptr) self->waiting->cancel();
    });
  }

  // On the thread that waits. From here on nobody does: what was said until now.
  Step leave() {
    const std::lock_guard lock(mutex);
    waiting = nullptr;
    Step step;
    step.talks = std::exchange(talks, {});
    if (answer) {
      step.answer = *std::move(answer);
      answer.reset();
      return step;
    }
    left_behind = true;
    step.answer.failed = true;
    auto talk = open_talk.value_or(record::KdcTalk{});
    talk.outcome = record::KdcTalk::Outcome::kTimeout;
    talk.words = "no answer came in time";
    step.talks.push_back({.talk = std::move(talk), .at = clock.now()});
    return step;
  }

  std::mutex mutex;
  RunClock clock;         ///< its own: the run may be over before the thread is
  KerberosClient client;  ///< the worker's alone while one runs
  std::shared_ptr<dialogue::OneAttempt> credentials;
  asio::steady_timer* waiting = nullptr;  ///< null once nobody waits any more
  std::vector<Talk> talks;
  std::optional<record::KdcTalk> open_talk;
  std::optional<dialogue::KerberosAnswer> answer;
  bool left_behind = false;  ///< a thread is in `client` still, and for good
};

KerberosWorker::KerberosWorker(const dialogue::CredsspPlan& plan, const RunClock& clock)
    : clock_(clock), shared_(std::make_shared<Shared>(plan, clock)), host_(plan.service_host) {}

asio::awaitable<KerberosWorker::Step> KerberosWorker::step(Bytes server_token, Deadline deadline) {
  const auto shared = shared_;
  const auto user = shared->credentials ? shared->credentials->user() : std::string();
  const auto service = "TERMSRV/" + host_;
  if (literal_address(host_)) {
    auto talk = unavailable(
        user, service,
        "the target is an address, and Kerberos knows services by the names of their hosts");
    co_return failed(std::move(talk), clock_.now());
  }
  if (shared->left_behind) {
    co_return failed(unavailable(user, service, "an earlier step has no end yet"), clock_.now());
  }
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  {
    const std::lock_guard lock(shared->mutex);
    shared->waiting = &timer;
  }
  /// However the coroutine ends, the thread hears of it.
  struct Leave {
    Shared& shared;
    ~Leave() {
      const std::lock_guard lock(shared.mutex);
      shared.waiting = nullptr;
    }
  };
  const Leave leave{*shared};
  try {
    std::thread([shared, token = std::move(server_token), deadline] {
      dialogue::KerberosAnswer answer{.failed = true};
      try {
        answer = shared->client.step(token, *shared, deadline);
      } catch (const std::exception& error) {  // out of memory: an answer too, so that none waits
        answer = {.failed = true, .words = error.what()};
      }
      shared->finish(shared, std::move(answer));
    }).detach();
  } catch (const std::system_error& error) {
    co_return failed(unavailable(user, service, error.code().message()), clock_.now());
  }
  auto token = asio::experimental::as_tuple(asio::use_awaitable);
  [[maybe_unused]] const auto outcome = co_await timer.async_wait(token);
  co_return shared->leave();
}

}  // namespace rdpwhy::net
