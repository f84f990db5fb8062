#include "rdpwhy/asn1/der.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "asn1/asn1_oracles.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::asn1 {
namespace {

Bytes from_hex(std::string_view text) { return base::parse_hex(text).value(); }

template <typename Read>
auto read_whole(std::string_view hex, Read read, Notes* notes = nullptr) {
  const auto octets = from_hex(hex);
  Reader r(octets, notes);
  auto value = read(r);
  return r.finish(std::move(value));
}

std::string hex_of(DerWriter& w) { return base::to_hex(w.take()); }

TEST(Header, HasShortAndLongLengths) {
  const auto header = decode_header(from_hex("30820123"), "x");
  ASSERT_TRUE(header && *header);
  EXPECT_EQ((*header)->tag, kSequence);
  EXPECT_EQ((*header)->size, 4);
  EXPECT_EQ((*header)->length, 0x123u);
  EXPECT_TRUE((*header)->minimal);
  EXPECT_FALSE((**decode_header(from_hex("308105"), "x")).minimal);
  EXPECT_FALSE((**decode_header(from_hex("30820080"), "x")).minimal);
  EXPECT_TRUE((**decode_header(from_hex("308180"), "x")).minimal);
}

TEST(Header, OfSeveralTagOctetsIsRead) {
  const auto header = decode_header(from_hex("7f658201b9"), "Connect-Initial");
  ASSERT_TRUE(header && *header);
  EXPECT_EQ((*header)->tag, Tag{0x7F65});
  EXPECT_EQ((*header)->size, 5);
}

TEST(Header, ThatIsCutOffIsNoErrorYet) {
  const auto whole = from_hex("7f658401020304");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto header = decode_header(ByteSpan(whole).first(size), "x");
    ASSERT_TRUE(header) << size;
    EXPECT_FALSE(*header) << size;
  }
}

TEST(Header, RefusesWhatCanBeNone) {
  EXPECT_EQ(decode_header(from_hex("3080"), "TSRequest").error().text,
            "an indefinite length, which DER does not have");
  EXPECT_EQ(decode_header(from_hex("30ff"), "x").error().text, "a length of 127 octets");
  EXPECT_EQ(decode_header(from_hex("30850100000000"), "x").error().text,
            "a length of 4 GiB or more");
  EXPECT_FALSE(decode_header(from_hex("308801"), "x")) << "said before the rest is there";
  EXPECT_TRUE(decode_header(from_hex("308800000000ff"), "x"));
  EXPECT_EQ(decode_header(from_hex("1f818181"), "x").error().text,
            "a tag number of more than 14 bits");
  EXPECT_EQ((**decode_header(from_hex("3084ffffffff"), "x")).length, 0xFFFFFFFFu);
}

TEST(Tag, IsNamedAsTheNotationWritesIt) {
  EXPECT_EQ(tag_name(kOctetString), "OCTET STRING");
  EXPECT_EQ(tag_name(context(4)), "[4]");
  EXPECT_EQ(tag_name(application(14)), "[APPLICATION 14]");
  EXPECT_EQ(tag_name({0x7F65}), "the tag 0x7f65");
}

// X.690 8.3
TEST(Integer, OfEitherSignAndAnyWidthIsRead) {
  const auto read = [](Reader& r) { return read_int32(r, "n"); };
  const std::pair<const char*, std::int32_t> kCases[] = {{"020100", 0},
                                                         {"02017f", 127},
                                                         {"02020080", 128},
                                                         {"0201ff", -1},
                                                         {"020180", -128},
                                                         {"0202ff7f", -129},
                                                         {"02047fffffff", INT32_MAX},
                                                         {"020480000000", INT32_MIN}};
  for (const auto& [hex, value] : kCases) {
    Notes notes;
    const auto number = read_whole(hex, read, &notes);
    ASSERT_TRUE(number) << hex;
    EXPECT_EQ(*number, value);
    EXPECT_TRUE(notes.anomalies.empty()) << hex;
    DerWriter w;
    w.integer(value);
    EXPECT_EQ(hex_of(w), hex);
  }
}

TEST(Integer, OfStatusCodesIsTheSame32BitsHoweverItIsSigned) {
  const auto read = [](Reader& r) { return read_bits32(r, "errorCode"); };
  EXPECT_EQ(read_whole("020480090302", read), 0x80090302u);
  EXPECT_EQ(read_whole("02050080090302", read), 0x80090302u);
  EXPECT_EQ(read_whole("0204c000006d", read), 0xC000006Du);
  EXPECT_EQ(read_whole("020105", read), 5u);
  EXPECT_EQ(read_whole("0201ff", read), 0xFFFFFFFFu);
}

TEST(Integer, WrittenTooLongIsReadAndNoted) {
  Notes notes;
  const auto read = [](Reader& r) { return read_uint32(r, "n"); };
  EXPECT_EQ(read_whole("0208000000000000002a", read, &notes), 42u);
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].text, "an INTEGER written longer than DER has it");
}

