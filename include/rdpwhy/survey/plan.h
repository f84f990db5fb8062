#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/survey/answer.h"
#include "rdpwhy/survey/hello_offer.h"
#include "rdpwhy/survey/result.h"

namespace rdpwhy::survey {

struct Settings {
  /// RDP_NEG_REQ's requestedProtocols; a server that wants NLA is asked with HYBRID beside it.
  std::uint32_t requested_protocols = 0x01;
  std::string server_name;  ///< empty: no hello carries one
  std::size_t most_connections = 600;
};

/// One connection to be made.
struct Question {
  std::uint32_t id = 0;
  std::string about;  ///< "TLS 1.2: suites"
  std::uint32_t requested_protocols = 0;
  HelloOffer offer;
  /// A handshake to its end, by a library that computes keys, instead of the hello alone: what
  /// TLS 1.3 says under keys. What the library cannot offer is left out.
  bool whole = false;
  /// To be left before it, by everybody: the server may have had too much of us.
  std::chrono::milliseconds pause{0};
};

/// The enumeration of what a server accepts in TLS, by elimination. Pure: it says what to ask next,
/// given the answers so far. Calibrates first how the server refuses. A refusal by an alert counts;
/// one by closing, reset or silence only when that is how the server refuses, when it answers
/// others meanwhile, and when it does the same again. What ends otherwise is asked again after a
/// pause, and stays unknown when it ends like that for good.
class Plan {
 public:
  explicit Plan(Settings settings);
  ~Plan();
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;

  /// Questions that can be asked now, side by side, at most `most` of them open at a time. Empty:
  /// answers are due first, or all is known.
  [[nodiscard]] std::vector<Question> next(std::size_t most = 1);
  /// What came of an open question.
  void take(std::uint32_t id, const Answer& answer);
  [[nodiscard]] bool is_done() const;
  /// Ends the survey early: what is not known yet stays so, for this reason.
  void stop(std::string reason);

  /// Grows with each answer; final once `is_done`.
  [[nodiscard]] const Result& result() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::survey
