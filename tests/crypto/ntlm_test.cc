#include "rdpwhy/crypto/ntlm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <cstdlib>

#include "crypto/ntlm_pair.h"
#include "crypto/openssl_handles.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::crypto {
namespace {

using auth::AvId;
using testing::ElementsAre;
using testing::HasSubstr;
using Verdict = NtlmAcceptor::Verdict;
namespace flag = auth::ntlm_flag;

std::vector<int> ids_of(const auth::AvPairs& pairs) {
  std::vector<int> ids;
  for (const auto& pair : pairs.pairs) ids.push_back(pair.id);
  return ids;
}

NtlmAcceptor::Settings without(std::uint32_t flags) {
  auto settings = acceptor_for_tests();
  settings.refused_flags = flags;
  return settings;
}

TEST(NtlmNegotiate, IsWhatMstscSends) {
  EXPECT_EQ(base::to_hex(encode(mstsc_ntlm_negotiate())),
            "4e544c4d5353500001000000b78208e200000000000000000000000000000000"
            "0a005d580000000f");
}

TEST(NtlmAnswer, TheRightPasswordIsAcceptedAndBothEndsShareKeys) {
  const NtlmPair pair;
  ASSERT_TRUE(pair.answer) << pair.answer.error().text;
  const auto accepted = pair.accepted();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->message.user_name, "lab");
  for (const std::string_view text : {"first", "", "third and longer than the others"}) {
    const auto sealed = pair.answer->protection->seal(base::as_bytes(text));
    EXPECT_EQ(sealed.size(), text.size() + 16);
    const auto opened = accepted->protection->unseal(sealed);
    ASSERT_TRUE(opened);
    EXPECT_EQ(base::as_text(opened->reveal()), text);
    const auto back = pair.answer->protection->unseal(accepted->protection->seal(opened->reveal()));
    ASSERT_TRUE(back);
    EXPECT_EQ(base::as_text(back->reveal()), text);
  }
}

TEST(NtlmAnswer, AnEmptyPasswordAndANameOfAnyAlphabetWork) {
  auto plan = client_for_tests();
  plan.user = "\u03b3\u03b9\u03ce\u03c1\u03b3\u03bf\u03c2";
  plan.domain = "";
  const NtlmPair pair(acceptor_for_tests(), plan, "");
  ASSERT_TRUE(pair.answer);
  EXPECT_TRUE(pair.accepted(""));
}

TEST(NtlmAnswer, EveryOtherPasswordUserAndDomainIsNot) {
  const NtlmPair pair;
  ASSERT_TRUE(pair.answer);
  EXPECT_EQ(pair.accepted("Right").error(), Verdict::kWrongPassword);
  EXPECT_EQ(pair.accepted("").error(), Verdict::kWrongPassword);
  auto message = pair.authenticate();
  message.user_name = "bal";
  EXPECT_EQ(pair.acceptor.accept(encode(message), Secret("right")).error(),
            Verdict::kWrongPassword);
  message = pair.authenticate();
  message.domain_name = "lab";
  EXPECT_EQ(pair.acceptor.accept(encode(message), Secret("right")).error(),
            Verdict::kWrongPassword);
}

TEST(NtlmAnswer, SaysWhatAWindowsClientSays) {
  const NtlmPair pair;
  ASSERT_TRUE(pair.answer);
  EXPECT_EQ(auth::decode_ntlm_challenge(pair.challenge)->flags, 0xE2898235u);
  const auto message = pair.authenticate();
  EXPECT_EQ(message.flags, 0xE2888235u);
  EXPECT_EQ(message.workstation, "PROBE");
  EXPECT_EQ(message.version, mstsc_ntlm_negotiate().version);
  EXPECT_EQ(message.lm_response, Bytes(24)) << "the server said the time";
  EXPECT_TRUE(message.mic);
  ASSERT_TRUE(message.ntlmv2);
  const auto& pairs = message.ntlmv2->av_pairs;
  EXPECT_THAT(ids_of(pairs), ElementsAre(2, 1, 4, 3, 7, 6, 10, 9));
  EXPECT_EQ(message.ntlmv2->timestamp, target_info_for_tests().timestamp());
  EXPECT_EQ(pairs.flags(), 2u);
  EXPECT_EQ(pairs.find(AvId::kChannelBindings)->value, Bytes(16));
  EXPECT_EQ(pairs.text(AvId::kTargetName), "TERMSRV/host.lab.example");
}