TEST(Integer, ThatDoesNotFitIsRefused) {
  const auto unsigned32 = [](Reader& r) { return read_uint32(r, "n"); };
  const auto signed32 = [](Reader& r) { return read_int32(r, "n"); };
  EXPECT_FALSE(read_whole("0201ff", unsigned32));
  EXPECT_FALSE(read_whole("02050100000000", unsigned32));
  EXPECT_FALSE(read_whole("02050080000000", signed32));
  EXPECT_FALSE(read_whole("02090102030405060708ff", signed32));
  EXPECT_FALSE(read_whole("0200", signed32));
}

TEST(Length, WrittenTooLongIsReadAndNoted) {
  Notes notes;
  const auto read = [](Reader& r) { return base::to_bytes(read_octet_string(r, "authInfo")); };
  EXPECT_EQ(read_whole("048201 00" + std::string(512, '1'), read, &notes)->size(), 256u);
  EXPECT_TRUE(notes.anomalies.empty());
  EXPECT_EQ(read_whole("0484 00000002 abcd", read, &notes), from_hex("abcd"));
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].field, "authInfo");
}

TEST(Element, OfAnotherTagIsRefusedByName) {
  const auto read = [](Reader& r) { return base::to_bytes(read_octet_string(r, "authInfo")); };
  const auto octets = read_whole("2403 040161", read);
  ASSERT_FALSE(octets);
  EXPECT_EQ(octets.error().field, "authInfo");
  EXPECT_EQ(octets.error().text, "is the tag 0x24, not OCTET STRING");
}

// X.690 8.19.5 and the OIDs of mechanisms
TEST(ObjectIdentifier, IsDottedAndBack) {
  const std::pair<const char*, const char*> kCases[] = {
      {"0603883703", "2.999.3"},
      {"06062b0601050502", "1.3.6.1.5.5.2"},
      {"06092a864886f712010202", "1.2.840.113554.1.2.2"},
      {"06092a864882f712010202", "1.2.840.48018.1.2.2"},
      {"060a2b06010401823702020a", "1.3.6.1.4.1.311.2.2.10"},
      {"060100", "0.0"},
      {"060127", "0.39"},
      {"060150", "2.0"},
      {"060b5581ffffffffffffffff7f", "2.5.18446744073709551615"}};
  const auto read = [](Reader& r) { return read_object_identifier(r, "mech"); };
  for (const auto& [hex, dotted] : kCases) {
    Notes notes;
    EXPECT_EQ(read_whole(hex, read, &notes), dotted);
    EXPECT_TRUE(notes.anomalies.empty()) << hex;
    DerWriter w;
    w.object_identifier(dotted);
    EXPECT_EQ(hex_of(w), hex);
  }
}

TEST(ObjectIdentifier, ThatIsNoneIsRefused) {
  const auto read = [](Reader& r) { return read_object_identifier(r, "mech"); };
  EXPECT_FALSE(read_whole("0600", read));
  EXPECT_FALSE(read_whole("06022b86", read)) << "ends in the middle of an arc";
  EXPECT_FALSE(read_whole("060c2b82ffffffffffffffffff7f", read)) << "an arc of more than 64 bits";
  Notes notes;
  EXPECT_EQ(read_whole("06032b8006", read, &notes), "1.3.6");
  EXPECT_EQ(notes.anomalies.size(), 1u);
}

TEST(BitString, HasItsFirstBitAtTheTop) {
  const auto read = [](Reader& r) { return read_bit_string(r, "ap-options"); };
  const auto bits = read_whole("03050020000000", read);
  ASSERT_TRUE(bits);
  EXPECT_FALSE(bits->bit(1));
  EXPECT_TRUE(bits->bit(2));
  EXPECT_FALSE(bits->bit(99));
  EXPECT_FALSE(read_whole("0300", read));
  EXPECT_FALSE(read_whole("03020800", read));
  EXPECT_FALSE(read_whole("030101", read));
  DerWriter w;
  w.bit_string(*bits);
  EXPECT_EQ(hex_of(w), "03050020000000");
}

