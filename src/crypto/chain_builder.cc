#include "crypto/chain_builder.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>

#include "rdpwhy/base/time.h"

namespace rdpwhy::crypto {

namespace {

constexpr std::size_t kMaxSent = 16;
constexpr std::size_t kMaxPath = 10;
constexpr std::size_t kMaxPaths = 4;
constexpr int kMaxSignatures = 64;

std::optional<std::int64_t> seconds_of(const ASN1_TIME* time) {
  tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return base::seconds_from_civil(parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                                  parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/// A name chain is no proof, a signature is. OpenSSL's security level has no say here: what is weak
/// is told as weak, and not as untrusted.
bool signed_by(X509* certificate, X509* issuer) {
  EVP_PKEY* key = X509_get0_pubkey(issuer);
  const bool good = key != nullptr && X509_verify(certificate, key) == 1;
  ERR_clear_error();
  return good;
}

class ChainBuilder {
 public:
  ChainBuilder(const std::vector<X509Ptr>& sent, TrustAnchors& store) : store_(store) {
    for (std::size_t i = 0; i < std::min(sent.size(), kMaxSent); ++i)
      sent_.push_back(sent[i].get());
  }

  ChainVerdict build() {
    if (sent_.empty() || sent_.front() == nullptr) return verdict_;
    X509* const leaf = sent_.front();
    verdict_.leaf_self_signed = signed_by(leaf, leaf);
    for (X509* anchor : store_.named(X509_get_subject_name(leaf))) {
      // The leaf itself is in the store: nobody above it is asked.
      if (X509_cmp(anchor, leaf) == 0) verdict_.paths.push_back({{}, INT64_MIN, INT64_MAX});
    }
    if (verdict_.paths.empty()) climb(leaf);
    ERR_clear_error();
    return verdict_;
  }

 private:
  /// All ways up from `certificate`, anchors before certificates that were sent.
  void climb(X509* certificate);
  void try_anchors(X509* certificate);
  bool verified(X509* certificate, X509* issuer) {
    if (signatures_ == 0) return false;
    --signatures_;
    return signed_by(certificate, issuer);
  }
  /// RFC 5280 6.1.4 (k) to (n), and no critical extension that OpenSSL does not know.
  bool may_issue(X509* issuer) const;
  bool names_allowed(X509* issuer) const;
  void keep_path(X509* anchor);

  TrustAnchors& store_;
  std::vector<X509*> sent_;
  std::vector<std::size_t> way_;  // intermediates between the leaf and where we stand
  int signatures_ = kMaxSignatures;
  ChainVerdict verdict_;
};

void ChainBuilder::climb(X509* certificate) {
  if (way_.size() + 2 > kMaxPath || verdict_.paths.size() >= kMaxPaths) return;
  try_anchors(certificate);
  for (std::size_t i = 1; i < sent_.size(); ++i) {
    X509* const issuer = sent_[i];
    if (issuer == nullptr || issuer == certificate || std::ranges::find(way_, i) != way_.end() ||
        X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(certificate)) != 0 ||
        X509_cmp(issuer, sent_.front()) == 0 || !verified(certificate, issuer)) {
      continue;
    }
    if (way_.empty()) verdict_.leaf_issuer_known = true;
    // A self-signed certificate that is no anchor leads nowhere.
    if (!may_issue(issuer) ||
        X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(issuer)) == 0) {
      continue;
    }
    way_.push_back(i);
    climb(issuer);
    way_.pop_back();
  }
}

void ChainBuilder::try_anchors(X509* certificate) {
  for (X509* anchor : store_.named(X509_get_issuer_name(certificate))) {
    if (verdict_.paths.size() >= kMaxPaths) return;
    if (!verified(certificate, anchor)) continue;
    if (way_.empty()) verdict_.leaf_issuer_known = true;
    if (may_issue(anchor)) keep_path(anchor);
  }
}

bool ChainBuilder::may_issue(X509* issuer) const {
  const std::uint32_t flags = X509_get_extension_flags(issuer);
  if (X509_check_ca(issuer) == 0 || (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0) return false;
  const long limit = X509_get_pathlen(issuer);
  const auto below = std::ranges::count_if(way_, [this](std::size_t i) {
    return X509_NAME_cmp(X509_get_subject_name(sent_[i]), X509_get_issuer_name(sent_[i])) != 0;
  });
  return (limit < 0 || below <= limit) && names_allowed(issuer);
}

bool ChainBuilder::names_allowed(X509* issuer) const {
  auto* constraints = static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(issuer, NID_name_constraints, nullptr, nullptr));
  if (constraints == nullptr) return true;
  const auto allows = [constraints](X509* below) {
    return NAME_CONSTRAINTS_check(below, constraints) == X509_V_OK;
  };
  const bool allowed = allows(sent_.front()) &&
                       std::ranges::all_of(way_, [&](std::size_t i) { return allows(sent_[i]); });
  NAME_CONSTRAINTS_free(constraints);
  return allowed;
}

void ChainBuilder::keep_path(X509* anchor) {
  TrustPath path{way_, INT64_MIN, INT64_MAX};
  const auto narrow = [&path](const X509* certificate) {
    const auto from = seconds_of(X509_get0_notBefore(certificate));
    const auto until = seconds_of(X509_get0_notAfter(certificate));
    path.not_before = std::max(path.not_before, from.value_or(INT64_MIN));
    path.not_after = std::min(path.not_after, until.value_or(INT64_MAX));
  };
  narrow(anchor);
  for (const std::size_t i : way_) narrow(sent_[i]);
  verdict_.paths.push_back(std::move(path));
}

}  // namespace

ChainVerdict build_chain(const std::vector<X509Ptr>& sent, TrustAnchors& store) {
  return ChainBuilder(sent, store).build();
}

}  // namespace rdpwhy::crypto
