// What mstsc shows. Documented for single codes, inferred from confirmed reports for pairs: 0x904
// is "the peer's socket ended", and its 0x7 is mstsc's own when that happens before the connection
// sequence is over.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "diagnose/reading.h"
#include "diagnose/refusals.h"
#include "rdpwhy/codes/codes.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;

/// Where a code can arise at all.
enum class Place {
  kResolve,
  kConnect,
  kGuard,
  kNegotiation,
  kCertificate,
  kLater,
  kSilence,
  kSocketEnd,
  kServersWord,
  kLicensing,
  kAnywhere
};

struct Row {
  std::uint32_t code;
  Place place;
  std::string_view needs;  ///< what would show as this code
};

constexpr Row kRows[] = {
    {0x104, Place::kResolve, "a name without an address"},
    {0x208, Place::kResolve, "a name without an address"},
    {0x308, Place::kResolve, "an address that cannot be used"},
    {0x508, Place::kResolve, "a name without an address"},
    {0x604, Place::kResolve, "a name without an address"},
    {0x804, Place::kResolve, "an address that cannot be used"},
    {0x204, Place::kConnect,
     "a TCP connection that does not come about: refused, filtered, host off"},
    {0x708, Place::kGuard,
     "a connection to the client's own machine, which mstsc refuses before any packet"},
    {0xB09, Place::kNegotiation, "a server that requires NLA and a client that does not offer it"},
    {0x107, Place::kCertificate, "a user who declines the certificate warning"},
    {0x1B07, Place::kCertificate, "a client that refuses an expired certificate"},
    {0x2104, Place::kCertificate,
     "a client (seen on macOS) that cannot use the server's certificate"},
    {0x108, Place::kSilence, "a server or path that stays silent until mstsc gives up"},
    {0x704, Place::kSilence, "a server or path that stays silent until mstsc gives up"},
    {0x904, Place::kSocketEnd,
     "the other end's TCP connection ending, by FIN or RST, while mstsc still expects something"},
    {0x404, Place::kSocketEnd, "a receive error on the socket, such as a reset"},
    {0x304, Place::kSocketEnd, "a send error on the socket"},
    {0x3, Place::kServersWord,
     "a server that ends the session in so many words (Set Error Info, disconnect ultimatum)"},
    {0x808, Place::kLicensing, "licensing that fails"},
    {0x908, Place::kLicensing, "licensing that is not answered"},
    {0x4, Place::kAnywhere, "nothing in particular: clients use it for any ended session"},
};

constexpr std::array<std::uint32_t, 18> kAfterTls = {
    0x207,  0x807,  0xA07,  0xB07,  0xC07,  0xD07,  0xE07,  0xF07,  0x1207,
    0x1307, 0x1607, 0x1707, 0x1807, 0x1C07, 0x1F07, 0x2107, 0x2207, 0x2407};

const Row* row_of_code(std::uint32_t code) {
  const auto* found = std::ranges::find(kRows, code, &Row::code);
  return found == std::end(kRows) ? nullptr : found;
}

bool complete(const Diagnosis& diagnosis) {
  return std::ranges::any_of(diagnosis.causes,
                             [](const Finding& f) { return f.id == "handshake-complete"; });
}

bool asks_for_nla(const Diagnosis& diagnosis) {
  return !diagnosis.causes.empty() && diagnosis.causes.front().id == "nla-required";
}

bool certificate_is_refused(const Reading& reading, const Diagnosis& diagnosis) {
  return reading.certificate != nullptr && !diagnosis.causes.empty() &&
         diagnosis.causes.front().id == "certificate-refused-by-client";
}

std::string extended_in_words(const Reading& reading, std::uint32_t extended) {
  if (reading.session.summary.error_info == extended) {
    return fmt::format(" The extended 0x{:x} is the server's own number, Set Error Info {}.",
                       extended, error_info_in_words(extended));
  }
  if (extended == 7) {
    return " The extended 0x7 adds nothing: mstsc sets it itself when the socket ends before the "
           "connection sequence is over.";
  }
  const auto name = codes::name(codes::Family::kMstscExtended, extended);
  return name ? fmt::format(" The extended 0x{:x} is {}.", extended, *name)
              : fmt::format(" The extended 0x{:x} is not known.", extended);
}

