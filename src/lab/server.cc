#include <atomic>
#include <chrono>
#include <list>
#include <thread>

#include "lab/nla.h"
#include "lab/serve.h"
#include "rdpwhy/crypto/channel_bindings.h"
#include "rdpwhy/crypto/make_certificate.h"
#include "rdpwhy/lab/lab.h"
#include "rdpwhy/net/listener.h"

namespace rdpwhy::lab {
namespace {

constexpr Nanoseconds kDay = 86'400'000'000'000;

crypto::CertificateRecipe recipe_of(const Faults& faults) {
  crypto::CertificateRecipe recipe;
  if (faults.certificate) {
    recipe = *faults.certificate;
  } else {
    recipe.dns_names = {"localhost"};
    recipe.ip_addresses = {"127.0.0.1"};
  }
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  // Windows makes them for half a year.
  if (recipe.not_before.ns == 0) recipe.not_before = {now - kDay};
  if (recipe.not_after.ns == 0) recipe.not_after = {now + 182 * kDay};
  return recipe;
}

struct Identity {
  crypto::TlsServerSettings tls;
  Bytes public_key;
};

std::expected<Identity, Error> identity_of(const Faults& faults) {
  const auto recipe = recipe_of(faults);
  const auto made = faults.issued ? crypto::make_issued(recipe, !faults.omit_issuer)
                                  : crypto::make_self_signed(recipe);
  if (!made) return std::unexpected(made.error());
  crypto::TlsServerSettings settings{
      .min_version = faults.tls_min,
      .max_version = faults.tls_max,
      .certificate_chain_pem = made->certificate_pem,
      .private_key_pem = made->private_key_pem,
      .cipher_list = faults.cipher_list,
      .request_client_certificate = faults.request_client_certificate,
      .require_client_certificate = faults.require_client_certificate,
      .send_tickets = !faults.no_tickets};
  if (const auto session = crypto::TlsSession::server(settings); !session) {
    return std::unexpected(session.error());
  }
  auto key = crypto::subject_public_key(made->certificate_der);
  if (!key) return std::unexpected(key.error());
  return Identity{.tls = std::move(settings), .public_key = *std::move(key)};
}

}  // namespace

class Server::Impl {
 public:
  Impl(Faults faults, Identity identity, net::Listener listener, Account account)
      : faults_(std::move(faults)),
        tls_(std::move(identity.tls)),
        house_{.account = std::move(account), .public_key = std::move(identity.public_key)},
        listener_(std::move(listener)) {
    acceptor_ = std::thread([this] { accept_all(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    listener_.stop();
    acceptor_.join();
  }

  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  [[nodiscard]] std::uint64_t connections() const { return connections_; }
  [[nodiscard]] Logons logons() const {
    const auto& seen = house_.counters;
    return {.tried = seen.tried,
            .proved = seen.proved,
            .delegated = seen.delegated,
            .matched = seen.matched};
  }

 private:
  static constexpr std::size_t kMostAtOnce = 64;

  struct Worker {
    std::atomic<bool> done = false;
    std::thread thread;
  };

  void accept_all() {
    std::list<Worker> workers;
    while (auto peer = listener_.accept()) {
      const auto number = ++connections_;
      std::erase_if(workers, [](Worker& worker) {
        if (worker.done) worker.thread.join();
        return worker.done.load();
      });
      if (workers.size() >=
          kMostAtOnce) {  // wait for the oldest, as a full backlog makes clients wait
        workers.front().thread.join();
        workers.pop_front();
      }
      auto& worker = workers.emplace_back();
      worker.thread = std::thread([this, &worker, number, served = *std::move(peer)]() mutable {
        serve(served, faults_, tls_, house_, number);
        worker.done = true;
      });
    }
    for (auto& worker : workers) worker.thread.join();
  }

  Faults faults_;
  crypto::TlsServerSettings tls_;
  NlaHouse house_;
  net::Listener listener_;
  std::atomic<std::uint64_t> connections_ = 0;
  std::thread acceptor_;
};

std::expected<Server, Error> Server::start(Faults faults, std::uint16_t port, Account account) {
  if (const auto available = crypto::ntlm_available(); faults.nla && !available)
    return std::unexpected(available.error());
  auto identity = identity_of(faults);
  if (!identity) return std::unexpected(identity.error().in("the lab's certificate"));
  auto listener = net::Listener::open(port);
  if (!listener) return std::unexpected(listener.error());
  return Server(std::make_unique<Impl>(std::move(faults), *std::move(identity),
                                       *std::move(listener), std::move(account)));
}

std::uint16_t Server::port() const { return impl_->port(); }
std::uint64_t Server::connections() const { return impl_->connections(); }
Logons Server::logons() const { return impl_->logons(); }
Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;
Server::~Server() = default;

}  // namespace rdpwhy::lab
