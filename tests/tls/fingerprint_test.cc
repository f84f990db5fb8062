#include "rdpwhy/tls/fingerprint.h"

#include <gtest/gtest.h>

#include "tls/messages.h"

namespace rdpwhy::tls {
namespace {

/// server_name of "server" and nothing else.
Bytes named_server() { return from_hex("0009 00 0006 736572766572"); }

std::optional<ClientTraits> traits_with(const Extensions& extensions) {
  const auto hello = decode_client_hello(client_hello_with(extensions));
  EXPECT_TRUE(hello.has_value());
  return hello ? client_traits(*hello) : std::nullopt;
}

TEST(Fingerprint, LeavesGreaseOutWhereverItStands) {
  ClientHello hello;
  hello.legacy_version = 0x0303;
  hello.cipher_suites = {0x4A4A, 0x1301, 0x00FF};
  hello.extensions = {{0xDADA, {}},
                      {0x000A, from_hex("0006 7A7A 001D 0017")},
                      {0x000B, from_hex("02 00 01")},
                      {0x000D, from_hex("0004 0A0A 0403")},
                      {0x002B, from_hex("06 FAFA 0304 0303")},
                      {0x0010, from_hex("0006 02 1A1A 02 6832")}};
  const auto read = decode_client_hello(encode([&] {
    hello.has_extensions = true;
    hello.compression_methods = {0};
    return hello;
  }()));
  ASSERT_TRUE(read);
  const auto traits = client_traits(*read);
  ASSERT_TRUE(traits);
  EXPECT_EQ(ja3_text(*traits), "771,4865-255,10-11-13-43-16,29-23,0-1");
  const auto ja4 = ja4_text(*traits);
  EXPECT_EQ(ja4.head, "t13i0205h2");
  EXPECT_EQ(ja4.cipher_suites, "00ff,1301");
  EXPECT_EQ(ja4.extensions, "000a,000b,000d,002b_0403");
}

TEST(Fingerprint, OfAHelloWithoutExtensionsHasEmptyFields) {
  ClientTraits traits;
  traits.legacy_version = 0x0301;
  traits.cipher_suites = {4, 5, 10};
  EXPECT_EQ(ja3_text(traits), "769,4-5-10,,,");
  EXPECT_EQ(ja4_text(traits).head, "t10i030000");
  EXPECT_EQ(ja4_text(traits).extensions, "");
  traits.cipher_suites.clear();
  EXPECT_EQ(ja3_text(traits), "769,,,,");
  EXPECT_EQ(ja4_text(traits).cipher_suites, "");
}

TEST(Fingerprint, TellsTheVersionOfSupportedVersionsWhereThatIs) {
  const auto head = [](const Extensions& extensions) {
    const auto traits = traits_with(extensions);
    return traits ? ja4_text(*traits).head.substr(0, 3) : std::string("none");
  };
  EXPECT_EQ(head({}), "t12");
  EXPECT_EQ(head({{0x2B, from_hex("04 0301 0302")}}), "t11");
  EXPECT_EQ(head({{0x2B, from_hex("04 0304 7F1C")}}), "t00");  // a draft has no letters
  EXPECT_EQ(head({{0x2B, from_hex("02 2A2A")}}), "t00");
}

TEST(Fingerprint, TellsOneAndAHundredExtensionsInTwoDigits) {
  ClientTraits traits;
  traits.extensions = {0x17};
  EXPECT_EQ(ja4_text(traits).head.substr(6, 2), "01");
  traits.extensions.assign(99, 0x17);
  EXPECT_EQ(ja4_text(traits).head.substr(6, 2), "99");
  traits.extensions.assign(100, 0x17);
  EXPECT_EQ(ja4_text(traits).head.substr(6, 2), "99");
}

TEST(Fingerprint, TellsTheEndsOfTheFirstProtocolOrOfItsHexForm) {
  const auto ends = [](std::string_view protocol) {
    ClientTraits traits;
    traits.protocol = protocol;
    return ja4_text(traits).head.substr(8);
  };
  // The examples of JA4's technical details.
  EXPECT_EQ(ends("h2"), "h2");
  EXPECT_EQ(ends("http/1.1"), "h1");
  EXPECT_EQ(ends("\xAB"), "ab");
  EXPECT_EQ(ends("\xAB\xCD"), "ad");
  EXPECT_EQ(ends("0\xAB"), "3b");
  EXPECT_EQ(ends("01\xAB\xCD"), "3d");
  EXPECT_EQ(ends("0\xAB\xCD"
                 "1"),
            "01");
  EXPECT_EQ(ends("x"), "xx");
  EXPECT_EQ(ends(""), "00");
}

TEST(Fingerprint, LeavesServerNameAndAlpnToTheHead) {
  const auto traits = traits_with({{0x0017, {}},
                                   {0x0000, named_server()},
                                   {0x0010, from_hex("0003 02 6832")},
                                   {0x0005, from_hex("01 0000 0000")}});
  ASSERT_TRUE(traits);
  const auto ja4 = ja4_text(*traits);
  EXPECT_EQ(ja4.head, "t12d0104h2");
  EXPECT_EQ(ja4.extensions, "0005,0017");
  EXPECT_EQ(ja3_text(*traits), "771,49199,23-0-16-5,,");
}

TEST(Fingerprint, DependsOnNothingThatChangesFromConnectionToConnection) {
  const auto first = decode_client_hello(rfc8448_client_hello());
  ASSERT_TRUE(first);
  auto other = *first;
  other.random[0] ^= 0xFF;
  other.session_id = {1, 2, 3};
  other.key_shares->front().size = 133;
  EXPECT_EQ(client_traits(*first), client_traits(other));
  EXPECT_EQ(ja3_text(*client_traits(*first)),
            "771,4865-4867-4866,0-65281-10-35-51-43-13-45-28,29-23-24-25-256-257-258-259-260,");
  EXPECT_EQ(ja4_text(*client_traits(*first)).head, "t13d030900");
}

TEST(Fingerprint, IsNoneWhereAnExtensionThatCountsCannotBeReadInOneWay) {
  EXPECT_TRUE(traits_with({{0x0A, from_hex("0002 0017")}}));
  // Odd lists, lengths that lie, octets behind the list, and lists that stand twice.
  EXPECT_FALSE(traits_with({{0x0A, from_hex("0003 0017 00")}}));
  EXPECT_FALSE(traits_with({{0x0A, from_hex("0004 0017")}}));
  EXPECT_FALSE(traits_with({{0x0A, from_hex("0002 0017 00")}}));
  EXPECT_FALSE(traits_with({{0x0A, {}}}));
  EXPECT_FALSE(traits_with({{0x0A, from_hex("0002 0017")}, {0x0A, from_hex("0002 0018")}}));
  EXPECT_FALSE(traits_with({{0x0B, from_hex("02 00")}}));
  EXPECT_FALSE(traits_with({{0x0D, from_hex("0003 0403 04")}}));
  EXPECT_FALSE(traits_with({{0x10, from_hex("0004 02 6832")}}));
  EXPECT_FALSE(traits_with({{0x2B, from_hex("03 0304 03")}}));
  // What only its type counts of may hold anything.
  EXPECT_TRUE(traits_with({{0x33, from_hex("FFFF")}, {0x00, from_hex("01")}}));
}

TEST(Fingerprint, IsNoneForAnSsl2Hello) {
  const auto hello = decode_ssl2_client_hello(
      from_hex("802E 01 0301 0015 0000 0010 00002F 000035 00000A 010080 0700C0 030080 060040"
               "000102030405060708090A0B0C0D0E0F"));
  ASSERT_TRUE(hello);
  EXPECT_FALSE(client_traits(*hello));
}

TEST(Fingerprint, OfAServerKeepsTheOrderOfItsExtensions) {
  const auto hello = decode_server_hello(rfc8448_server_hello());
  ASSERT_TRUE(hello);
  const auto traits = server_traits(*hello);
  ASSERT_TRUE(traits);
  EXPECT_EQ(ja3s_text(*traits), "771,4865,51-43");
  EXPECT_EQ(ja4s_text(*traits).head, "t130200_1301");
  EXPECT_EQ(ja4s_text(*traits).extensions, "0033,002b");

  const auto older = decode_server_hello(
      server_hello_with({{0xFF01, from_hex("00")}, {0x0010, from_hex("0003 02 6832")}}));
  ASSERT_TRUE(older);
  EXPECT_EQ(ja3s_text(*server_traits(*older)), "771,49199,65281-16");
  EXPECT_EQ(ja4s_text(*server_traits(*older)).head, "t1202h2_c02f");

  const auto two =
      decode_server_hello(server_hello_with({{0x0010, from_hex("0006 02 6832 02 6833")}}));
  ASSERT_TRUE(two);
  EXPECT_FALSE(server_traits(*two));
}

TEST(Fingerprint, OfAServerWithoutExtensionsHasAnEmptyField) {
  ServerTraits traits{.legacy_version = 0x0301,
                      .version = 0x0301,
                      .cipher_suite = 5,
                      .extensions = {},
                      .protocol = {}};
  EXPECT_EQ(ja3s_text(traits), "769,5,");
  EXPECT_EQ(ja4s_text(traits).head, "t100000_0005");
  EXPECT_EQ(ja4s_text(traits).extensions, "");
}

}  // namespace
}  // namespace rdpwhy::tls
