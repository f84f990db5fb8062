#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "rdpwhy/tls/hello.h"
#include "tls/messages.h"

namespace rdpwhy::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Decodes and fails the test when that fails.
ClientHello decoded(ByteSpan body, Notes* notes = nullptr) {
  auto hello = decode_client_hello(body, notes);
  EXPECT_TRUE(hello.has_value()) << hello.error().message();
  return hello ? *hello : ClientHello{};
}

TEST(ClientHello, OfRfc8448IsReadInFull) {
  Notes notes;
  const auto hello = decoded(rfc8448_client_hello(), &notes);
  EXPECT_FALSE(hello.ssl2_format);
  EXPECT_EQ(hello.legacy_version, 0x0303);
  EXPECT_EQ(hello.random[0], 0xCB);
  EXPECT_EQ(hello.random[31], 0xE7);
  EXPECT_THAT(hello.session_id, IsEmpty());
  EXPECT_THAT(hello.cipher_suites, ElementsAre(0x1301, 0x1303, 0x1302));
  EXPECT_THAT(hello.compression_methods, ElementsAre(0));
  EXPECT_TRUE(hello.has_extensions);
  std::vector<std::uint16_t> types;
  for (const auto& extension : hello.extensions) types.push_back(extension.type);
  EXPECT_THAT(types, ElementsAre(0, 0xFF01, 10, 35, 51, 43, 13, 45, 28));
  EXPECT_EQ(hello.server_name, "server");
  EXPECT_THAT(*hello.supported_versions, ElementsAre(0x0304));
  EXPECT_THAT(*hello.supported_groups, ElementsAre(29, 23, 24, 25, 256, 257, 258, 259, 260));
  EXPECT_THAT(*hello.signature_algorithms,
              ElementsAre(0x0403, 0x0503, 0x0603, 0x0203, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
                          0x0601, 0x0201, 0x0402, 0x0502, 0x0602, 0x0202));
  EXPECT_THAT(*hello.key_shares, ElementsAre(KeyShare{29, 32}));
  EXPECT_THAT(*hello.psk_key_exchange_modes, ElementsAre(1));
  EXPECT_EQ(hello.record_size_limit, 0x4001);
  EXPECT_TRUE(hello.renegotiation_info);
  EXPECT_TRUE(hello.session_ticket);
  EXPECT_FALSE(hello.extended_master_secret);
  EXPECT_FALSE(hello.pre_shared_key);
  EXPECT_EQ(hello.newest_version(), 0x0304);
  EXPECT_EQ(text_of(notes), "");
}

TEST(ClientHello, OfRfc8448IsWrittenAgainOctetForOctet) {
  const auto body = rfc8448_client_hello();
  EXPECT_EQ(encode(decoded(body)), body);
}

TEST(ClientHello, WithoutExtensionsDiffersFromOneWithAnEmptyBlock) {
  auto body = client_hello_with({});
  const auto with_block = decoded(body);
  EXPECT_TRUE(with_block.has_extensions);
  EXPECT_THAT(with_block.extensions, IsEmpty());
  EXPECT_EQ(encode(with_block), body);

  body.resize(body.size() - 2);
  const auto without = decoded(body);
  EXPECT_FALSE(without.has_extensions);
  EXPECT_EQ(encode(without), body);
  EXPECT_NE(with_block, without);
  EXPECT_EQ(without.newest_version(), 0x0303);
  EXPECT_FALSE(without.supported_groups);
}

TEST(ClientHello, KeepsAnAbsentListApartFromAnEmptyOne) {
  Notes notes;
  const auto hello = decoded(client_hello_with({{10, from_hex("0000")}}), &notes);
  ASSERT_TRUE(hello.supported_groups);
  EXPECT_THAT(*hello.supported_groups, IsEmpty());
  EXPECT_FALSE(hello.signature_algorithms);
  EXPECT_THAT(text_of(notes), HasSubstr("named_group_list: the list is empty"));
}

TEST(ClientHello, ReadsTheExtensionsWithoutAListOfTheirOwn) {
  Notes notes;
  const auto hello = decoded(client_hello_with({{5, from_hex("01 0000 0000")},
                                                {15, from_hex("01")},
                                                {22, {}},
                                                {23, {}},
                                                {35, from_hex("aabb")},
                                                {42, {}},
                                                {0xFF01, from_hex("00")}}),
                             &notes);
  EXPECT_TRUE(hello.status_request);
  EXPECT_TRUE(hello.heartbeat);
  EXPECT_TRUE(hello.encrypt_then_mac);
  EXPECT_TRUE(hello.extended_master_secret);
  EXPECT_TRUE(hello.session_ticket);
  EXPECT_TRUE(hello.early_data);
  EXPECT_TRUE(hello.renegotiation_info);
  EXPECT_FALSE(hello.fallback_scsv);
  EXPECT_EQ(text_of(notes), "");
}

