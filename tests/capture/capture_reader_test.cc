#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "capture/packets.h"
#include "rdpwhy/capture/capture_reader.h"

namespace rdpwhy::capture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::joined;
using testing::text;

/// Integers of either byte order.
struct Maker {
  bool big = false;
  Writer w;
  Maker& u16(std::uint32_t value) {
    big ? w.u16be(static_cast<std::uint16_t>(value)) : w.u16le(static_cast<std::uint16_t>(value));
    return *this;
  }
  Maker& u32(std::uint32_t value) {
    big ? w.u32be(value) : w.u32le(value);
    return *this;
  }
  Maker& u64(std::uint64_t value) {
    big ? w.u64be(value) : w.u64le(value);
    return *this;
  }
  Maker& bytes(ByteSpan octets) {
    w.bytes(octets);
    return *this;
  }
  Maker& padded(ByteSpan octets) {
    w.bytes(octets).zeros((4 - octets.size() % 4) % 4);
    return *this;
  }
  Maker& option(std::uint32_t code, ByteSpan value) {
    return u16(code).u16(static_cast<std::uint32_t>(value.size())).padded(value);
  }
  Bytes take() { return w.take(); }
};

Bytes pcap_header(std::uint32_t magic, bool big, std::uint32_t link_type = 1) {
  return Maker{big, {}}.u32(magic).u16(2).u16(4).u64(0).u32(65'535).u32(link_type).take();
}

Bytes pcap_packet(bool big, std::uint32_t seconds, std::uint32_t fraction, ByteSpan octets) {
  const auto size = static_cast<std::uint32_t>(octets.size());
  return Maker{big, {}}.u32(seconds).u32(fraction).u32(size).u32(size).bytes(octets).take();
}

Bytes block(bool big, std::uint32_t type, ByteSpan body) {
  const auto size = static_cast<std::uint32_t>(12 + (body.size() + 3) / 4 * 4);
  return Maker{big, {}}.u32(type).u32(size).padded(body).u32(size).take();
}

Bytes section(bool big) {
  return block(big, 0x0A0D0D0A, Maker{big, {}}.u32(0x1A2B3C4D).u16(1).u16(0).u64(~0ULL).take());
}

Bytes interface(bool big, std::uint32_t link_type, ByteSpan options = {}, std::uint32_t snap = 0) {
  return block(big, 1, Maker{big, {}}.u16(link_type).u16(0).u32(snap).bytes(options).take());
}

Bytes enhanced(bool big, std::uint32_t id, std::uint64_t ticks, ByteSpan octets,
               ByteSpan options = {}) {
  const auto size = static_cast<std::uint32_t>(octets.size());
  Maker body{big, {}};
  body.u32(id).u32(static_cast<std::uint32_t>(ticks >> 32U)).u32(static_cast<std::uint32_t>(ticks));
  return block(big, 6, body.u32(size).u32(size).padded(octets).bytes(options).take());
}

struct Read {
  Bytes file;  // the packets point into it
  std::vector<Packet> packets;
  std::vector<std::string> complaints;
  std::vector<std::string> secrets;
  std::vector<std::string> comments;
  std::string error;
};

Read read(ByteSpan file) {
  Read all;
  all.file = base::to_bytes(file);
  auto reader = CaptureReader::open(all.file);
  if (!reader) {
    all.error = reader.error().text;
    return all;
  }
  all.secrets = reader->tls_key_logs();
  while (const auto packet = reader->next()) all.packets.push_back(*packet);
  EXPECT_EQ(reader->packets(), all.packets.size());
  EXPECT_FALSE(reader->next());
  all.complaints = reader->complaints();
  all.comments = reader->comments();
  return all;
}

TEST(CaptureReader, ReadsPcapOfBothByteOrdersAndResolutions) {
  for (const bool big : {false, true}) {
    for (const bool nanoseconds : {false, true}) {
      const auto file = joined({pcap_header(nanoseconds ? 0xA1B23C4D : 0xA1B2C3D4, big, 101),
                                pcap_packet(big, 7, 9, text("abc")), pcap_packet(big, 8, 0, {})});
      const auto all = read(file);
      ASSERT_EQ(all.packets.size(), 2U);
      EXPECT_EQ(all.packets[0].at.ns, 7'000'000'000 + (nanoseconds ? 9 : 9000));
      EXPECT_EQ(base::as_text(all.packets[0].octets), "abc");
      EXPECT_EQ(all.packets[0].link_type, 101U);
      EXPECT_EQ(all.packets[0].number, 1U);
      EXPECT_TRUE(all.packets[1].octets.empty());
      EXPECT_THAT(all.complaints, IsEmpty());
    }
  }
}

TEST(CaptureReader, ReadsKuznetzovsPcap) {
  const auto record = Maker{}.u32(1).u32(2).u32(3).u32(3).u64(0).bytes(text("abc")).take();
  const auto all = read(joined({pcap_header(0xA1B2CD34, false), record, record}));
  ASSERT_EQ(all.packets.size(), 2U);
  EXPECT_EQ(base::as_text(all.packets[1].octets), "abc");
}

TEST(CaptureReader, LeavesTheFcsBitsOutOfTheLinkType) {
  const auto all =
      read(joined({pcap_header(0xA1B2C3D4, false, 0x48000001), pcap_packet(false, 1, 2, {})}));
  EXPECT_EQ(all.packets.at(0).link_type, 1U);
  EXPECT_THAT(all.complaints, IsEmpty());
}

TEST(CaptureReader, GivesWhatIsThereOfAPcapThatIsCut) {
  const auto whole =
      joined({pcap_header(0xA1B2C3D4, false), pcap_packet(false, 1, 0, text("first")),
              pcap_packet(false, 2, 0, text("second"))});
  auto all = read(ByteSpan(whole).first(whole.size() - 2));
  ASSERT_EQ(all.packets.size(), 2U);
  EXPECT_EQ(base::as_text(all.packets[1].octets), "seco");
  EXPECT_EQ(all.packets[1].original_size, 6U);
  EXPECT_THAT(all.complaints,
              ElementsAre("the file is cut in the middle of packet 2, which has 4 of 6 octets"));
  all = read(ByteSpan(whole).first(whole.size() - 8));
  EXPECT_EQ(all.packets.size(), 1U);
  EXPECT_THAT(
      all.complaints,
      ElementsAre("the file is cut in the middle of the header of packet 2: 14 of 16 octets"));
}

TEST(CaptureReader, StopsAtAPcapLengthThatCannotBe) {
  const auto liar = Maker{}.u32(1).u32(0).u32(0xFFFFFFFF).u32(4).take();
  const auto all = read(joined({pcap_header(0xA1B2C3D4, false),
                                pcap_packet(false, 1, 0, text("first")), liar, Bytes(1000, 0)}));
  EXPECT_EQ(all.packets.size(), 1U);
  EXPECT_THAT(all.complaints,
              ElementsAre(HasSubstr("packet 2 at octet 45 claims 4294967295 octets")));
}

TEST(CaptureReader, StopsInATailOfZeros) {
  const auto packet = pcap_packet(false, 1, 0, text("first"));
  const auto all = read(joined({pcap_header(0xA1B2C3D4, false), packet, Bytes(16 * 1000, 0), packet,
                                Bytes(16 * 100'002, 0)}));
  EXPECT_EQ(all.packets.size(), 1U + 1000 + 1 + 100'000);
  EXPECT_THAT(
      all.complaints,
      ::testing::Contains(HasSubstr("100000 packet headers in a row are all zeros, up to octet")));
  const auto few = read(joined({pcap_header(0xA1B2C3D4, false), Bytes(16 * 100'000, 0), packet}));
  EXPECT_EQ(few.packets.size(), 100'001U);
}

/// Packets of 256 KiB, and where the reading has got to.
struct LargePackets {
  explicit LargePackets(std::size_t mebibytes) {
    const auto one = pcap_packet(false, 1, 0, Bytes(256 * 1024, 7));
    file = pcap_header(0xA1B2C3D4, false);
    while (file.size() < mebibytes << 20U) file.insert(file.end(), one.begin(), one.end());
  }
  std::expected<CaptureReader, Error> open() {
    return CaptureReader::open(file, [this](std::uint64_t offset) { offsets.push_back(offset); });
  }
  Bytes file;
  std::vector<std::uint64_t> offsets;
};

TEST(CaptureReader, TellsWhereItHasGotTo) {
  LargePackets large(15);  // one step of 8 MiB
  auto reader = large.open();
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->next());
  EXPECT_EQ(large.offsets.size(), 0U) << "looking ahead is not told";
  while (reader->next()) {
  }
  ASSERT_EQ(large.offsets.size(), 1U);
  EXPECT_GE(large.offsets[0], 8U << 20U);
}

TEST(CaptureReader, LooksToTheEndAtOnceWherePacketsAreLargeSoThatLittleOfTheFileIsHeld) {
  LargePackets large(60);
  auto reader = large.open();
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->next());
  ASSERT_FALSE(large.offsets.empty());
  EXPECT_LT(large.offsets.front(), 25U << 20U) << "before more than that lies between the two";
  EXPECT_GE(large.offsets.back(), 50U << 20U);
  large.offsets.clear();
  std::size_t packets = 1;
  while (reader->next()) ++packets;
  EXPECT_EQ(packets, 240U);
  ASSERT_GE(large.offsets.size(), 6U);
  EXPECT_LT(large.offsets.front(), 9U << 20U) << "then the packets themselves";
  for (std::size_t i = 1; i < large.offsets.size(); ++i)
    EXPECT_LE(large.offsets[i], large.offsets[i - 1] + (9U << 20U));
}

TEST(CaptureReader, ToleratesMoreCapturedThanThereWas) {
  const auto odd = Maker{}.u32(1).u32(0).u32(5).u32(3).bytes(text("abcde")).take();
  const auto all = read(joined({pcap_header(0xA1B2C3D4, false), odd}));
  ASSERT_EQ(all.packets.size(), 1U);
  EXPECT_EQ(all.packets[0].octets.size(), 5U);
  EXPECT_EQ(all.packets[0].original_size, 5U);
  EXPECT_THAT(all.complaints,
              ElementsAre(HasSubstr("more octets captured (5) than it was long (3)")));
}

TEST(CaptureReader, ReadsPcapngSectionsOfDifferentByteOrders) {
  Bytes file;
  for (const bool big : {true, false, true}) {
    const auto part = joined({section(big), interface(big, big ? 1 : 101),
                              enhanced(big, 0, 0x0005A1B2C3D4E5F6, text("payload"))});
    file = joined({file, part});
  }
  const auto all = read(file);
  ASSERT_EQ(all.packets.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(base::as_text(all.packets[i].octets), "payload");
    EXPECT_EQ(all.packets[i].at.ns, 0x0005A1B2C3D4E5F6 * 1000);
    EXPECT_EQ(all.packets[i].link_type, i == 1 ? 101U : 1U);
    EXPECT_EQ(all.packets[i].number, i + 1);
  }
  EXPECT_THAT(all.complaints, IsEmpty());
}

std::int64_t time_of(std::uint8_t resolution, std::uint64_t ticks, std::int64_t offset = 0) {
  Maker options;
  options.option(9, Bytes{resolution});
  if (offset != 0) options.option(14, Maker{}.u64(static_cast<std::uint64_t>(offset)).take());
  const auto all = read(joined(
      {section(false), interface(false, 1, options.u32(0).take()), enhanced(false, 0, ticks, {})}));
  EXPECT_EQ(all.packets.size(), 1U);
  return all.packets.at(0).at.ns;
}

TEST(CaptureReader, UnderstandsTheTimeResolutionOfEachInterface) {
  EXPECT_EQ(time_of(9, 1'790'000'000'123'456'789), 1'790'000'000'123'456'789);
  EXPECT_EQ(time_of(6, 1'790'000'000'123'456), 1'790'000'000'123'456'000);
  EXPECT_EQ(time_of(3, 1'790'000'000'123), 1'790'000'000'123'000'000);
  EXPECT_EQ(time_of(0, 1'790'000'000), 1'790'000'000'000'000'000);
  EXPECT_EQ(time_of(12, 1'790'000'000'123), 1'790'000'000);
  EXPECT_EQ(time_of(19, ~0ULL), 1'844'674'407);
  EXPECT_EQ(time_of(127, ~0ULL), 0);
  EXPECT_EQ(time_of(0x80 | 8, 1'519'128'000 * 256ULL + 50), 1'519'128'000'195'312'500);
  EXPECT_EQ(time_of(0x80 | 32, (7ULL << 32U) + (1ULL << 31U)), 7'500'000'000);
  EXPECT_EQ(time_of(0x80 | 127, ~0ULL), 0);
  EXPECT_EQ(time_of(6, 1'000'000, 3600), 3'601'000'000'000);
  EXPECT_EQ(time_of(6, 1'000'000, -5), -4'000'000'000);
  EXPECT_EQ(time_of(0, ~0ULL), INT64_MAX) << "beyond what a Moment holds";
  EXPECT_EQ(time_of(6, 0, INT64_MIN), INT64_MIN);
}

TEST(CaptureReader, ReadsSimpleAndObsoletePackets) {
  const auto simple = block(false, 3, Maker{}.u32(9).padded(text("abcdef")).take());
  const auto obsolete = block(
      false, 2, Maker{}.u16(0).u16(3).u32(0).u32(5).u32(4).u32(10).bytes(text("abcd")).take());
  const auto all = read(joined({section(false), interface(false, 1, {}, 6), obsolete, simple}));
  ASSERT_EQ(all.packets.size(), 2U);
  EXPECT_EQ(base::as_text(all.packets[0].octets), "abcd");
  EXPECT_EQ(all.packets[0].original_size, 10U);
  EXPECT_EQ(all.packets[0].at.ns, 5000);
  EXPECT_EQ(base::as_text(all.packets[1].octets), "abcdef") << "cut by the snap length";
  EXPECT_EQ(all.packets[1].original_size, 9U);
  EXPECT_EQ(all.packets[1].at.ns, 5000) << "has no time: that of the packet before";
  EXPECT_THAT(all.complaints, ElementsAre(HasSubstr("simple packets")));
}

TEST(CaptureReader, FindsSecretsBehindThePacketsThatNeedThem) {
  const auto log = text("CLIENT_RANDOM 00 11\n");
  const auto secrets = [](std::uint32_t type, std::uint32_t size, ByteSpan octets) {
    return block(false, 10, Maker{}.u32(type).u32(size).bytes(octets).take());
  };
  const auto file = joined({section(false), interface(false, 1), enhanced(false, 0, 1, {}),
                            secrets(0x544C534B, static_cast<std::uint32_t>(log.size()), log),
                            secrets(0x57474B4C, 4, text("wg..")),  // WireGuard's
                            secrets(0x544C534B, 4'000'000'000, text("CLIENT_RANDOM 22 33\n"))});
  auto reader = CaptureReader::open(file);
  ASSERT_TRUE(reader);
  EXPECT_THAT(reader->tls_key_logs(),
              ElementsAre("CLIENT_RANDOM 00 11\n", "CLIENT_RANDOM 22 33\n"));
  const auto all = read(file);
  EXPECT_EQ(all.packets.size(), 1U);
  EXPECT_THAT(all.complaints, ElementsAre(HasSubstr("claim 4000000000 octets")));
}

TEST(CaptureReader, KeepsComments) {
  const auto comment = Maker{}.option(2, text("flags")).option(1, text("why")).u32(0).take();
  const auto all = read(
      joined({section(false), interface(false, 1), enhanced(false, 0, 1, text("abcde"), comment)}));
  EXPECT_THAT(all.comments, ElementsAre("why"));
}

TEST(CaptureReader, PassesOverUnknownBlocksAndNumbersFramesAsTshark) {
  const auto all =
      read(joined({section(false), interface(false, 1), block(false, 4, Bytes(8, 0)),
                   block(false, 0x0BAD, Bytes(8, 0)), block(false, 0x7777, Bytes(5, 1)),
                   enhanced(false, 0, 1, text("abc"))}));
  ASSERT_EQ(all.packets.size(), 1U);
  EXPECT_EQ(all.packets[0].number, 2U) << "tshark numbers custom blocks with the frames";
  EXPECT_THAT(all.complaints, IsEmpty());
}

TEST(CaptureReader, SaysWherePcapngLengthsLie) {
  const auto good =
      joined({section(false), interface(false, 1), enhanced(false, 0, 0, text("abc"))});
  const auto liar = [&](std::uint32_t type, std::uint32_t size) {
    return read(joined({good, Maker{}.u32(type).u32(size).take(), Bytes(40, 0)}));
  };
  for (const std::uint32_t size : {0U, 4U, 11U}) {
    const auto all = liar(5, size);
    EXPECT_EQ(all.packets.size(), 1U);
    EXPECT_THAT(all.complaints,
                ElementsAre(HasSubstr("gives its length as " + std::to_string(size) +
                                      "; the file is damaged")));
  }
  EXPECT_THAT(liar(5, 0xFFFFFFFC).complaints,
              ElementsAre(HasSubstr("48 are left; the file is cut or damaged")));
  const auto cut = liar(6, 0xFFFFFFFC);
  EXPECT_THAT(cut.complaints,
              ElementsAre(HasSubstr("the file is cut in the middle of the packet")));
  EXPECT_EQ(cut.packets.size(), 2U) << "with the octets that are there, here none";

  auto different = good;
  different.back() = 1;
  EXPECT_EQ(read(different).packets.size(), 1U);
  EXPECT_THAT(read(different).complaints, ElementsAre(HasSubstr("the first is believed")));
}

TEST(CaptureReader, ReadsBlocksWhoseLengthIsNoMultipleOfFour) {
  // A writer that forgot to pad: the trailer tells where the block really ends.
  const auto unpadded = joined({Maker{}.u32(6).u32(35).u32(0).u32(0).u32(1).u32(3).u32(3).take(),
                                text("abc"), Maker{}.u32(35).take()});
  // And one that padded without counting.
  const auto uncounted = joined({Maker{}.u32(6).u32(35).u32(0).u32(0).u32(2).u32(3).u32(3).take(),
                                 text("def."), Maker{}.u32(35).take()});
  const auto all = read(joined({section(false), interface(false, 1), unpadded, uncounted,
                                enhanced(false, 0, 3, text("ghi"))}));
  ASSERT_EQ(all.packets.size(), 3U);
  EXPECT_EQ(base::as_text(all.packets[0].octets), "abc");
  EXPECT_EQ(base::as_text(all.packets[1].octets), "def");
  EXPECT_EQ(base::as_text(all.packets[2].octets), "ghi");
  EXPECT_THAT(all.complaints, ElementsAre(HasSubstr("not a multiple of 4")));
}

TEST(CaptureReader, PassesOverPacketsOfInterfacesThatNobodyDescribed) {
  const auto all =
      read(joined({section(false), enhanced(false, 0, 1, text("abc")), interface(false, 1),
                   enhanced(false, 7, 1, text("abc")), enhanced(false, 0, 1, text("def"))}));
  ASSERT_EQ(all.packets.size(), 1U);
  EXPECT_EQ(all.packets[0].number, 3U);
  EXPECT_THAT(all.complaints, ElementsAre(HasSubstr("is of interface 0, 0 are described")));
}

TEST(CaptureReader, IsNotMisledByPacketAndOptionLengths) {
  Maker body;
  body.u32(0).u32(0).u32(1).u32(4'000'000'000).u32(4'000'000'000).bytes(text("abcd"));
  const auto long_packet = block(false, 6, body.take());
  const auto long_option =
      enhanced(false, 0, 2, text("efgh"), Maker{}.u16(1).u16(60'000).bytes(text("....")).take());
  const auto all = read(joined({section(false), interface(false, 1), long_packet, long_option}));
  ASSERT_EQ(all.packets.size(), 2U);
  EXPECT_EQ(base::as_text(all.packets[0].octets), "abcd");
  EXPECT_EQ(base::as_text(all.packets[1].octets), "efgh");
  EXPECT_THAT(all.complaints, ElementsAre(HasSubstr("claims 4000000000 octets, its block holds 4"),
                                          HasSubstr("option 1 of the block at octet")));
}

TEST(CaptureReader, NamesALinkTypeThatIsNotRead) {
  const auto all =
      read(joined({section(false), interface(false, 105), enhanced(false, 0, 1, text("abc")),
                   enhanced(false, 0, 1, text("abc"))}));
  EXPECT_EQ(all.packets.size(), 2U);
  EXPECT_THAT(all.complaints, ElementsAre("frames of link type 105 (IEEE 802.11) are not read"));
}

TEST(CaptureReader, BoundsItsComplaints) {
  Bytes file = section(false);
  for (int i = 0; i < 3000; ++i) {
    file = joined({file, interface(false, static_cast<std::uint32_t>(1000 + i)),
                   enhanced(false, static_cast<std::uint32_t>(i), 1, {})});
    if (file.size() > 40'000) break;
  }
  EXPECT_LE(read(file).complaints.size(), 33U);
  EXPECT_EQ(read(file).complaints.size(), 33U);
}

TEST(CaptureReader, GivesPacketsInOrderOfTime) {
  Bytes file = joined({section(false), interface(false, 1)});
  for (const std::uint64_t time : {10ULL, 11ULL, 14ULL, 15ULL, 12ULL, 13ULL, 15ULL, 16ULL}) {
    file = joined({file, enhanced(false, 0, time, {})});
  }
  const auto all = read(file);
  std::vector<std::int64_t> times;
  std::vector<std::uint64_t> numbers;
  for (const auto& packet : all.packets) {
    times.push_back(packet.at.ns / 1000);
    numbers.push_back(packet.number);
  }
  EXPECT_THAT(times, ElementsAre(10, 11, 12, 13, 14, 15, 15, 16));
  EXPECT_THAT(numbers, ElementsAre(1, 2, 5, 6, 3, 4, 7, 8));
  EXPECT_THAT(all.complaints, ElementsAre(HasSubstr("not in order of time")));
}

TEST(CaptureReader, LeavesPacketsAloneWhenTheClockWasSetBackForLong) {
  Bytes file = joined({section(false), interface(false, 1), enhanced(false, 0, 1'000'000'000, {})});
  const auto late = enhanced(false, 0, 5, {});
  for (int i = 0; i < 20'000; ++i) file.insert(file.end(), late.begin(), late.end());
  const auto all = read(file);
  EXPECT_EQ(all.packets.front().at.ns, 1'000'000'000'000);
  EXPECT_EQ(all.packets.size(), 20'001U);
  EXPECT_THAT(all.complaints, ElementsAre(HasSubstr("the clock of the capture goes back")));
}

TEST(CaptureReader, MendsDisorderWhereItIsAndKeepsASetBackClockWhereItStands) {
  // Each packet's octet says which part of the file it belongs to.
  Bytes file = pcap_header(0xA1B2C3D4, false);
  const auto add = [&](std::uint32_t seconds, std::uint8_t part) {
    const auto packet = pcap_packet(false, seconds, 0, Bytes{part});
    file.insert(file.end(), packet.begin(), packet.end());
  };
  constexpr std::uint32_t kMany = 40'000;
  constexpr std::uint32_t kLate = 9'000;  // places behind
  for (std::uint32_t i = 0; i < kMany; ++i) add(1'000'000 + i, 0);
  for (std::uint32_t i = 0; i < kLate; ++i) add(2'000'000 + i, 1);
  add(1'999'999, 2);
  for (std::uint32_t i = 0; i < kMany; ++i) add(3'000'000 + i, 3);
  for (std::uint32_t i = 0; i < kMany; ++i) add(500'000 + i, 4);
  add(540'001, 5);
  add(540'000, 5);
  for (std::uint32_t i = 2; i < 10; ++i) add(540'000 + i, 5);
  const auto all = read(file);
  ASSERT_EQ(all.packets.size(), kMany * 3 + kLate + 11);
  EXPECT_EQ(all.packets[kMany].octets[0], 2) << "goes ahead of the ones that it was behind";
  for (std::size_t i = 1; i < all.packets.size(); ++i) {
    const auto& before = all.packets[i - 1];
    const auto& here = all.packets[i];
    if (before.octets[0] == 3 && here.octets[0] == 4) continue;
    ASSERT_LE(before.at.ns, here.at.ns) << i;
  }
  EXPECT_THAT(all.complaints, ::testing::UnorderedElementsAre(HasSubstr("not in order of time"),
                                                              HasSubstr("goes back")));
}

TEST(CaptureReader, NamesWhatIsNoCapture) {
  const auto error = [](std::string_view start) {
    Bytes file = text(start);
    if (file.size() > 1) file.resize(std::max<std::size_t>(file.size(), 64), file.back());
    return read(file).error;
  };
  using std::string_literals::operator""s;
  EXPECT_EQ(error(""), "an empty file");
  EXPECT_EQ(read(Bytes{1}).error, "too short for a capture: 1 octet");
  EXPECT_EQ(read(Bytes(20, 1)).error, "too short for a capture: 20 octets");
  EXPECT_THAT(error("\x1F\x8B\x08"), HasSubstr("gzip"));
  EXPECT_THAT(error("\x28\xB5\x2F\xFD"), HasSubstr("zstd"));
  EXPECT_THAT(error("\xFD"
                    "7zXZ\0"s),
              HasSubstr("xz"));
  EXPECT_THAT(error("PK\x03\x04"), HasSubstr("zip archive"));
  EXPECT_THAT(error("\x7F"
                    "ELF\x02"),
              HasSubstr("ELF"));
  EXPECT_THAT(error("GMBU"), HasSubstr("Network Monitor 2"));
  EXPECT_THAT(error("snoop\0\0\0\0\0\0\2"s), HasSubstr("snoop"));
  EXPECT_THAT(error("\x1C\x00\x01\xAC"s), HasSubstr("IXIA"));
  EXPECT_THAT(error("<!DOCTYPE html><html>login first</html>"), HasSubstr("HTML"));
  EXPECT_THAT(error("  <?xml version='1.0'?>"), HasSubstr("XML"));
  EXPECT_THAT(error("CLIENT_RANDOM 00 11\n"), HasSubstr("key log"));
  EXPECT_THAT(error("full address:s:host\n"), HasSubstr(".rdp file"));
  EXPECT_THAT(error("hello, this is plain text\n"), HasSubstr("a text file"));
  EXPECT_THAT(error("\x01\x02\x03\x04\x80"), HasSubstr("begins with 01 02 03 04"));
  // A pcapng magic and nothing right behind it.
  EXPECT_THAT(error("\x0A\x0D\x0D\x0A\xFF\xFF\xFF\xFF\x01"), HasSubstr("neither pcap nor pcapng"));

  Bytes trace(200, 0);
  trace[1] = 0x20;  // buffers of 8192 octets
  trace[0x4A] = 2;
  trace[0x4B] = 0xC0;
  EXPECT_THAT(read(trace).error, HasSubstr("Windows event trace"));
  Bytes erf(100, 0);
  erf[8] = 2;  // Ethernet
  erf[11] = 100;
  erf[15] = 82;
  EXPECT_THAT(read(erf).error, HasSubstr("ERF"));
}

}  // namespace
}  // namespace rdpwhy::capture
