#include "rdpwhy/survey/result.h"

#include <algorithm>

#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::survey {

std::string_view name_of(Known known) {
  switch (known) {
    case Known::kYes:
      return "yes";
    case Known::kNo:
      return "no";
    case Known::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view name_of(Preference preference) {
  switch (preference) {
    case Preference::kServer:
      return "server";
    case Preference::kClient:
      return "client";
    case Preference::kMixed:
      return "mixed";
    case Preference::kUnknown:
      break;
  }
  return "unknown";
}

const VersionFinding* Result::version(std::uint16_t wanted) const {
  const auto found = std::ranges::find(versions, wanted, &VersionFinding::version);
  return found == versions.end() ? nullptr : &*found;
}

bool Result::is_complete() const {
  if (!calibration.answered || !stopped.empty()) return false;
  const auto decided = [](const Listing& listing) { return listing.undecided.empty(); };
  return decided(groups) && decided(groups_tls13) && decided(signature_algorithms) &&
         decided(signature_algorithms_tls13) &&
         std::ranges::all_of(versions, [&](const VersionFinding& finding) {
           return finding.accepted.known != Known::kUnknown && decided(finding.listing);
         });
}

std::string_view weakness_of_version(std::uint16_t version) {
  if (version <= kSsl3) return "broken (POODLE), forbidden by RFC 7568";
  if (version == kTls10 || version == kTls11) return "deprecated by RFC 8996";
  return {};
}

namespace {

/// RFC 9325 4.1: who gets the server's key one day reads what was recorded before.
bool keeps_no_secret(std::uint16_t suite) {
  using enum tls::KeyExchange;
  switch (tls::key_exchange_of(suite)) {
    case kRsa:
    case kDh:
    case kEcdh:
    case kPsk:
    case kRsaPsk:
    case kKrb5:
    case kGost:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string_view weakness_of_suite(std::uint16_t suite) {
  const auto name = tls::cipher_suite_name(suite).value_or("");
  const auto holds = [name](std::string_view part) {
    return name.find(part) != std::string_view::npos;
  };
  if (holds("_anon_")) return "no authentication: anybody can stand between";
  if (holds("WITH_NULL_") || holds("_SHA256_SHA256") || holds("_SHA384_SHA384"))
    return "no encryption";
  if (holds("EXPORT") || holds("_40_") || holds("DES40")) return "export grade, 40 or 56 bits";
  if (holds("RC4")) return "RC4 is broken (RFC 7465)";
  if (holds("RC2")) return "RC2 is broken";
  if (holds("3DES")) return "64-bit blocks (Sweet32)";
  if (holds("_DES_")) return "56-bit keys";
  if (holds("IDEA") || holds("28147") || holds("MAGMA")) return "64-bit blocks (Sweet32)";
  if (name.ends_with("_MD5")) return "MD5";
  if (holds("_CCM_8")) return "a tag of 64 bits";
  if (holds("_OLD") || holds("SALSA20") || holds("CECPQ1")) return "a draft's, never standardized";
  if (keeps_no_secret(suite)) return "no forward secrecy (RFC 9325)";
  return {};
}

std::string_view weakness_of_group(std::uint16_t group) {
  const auto name = tls::group_name(group).value_or("");
  for (const std::string_view small : {"sect16", "sect19", "secp16", "secp19"}) {
    if (name.starts_with(small)) return "less than 112 bits of security";
  }
  return {};
}

std::string_view weakness_of_signature_algorithm(std::uint16_t algorithm) {
  const auto name = tls::signature_scheme_name(algorithm).value_or("");
  if (name.ends_with("_md5")) return "MD5 is broken";
  if (name.ends_with("_sha1")) return "SHA-1 is broken (RFC 9155)";
  if (name.starts_with("gostr34102001")) return "GOST R 34.11-94 is broken";
  return {};
}

std::string_view weakness_of_dh_bits(std::uint32_t bits) {
  if (bits < 1024) return "breakable by anybody (Logjam)";
  if (bits < 2048) return "too small (Logjam)";
  return {};
}

}  // namespace rdpwhy::survey
