#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdp/octets.h"
#include "rdp/share_oracles.h"
#include "rdpwhy/rdp/capabilities.h"
#include "rdpwhy/rdp/share_control.h"

namespace rdpwhy::rdp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint16_t kServer = 0x03EA;

template <typename Content>
Content read(ByteSpan octets, Notes* notes = nullptr) {
  const auto pdu = decode_share_control(octets, notes);
  EXPECT_TRUE(pdu) << (pdu ? "" : pdu.error().message());
  if (!pdu || !std::holds_alternative<Content>(pdu->content)) {
    ADD_FAILURE() << "another PDU";
    return {};
  }
  return std::get<Content>(pdu->content);
}

template <typename Content>
Content read_data(ByteSpan octets, Notes* notes = nullptr) {
  const auto pdu = read<ShareData>(octets, notes);
  if (!std::holds_alternative<Content>(pdu.content)) {
    ADD_FAILURE() << "another data PDU";
    return {};
  }
  return std::get<Content>(pdu.content);
}

std::string error_of(ByteSpan octets) {
  const auto pdu = decode_share_control(octets);
  return pdu ? "no error" : pdu.error().message();
}

DemandActive a_demand() {
  return {.share_id = 0x000103EA,
          .source_descriptor = "RDP",
          .capability_sets = {make_capability_set(CapabilityType::kGeneral,
                                                  {{"osMajorType", 1}, {"extraFlags", 0x1D}}),
                              make_capability_set(CapabilityType::kBitmap,
                                                  {{"desktopWidth", 1024}, {"desktopHeight", 768}}),
                              {.type = 0x77, .body = {1, 2, 3}}},
          .session_id = 0};
}

TEST(DemandActive, IsReadAndWritten) {
  const auto octets = encode(a_demand(), kServer);
  Notes notes;
  const auto pdu = decode_share_control(octets, &notes);
  ASSERT_TRUE(pdu) << pdu.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(pdu->pdu_source, kServer);
  EXPECT_EQ(pdu->type, 1);
  const auto& demand = std::get<DemandActive>(pdu->content);
  EXPECT_EQ(demand, a_demand());
  const auto* general = find(demand.capability_sets, CapabilityType::kGeneral);
  ASSERT_NE(general, nullptr);
  EXPECT_EQ(general->number("extraFlags"), 0x1Du);
  EXPECT_EQ(general->number("desktopWidth"), std::nullopt);
  EXPECT_EQ(find(demand.capability_sets, CapabilityType::kBitmap)->number("desktopHeight"), 768u);
  EXPECT_EQ(find(demand.capability_sets, CapabilityType::kInput), nullptr);
}

TEST(DemandActive, WithoutSessionIdIsRead) {
  auto demand = a_demand();
  demand.session_id.reset();
  EXPECT_EQ(read<DemandActive>(encode(demand, kServer)).session_id, std::nullopt);
}

TEST(DemandActive, OfAbsurdCountsEndsWhereItsOctetsEnd) {
  auto demand = a_demand();
  demand.session_id.reset();
  auto octets = encode(demand, kServer);
  octets[18] = octets[19] = 0xFF;  // numberCapabilities
  EXPECT_EQ(error_of(octets), "capabilitySetType needs 2 bytes at offset 81, 0 left");
}

TEST(DemandActive, CapabilityOfLengthZeroIsAnExactError) {
  auto octets = encode(a_demand(), kServer);
  octets[24] = octets[25] = 0;
  EXPECT_EQ(error_of(octets),
            "lengthCapability: is 0, and the set's own header has 4 octets (offset 24)");
}

TEST(DemandActive, CapabilityBehindTheEndIsAnExactError) {
  auto octets = encode(a_demand(), kServer);
  octets[24] = octets[25] = 0xFF;
  EXPECT_EQ(error_of(octets), "capabilityData needs 65531 bytes at offset 26, 59 left");
}

TEST(DemandActive, CapabilityTooShortOrTooLongIsKeptAndNoted) {
  auto demand = a_demand();
  demand.capability_sets[0].body.resize(12);
  demand.capability_sets[1].body.resize(30);
  Notes notes;
  const auto pdu = read<DemandActive>(encode(demand, kServer), &notes);
  EXPECT_EQ(pdu, demand);
  EXPECT_EQ(pdu.capability_sets[0].number("extraFlags"), 0x1Du);
  EXPECT_EQ(pdu.capability_sets[0].number("remoteUnshareFlag"), std::nullopt);
  EXPECT_EQ(said(notes),
            "capabilityData CAPSTYPE_GENERAL has 12 octets, 20 are its fields; "
            "capabilityData CAPSTYPE_BITMAP goes on for 6 octets after its last field; ");
}

TEST(DemandActive, CombinedLengthThatIsWrongIsNoted) {
  auto octets = encode(a_demand(), kServer);
  octets[12] = 1;
  octets[13] = 0;
  Notes notes;
  EXPECT_EQ(read<DemandActive>(octets, &notes), a_demand());
  EXPECT_EQ(said(notes), "lengthCombinedCapabilities is 1, the capability sets take 63; ");
}

