#include "rdpwhy/tls/jarm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/digest.h"
#include "rdpwhy/crypto/fingerprints.h"

namespace rdpwhy::crypto {
namespace {

using tls::JarmAnswer;

std::uint16_t code_of(std::string_view hex) {
  std::uint16_t code = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
  return code;
}

/// Of "c02f|0303|h2|ff01-0000".
std::optional<JarmAnswer> answer_of(std::string_view text) {
  if (text == "|||") return {};
  JarmAnswer answer{.cipher_suite = code_of(text.substr(0, 4)),
                    .legacy_version = code_of(text.substr(5, 4)),
                    .protocol = std::string(text.substr(10, text.find('|', 10) - 10)),
                    .extensions = {}};
  for (auto at = text.find('|', 10) + 1; at < text.size(); at += 5)
    answer.extensions.push_back(code_of(text.substr(at, 4)));
  EXPECT_EQ(tls::text_of(answer), text);
  return answer;
}

std::string jarm_of(const std::array<std::string_view, tls::kJarmHellos>& texts) {
  std::array<std::optional<JarmAnswer>, tls::kJarmHellos> answers;
  std::ranges::transform(texts, answers.begin(), answer_of);
  return jarm(answers);
}

// SHA-256 of what JARM's own program sends to "rdp.example", were its random octets zeros and its
// GREASE 0x0A0A each time.
TEST(Jarm, SendsTheHellosOfItsOwnProgram) {
  constexpr std::array<std::string_view, tls::kJarmHellos> kSent = {
      "2b9fb5090e8e3bbe7da2321a54fb8f29b8e4da51995d67376e5ed7b981997e1a",
      "d9979ed795550472474e2b1c1744e073c27a77d69b51d923892999e3b347ac3f",
      "75893796ee0a5032a3a7b00640708c3ff280ed7093fd8b5c5e1da994ca9ff28b",
      "a2bcd4810112a55f20c81f76d9cad3cb0a5fc2a514c4815d8586372d25001eb9",
      "425fe69ee4e76962184f1227d5936e0e260ba404a400c255d78fcd2fdc734fda",
      "eb8332a4fc11e6cc31a70009fa0e8f75c4eaaf9124f95b2710bcb19d6ec35501",
      "d5ba30d3f3e90282994890561d1d3c9b3e5a867403d7b043010f14f1cb654e79",
      "84f3f5b67ef24c58bf5b4b400c38092ea53a43f5482d8b33998ee6bf5a5785d7",
      "e2ce86b378ed209d3139c3206a35d38868ef81ac0e088de0ef2b144f0914eaec",
      "c82e18fa56cc05c1dbd96208bb0fc8317dd05bafe5b81cafccea748328e21c94"};
  for (std::size_t i = 0; i < kSent.size(); ++i)
    EXPECT_EQ(base::to_hex(sha256(tls::jarm_hello(i, "rdp.example", {}))), kSent[i]) << i;
}

// Answers of two servers that other implementations of JARM publish with its result.
TEST(Jarm, IsWhatOthersMakeOfTheSameAnswers) {
  EXPECT_EQ(jarm_of({"009e|0303|h2|0000-ff01-0010", "c030|0303|h2|0000-ff01-000b-0010",
                     "009f|0303|h2|0000-ff01-0010", "c02f|0303||0000-ff01-000b",
                     "c02f|0303||0000-ff01-000b", "|||", "009e|0303|h2|0000-ff01-0010",
                     "c030|0303|h2|0000-ff01-000b-0010", "009e|0303|h2|0000-ff01-0010",
                     "c02f|0303|h2|0000-ff01-000b-0010"}),
            "15d2ad16d29d29d00015d2ad15d29dd1c3ca624d74ad1df5cec63008795502");
  EXPECT_EQ(jarm_of({"c02f|0303|h2|ff01-0000-0001-000b-0023-0010-0017",
                     "c02f|0303|h2|ff01-0000-0001-000b-0023-0010-0017",
                     "009e|0303|h2|ff01-0000-0001-0023-0010-0017",
                     "c02f|0303|http/1.1|ff01-0000-0001-000b-0023-0010-0017",
                     "c02f|0303|http/1.1|ff01-0000-0001-000b-0023-0010-0017", "|||",
                     "1302|0303||002b-0033", "1302|0303||002b-0033", "|||", "|||"}),
            "29d29d15d29d29d00042d42d000000cd600c085f371f8533aaf66051f8e5b1");
}

TEST(Jarm, OfAServerThatRefusesAllIsZeros) {
  EXPECT_EQ(jarm_of({"|||", "|||", "|||", "|||", "|||", "|||", "|||", "|||", "|||", "|||"}),
            std::string(62, '0'));
}

}  // namespace
}  // namespace rdpwhy::crypto
