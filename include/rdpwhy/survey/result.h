#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/survey/answer.h"

namespace rdpwhy::survey {

/// Nothing is "no" without an answer that says so: what could not be told stays unknown.
enum class Known : std::uint8_t { kUnknown, kYes, kNo };
[[nodiscard]] std::string_view name_of(Known known);  // "unknown", "yes", "no"

/// Of a property: whether, and what says so where it is not a plain yes.
struct Finding {
  Known known = Known::kUnknown;
  std::string reason;

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Who decides among what both sides can do; proven by the same offer in the opposite order.
enum class Preference : std::uint8_t {
  kUnknown,
  kServer,  ///< the same choice whatever the order
  kClient,  ///< the first of the list, whichever that is
  kMixed,   ///< neither: the choice follows the order in part
};
[[nodiscard]] std::string_view name_of(Preference preference);

/// What a server takes of a registry, found by elimination: all is offered, what it selects is
/// taken out, until it selects nothing.
struct Listing {
  bool asked = false;
  std::vector<std::uint16_t> accepted;   ///< as the server selected them, one after the other
  std::vector<std::uint16_t> undecided;  ///< offered, and no answer that decides
  std::string reason;                    ///< why something is undecided, or nothing was asked
  std::optional<Refusal> refusal;        ///< how it refused the rest

  friend bool operator==(const Listing&, const Listing&) = default;
};

/// A suite with what else the server settled on when it selected it.
struct SuiteFinding {
  std::uint16_t suite = 0;
  std::optional<std::uint16_t> group;
  std::optional<std::uint32_t> dh_bits;
  std::optional<std::uint16_t> signature_algorithm;
  std::string key_type;   ///< of the certificate: "RSA", "EC"; empty: none was seen
  bool complete = false;  ///< the server's flight came to its end

  friend bool operator==(const SuiteFinding&, const SuiteFinding&) = default;
};

struct VersionFinding {
  std::uint16_t version = 0;
  Finding accepted;
  std::vector<SuiteFinding> suites;  ///< in the order in which they were selected
  Listing listing;                   ///< the same by number, and what was not decided
  Preference preference = Preference::kUnknown;
  bool in_one_hello = false;   ///< all suites stood in the first offer
  Finding downgrade_sentinel;  ///< RFC 8446 4.1.3, where a newer version is accepted

  /// The order of `suites` is the server's own.
  [[nodiscard]] bool in_server_order() const {
    return preference == Preference::kServer && in_one_hello;
  }
  friend bool operator==(const VersionFinding&, const VersionFinding&) = default;
};

/// A certificate chain as it was presented, and to whom.
struct CertificateFinding {
  std::vector<record::CertificateHandle> chain;
  bool with_server_name = false;     ///< to hellos with server_name
  bool without_server_name = false;  ///< to hellos without
  std::vector<std::uint16_t> versions;
  Moment seen_at;
};

/// How the server answers what nobody can accept, and how much it reads.
struct Calibration {
  /// A hello was answered with a ServerHello; else nothing below holds but the refusals.
  bool answered = false;
  std::vector<Refusal> refusals;  ///< of the hellos that were not answered first, each way once
  std::uint32_t requested_protocols = 0;  ///< in RDP_NEG_REQ
  std::optional<Refusal> way;             ///< how it refuses a hello that nothing can accept
  std::size_t most_suites = 0;    ///< suites of one hello that it is proven to read, all of them
  std::size_t wanted_suites = 0;  ///< how many would have gone into one hello
  bool short_lists = false;       ///< groups and algorithms are offered in short lists only
  bool no_extensions = false;     ///< only hellos without extensions are answered
  bool keys_first = false;        ///< no TLS 1.3 without a key in the first hello
};

/// Single properties of TLS 1.2 and older, and those of TLS 1.3 that a hello shows.
struct Extensions {
  Finding extended_master_secret;
  Finding encrypt_then_mac;
  Finding secure_renegotiation;
  Finding session_ticket;  ///< RFC 5077
  Finding session_id;      ///< a session id is given out: resumption by it is offered
  Finding tls13_ticket;    ///< NewSessionTicket behind a handshake of TLS 1.3
  Finding ocsp_stapling;
  Finding heartbeat;
  Finding compression;
  Finding record_size_limit;
  Finding alpn;
  Finding fallback_scsv;
  Finding client_certificate;  ///< the server asks for one
  Finding needs_server_name;   ///< a hello without server_name is refused
  std::vector<std::string> alpn_protocols;
  std::vector<std::uint8_t> client_certificate_types;

  friend bool operator==(const Extensions&, const Extensions&) = default;
};

/// One connection of the survey, for who wants to check it.
struct Asked {
  std::string about;
  std::string outcome;
};

struct Result {
  Calibration calibration;
  std::vector<VersionFinding> versions;  ///< SSL 3.0 to TLS 1.3, oldest first
  Listing groups;                        ///< ECDHE of TLS 1.2 and older
  Preference group_preference = Preference::kUnknown;
  Listing groups_tls13;
  Preference group_preference_tls13 = Preference::kUnknown;
  /// RFC 7919 groups of TLS 1.2 and older, by the size of the prime that was sent for each.
  Listing finite_field_groups;
  /// Bits of all DHE primes of TLS 1.2 and older that were sent, smallest first.
  std::vector<std::uint32_t> dh_bits;
  Listing signature_algorithms;  ///< of TLS 1.2
  Listing signature_algorithms_tls13;
  Extensions extensions;
  std::vector<CertificateFinding> certificates;
  std::vector<std::string> anomalies;  ///< selections of what was not offered, and the like
  std::vector<Asked> asked;            ///< in order
  bool throttled = false;              ///< the server stopped answering for a while
  std::string stopped;                 ///< why the survey ended early; empty: it did not

  [[nodiscard]] const VersionFinding* version(std::uint16_t version) const;
  /// Everything was decided.
  [[nodiscard]] bool is_complete() const;
};

/// What is weak about it, in a few words; empty when nothing is known to be.
[[nodiscard]] std::string_view weakness_of_version(std::uint16_t version);
[[nodiscard]] std::string_view weakness_of_suite(std::uint16_t suite);
[[nodiscard]] std::string_view weakness_of_group(std::uint16_t group);
[[nodiscard]] std::string_view weakness_of_signature_algorithm(std::uint16_t algorithm);
[[nodiscard]] std::string_view weakness_of_dh_bits(std::uint32_t bits);

}  // namespace rdpwhy::survey
