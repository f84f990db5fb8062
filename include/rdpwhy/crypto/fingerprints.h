#pragma once

#include <memory>
#include <string>

#include "rdpwhy/record/fingerprints.h"
#include "rdpwhy/tls/jarm.h"

namespace rdpwhy::crypto {

/// The fingerprints of record::first_hellos: tls/fingerprint.h with digests.
[[nodiscard]] record::Fingerprints fingerprints(const record::HandshakeRecord& record);

/// `fingerprints` with a bounded memory of hellos: a capture of one client and one server 90,000
/// times hashes theirs once. Equal results with a capacity of 0, which switches it off.
class Fingerprinter {
 public:
  explicit Fingerprinter(std::size_t capacity = 64);
  ~Fingerprinter();
  Fingerprinter(Fingerprinter&&) noexcept;
  /// They stand until the next call.
  [[nodiscard]] const record::Fingerprints& of(const record::HandshakeRecord& record);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Of the answers to all of tls::jarm_hello; 62 zeros where all were refused. A hello that was met
/// with silence has no answer that counts: who meets it asks again, or has no fingerprint.
[[nodiscard]] std::string jarm(tls::JarmAnswers answers);

}  // namespace rdpwhy::crypto
