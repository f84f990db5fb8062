#include "rdpwhy/auth/ntlm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/messages.h"
#include "auth/octets.h"

namespace rdpwhy::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Bytes utf16(std::string_view ascii) {
  Bytes octets;
  for (const char c : ascii) {
    octets.push_back(static_cast<std::uint8_t>(c));
    octets.push_back(0);
  }
  return octets;
}

template <typename Message>
std::string hex_of(const Message& message) {
  return base::to_hex(encode(message));
}

// --- MS-NLMP 4.2 --------------------------------------------------------------------------------

TEST(Ntlm, ChallengeOfTheSpecificationIsReadAndWritten) {
  Notes notes;
  const auto challenge = decode_ntlm_challenge(nlmp_challenge(), &notes);
  ASSERT_TRUE(challenge) << challenge.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(challenge->flags, 0xE28A8233u);
  EXPECT_EQ(challenge->target_name, "Server");
  EXPECT_EQ(base::to_hex(challenge->server_challenge), "0123456789abcdef");
  ASSERT_TRUE(challenge->target_info);
  EXPECT_THAT(challenge->target_info->pairs,
              ElementsAre(AvPair{2, utf16("Domain")}, AvPair{1, utf16("Server")}));
  EXPECT_EQ(challenge->version, (NtlmVersion{.major = 6, .minor = 0, .build = 6000}));
  EXPECT_EQ(encode(*challenge), nlmp_challenge());
}

TEST(Ntlm, ChallengeWithoutTargetInfoIsOneThatHasNone) {
  Notes notes;
  const auto challenge = decode_ntlm_challenge(nlmp_challenge_without_target_info(), &notes);
  ASSERT_TRUE(challenge);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_FALSE(challenge->target_info);
  EXPECT_EQ(challenge->target_name, "Server");
  EXPECT_EQ(encode(*challenge), nlmp_challenge_without_target_info());
}

void expect_names(const NtlmAuthenticate& message) {
  EXPECT_EQ(message.domain_name, "Domain");
  EXPECT_EQ(message.user_name, "User");
  EXPECT_EQ(message.workstation, "COMPUTER");
  EXPECT_EQ(message.version, (NtlmVersion{.major = 5, .minor = 1, .build = 2600}));
}

TEST(Ntlm, Version1ResponseOfTheSpecificationIsReadAndWritten) {
  Notes notes;
  const auto message = decode_ntlm_authenticate(nlmp_authenticate_v1(), &notes);
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  expect_names(*message);
  EXPECT_EQ(base::to_hex(message->lm_response), "98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13");
  EXPECT_EQ(base::to_hex(message->nt_response), "67c43011f30298a2ad35ece64f16331c44bdbed927841f94");
  EXPECT_EQ(base::to_hex(message->encrypted_random_session_key),
            "518822b1b3f350c8958682ecbb3e3cb7");
  EXPECT_FALSE(message->ntlmv2);
  EXPECT_FALSE(message->mic);
  EXPECT_EQ(encode(*message), nlmp_authenticate_v1());
}

TEST(Ntlm, ExtendedSessionSecurityResponseOfTheSpecificationIsReadAndWritten) {
  Notes notes;
  const auto message = decode_ntlm_authenticate(nlmp_authenticate_v1_extended(), &notes);
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  expect_names(*message);
  EXPECT_EQ(base::to_hex(message->lm_response), "aaaaaaaaaaaaaaaa00000000000000000000000000000000");
  EXPECT_EQ(message->encrypted_random_session_key_size, 0u);
  EXPECT_EQ(encode(*message), nlmp_authenticate_v1_extended());
}

