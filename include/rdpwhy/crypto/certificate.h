#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/error.h"
#include "rdpwhy/record/certificate_facts.h"

namespace rdpwhy::crypto {

/// The one function that reads X.509 (RFC 5280). Never fails: see CertificateFacts::error.
[[nodiscard]] record::CertificateFacts read_certificate(ByteSpan der);

/// read_certificate with a bounded cache by SHA-256: a capture with one server's certificate 90,000
/// times parses and verifies it once. Equal results with a capacity of 0, which switches it off.
class CertificateCache {
 public:
  explicit CertificateCache(std::size_t capacity = 4096);
  ~CertificateCache();
  [[nodiscard]] record::CertificateHandle read(ByteSpan der);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The contract's certificate_problems.
enum class CertificateProblem {
  kExpired,
  kNotYetValid,
  kSelfSigned,
  kUntrustedIssuer,
  kMissingIntermediate,
  kNameMismatch,
  kWeakKey,
  kWeakSignature,
  kWrongUsage,
  kNotV3,
};
[[nodiscard]] std::string_view name_of(CertificateProblem problem);

class TrustAnchors;

/// Which anchors a chain may end in.
class TrustStore {
 public:
  /// The anchors of a PEM text; any certificate may be one, a server's own too.
  [[nodiscard]] static std::expected<TrustStore, Error> from_pem(std::string_view pem);
  /// A directory of hashed names ("5ed36f99.0", as c_rehash makes them): `read_file` gives the text
  /// of a name in it, or nothing. Only the anchors that a chain asks for are read. Who reads is the
  /// caller (I1).
  using FileReader = std::function<std::optional<std::string>(const std::string& name)>;
  [[nodiscard]] static TrustStore hashed_directory(FileReader read_file);
  /// No anchor at all: nothing is trusted, nothing is read.
  [[nodiscard]] static TrustStore none();
  TrustStore(TrustStore&&) noexcept;
  ~TrustStore();

 private:
  friend class CertificateJudge;
  explicit TrustStore(std::unique_ptr<TrustAnchors> anchors);
  std::unique_ptr<TrustAnchors> anchors_;
};

/// RFC 6125 and RFC 9525: whether a certificate is good for `name`, a host name or an address
/// (brackets and a zone are passed over). The common name counts only where no subjectAltName of
/// that kind is, as clients of old do it. A wildcard is a whole left-most label, with two labels or
/// more behind it.
[[nodiscard]] bool matches_name(const record::CertificateFacts& certificate, std::string_view name);

/// Judges a server's chain at a given time against a name and a trust store. Results are cached by
/// the chain's hashes; the dates and the name are judged each time.
class CertificateJudge {
 public:
  explicit CertificateJudge(TrustStore store, std::size_t cache_capacity = 4096);
  ~CertificateJudge();
  CertificateJudge(CertificateJudge&&) noexcept;

  /// In the order of the enum, each once. `name` empty: no name is judged (an unknown target).
  /// Weak: RSA or DH keys under 2048 bits, EC under 224; signatures with MD2, MD4, MD5 or SHA-1 (a
  /// self-signed certificate's own signature proves nothing and is judged all the same, for clients
  /// do). Wrong usage: an extended key usage with neither serverAuth, Remote Desktop Authentication
  /// (1.3.6.1.4.1.311.54.1.2) nor anyExtendedKeyUsage.
  [[nodiscard]] std::vector<CertificateProblem> judge(
      const std::vector<record::CertificateHandle>& chain, const std::string& name, Moment now);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::crypto
