#include "rdpwhy/survey/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "rdpwhy/tls/registry.h"

namespace rdpwhy::survey {
namespace {

using Codes = std::vector<std::uint16_t>;

constexpr std::string_view kAccepted = "accepted";
constexpr std::string_view kNotAccepted = "not accepted";

bool lists(const Codes& codes, std::uint16_t code) {
  return std::ranges::find(codes, code) != codes.end();
}

Known known_of(const Listing& listing, std::uint16_t code) {
  if (lists(listing.accepted, code)) return Known::kYes;
  return lists(listing.undecided, code) ? Known::kUnknown : Known::kNo;
}

struct Registry {
  std::optional<std::string_view> (*name)(std::uint16_t);
  std::string_view (*weakness)(std::uint16_t);
};

std::string name_in(const Registry& registry, std::uint16_t code) {
  return tls::name_or_hex(registry.name(code), code);
}

class Comparer {
 public:
  Comparer(const Result& first, const Result& second) : first_(first), second_(second) {}

  Comparison run() {
    for (const auto version : {kSsl3, kTls10, kTls11, kTls12, kTls13}) compare_version(version);
    const Registry groups{tls::group_name, weakness_of_group};
    const Registry algorithms{tls::signature_scheme_name, weakness_of_signature_algorithm};
    compare_listing("groups of TLS 1.2 and older", first_.groups, second_.groups, groups);
    compare_preference("groups of TLS 1.2 and older", first_.group_preference,
                       second_.group_preference);
    compare_listing("groups of TLS 1.3", first_.groups_tls13, second_.groups_tls13, groups);
    compare_preference("groups of TLS 1.3", first_.group_preference_tls13,
                       second_.group_preference_tls13);
    compare_listing("RFC 7919 groups of TLS 1.2 and older", first_.finite_field_groups,
                    second_.finite_field_groups, groups);
    compare_dh();
    compare_listing("signature algorithms of TLS 1.2", first_.signature_algorithms,
                    second_.signature_algorithms, algorithms);
    compare_listing("signature algorithms of TLS 1.3", first_.signature_algorithms_tls13,
                    second_.signature_algorithms_tls13, algorithms);
    compare_properties();
    compare_certificates();
    return std::move(found_);
  }

 private:
  void differ(Difference difference) { found_.differences.push_back(std::move(difference)); }

  /// Accepted by one of the two: what is weak about it says in which direction.
  void differ_in_acceptance(std::string where, std::string what, bool second_accepts,
                            std::string_view weakness) {
    auto direction = Direction::kDifferent;
    if (!weakness.empty()) direction = second_accepts ? Direction::kWeaker : Direction::kStronger;
    differ({.where = std::move(where),
            .what = std::move(what),
            .first = std::string(second_accepts ? kNotAccepted : kAccepted),
            .second = std::string(second_accepts ? kAccepted : kNotAccepted),
            .direction = direction,
            .reason = std::string(weakness)});
  }

  void compare_version(std::uint16_t version) {
    const auto* a = first_.version(version);
    const auto* b = second_.version(version);
    const auto name = tls::version_name(version);
    const auto known = [](const VersionFinding* finding) {
      return finding == nullptr ? Known::kUnknown : finding->accepted.known;
    };
    if (known(a) == Known::kUnknown || known(b) == Known::kUnknown) {
      found_.unknown.push_back(name);
      return;
    }
    if (known(a) != known(b)) {
      // Its suites are part of that difference.
      return differ_in_acceptance("versions", name, known(b) == Known::kYes,
                                  weakness_of_version(version));
    }
    if (known(a) == Known::kNo) return;
    const auto where = name + " cipher suites";
    const auto before = found_.differences.size();
    compare_listing(where, a->listing, b->listing, {tls::cipher_suite_name, weakness_of_suite});
    compare_preference(where, a->preference, b->preference);
    // An order is the server's own only where it decides.
    const bool same_suites = found_.differences.size() == before;
    if (same_suites && a->in_server_order() && b->in_server_order() &&
        a->listing.accepted != b->listing.accepted) {
      differ({.where = where,
              .what = "order",
              .first = first_of(*a),
              .second = first_of(*b),
              .direction = Direction::kDifferent,
              .reason = {}});
    }
  }