TEST(Ntlm, Version2ResponseOfTheSpecificationIsReadAndWritten) {
  Notes notes;
  const auto message = decode_ntlm_authenticate(nlmp_authenticate_v2(), &notes);
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  expect_names(*message);
  EXPECT_EQ(message->nt_response_size, 84u);
  ASSERT_TRUE(message->ntlmv2);
  EXPECT_EQ(message->ntlmv2->timestamp, 0u);
  EXPECT_EQ(base::to_hex(message->ntlmv2->challenge), "aaaaaaaaaaaaaaaa");
  EXPECT_EQ(message->ntlmv2->av_pairs.text(AvId::kNbDomainName), "Domain");
  EXPECT_EQ(message->ntlmv2->av_pairs.text(AvId::kNbComputerName), "Server");
  EXPECT_FALSE(message->mic) << "the payload begins at 72";
  EXPECT_EQ(encode(*message), nlmp_authenticate_v2());
}

// --- other shapes -------------------------------------------------------------------------------

TEST(Ntlm, NegotiateHasNamesOnlyWhenSupplied) {
  const NtlmNegotiate message{
      .flags = ntlm_flag::kOem | ntlm_flag::kOemDomainSupplied | ntlm_flag::kOemWorkstationSupplied,
      .domain_name = "DOMAIN",
      .workstation_name = "WORKSTATION"};
  const auto octets = encode(message);
  EXPECT_EQ(octets.size(), 32u + 11 + 6);
  EXPECT_EQ(decode_ntlm_negotiate(octets), message);
  EXPECT_EQ(hex_of(NtlmNegotiate{.flags = 0xE20882B7, .version = NtlmVersion{10, 0, 22621}}),
            "4e544c4d5353500001000000b78208e2000000000000000000000000000000000a005d580000000f");
}

TEST(Ntlm, NegotiateOfTheFirstImplementationsEndsBehindItsFlags) {
  Notes notes;
  const auto message = decode_ntlm_negotiate(from_hex("4e544c4d535350000100000007020000"), &notes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->flags, 0x207u);
  EXPECT_THAT(notes.anomalies, SizeIs(1));
}

TEST(Ntlm, VersionThatIsAnnouncedAndMissingIsNoted) {
  Notes notes;
  const auto message = decode_ntlm_negotiate(
      from_hex("4e544c4d5353500001000000 00000002 0000000000000000 0000000000000000"), &notes);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->version);
  ASSERT_THAT(notes.anomalies, SizeIs(1));
  EXPECT_EQ(notes.anomalies[0].field, "Version");
}

TEST(Ntlm, OldChallengeEndsBehindTheServerChallenge) {
  Notes notes;
  const auto challenge = decode_ntlm_challenge(
      from_hex("4e544c4d5353500002000000 0000000000000000 02020000 0123456789abcdef"), &notes);
  ASSERT_TRUE(challenge);
  EXPECT_FALSE(challenge->target_info);
  EXPECT_FALSE(challenge->version);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
}

TEST(Ntlm, OemTextIsReadAsFarAsItIsAscii) {
  NtlmChallenge challenge{.flags = ntlm_flag::kOem, .target_name = "SERVER"};
  const auto octets = encode(challenge);
  EXPECT_EQ(octets.size(), 48u + 6);
  EXPECT_EQ(decode_ntlm_challenge(octets), challenge);
  auto damaged = octets;
  damaged.back() = 0x8E;
  EXPECT_EQ(decode_ntlm_challenge(damaged)->target_name, "SERVE\xEF\xBF\xBD");
}

NtlmAuthenticate with_mic() {
  AvPairs pairs;
  pairs.pairs = {{6, from_hex("02000000")}, {9, utf16("TERMSRV/host")}};
  auto response = from_hex(
      "000102030405060708090a0b0c0d0e0f 01010000 00000000"
      "0080b445c613d0d4 aaaaaaaaaaaaaaaa 00000000");
  const auto list = encode(pairs);
  response.insert(response.end(), list.begin(), list.end());
  response.resize(response.size() + 4);
  NtlmAuthenticate message{.flags = ntlm_flag::kUnicode | ntlm_flag::kVersion,
                           .user_name = "user",
                           .lm_response = Bytes(24),
                           .nt_response = response,
                           .encrypted_random_session_key = Bytes(16, 0x55),
                           .version = NtlmVersion{10, 0, 20348}};
  message.mic = std::array<std::uint8_t, 16>{};
  message.mic->fill(0x77);
  return message;
}

