#include "rdpwhy/crypto/fingerprints.h"

#include <algorithm>
#include <utility>
#include <vector>

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

/// Fingerprints of the last few traits that were met, roughly those met most often first: there are
/// few kinds of software even in a large capture, and to compare is faster than to hash.
template <typename Traits, typename Prints>
class Known {
 public:
  explicit Known(std::size_t capacity) : capacity_(capacity) {}

  /// Overwrites `prints`, in their memory where it serves.
  template <typename Hello>
  void look_up(const Hello* hello, Prints& prints) {
    if (hello == nullptr || !tls::read_traits(*hello, traits_)) {
      prints = {};
      return;
    }
    const auto found = std::ranges::find(known_, traits_, &Pair::first);
    if (found == known_.end()) {
      prints = hashed(traits_);
      remember(prints);
      return;
    }
    prints = found->second;
    if (found != known_.begin()) std::iter_swap(found, found - 1);
  }

 private:
  using Pair = std::pair<Traits, Prints>;
  // Real hellos have a hundred items; only made ones are as large as to count in memory.
  static constexpr std::size_t kMostItems = 1000;

  void remember(const Prints& prints) {
    if (capacity_ == 0 || items_of(traits_) > kMostItems) return;
    if (known_.size() >= capacity_) known_.pop_back();
    known_.emplace_back(traits_, prints);
  }

  std::size_t capacity_;
  Traits traits_;  ///< of the hello that is looked up
  std::vector<Pair> known_;
};

}  // namespace

class Fingerprinter::Impl {
 public:
  explicit Impl(std::size_t capacity) : clients_(capacity), servers_(capacity) {}

  const record::Fingerprints& of(const record::HandshakeRecord& record) {
    const auto hellos = record::first_hellos(record);
    clients_.look_up(hellos.client, prints_.client);
    servers_.look_up(hellos.server, prints_.server);
    return prints_;
  }

 private:
  Known<tls::ClientTraits, ClientFingerprints> clients_;
  Known<tls::ServerTraits, ServerFingerprints> servers_;
  record::Fingerprints prints_;
};

Fingerprinter::Fingerprinter(std::size_t capacity) : impl_(std::make_unique<Impl>(capacity)) {}
Fingerprinter::~Fingerprinter() = default;
Fingerprinter::Fingerprinter(Fingerprinter&&) noexcept = default;
const record::Fingerprints& Fingerprinter::of(const record::HandshakeRecord& record) {
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
