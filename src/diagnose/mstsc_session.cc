// What mstsc shows for endings from MCS on. Documented: 0x3 is a disconnection by the server, and
// its extended code is the number of Set Error Info where that table has it; 0x808 is a failed
// licensing.
#include "diagnose/reading.h"
#include "rdpwhy/codes/codes.h"

namespace rdpwhy::diagnose {
namespace {

constexpr std::uint32_t kByServer = 0x3;
constexpr std::uint32_t kSocketClosed = 0x904;
constexpr std::uint32_t kLicensingFailed = 0x808;

}  // namespace

std::optional<MstscCode> code_of_session(const Reading& reading, const Diagnosis& diagnosis) {
  const auto& session = reading.session;
  if (!session.began || diagnosis.causes.empty()) return {};
  const auto& first = diagnosis.causes.front().id;
  if (session.summary.error_info && first != "redirected") {
    const auto code = *session.summary.error_info;
    const bool in_table = codes::name(codes::Family::kMstscExtended, code).has_value();
    return MstscCode{kByServer, code, in_table ? Confidence::kLikely : Confidence::kPossible};
  }
  if (first == "licensing-failure") return MstscCode{kLicensingFailed, {}, Confidence::kPossible};
  if (first == "session-host-refused" && session.summary.server_ultimatum != nullptr)
    return MstscCode{kByServer, {}, Confidence::kPossible};
  // 0x904 without an extended code is how a socket that ends after the sequence has been seen.
  if (first == "session-ended-after-handshake" && session.summary.server_ultimatum == nullptr)
    return MstscCode{kSocketClosed, 0, Confidence::kPossible};
  return {};
}

}  // namespace rdpwhy::diagnose