TEST(Ntlm, MicStandsWhereTheFlagsOfTheResponseSaySo) {
  const auto octets = encode(with_mic());
  EXPECT_EQ(octets[kNtlmMicOffset], 0x77);
  EXPECT_EQ(octets[kNtlmMicOffset + 15], 0x77);
  Notes notes;
  const auto message = decode_ntlm_authenticate(octets, &notes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->mic, with_mic().mic);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(encode(*message), octets);
}

TEST(Ntlm, MicThatIsAnnouncedAndMissingIsNoted) {
  auto sent = with_mic();
  sent.mic.reset();
  Notes notes;
  const auto message = decode_ntlm_authenticate(encode(sent), &notes);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->mic);
  ASSERT_THAT(notes.anomalies, SizeIs(1));
  EXPECT_EQ(notes.anomalies[0].field, "MIC");
}

TEST(Ntlm, OctetsInTheMicsPlaceAreNoMicWithoutTheFlag) {
  auto octets = encode(with_mic());
  const auto flags = from_hex("0600040002000000");
  const auto at = base::as_text(octets).find(base::as_text(flags));
  octets[at + 4] = 0;
  Notes notes;
  const auto message = decode_ntlm_authenticate(octets, &notes);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->mic);
  EXPECT_EQ(said(notes), "payload 16 octets that no field points to; ");
}

TEST(Ntlm, MicWithoutVersionStandsAtTheSamePlace) {
  auto sent = with_mic();
  sent.version.reset();
  sent.flags &= ~ntlm_flag::kVersion;
  const auto message = decode_ntlm_authenticate(encode(sent));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->mic, sent.mic);
  EXPECT_FALSE(message->version);
}

TEST(Ntlm, WithoutResponsesNothingIsLeftThatProvesAPassword) {
  const auto message = without_responses(*decode_ntlm_authenticate(encode(with_mic())));
  EXPECT_THAT(message.lm_response, IsEmpty());
  EXPECT_THAT(message.nt_response, IsEmpty());
  EXPECT_THAT(message.encrypted_random_session_key, IsEmpty());
  EXPECT_EQ(message.mic, (std::array<std::uint8_t, 16>{})) << "there was one";
  EXPECT_EQ(message.lm_response_size, 24u);
  EXPECT_EQ(message.nt_response_size, with_mic().nt_response.size());
  EXPECT_EQ(message.encrypted_random_session_key_size, 16u);
  EXPECT_EQ(message.ntlmv2->av_pairs.text(AvId::kTargetName), "TERMSRV/host");
}

TEST(Ntlm, AnonymousHasAnLmResponseOfOneOctet) {
  const NtlmAuthenticate sent{.flags = ntlm_flag::kUnicode | ntlm_flag::kAnonymous,
                              .lm_response = Bytes(1)};
  Notes notes;
  const auto message = decode_ntlm_authenticate(encode(sent), &notes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->lm_response_size, 1u);
  EXPECT_EQ(message->nt_response_size, 0u);
  EXPECT_EQ(message->user_name, "");
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
}

TEST(Ntlm, AuthenticateOfTheFirstImplementationsHasNoFlags) {
  const auto octets = from_hex(
      "4e544c4d5353500003000000 18001800 40000000 00000000 00000000 06000600 34000000"
      "04000400 3a000000 02000200 3e000000 444f4d41494e 75736572 5753"
      "000102030405060708090a0b0c0d0e0f1011121314151617");
  Notes notes;
  const auto message = decode_ntlm_authenticate(octets, &notes);
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_EQ(message->domain_name, "DOMAIN");
  EXPECT_EQ(message->user_name, "user");
  EXPECT_EQ(message->workstation, "WS");
  EXPECT_EQ(message->flags, 0u);
  EXPECT_EQ(message->lm_response_size, 24u);
  EXPECT_THAT(notes.anomalies, SizeIs(1)) << said(notes);
}

