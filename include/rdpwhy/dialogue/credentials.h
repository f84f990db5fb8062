#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "rdpwhy/base/secret.h"

namespace rdpwhy::dialogue {

/// Who logs on. The password is UTF-8.
struct Credentials {
  std::string user;
  std::string domain;
  Secret password;
};

/// Credentials that are used once: the first who takes them has them, nobody has them after. Shared
/// by all connections of a run, so that no retry, no further address and no experiment can send a
/// password a second time and lock an account.
class OneAttempt {
 public:
  explicit OneAttempt(Credentials credentials)
      : user_(credentials.user),
        domain_(credentials.domain),
        credentials_(std::move(credentials)) {}

  /// The credentials, the first time; then nothing.
  [[nodiscard]] std::optional<Credentials> take() {
    return std::exchange(credentials_, std::nullopt);
  }
  [[nodiscard]] bool is_spent() const { return !credentials_.has_value(); }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] const std::string& domain() const { return domain_; }

 private:
  std::string user_;
  std::string domain_;
  std::optional<Credentials> credentials_;
};

}  // namespace rdpwhy::dialogue
