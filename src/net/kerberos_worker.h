#pragma once

#include <asio/awaitable.hpp>
#include <memory>
#include <vector>

#include "net/run_clock.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"
#include "rdpwhy/record/facts.h"

namespace rdpwhy::net {

/// Takes the steps of one connection's Kerberos context on threads of their own, since MIT's
/// libraries block and cannot be called off. A thread that is still in them at the deadline is left
/// behind: it owns all that it touches, sends no password any more, and its answer is dropped.
class KerberosWorker {
 public:
  KerberosWorker(const dialogue::CredsspPlan& plan, const RunClock& clock);

  struct Talk {
    record::KdcTalk talk;
    Moment at;  ///< its end
  };
  struct Step {
    dialogue::KerberosAnswer answer;
    std::vector<Talk> talks;  ///< in order; for the record
  };
  [[nodiscard]] asio::awaitable<Step> step(Bytes server_token, Deadline deadline);

 private:
  struct Shared;
  RunClock clock_;
  std::shared_ptr<Shared> shared_;
  std::string host_;
};

}  // namespace rdpwhy::net