TEST(ClientHello, ReadsAlpnAndPointFormatsAndCertificateSchemes) {
  const auto hello = decoded(client_hello_with({{16, from_hex("000c 02 6832 08 687474702f312e31")},
                                                {11, from_hex("03 000102")},
                                                {50, from_hex("0002 0804")}}));
  EXPECT_THAT(*hello.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(*hello.ec_point_formats, ElementsAre(0, 1, 2));
  EXPECT_THAT(*hello.signature_algorithms_cert, ElementsAre(0x0804));
}

TEST(ClientHello, TakesSignalsFromTheSuites) {
  auto body = client_hello_with({});
  auto hello = decoded(body);
  hello.cipher_suites = {0xC02F, 0x00FF, 0x5600};
  const auto again = decoded(encode(hello));
  EXPECT_TRUE(again.renegotiation_info);
  EXPECT_TRUE(again.fallback_scsv);
  EXPECT_THAT(again.cipher_suites, ElementsAre(0xC02F, 0x00FF, 0x5600));
}

TEST(ClientHello, AsAnswerToARetryRequestMayOfferNoShareOrABigOne) {
  const auto none = decoded(client_hello_with({{51, from_hex("0000")}}));
  ASSERT_TRUE(none.key_shares);
  EXPECT_THAT(*none.key_shares, IsEmpty());

  base::Writer w;
  {
    const auto list = w.block16be();
    w.u16be(0x11EC);
    const auto key = w.block16be();
    w.zeros(1216);
  }
  const auto big = decoded(client_hello_with({{51, w.take()}}));
  EXPECT_THAT(*big.key_shares, ElementsAre(KeyShare{0x11EC, 1216}));
}

TEST(ClientHello, ReadsAPreSharedKeyOffer) {
  // Two identities of one octet, two binders of 32.
  base::Writer w;
  {
    const auto identities = w.block16be();
    w.u16be(1).u8(0x41).u32be(7);
    w.u16be(1).u8(0x42).u32be(8);
  }
  {
    const auto binders = w.block16be();
    w.u8(32).zeros(32).u8(32).zeros(32);
  }
  Notes notes;
  const auto offer = w.take();
  EXPECT_TRUE(decoded(client_hello_with({{41, offer}}), &notes).pre_shared_key);
  EXPECT_EQ(text_of(notes), "");

  decoded(client_hello_with({{41, offer}, {23, {}}}), &notes);
  EXPECT_THAT(text_of(notes), HasSubstr("pre_shared_key is not the last extension"));
}

TEST(ClientHello, WithAMalformedExtensionStands) {
  // supported_groups whose list claims four octets and has two.
  Notes notes;
  const auto body =
      client_hello_with({{10, from_hex("0004 001d")}, {0, from_hex("0009 00 0006 736572766572")}});
  const auto hello = decoded(body, &notes);
  EXPECT_FALSE(hello.supported_groups) << "no reading of what is malformed";
  EXPECT_EQ(hello.extensions[0].payload, from_hex("0004 001d")) << "its octets are kept";
  EXPECT_EQ(hello.server_name, "server") << "and what follows is read";
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].field, "supported_groups");
  EXPECT_THAT(notes.anomalies[0].text, HasSubstr("named_group_list needs 4 bytes"));
  EXPECT_EQ(encode(hello), body);
}

TEST(ClientHello, WithOctetsBehindAnExtensionsGrammarStands) {
  Notes notes;
  const auto hello = decoded(client_hello_with({{43, from_hex("02 0304 ff")}}), &notes);
  EXPECT_FALSE(hello.supported_versions);
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].field, "supported_versions");
}

TEST(ClientHello, KeepsUnknownExtensionsAsOctets) {
  Notes notes;
  const auto body = client_hello_with({{0x0A0A, {}}, {0x1234, from_hex("deadbeef")}});
  const auto hello = decoded(body, &notes);
  EXPECT_THAT(hello.extensions,
              ElementsAre(Extension{0x0A0A, {}}, Extension{0x1234, from_hex("deadbeef")}));
  EXPECT_EQ(text_of(notes), "");
  EXPECT_EQ(encode(hello), body);
}

TEST(ClientHello, NotesAnExtensionThatStandsTwiceAndReadsTheFirst) {
  Notes notes;
  const auto body = client_hello_with({{10, from_hex("0002 001d")}, {10, from_hex("0002 0017")}});
  const auto hello = decoded(body, &notes);
  EXPECT_THAT(*hello.supported_groups, ElementsAre(29));
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_THAT(notes.anomalies[0].text, HasSubstr("supported_groups stands twice"));
  EXPECT_EQ(encode(hello), body);
}

