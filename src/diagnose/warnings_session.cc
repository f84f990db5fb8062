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

/// A server may call it what it likes, at any length.
std::string name_of_product(std::string_view text) {
  constexpr std::size_t kMost = 80;
  if (text.size() <= kMost) return base::printable(text);
  auto end = kMost;  // between characters of UTF-8
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return base::printable(text.substr(0, end)) + "...";
}

void warn_about_licence(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  const auto* request = session.summary.license_request;
  if (request == nullptr || findings.has("licensing-failure")) return;
  findings.warn(
      "licence-wanted",
      fmt::format("The server asks for a licence ({} {}, version {}.{}): it is a session host that "
                  "needs one for each user or device{}.",
                  name_of_product(request->product.company_name),
                  name_of_product(request->product.product_id), request->product.version >> 16,
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

/// MS-RDPBCGR 2.2.13.1 TargetCertificate: with it a client knows the target without any trust
/// store.
void compare_with_redirection(const Reading& reading, Findings& findings) {
  const auto& expected = reading.circumstances.expected_certificate;
  if (expected.empty() || reading.certificate == nullptr) return;
  const auto& chain = std::get<record::Certificates>(reading.certificate->fact).chain;
  if (chain.empty() || chain.front() == nullptr) return;
  const bool same = chain.front()->der == expected;
  findings.warn(
      same ? "redirection-certificate-match" : "redirection-certificate-mismatch",
      same ? "The certificate is the one that the redirection named for its target."
           : "The certificate is not the one that the redirection named for its target: this is "
             "another machine, one with a new certificate, or something in between. A client that "
             "compares them leaves here.",
      ids({reading.certificate}));
}

}  // namespace

void warn_about_session(const Reading& reading, Findings& findings) {
  compare_with_redirection(reading, findings);
  if (!reading.session.began) return;
  warn_about_encryption(reading, findings);
  warn_about_licence(reading, findings);
  warn_about_overcome_alert(reading, findings);
}

}  // namespace rdpwhy::diagnose
