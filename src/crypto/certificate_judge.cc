#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "crypto/chain_builder.h"
#include "crypto/trust_store.h"
#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/crypto/digest.h"

namespace rdpwhy::crypto {

namespace {

using record::CertificateFacts;
using record::CertificateHandle;
using Problems = std::set<CertificateProblem>;

constexpr std::string_view kRemoteDesktopAuthentication = "1.3.6.1.4.1.311.54.1.2";

bool has_weak_key(const CertificateFacts& certificate) {
  const auto& [type, bits, curve] = certificate.key;
  if (bits == 0) return false;  // could not be read: not known to be weak
  if (type == "RSA" || type == "RSA-PSS" || type == "DSA" || type == "DH") return bits < 2048;
  return type == "EC" && bits < 224;
}

bool has_weak_signature(const CertificateFacts& certificate) {
  constexpr std::array kWeak = {"MD2", "MD4", "MD5", "MD5-SHA1", "SHA", "SHA1"};
  return std::ranges::find(kWeak, certificate.signature_digest) != kWeak.end();
}

bool allows_server(const CertificateFacts& certificate) {
  if (!certificate.extended_key_usage) return true;
  return std::ranges::any_of(*certificate.extended_key_usage, [](const std::string& usage) {
    return usage == "serverAuth" || usage == "anyExtendedKeyUsage" ||
           usage == kRemoteDesktopAuthentication;
  });
}

/// Dates hold to the second, and the last second counts (RFC 5280 4.1.2.5).
std::int64_t whole_seconds(Moment moment) {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  return moment.ns / kSecond - (moment.ns % kSecond < 0 ? 1 : 0);
}

void judge_dates(const CertificateFacts& leaf, const ChainVerdict& verdict, Moment now,
                 Problems& problems) {
  const std::int64_t seconds = whole_seconds(now);
  const auto judge = [&](std::int64_t not_before, std::int64_t not_after) {
    if (seconds < not_before) problems.insert(CertificateProblem::kNotYetValid);
    if (seconds > not_after) problems.insert(CertificateProblem::kExpired);
  };
  judge(whole_seconds(leaf.not_before), whole_seconds(leaf.not_after));
  const auto valid = [seconds](const TrustPath& path) {
    return path.not_before <= seconds && seconds <= path.not_after;
  };
  if (verdict.paths.empty() || std::ranges::any_of(verdict.paths, valid)) return;
  judge(verdict.paths.front().not_before, verdict.paths.front().not_after);
}

void judge_trust(const ChainVerdict& verdict, Problems& problems) {
  if (!verdict.paths.empty()) return;
  if (verdict.leaf_self_signed) {
    problems.insert(CertificateProblem::kSelfSigned);
  } else if (verdict.leaf_issuer_known) {
    problems.insert(CertificateProblem::kUntrustedIssuer);
  } else {
    problems.insert(CertificateProblem::kMissingIntermediate);
  }
}

void judge_strength(const std::vector<CertificateHandle>& chain, const ChainVerdict& verdict,
                    Problems& problems) {
  std::vector<std::size_t> judged = {0};
  if (!verdict.paths.empty()) {
    const auto& intermediates = verdict.paths.front().intermediates;
    judged.insert(judged.end(), intermediates.begin(), intermediates.end());
  }
  for (const std::size_t i : judged) {
    if (has_weak_key(*chain[i])) problems.insert(CertificateProblem::kWeakKey);
    if (has_weak_signature(*chain[i])) problems.insert(CertificateProblem::kWeakSignature);
  }
}

std::vector<X509Ptr> parse_chain(const std::vector<CertificateHandle>& chain) {
  std::vector<X509Ptr> parsed;
  for (const auto& handle : chain) {
    X509* certificate = nullptr;
    if (handle != nullptr && handle->error.empty()) {
      certificate = X509_new_ex(library_context(), nullptr);
      const std::uint8_t* at = handle->der.data();
      d2i_X509(&certificate, &at, static_cast<long>(handle->der.size()));
    }
    parsed.emplace_back(certificate);
  }
  ERR_clear_error();
  return parsed;
}

}  // namespace

std::string_view name_of(CertificateProblem problem) {
  switch (problem) {
    case CertificateProblem::kExpired:
      return "expired";
    case CertificateProblem::kNotYetValid:
      return "not_yet_valid";
    case CertificateProblem::kSelfSigned:
      return "self_signed";
    case CertificateProblem::kUntrustedIssuer:
      return "untrusted_issuer";
    case CertificateProblem::kMissingIntermediate:
      return "missing_intermediate";
    case CertificateProblem::kNameMismatch:
      return "name_mismatch";
    case CertificateProblem::kWeakKey:
      return "weak_key";
    case CertificateProblem::kWeakSignature:
      return "weak_signature";
    case CertificateProblem::kWrongUsage:
      return "wrong_usage";
    case CertificateProblem::kNotV3:
      return "not_v3";
  }
  return "unknown";
}

class CertificateJudge::Impl {
 public:
  Impl(TrustStore store, std::size_t capacity) : store_(std::move(store)), capacity_(capacity) {}

  std::vector<CertificateProblem> judge(const std::vector<CertificateHandle>& chain,
                                        const std::string& name, Moment now) {
    if (chain.empty() || chain.front() == nullptr || !chain.front()->error.empty()) return {};
    const CertificateFacts& leaf = *chain.front();
    const ChainVerdict verdict = verdict_on(chain);
    Problems problems;
    judge_dates(leaf, verdict, now, problems);
    judge_trust(verdict, problems);
    judge_strength(chain, verdict, problems);
    if (!name.empty() && !matches_name(leaf, name)) {
      problems.insert(CertificateProblem::kNameMismatch);
    }
    if (!allows_server(leaf)) problems.insert(CertificateProblem::kWrongUsage);
    if (leaf.version != 3) problems.insert(CertificateProblem::kNotV3);
    return {problems.begin(), problems.end()};
  }

 private:
  ChainVerdict verdict_on(const std::vector<CertificateHandle>& chain) {
    if (capacity_ == 0) return build_chain(parse_chain(chain), *store_.anchors_);
    std::string fingerprints;
    for (const auto& handle : chain) fingerprints += handle != nullptr ? handle->sha256 : "none";
    const auto key = sha256(base::as_bytes(fingerprints));
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
    if (known_.size() >= capacity_) known_.clear();
    return known_.emplace(key, build_chain(parse_chain(chain), *store_.anchors_)).first->second;
  }

  TrustStore store_;
  std::size_t capacity_;
  std::map<std::array<std::uint8_t, 32>, ChainVerdict> known_;
};

CertificateJudge::CertificateJudge(TrustStore store, std::size_t cache_capacity)
    : impl_(std::make_unique<Impl>(std::move(store), cache_capacity)) {}
CertificateJudge::~CertificateJudge() = default;
CertificateJudge::CertificateJudge(CertificateJudge&&) noexcept = default;

std::vector<CertificateProblem> CertificateJudge::judge(const std::vector<CertificateHandle>& chain,
                                                        const std::string& name, Moment now) {
  return impl_->judge(chain, name, now);
}

}  // namespace rdpwhy::crypto
