#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/net/target.h"

namespace rdpwhy::net {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

RdpFile read(std::string_view octets) {
  auto file = parse_rdp_file(octets);
  EXPECT_TRUE(file) << (file ? "" : file.error().text);
  return file.value_or(RdpFile{});
}

std::string utf16(std::string_view text, bool big_endian) {
  auto octets = base::utf8_to_utf16le(text);
  if (big_endian) {
    for (std::size_t i = 0; i + 1 < octets.size(); i += 2) std::swap(octets[i], octets[i + 1]);
  }
  return std::string(base::as_text(octets));
}

constexpr std::string_view kOrdinary =
    "screen mode id:i:2\r\nfull address:s:host.example\r\nserver port:i:3390\r\n"
    "username:s:LAB\\j\xC3\xBCrgen\r\n";

TEST(RdpFile, IsReadInEveryEncodingThatEditorsWrite) {
  const auto expected = read(kOrdinary);
  EXPECT_EQ(expected.target.host, "host.example");
  EXPECT_EQ(expected.target.port, 3390);
  EXPECT_EQ(expected.user_name, "LAB\\j\xC3\xBCrgen");
  const std::string forms[] = {
      "\xEF\xBB\xBF" + std::string(kOrdinary), "\xFF\xFE" + utf16(kOrdinary, false),
      "\xFE\xFF" + utf16(kOrdinary, true), utf16(kOrdinary, false), utf16(kOrdinary, true)};
  for (const auto& form : forms) {
    const auto file = read(form);
    EXPECT_EQ(file.target, expected.target);
    EXPECT_EQ(file.user_name, expected.user_name);
  }
}

TEST(RdpFile, PortOfTheAddressComesBeforeServerPort) {
  const auto file = read("full address:s:host:3391\nserver port:i:3390\n");
  EXPECT_EQ(file.target.port, 3391);
  EXPECT_THAT(file.remarks, Contains(HasSubstr("3390 is not used")));
}

TEST(RdpFile, AlternateFullAddressIsUsedAndSaid) {
  const auto file = read("full address:s:a.example\nalternate full address:s:b.example\n");
  EXPECT_EQ(file.target.host, "b.example");
  EXPECT_THAT(file.remarks, Contains(HasSubstr("b.example")));
  EXPECT_THAT(read("full address:s:a\nalternate full address:s:a\n").remarks, IsEmpty());
}

TEST(RdpFile, LoadBalanceInformationIsTheRoutingToken) {
  const auto file =
      read("full address:s:h\nloadbalanceinfo:s:tsv://MS Terminal Services Plugin.1.Farm\n");
  EXPECT_EQ(file.routing_token, "tsv://MS Terminal Services Plugin.1.Farm");
  EXPECT_THAT(file.remarks, Contains(HasSubstr("tsv://")));
}

TEST(RdpFile, WithoutCredSspIsSaid) {
  EXPECT_TRUE(read("full address:s:h\n").enable_credssp);
  EXPECT_TRUE(read("full address:s:h\nenablecredsspsupport:i:1\n").enable_credssp);
  const auto file = read("full address:s:h\nEnableCredSspSupport:i:0\n");
  EXPECT_FALSE(file.enable_credssp);
  EXPECT_THAT(file.remarks, Contains(HasSubstr("requires NLA refuses")));
}

TEST(RdpFile, GatewayIsInUseByItsMethod) {
  const auto with = [](std::string method) {
    return read("full address:s:h\ngatewayhostname:s:gw.example\ngatewayusagemethod:i:" + method +
                "\n");
  };
  EXPECT_TRUE(with("1").gateway_in_use);
  EXPECT_TRUE(with("2").gateway_in_use);
  EXPECT_FALSE(with("0").gateway_in_use);
  EXPECT_FALSE(with("4").gateway_in_use);
  EXPECT_EQ(with("1").gateway_host, "gw.example");
  EXPECT_THAT(with("1").remarks, Contains(HasSubstr("gw.example")));
  EXPECT_FALSE(read("full address:s:h\ngatewayusagemethod:i:1\n").gateway_in_use);
}

TEST(RdpFile, AuthenticationLevelIsExplained) {
  EXPECT_EQ(read("full address:s:h\n").authentication_level, -1);
  const auto file = read("full address:s:h\nauthentication level:i:1\n");
  EXPECT_EQ(file.authentication_level, 1);
  EXPECT_THAT(file.remarks, Contains(HasSubstr("does not connect")));
}

TEST(RdpFile, IgnoresWhatIsNoSetting) {
  const auto file = read("# a note\n\nfull address : s : h \nbroken\nx:y\nserver port:i:abc\n");
  EXPECT_EQ(file.target.host, "h");
  EXPECT_EQ(file.target.port, 3389);
}

TEST(RdpFile, AValueOfTheWrongTypeIsPassedOverAndSaid) {
  EXPECT_THAT(parse_rdp_file("full address:i:5\r\n").error().text,
              HasSubstr("another type than s"));
  const auto file =
      read("full address:S:h.example\r\nserver port:i:abc\r\nenablecredsspsupport:s:0\r\n");
  EXPECT_EQ(file.target.host, "h.example");
  EXPECT_EQ(file.target.port, 3389);
  EXPECT_TRUE(file.enable_credssp);
  EXPECT_THAT(file.remarks, Contains(HasSubstr("server port is \"abc\", which is no number")));
  EXPECT_THAT(file.remarks, Contains(HasSubstr("enablecredsspsupport has the type \"s\"")));
}

TEST(RdpFile, WhatIsNoneIsRefusedInWords) {
  const auto refusal = [](std::string_view octets) {
    const auto file = parse_rdp_file(octets);
    return file ? std::string("accepted") : file.error().text;
  };
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("hello world\n"), HasSubstr("no .rdp file"));
  EXPECT_THAT(refusal("username:s:u\n"), HasSubstr("full address"));
  EXPECT_THAT(refusal("full address:s:a b\n"), HasSubstr("full address"));
  EXPECT_THAT(refusal("full address:s:h\nserver port:i:70000\n"), HasSubstr("server port"));
  EXPECT_THAT(refusal(std::string((1u << 20) + 1, 'a')), HasSubstr("1 MiB"));
  EXPECT_NE(refusal(std::string("\xFF\xFE\x00", 3)), "accepted");
}

}  // namespace
}  // namespace rdpwhy::net
