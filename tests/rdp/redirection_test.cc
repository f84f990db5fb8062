#include "rdpwhy/rdp/redirection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdp/octets.h"
#include "rdp/share_oracles.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/rdp/share_control.h"

namespace rdpwhy::rdp {
namespace {

using testing::IsEmpty;

ServerRedirection a_redirection() {
  using R = ServerRedirection;
  return {.session_id = 7,
          .flags = R::kTargetNetAddress | R::kLoadBalanceInfo | R::kUserName | R::kDomain |
                   R::kPassword | R::kTargetFqdn | R::kTargetNetBiosName | R::kTargetNetAddresses |
                   R::kRedirectionGuid | R::kTargetCertificate | R::kPasswordIsPkEncrypted |
                   R::kClientTsvUrl,
          .target_net_address = "10.0.0.7",
          .load_balance_info = from_hex("436f6f6b69653a206d7374733d310d0a"),
          .user_name = "alice",
          .domain = "LAB",
          .password_size = 3,
          .target_fqdn = "host7.lab",
          .target_netbios_name = "HOST7",
          .tsv_url = from_hex("7473763a"),
          .redirection_guid = "QUJD",
          .target_certificate = from_hex("0102"),
          .target_net_addresses = {{"10.0.0.7", "fd00::7"}},
          .has_pad = true};
}

TEST(Redirection, IsReadAndWrittenWithoutKeepingItsPassword) {
  const auto octets = encode(a_redirection(), Secret(from_hex("aabbcc")));
  Notes notes;
  const auto packet = decode_server_redirection(octets.reveal(), &notes);
  ASSERT_TRUE(packet) << packet.error().message();
  EXPECT_EQ(*packet, a_redirection());
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(base::to_hex(redirection_password(octets.reveal()).reveal()), "aabbcc");
}

TEST(Redirection, StandsInAShareControlPduWithPadding) {
  auto octets = base::to_bytes(encode(a_redirection(), Secret(from_hex("aabbcc")), 1002).reveal());
  octets.push_back(0x55);
  octets[0] = static_cast<std::uint8_t>(octets[0] + 1);
  const auto pdu = decode_share_control(octets);
  ASSERT_TRUE(pdu) << pdu.error().message();
  EXPECT_EQ(std::get<ServerRedirection>(pdu->content), a_redirection());
  EXPECT_EQ(base::to_hex(redirection_password(ByteSpan(octets).subspan(8)).reveal()), "aabbcc");
}

TEST(Redirection, OfNothingButASessionIsRead) {
  const auto packet = decode_server_redirection(from_hex("0004 0c00 05000000 80000000"));
  ASSERT_TRUE(packet) << packet.error().message();
  EXPECT_EQ(packet->session_id, 5u);
  EXPECT_EQ(packet->flags, ServerRedirection::kNoRedirect);
  EXPECT_EQ(redirection_target(*packet), "");
}

TEST(Redirection, TargetIsTheAddressBeforeTheNames) {
  auto packet = a_redirection();
  packet.target_net_address.reset();
  packet.target_net_addresses = {{"fd00::7"}};
  EXPECT_EQ(redirection_target(packet), "fd00::7");
  packet.target_net_addresses.reset();
  EXPECT_EQ(redirection_target(packet), "host7.lab");
  packet.target_fqdn.reset();
  EXPECT_EQ(redirection_target(packet), "HOST7");
}

TEST(Redirection, LengthsThatCannotBeAreExactErrors) {
  const auto error = [](std::string_view hex) {
    return decode_server_redirection(from_hex(hex)).error().message();
  };
  EXPECT_EQ(error("0104 0c00 05000000 80000000"),
            "Flags: 0x0401 is not SEC_REDIRECTION_PKT (0x0400) (offset 0)");
  EXPECT_EQ(error("0004 1000 05000000 01000000 f0ffffff"),
            "TargetNetAddress needs 4294967280 bytes at offset 16, 0 left");
  EXPECT_EQ(error("0004 1400 05000000 00080000 04000000 ffffffff"),
            "addressLength needs 4 bytes at offset 20, 0 left");
}

/// MS-RDPBCGR 2.2.13.1.2: elements of type, encoding and size, in Base64 of UTF-16.
TEST(Redirection, NamesTheCertificateOfItsTarget) {
  const auto read = [](std::string_view text) {
    return certificate_of_target(base::utf8_to_utf16le(text));
  };
  EXPECT_EQ(read("IAAAAAEAAAAEAAAAMIIBAg=="), from_hex("30820102"));
  EXPECT_EQ(read("IAAAAAEAAAAEAAAA\r\nMIIBAg=="), from_hex("30820102")) << "in lines";
  // Another element before it.
  EXPECT_EQ(read("AQAAAAEAAAABAAAA/yAAAAABAAAABAAAADCCAQI="), from_hex("30820102"));
  EXPECT_EQ(read(""), std::nullopt);
  EXPECT_EQ(read("IAAAAAEAAAD/////MIIBAg=="), std::nullopt) << "a size beyond the end";
  EXPECT_EQ(read("IAAAAAIAAAAEAAAAMIIBAg=="), std::nullopt) << "another encoding";
  EXPECT_EQ(read("IAAA*AEA"), std::nullopt) << "no Base64";
  EXPECT_EQ(certificate_of_target(from_hex("41304130")), std::nullopt) << "no ASCII";
}

TEST(Redirection, DamagedIsBoundedAndExact) {
  auto octets = base::to_bytes(encode(a_redirection(), Secret(from_hex("aabbcc"))).reveal());
  for (std::size_t at = 0; at < octets.size(); ++at) {
    oracle::check_redirection(ByteSpan(octets).first(at));
    for (const int flip : {0x01, 0x80, 0xFF}) {
      octets[at] ^= static_cast<std::uint8_t>(flip);
      oracle::check_redirection(octets);
      octets[at] ^= static_cast<std::uint8_t>(flip);
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