TEST(Capabilities, OfEveryTypeHaveTheSizeOfTheSpecification) {
  const std::pair<CapabilityType, std::size_t> sizes[] = {
      {CapabilityType::kGeneral, 24},
      {CapabilityType::kBitmap, 28},
      {CapabilityType::kOrder, 88},
      {CapabilityType::kBitmapCache, 40},
      {CapabilityType::kControl, 12},
      {CapabilityType::kActivation, 12},
      {CapabilityType::kPointer, 10},
      {CapabilityType::kShare, 8},
      {CapabilityType::kColorCache, 8},
      {CapabilityType::kSound, 8},
      {CapabilityType::kInput, 88},
      {CapabilityType::kFont, 8},
      {CapabilityType::kBrush, 8},
      {CapabilityType::kGlyphCache, 52},
      {CapabilityType::kOffscreenCache, 12},
      {CapabilityType::kBitmapCacheHostSupport, 8},
      {CapabilityType::kBitmapCacheRev2, 40},
      {CapabilityType::kVirtualChannel, 12},
      {CapabilityType::kDrawNineGridCache, 12},
      {CapabilityType::kDrawGdiPlus, 40},
      {CapabilityType::kRail, 8},
      {CapabilityType::kWindow, 11},
      {CapabilityType::kDesktopComposition, 6},
      {CapabilityType::kMultifragmentUpdate, 8},
      {CapabilityType::kLargePointer, 6},
      {CapabilityType::kSurfaceCommands, 12},
      {CapabilityType::kBitmapCodecs, 5},
      {CapabilityType::kFrameAcknowledge, 8},
  };
  for (const auto& [type, size] : sizes) {
    const auto set = make_capability_set(type, {});
    EXPECT_EQ(set.body.size() + CapabilitySet::kHeaderSize, size) << static_cast<int>(type);
    EXPECT_TRUE(capability_type_name(set.type).has_value());
  }
  EXPECT_EQ(capability_type_name(0x77), std::nullopt);
}

TEST(Capabilities, CodecsAreReadAsFarAsTheyAreWhole) {
  CapabilitySet set{.type = 0x1D,
                    .body = from_hex("02 b91b8dca0f004f15589fae2d1a87e2d6 00 0300 010103"
                                     "122f777672bd6344afb3b73c9c6f7886 05 0400 0000")};
  EXPECT_THAT(bitmap_codecs(set),
              ElementsAre(BitmapCodec{"ca8d1bb9-000f-154f-589f-ae2d1a87e2d6", 0, 3}));
  set.body.resize(set.body.size() + 2);
  EXPECT_EQ(bitmap_codecs(set).size(), 2u);
  EXPECT_EQ(bitmap_codecs(set)[1].guid, "76772f12-bd72-4463-afb3-b73c9c6f7886");
  DemandActive demand{.capability_sets = {set}};
  Notes notes;
  EXPECT_EQ(read<DemandActive>(encode(demand, kServer), &notes).capability_sets,
            demand.capability_sets);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
}

TEST(ConfirmActive, IsReadAndWritten) {
  auto order = make_capability_set(CapabilityType::kOrder, {{"orderFlags", 0xAA}});
  set_octets(order, "orderSupport", from_hex("010101"));
  const ConfirmActive confirm{
      .share_id = 0x000103EA, .source_descriptor = "MSTSC", .capability_sets = {order}};
  Notes notes;
  EXPECT_EQ(read<ConfirmActive>(encode(confirm, 1007), &notes), confirm);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
}

TEST(DeactivateAll, IsReadOfAnyLengthThatServersSend) {
  const DeactivateAll whole{.share_id = 0x000103EA, .source_descriptor = "RDP"};
  EXPECT_EQ(read<DeactivateAll>(encode(whole, kServer)), whole);
  EXPECT_EQ(read<DeactivateAll>(from_hex("0a00 1600 ea03 ea030100")).share_id, 0x000103EAu);
  EXPECT_EQ(read<DeactivateAll>(from_hex("0600 1600 ea03")), DeactivateAll{});
  EXPECT_EQ(read<DeactivateAll>(from_hex("0400 1600")), DeactivateAll{});
}

TEST(ShareData, FinalizationIsReadAndWritten) {
  const ShareDataContent contents[] = {
      Synchronize{.target_user = 1002},
      Control{.action = Control::kCooperate},
      Control{.action = Control::kGrantedControl, .grant_id = 1007, .control_id = 1002},
      FontList{},
      FontMap{},
      SetErrorInfo{.error_info = 7},
      ShutdownRequest{},
      ShutdownDenied{},
      AutoReconnectStatus{.status = 3},
      StatusInfo{.status_code = 0x401},
  };
  for (const auto& content : contents) {
    Notes notes;
    const auto octets = encode(content, 0x000103EA, 1007);
    const auto data = read<ShareData>(octets, &notes);
    EXPECT_EQ(data.content, content);
    EXPECT_EQ(data.share_id, 0x000103EAu);
    EXPECT_TRUE(share_data_type_name(data.type).has_value());
    EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  }
}