TEST(GeneralizedTime, IsAMoment) {
  const auto read = [](Reader& r) { return read_generalized_time(r, "stime"); };
  const auto time = [&](std::string_view text) {
    DerWriter w;
    w.string(kGeneralizedTime, text);
    return read_whole(base::to_hex(w.take()), read);
  };
  EXPECT_EQ(time("19700101000001Z"), Moment{1'000'000'000});
  EXPECT_EQ(time("19851106210627.3Z"), Moment{500'159'187'300'000'000}) << "RFC 4120 5.2.3's time";
  EXPECT_EQ(time("19691231235959Z"), Moment{-1'000'000'000});
  for (const auto* text :
       {"", "20261127231500", "202611272315Z", "20261327231500Z", "20261100231500Z",
        "2026112723150aZ", "20261127231500.Z", "20261127231500+0100", "-0261127231500Z"}) {
    EXPECT_FALSE(time(text)) << text;
  }
  DerWriter w;
  w.generalized_time(Moment{500'159'187'300'000'000});
  EXPECT_EQ(hex_of(w), "180f31393835313130363231303632375a");
}

TEST(Scope, ReadsNestedElementsAndNamesThem) {
  const auto octets = from_hex("3005 a003 020106");
  Notes notes(Notes::Detail::kFields);
  Reader r(octets, &notes);
  {
    Reader request = open(r, kSequence, "TSRequest");
    Reader version = open(request, context(0), "version");
    EXPECT_EQ(read_uint32(version, "version"), 6u);
  }
  EXPECT_TRUE(r.finish(true));
  EXPECT_EQ(base::annotated_dump(octets, notes.fields),
            "   0  30 05                    TSRequest: SEQUENCE, 5 octets\n"
            "   2  a0 03                      version: [0], 3 octets\n"
            "   4  02 01 06                     version: 6\n");
}

TEST(Scope, ThatIsNotReadToItsEndFails) {
  const auto octets = from_hex("3006 020106 020107");
  Reader r(octets);
  {
    Reader list = open(r, kSequence, "list");
    EXPECT_EQ(read_uint32(list, "n"), 6u);
  }
  const auto done = r.finish(true);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, DecodeError::Kind::kTrailing);
  EXPECT_EQ(done.error().field, "list");
}

TEST(Scope, ThatClaimsMoreThanThereIsNeedsIt) {
  const auto octets = from_hex("3084ffffffff a0");
  Reader r(octets);
  {
    Reader list = open(r, kSequence, "TSRequest");
  }
  ASSERT_TRUE(r.failed());
  EXPECT_EQ(r.error()->message(), "TSRequest needs 4294967295 bytes at offset 6, 1 left");
}

TEST(TaggedElements, AreReadInAnyOrderAndOddOnesAreNoted) {
  const auto octets = from_hex("3016 a103020101 a003020102 a003020103 a903020104 0500");
  Notes notes;
  Reader r(octets, &notes);
  std::vector<unsigned> seen;
  {
    Reader sequence = open(r, kSequence, "S");
    read_tagged(sequence, "S", [&](unsigned number) {
      if (number > 1) return false;
      Reader element = open(sequence, context(number), "element");
      seen.push_back(read_uint32(element, "n"));
      return true;
    });
  }
  EXPECT_TRUE(r.finish(true));
  EXPECT_EQ(seen, (std::vector<unsigned>{1, 2, 3}));
  ASSERT_EQ(notes.anomalies.size(), 4u);
  EXPECT_EQ(notes.anomalies[0].text, "stands out of order");
  EXPECT_EQ(notes.anomalies[1].text, "stands twice");
  EXPECT_EQ(notes.anomalies[2].text, "an element that this structure does not have");
  EXPECT_EQ(notes.anomalies[3].offset, 22u);
}

TEST(Writer, FillsLengthsOfEveryWidth) {
  for (const std::size_t size : {0u, 127u, 128u, 255u, 256u, 65535u, 65536u}) {
    DerWriter w;
    {
      const auto outer = w.open(kSequence);
      w.octet_string(Bytes(size));
    }
    const auto octets = w.take();
    Notes notes;
    Reader r(octets, &notes);
    {
      Reader outer = open(r, kSequence, "outer");
      EXPECT_EQ(read_octet_string(outer, "inner").size(), size);
    }
    EXPECT_TRUE(r.finish(true)) << size;
    EXPECT_TRUE(notes.anomalies.empty()) << size;
  }
}

TEST(Writer, OfAnnouncedSizeNeverMovesItsOctets) {
  DerWriter w(300);
  w.octet_string(Bytes(3));
  {
    const auto outer = w.open(kSequence);
    w.octet_string(Bytes(200));
  }
  EXPECT_EQ(w.size(), 5u + 3 + 3 + 200);
  const auto octets = w.take();
  EXPECT_EQ(octets.capacity(), 300u);
}

TEST(AnyOctets, BreakNoPromise) {
  for (const auto* hex :
       {"3005a003020106", "30820123", "7f658201b9", "06092a864886f712010202", "03050020000000",
        "180f31393835313130363231303632375a", "02050080090302", "1b0454455354"}) {
    const auto octets = from_hex(hex);
    for (std::size_t at = 0; at < octets.size(); ++at) {
      oracle::check_der(ByteSpan(octets).first(at));
      for (int value = 0; value < 256; ++value) {
        auto damaged = octets;
        damaged[at] = static_cast<std::uint8_t>(value);
        oracle::check_der(damaged);
      }
    }
  }
}

}  // namespace
}  // namespace rdpwhy::asn1
