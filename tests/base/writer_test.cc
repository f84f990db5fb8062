#include "rdpwhy/base/writer.h"

#include <gtest/gtest.h>

#include "rdpwhy/base/reader.h"

namespace rdpwhy::base {
namespace {

TEST(Writer, WritesEveryWidthInBothOrders) {
  Writer w;
  w.u8(0x01).u16be(0x0203).u24be(0x040506).u32be(0x0708090A).u64be(0x0B0C0D0E0F101112);
  w.u16le(0x1413).u32le(0x18171615).u64le(0x201F1E1D1C1B1A19);
  ASSERT_EQ(w.size(), 32u);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(w.view()[i], i + 1);
}

TEST(Writer, FillsLengthsInWhenAScopeEnds) {
  Writer w;
  {
    const auto outer = w.block16be();
    w.u8(0xAA);
    {
      const auto inner = w.block8();
      w.text("hi");
    }
  }
  EXPECT_EQ(w.take(), (Bytes{0, 4, 0xAA, 2, 'h', 'i'}));
}

TEST(Writer, CountsWhatStandsBeforeWhenAskedTo) {
  Writer w;
  w.u8(3).u8(0);
  {
    const auto length = w.length16be_including(2);
    w.zeros(3);
  }
  EXPECT_EQ(w.take(), (Bytes{3, 0, 0, 7, 0, 0, 0}));
  Writer v;
  {
    const auto length = v.length16le_including(0);
    v.u8(9);
  }
  EXPECT_EQ(v.take(), (Bytes{3, 0, 9}));
}

TEST(Writer, WritesWhatTheReaderReads) {
  Writer w;
  {
    const auto a = w.block24be();
    w.u32le(7);
  }
  {
    const auto b = w.block16le();
    w.u64be(8);
  }
  const auto bytes = w.take();
  Reader r(bytes);
  EXPECT_EQ(r.block24be("a").u32le("x"), 7u);
  EXPECT_EQ(r.block16le("b").u64be("y"), 8u);
  EXPECT_TRUE(r.finish(1).has_value());
}

#ifdef NDEBUG
TEST(Writer, CallsABlockThatOutgrowsItsPrefixOurBug) {
  Writer w;
  EXPECT_THROW(
      {
        const auto block = w.block8();
        w.zeros(256);
      },
      OurBug);
}
#else
TEST(WriterDeathTest, CallsABlockThatOutgrowsItsPrefixOurBug) {
  Writer w;
  EXPECT_DEATH(
      {
        const auto block = w.block8();
        w.zeros(256);
      },
      "our bug");
}
#endif

TEST(Writer, FillsAPrefixToItsLimit) {
  Writer w;
  {
    const auto block = w.block8();
    w.zeros(255);
  }
  EXPECT_EQ(w.view()[0], 255u);
}

}  // namespace
}  // namespace rdpwhy::base