TEST(ClientHello, NotesWhatIsOddAboutItsServerName) {
  const auto note_for = [](std::string_view name) {
    base::Writer w;
    {
      const auto list = w.block16be();
      w.u8(0);
      const auto size = w.block16be();
      w.text(name);
    }
    Notes notes;
    const auto hello = decoded(client_hello_with({{0, w.take()}}), &notes);
    EXPECT_EQ(hello.server_name, name);
    return text_of(notes);
  };
  EXPECT_EQ(note_for("host.example"), "");
  EXPECT_EQ(note_for("xn--bcher-kva.example"), "");
  EXPECT_EQ(note_for("HOST_1"), "");
  EXPECT_EQ(note_for("1.2.3"), "");
  EXPECT_THAT(note_for("192.0.2.1"), HasSubstr("an address stands"));
  EXPECT_THAT(note_for("2001:db8::1"), HasSubstr("an address stands"));
  EXPECT_THAT(note_for("host.example."), HasSubstr("ends with a dot"));
  EXPECT_THAT(note_for(""), HasSubstr("the name is empty"));
  EXPECT_THAT(note_for(std::string_view("a\0b", 3)), HasSubstr("no letters"));
}

TEST(ClientHello, WithOnlyOtherNameTypesHasNoServerName) {
  Notes notes;
  const auto hello = decoded(client_hello_with({{0, from_hex("0004 07 0001 61")}}), &notes);
  EXPECT_FALSE(hello.server_name);
  EXPECT_THAT(text_of(notes), HasSubstr("other than host_name"));
}

TEST(ClientHello, WithAnOddListLengthIsReadToTheLastWholeItem) {
  // cipher_suites of five octets.
  base::Writer w;
  w.u16be(0x0303).bytes(random_octets()).u8(0);
  w.u16be(5).u16be(0xC02F).u16be(0x002F).u8(0x77).u8(1).u8(0);
  Notes notes;
  const auto hello = decoded(w.view(), &notes);
  EXPECT_THAT(hello.cipher_suites, ElementsAre(0xC02F, 0x002F));
  EXPECT_THAT(text_of(notes), HasSubstr("CipherSuite: odd length"));
}

TEST(ClientHello, WithoutSuitesOrNullCompressionIsNoted) {
  base::Writer w;
  w.u16be(0x0301).bytes(random_octets()).u8(0).u16be(0).u8(1).u8(7);
  Notes notes;
  const auto hello = decoded(w.view(), &notes);
  EXPECT_THAT(hello.cipher_suites, IsEmpty());
  EXPECT_THAT(hello.compression_methods, ElementsAre(7));
  EXPECT_THAT(text_of(notes), HasSubstr("cipher_suites: the list is empty"));
  EXPECT_THAT(text_of(notes), HasSubstr("the null method is missing"));
  EXPECT_THAT(text_of(notes), HasSubstr("a method that no registry knows"));
}

TEST(ClientHello, WithALongSessionIdIsNoted) {
  base::Writer w;
  w.u16be(0x0303).bytes(random_octets()).u8(33).zeros(33).u16be(2).u16be(0x2F).u8(1).u8(0);
  Notes notes;
  EXPECT_EQ(decoded(w.view(), &notes).session_id.size(), 33u);
  EXPECT_THAT(text_of(notes), HasSubstr("longer than 32"));
}

TEST(ClientHello, FailsWhenTheListOfExtensionsIsCut) {
  auto body = client_hello_with({{10, from_hex("0002 001d")}});
  body[body.size() - 5] = 9;  // extension_data longer than the list
  const auto hello = decode_client_hello(body);
  ASSERT_FALSE(hello);
  EXPECT_EQ(hello.error().kind, DecodeError::Kind::kTruncated);
  EXPECT_EQ(hello.error().field, "supported_groups");
}

TEST(ClientHello, NewestVersionPassesOverGreaseAndRanksDraftsBelowTls13) {
  ClientHello hello;
  hello.legacy_version = 0x0303;
  EXPECT_EQ(hello.newest_version(), 0x0303);
  hello.supported_versions = {0x1A1A, 0x0303, 0x0304, 0x7F1C, 0x0302};
  EXPECT_EQ(hello.newest_version(), 0x0304);
  hello.supported_versions = {0xFAFA, 0x7F1A, 0x7F1C, 0x0303};
  EXPECT_EQ(hello.newest_version(), 0x7F1C);
  hello.supported_versions = {0x7A7A, 0x0303};
  EXPECT_EQ(hello.newest_version(), 0x0303);
  hello.supported_versions = {0x0302, 0x0301};
  EXPECT_EQ(hello.newest_version(), 0x0302);
  hello.supported_versions = {0x0A0A};
  EXPECT_EQ(hello.newest_version(), 0x0303) << "nothing but GREASE: the old field counts";
  hello.supported_versions.emplace();
  EXPECT_EQ(hello.newest_version(), 0x0303);
}

