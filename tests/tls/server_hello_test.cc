#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdpwhy/tls/hello.h"
#include "tls/messages.h"

namespace rdpwhy::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

ServerHello decoded(ByteSpan body, Notes* notes = nullptr) {
  auto hello = decode_server_hello(body, notes);
  EXPECT_TRUE(hello.has_value()) << hello.error().message();
  return hello ? *hello : ServerHello{};
}

Bytes retry_random() {
  return from_hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
}

TEST(ServerHello, OfRfc8448IsReadInFullAndWrittenAgain) {
  const auto body = rfc8448_server_hello();
  Notes notes;
  const auto hello = decoded(body, &notes);
  EXPECT_FALSE(hello.hello_retry_request);
  EXPECT_EQ(hello.legacy_version, 0x0303);
  EXPECT_EQ(hello.cipher_suite, 0x1301);
  EXPECT_EQ(hello.compression_method, 0);
  EXPECT_EQ(hello.selected_version, 0x0304);
  EXPECT_EQ(hello.version(), 0x0304);
  EXPECT_EQ(hello.key_share, (KeyShare{29, 32}));
  EXPECT_EQ(hello.downgrade, ServerHello::Downgrade::kNone);
  EXPECT_EQ(text_of(notes), "");
  EXPECT_EQ(encode(hello), body);
}

TEST(ServerHello, OfTls12HasTheVersionOfItsOldField) {
  Notes notes;
  const auto hello = decoded(server_hello_with({{0, {}},
                                                {5, {}},
                                                {11, from_hex("01 00")},
                                                {16, from_hex("0003 02 6832")},
                                                {22, {}},
                                                {23, {}},
                                                {35, {}},
                                                {0xFF01, from_hex("00")}}),
                             &notes);
  EXPECT_EQ(hello.version(), 0x0303);
  EXPECT_FALSE(hello.selected_version);
  EXPECT_EQ(hello.cipher_suite, 0xC02F);
  EXPECT_EQ(hello.alpn, "h2");
  EXPECT_TRUE(hello.status_request);
  EXPECT_TRUE(hello.encrypt_then_mac);
  EXPECT_TRUE(hello.extended_master_secret);
  EXPECT_TRUE(hello.session_ticket);
  EXPECT_TRUE(hello.renegotiation_info);
  EXPECT_FALSE(hello.key_share);
  EXPECT_EQ(text_of(notes), "");
}

TEST(ServerHello, WithTheFixedRandomIsAHelloRetryRequest) {
  const auto body = server_hello_with(
      {{51, from_hex("0017")}, {44, from_hex("0002 abcd")}, {43, from_hex("0304")}},
      retry_random());
  Notes notes;
  const auto hello = decoded(body, &notes);
  EXPECT_TRUE(hello.hello_retry_request);
  EXPECT_EQ(hello.key_share, (KeyShare{23, 0}));
  EXPECT_EQ(hello.version(), 0x0304);
  EXPECT_EQ(text_of(notes), "");
  EXPECT_EQ(encode(hello), body);
}

TEST(ServerHello, WithOneOctetOfTheFixedRandomChangedIsNone) {
  auto random = retry_random();
  random[31] ^= 1;
  Notes notes;
  const auto hello = decoded(server_hello_with({{51, from_hex("0017")}}, random), &notes);
  EXPECT_FALSE(hello.hello_retry_request);
  EXPECT_FALSE(hello.key_share) << "a ServerHello's share has a key behind the group";
  EXPECT_THAT(text_of(notes), HasSubstr("key_share"));
}

TEST(ServerHello, WarnsOfADowngradeInItsRandom) {
  const auto downgrade_of = [](std::string_view tail) {
    auto random = random_octets();
    const auto octets = from_hex(tail);
    std::ranges::copy(octets, random.end() - 8);
    return decoded(server_hello_with({}, random)).downgrade;
  };
  EXPECT_EQ(downgrade_of("444f574e47524401"), ServerHello::Downgrade::kTls12);
  EXPECT_EQ(downgrade_of("444f574e47524400"), ServerHello::Downgrade::kTls11OrBelow);
  EXPECT_EQ(downgrade_of("444f574e47524402"), ServerHello::Downgrade::kNone);
  EXPECT_EQ(downgrade_of("454f574e47524401"), ServerHello::Downgrade::kNone);
}

TEST(ServerHello, OfSsl3HasNoExtensions) {
  base::Writer w;
  w.u16be(0x0300).bytes(random_octets()).u8(32).zeros(32).u16be(0x0004).u8(0);
  const auto hello = decoded(w.view());
  EXPECT_FALSE(hello.has_extensions);
  EXPECT_EQ(hello.version(), 0x0300);
  EXPECT_EQ(hello.session_id.size(), 32u);
  EXPECT_EQ(encode(hello), w.take());
}

TEST(ServerHello, OfAnEarlyDraftHasNeitherSessionIdNorCompression) {
  base::Writer w;
  w.u16be(0x7F12).bytes(random_octets()).u16be(0x1301);
  write_test_extensions(w, {{40, from_hex("001d 0002 abcd")}});
  const auto hello = decoded(w.view());
  EXPECT_EQ(hello.cipher_suite, 0x1301);
  EXPECT_EQ(hello.version(), 0x7F12);
  EXPECT_EQ(hello.key_share, (KeyShare{29, 2}));
  EXPECT_EQ(encode(hello), w.take());
}

TEST(ServerHello, OfALateDraftSelectsItsVersionInTheExtension) {
  const auto hello = decoded(server_hello_with({{43, from_hex("7f1c")}}));
  EXPECT_EQ(hello.version(), 0x7F1C);
}

TEST(ServerHello, WithAMalformedExtensionStands) {
  Notes notes;
  const auto body = server_hello_with({{43, from_hex("03")}, {0x4567, from_hex("01")}});
  const auto hello = decoded(body, &notes);
  EXPECT_FALSE(hello.selected_version);
  EXPECT_EQ(hello.version(), 0x0303);
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_THAT(notes.anomalies[0].text, HasSubstr("selected_version needs 2 bytes"));
  EXPECT_EQ(encode(hello), body);
}

TEST(ServerHello, NotesWhatAnAnswerMayNotHold) {
  const auto note_for = [](const Extensions& extensions) {
    Notes notes;
    decoded(server_hello_with(extensions), &notes);
    return text_of(notes);
  };
  EXPECT_THAT(note_for({{0, from_hex("0001")}}), HasSubstr("should be empty"));
  EXPECT_THAT(note_for({{23, from_hex("00")}}), HasSubstr("should be empty"));
  EXPECT_THAT(note_for({{16, from_hex("0006 02 6832 02 6833")}}), HasSubstr("exactly one"));
}

TEST(ServerHello, WithoutARandomNamesTheField) {
  const auto hello = decode_server_hello(from_hex("0303 0102"));
  ASSERT_FALSE(hello);
  EXPECT_EQ(hello.error().field, "random");
  EXPECT_EQ(hello.error().offset, 2u);
  EXPECT_EQ(hello.error().needed, 32u);
  EXPECT_EQ(hello.error().left, 2u);
}

}  // namespace
}  // namespace rdpwhy::tls
