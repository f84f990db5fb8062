#include "rdpwhy/investigate/jarm.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <span>

#include "rdpwhy/base/check.h"
#include "rdpwhy/crypto/fingerprints.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::investigate {
namespace {

/// Listeners that throttle let one in again after a while.
constexpr auto kBeforeSecondTry = std::chrono::milliseconds(1500);

/// getrandom(2) does not fail for so few octets once the kernel is up.
void fill(std::span<std::uint8_t> octets) {
  const auto count = ::getrandom(octets.data(), octets.size(), 0);
  RDPWHY_CHECK(count >= 0 && static_cast<std::size_t>(count) == octets.size());
}

tls::JarmDraw fresh_draw() {
  tls::JarmDraw draw;
  fill(draw.random);
  fill(draw.session_id);
  fill(draw.key);
  fill(draw.grease);
  return draw;
}

/// How it ended that brought nothing behind the hello.
JarmTrial trial_without_answer(const HandshakeRecord& record) {
  const auto failure = record::progress(record).failure;
  if (!failure) return {.answer = {}, .unknown_because = "the connection shows no end"};
  using enum record::EndedHow;
  const bool is_refusal = failure->phase == Phase::kTls && failure->by == Side::kServer &&
                          (failure->how == kClose || failure->how == kReset);
  if (is_refusal) return {};
  return {.answer = {},
          .unknown_because =
              fmt::format("{} in {} by {}", record::name_of(failure->how),
                          record::name_of(failure->phase), record::name_of(failure->by))};
}

class Run {
 public:
  Run(const net::Target& target, net::ProbeOptions connection, std::chrono::milliseconds pace)
      : target_(target), connection_(std::move(connection)), pace_(pace) {
    connection_.watch_silent_connection = false;
    connection_.capture_sink = {};
    connection_.on_secret = {};
    auto& plan = connection_.plan;
    plan.until = Phase::kTls;
    plan.until_without_nla.reset();
    plan.credssp.credentials.reset();
    plan.credssp.authentication = dialogue::Authentication::kNone;
    if (!plan.request.negotiation) plan.request.negotiation.emplace();
    plan.request.negotiation->requested.bits = static_cast<std::uint32_t>(rdp::Protocol::kSsl) |
                                               static_cast<std::uint32_t>(rdp::Protocol::kHybrid);
    // The specification always sends the name that was asked for.
    name_ = connection_.server_name.value_or("");
    if (name_.empty()) name_ = target_.host;
  }

  std::expected<Jarm, Error> run() {
    for (std::size_t number = 0; number < tls::kJarmHellos; ++number) {
      auto trial = send(number, number == 0 ? std::chrono::milliseconds(0) : pace_);
      if (trial && !trial->unknown_because.empty() && !result_.signal)
        trial = send(number, kBeforeSecondTry);
      if (!trial) return std::unexpected(trial.error());
      if (result_.signal) {
        result_.why_none = "interrupted";
        return result_;
      }
      if (!trial->unknown_because.empty()) {
        result_.why_none = fmt::format("hello {} of {} is neither answered nor refused: {}",
                                       number + 1, tls::kJarmHellos, trial->unknown_because);
        return result_;
      }
      result_.answers[number] = std::move(trial->answer);
    }
    result_.fingerprint = crypto::jarm(result_.answers);
    return result_;
  }

 private:
  std::expected<JarmTrial, Error> send(std::size_t number, std::chrono::milliseconds delay) {
    connection_.delay = delay;
    connection_.plan.client_hello = tls::jarm_hello(number, name_, fresh_draw());
    auto probed = net::probe(target_, connection_);
    if (!probed) return std::unexpected(std::move(probed.error()));
    result_.signal = probed->signal;
    // A name is asked for once: all of this is about one machine.
    if (!connection_.proxy && connection_.resolve_to.empty() && !probed->address.empty() &&
        probed->address != target_.host && !target_.host.contains(':')) {
      connection_.resolve_to = probed->address;
    }
    return jarm_trial(probed->record);
  }

  const net::Target& target_;
  net::ProbeOptions connection_;
  std::chrono::milliseconds pace_;
  std::string name_;
  Jarm result_;
};

}  // namespace

JarmTrial jarm_trial(const HandshakeRecord& record) {
  const auto hello = std::ranges::find_if(record.evidence, [](const Evidence& e) {
    return e.where.side == Side::kClient && record::holds<tls::ClientHello>(e.fact);
  });
  const auto first = std::find_if(hello, record.evidence.end(), [](const Evidence& e) {
    return e.where.side == Side::kServer && e.where.layer == record::Layer::kWire;
  });
  if (first == record.evidence.end()) return trial_without_answer(record);
  const auto* answer = record::get_if<tls::ServerHello>(&first->fact);
  if (answer == nullptr) return {};
  return {.answer = tls::jarm_answer(*answer), .unknown_because = {}};
}

std::expected<Jarm, Error> jarm(const net::Target& target, net::ProbeOptions connection,
                                std::chrono::milliseconds pace) {
  return Run(target, std::move(connection), pace).run();
}

}  // namespace rdpwhy::investigate
