#include "crypto/trust_store.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <utility>

namespace rdpwhy::crypto {

namespace {

constexpr int kMaxSameHash = 64;              // files "hash.0", "hash.1", ...
constexpr std::size_t kMaxRemembered = 4096;  // names looked up in a directory

unsigned long hash_of(const X509_NAME* name) {
  int ok = 0;
  const unsigned long hash = X509_NAME_hash_ex(name, library_context(), nullptr, &ok);
  ERR_clear_error();
  return ok == 1 ? hash : 0;
}

}  // namespace

void TrustAnchors::add(X509Ptr anchor) {
  anchors_[hash_of(X509_get_subject_name(anchor.get()))].push_back(std::move(anchor));
}

std::vector<X509*> TrustAnchors::named(const X509_NAME* subject) {
  const NameHash hash = hash_of(subject);
  auto found = anchors_.find(hash);
  if (found == anchors_.end()) {
    if (!read_file_) return {};
    if (anchors_.size() >= kMaxRemembered) anchors_.clear();
    found = anchors_.emplace(hash, read_hashed(hash)).first;
  }
  std::vector<X509*> anchors;
  for (const auto& anchor : found->second) {
    if (X509_NAME_cmp(X509_get_subject_name(anchor.get()), subject) == 0) {
      anchors.push_back(anchor.get());
    }
  }
  return anchors;
}

std::vector<X509Ptr> TrustAnchors::read_hashed(NameHash hash) const {
  std::vector<X509Ptr> anchors;
  for (int i = 0; i < kMaxSameHash; ++i) {
    const auto pem = read_file_(fmt::format("{:08x}.{}", hash, i));
    if (!pem) break;
    auto read = read_pem_certificates(*pem);
    if (!read) continue;  // an unreadable file is no anchor, those after it may be
    for (auto& certificate : *read) anchors.push_back(std::move(certificate));
  }
  return anchors;
}

std::expected<TrustStore, Error> TrustStore::from_pem(std::string_view pem) {
  auto certificates = read_pem_certificates(pem);
  if (!certificates) return std::unexpected(certificates.error());
  auto anchors = std::make_unique<TrustAnchors>();
  for (auto& certificate : *certificates) anchors->add(std::move(certificate));
  return TrustStore(std::move(anchors));
}

TrustStore TrustStore::hashed_directory(FileReader read_file) {
  return TrustStore(std::make_unique<TrustAnchors>(std::move(read_file)));
}

TrustStore TrustStore::none() { return TrustStore(std::make_unique<TrustAnchors>()); }

TrustStore::TrustStore(std::unique_ptr<TrustAnchors> anchors) : anchors_(std::move(anchors)) {}
TrustStore::TrustStore(TrustStore&&) noexcept = default;
TrustStore::~TrustStore() = default;

}  // namespace rdpwhy::crypto
