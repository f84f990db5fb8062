#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <climits>
#include <map>

#include "crypto/ip_address_text.h"
#include "crypto/openssl_handles.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/crypto/digest.h"
#include "rdpwhy/record/octets.h"

namespace rdpwhy::crypto {

namespace {

using record::CertificateFacts;

std::string text_of(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, string);
  if (size < 0) {  // not what its type says it is: as it stands
    const ByteSpan octets(ASN1_STRING_get0_data(string),
                          static_cast<std::size_t>(ASN1_STRING_length(string)));
    return base::printable(base::as_text(octets));
  }
  auto text =
      base::printable({reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size)});
  OPENSSL_free(utf8);
  return text;
}

/// "CN = host, O = org", control characters as \0D, then whatever else could deceive a reader.
std::string text_of(const X509_NAME* name) {
  constexpr unsigned long kFlags =
      XN_FLAG_ONELINE & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  constexpr auto kConvert = static_cast<unsigned long>(ASN1_STRFLGS_UTF8_CONVERT);
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (X509_NAME_print_ex(bio.get(), name, 0, kFlags) < 0) {
    bio.reset(BIO_new(BIO_s_mem()));  // a string is not what its type says: its octets, escaped
    if (X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~kConvert) < 0) return {};
  }
  char* text = nullptr;
  const long size = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &text);
  if (size <= 0) return {};
  return base::printable({text, static_cast<std::size_t>(size)});
}

/// A short name where OpenSSL has one and `named` is true, else the number:
/// "1.3.6.1.4.1.311.54.1.2".
std::string text_of(const ASN1_OBJECT* object, const char* (*name_of_nid)(int)) {
  const int nid = OBJ_obj2nid(object);
  if (nid != NID_undef) return name_of_nid(nid);
  std::array<char, 256> oid{};
  const int size = OBJ_obj2txt(oid.data(), oid.size(), object, 1);
  return size > 0 ? std::string(oid.data()) : std::string("unknown");
}

std::string serial_of(const X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  if (number == nullptr) return {};
  char* digits = BN_bn2hex(number);
  std::string text = digits != nullptr ? digits : "";
  OPENSSL_free(digits);
  BN_free(number);
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
  });
  return text == "0" ? "00" : text;
}

struct Date {
  Moment moment;
  std::string text;
};

std::optional<Date> date_of(const ASN1_TIME* time) {
  tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  const int year = parts.tm_year + 1900;
  Date date;
  date.moment = base::from_seconds(base::seconds_from_civil(
      year, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec));
  date.text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, parts.tm_mon + 1,
                          parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return date;
}

void read_validity(const X509* certificate, CertificateFacts& facts) {
  // An unreadable date judges nobody: the certificate then counts as valid on that side.
  facts.not_before = {INT64_MIN};
  facts.not_after = {INT64_MAX};
  if (auto date = date_of(X509_get0_notBefore(certificate))) {
    facts.not_before = date->moment;
    facts.not_before_text = std::move(date->text);
  } else {
    facts.notes.emplace_back("notBefore cannot be read");
  }
  if (auto date = date_of(X509_get0_notAfter(certificate))) {
    facts.not_after = date->moment;
    facts.not_after_text = std::move(date->text);
  } else {
    facts.notes.emplace_back("notAfter cannot be read");
  }
}

std::string key_type_name(int id) {
  switch (id) {
    case EVP_PKEY_RSA:
      return "RSA";
    case EVP_PKEY_RSA_PSS:
      return "RSA-PSS";
    case EVP_PKEY_DSA:
      return "DSA";
    case EVP_PKEY_DH:
      return "DH";
    case EVP_PKEY_DHX:
      return "DH";
    case EVP_PKEY_EC:
      return "EC";
    case EVP_PKEY_SM2:
      return "SM2";
    case EVP_PKEY_ED25519:
      return "Ed25519";
    case EVP_PKEY_ED448:
      return "Ed448";
    case EVP_PKEY_X25519:
      return "X25519";
    case EVP_PKEY_X448:
      return "X448";
    default:
      return {};
  }
}

