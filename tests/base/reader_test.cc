#include "rdpwhy/base/reader.h"

#include <gtest/gtest.h>

#include "base/counted_allocations.h"

namespace rdpwhy::base {
namespace {

using Kind = DecodeError::Kind;

TEST(Reader, ReadsEveryWidthInBothOrders) {
  const Bytes bytes{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B,
                    0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
                    0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x20};
  Reader r(bytes);
  EXPECT_EQ(r.u8("a"), 0x01u);
  EXPECT_EQ(r.u16be("b"), 0x0203u);
  EXPECT_EQ(r.u24be("c"), 0x040506u);
  EXPECT_EQ(r.u32be("d"), 0x0708090Au);
  EXPECT_EQ(r.u64be("e"), 0x0B0C0D0E0F101112u);
  EXPECT_EQ(r.u16le("f"), 0x1413u);
  EXPECT_EQ(r.u32le("g"), 0x18171615u);
  EXPECT_EQ(r.u64le("h"), 0x201F1E1D1C1B1A19u);
  EXPECT_TRUE(r.finish(true).has_value());
}

TEST(Reader, SaysWhichFieldEndsTooEarlyAndWhere) {
  const Bytes bytes{1, 2, 3, 4, 5};
  Reader r(bytes);
  r.skip(3, "head");
  EXPECT_EQ(r.u32le("selectedProtocol"), 0u);
  const auto result = r.finish(1);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error(), (DecodeError{.kind = Kind::kTruncated,
                                         .field = "selectedProtocol",
                                         .offset = 3,
                                         .needed = 4,
                                         .left = 2}));
  EXPECT_EQ(result.error().message(), "selectedProtocol needs 4 bytes at offset 3, 2 left");
}

TEST(Reader, KeepsTheFirstFailureAndReadsZeroAfterIt) {
  const Bytes bytes{0xFF, 0xFF, 0xFF};
  Notes notes;
  Reader r(bytes, &notes);
  r.u32be("first");
  EXPECT_EQ(r.u8("second"), 0u);  // there would be octets for this one
  EXPECT_TRUE(r.bytes(1, "third").empty());
  EXPECT_TRUE(r.rest("fourth").empty());
  EXPECT_TRUE(r.peek(2).empty());
  EXPECT_EQ(r.left(), 0u);
  EXPECT_FALSE(r.more());
  r.require(false, "never said");
  r.expect(false, "never noted");
  r.fail({.field = "never kept"});
  EXPECT_EQ(r.finish(1).error().field, "first");
  EXPECT_TRUE(notes.anomalies.empty());
}

TEST(Reader, CallsOctetsLeftOverAFailure) {
  const Bytes bytes{1, 2, 3};
  Reader r(bytes);
  r.u8("a");
  const auto result = r.finish(1);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error(), (DecodeError{.kind = Kind::kTrailing, .offset = 1, .left = 2}));
  EXPECT_EQ(result.error().message(), "2 bytes left over at offset 1");
}

TEST(Reader, ReadsAnEmptyMessageAsNothing) {
  Reader r(ByteSpan{});
  EXPECT_FALSE(r.more());
  EXPECT_TRUE(r.peek(4).empty());
  EXPECT_TRUE(r.bytes(0, "nothing").empty());
  EXPECT_TRUE(r.rest("nothing").empty());
  EXPECT_EQ(r.finish(7).value(), 7);
}

TEST(Reader, PeekConsumesNothingAndGivesWhatThereIs) {
  const Bytes bytes{1, 2, 3};
  Reader r(bytes);
  r.u8("a");
  EXPECT_EQ(r.peek(1).size(), 1u);
  EXPECT_EQ(r.peek(9).size(), 2u);
  EXPECT_EQ(r.peek(9)[0], 2u);
  EXPECT_EQ(r.offset(), 1u);
  r.skip_rest("b");
  EXPECT_TRUE(r.peek(1).empty());
  EXPECT_TRUE(r.finish(1).has_value());
}

TEST(Reader, RefusesAnAbsurdCountWithoutOverflow) {
  const Bytes bytes{1, 2, 3};
  Reader r(bytes);
  r.u8("a");
  EXPECT_TRUE(r.bytes(SIZE_MAX, "huge").empty());
  EXPECT_EQ(r.finish(1).error().needed, SIZE_MAX);
}

TEST(Reader, ReadsALengthPrefixedPartInItsOwnScope) {
  const Bytes bytes{0x00, 0x03, 0xAA, 0xBB, 0xCC, 0xDD};
  Reader r(bytes);
  {
    auto part = r.block16be("extensions");
    EXPECT_EQ(part.left(), 3u);
    EXPECT_EQ(part.offset(), 2u);
    EXPECT_EQ(part.u24be("all"), 0xAABBCCu);
    EXPECT_FALSE(part.more());
  }
  EXPECT_EQ(r.offset(), 5u);
  EXPECT_EQ(r.u8("after"), 0xDDu);
  EXPECT_TRUE(r.finish(1).has_value());
}

