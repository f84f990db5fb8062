#include "rdpwhy/base/utf16.h"

#include <gtest/gtest.h>

namespace rdpwhy::base {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

TEST(Utf16, ReadsAllPlanes) {
  EXPECT_EQ(utf16le_to_utf8(Bytes{'L', 0, 0xFC, 0, 0xE5, 0x65, 0x3D, 0xD8, 0x00, 0xDE}),
            "L\xC3\xBC\xE6\x97\xA5\xF0\x9F\x98\x80");
  EXPECT_EQ(utf16le_to_utf8({}), "");
}

TEST(Utf16, ReplacesWhatIsNoCharacter) {
  EXPECT_EQ(utf16le_to_utf8(Bytes{0x3D, 0xD8, 'a', 0}), std::string(kReplacement) + "a");
  EXPECT_EQ(utf16le_to_utf8(Bytes{0x00, 0xDE, 'a', 0}), std::string(kReplacement) + "a");
  EXPECT_EQ(utf16le_to_utf8(Bytes{'a', 0, 0x3D, 0xD8}), "a" + std::string(kReplacement));
  EXPECT_EQ(utf16le_to_utf8(Bytes{'a', 0, 'b'}), "a" + std::string(kReplacement));
  EXPECT_EQ(utf16le_to_utf8(Bytes{'b'}), kReplacement);
}

TEST(Utf16, KeepsZeroCharacters) {
  EXPECT_EQ(utf16le_to_utf8(Bytes{'a', 0, 0, 0, 'b', 0}), std::string("a\0b", 3));
}

TEST(Utf16, WritesAllPlanes) {
  EXPECT_EQ(utf8_to_utf16le("L\xC3\xBC\xE6\x97\xA5\xF0\x9F\x98\x80"),
            (Bytes{'L', 0, 0xFC, 0, 0xE5, 0x65, 0x3D, 0xD8, 0x00, 0xDE}));
}

TEST(Utf16, WritesAReplacementForEachIllFormedPart) {
  EXPECT_EQ(utf8_to_utf16le("\xFF"
                            "a"),
            (Bytes{0xFD, 0xFF, 'a', 0}));
  EXPECT_EQ(utf8_to_utf16le("\xE6\x97"), (Bytes{0xFD, 0xFF}));
  EXPECT_EQ(utf8_to_utf16le("\xF0\x9F\x98"
                            "a"),
            (Bytes{0xFD, 0xFF, 'a', 0}));
}

TEST(Utf16, EveryCodePointComesBack) {
  for (char32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 61) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    Bytes wide;
    if (c < 0x10000) {
      wide = {static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(c >> 8)};
    } else {
      const auto high = 0xD800 + ((c - 0x10000) >> 10);
      const auto low = 0xDC00 + ((c - 0x10000) & 0x3FF);
      wide = {static_cast<std::uint8_t>(high), static_cast<std::uint8_t>(high >> 8),
              static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(low >> 8)};
    }
    ASSERT_EQ(utf8_to_utf16le(utf16le_to_utf8(wide)), wide) << static_cast<unsigned>(c);
  }
}

TEST(Utf16, WellFormedTextIsToldFromIllFormed) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string_view("a\0L\xC3\xBC\xE6\x97\xA5\xF0\x9F\x98\x80", 12)));
  for (const std::string_view text :
       {"\xFF", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE6\x97z"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

}  // namespace
}  // namespace rdpwhy::base