  static std::string first_of(const VersionFinding& finding) {
    const auto suite = finding.listing.accepted.front();
    return tls::name_or_hex(tls::cipher_suite_name(suite), suite) + " first";
  }

  void compare_listing(const std::string& where, const Listing& a, const Listing& b,
                       const Registry& registry) {
    // Where one of the two has nothing that needs such a list, that stands elsewhere already.
    if (!a.asked || !b.asked) {
      const bool stays_unknown = (!a.asked && !a.reason.empty()) || (!b.asked && !b.reason.empty());
      if (stays_unknown) found_.unknown.push_back(where);
      return;
    }
    Codes both = a.accepted;
    for (const auto code : b.accepted) {
      if (!lists(both, code)) both.push_back(code);
    }
    for (const auto code : both) {
      const auto in_a = known_of(a, code);
      const auto in_b = known_of(b, code);
      if (in_a == Known::kUnknown || in_b == Known::kUnknown) {
        found_.unknown.push_back(where + ": " + name_in(registry, code));
      } else if (in_a != in_b) {
        differ_in_acceptance(where, name_in(registry, code), in_b == Known::kYes,
                             registry.weakness(code));
      }
    }
    if (!a.undecided.empty() || !b.undecided.empty()) found_.unknown.push_back(where);
  }

  void compare_preference(const std::string& where, Preference a, Preference b) {
    if (a == Preference::kUnknown || b == Preference::kUnknown || a == b) return;
    const auto words = [](Preference preference) {
      return preference == Preference::kMixed ? std::string("the client's order decides in part")
                                              : fmt::format("the {} decides", name_of(preference));
    };
    differ({.where = where,
            .what = "who decides",
            .first = words(a),
            .second = words(b),
            .direction = Direction::kDifferent,
            .reason = {}});
  }

  void compare_dh() {
    const auto& a = first_.dh_bits;
    const auto& b = second_.dh_bits;
    if (a == b || a.empty() || b.empty()) return;
    const auto words = [](const std::vector<std::uint32_t>& sizes) {
      return fmt::format("{} bits", fmt::join(sizes, ", "));
    };
    const auto weak_a = weakness_of_dh_bits(a.front());
    const auto weak_b = weakness_of_dh_bits(b.front());
    auto direction = Direction::kDifferent;
    if (b.front() < a.front() && !weak_b.empty()) direction = Direction::kWeaker;
    if (b.front() > a.front() && !weak_a.empty()) direction = Direction::kStronger;
    differ({.where = "finite-field Diffie-Hellman",
            .what = "primes",
            .first = words(a),
            .second = words(b),
            .direction = direction,
            .reason = direction == Direction::kDifferent
                          ? std::string()
                          : std::string(direction == Direction::kWeaker ? weak_b : weak_a)});
  }

  /// `good`, `bad`: why it is better to have it, or not to.
  void compare_property(std::string_view name, Finding Extensions::* place, std::string_view good,
                        std::string_view bad) {
    const auto a = (first_.extensions.*place).known;
    const auto b = (second_.extensions.*place).known;
    if (a == b) return;
    if (a == Known::kUnknown || b == Known::kUnknown) {
      found_.unknown.emplace_back(name);
      return;
    }
    const bool second_has = b == Known::kYes;
    auto direction = Direction::kDifferent;
    if (!good.empty()) direction = second_has ? Direction::kStronger : Direction::kWeaker;
    if (!bad.empty()) direction = second_has ? Direction::kWeaker : Direction::kStronger;
    differ({.where = "properties",
            .what = std::string(name),
            .first = std::string(name_of(a)),
            .second = std::string(name_of(b)),
            .direction = direction,
            .reason = std::string(good.empty() ? bad : good)});
  }