TEST(NtlmAnswer, BindsToTheChannelWhenAsked) {
  auto plan = client_for_tests();
  plan.channel_bindings.emplace().fill(0xCB);
  const NtlmPair pair(acceptor_for_tests(), plan);
  ASSERT_TRUE(pair.answer);
  const auto message = pair.authenticate();
  EXPECT_EQ(message.ntlmv2->av_pairs.find(AvId::kChannelBindings)->value, Bytes(16, 0xCB));
}

TEST(NtlmAnswer, WithoutTheServersTimeItIsOursAndLmv2AndNoMic) {
  auto settings = acceptor_for_tests();
  settings.target_info = target_info_for_tests(false);
  const NtlmPair pair(settings);
  ASSERT_TRUE(pair.answer);
  const auto message = pair.authenticate();
  EXPECT_EQ(message.ntlmv2->timestamp, auth::filetime_of(client_for_tests().now));
  EXPECT_FALSE(message.mic);
  EXPECT_EQ(message.ntlmv2->av_pairs.find(AvId::kFlags), nullptr);
  ASSERT_EQ(message.lm_response.size(), 24u);
  EXPECT_EQ(Bytes(message.lm_response.begin() + 16, message.lm_response.end()), Bytes(8, 0xC1));
  EXPECT_NE(Bytes(message.lm_response.begin(), message.lm_response.begin() + 16), Bytes(16));
  EXPECT_TRUE(pair.accepted());
}

TEST(NtlmAnswer, KeepsUnknownPairsAndOtherFlagsAndOnlyOneOfEach) {
  auto settings = acceptor_for_tests();
  auto& pairs = settings.target_info->pairs;
  pairs.push_back({.id = 0x77, .value = {9, 9, 9}});
  pairs.push_back(av_pair_of(AvId::kFlags, {1, 0, 0, 0}));
  pairs.push_back(av_pair_of(AvId::kTargetName, {'x', 0}));
  pairs.push_back(av_pair_of(AvId::kChannelBindings, Bytes(16, 1)));
  const NtlmPair pair(settings);
  ASSERT_TRUE(pair.answer);
  const auto message = pair.authenticate();
  EXPECT_THAT(ids_of(message.ntlmv2->av_pairs), ElementsAre(2, 1, 4, 3, 7, 0x77, 6, 10, 9));
  EXPECT_EQ(message.ntlmv2->av_pairs.flags(), 3u);
  EXPECT_TRUE(pair.accepted());
}

TEST(NtlmAnswer, WithoutKeyExchangeTheBaseKeyIsTheKey) {
  const NtlmPair pair(without(flag::kKeyExchange));
  ASSERT_TRUE(pair.answer);
  EXPECT_TRUE(pair.authenticate().encrypted_random_session_key.empty());
  const auto accepted = pair.accepted();
  ASSERT_TRUE(accepted);
  EXPECT_TRUE(accepted->protection->unseal(pair.answer->protection->seal({})));
}

TEST(NtlmAnswer, WithoutVersionTheMicStandsWhereItStands) {
  const NtlmPair pair(without(flag::kVersion));
  ASSERT_TRUE(pair.answer);
  EXPECT_TRUE(pair.authenticate().mic);
  EXPECT_TRUE(pair.accepted());
}

TEST(NtlmAnswer, WeakChallengesAreRefusedWithTheReason) {
  struct Case {
    std::uint32_t missing;
    std::string_view words;
  };
  for (const auto& [missing, words] :
       {Case{flag::k128, "128 bit"}, Case{flag::kExtendedSessionSecurity, "extended session"},
        Case{flag::kSeal, "sealing"}, Case{flag::kUnicode, "Unicode"}}) {
    const NtlmPair pair(without(missing));
    ASSERT_FALSE(pair.answer);
    EXPECT_EQ(pair.answer.error().why, NtlmRefusal::Why::kChallenge);
    EXPECT_THAT(pair.answer.error().text, HasSubstr(words));
  }
}

TEST(NtlmAnswer, AServerThatDoesNotNameItselfIsRefusedAsWindowsDoes) {
  auto settings = acceptor_for_tests();
  for (const auto id : {AvId::kNbComputerName, AvId::kNbDomainName}) {
    auto nameless = settings;
    std::erase_if(nameless.target_info->pairs, [id](const auth::AvPair& pair) {
      return pair.id == static_cast<std::uint16_t>(id);
    });
    const NtlmPair pair(nameless);
    ASSERT_FALSE(pair.answer);
    EXPECT_THAT(pair.answer.error().text, HasSubstr("name"));
  }
  settings.target_info.reset();
  const NtlmPair pair(settings);
  ASSERT_FALSE(pair.answer);
  EXPECT_THAT(pair.answer.error().text, HasSubstr("target information"));
}

