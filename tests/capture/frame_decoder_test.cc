#include <gtest/gtest.h>

#include "capture/packets.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/capture/segment.h"

namespace rdpwhy::capture {
namespace {

using testing::ethernet;
using testing::ipv4;
using testing::ipv6;
using testing::joined;
using testing::packet;
using testing::tcp;
using testing::text;

constexpr std::uint8_t kPshAck = 0x18;

Bytes hello() { return tcp(50'000, 3389, 1000, kPshAck, text("hello")); }

/// The payload's text, or "-" where no segment was found.
std::string payload_of(const Bytes& frame, std::uint32_t link_type) {
  FrameDecoder decoder;
  const auto result = decoder.decode(packet(frame, link_type));
  if (!result.segment) return "-";
  EXPECT_EQ(result.segment->payload_on_wire, result.segment->payload.size());
  EXPECT_EQ(result.segment->from.port, 50'000);
  EXPECT_EQ(result.segment->to.port, 3389);
  return std::string(base::as_text(result.segment->payload));
}

TEST(FrameDecoder, ReadsEveryFieldOfASegment) {
  const Bytes options = {1, 1, 2, 4, 0x05, 0xB4, 0, 0};
  const auto frame =
      ethernet(0x0800, ipv4(tcp(50'000, 3389, 0xFFFFFFF0, 0x02, text("x"), options)));
  FrameDecoder decoder;
  const auto result = decoder.decode(packet(frame, 1, 42));
  ASSERT_TRUE(result.segment);
  const auto& segment = *result.segment;
  EXPECT_EQ(segment.from.text(), "192.0.2.1:50000");
  EXPECT_EQ(segment.to.text(), "192.0.2.2:3389");
  EXPECT_EQ(segment.sequence, 0xFFFFFFF0U);
  EXPECT_EQ(segment.acknowledgement, 7U);
  EXPECT_TRUE(segment.syn);
  EXPECT_FALSE(segment.ack || segment.fin || segment.rst || segment.psh);
  EXPECT_EQ(segment.window, 1024);
  EXPECT_EQ(segment.ttl, 61);
  EXPECT_EQ(segment.mss, 1460);
  EXPECT_EQ(segment.at.ns, 42);
  EXPECT_EQ(base::as_text(segment.payload), "x");
}

TEST(FrameDecoder, FindsIpUnderEveryLinkLayer) {
  const auto v4 = ipv4(hello());
  const auto v6 = ipv6(6, hello());
  EXPECT_EQ(payload_of(ethernet(0x0800, v4), 1), "hello");
  EXPECT_EQ(payload_of(ethernet(0x86DD, v6), 1), "hello");
  for (const std::uint32_t raw : {12U, 14U, 101U}) {
    EXPECT_EQ(payload_of(v4, raw), "hello");
    EXPECT_EQ(payload_of(v6, raw), "hello");
  }
  EXPECT_EQ(payload_of(v4, 228), "hello");
  EXPECT_EQ(payload_of(v6, 229), "hello");
  const Bytes cooked(14, 0);
  EXPECT_EQ(payload_of(joined({cooked, Bytes{0x08, 0x00}, v4}), 113), "hello");
  EXPECT_EQ(payload_of(joined({Bytes{0x86, 0xDD}, Bytes(18, 0), v6}), 276), "hello");
  EXPECT_EQ(payload_of(joined({Bytes{2, 0, 0, 0}, v4}), 0), "hello");
  EXPECT_EQ(payload_of(joined({Bytes{0, 0, 0, 2}, v4}), 0), "hello");
  EXPECT_EQ(payload_of(joined({Bytes{30, 0, 0, 0}, v6}), 0), "hello");
  EXPECT_EQ(payload_of(joined({Bytes{0, 0, 0, 24}, v6}), 108), "hello");
  EXPECT_EQ(payload_of(joined({Bytes{0xFF, 0x03, 0x00, 0x21}, v4}), 9), "hello");
}

TEST(FrameDecoder, PassesOverTagsLabelsAndSessions) {
  const auto v4 = ipv4(hello());
  const Bytes tag = {0x00, 0x05, 0x08, 0x00};
  EXPECT_EQ(payload_of(ethernet(0x8100, joined({tag, v4})), 1), "hello");
  const Bytes inner = {0x00, 0x05, 0x81, 0x00};
  for (const int outer : {0x88A8, 0x9100, 0x8100}) {
    EXPECT_EQ(payload_of(ethernet(static_cast<std::uint16_t>(outer), joined({inner, tag, v4})), 1),
              "hello");
  }
  const Bytes session = {0x11, 0x00, 0x00, 0x01, 0x00, static_cast<std::uint8_t>(2 + v4.size()),
                         0x00, 0x21};
  EXPECT_EQ(payload_of(ethernet(0x8864, joined({session, v4})), 1), "hello");
  const Bytes labels = {0x00, 0x01, 0x00, 0x40, 0x00, 0x02, 0x01, 0x40};
  EXPECT_EQ(payload_of(ethernet(0x8847, joined({labels, v4})), 1), "hello");
  const Bytes snap = {0xAA, 0xAA, 0x03, 0, 0, 0, 0x08, 0x00};
  EXPECT_EQ(payload_of(ethernet(80, joined({snap, v4})), 1), "hello");
}

TEST(FrameDecoder, LeavesWhatIsNotIpOrNotTcpAlone) {
  EXPECT_EQ(payload_of(ethernet(0x0806, Bytes(46, 0)), 1), "-");  // ARP
  EXPECT_EQ(payload_of(ethernet(0x0800, ipv4(hello(), {.protocol = 17})), 1), "-");
  EXPECT_EQ(payload_of(joined({Bytes{0, 0, 0, 7}, ipv4(hello())}), 0), "-");  // another family
  EXPECT_EQ(payload_of(ipv4(hello()), 147), "-");
  EXPECT_EQ(payload_of({}, 1), "-");
  EXPECT_FALSE(FrameDecoder::knows(105));
  EXPECT_TRUE(FrameDecoder::knows(276));
}

/// RFC 768, from 50,000 to 3389; a length of -1 is the right one.
Bytes udp(ByteSpan payload, int length = -1) {
  Writer w;
  w.u16be(50'000).u16be(3389);
  w.u16be(static_cast<std::uint16_t>(length >= 0 ? length : 8 + static_cast<int>(payload.size())));
  w.u16be(0).bytes(payload);
  return w.take();
}

/// "192.0.2.1:50000 > 192.0.2.2:3389 hello", or "-" where no datagram was found.
std::string datagram_in(const Bytes& frame, std::uint32_t link_type = 1) {
  FrameDecoder decoder;
  const auto result = decoder.decode(packet(frame, link_type));
  EXPECT_FALSE(result.segment || result.icmp);
  if (!result.datagram) return "-";
  const auto& [from, to, payload, at] = *result.datagram;
  return from.text() + " > " + to.text() + " " + std::string(base::as_text(payload));
}

TEST(FrameDecoder, ReadsDatagramsOfUdp) {
  const auto hi = udp(text("hello"));
  EXPECT_EQ(datagram_in(ethernet(0x0800, joined({ipv4(hi, {.protocol = 17}), Bytes(9, 0xEE)}))),
            "192.0.2.1:50000 > 192.0.2.2:3389 hello");
  EXPECT_EQ(datagram_in(ipv6(17, hi), 101), "[2001:db8::1]:50000 > [2001:db8::2]:3389 hello");
  EXPECT_EQ(datagram_in(ipv4(udp(text("hello"), 0), {.protocol = 17}), 101),
            "192.0.2.1:50000 > 192.0.2.2:3389 hello");
  EXPECT_EQ(datagram_in(ipv4(udp(text("hello"), 10), {.protocol = 17}), 101),
            "192.0.2.1:50000 > 192.0.2.2:3389 he");
  EXPECT_EQ(datagram_in(ipv4(udp(text("hello"), 600), {.protocol = 17}), 101),
            "192.0.2.1:50000 > 192.0.2.2:3389 hello");
}

TEST(FrameDecoder, FragmentsAndStumpsOfDatagramsAreLeftAlone) {
  const auto hi = udp(text("hello"));
  EXPECT_EQ(datagram_in(ipv4(hi, {.protocol = 17, .flags_and_offset = 0x2000}), 101), "-");
  EXPECT_EQ(datagram_in(ipv4(hi, {.protocol = 17, .flags_and_offset = 1}), 101), "-");
  EXPECT_EQ(datagram_in(ipv4(udp(text("hello"), 7), {.protocol = 17}), 101), "-");
  EXPECT_EQ(datagram_in(ipv4(Bytes(7, 0), {.protocol = 17}), 101), "-");
}

TEST(FrameDecoder, CutsEthernetPaddingOffByTheTotalLength) {
  const auto frame = ethernet(0x0800, joined({ipv4(hello()), Bytes(17, 0xEE)}));
  EXPECT_EQ(payload_of(frame, 1), "hello");
  EXPECT_EQ(payload_of(ethernet(0x86DD, joined({ipv6(6, hello()), Bytes(17, 0xEE)})), 1), "hello");
}

TEST(FrameDecoder, TakesALengthOfZeroAsSegmentationOffload) {
  EXPECT_EQ(payload_of(ethernet(0x0800, ipv4(hello(), {.total = 0})), 1), "hello");
  EXPECT_EQ(payload_of(ethernet(0x86DD, ipv6(6, hello(), 0)), 1), "hello");
}

TEST(FrameDecoder, DoesNotBelieveLengthsBeyondTheFrame) {
  EXPECT_EQ(payload_of(ethernet(0x0800, ipv4(hello(), {.total = 60'000})), 1), "hello");
  EXPECT_EQ(payload_of(ethernet(0x86DD, ipv6(6, hello(), 60'000)), 1), "hello");
  EXPECT_EQ(payload_of(ethernet(0x0800, ipv4(hello(), {.total = 19})), 1), "-");
  auto short_header = ipv4(hello());
  short_header[0] = 0x44;
  EXPECT_EQ(payload_of(ethernet(0x0800, short_header), 1), "-");
  auto long_tcp_header = hello();
  long_tcp_header[12] = 0xF0;
  EXPECT_EQ(payload_of(ethernet(0x0800, ipv4(long_tcp_header)), 1), "-");
}

TEST(FrameDecoder, SaysHowMuchTheSnapLengthCutOff) {
  const auto frame = ethernet(0x0800, ipv4(hello()));
  FrameDecoder decoder;
  auto cut = packet(ByteSpan(frame).first(frame.size() - 3), 1);
  cut.original_size = static_cast<std::uint32_t>(frame.size());
  auto result = decoder.decode(cut);
  ASSERT_TRUE(result.segment);
  EXPECT_EQ(base::as_text(result.segment->payload), "he");
  EXPECT_EQ(result.segment->payload_on_wire, 5U);

  cut.octets = ByteSpan(frame).first(14 + 20 + 20);  // the header alone
  result = decoder.decode(cut);
  ASSERT_TRUE(result.segment);
  EXPECT_TRUE(result.segment->payload.empty());
  EXPECT_EQ(result.segment->payload_on_wire, 5U);

  cut.octets = ByteSpan(frame).first(14 + 20 + 19);
  EXPECT_FALSE(decoder.decode(cut).segment);
}

TEST(FrameDecoder, ReadsIpOptionsAndIpv6ExtensionHeaders) {
  EXPECT_EQ(payload_of(ethernet(0x0800, ipv4(hello(), {.options = Bytes(12, 1)})), 1), "hello");
  const Bytes hop_by_hop = {43, 0, 1, 4, 0, 0, 0, 0};
  const Bytes routing = {60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes destination = {51, 0, 1, 4, 0, 0, 0, 0};
  const Bytes authentication = {44, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes atomic_fragment = {6, 0, 0, 0, 0, 0, 0, 9};
  const auto chain =
      joined({hop_by_hop, routing, destination, authentication, atomic_fragment, hello()});
  EXPECT_EQ(payload_of(ipv6(0, chain), 101), "hello");
  // One that says it is longer than the packet.
  EXPECT_EQ(payload_of(ipv6(60, joined({Bytes{6, 255, 0, 0, 0, 0, 0, 0}, hello()})), 101), "-");
  // A chain without an end.
  Bytes endless;
  for (int i = 0; i < 40; ++i) endless = joined({Bytes{60, 0, 1, 4, 0, 0, 0, 0}, endless});
  EXPECT_EQ(payload_of(ipv6(60, endless), 101), "-");
}

TEST(FrameDecoder, TextOfAddressesFollowsRfc5952) {
  const auto v6 = [](std::initializer_list<int> groups) {
    Address address;
    address.v6 = true;
    std::size_t i = 0;
    for (const int group : groups) {
      address.octets[i++] = static_cast<std::uint8_t>(group >> 8);
      address.octets[i++] = static_cast<std::uint8_t>(group);
    }
    return address.text();
  };
  EXPECT_EQ(v6({0x2001, 0xDB8, 0, 0, 0, 0, 0, 1}), "2001:db8::1");
  EXPECT_EQ(v6({0x2001, 0xDB8, 0, 1, 1, 1, 1, 1}), "2001:db8:0:1:1:1:1:1");  // 4.2.2
  EXPECT_EQ(v6({0x2001, 0, 0, 1, 0, 0, 0, 1}), "2001:0:0:1::1");             // 4.2.3, longest
  EXPECT_EQ(v6({0x2001, 0xDB8, 0, 0, 1, 0, 0, 1}), "2001:db8::1:0:0:1");     // 4.2.3, first
  EXPECT_EQ(v6({0, 0, 0, 0, 0, 0, 0, 0}), "::");
  EXPECT_EQ(v6({0, 0, 0, 0, 0, 0, 0, 1}), "::1");
  EXPECT_EQ(v6({0xFE80, 0, 0, 0, 0, 0, 0, 0}), "fe80::");
  EXPECT_EQ(v6({0, 0, 0, 0, 0, 0xFFFF, 0xC000, 0x0280}), "::ffff:192.0.2.128");
  EXPECT_EQ((Endpoint{.address = {}, .port = 1}).text(), "0.0.0.0:1");
}

struct Piece {
  std::uint16_t offset = 0;  ///< octets
  bool more = false;
  std::uint16_t size = 0;
  std::int64_t at = 0;
};

// Feeds pieces of one datagram and gives the payload of what gets complete.
std::string put_together(const Bytes& whole, std::initializer_list<Piece> pieces, bool v6 = false) {
  FrameDecoder decoder;
  std::string found = "-";
  for (const auto& piece : pieces) {
    const auto part = ByteSpan(whole).subspan(piece.offset, piece.size);
    Bytes frame;
    if (v6) {
      Writer header;
      header.u8(6).u8(0);
      header.u16be(static_cast<std::uint16_t>(piece.offset | (piece.more ? 1 : 0))).u32be(77);
      frame = ipv6(44, joined({header.view(), part}));
    } else {
      frame = ipv4(part, {.flags_and_offset = static_cast<std::uint16_t>(
                              piece.offset / 8 + (piece.more ? 0x2000 : 0))});
    }
    const auto result = decoder.decode(packet(frame, 101, piece.at));
    if (result.segment) found = std::string(base::as_text(result.segment->payload));
  }
  return found;
}

TEST(FrameDecoder, PutsFragmentsTogetherInAnyOrder) {
  const auto whole = tcp(50'000, 3389, 1, kPshAck, text("twelve octets and more"));  // 42
  for (const bool v6 : {false, true}) {
    EXPECT_EQ(put_together(whole, {{0, true, 24}, {24, true, 16}, {40, false, 2}}, v6),
              "twelve octets and more");
    EXPECT_EQ(put_together(whole, {{40, false, 2}, {24, true, 16}, {0, true, 24}}, v6),
              "twelve octets and more");
    EXPECT_EQ(
        put_together(whole, {{24, true, 16}, {24, true, 16}, {0, true, 24}, {40, false, 2}}, v6),
        "twelve octets and more");
    EXPECT_EQ(put_together(whole, {{0, true, 24}, {40, false, 2}}, v6), "-");
    EXPECT_EQ(put_together(whole, {{0, true, 23}, {23, false, 19}}, v6), "-") << "not in eights";
  }
  const std::int64_t minute = 60'000'000'000;
  EXPECT_EQ(put_together(whole, {{0, true, 24}, {24, false, 18, minute}}), "-") << "too old";
}

TEST(FrameDecoder, OfOverlappingFragmentsTheFirstOctetsWin) {
  const auto first = tcp(50'000, 3389, 1, kPshAck, text("aaaabbbbccccdddd"));  // 36
  const auto other = tcp(50'000, 3389, 1, kPshAck, text("XXXXXXXXXXXXXXXX"));
  FrameDecoder decoder;
  const auto fragment = [&](const Bytes& of, std::uint16_t offset, std::uint16_t size, bool more) {
    return ipv4(ByteSpan(of).subspan(offset, size),
                {.flags_and_offset = static_cast<std::uint16_t>(offset / 8 + (more ? 0x2000 : 0))});
  };
  EXPECT_FALSE(decoder.decode(packet(fragment(first, 24, 8, true), 101)).segment);
  EXPECT_FALSE(decoder.decode(packet(fragment(other, 16, 20, false), 101)).segment);
  const auto head = fragment(first, 0, 24, true);
  const auto result = decoder.decode(packet(head, 101));
  ASSERT_TRUE(result.segment);
  // 24 to 31 came first, 16 to 23 and 32 on came with the second; the third's copy of 16 to 23 is
  // late.
  EXPECT_EQ(base::as_text(result.segment->payload), "XXXXbbbbccccXXXX");
}

TEST(FrameDecoder, IsNotHurtByTeardropsOrTheDeathPing) {
  FrameDecoder decoder;
  const Bytes part(64, 0);
  std::uint16_t id = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto offset = static_cast<std::uint16_t>((i * 37) % 8192);
    for (const int more : {0x2000, 0}) {
      const auto frame =
          ipv4(part, {.id = static_cast<std::uint16_t>(id + i % 700),
                      .flags_and_offset = static_cast<std::uint16_t>(offset | more)});
      EXPECT_FALSE(decoder.decode(packet(frame, 101)).segment);
    }
  }
  EXPECT_FALSE(decoder.decode(packet(ipv4(part, {.flags_and_offset = 0x1FFF}), 101)).segment);
}

TEST(FrameDecoder, ReadsIcmpErrorsThatQuoteASegment) {
  FrameDecoder decoder;
  // A router needs to quote 8 octets of the segment, no more.
  const auto quoted = ipv4(ByteSpan(tcp(50'000, 3389, 1, 2, {})).first(8), {.total = 40});
  const auto frame = ipv4(joined({Bytes{3, 13, 0, 0, 0, 0, 0, 0}, quoted}), {.protocol = 1});
  const auto result = decoder.decode(packet(frame, 101, 5));
  EXPECT_FALSE(result.segment);
  ASSERT_TRUE(result.icmp);
  EXPECT_EQ(result.icmp->type, 3);
  EXPECT_EQ(result.icmp->code, 13);
  EXPECT_EQ(result.icmp->offender.text(), "192.0.2.1");
  EXPECT_EQ(result.icmp->from.text(), "192.0.2.1:50000");
  EXPECT_EQ(result.icmp->to.text(), "192.0.2.2:3389");
  EXPECT_EQ(result.icmp->at.ns, 5);

  const auto frame6 =
      ipv6(58, joined({Bytes{1, 4, 0, 0, 0, 0, 0, 0}, ipv6(6, tcp(50'000, 3389, 1, 2, {}))}));
  const auto result6 = decoder.decode(packet(frame6, 101));
  ASSERT_TRUE(result6.icmp);
  EXPECT_TRUE(result6.icmp->v6);
  EXPECT_EQ(result6.icmp->to.text(), "[2001:db8::2]:3389");

  const auto echo = ipv4(joined({Bytes{8, 0, 0, 0, 0, 0, 0, 0}, quoted}), {.protocol = 1});
  EXPECT_FALSE(decoder.decode(packet(echo, 101)).icmp);
  const auto of_udp =
      ipv4(joined({Bytes{3, 3, 0, 0, 0, 0, 0, 0}, ipv4(Bytes(8, 0), {.protocol = 17})}),
           {.protocol = 1});
  EXPECT_FALSE(decoder.decode(packet(of_udp, 101)).icmp);
}

}  // namespace
}  // namespace rdpwhy::capture