std::string code_in_words(const Saw& saw) {
  const auto name = codes::name(codes::Family::kMstsc, saw.code);
  return name ? fmt::format("0x{:x} ({})", saw.code, *name) : fmt::format("0x{:x}", saw.code);
}

/// The server itself said why it refuses the user, so that mstsc has more to show than an ended
/// socket.
bool was_told_why(const Reading& reading) {
  const auto& logon = reading.logon;
  const auto& session = reading.session;
  if (session.summary.error_info || session.licensing_failure() != nullptr) return true;
  if (logon.refusal != nullptr || logon.kerberos_error != nullptr) return true;
  if (const auto* result = logon.authorization_fact()) return result->authorization_result != 0;
  const auto* answer = logon.rdstls_answer_fact();
  return answer != nullptr && answer->result_code != 0;
}

/// The code of a refusal: the server's word, or our KDC's, which mstsc would have heard as well.
std::optional<MstscCode> code_of_refusal(const Reading& reading, const Diagnosis& diagnosis) {
  const auto& logon = reading.logon;
  const auto from = [](const Refusal* row, Confidence confidence) -> std::optional<MstscCode> {
    if (row == nullptr || row->mstsc == 0) return {};
    return MstscCode{row->mstsc, {}, confidence};
  };
  if (const auto* request = logon.refusal_fact())
    return from(find_refusal(*request->error_code), Confidence::kLikely);
  if (const auto* result = logon.authorization_fact();
      result != nullptr && result->authorization_result == 5)
    return MstscCode{0x2407, {}, Confidence::kLikely};
  if (const auto* answer = logon.rdstls_answer_fact(); answer != nullptr)
    return from(find_win32_refusal(answer->result_code), Confidence::kPossible);
  if (logon.kdc_refusal != nullptr && !logon.went_on_without_kdc && !diagnosis.causes.empty()) {
    const auto& id = diagnosis.causes.front().id;
    if (id == "logon-failure") return MstscCode{0x807, {}, Confidence::kPossible};
    if (id == "password-expired") return MstscCode{0xF07, {}, Confidence::kPossible};
  }
  return {};
}

bool fits(Place place, const Reading& reading, const Diagnosis& diagnosis) {
  const auto* failure = reading.failure();
  switch (place) {
    case Place::kResolve:
      return reading.failed_in(Phase::kResolve);
    case Place::kConnect:
      return reading.failed_in(Phase::kTcp);
    case Place::kGuard:
      return std::ranges::any_of(diagnosis.warnings,
                                 [](const Warning& w) { return w.id == "loopback-guard"; });
    case Place::kNegotiation:
      return asks_for_nla(diagnosis);
    case Place::kCertificate:
      return certificate_is_refused(reading, diagnosis);
    case Place::kSilence:
      // The KDC's silence is none of the server's: mstsc goes on with NTLM then.
      return failure != nullptr && failure->phase != Phase::kKerberos &&
             (failure->how == EndedHow::kTimeout ||
              (failure->how == EndedHow::kUnreachable && failure->phase > Phase::kTcp) ||
              (failure->by == Side::kClient && reading.missed_deadline)) &&
             failure->phase >= Phase::kTcp;
    case Place::kSocketEnd:
      return failure != nullptr && failure->phase >= Phase::kX224 && reading.server_left() &&
             !was_told_why(reading);
    case Place::kServersWord:
      return reading.session.summary.error_info ||
             reading.session.summary.server_ultimatum != nullptr;
    case Place::kLicensing:
      return diagnosis.mstsc && diagnosis.mstsc->code == 0x808;
    case Place::kLater:
    case Place::kAnywhere:
      break;
  }
  return false;
}

