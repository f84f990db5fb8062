#include <atomic>
#include <chrono>
#include <list>
#include <thread>

#include "lab/serve.h"
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

std::expected<crypto::TlsServerSettings, Error> settings_of(const Faults& faults) {
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
      .require_client_certificate = faults.require_client_certificate};
  if (const auto session = crypto::TlsSession::server(settings); !session) {
    return std::unexpected(session.error());
  }
  return settings;
}

}  // namespace

class Server::Impl {
 public:
  Impl(Faults faults, crypto::TlsServerSettings tls, net::Listener listener)
      : faults_(std::move(faults)), tls_(std::move(tls)), listener_(std::move(listener)) {
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

 private:
  static constexpr std::size_t kMostAtOnce = 64;

  struct Worker {
    std::atomic<bool> done = false;
    std::thread thread;
  };

  void accept_all() {
    std::list<Worker> workers;
    while (auto peer = listener_.accept()) {
      ++connections_;
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
      worker.thread = std::thread([this, &worker, served = *std::move(peer)]() mutable {
        serve(served, faults_, tls_);
        worker.done = true;
      });
    }
    for (auto& worker : workers) worker.thread.join();
  }

  Faults faults_;
  crypto::TlsServerSettings tls_;
  net::Listener listener_;
  std::atomic<std::uint64_t> connections_ = 0;
  std::thread acceptor_;
};

std::expected<Server, Error> Server::start(Faults faults, std::uint16_t port) {
  auto tls = settings_of(faults);
  if (!tls) return std::unexpected(tls.error().in("the lab's certificate"));
  auto listener = net::Listener::open(port);
  if (!listener) return std::unexpected(listener.error());
  return Server(std::make_unique<Impl>(std::move(faults), *std::move(tls), *std::move(listener)));
}

std::uint16_t Server::port() const { return impl_->port(); }
std::uint64_t Server::connections() const { return impl_->connections(); }
Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;
Server::~Server() = default;

}  // namespace rdpwhy::lab
