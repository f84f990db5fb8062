// What the session's phases show beside the first cause: Standard RDP Security that protects
// little, and a licence that the server wants.
#include <fmt/format.h>

#include "diagnose/reading.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"

namespace rdpwhy::diagnose {
namespace {

constexpr std::uint32_t k40Bit = 0x01;
constexpr std::uint32_t k56Bit = 0x08;
constexpr std::uint32_t kGoodRsaBits = 2048;

void warn_about_encryption(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  const auto* server = session.summary.server;
  const auto* security =
      server == nullptr ? nullptr : server->blocks.find<rdp::ServerSecurityData>();
  if (security == nullptr || security->encryption_method == 0) return;
  const auto because = ids({session.connect_response});
  const auto method = security->encryption_method;
  if (method == k40Bit || method == k56Bit) {
    findings.warn(
        "weak-session-encryption",
        fmt::format("The session is encrypted with RC4 and keys of {} bits: that hides "
                    "nothing from whoever records it. Set the encryption level higher, or "
                    "better use TLS.",
                    method == k40Bit ? 40 : 56),
        because);
  }
  if (!server->server_key) return;
  const auto& key = *server->server_key;
  if (key.is_published) {
    findings.warn("server-key-published",
                  "The server's RSA key is one that was built into programs and is public, its "
                  "private half too: everybody can read this session. Give the server a key of "
                  "its own.",
                  because);
  } else if (key.key_bits != 0 && key.key_bits < kGoodRsaBits) {
    findings.warn(
        "weak-server-key",
        fmt::format("The server's key for Standard RDP Security has {} bits.", key.key_bits),
        because);
  }
  if (key.signature == record::ServerKeyJudgement::Signature::kInvalid) {
    findings.warn("server-certificate-damaged",
                  "The signature of the server's certificate does not fit: it was damaged or is "
                  "not what it says. Some clients refuse it (mstsc with 0x706).",
                  because);
  }
}

void warn_about_licence(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  const auto* request = session.summary.license_request;
  if (request == nullptr || findings.has("licensing-failure")) return;
  findings.warn(
      "licence-wanted",
      fmt::format("The server asks for a licence ({} {}, version {}.{}): it is a session host that "
                  "needs one for each user or device{}.",
                  base::printable(request->product.company_name),
                  base::printable(request->product.product_id), request->product.version >> 16,
                  request->product.version & 0xFFFF,
                  session.summary.license_issued ? ", and it issued one" : ""),
      ids({session.license_request}));
}

/// An alert that licensing got over, so that it is no failure.
void warn_about_overcome_alert(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  const auto* error = session.licensing_failure();
  if (error == nullptr || session.demand_active == nullptr || findings.has("licensing-failure"))
    return;
  const auto name = codes::name(codes::Family::kLicensing, error->error_code);
  findings.warn(
      "licensing-alert",
      fmt::format("The server's licensing alert was {} ({}), and it let the client in all "
                  "the same: a grace period, perhaps, that will end.",
                  name.value_or("a number without a name"), error->error_code),
      ids({session.summary.licensing_error_at}));
}

}  // namespace

void warn_about_session(const Reading& reading, Findings& findings) {
  if (!reading.session.began) return;
  warn_about_encryption(reading, findings);
  warn_about_licence(reading, findings);
  warn_about_overcome_alert(reading, findings);
}

}  // namespace rdpwhy::diagnose
