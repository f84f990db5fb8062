#include "rdpwhy/net/target.h"

#include <gtest/gtest.h>

namespace rdpwhy::net {
namespace {

Target target(std::string_view text) {
  const auto parsed = parse_target(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().text);
  return parsed.value_or(Target{});
}

std::string refusal(std::string_view text) {
  const auto parsed = parse_target(text);
  return parsed ? "accepted as " + parsed->host : parsed.error().text;
}

TEST(Target, HostAloneMeansPort3389) {
  EXPECT_EQ(target("server.example"), (Target{"server.example", 3389, "server.example"}));
}

TEST(Target, HostAndPort) {
  EXPECT_EQ(target("192.0.2.7:33890"), (Target{"192.0.2.7", 33890, "192.0.2.7:33890"}));
}

TEST(Target, BracketsHoldAnIpv6Address) {
  EXPECT_EQ(target("[2001:db8::1]:3390"), (Target{"2001:db8::1", 3390, "[2001:db8::1]:3390"}));
  EXPECT_EQ(target("[::1]").host, "::1");
  EXPECT_EQ(target("[::1]").port, 3389);
}

TEST(Target, BareIpv6AddressHasNoPort) {
  EXPECT_EQ(target("2001:db8::1:2"), (Target{"2001:db8::1:2", 3389, "2001:db8::1:2"}));
  EXPECT_EQ(target("fe80::1%eth0").host, "fe80::1%eth0");
}

TEST(Target, PortsOutsideTheirRangeAreNamed) {
  for (const auto* text :
       {"host:0", "host:65536", "host:", "host:3389x", "host:-1", "[::1]:70000"}) {
    EXPECT_NE(refusal(text).find("1 to 65535"), std::string::npos) << refusal(text);
  }
}

TEST(Target, AHostOutsideAsciiIsAskedForByItsALabels) {
  // The second and third are of RFC 3492 7.1: (L) and (B), the second without its capitals.
  for (const auto& [typed, host] :
       {std::pair{"\xC3\xA9.invalid", "xn--9ca.invalid"},
        {"3\xE5\xB9\xB4"
         "b\xE7\xB5\x84\xE9\x87\x91\xE5\x85\xAB\xE5\x85\x88\xE7\x94\x9F.example",
         "xn--3b-ww4c5e180e575a65lsy2b.example"},
        {"\xE4\xBB\x96\xE4\xBB\xAC\xE4\xB8\xBA\xE4\xBB\x80\xE4\xB9\x88\xE4\xB8\x8D\xE8\xAF\xB4\xE4"
         "\xB8\xAD"
         "\xE6\x96\x87",
         "xn--ihqwcrb4cv8a8dqg056pqjye"},
        {"B\xC3\x9C"
         "CHER.example",
         "xn--bcher-kva.example"}}) {
    const auto target = parse_target(typed);
    ASSERT_TRUE(target) << typed;
    EXPECT_EQ(target->host, host);
    EXPECT_EQ(target->text, typed);
  }
}

TEST(Target, WhatWouldNeedTheTablesOfIdnaIsRefusedAndNotGuessed) {
  for (const auto* typed : {"e\xCC\x81.example", "\xEF\xBD\x81.example",
                            "a\xE3\x80\x82"
                            "b",
                            "\xF0\x9D\x94\xBE", "\xFF.example"}) {
    EXPECT_FALSE(parse_target(typed)) << typed;
  }
}

TEST(Target, WhatIsNoHostIsRefused) {
  EXPECT_EQ(refusal(""), "no target is given");
  EXPECT_NE(refusal(":3389").find("no host"), std::string::npos);
  EXPECT_NE(refusal("rdp://host").find("without a scheme"), std::string::npos);
  EXPECT_NE(refusal("[::1").find("\"]\" is missing"), std::string::npos);
  EXPECT_NE(refusal("[::1]x").find("may follow"), std::string::npos);
  EXPECT_NE(refusal("1:2:3").find("no IPv6 address"), std::string::npos);
  EXPECT_NE(refusal("[host]:1").find("no IPv6 address"), std::string::npos);
  EXPECT_NE(refusal("a host").find("neither"), std::string::npos);
  EXPECT_NE(refusal("user@host").find("neither"), std::string::npos);
  EXPECT_NE(refusal("-x").find("dash"), std::string::npos);
  EXPECT_NE(refusal(std::string(256, 'a')).find("too long"), std::string::npos);
}

TEST(Target, ARefusalIsSafeToPrint) {
  const auto text = refusal("ho\x1b[2Jst");
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_LT(refusal(std::string(100'000, 'a')).size(), 400u);
}

TEST(Proxy, SocksAndHttp) {
  const auto socks = parse_proxy("socks5://[::1]:1081");
  ASSERT_TRUE(socks);
  EXPECT_EQ(socks->kind, Proxy::Kind::kSocks5);
  EXPECT_EQ(socks->server.host, "::1");
  EXPECT_EQ(socks->server.port, 1081);
  const auto http = parse_proxy("http://proxy.example:3128/");
  ASSERT_TRUE(http);
  EXPECT_EQ(http->kind, Proxy::Kind::kHttpConnect);
  EXPECT_EQ(http->server.host, "proxy.example");
  EXPECT_EQ(http->server.port, 3128);
}

TEST(Proxy, PortsHaveTheirDefaults) {
  EXPECT_EQ(parse_proxy("socks5://p")->server.port, 1080);
  EXPECT_EQ(parse_proxy("http://p")->server.port, 8080);
}

TEST(Proxy, OtherSchemesAndCredentialsAreRefused) {
  for (const auto* url :
       {"https://p:1", "p:1080", "socks4://p", "", "socks5://", "http://u:s@p:1"}) {
    EXPECT_FALSE(parse_proxy(url)) << url;
  }
  EXPECT_EQ(parse_proxy("http://u:secret@p:1").error().text.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace rdpwhy::net