TEST(ShareData, ClientSynchronizeIsWrittenAsTheSpecificationShowsIt) {
  EXPECT_EQ(base::to_hex(encode(Synchronize{.target_user = 0x03EA}, 0x000103EA, 0x03F0)),
            base::to_hex(from_hex("1600 1700 f003 ea030100 00 01 0800 1f 00 0000 0100 ea03")));
  EXPECT_EQ(
      base::to_hex(encode(FontList{}, 0x000103EA, 0x03F0)),
      base::to_hex(from_hex("1a00 1700 f003 ea030100 00 01 0c00 27 00 0000 0000 0000 0300 3200")));
}

TEST(ShareData, FontMapWithoutContentIsReadAndNoted) {
  Notes notes;
  read_data<FontMap>(from_hex("1200 1700 ea03 ea030100 00 02 0400 28 00 0000"), &notes);
  EXPECT_EQ(said(notes), "numberEntries has no content; ");
}

TEST(ShareData, SaveSessionInfoIsReadWithoutItsCookie) {
  auto octets = from_hex(
      "5a00 1700 ea03 ea030100 00 01 0000 26 00 0000 03000000"
      "3a00 03000000 1c000000 1c00000001000000020000000000000000000000 0000000000000000"
      "08000000 02000000 03000000 00000000 0000");
  octets[0] = static_cast<std::uint8_t>(octets.size());
  const auto pdu = read_data<SaveSessionInfo>(octets);
  EXPECT_EQ(pdu.info_type, SaveSessionInfo::kLogonExtended);
  EXPECT_EQ(pdu.auto_reconnect_cookie_size, 28u);
  EXPECT_EQ(pdu.logon_error,
            (SaveSessionInfo::LogonError{.notification_type = 2, .notification_data = 3}));
}

TEST(ShareData, CompressedContentIsKnownByItsHeader) {
  const auto pdu = read<ShareData>(from_hex("1400 1700 ea03 ea030100 00 01 0800 2f 21 0200 aabb"));
  EXPECT_TRUE(pdu.is_compressed());
  EXPECT_EQ(pdu.content_size, 2u);
  EXPECT_TRUE(std::holds_alternative<OtherShareData>(pdu.content));
}

TEST(ShareData, MonitorsBehindTheEndAreAnExactError) {
  EXPECT_EQ(error_of(from_hex("1600 1700 ea03 ea030100 00 01 0800 37 00 0000 ffffffff")),
            "monitorDefArray needs 85899345900 bytes at offset 22, 0 left");
}

TEST(ShareControl, SizesTellSeveralPdusOfOneMessageApart) {
  auto octets = encode(Synchronize{}, 1, 2);
  const auto size = octets.size();
  const auto second = encode(FontMap{}, 1, 2);
  octets.insert(octets.end(), second.begin(), second.end());
  EXPECT_EQ(share_control_size(octets), size);
  EXPECT_EQ(error_of(octets), "totalLength: is 22, and 48 octets are there (offset 0)");
  EXPECT_EQ(share_control_size(from_hex("0080 0041")), 8u);
  EXPECT_EQ(share_control_size(from_hex("0000 1700")), std::nullopt);
}

TEST(ShareControl, FlowControlAndUnknownTypesAreKnownByTheirHeader) {
  EXPECT_EQ(read<FlowControl>(from_hex("0080 00 41 01 02 ea03")).type, 0x41);
  const auto other = decode_share_control(from_hex("0800 1c00 ea03 0102"));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->type, 12);
  EXPECT_EQ(other->content_size, 2u);
}

TEST(ShareControl, LengthsThatCannotBeAreExactErrors) {
  EXPECT_EQ(error_of(from_hex("0000 1700 ea03")),
            "totalLength: is 0, and the header itself has more (offset 0)");
  EXPECT_EQ(error_of(from_hex("ff7f 1700 ea03")),
            "PDU of totalLength needs 32767 bytes at offset 0, 6 left");
}

TEST(ShareControl, DamagedIsBoundedAndExact) {
  const Bytes messages[] = {
      encode(a_demand(), kServer),
      encode(ConfirmActive{.source_descriptor = "MSTSC",
                           .capability_sets = a_demand().capability_sets},
             1007),
      encode(DeactivateAll{.share_id = 1, .source_descriptor = "RDP"}, kServer),
      encode(SetErrorInfo{.error_info = 7}, 1, kServer),
      encode(Control{.action = 4}, 1, 1007),
  };
  for (auto octets : messages) {
    for (std::size_t at = 0; at < octets.size(); ++at) {
      oracle::check_share(ByteSpan(octets).first(at));
      for (const int flip : {0x01, 0x80, 0xFF}) {
        octets[at] ^= static_cast<std::uint8_t>(flip);
        oracle::check_share(octets);
        octets[at] ^= static_cast<std::uint8_t>(flip);
      }
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