TEST(NtlmAcceptor, NoticesWhatWasChangedOnTheWay) {
  const NtlmPair pair;
  ASSERT_TRUE(pair.answer);
  auto changed = pair.answer->authenticate;
  changed[60] ^= 0x02;  // NegotiateFlags
  EXPECT_EQ(pair.acceptor.accept(changed, Secret("right")).error(), Verdict::kWrongMic);
  changed = pair.answer->authenticate;
  changed[auth::kNtlmMicOffset] ^= 1;
  EXPECT_EQ(pair.acceptor.accept(changed, Secret("right")).error(), Verdict::kWrongMic);
}

TEST(NtlmAcceptor, TakesNoOlderResponseAndNoOtherMessage) {
  const NtlmPair pair;
  ASSERT_TRUE(pair.answer);
  auto message = pair.authenticate();
  message.nt_response = Bytes(24, 0x11);
  message.mic.reset();
  EXPECT_EQ(pair.acceptor.accept(encode(message), Secret("right")).error(), Verdict::kNotNtlmv2);
  message.nt_response.clear();
  EXPECT_EQ(pair.acceptor.accept(encode(message), Secret("right")).error(), Verdict::kNotNtlmv2);
  EXPECT_EQ(pair.acceptor.accept(pair.challenge, Secret("right")).error(), Verdict::kMalformed);
  EXPECT_EQ(
      NtlmAcceptor(acceptor_for_tests()).accept(pair.answer->authenticate, Secret("right")).error(),
      Verdict::kMalformed)
      << "without having challenged";
  EXPECT_FALSE(NtlmAcceptor(acceptor_for_tests()).challenge(pair.challenge));
}

class NtlmProtection : public testing::Test {
 protected:
  NtlmPair pair_;
  NtlmAcceptor::Accepted server_ = pair_.accepted().value();
  auth::MessageProtection& client_ = *pair_.answer->protection;
};

TEST_F(NtlmProtection, OpensNothingThatWasChangedCutOrSentAgain) {
  const auto sealed = client_.seal(base::as_bytes("text"));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] ^= 0x80;
    const auto accepted = pair_.accepted().value();
    EXPECT_FALSE(accepted.protection->unseal(changed)) << i;
    EXPECT_FALSE(pair_.accepted()->protection->unseal(ByteSpan(sealed).first(i))) << i;
  }
  ASSERT_TRUE(server_.protection->unseal(sealed));
  EXPECT_FALSE(server_.protection->unseal(sealed));
}

TEST_F(NtlmProtection, OneSidesMessagesAreNotTheOthers) {
  EXPECT_FALSE(client_.unseal(client_.seal(base::as_bytes("reflected"))));
}

TEST_F(NtlmProtection, TheMicOfTheMechanismsCostsNoNumber) {
  const auto list = base::as_bytes("mechanisms");
  const auto mic = client_.mech_list_mic(list);
  EXPECT_EQ(mic.size(), 16u);
  EXPECT_TRUE(server_.protection->verify_mech_list_mic(list, mic));
  EXPECT_FALSE(server_.protection->verify_mech_list_mic(base::as_bytes("mechanism"), mic));
  EXPECT_FALSE(client_.verify_mech_list_mic(list, mic));
  EXPECT_TRUE(server_.protection->unseal(client_.seal(base::as_bytes("first"))));
}

TEST(NtlmAvailable, SaysThatTheLegacyProviderIsMissing) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";  // a new process, which has loaded nothing
  EXPECT_EXIT(
      {
        setenv("OPENSSL_MODULES", "/nonexistent", 1);
        const auto available = ntlm_available();
        const NtlmPair pair;
        const bool as_wanted =
            !available && !pair.answer &&
            pair.answer.error().why == NtlmRefusal::Why::kUnavailable &&
            pair.acceptor.accept(pair.challenge, Secret("")).error() == Verdict::kUnavailable;
        std::fputs(available ? "available" : available.error().text.c_str(), stderr);
        std::_Exit(as_wanted ? 0 : 1);
      },
      testing::ExitedWithCode(0), "NTLM cannot be computed: .*cannot load its legacy provider");
}

TEST(NtlmAvailable, SaysThatFipsModeForbidsIt) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(
      {
        EVP_default_properties_enable_fips(legacy_context(), 1);
        const auto available = ntlm_available();
        std::fputs(available ? "available" : available.error().text.c_str(), stderr);
        std::_Exit(available ? 1 : 0);
      },
      testing::ExitedWithCode(0), "FIPS mode, which forbids MD4");
}

}  // namespace
}  // namespace rdpwhy::crypto
