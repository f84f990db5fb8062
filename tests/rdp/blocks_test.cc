#include <gtest/gtest.h>

#include "rdp/rdp_oracles.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/server_blocks.h"

namespace rdpwhy::rdp {
namespace {

Bytes octets(std::string_view hex) { return base::parse_hex(hex).value(); }

std::string said(const Notes& notes) {
  std::string text;
  for (const auto& note : notes.anomalies) text += note.field + ": " + note.text + "; ";
  return text;
}

ClientCoreData full_core() {
  return {.version = 0x00080011,
          .desktop_width = 1920,
          .desktop_height = 1080,
          .color_depth = 0xCA01,
          .keyboard_layout = 0x407,
          .client_build = 19041,
          .client_name = "B\xC3\x9CRO-PC",
          .keyboard_type = 4,
          .keyboard_function_key = 12,
          .post_beta2_color_depth = 0xCA01,
          .client_product_id = 1,
          .serial_number = 0,
          .high_color_depth = 24,
          .supported_color_depths = 15,
          .early_capability_flags = 0x07EF,
          .client_dig_product_id = "product",
          .connection_type = 7,
          .pad1 = 0,
          .server_selected_protocol = 2,
          .desktop_physical_width = 500,
          .desktop_physical_height = 300,
          .desktop_orientation = 0,
          .desktop_scale_factor = 100,
          .device_scale_factor = 100};
}

ClientBlocks full_client() {
  return {{full_core(), ClientClusterData{.flags = 0x15},
           ClientSecurityData{.encryption_methods = 0x1B},
           ClientNetworkData{.channels = {{"rdpdr", 0x80800000}, {"rdpsnd", 0xC0000000}}},
           ClientMonitorData{.monitors = {{-1920, 0, -1, 1079, 0}, {0, 0, 1919, 1079, 1}}},
           ClientMessageChannelData{}, ClientMultitransportChannelData{.flags = 0x305},
           ClientMonitorExtendedData{.monitors = {{500, 300, 0, 100, 100}}},
           UnknownBlock{.type = 0xC00C, .body = {1, 2, 3}}}};
}

ServerBlocks full_server() {
  return {
      {ServerCoreData{
           .version = 0x00080010, .client_requested_protocols = 11, .early_capability_flags = 3},
       ServerNetworkData{.mcs_channel_id = 1003, .channel_ids = {1004, 1005, 0}},
       ServerSecurityData{.encryption_method = 2,
                          .encryption_level = 2,
                          .server_random = Bytes(32, 0xAA),
                          .server_certificate = Bytes(20, 0xBB)},
       ServerMessageChannelData{.mcs_channel_id = 1007},
       ServerMultitransportChannelData{.flags = 0x105}, UnknownBlock{.type = 0x0C09, .body = {}}}};
}

TEST(ClientBlocks, OfEveryKindComeBackFromTheirEncoding) {
  const auto blocks = full_client();
  Notes notes;
  EXPECT_EQ(decode_client_blocks(encode(blocks), &notes), blocks);
  EXPECT_EQ(said(notes), "");
  EXPECT_EQ(blocks.find<ClientNetworkData>()->channels[1].name, "rdpsnd");
  EXPECT_EQ(ClientBlocks{}.find<ClientCoreData>(), nullptr);
}

TEST(ServerBlocks, OfEveryKindComeBackFromTheirEncoding) {
  const auto blocks = full_server();
  Notes notes;
  EXPECT_EQ(decode_server_blocks(encode(blocks), &notes), blocks);
  EXPECT_EQ(said(notes), "");
}

TEST(ClientCoreData, MayEndBeforeAnyOfItsOptionalFields) {
  const auto whole = encode(ClientBlocks{{full_core()}});
  constexpr std::size_t kFixed = 132;
  std::size_t ends = 0;
  for (std::size_t size = kFixed; size <= whole.size(); ++size) {
    Bytes bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    bytes[2] = static_cast<std::uint8_t>(size);
    bytes[3] = static_cast<std::uint8_t>(size >> 8);
    const auto blocks = decode_client_blocks(bytes);
    if (!blocks) continue;
    ++ends;
    EXPECT_EQ(encode(*blocks), bytes) << size;
  }
  EXPECT_EQ(ends, 16u);  // the fixed part, and behind each of fifteen fields
}

TEST(ServerCoreData, MayEndBehindItsVersion) {
  const auto blocks = decode_server_blocks(octets("010c 0800 04000800"));
  ASSERT_TRUE(blocks.has_value());
  EXPECT_EQ(*blocks->find<ServerCoreData>(), ServerCoreData{});
  EXPECT_EQ(encode(*blocks), octets("010c 0800 04000800"));
}

TEST(ServerSecurityData, WithoutLengthsHasNoRandom) {
  const auto bare = decode_server_blocks(octets("020c 0c00 00000000 00000000"));
  ASSERT_TRUE(bare.has_value());
  EXPECT_FALSE(bare->find<ServerSecurityData>()->server_random.has_value());
  const auto zero = decode_server_blocks(octets("020c 1400 00000000 00000000 00000000 00000000"));
  ASSERT_TRUE(zero.has_value());
  EXPECT_EQ(zero->find<ServerSecurityData>()->server_random, Bytes{});
}

TEST(ServerNetworkData, IsFilledUpWhereItsChannelsAreOdd) {
  Notes notes;
  const auto padded = decode_server_blocks(octets("030c 0c00 eb03 0100 ec03 0000"), &notes);
  const auto bare = decode_server_blocks(octets("030c 0a00 eb03 0100 ec03"), &notes);
  ASSERT_TRUE(padded && bare);
  EXPECT_EQ(*padded, *bare);
  EXPECT_EQ(said(notes), "");
}

TEST(Block, OfLengthLessThanItsHeaderIsAnError) {
  for (const auto* hex : {"01c0 0000", "01c0 0300 00", "04c0 0000 0000 0000"}) {
    const auto blocks = decode_client_blocks(octets(hex));
    ASSERT_FALSE(blocks.has_value()) << hex;
    EXPECT_EQ(blocks.error().field, "length");
    EXPECT_FALSE(decode_server_blocks(octets(hex)).has_value()) << hex;
  }
}

TEST(Block, ThatIsLongerThanWhatIsThereIsAnError) {
  const auto blocks = decode_client_blocks(octets("02c0 0d00 00000000 00000000"));
  ASSERT_FALSE(blocks.has_value());
  EXPECT_EQ(blocks.error().message(), "CS_SECURITY needs 9 bytes at offset 4, 8 left");
}

TEST(Block, WithMoreThanWeKnowIsReadAndNoted) {
  Notes notes;
  const auto blocks = decode_client_blocks(octets("02c0 0e00 01000000 00000000 ffff"), &notes);
  ASSERT_TRUE(blocks.has_value());
  EXPECT_EQ(blocks->find<ClientSecurityData>()->encryption_methods, 1u);
  EXPECT_EQ(said(notes), ": 2 octets behind the last known field; ");
}

TEST(Counts, ThatAreHostileAllocateNothing) {
  const auto channels = decode_client_blocks(octets("03c0 0800 ffffffff"));
  ASSERT_FALSE(channels.has_value());
  EXPECT_EQ(channels.error().text, "is 4294967295, and there are 0 octets for them");
  EXPECT_FALSE(decode_client_blocks(octets("05c0 0c00 00000000 ffffffff")).has_value());
  EXPECT_FALSE(decode_client_blocks(octets("08c0 1000 00000000 14000000 ffffffff")).has_value());
  EXPECT_FALSE(decode_client_blocks(octets("08c0 1000 00000000 00000000 ffffffff")).has_value());
  EXPECT_FALSE(decode_server_blocks(octets("030c 0800 eb03 ffff")).has_value());
  EXPECT_FALSE(decode_server_blocks(octets("020c 1400 00000000 00000000 ffffffff ffffffff")));
}

TEST(FixedTexts, WithoutTerminatorOrWithMoreBehindItAreNoted) {
  Notes notes;
  const auto blocks = decode_client_blocks(
      octets("03c0 2000 02000000 6162636465666768 00000000 6100620000000000 00000000"), &notes);
  ASSERT_TRUE(blocks.has_value());
  EXPECT_EQ(blocks->find<ClientNetworkData>()->channels[0].name, "abcdefgh");
  EXPECT_EQ(blocks->find<ClientNetworkData>()->channels[1].name, "a");
  EXPECT_EQ(said(notes), "name: is not ended by zero; name: goes on behind its terminator; ");
}

TEST(BlockNames, AreTheSpecifications) {
  EXPECT_EQ(encryption_method_name(0x10), "ENCRYPTION_METHOD_FIPS");
  EXPECT_FALSE(encryption_method_name(3).has_value());
  EXPECT_EQ(encryption_level_name(2), "ENCRYPTION_LEVEL_CLIENT_COMPATIBLE");
  EXPECT_FALSE(encryption_level_name(5).has_value());
  EXPECT_EQ(rdp_version_name(0x00080011), "RDP 10.12");
  EXPECT_EQ(early_capability_names(0x1001),
            (std::vector<std::string>{"SUPPORT_ERRINFO_PDU", "0x1000"}));
}

TEST(Blocks, AreReadOrRefusedHoweverTheyAreDamaged) {
  for (auto bytes : {encode(full_client()), encode(full_server())}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      oracle::check_blocks(ByteSpan(bytes).first(at));
      for (const int flip : {0x01, 0x02, 0x80, 0xFF}) {
        bytes[at] ^= static_cast<std::uint8_t>(flip);
        oracle::check_blocks(bytes);
        bytes[at] ^= static_cast<std::uint8_t>(flip);
      }
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
