#include "net/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <asio/experimental/as_tuple.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "net/waiting.h"

namespace rdpwhy::net {
namespace {

using Family = ProbeOptions::Family;

int family_of(Family family) {
  switch (family) {
    case Family::kV4:
      return AF_INET;
    case Family::kV6:
      return AF_INET6;
    case Family::kAny:
      break;
  }
  return AF_UNSPEC;
}

std::optional<asio::ip::address> address_in(const addrinfo& entry) {
  if (entry.ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, entry.ai_addr, sizeof v4);
    return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (entry.ai_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, entry.ai_addr, sizeof v6);
    asio::ip::address_v6::bytes_type octets;
    std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
    return asio::ip::address_v6(octets, v6.sin6_scope_id);
  }
  return {};
}

Resolution look_up(const std::string& host, Family family, int flags) {
  // A name with thousands of addresses is an attack or a mistake.
  constexpr std::size_t kMostAddresses = 64;
  addrinfo hints{};
  hints.ai_family = family_of(family);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  Resolution result;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) {
    const int system_error = errno;
    result.error = status == EAI_SYSTEM ? std::generic_category().message(system_error)
                                        : std::string(gai_strerror(status));
    return result;
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
    const auto address = address_in(*entry);
    if (!address || result.addresses.size() == kMostAddresses) continue;
    if (std::ranges::find(result.addresses, *address) == result.addresses.end()) {
      result.addresses.push_back(*address);
    }
  }
  return result;
}

/// Shared by the thread that asks and the coroutine that waits; whoever goes last frees it.
struct Lookup {
  std::mutex mutex;
  asio::steady_timer* waiting = nullptr;  ///< null once nobody waits any more
  std::optional<Resolution> result;
};

/// Takes the timer back however the coroutine ends.
class Waiter {
 public:
  Waiter(Lookup& lookup, asio::steady_timer& timer) : lookup_(lookup) { set(&timer); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { set(nullptr); }

 private:
  void set(asio::steady_timer* timer) {
    const std::lock_guard lock(lookup_.mutex);
    lookup_.waiting = timer;
  }

  Lookup& lookup_;
};

void announce(const std::shared_ptr<Lookup>& lookup, Resolution result) {
  const std::lock_guard lock(lookup->mutex);
  lookup->result = std::move(result);
  if (lookup->waiting == nullptr) return;
  // The timer belongs to the other thread: it is touched there only.
  asio::post(lookup->waiting->get_executor(), [lookup] {
    const std::lock_guard inner(lookup->mutex);
    if (lookup->waiting != nullptr) lookup->waiting->cancel();
  });
}

}  // namespace

std::optional<asio::ip::address> literal_address(const std::string& host) {
  const auto result = look_up(host, Family::kAny, AI_NUMERICHOST);
  if (result.addresses.empty()) return {};
  return result.addresses.front();
}

asio::awaitable<Resolution> resolve(std::string host, Family family, Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  auto lookup = std::make_shared<Lookup>();
  const Waiter waiter(*lookup, timer);
  auto& interruption = asio::use_service<Interruption>(executor.context());
  const Interruption::Waiting waiting(interruption, timer);
  try {
    std::thread([lookup, host = std::move(host), family] {
      announce(lookup, look_up(host, family, 0));
    }).detach();
  } catch (const std::system_error& error) {
    co_return Resolution{{}, error.code().message(), false};
  }
  auto token = asio::experimental::as_tuple(asio::use_awaitable);
  [[maybe_unused]] const auto outcome = co_await timer.async_wait(token);
  {
    const std::lock_guard lock(lookup->mutex);
    if (lookup->result) co_return *std::move(lookup->result);
  }
  co_return Resolution{{}, "the resolver gave no answer in time", true};
}

}  // namespace rdpwhy::net