std::string ending_in_words(const record::Failure& failure) {
  const auto by = fmt::format("the {}", record::name_of(failure.by));
  switch (failure.how) {
    case EndedHow::kRefused:
      return "the connection was refused";
    case EndedHow::kUnreachable:
      return failure.phase == Phase::kResolve ? "the name has no address" : "no way to the host";
    case EndedHow::kTimeout:
      return "no answer came";
    case EndedHow::kClose:
      return by + " closed the connection";
    case EndedHow::kReset:
      return by + " reset the connection";
    case EndedHow::kAlert:
      return by + " sent a TLS alert";
    case EndedHow::kFailurePdu:
      return by + " said no in a message of the protocol";
    case EndedHow::kMalformed:
      return by + " sent what does not belong there";
    case EndedHow::kCaptureEnd:
      return "the capture ends before it shows how it went on";
  }
  return by + " ended it";
}

std::string where_it_went(const Reading& reading) {
  if (const auto* failure = reading.failure()) {
    return fmt::format("what was found: {} ({})", ending_in_words(*failure),
                       record::row_of(failure->phase).title);
  }
  return "no failure was found";
}

/// A code that arises when credentials are checked.
SawVerdict judge_code_of_logon(const Saw& saw, const Reading& reading, const Diagnosis& diagnosis) {
  SawVerdict verdict;
  const auto code = code_in_words(saw);
  const auto* failure = reading.failure();
  if (diagnosis.mstsc && diagnosis.mstsc->code == saw.code) {
    verdict.fits = SawVerdict::Fits::kYes;
    verdict.says = fmt::format("Yes: {} is what mstsc shows for this.", code);
  } else if (was_told_why(reading) && diagnosis.mstsc) {
    verdict.fits = SawVerdict::Fits::kNo;
    verdict.says = fmt::format(
        "No: the server gave its reason here, and that shows as 0x{:x}, not as {}. Whoever saw "
        "that "
        "had other credentials, or another day.",
        diagnosis.mstsc->code, code);
  } else if (was_told_why(reading)) {
    verdict.says = fmt::format(
        "{} arises when credentials are checked. The server gave a reason here, but what mstsc "
        "shows "
        "for it is not known.",
        code);
  } else if (failure != nullptr && failure->phase <= Phase::kTls) {
    verdict.fits = SawVerdict::Fits::kNo;
    verdict.says = fmt::format(
        "{} arises only after TLS, when credentials are checked; {}. Whoever saw it got further "
        "than "
        "this did.",
        code, where_it_went(reading));
  } else if (reading.logon.step >= LogonStep::kAccepted) {
    verdict.says = fmt::format(
        "{} arises when credentials are checked, and those used here were accepted. With others it "
        "may show.",
        code);
  } else if (reading.logon.step == LogonStep::kAuthenticated) {
    verdict.says = fmt::format(
        "{} arises when credentials are checked. Those used here were refused without a reason, so "
        "whether it is the same refusal cannot be told.",
        code);
  } else {
    verdict.says = fmt::format(
        "{} arises after TLS, when credentials are checked. This did not go so far, so it neither "
        "shows nor excludes it.",
        code);
  }
  return verdict;
}

}  // namespace

std::optional<MstscCode> expected_code(const Reading& reading, const Diagnosis& diagnosis) {
  const auto* failure = reading.failure();
  if (fits(Place::kGuard, reading, diagnosis)) return MstscCode{0x708, {}, Confidence::kLikely};
  if (auto code = code_of_refusal(reading, diagnosis)) return code;
  if (auto code = code_of_session(reading, diagnosis)) return code;
  if (failure == nullptr || failure->how == EndedHow::kCaptureEnd || was_told_why(reading))
    return {};
  if (reading.before_proxy_grant()) return {};  // mstsc does not use our proxy
  if (failure->phase == Phase::kResolve) return MstscCode{0x104, {}, Confidence::kLikely};
  if (failure->phase == Phase::kTcp) return MstscCode{0x204, {}, Confidence::kLikely};
  if (asks_for_nla(diagnosis)) {
    // mstsc offers NLA by itself; only one whose settings forbid it meets this.
    const auto* request = reading.request_fact();
    const bool offered = request != nullptr && request->negotiation &&
                         request->negotiation->requested.has(rdp::Protocol::kHybrid);
    return MstscCode{0xB09, {}, offered ? Confidence::kPossible : Confidence::kLikely};
  }
  if (certificate_is_refused(reading, diagnosis)) {
    const auto& problems = reading.circumstances.certificate_problems;
    if (std::ranges::find(problems, "expired") != problems.end())
      return MstscCode{0x1B07, {}, Confidence::kPossible};
    return {};
  }
  if (fits(Place::kSilence, reading, diagnosis)) return MstscCode{0x108, {}, Confidence::kPossible};
  if (fits(Place::kSocketEnd, reading, diagnosis))
    return MstscCode{0x904, 0x7, Confidence::kLikely};
  if (failure->phase == Phase::kTls && failure->by == Side::kServer &&
      failure->how == EndedHow::kFailurePdu) {
    return MstscCode{0x904, 0x7,
                     Confidence::kPossible};  // xrdp's ultimatum: mstsc reads no TLS in it
  }
  if (!diagnosis.causes.empty() && diagnosis.causes.front().id == "not-an-rdp-service") {
    return MstscCode{0x904, 0x7, Confidence::kPossible};
  }
  return {};
}

