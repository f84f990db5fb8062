#include "net/idna.h"

#include <clocale>
#include <cwctype>
#include <memory>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/utf16.h"

namespace rdpwhy::net {
namespace {

constexpr std::size_t kLongestLabel = 63;  // RFC 1035 2.3.4

std::u32string code_points_of(std::string_view utf8) {
  std::u32string out;
  const auto units = base::utf8_to_utf16le(utf8);
  for (std::size_t i = 0; i + 1 < units.size(); i += 2) {
    const char32_t unit = static_cast<char32_t>(units[i] | units[i + 1] << 8);
    const bool second = unit >= 0xDC00 && unit < 0xE000 && !out.empty() && out.back() >= 0xD800 &&
                        out.back() < 0xDC00;
    if (second) {
      out.back() = 0x10000 + ((out.back() - 0xD800) << 10) + (unit - 0xDC00);
    } else {
      out += unit;
    }
  }
  return out;
}

/// Whatever the environment's locale is: what is typed is UTF-8 to this program.
class Characters {
 public:
  Characters() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  Characters(const Characters&) = delete;
  Characters& operator=(const Characters&) = delete;
  ~Characters() {
    if (locale_ != nullptr) freelocale(locale_);
  }
  [[nodiscard]] bool known() const { return locale_ != nullptr; }
  [[nodiscard]] char32_t small(char32_t c) const {
    return static_cast<char32_t>(towlower_l(static_cast<wint_t>(c), locale_));
  }
  [[nodiscard]] bool visible(char32_t c) const {
    return iswgraph_l(static_cast<wint_t>(c), locale_) != 0;
  }

 private:
  locale_t locale_;
};

/// Characters that IDNA maps to others or that join with the one before: that needs its tables.
bool needs_mapping(char32_t c) {
  return (c >= 0x0300 && c <= 0x036F) ||  // combining marks: "e" and an acute are "\xC3\xA9"
         (c >= 0x1100 && c <= 0x11FF) ||  // parts of Hangul syllables
         (c >= 0x2000 && c <= 0x2BFF) ||  // punctuation, letterlike, enclosed
         (c >= 0x3000 && c <= 0x3004) || (c >= 0x3200 && c <= 0x33FF) ||
         (c >= 0xE000 && c <= 0xFFFF) ||  // private, compatibility forms, full width
         c == 0x00AA || c == 0x00B5 || c == 0x00BA || (c >= 0x80 && c <= 0xA9) ||
         (c >= 0x1D400 && c <= 0x1D7FF) || c >= 0xE0000;
}

/// RFC 3492 6.1
unsigned adapted_bias(unsigned delta, unsigned points, bool first) {
  delta = first ? delta / 700 : delta / 2;
  delta += delta / points;
  unsigned k = 0;
  for (; delta > (36 - 1) * 26 / 2; k += 36) delta /= 36 - 1;
  return k + 36 * delta / (delta + 38);
}

/// RFC 3492 6.3; a label is at most 63 octets, so nothing can overflow.
std::string punycode(const std::u32string& label) {
  std::string out;
  for (const auto c : label) {
    if (c < 0x80) out += static_cast<char>(c);
  }
  const auto basic = static_cast<unsigned>(out.size());
  if (basic > 0) out += '-';
  unsigned n = 0x80, delta = 0, bias = 72, coded = basic;
  while (coded < label.size()) {
    char32_t least = 0x10FFFF;
    for (const auto c : label) {
      if (c >= n && c < least) least = c;
    }
    delta += (static_cast<unsigned>(least) - n) * (coded + 1);
    n = static_cast<unsigned>(least);
    for (const auto c : label) {
      if (c < n) ++delta;
      if (c != n) continue;
      unsigned q = delta;
      for (unsigned k = 36;; k += 36) {
        const unsigned t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        if (q < t) break;
        const unsigned digit = t + (q - t) % (36 - t);
        out += static_cast<char>(digit < 26 ? 'a' + digit : '0' + (digit - 26));
        q = (q - t) / (36 - t);
      }
      out += static_cast<char>(q < 26 ? 'a' + q : '0' + (q - 26));
      bias = adapted_bias(delta, coded + 1, coded == basic);
      delta = 0;
      ++coded;
    }
    ++delta;
    ++n;
  }
  return out;
}

std::expected<std::string, Error> to_ascii_label(std::u32string label,
                                                 const Characters& characters) {
  for (auto& c : label) {
    if (c >= 0x80 && (needs_mapping(c) || !characters.visible(c)))
      return std::unexpected(
          Error{"the name has characters that this program cannot map as IDNA wants it; give it in "
                "its xn-- form"});
    c = characters.small(c);
  }
  auto out = "xn--" + punycode(label);
  if (out.size() > kLongestLabel)
    return std::unexpected(Error{"a part of the name is longer than 63 octets in its xn-- form"});
  return out;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

}  // namespace

std::expected<std::string, Error> to_ascii_host(std::string_view utf8) {
  if (is_ascii(utf8)) return std::string(utf8);
  if (!base::is_utf8(utf8)) return std::unexpected(Error{"the name is not UTF-8"});
  const Characters characters;
  if (!characters.known())
    return std::unexpected(
        Error{"this system lacks the locale C.UTF-8; give the name in its xn-- "
              "form"});
  std::string out;
  for (;;) {
    const auto dot = utf8.find('.');
    const auto label = utf8.substr(0, dot);
    if (is_ascii(label)) {
      out += label;
    } else {
      const auto ascii = to_ascii_label(code_points_of(label), characters);
      if (!ascii) return std::unexpected(ascii.error());
      out += *ascii;
    }
    if (dot == std::string_view::npos) return out;
    out += '.';
    utf8.remove_prefix(dot + 1);
  }
}

}  // namespace rdpwhy::net