void read_key(const X509* certificate, const EVP_PKEY* key, CertificateFacts& facts) {
  if (key == nullptr) {
    ASN1_OBJECT* algorithm = nullptr;
    X509_PUBKEY_get0_param(&algorithm, nullptr, nullptr, nullptr,
                           X509_get_X509_PUBKEY(certificate));
    if (algorithm != nullptr) {
      const auto name = key_type_name(OBJ_obj2nid(algorithm));
      facts.key.type = name.empty() ? text_of(algorithm, OBJ_nid2sn) : name;
    }
    facts.notes.push_back("the public key cannot be read: " + take_errors());
    return;
  }
  const char* provider_name = EVP_PKEY_get0_type_name(key);
  facts.key.type = key_type_name(EVP_PKEY_get_base_id(key));
  if (facts.key.type.empty() && provider_name != nullptr) facts.key.type = provider_name;
  facts.key.bits = EVP_PKEY_get_bits(key);
  std::array<char, 80> group{};
  std::size_t size = 0;
  if (facts.key.type == "EC" &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1) {
    facts.key.curve = std::string(group.data(), size);
  }
}

void read_signature(X509* certificate, EVP_PKEY* key, CertificateFacts& facts) {
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(nullptr, &algorithm, certificate);
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  facts.signature_algorithm = text_of(object, OBJ_nid2ln);
  int digest = NID_undef;
  if (OBJ_find_sigid_algs(OBJ_obj2nid(object), &digest, nullptr) != 1 || digest == NID_undef) {
    X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr);  // RSASSA-PSS
  }
  if (digest != NID_undef) facts.signature_digest = OBJ_nid2sn(digest);
  facts.self_signed = key != nullptr && X509_verify(certificate, key) == 1;
  ERR_clear_error();
}

/// An extension decoded by OpenSSL; null and, if it is there all the same, a note.
template <typename T>
T* extension(const X509* certificate, int nid, const char* name, CertificateFacts& facts) {
  int critical = 0;
  auto* found = static_cast<T*>(X509_get_ext_d2i(certificate, nid, &critical, nullptr));
  if (found == nullptr && critical == -2) {
    facts.notes.push_back(fmt::format("{} occurs more than once", name));
  } else if (found == nullptr && critical != -1) {
    facts.notes.push_back(fmt::format("{} cannot be read", name));
  }
  ERR_clear_error();
  return found;
}

void read_names(const X509* certificate, CertificateFacts& facts) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  facts.subject = text_of(subject);
  facts.issuer = text_of(X509_get_issuer_name(certificate));
  facts.subject_equals_issuer = X509_NAME_cmp(subject, X509_get_issuer_name(certificate)) == 0;
  for (int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0;
       at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) {
    facts.common_name = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  }
  auto* names =
      extension<GENERAL_NAMES>(certificate, NID_subject_alt_name, "subjectAltName", facts);
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type));
    if (type == GEN_DNS) facts.dns_names.push_back(text_of(value));
    if (type != GEN_IPADD) continue;
    const ByteSpan octets(ASN1_STRING_get0_data(value),
                          static_cast<std::size_t>(ASN1_STRING_length(value)));
    if (auto address = ip_address_text(octets); !address.empty()) {
      facts.ip_addresses.push_back(std::move(address));
    } else {
      facts.notes.push_back(fmt::format("an iPAddress has {} octets", octets.size()));
    }
  }
  GENERAL_NAMES_free(names);
}