TEST(Ntlm, ResponseThatCannotBeReadSpoilsOnlyItself) {
  auto sent = with_mic();
  sent.mic.reset();
  sent.nt_response.resize(46);
  sent.nt_response[44] = 9;
  Notes notes;
  const auto message = decode_ntlm_authenticate(encode(sent), &notes);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->ntlmv2);
  EXPECT_EQ(message->user_name, "user");
  EXPECT_EQ(message->nt_response, sent.nt_response);
  EXPECT_EQ(said(notes),
            "NtChallengeResponse is no NTLMv2_RESPONSE: AV_PAIR needs 4 bytes at offset 148, 2 "
            "left; ");
}

// Offsets of the fields of an AUTHENTICATE_MESSAGE.
constexpr std::size_t kDomainLength = 28;
constexpr std::size_t kDomainOffset = 32;
constexpr std::size_t kUserOffset = 40;

TEST(Ntlm, PartsThatOverlapAreReadAndNoted) {
  auto octets = nlmp_authenticate_v1();
  octets[kUserOffset] = octets[kDomainOffset];
  Notes notes;
  const auto message = decode_ntlm_authenticate(octets, &notes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->domain_name, "Domain");
  EXPECT_EQ(message->user_name, "Doma");
  EXPECT_EQ(said(notes),
            "UserName overlaps with what stands before it; payload 8 octets that no field points "
            "to; ");
}

TEST(Ntlm, PartThatPointsIntoTheHeaderIsReadAndNoted) {
  auto octets = nlmp_authenticate_v1();
  octets[kUserOffset] = 0;
  Notes notes;
  const auto message = decode_ntlm_authenticate(octets, &notes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->domain_name, "Domain");
  EXPECT_EQ(message->version->build, 2600);
  EXPECT_THAT(notes.anomalies, SizeIs(2));
}

TEST(Ntlm, TextOfAnOddSizeIsReadAndNoted) {
  auto octets = nlmp_authenticate_v1();
  octets[kDomainLength] = 11;
  Notes notes;
  const auto message = decode_ntlm_authenticate(octets, &notes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->domain_name, "Domai\xEF\xBF\xBD");
  EXPECT_EQ(notes.anomalies[0].text, "has 11 octets, an odd number for UTF-16");
}

TEST(Ntlm, PartThatReachesBehindTheEndIsAnErrorWhereverItBegins) {
  auto octets = nlmp_authenticate_v1();
  octets[kDomainOffset + 3] = 0xFF;
  EXPECT_EQ(decode_ntlm_authenticate(octets).error().message(),
            "DomainName needs 4278189992 bytes at offset 172, 0 left");
  octets[kDomainOffset + 3] = 0;
  octets[kDomainLength + 1] = 0x01;
  EXPECT_EQ(decode_ntlm_authenticate(octets).error().message(),
            "DomainName needs 268 bytes at offset 72, 100 left");
}

TEST(Ntlm, MessageOfAnotherTypeIsRefused) {
  EXPECT_EQ(decode_ntlm_challenge(nlmp_authenticate_v1()).error().text, "is 3, not 2");
  EXPECT_EQ(decode_ntlm_negotiate(from_hex("4e544c4d5353510001000000")).error().text,
            "is not NTLMSSP");
  EXPECT_EQ(ntlm_message_type(nlmp_challenge()), 2u);
  EXPECT_EQ(ntlm_message_type(ByteSpan(nlmp_challenge()).first(11)), std::nullopt);
  EXPECT_TRUE(is_ntlm(ByteSpan(nlmp_challenge()).first(8)));
  EXPECT_FALSE(is_ntlm(ByteSpan(nlmp_challenge()).first(7)));
}

// --- AV pairs -----------------------------------------------------------------------------------

TEST(AvPairs, UnknownOnesAreKept) {
  const auto octets = from_hex(
      "0700 0800 75c68456d7d8d401 1234 0300 aabbcc 0600 0400 02000000"
      "0000 0000");
  Notes notes;
  const auto pairs = decode_av_pairs(octets, &notes);
  ASSERT_TRUE(pairs);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(pairs->timestamp(), 0x01D4D8D75684C675u);
  EXPECT_EQ(pairs->flags(), 2u);
  EXPECT_EQ(pairs->pairs[1], (AvPair{0x3412, from_hex("aabbcc")}));
  EXPECT_EQ(encode(*pairs), octets);
}

