#include "rdpwhy/base/hex.h"

#include <gtest/gtest.h>

namespace rdpwhy::base {
namespace {

TEST(Hex, IsLowerCaseWithoutSeparators) {
  EXPECT_EQ(to_hex(Bytes{0x03, 0x00, 0xAB, 0xFF}), "0300abff");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Hex, NumbersHaveAPrefixAndAtLeastTheDigitsAskedFor) {
  EXPECT_EQ(to_hex_number(0xC030, 4), "0xc030");
  EXPECT_EQ(to_hex_number(0xC030, 8), "0x0000c030");
  EXPECT_EQ(to_hex_number(0xC030, 2), "0xc030");
  EXPECT_EQ(to_hex_number(0), "0x0");
  EXPECT_EQ(to_hex_number(UINT64_MAX), "0xffffffffffffffff");
}

TEST(ParseHex, TakesTheShapesThatPeoplePaste) {
  const Bytes wanted{0x03, 0x00, 0x13, 0xAB};
  for (const auto* text : {"030013ab", "03 00 13 AB", "03:00:13:ab", "03-00-13-ab",
                           "0x03, 0x00, 0x13, 0xab", "0x030013ab", "\\x03\\x00\\x13\\xAB",
                           "  03\n00\t13\r\nab  ", "0300 13ab", "0X03 00 13 aB"}) {
    const auto bytes = parse_hex(text);
    ASSERT_TRUE(bytes.has_value()) << text << ": " << bytes.error().text;
    EXPECT_EQ(*bytes, wanted) << text;
  }
}

TEST(ParseHex, TakesNothingAsNothing) {
  EXPECT_EQ(parse_hex(""), Bytes{});
  EXPECT_EQ(parse_hex(" \n"), Bytes{});
}

TEST(ParseHex, NamesTheColumnOfWhatItCannotRead) {
  const auto text_of = [](std::string_view text) {
    const auto bytes = parse_hex(text);
    return bytes ? "read as " + to_hex(*bytes) : bytes.error().text;
  };
  EXPECT_EQ(text_of("03g0"), "column 3: 'g' is not a hex digit");
  EXPECT_EQ(text_of("030z"), "column 4: 'z' is not a hex digit");
  EXPECT_EQ(text_of("030"), "column 3: '0' is half an octet");
  EXPECT_EQ(text_of("03 4 05"), "column 4: '4' is half an octet");
  EXPECT_EQ(text_of("03 0x"), "column 4: a prefix without digits");
  EXPECT_EQ(text_of("0x 03"), "column 1: a prefix without digits");
  EXPECT_EQ(text_of("03\x1b[0m"), "column 3: octet 0x1b is not a hex digit");
}

TEST(Printable, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("mstshash=IT-HELP\\A \"quoted\""), "mstshash=IT-HELP\\A \"quoted\"");
  EXPECT_EQ(printable("Gr\xC3\xBC\xC3\x9F"
                      "e \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80"),
            "Gr\xC3\xBC\xC3\x9F"
            "e \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesWhatMovesATerminalOrALine) {
  EXPECT_EQ(printable("a\r\nb\tc"), "a\\x0d\\x0ab\\x09c");
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");  // CSI as a C1 control
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "cod"),
            "\\xe2\\x80\\xaecod");                          // right-to-left override
  EXPECT_EQ(printable("\xE2\x81\xA6"), "\\xe2\\x81\\xa6");  // isolate
  EXPECT_EQ(printable("\xE2\x80\xA8"), "\\xe2\\x80\\xa8");  // line separator
}

TEST(Printable, EscapesInvalidUtf8OctetByOctet) {
  EXPECT_EQ(printable("\xFF\xFE"), "\\xff\\xfe");
  EXPECT_EQ(printable("a\xC3"), "a\\xc3");                           // cut
  EXPECT_EQ(printable("\xC0\xAF"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xE0\x9F\xBF"), "\\xe0\\x9f\\xbf");           // overlong
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xC3(\x80"), "\\xc3(\\x80");                  // the bracket is not eaten
}

TEST(AnnotatedDump, HasOneLinePerFieldNestedByDepth) {
  const Bytes bytes{0x12, 0x34, 0x00, 0x02, 0xAA, 0xBB};
  const std::vector<FieldNote> fields{{0, 2, 0, "version", "TLS 1.2"},
                                      {2, 2, 0, "extensions", "2 octets"},
                                      {4, 2, 1, "opaque", ""}};
  EXPECT_EQ(annotated_dump(bytes, fields),
            "   0  12 34                    version: TLS 1.2\n"
            "   2  00 02                    extensions: 2 octets\n"
            "   4  aa bb                      opaque\n");
}

TEST(AnnotatedDump, ShowsOctetsOfAnEnclosingFieldInsideIt) {
  const Bytes bytes{1, 2, 3};
  const std::vector<FieldNote> fields{{0, 3, 0, "part", ""}, {0, 1, 1, "x", "1"}};
  EXPECT_EQ(annotated_dump(bytes, fields),
            "   0                           part\n"
            "   0  01                         x: 1\n"
            "   1  02 03                    (not decoded)\n");
}

TEST(AnnotatedDump, ShowsTheOctetsOfALengthWithAnEmptyPartBehindIt) {
  const Bytes bytes{0};
  const std::vector<FieldNote> fields{{0, 1, 0, "session_id", "0 octets"}, {1, 0, 1, "opaque", ""}};
  EXPECT_EQ(annotated_dump(bytes, fields),
            "   0  00                       session_id: 0 octets\n"
            "   1                             opaque\n");
}

TEST(AnnotatedDump, ShowsWhatNoFieldCovers) {
  const Bytes bytes{1, 2, 3, 4, 5};
  const std::vector<FieldNote> fields{{1, 1, 0, "a", ""}, {3, 1, 0, "b", ""}};
  EXPECT_EQ(annotated_dump(bytes, fields),
            "   0  01                       (not decoded)\n"
            "   1  02                       a\n"
            "   2  03                       (not decoded)\n"
            "   3  04                       b\n"
            "   4  05                       (not decoded)\n");
  EXPECT_EQ(annotated_dump({}, {}), "");
}

TEST(AnnotatedDump, WrapsALongFieldAndCutsAVeryLongOne) {
  const Bytes bytes(100, 0xEE);
  const auto dump = annotated_dump(bytes, std::vector<FieldNote>{{0, 100, 0, "key", ""}});
  EXPECT_TRUE(
      dump.starts_with("   0  ee ee ee ee ee ee ee ee  key\n"
                       "   8  ee ee ee ee ee ee ee ee\n"));
  EXPECT_TRUE(dump.ends_with("  64                           ... 36 more octets\n"));
}

TEST(AnnotatedDump, StaysInsideTheOctetsWhateverTheNotesSay) {
  const Bytes bytes{1, 2};
  const std::vector<FieldNote> fields{{1, 9, 0, "long", ""}, {7, UINT64_MAX, 0, "far", ""}};
  EXPECT_EQ(annotated_dump(bytes, fields),
            "   0  01                       (not decoded)\n"
            "   1  02                       long\n"
            "   2                           far\n");
}

TEST(AnnotatedDump, ShowsNoControlCharactersOfTheMessage) {
  const Bytes bytes{1};
  const std::vector<FieldNote> fields{{0, 1, 0, "cookie", "a\x1b[2J"}};
  EXPECT_EQ(annotated_dump(bytes, fields).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace rdpwhy::base
