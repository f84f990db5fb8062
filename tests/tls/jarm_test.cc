#include "rdpwhy/tls/jarm.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "tls/messages.h"

namespace rdpwhy::tls {
namespace {

std::optional<ClientHello> read(ByteSpan record) {
  Notes notes;
  auto hello =
      decode_client_hello(record.subspan(RecordHeader::kSize + HandshakeHeader::kSize), &notes);
  EXPECT_TRUE(hello) << (hello ? "" : hello.error().message());
  EXPECT_EQ(text_of(notes), "");
  if (!hello) return {};
  return *std::move(hello);
}

Bytes server_record(ByteSpan body) {
  return encode_record(ContentType::kHandshake, 0x0303,
                       encode_handshake(HandshakeType::kServerHello, body));
}

TEST(Jarm, SendsHellosThatOurOwnDecoderFindsNothingOddIn) {
  JarmDraw draw;
  draw.grease = {1, 2, 3, 15};
  for (std::size_t i = 0; i < kJarmHellos; ++i) {
    const auto hello = read(jarm_hello(i, "rdp.example", draw));
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->server_name, "rdp.example");
    EXPECT_EQ(hello->session_id.size(), 32u);
  }
}

TEST(Jarm, DrawsEachGreaseByItself) {
  JarmDraw draw;
  draw.grease = {1, 2, 3, 15};
  const auto hello = read(jarm_hello(9, "rdp.example", draw));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->cipher_suites.front(), 0x1A1A);
  EXPECT_EQ(hello->extensions.front().type, 0x2A2A);
  EXPECT_EQ(hello->key_shares->front(), (KeyShare{0x3A3A, 1}));
  EXPECT_EQ(hello->supported_versions,
            (std::vector<std::uint16_t>{0xFAFA, 0x0304, 0x0303, 0x0302, 0x0301}));
}

TEST(Jarm, HalvesTheSuitesWithoutLosingOne) {
  const auto all = read(jarm_hello(0, "a", {}))->cipher_suites;
  ASSERT_EQ(all.size(), 69u);
  auto top = read(jarm_hello(2, "a", {}))->cipher_suites;
  const auto bottom = read(jarm_hello(3, "a", {}))->cipher_suites;
  std::ranges::reverse(top);
  top.insert(top.end(), bottom.begin(), bottom.end());
  EXPECT_EQ(top, all);
  EXPECT_EQ(read(jarm_hello(8, "a", {}))->cipher_suites.size(), 64u);
}

TEST(Jarm, KeepsOfAnAnswerWhatItsOwnProgramShows) {
  EXPECT_EQ(text_of(jarm_answer(server_record(server_hello_with(
                {{0xFF01, from_hex("00")}, {0x0010, from_hex("0003 02 6832")}, {0x0017, {}}})))),
            "c02f|0303|h2|ff01-0010-0017");
  EXPECT_EQ(text_of(jarm_answer(server_record(rfc8448_server_hello()))), "1301|0303||0033-002b");
  auto bare = server_hello_with({});
  bare.resize(bare.size() - 2);
  EXPECT_EQ(text_of(jarm_answer(server_record(bare))), "c02f|0303||");
}

TEST(Jarm, TakesAnythingElseForARefusal) {
  const auto whole = server_record(rfc8448_server_hello());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(text_of(jarm_answer(ByteSpan(whole).first(size))), "|||") << size;
  EXPECT_FALSE(jarm_answer(from_hex("15 0303 0002 02 28")));
  // A warning first: the program looks no further, and its fingerprints are those that are known.
  auto warned = from_hex("15 0303 0002 01 70");
  warned.insert(warned.end(), whole.begin(), whole.end());
  EXPECT_FALSE(jarm_answer(warned));
  EXPECT_FALSE(jarm_answer(from_hex("0300 0009 0280 2180")));
}

TEST(Jarm, NumbersSuitesItDidNotOfferBehindTheOthers) {
  std::array<std::optional<JarmAnswer>, kJarmHellos> answers;
  answers[0] = {.cipher_suite = 0x0004, .legacy_version = 0x0300, .protocol = {}, .extensions = {}};
  answers[1] = {.cipher_suite = 0xCCA9, .legacy_version = 0x0301, .protocol = {}, .extensions = {}};
  answers[2] = {.cipher_suite = 0x1305, .legacy_version = 0x0303, .protocol = {}, .extensions = {}};
  answers[9] = {.cipher_suite = 0x0001, .legacy_version = 0x0302, .protocol = {}, .extensions = {}};
  EXPECT_EQ(jarm_text(answers).suites, "01a40b45d00000000000000000046c");
  EXPECT_EQ(jarm_text(answers).extensions, "");
}

}  // namespace
}  // namespace rdpwhy::tls