TEST(Reader, ReadsEveryKindOfLengthPrefix) {
  const Bytes bytes{1, 0xA1, 0, 1, 0xA2, 0, 0, 1, 0xA3, 1, 0, 0xA4, 1, 0, 0, 0, 0xA5, 0xA6};
  Reader r(bytes);
  EXPECT_EQ(r.block8("a").u8("x"), 0xA1u);
  EXPECT_EQ(r.block16be("b").u8("x"), 0xA2u);
  EXPECT_EQ(r.block24be("c").u8("x"), 0xA3u);
  EXPECT_EQ(r.block16le("d").u8("x"), 0xA4u);
  EXPECT_EQ(r.block32le("e").u8("x"), 0xA5u);
  EXPECT_EQ(r.block(1, "f").u8("x"), 0xA6u);
  EXPECT_TRUE(r.finish(1).has_value());
}

TEST(Reader, GivesOffsetsOfTheOutermostMessageInsideNestedScopes) {
  const Bytes bytes{9, 9, 4, 8, 2, 7, 7, 5};
  Reader r(bytes);
  r.skip(2, "head");
  auto outer = r.block8("outer");
  outer.u8("x");
  auto inner = outer.block8("inner");
  EXPECT_EQ(inner.offset(), 5u);
  inner.u32be("y");
  const auto result = r.finish(1);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(
      result.error(),
      (DecodeError{.kind = Kind::kTruncated, .field = "y", .offset = 5, .needed = 4, .left = 2}));
}

TEST(Reader, LetsNoScopeReadPastItsEnd) {
  const Bytes bytes{1, 0xAA, 0xBB};
  Reader r(bytes);
  auto part = r.block8("part");
  EXPECT_EQ(part.u16be("two"), 0u);
  EXPECT_TRUE(r.failed());
  EXPECT_EQ(r.u8("after"), 0u);
}

TEST(Reader, CallsALyingLengthPrefixTruncated) {
  const Bytes bytes{0x00, 0x09, 1, 2};
  Reader r(bytes);
  {
    auto part = r.block16be("extensions");
    EXPECT_FALSE(part.more());
    EXPECT_EQ(part.u8("x"), 0u);
  }
  EXPECT_EQ(
      r.finish(1).error(),
      (DecodeError{
          .kind = Kind::kTruncated, .field = "extensions", .offset = 2, .needed = 9, .left = 2}));
}

TEST(Reader, NamesTheScopeThatWasNotReadToItsEnd) {
  const Bytes bytes{2, 1, 2, 3};
  Reader r(bytes);
  {
    auto part = r.block8("extensions");
    part.u8("x");
  }
  EXPECT_EQ(r.u8("after"), 0u);
  const auto result = r.finish(1);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error(),
            (DecodeError{.kind = Kind::kTrailing, .field = "extensions", .offset = 2, .left = 1}));
  EXPECT_EQ(result.error().message(), "1 byte left over in extensions at offset 2");
}

TEST(Reader, FindsAnUnreadScopeThatIsStillOpenAtTheEnd) {
  const Bytes bytes{3, 1, 1, 2, 3};
  Reader r(bytes);
  auto outer = r.block8("outer");
  auto inner = outer.block8("inner");
  outer.u8("y");
  r.u8("z");
  const auto result = r.finish(1);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().field, "inner");
}

TEST(Reader, ClosesScopesInAnyOrder) {
  const Bytes bytes{1, 0xA1, 1, 0xA2};
  Reader r(bytes);
  auto first = r.block8("first");
  auto second = r.block8("second");
  first.u8("x");
  first.close();
  EXPECT_FALSE(r.failed());  // the later scope is still open, and unread
  EXPECT_EQ(second.u8("x"), 0xA2u);
  second.close();
  EXPECT_TRUE(r.finish(1).has_value());
}

TEST(Reader, LetsRestAndSkipRestEmptyAScope) {
  const Bytes bytes{2, 1, 2, 2, 3, 4};
  Reader r(bytes);
  EXPECT_EQ(r.block8("a").rest("all").size(), 2u);
  r.block8("b").skip_rest("all");
  EXPECT_TRUE(r.finish(1).has_value());
}

TEST(Reader, ReadsAnEmptyScope) {
  const Bytes bytes{0, 7};
  Reader r(bytes);
  {
    auto part = r.block8("empty");
    EXPECT_FALSE(part.more());
    EXPECT_TRUE(part.rest("all").empty());
  }
  EXPECT_EQ(r.u8("after"), 7u);
  EXPECT_TRUE(r.finish(1).has_value());
}

TEST(Reader, KeepsTheFailureOfAnIsolatedPartInside) {
  const Bytes bytes{0xA1, 0xA2, 7};
  Notes notes;
  Reader r(bytes, &notes);
  {
    auto part = r.isolated(2, "part");
    part.u8("x");
    part.expect(false, "odd", "x");
    part.u16be("y");
    ASSERT_TRUE(part.failed());
    EXPECT_EQ(part.error()->offset, 1u);
  }
  EXPECT_FALSE(r.failed());
  EXPECT_EQ(r.u8("after"), 7u);
  EXPECT_TRUE(r.finish(1).has_value());
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].offset, 0u);
}