void read_usages(const X509* certificate, CertificateFacts& facts) {
  // RFC 5280 4.2.1.3, bit 0 first
  constexpr std::array kUsages = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                  "dataEncipherment", "keyAgreement",   "keyCertSign",
                                  "cRLSign",          "encipherOnly",   "decipherOnly"};
  if (auto* bits = extension<ASN1_BIT_STRING>(certificate, NID_key_usage, "keyUsage", facts)) {
    facts.key_usage.emplace();
    for (std::size_t i = 0; i < kUsages.size(); ++i) {
      if (ASN1_BIT_STRING_get_bit(bits, static_cast<int>(i)) != 0) {
        facts.key_usage->emplace_back(kUsages[i]);
      }
    }
    ASN1_BIT_STRING_free(bits);
  }
  if (auto* usages =
          extension<EXTENDED_KEY_USAGE>(certificate, NID_ext_key_usage, "extKeyUsage", facts)) {
    facts.extended_key_usage.emplace();
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); ++i) {
      facts.extended_key_usage->push_back(text_of(sk_ASN1_OBJECT_value(usages, i), OBJ_nid2sn));
    }
    EXTENDED_KEY_USAGE_free(usages);
  }
  if (auto* constraints = extension<BASIC_CONSTRAINTS>(certificate, NID_basic_constraints,
                                                       "basicConstraints", facts)) {
    facts.is_ca = constraints->ca != 0;
    BASIC_CONSTRAINTS_free(constraints);
  }
}

void read_certificate_fields(X509* certificate, CertificateFacts& facts) {
  const KeyPtr key(X509_get_pubkey(certificate));
  read_names(certificate, facts);
  facts.serial = serial_of(certificate);
  read_validity(certificate, facts);
  facts.version = static_cast<int>(std::clamp(X509_get_version(certificate), -1L, 1'000L)) + 1;
  read_key(certificate, key.get(), facts);
  read_signature(certificate, key.get(), facts);
  read_usages(certificate, facts);
}

}  // namespace

record::CertificateFacts read_certificate(ByteSpan der) {
  CertificateFacts facts;
  facts.der = base::to_bytes(der);
  const auto fingerprint = sha256(der);
  facts.sha1 = base::to_hex(sha1(der));
  facts.sha256 = base::to_hex(fingerprint);
  ERR_clear_error();
  X509* parsed = X509_new_ex(library_context(), nullptr);
  const std::uint8_t* at = der.data();
  // An allocated object is reused, and with it our library context; freed by OpenSSL on failure.
  if (der.empty() || der.size() > INT_MAX ||
      d2i_X509(&parsed, &at, static_cast<long>(der.size())) == nullptr) {
    if (der.empty()) X509_free(parsed);
    facts.error = der.empty() ? "no octets" : "not an X.509 certificate: " + take_errors();
    return facts;
  }
  const X509Ptr certificate(parsed);
  const auto behind = der.size() - static_cast<std::size_t>(at - der.data());
  if (behind > 0) facts.notes.push_back(fmt::format("{} octets behind the certificate", behind));
  read_certificate_fields(parsed, facts);
  ERR_clear_error();
  return facts;
}

class CertificateCache::Impl {
 public:
  explicit Impl(std::size_t capacity) : capacity_(capacity) {}

  record::CertificateHandle read(ByteSpan der) {
    if (capacity_ == 0) return std::make_shared<CertificateFacts>(read_certificate(der));
    const auto fingerprint = sha256(der);
    if (const auto found = known_.find(fingerprint); found != known_.end()) return found->second;
    auto facts = std::make_shared<const CertificateFacts>(read_certificate(der));
    const auto octets = record::octets_held(*facts);
    if (known_.size() >= capacity_ || octets_ + octets > kMostOctets) {
      known_.clear();
      octets_ = 0;
    }
    if (octets <= kMostOctets) {
      known_.emplace(fingerprint, facts);
      octets_ += octets;
    }
    return facts;
  }

 private:
  /// Of the facts: a certificate of a thousand names takes many times its DER.
  static constexpr std::size_t kMostOctets = std::size_t{16} << 20;

  std::size_t capacity_;
  std::size_t octets_ = 0;
  std::map<std::array<std::uint8_t, 32>, record::CertificateHandle> known_;
};

CertificateCache::CertificateCache(std::size_t capacity)
    : impl_(std::make_unique<Impl>(capacity)) {}
CertificateCache::~CertificateCache() = default;
record::CertificateHandle CertificateCache::read(ByteSpan der) { return impl_->read(der); }

}  // namespace rdpwhy::crypto