TEST(AvPairs, WithoutEndAreReadAndNoted) {
  Notes notes;
  const auto pairs = decode_av_pairs(from_hex("0100 0200 4100"), &notes);
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->text(AvId::kNbComputerName), "A");
  EXPECT_EQ(said(notes), "MsvAvEOL is not there: the list ends without it; ");
  EXPECT_TRUE(decode_av_pairs({}, &notes)->pairs.empty());
}

TEST(AvPairs, OddOnesAreNoted) {
  Notes notes;
  const auto pairs = decode_av_pairs(
      from_hex("0100 0100 41 0600 0200 0200 0700 0000 0700 0000 0000 0100 ff 01"), &notes);
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->flags(), std::nullopt);
  EXPECT_EQ(pairs->timestamp(), std::nullopt);
  EXPECT_EQ(pairs->text(AvId::kDnsTreeName), std::nullopt);
  EXPECT_EQ(said(notes),
            "MsvAvNbComputerName an odd number of octets for UTF-16; MsvAvFlags does not have four "
            "octets; MsvAvTimestamp does not have eight octets; MsvAvTimestamp does not have eight "
            "octets; MsvAvTimestamp stands twice; MsvAvEOL has a value; MsvAvEOL 1 octets behind "
            "it; ");
}

TEST(AvPairs, ThatReachBehindTheListAreAnError) {
  EXPECT_EQ(decode_av_pairs(from_hex("0100 ff00 4100")).error().message(),
            "MsvAvNbComputerName needs 259 bytes at offset 0, 6 left");
}

// --- names and times ----------------------------------------------------------------------------

TEST(Filetime, IsAMomentAndBack) {
  EXPECT_EQ(moment_of_filetime(116'444'736'000'000'000), Moment{0});
  EXPECT_EQ(base::to_rfc3339(moment_of_filetime(0x01D4D8D75684C675), 3),
            "2019-03-12T13:27:28.169Z");
  EXPECT_EQ(filetime_of(moment_of_filetime(0x01D4D8D75684C675)), 0x01D4D8D75684C675u);
  EXPECT_EQ(filetime_of(Moment{-1}), 116'444'735'999'999'999u);
  EXPECT_EQ(base::to_rfc3339(moment_of_filetime(0), 0).substr(0, 4), "1677")
      << "the earliest we have";
  EXPECT_EQ(base::to_rfc3339(moment_of_filetime(UINT64_MAX), 0).substr(0, 4), "2262");
}

TEST(NtlmFlags, HaveTheSpecificationsNames) {
  EXPECT_THAT(ntlm_flag_names(0x80000001 | 0x04000000),
              ElementsAre("NTLMSSP_NEGOTIATE_UNICODE", "NTLMSSP_NEGOTIATE_56", "0x04000000"));
  EXPECT_THAT(ntlm_flag_names(0), IsEmpty());
  EXPECT_THAT(ntlm_flag_names(0xFFFFFFFF), SizeIs(23));
}

TEST(WindowsProduct, IsThatOfTheBuild) {
  const auto product = [](std::uint8_t major, std::uint8_t minor, std::uint16_t build) {
    return windows_product({.major = major, .minor = minor, .build = build});
  };
  EXPECT_EQ(product(5, 1, 2600), "Windows XP");
  EXPECT_EQ(product(6, 1, 7601), "Windows Server 2008 R2 SP1 or Windows 7 SP1");
  EXPECT_EQ(product(10, 0, 14393), "Windows Server 2016 or Windows 10 1607");
  EXPECT_EQ(product(10, 0, 20348), "Windows Server 2022");
  EXPECT_EQ(product(10, 0, 20350), std::nullopt);
  EXPECT_EQ(product(6, 1, 14393), std::nullopt) << "a build of another version";
  EXPECT_EQ((NtlmVersion{.major = 10, .minor = 0, .build = 20348}).text(), "10.0.20348");
}

}  // namespace
}  // namespace rdpwhy::auth
