#include "rdpwhy/auth/kerberos.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/messages.h"
#include "auth/octets.h"
#include "rdpwhy/auth/spnego.h"

namespace rdpwhy::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = KerberosToken::Kind;

KerberosToken read(const Bytes& octets) {
  Notes notes;
  const auto token = decode_kerberos_token(octets, &notes);
  EXPECT_TRUE(token) << (token ? "" : token.error().message());
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  return token.value_or(KerberosToken{});
}

TEST(Kerberos, ApRequestIsReadAsFarAsItStandsInTheClear) {
  const auto token = read(ap_request());
  EXPECT_EQ(token.kind, Kind::kApRequest);
  EXPECT_EQ(token.mechanism, oid::kKerberos);
  EXPECT_EQ(token.token_id, 0x0100);
  EXPECT_EQ(token.size, ap_request().size());
  EXPECT_EQ(token.realm, "EXAMPLE.ORG");
  EXPECT_THAT(token.server_name, ElementsAre("TERMSRV", "host.example.org"));
  EXPECT_EQ(token.ticket_encryption, 18);
  EXPECT_EQ(token.authenticator_encryption, 17);
  EXPECT_EQ(token.mutual_required, true);
  EXPECT_FALSE(token.error);
}

TEST(Kerberos, ApReplyIsRead) {
  const auto token = read(ap_reply());
  EXPECT_EQ(token.kind, Kind::kApReply);
  EXPECT_EQ(token.token_id, 0x0200);
  EXPECT_EQ(token.realm, std::nullopt);
}

TEST(Kerberos, TokensWithoutFrameAreRead) {
  const auto request = ap_request();
  const auto bare = Bytes(request.begin() + 16, request.end());
  EXPECT_TRUE(is_kerberos(bare));
  const auto token = read(bare);
  EXPECT_EQ(token.kind, Kind::kApRequest);
  EXPECT_EQ(token.mechanism, "");
  EXPECT_EQ(token.realm, "EXAMPLE.ORG");
  EXPECT_EQ(read(krb_error()).kind, Kind::kError);
}

TEST(Kerberos, UserToUserTokensAreRead) {
  const auto request = read(tgt_request());
  EXPECT_EQ(request.kind, Kind::kTgtRequest);
  EXPECT_EQ(request.mechanism, oid::kKerberosUserToUser);
  EXPECT_EQ(request.realm, "EXAMPLE.ORG");
  EXPECT_THAT(request.server_name, ElementsAre("TERMSRV", "host"));
  const auto reply = read(tgt_reply());
  EXPECT_EQ(reply.kind, Kind::kTgtReply);
  EXPECT_EQ(reply.ticket_encryption, 18);
}

TEST(Kerberos, TokensOfOtherKindsAreKnownByTheirNumber) {
  const auto token = read(from_hex("600e 06092a864886f712010202 0404 ff"));
  EXPECT_EQ(token.kind, Kind::kOther);
  EXPECT_EQ(token.token_id, 0x0404);
}

TEST(Kerberos, IsToldFromOtherTokens) {
  EXPECT_TRUE(is_kerberos(ap_request()));
  EXPECT_TRUE(is_kerberos(tgt_request()));
  EXPECT_TRUE(is_kerberos(krb_error()));
  EXPECT_FALSE(is_kerberos(neg_token_init()));
  EXPECT_FALSE(is_kerberos(nlmp_challenge()));
  EXPECT_FALSE(is_kerberos({}));
}

TEST(Kerberos, OtherOctetsAreRefused) {
  EXPECT_EQ(decode_kerberos_token(from_hex("0102")).error().message(),
            "AP-REQ: is BOOLEAN, not [APPLICATION 14] (offset 0)");
  EXPECT_FALSE(decode_kerberos_token({}));
}

TEST(Kerberos, RequestWithoutTicketIsRefused) {
  EXPECT_EQ(decode_kerberos_token(from_hex("6e07 3005 a003020105")).error().message(),
            "ticket: is missing (offset 9)");
}

TEST(KrbError, OfEveryFieldIsReadAndWritten) {
  Notes notes;
  const auto error = decode_krb_error(krb_error(), &notes);
  ASSERT_TRUE(error) << error.error().message();
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(error->error_code, 37);
  EXPECT_EQ(error->realm, "EXAMPLE.ORG");
  EXPECT_THAT(error->service_name, ElementsAre("krbtgt", "EXAMPLE.ORG"));
  EXPECT_EQ(error->client_realm, "EXAMPLE.ORG");
  EXPECT_THAT(*error->client_name, ElementsAre("user"));
  EXPECT_EQ(base::to_rfc3339(*error->client_time, 6), "2026-11-27T23:15:00.999992Z");
  EXPECT_EQ(base::to_rfc3339(error->server_time, 6), "2026-11-27T23:25:00.000007Z");
  EXPECT_EQ(error->text, "skew");
  EXPECT_EQ(error->data, from_hex("0102"));
  EXPECT_EQ(encode(*error), krb_error());
}

TEST(KrbError, OfTheLeastIsReadAndWritten) {
  const KrbError least{.error_code = 6,
                       .realm = "R",
                       .service_name = {"krbtgt", "R"},
                       .server_time = Moment{-1'000'001'000}};
  EXPECT_EQ(decode_krb_error(encode(least)), least);
}

TEST(KrbError, ThatIsOddIsReadAndNoted) {
  Notes notes;
  const auto error =
      decode_krb_error(from_hex("7e11 300f a003020104 a10302011f a603020106"), &notes);
  ASSERT_TRUE(error) << error.error().message();
  EXPECT_EQ(error->error_code, 6);
  EXPECT_EQ(said(notes), "pvno is 4, not 5; msg-type is 31, not 30; stime is missing; ");
  EXPECT_EQ(decode_krb_error(from_hex("7e02 3000")).error().message(),
            "error-code: is missing (offset 4)");
}

TEST(KrbError, CodesHaveNamesAndMeanings) {
  EXPECT_EQ(krb_error_name(37), "KRB_AP_ERR_SKEW");
  EXPECT_EQ(krb_error_meaning(37), "the clock skew is too great");
  EXPECT_EQ(krb_error_name(6), "KDC_ERR_C_PRINCIPAL_UNKNOWN");
  EXPECT_EQ(krb_error_name(76), "KDC_ERR_KDC_NAME_MISMATCH");
  EXPECT_EQ(krb_error_name(30), std::nullopt);
  EXPECT_EQ(krb_error_name(-1), std::nullopt);
  int names = 0;
  for (int code = 0; code <= 76; ++code) {
    EXPECT_EQ(krb_error_name(code).has_value(), krb_error_meaning(code).has_value());
    if (krb_error_name(code)) ++names;
  }
  EXPECT_EQ(names, 68) << "RFC 4120 7.5.9";
}

TEST(KrbEncryption, TypesHaveNames) {
  EXPECT_EQ(krb_encryption_name(18), "aes256-cts-hmac-sha1-96");
  EXPECT_EQ(krb_encryption_name(23), "rc4-hmac");
  EXPECT_EQ(krb_encryption_name(0), std::nullopt);
}

}  // namespace
}  // namespace rdpwhy::auth
