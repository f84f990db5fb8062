#include "dissect/icmp_meaning.h"

#include <array>

namespace rdpwhy::dissect {
namespace {

constexpr std::array<std::string_view, 16> kUnreachable4 = {
    "network unreachable",
    "host unreachable",
    "protocol unreachable",
    "port unreachable",
    "fragmentation needed",
    "source route failed",
    "network unknown",
    "host unknown",
    "source host isolated",
    "network administratively prohibited",
    "host administratively prohibited",
    "network unreachable for this type of service",
    "host unreachable for this type of service",
    "communication administratively prohibited",
    "host precedence violation",
    "precedence cutoff in effect"};

constexpr std::array<std::string_view, 8> kUnreachable6 = {
    "no route to destination",
    "communication administratively prohibited",
    "beyond scope of source address",
    "address unreachable",
    "port unreachable",
    "source address failed ingress/egress policy",
    "reject route to destination",
    "error in source routing header"};

template <std::size_t kSize>
std::string_view at(const std::array<std::string_view, kSize>& names, std::uint8_t code) {
  return code < kSize ? names[code] : "destination unreachable";
}

std::string_view meaning4(std::uint8_t type, std::uint8_t code) {
  switch (type) {
    case 3:
      return at(kUnreachable4, code);
    case 4:
      return "source quench";
    case 5:
      return "redirect";
    case 11:
      return code == 0 ? "time to live exceeded in transit" : "fragment reassembly time exceeded";
    case 12:
      return "parameter problem";
    default:
      return {};
  }
}

std::string_view meaning6(std::uint8_t type, std::uint8_t code) {
  switch (type) {
    case 1:
      return at(kUnreachable6, code);
    case 2:
      return "packet too big";
    case 3:
      return code == 0 ? "hop limit exceeded in transit" : "fragment reassembly time exceeded";
    case 4:
      return "parameter problem";
    default:
      return {};
  }
}

}  // namespace

std::string_view icmp_meaning(const record::IcmpError& error) {
  if (!error.type || !error.code) return {};
  return error.v6 ? meaning6(*error.type, *error.code) : meaning4(*error.type, *error.code);
}

}  // namespace rdpwhy::dissect