  void compare_properties() {
    using E = Extensions;
    compare_property("extended master secret", &E::extended_master_secret,
                     "it binds a session to its handshake (RFC 7627)", "");
    compare_property("encrypt-then-MAC", &E::encrypt_then_mac,
                     "it protects block ciphers (RFC 7366)", "");
    compare_property("secure renegotiation", &E::secure_renegotiation,
                     "without it renegotiation can be injected into (RFC 5746)", "");
    compare_property("session tickets", &E::session_ticket, "", "");
    compare_property("session ids", &E::session_id, "", "");
    compare_property("session tickets of TLSv1.3", &E::tls13_ticket, "", "");
    compare_property("OCSP stapling", &E::ocsp_stapling, "", "");
    compare_property("heartbeat", &E::heartbeat, "", "it is of use to nobody but Heartbleed");
    compare_property("compression", &E::compression, "", "it lets secrets be guessed (CRIME)");
    compare_property("record size limit", &E::record_size_limit, "", "");
    compare_property("ALPN", &E::alpn, "", "");
    compare_property("fallback SCSV", &E::fallback_scsv, "it tells forced downgrades (RFC 7507)",
                     "");
    compare_property("client certificate asked for", &E::client_certificate, "", "");
    compare_property("server name needed", &E::needs_server_name, "", "");
  }

  static const CertificateFinding* matching(const std::vector<CertificateFinding>& list,
                                            const CertificateFinding& wanted) {
    const auto found = std::ranges::find_if(list, [&](const CertificateFinding& finding) {
      return finding.chain.front()->sha256 == wanted.chain.front()->sha256;
    });
    return found == list.end() ? nullptr : &*found;
  }

  static std::string in_words(const CertificateFinding& finding) {
    const auto& leaf = *finding.chain.front();
    return fmt::format("{} {} bits, {}, sha256 {}", leaf.key.type, leaf.key.bits, leaf.subject,
                       leaf.sha256.substr(0, 16));
  }

  /// One of each kind of key: those that differ stand side by side.
  void compare_certificates() {
    std::vector<const CertificateFinding*> only_a;
    std::vector<const CertificateFinding*> only_b;
    for (const auto& finding : first_.certificates) {
      if (matching(second_.certificates, finding) == nullptr) only_a.push_back(&finding);
    }
    for (const auto& finding : second_.certificates) {
      if (matching(first_.certificates, finding) == nullptr) only_b.push_back(&finding);
    }
    for (const auto* a : only_a) {
      const auto& type = a->chain.front()->key.type;
      const auto pair = std::ranges::find_if(
          only_b, [&](const CertificateFinding* b) { return b->chain.front()->key.type == type; });
      if (pair == only_b.end()) {
        differ_in_certificate(in_words(*a), "none");
      } else {
        differ_in_keys(*a, **pair);
        only_b.erase(pair);
      }
    }
    for (const auto* b : only_b) differ_in_certificate("none", in_words(*b));
  }

  void differ_in_certificate(std::string a, std::string b) {
    differ({.where = "certificates",
            .what = {},
            .first = std::move(a),
            .second = std::move(b),
            .direction = Direction::kDifferent,
            .reason = {}});
  }

  void differ_in_keys(const CertificateFinding& a, const CertificateFinding& b) {
    differ_in_certificate(in_words(a), in_words(b));
    auto& difference = found_.differences.back();
    const auto bits_a = a.chain.front()->key.bits;
    const auto bits_b = b.chain.front()->key.bits;
    if (bits_a == bits_b) return;
    difference.direction = bits_b < bits_a ? Direction::kWeaker : Direction::kStronger;
    difference.reason = fmt::format("a key of {} bits instead of {}", bits_b, bits_a);
  }

  const Result& first_;
  const Result& second_;
  Comparison found_;
};

}  // namespace

std::string_view name_of(Direction direction) {
  switch (direction) {
    case Direction::kWeaker:
      return "weaker";
    case Direction::kStronger:
      return "stronger";
    case Direction::kDifferent:
      break;
  }
  return "different";
}

Comparison compare(const Result& first, const Result& second) {
  return Comparer(first, second).run();
}

}  // namespace rdpwhy::survey