SawVerdict judge_saw(const Saw& saw, const Reading& reading, const Diagnosis& diagnosis) {
  SawVerdict verdict;
  const auto code = code_in_words(saw);
  const auto extended = saw.extended && *saw.extended != 0
                            ? extended_in_words(reading, *saw.extended)
                            : std::string();
  const auto* row = row_of_code(saw.code);
  if (std::ranges::find(kAfterTls, saw.code) != kAfterTls.end())
    return judge_code_of_logon(saw, reading, diagnosis);
  if (row == nullptr || row->place == Place::kAnywhere) {
    const auto* known = codes::find(codes::Family::kMstsc, saw.code);
    verdict.says =
        row != nullptr
            ? fmt::format("{} stands for {}, so it neither fits nor contradicts.", code, row->needs)
        : known != nullptr
            ? fmt::format("{}: {} It is not known which failure of these phases shows as that.",
                          code, known->meaning)
            : fmt::format("No source defines {}, so nothing can be said about it.", code);
    verdict.says += extended;
    return verdict;
  }
  if (fits(row->place, reading, diagnosis)) {
    verdict.fits = SawVerdict::Fits::kYes;
    verdict.says =
        fmt::format("Yes: {} needs {}, and that is what was found.", code, row->needs) + extended;
    return verdict;
  }
  const auto* failure = reading.failure();
  if (failure == nullptr) {
    const bool earlier = row->place == Place::kResolve || row->place == Place::kConnect ||
                         row->place == Place::kNegotiation;
    verdict.fits =
        earlier && complete(diagnosis) ? SawVerdict::Fits::kNo : SawVerdict::Fits::kUnknown;
    verdict.says =
        verdict.fits == SawVerdict::Fits::kNo
            ? fmt::format(
                  "No: {} needs {}, but from here everything up to {} went well. Probe from the "
                  "machine where it was seen.",
                  code, row->needs,
                  reading.progress.reached ? record::row_of(*reading.progress.reached).title
                                           : "there")
            : fmt::format(
                  "{} needs {}. Nothing of that was seen as far as this went; it may happen later, "
                  "or from the machine where it was seen.",
                  code, row->needs);
    verdict.says += extended;
    return verdict;
  }
  const bool shows_as_another = was_told_why(reading) && diagnosis.mstsc;
  if (failure->how == EndedHow::kCaptureEnd ||
      (row->place == Place::kSocketEnd && failure->phase >= Phase::kX224 && !shows_as_another)) {
    // After an alert, a refusal or garbage the socket ends too; what mstsc then shows is not
    // documented.
    verdict.says = fmt::format("{} needs {}; {}. Whether mstsc shows that so is not known.", code,
                               row->needs, where_it_went(reading)) +
                   extended;
    return verdict;
  }
  verdict.fits = SawVerdict::Fits::kNo;
  verdict.says =
      fmt::format("No: {} needs {}; {}.", code, row->needs, where_it_went(reading)) + extended;
  if (diagnosis.mstsc) {
    verdict.says += fmt::format(
        " This one would show as 0x{:x}{}.", diagnosis.mstsc->code,
        diagnosis.mstsc->extended ? fmt::format(" with extended 0x{:x}", *diagnosis.mstsc->extended)
                                  : "");
  }
  return verdict;
}

}  // namespace rdpwhy::diagnose
