#include "rdpwhy/crypto/fingerprints.h"

#include <algorithm>
#include <map>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/digest.h"
#include "rdpwhy/tls/fingerprint.h"

namespace rdpwhy::crypto {
namespace {

using record::ClientFingerprints;
using record::ServerFingerprints;

std::string md5_in_hex(std::string_view text) {
  const auto digest = md5(base::as_bytes(text));
  return digest ? base::to_hex(*digest) : std::string();
}

/// JA4's way: of nothing zeros, so that it is seen to be nothing.
std::string hash12(std::string_view list) {
  return list.empty() ? "000000000000"
                      : base::to_hex(ByteSpan(sha256(base::as_bytes(list))).first(6));
}

ClientFingerprints hashed(const tls::ClientTraits& traits) {
  ClientFingerprints prints;
  prints.ja3_text = tls::ja3_text(traits);
  prints.ja3 = md5_in_hex(prints.ja3_text);
  const auto ja4 = tls::ja4_text(traits);
  prints.ja4 = ja4.head + '_' + hash12(ja4.cipher_suites) + '_' + hash12(ja4.extensions);
  return prints;
}

ServerFingerprints hashed(const tls::ServerTraits& traits) {
  const auto ja4s = tls::ja4s_text(traits);
  return {.ja3s = md5_in_hex(tls::ja3s_text(traits)),
          .ja4s = ja4s.head + '_' + hash12(ja4s.extensions)};
}

std::size_t items_of(const tls::ClientTraits& traits) {
  return traits.cipher_suites.size() + traits.extensions.size() + traits.groups.size() +
         traits.signature_algorithms.size() + traits.point_formats.size();
}
std::size_t items_of(const tls::ServerTraits& traits) { return traits.extensions.size(); }

/// Fingerprints by traits. Ordered, so that no hostile hellos can make it slow.
template <typename Traits, typename Prints>
class Known {
 public:
  explicit Known(std::size_t capacity) : capacity_(capacity) {}

  Prints of(Traits traits) {
    // Real hellos have a hundred items; only made ones are as large as to count in memory.
    if (capacity_ == 0 || items_of(traits) > kMostItems) return hashed(traits);
    if (const auto found = known_.find(traits); found != known_.end()) return found->second;
    auto prints = hashed(traits);
    if (known_.size() >= capacity_) known_.clear();
    known_.emplace(std::move(traits), prints);
    return prints;
  }

 private:
  static constexpr std::size_t kMostItems = 1000;

  std::size_t capacity_;
  std::map<Traits, Prints> known_;
};

}  // namespace

class Fingerprinter::Impl {
 public:
  explicit Impl(std::size_t capacity) : clients_(capacity), servers_(capacity) {}

  record::Fingerprints of(const record::HandshakeRecord& record) {
    record::Fingerprints prints;
    const auto hellos = record::first_hellos(record);
    if (hellos.client != nullptr) {
      if (auto traits = tls::client_traits(*hellos.client))
        prints.client = clients_.of(std::move(*traits));
    }
    if (hellos.server != nullptr) {
      if (auto traits = tls::server_traits(*hellos.server))
        prints.server = servers_.of(std::move(*traits));
    }
    return prints;
  }

 private:
  Known<tls::ClientTraits, ClientFingerprints> clients_;
  Known<tls::ServerTraits, ServerFingerprints> servers_;
};

Fingerprinter::Fingerprinter(std::size_t capacity) : impl_(std::make_unique<Impl>(capacity)) {}
Fingerprinter::~Fingerprinter() = default;
Fingerprinter::Fingerprinter(Fingerprinter&&) noexcept = default;
record::Fingerprints Fingerprinter::of(const record::HandshakeRecord& record) {
  return impl_->of(record);
}

std::string jarm(tls::JarmAnswers answers) {
  if (std::ranges::none_of(answers, [](const auto& answer) { return answer.has_value(); }))
    return std::string(62, '0');
  const auto text = tls::jarm_text(answers);
  return text.suites + base::to_hex(ByteSpan(sha256(base::as_bytes(text.extensions))).first(16));
}

record::Fingerprints fingerprints(const record::HandshakeRecord& record) {
  return Fingerprinter(0).of(record);
}

}  // namespace rdpwhy::crypto
