#pragma once

#include <asio/awaitable.hpp>
#include <expected>
#include <functional>
#include <memory>
#include <string_view>

#include "net/kerberos_worker.h"
#include "net/stream.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::net {

struct DriveOptions {
  std::chrono::nanoseconds phase_timeout{};
  std::chrono::nanoseconds linger{};  ///< how long a Linger waits
  std::function<void(std::string_view)> on_secret;
  std::function<void(Phase)> on_phase;
  bool split_client_hello = false;     ///< TLS's first flight in small pieces
  KerberosWorker* kerberos = nullptr;  ///< null: no Kerberos can be had
};

/// Carries out what the sequences want, one deadline per phase, then ends the connection in order.
/// An Error is about us (an offer that OpenSSL cannot make).
[[nodiscard]] asio::awaitable<std::expected<void, Error>> drive(
    Stream& stream, std::unique_ptr<dialogue::Sequence> sequence, const DriveOptions& options,
    record::RunFacts& facts);

}  // namespace rdpwhy::net
