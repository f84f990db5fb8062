#include "rdpwhy/auth/annotate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/messages.h"
#include "auth/octets.h"
#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/auth/ts_request.h"

namespace rdpwhy::auth {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(Annotate, NtlmIsReadFieldByField) {
  EXPECT_EQ(annotated_text(nlmp_challenge()),
            "NTLM CHALLENGE_MESSAGE, 104 octets\n"
            "   0  4e 54 4c 4d 53 53 50 00  Signature\n"
            "   8  02 00 00 00              MessageType: 0x00000002\n"
            "  12  0c 00 0c 00 38 00 00 00  TargetNameFields: 12 octets at 56\n"
            "  20  33 82 8a e2              NegotiateFlags: 0xe28a8233 NTLMSSP_NEGOTIATE_UNICODE, "
            "NTLM_NEGOTIATE_OEM, NTLMSSP_NEGOTIATE_SIGN, NTLMSSP_NEGOTIATE_SEAL, "
            "NTLMSSP_NEGOTIATE_NTLM, NTLMSSP_NEGOTIATE_ALWAYS_SIGN, NTLMSSP_TARGET_TYPE_SERVER, "
            "NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY, NTLMSSP_NEGOTIATE_TARGET_INFO, "
            "NTLMSSP_NEGOTIATE_VERSION, NTLMSSP_NEGOTIATE_128, NTLMSSP_NEGOTIATE_KEY_EXCH, "
            "NTLMSSP_NEGOTIATE_56\n"
            "  24  01 23 45 67 89 ab cd ef  ServerChallenge\n"
            "  32  00 00 00 00 00 00 00 00  Reserved: 0x0000000000000000\n"
            "  40  24 00 24 00 44 00 00 00  TargetInfoFields: 36 octets at 68\n"
            "  48  06 00 70 17 00 00 00 0f  Version: 6.0.6000, NTLM revision 15: Windows Vista\n"
            "  56  53 00 65 00 72 00 76 00  TargetName: \"Server\"\n"
            "  64  65 00 72 00\n"
            "  68                           TargetInfo\n"
            "  68  02 00 0c 00 44 00 6f 00    MsvAvNbDomainName: \"Domain\"\n"
            "  76  6d 00 61 00 69 00 6e 00\n"
            "  84  01 00 0c 00 53 00 65 00    MsvAvNbComputerName: \"Server\"\n"
            "  92  72 00 76 00 65 00 72 00\n"
            " 100  00 00 00 00                MsvAvEOL\n");
}

TEST(Annotate, TokensInSpnegoInATSRequestAreReadToo) {
  const TsRequest request{
      .nego_tokens = std::vector<Bytes>{encode(
          NegTokenResp{.neg_state = 1,
                       .response_token = encode(NtlmChallenge{.flags = 1, .target_name = "S"})})}};
  EXPECT_EQ(annotated_text(encode(request)),
            "TSRequest, version 6, SPNEGO NegTokenResp with NTLM CHALLENGE_MESSAGE, 80 octets\n"
            "   0  30 4e                    TSRequest: SEQUENCE, 78 octets\n"
            "   2  a0 03                      version: [0], 3 octets\n"
            "   4  02 01 06                     version: 6\n"
            "   7  a1 47                      negoTokens: [1], 71 octets\n"
            "   9  30 45                        NegoData: SEQUENCE, 69 octets\n"
            "  11  30 43                          NegoData item: SEQUENCE, 67 octets\n"
            "  13  a0 41                            negoToken: [0], 65 octets\n"
            "  15  04 3f                              negoToken: OCTET STRING, 63 octets: SPNEGO "
            "NegTokenResp with NTLM CHALLENGE_MESSAGE\n"
            "  17  a1 3d                                negTokenResp: [1], 61 octets\n"
            "  19  30 3b                                  NegTokenResp: SEQUENCE, 59 octets\n"
            "  21  a0 03                                    negState: [0], 3 octets\n"
            "  23  0a 01 01                                   negState: 1 accept-incomplete\n"
            "  26  a2 34                                    responseToken: [2], 52 octets\n"
            "  28  04 32                                      responseToken: OCTET STRING, 50 "
            "octets: NTLM CHALLENGE_MESSAGE\n"
            "  30  4e 54 4c 4d 53 53 50 00                      Signature\n"
            "  38  02 00 00 00                                  MessageType: 0x00000002\n"
            "  42  02 00 02 00 30 00 00 00                      TargetNameFields: 2 octets at 48\n"
            "  50  01 00 00 00                                  NegotiateFlags: 0x00000001 "
            "NTLMSSP_NEGOTIATE_UNICODE\n"
            "  54  00 00 00 00 00 00 00 00                      ServerChallenge\n"
            "  62  00 00 00 00 00 00 00 00                      Reserved: 0x0000000000000000\n"
            "  70  00 00 00 00 00 00 00 00                      TargetInfoFields: 0 octets at 0\n"
            "  78  53 00                                        TargetName: \"S\"\n");
}

TEST(Annotate, EveryMessageIsKnownByItsBeginning) {
  const std::pair<Bytes, const char*> kCases[] = {
      {encode(TsRequest{.error_code = 0xC000006D}), "TSRequest, version 6, errorCode 0xc000006d"},
      {nlmp_authenticate_v2(), "NTLM AUTHENTICATE_MESSAGE"},
      {neg_token_init2(), "SPNEGO NegTokenInit with an unknown token"},
      {ap_request(), "Kerberos AP-REQ"},
      {krb_error(), "Kerberos KRB-ERROR"},
      {tgt_request(), "Kerberos KERB-TGT-REQUEST"},
      {from_hex("05000000"), "Early User Authorization Result PDU"},
      {from_hex("0100 0400 0100 2e050000"), "RDSTLS Authentication Response PDU"},
      {from_hex("3017 a003020101 a110 040e 300c a002 0400 a102 0400 a202 0400"), "TSCredentials"}};
  for (const auto& [octets, title] : kCases) {
    EXPECT_TRUE(begins_message(octets)) << title;
    const auto message = annotate(octets);
    EXPECT_EQ(message.title, title);
    EXPECT_EQ(message.size, octets.size());
    EXPECT_FALSE(message.error) << message.error->message();
    EXPECT_THAT(message.anomalies, IsEmpty()) << said(message.anomalies);
  }
  EXPECT_FALSE(begins_message(from_hex("03000013 0ee00000000000")));
  EXPECT_FALSE(begins_message(from_hex("1603010005")));
  EXPECT_FALSE(begins_message(from_hex("06000000")));
  EXPECT_FALSE(begins_message(from_hex("00000000 00")));
  EXPECT_FALSE(begins_message({}));
}

TEST(Annotate, MessagesOneBehindTheOtherAreAllRead) {
  auto octets = encode(TsRequest{});
  const auto error = encode(TsRequest{.error_code = 5});
  octets.insert(octets.end(), error.begin(), error.end());
  octets.insert(octets.end(), {0xFF, 0xFE});
  EXPECT_EQ(annotated_text(octets),
            "TSRequest, version 6, 7 octets\n"
            "   0  30 05                    TSRequest: SEQUENCE, 5 octets\n"
            "   2  a0 03                      version: [0], 3 octets\n"
            "   4  02 01 06                     version: 6\n"
            "\n"
            "TSRequest, version 6, errorCode 0x00000005, 12 octets\n"
            "   0  30 0a                    TSRequest: SEQUENCE, 10 octets\n"
            "   2  a0 03                      version: [0], 3 octets\n"
            "   4  02 01 06                     version: 6\n"
            "   7  a4 03                      errorCode: [4], 3 octets\n"
            "   9  02 01 05                     errorCode: 5\n"
            "\n"
            "no further message, 2 octets\n"
            "   0  ff fe                    (not decoded)\n");
}

TEST(Annotate, WhatIsWrongInsideIsSaidWithItsPlaceInTheWhole) {
  auto challenge = nlmp_challenge();
  challenge[44] = 0x99;  // TargetInfo
  const auto octets = encode(TsRequest{.nego_tokens = std::vector<Bytes>{challenge}});
  const auto message = annotate(octets);
  ASSERT_TRUE(message.error);
  EXPECT_EQ(message.error->field, "TargetInfo");
  EXPECT_EQ(message.error->offset, octets.size());
  EXPECT_THAT(message.title, HasSubstr("NTLM CHALLENGE_MESSAGE"));
}

TEST(Annotate, CutOffIsShownAsFarAsItGoes) {
  const auto octets = encode(TsRequest{.nego_tokens = std::vector<Bytes>{nlmp_challenge()}});
  const auto text = annotated_text(ByteSpan(octets).first(40));
  EXPECT_THAT(text, StartsWith("TSRequest that is cut off, 40 octets\n"));
  EXPECT_THAT(text, HasSubstr("error: TSRequest needs"));
  EXPECT_THAT(text, Not(HasSubstr("NTLMSSP")));
}

}  // namespace
}  // namespace rdpwhy::auth