TEST(ClientHello, WithSixteenThousandExtensionsIsReadInOneGo) {
  Extensions many;
  for (unsigned i = 0; i < 16383; ++i) many.push_back({static_cast<std::uint16_t>(1000 + i), {}});
  EXPECT_EQ(decoded(client_hello_with(many)).extensions.size(), 16383u);
}

TEST(ClientHello, NotesARepeatedExtensionAmongManyOthers) {
  Extensions many;
  for (unsigned i = 0; i < 200; ++i) many.push_back({static_cast<std::uint16_t>(1000 + i), {}});
  Notes notes;
  decoded(client_hello_with(many), &notes);
  EXPECT_EQ(text_of(notes), "");
  many.push_back({1000, {}});  // among the first
  many.push_back({1032, {}});  // where the short list of types ends
  many.push_back({1199, {}});  // the last before
  decoded(client_hello_with(many), &notes);
  EXPECT_EQ(notes.anomalies.size(), 3u);
}

TEST(ClientHello, AnomaliesAreBoundedHoweverOddItIs) {
  Notes notes;
  decoded(client_hello_with(Extensions(16383, {0x1234, {}})), &notes);
  EXPECT_GE(notes.anomalies.size(), 10u);
  EXPECT_LE(notes.anomalies.size(), 100u);
}

// --- SSLv2 form ---

Bytes ssl2_hello() {
  return from_hex(
      "802e 01 0301 0015 0000 0010"
      "010080 0700c0 000004 000005 00000a 0000ff 060040"
      "000102030405060708090a0b0c0d0e0f");
}

TEST(Ssl2ClientHello, OffersTlsSuitesAmongItsOwn) {
  Notes notes;
  const auto hello = decode_ssl2_client_hello(ssl2_hello(), &notes);
  ASSERT_TRUE(hello) << hello.error().message();
  EXPECT_TRUE(hello->ssl2_format);
  EXPECT_EQ(hello->legacy_version, 0x0301);
  EXPECT_THAT(hello->cipher_suites, ElementsAre(4, 5, 10, 0xFF));
  EXPECT_THAT(hello->ssl2_cipher_specs, ElementsAre(0x010080, 0x0700C0, 4, 5, 10, 0xFF, 0x060040));
  EXPECT_TRUE(hello->renegotiation_info);
  EXPECT_FALSE(hello->has_extensions);
  EXPECT_EQ(hello->random[15], 0) << "a short challenge is padded on the left (E.2)";
  EXPECT_EQ(hello->random[17], 1);
  EXPECT_EQ(hello->random[31], 15);
  EXPECT_EQ(text_of(notes), "");
}

TEST(Ssl2ClientHello, IsWrittenWithEqualMeaning) {
  const auto hello = decode_ssl2_client_hello(ssl2_hello());
  ASSERT_TRUE(hello);
  const auto again = decode_ssl2_client_hello(encode(*hello));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, *hello);
}

TEST(Ssl2ClientHello, WithOddLengthsIsNoted) {
  Notes notes;
  const auto hello = decode_ssl2_client_hello(
      from_hex("8014 01 0002 0004 0003 0004 010080 aa 010203 61626364"), &notes);
  ASSERT_TRUE(hello) << hello.error().message();
  EXPECT_THAT(hello->ssl2_cipher_specs, ElementsAre(0x010080));
  EXPECT_EQ(hello->session_id, from_hex("010203"));
  EXPECT_THAT(text_of(notes), HasSubstr("no multiple of three"));
  EXPECT_THAT(text_of(notes), HasSubstr("session_id_length"));
  EXPECT_THAT(text_of(notes), HasSubstr("challenge_length"));
}

TEST(Ssl2ClientHello, OfAnotherTypeIsNone) {
  auto octets = ssl2_hello();
  octets[2] = 4;
  EXPECT_EQ(decode_ssl2_client_hello(octets).error().field, "msg_type");
  octets = ssl2_hello();
  octets[0] = 0x16;
  EXPECT_EQ(decode_ssl2_client_hello(octets).error().field, "msg_length");
}

}  // namespace
}  // namespace rdpwhy::tls
