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
///
/// Who takes them when:
/// * NTLM, when it has a challenge and computes its AUTHENTICATE_MESSAGE, not before.
/// * Kerberos (`net`, for an AskKerberos), when a KDC knows the user and asks for proof of the
///   password (KDC_ERR_PREAUTH_REQUIRED). As long as no KDC was found, none answered or it does not
///   know the user, they stay, and NTLM may have them.
/// * A KDC that refuses the account itself (locked, expired, by policy) spends them too: the answer
///   is known, and another try could only do harm.
/// So whoever wants to go on after a failed Kerberos looks at `is_spent`, and at nothing else.
/// Not for several threads at a time: `net` sees to it that its worker and the sequence, which
/// waits meanwhile, are never in here together.
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