TEST(Reader, SaysWhereARequirementFailed) {
  const Bytes bytes{1, 2, 3};
  Reader r(bytes);
  r.u8("LI");
  r.u8("CDT");
  r.require(true, "not said", "CDT");
  r.require(false, "is not a Connection Confirm", "CDT");
  const auto result = r.finish(1);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error(), (DecodeError{.kind = Kind::kBadValue,
                                         .field = "CDT",
                                         .offset = 1,
                                         .text = "is not a Connection Confirm"}));
  EXPECT_EQ(result.error().message(), "CDT: is not a Connection Confirm (offset 1)");
}

TEST(Reader, TakesAnOffsetOfTheCallersOwn) {
  const Bytes bytes{1, 2};
  Notes notes;
  Reader r(bytes, &notes);
  r.u16be("all");
  r.expect(false, "odd", "first half", 0);
  r.require(false, "wrong", "second half", 1);
  EXPECT_EQ(r.error()->offset, 1u);
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0], (Note{0, "first half", "odd"}));
}

TEST(Reader, NotesAnOddityAndReadsOn) {
  const Bytes bytes{5, 6};
  Notes notes;
  Reader r(bytes, &notes);
  r.expect(r.u8("LI") == 6, "is not 6", "LI");
  EXPECT_EQ(r.u8("next"), 6u);
  EXPECT_TRUE(r.finish(1).has_value());
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0], (Note{0, "LI", "is not 6"}));
}

TEST(Reader, ReadsTheSameWithoutNotes) {
  const Bytes bytes{5, 6};
  Reader r(bytes);
  r.expect(r.u8("LI") == 6, "is not 6", "LI");
  r.value("nobody listens");
  EXPECT_EQ(r.u8("next"), 6u);
  EXPECT_TRUE(r.finish(1).has_value());
}

TEST(Reader, KeepsABoundedNumberOfOddities) {
  const Bytes bytes(1000, 0);
  Notes notes;
  Reader r(bytes, &notes);
  while (r.more()) r.expect(r.u8("x") == 1, "odd");
  EXPECT_TRUE(r.finish(1).has_value());
  EXPECT_EQ(notes.anomalies.size(), 32u);
}

TEST(Reader, AnnotatesFieldsWithDepthAndReading) {
  const Bytes bytes{0x12, 0x34, 0x00, 0x02, 0xAA, 0xBB, 0x01, 0xCC};
  Notes notes(Notes::Detail::kFields);
  Reader r(bytes, &notes);
  r.u16be("version");
  r.value("0x1234 TLS");
  {
    auto part = r.block16be("extensions");
    part.bytes(2, "opaque");
  }
  {
    auto part = r.block(2, "tail");
    part.u8("x");
    part.u8("y");
  }
  ASSERT_TRUE(r.finish(1).has_value());
  const std::vector<FieldNote> expected{
      {0, 2, 0, "version", "0x1234 TLS"},
      {2, 2, 0, "extensions", "2 octets"},
      {4, 2, 1, "opaque", ""},
      {6, 2, 0, "tail", ""},
      {6, 1, 1, "x", "0x01"},
      {7, 1, 1, "y", "0xcc"},
  };
  EXPECT_EQ(notes.fields, expected);
}

TEST(Reader, AnnotatesNothingThatItDidNotRead) {
  const Bytes bytes{1, 2};
  Notes notes(Notes::Detail::kFields);
  Reader r(bytes, &notes);
  r.u8("a");
  r.u32be("b");
  r.value("of nothing");
  r.bytes(3, "c");
  EXPECT_FALSE(r.finish(1).has_value());
  ASSERT_EQ(notes.fields.size(), 1u);
  EXPECT_EQ(notes.fields[0].value, "0x01");
}

TEST(Reader, GivesAReadingOnlyToTheFieldReadLast) {
  const Bytes bytes(20'000, 1);
  Notes notes(Notes::Detail::kFields);
  Reader r(bytes, &notes);
  while (r.more()) {
    const auto at = r.offset();
    r.u8("x");
    r.value(std::to_string(at));
  }
  ASSERT_LT(notes.fields.size(), bytes.size());  // bounded
  EXPECT_EQ(notes.fields.back().value, std::to_string(notes.fields.back().offset));
}

TEST(Reader, AllocatesNothingWhileAllGoesWell) {
  const Bytes bytes{0x01, 0x00, 0x03, 0xAA, 0xBB, 0xCC, 0x02, 0x05, 0x06, 0x07};
  Notes notes;
  const auto before = allocations_so_far();
  if (!before) GTEST_SKIP() << "skipped: a sanitizer owns operator new";
  Reader r(bytes, &notes);
  r.require(r.u8("type") == 1, "a sentence that is too long for a small string to hold", "type");
  {
    auto part = r.block16be("a field name that no small string could hold either");
    part.expect(part.u8("x") == 0xAA, "another sentence beyond every small string", "x");
    part.value({});
    part.skip_rest("y");
  }
  r.block8("block").rest("rest");
  const auto value = r.finish(r.u8("last"));
  EXPECT_EQ(allocations_so_far(), before);
  EXPECT_TRUE(value.has_value());
}

}  // namespace
}  // namespace rdpwhy::base
