// Kerberos, CredSSP, RDSTLS and authorization: which message was refused, and how.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "diagnose/story.h"
#include "rdpwhy/record/credssp_summary.h"

namespace rdpwhy::diagnose {
namespace {

using How = record::Ending::How;
using Outcome = record::KdcTalk::Outcome;

Story secured(bool live = true) {
  return Story(live).tcp().request().confirm(8).client_hello().tls12_to_the_end().until(
      Phase::kAuthorization);
}

Story proved(std::uint32_t client = 6, std::uint32_t server = 6, bool live = true) {
  return secured(live).negotiate(client).challenge(server).authenticate(client);
}

Story accepted() { return proved().server_key(); }
Story delegated() { return accepted().delegate(); }

Story closed(Story story) { return story.end(Side::kServer, How::kClose); }
Story reset(Story story) { return story.end(Side::kServer, How::kReset); }
Story alerted(Story story, std::uint8_t description) {
  return story
      .inside_tls(Phase::kCredssp, Side::kServer,
                  record::TlsAlert{tls::Alert{tls::Alert::kFatal, description}})
      .end(Side::kServer, How::kClose);
}

std::string first_of(const Story& story) {
  const auto diagnosis = story.diagnose();
  return fmt::format("{} {}", diagnosis.causes.front().id,
                     name_of(diagnosis.causes.front().confidence));
}

bool warns(const Diagnosis& diagnosis, std::string_view id) {
  return std::ranges::find(diagnosis.warnings, id, &Warning::id) != diagnosis.warnings.end();
}

// --- errorCode

struct CodeRow {
  std::uint32_t code;
  const char* name;
  const char* first;        ///< after NTLM AUTHENTICATE, with its confidence
  std::uint32_t mstsc = 0;  ///< 0: none is known
};

const CodeRow kCodes[] = {
    {0xC000006D, "STATUS_LOGON_FAILURE", "logon-failure certain", 0x807},
    {0xC000006A, "STATUS_WRONG_PASSWORD", "logon-failure certain", 0x807},
    {0xC0000064, "STATUS_NO_SUCH_USER", "logon-failure certain", 0xA07},
    {0xC0000071, "STATUS_PASSWORD_EXPIRED", "password-expired certain", 0xF07},
    {0xC0000224, "STATUS_PASSWORD_MUST_CHANGE", "password-must-change certain", 0x1207},
    {0xC0000072, "STATUS_ACCOUNT_DISABLED", "account-disabled certain", 0xB07},
    {0xC000006E, "STATUS_ACCOUNT_RESTRICTION", "account-restriction certain", 0xC07},
    {0xC000006F, "STATUS_INVALID_LOGON_HOURS", "account-restriction certain", 0xC07},
    {0xC0000070, "STATUS_INVALID_WORKSTATION", "account-restriction certain", 0xC07},
    {0xC0000193, "STATUS_ACCOUNT_EXPIRED", "account-expired certain", 0xE07},
    {0xC0000234, "STATUS_ACCOUNT_LOCKED_OUT", "account-locked-out certain", 0xD07},
    {0xC000015B, "STATUS_LOGON_TYPE_NOT_GRANTED", "logon-type-not-granted certain", 0x1307},
    {0xC0000022, "STATUS_ACCESS_DENIED", "unexplained possible"},
    {0xC0000413, "STATUS_AUTHENTICATION_FIREWALL_FAILED", "account-restriction likely"},
    {0xC0000418, "STATUS_NTLM_BLOCKED", "ntlm-blocked certain"},
    {0xC00000BB, "STATUS_NOT_SUPPORTED", "ntlm-blocked likely"},
    {0xC000005E, "STATUS_NO_LOGON_SERVERS", "no-logon-servers certain", 0x1807},
    {0xC0000133, "STATUS_TIME_DIFFERENCE_AT_DC", "clock-skew certain"},
    {0xC000018C, "STATUS_TRUSTED_DOMAIN_FAILURE", "no-logon-servers certain", 0x1807},
    {0xC000018D, "STATUS_TRUSTED_RELATIONSHIP_FAILURE", "no-logon-servers certain", 0x1807},
    {0xC0000192, "STATUS_NETLOGON_NOT_STARTED", "no-logon-servers certain", 0x1807},
    {0xC0000388, "STATUS_DOWNGRADE_DETECTED", "unexplained possible"},
    {0xC0000320, "STATUS_PKINIT_FAILURE", "unexplained possible"},
    {0xC00002FA, "STATUS_SMARTCARD_LOGON_REQUIRED", "account-restriction likely", 0xC07},
    {0xC0000380, "STATUS_SMARTCARD_WRONG_PIN", "unexplained possible", 0x1C07},
    {0xC0000381, "STATUS_SMARTCARD_CARD_BLOCKED", "unexplained possible", 0x2207},
    {0xC000038D, "STATUS_SMARTCARD_CERT_EXPIRED", "unexplained possible"},
    {0xC000040E, "STATUS_KDC_CERT_EXPIRED", "unexplained possible"},
    {0xC000040F, "STATUS_KDC_CERT_REVOKED", "unexplained possible"},
    {0xC0000017, "STATUS_NO_MEMORY", "unexplained possible"},
    {0x80090302, "SEC_E_UNSUPPORTED_FUNCTION", "ntlm-blocked likely"},
    {0x8009030C, "SEC_E_LOGON_DENIED", "logon-failure certain", 0x807},
    {0x80090311, "SEC_E_NO_AUTHENTICATING_AUTHORITY", "no-logon-servers certain", 0x1807},
    {0x80090324, "SEC_E_TIME_SKEW", "clock-skew certain"},
    {0x80090346, "SEC_E_BAD_BINDINGS", "intermediary-cannot-complete-credssp likely"},
    {0xC0990099, "0xC0990099", "unexplained possible"},          // no table knows it
    {0xD000006D, "0xD000006D", "logon-failure certain", 0x807},  // an NTSTATUS as HRESULT
    {0x8007052E, "0x8007052E", "logon-failure certain", 0x807},  // a Win32 error as HRESULT
};

class EveryErrorCode : public testing::TestWithParam<CodeRow> {};

TEST_P(EveryErrorCode, HasItsCauseFirstAfterAuthenticateHoweverTheConnectionThenEnds) {
  const auto& row = GetParam();
  const auto told = proved().error_code(row.code);
  for (const auto& story :
       {closed(told), reset(told), alerted(told, 80), Story(told).end(Side::kClient, How::kClose),
        closed(proved().error_code(row.code, 6, true)),
        closed(proved(6, 2).error_code(row.code, 2))}) {
    EXPECT_EQ(first_of(story), row.first);
    const auto diagnosis = story.diagnose();
    const auto& finding = diagnosis.causes.front();
    EXPECT_NE(finding.says.find(row.name), std::string::npos) << finding.says;
    EXPECT_TRUE(std::ranges::count(finding.because, 17u) == 1) << "the answer is evidence";
    EXPECT_FALSE(finding.fix.empty());
  }
}

TEST_P(EveryErrorCode, ShowsInMstscAsDocumentedOrNotAtAll) {
  const auto& row = GetParam();
  const auto diagnosis = closed(proved().error_code(row.code)).diagnose();
  EXPECT_EQ(diagnosis.mstsc ? diagnosis.mstsc->code : 0u, row.mstsc);
}

TEST_P(EveryErrorCode, BeforeAnybodyIsNamedIsNeverCertainOfAnAccount) {
  const auto& row = GetParam();
  const auto diagnosis = closed(secured().negotiate().error_code(row.code)).diagnose();
  const auto& finding = diagnosis.causes.front();
  EXPECT_TRUE(std::string_view(row.first).starts_with(finding.id)) << finding.id;
  const bool about_account = finding.id.starts_with("account-") ||
                             finding.id.starts_with("password-") ||
                             finding.id.starts_with("logon-");
  EXPECT_TRUE(!about_account || finding.confidence == Confidence::kPossible);
}

TEST_P(EveryErrorCode, IsAboutNobodyWhoWasNamedOnlyAfterIt) {
  const auto& row = GetParam();
  const auto diagnosis =
      closed(secured().negotiate().challenge().error_code(row.code).authenticate()).diagnose();
  const auto& finding = diagnosis.causes.front();
  const bool about_account = finding.id.starts_with("account-") ||
                             finding.id.starts_with("password-") ||
                             finding.id.starts_with("logon-");
  EXPECT_TRUE(!about_account || finding.confidence == Confidence::kPossible);
  EXPECT_NE(finding.says.find("answered the NTLM NEGOTIATE"), std::string::npos) << finding.says;
}

TEST_P(EveryErrorCode, IsReadAlikeInACapture) {
  const auto& row = GetParam();
  EXPECT_EQ(first_of(closed(proved(6, 6, false).error_code(row.code))), row.first);
}

INSTANTIATE_TEST_SUITE_P(Logon, EveryErrorCode, testing::ValuesIn(kCodes),
                         [](const auto& row) { return fmt::format("Code{:08X}", row.param.code); });

// --- endings

struct Row {
  const char* name;
  std::function<Story()> story;
  const char* found;  ///< all of it, in order
};

Story kdc_said(std::int32_t code, bool for_service = false) {
  record::KdcTalk talk;
  talk.outcome = Outcome::kRefused;
  talk.error_code = code;
  talk.principal = "alice@LAB.TEST";
  if (for_service) talk.service = "TERMSRV/host@LAB.TEST";
  talk.clock_offset = 600'000'000'000;
  return secured().kdc(std::move(talk)).end(Side::kClient, How::kClose);
}

Story kdc_ended(Outcome outcome) {
  record::KdcTalk talk;
  talk.outcome = outcome;
  talk.words = "Cannot contact any KDC";
  return secured().kdc(std::move(talk)).end(Side::kClient, How::kClose);
}

Story rdstls(std::uint32_t result) {
  return Story()
      .tcp()
      .request(0x0F)
      .confirm(4)
      .client_hello()
      .tls12_to_the_end()
      .until(Phase::kRdstls)
      .inside_tls(Phase::kRdstls, Side::kClient,
                  auth::RdstlsPdu{auth::RdstlsAuthenticationRequest{}})
      .inside_tls(Phase::kRdstls, Side::kServer,
                  auth::RdstlsPdu{auth::RdstlsAuthenticationResponse{result}})
      .end(Side::kServer, How::kClose);
}

Story bare_ultimatum(Story story) {
  return story.inside_tls(Phase::kCredssp, Side::kServer, rdp::DisconnectProviderUltimatum{});
}

const Row kRows[] = {
    // Before any answer.
    {"ClosedBeforeTheFirstTsRequest", [] { return closed(secured()); },
     "server-closes-after-tls likely"},
    {"ClosedOnNegotiate", [] { return closed(secured().negotiate()); },
     "server-closes-after-tls likely, ntlm-blocked possible"},
    {"ResetOnNegotiate", [] { return reset(secured().negotiate()); },
     "server-closes-after-tls likely, ntlm-blocked possible"},
    {"Alert49OnNegotiate", [] { return alerted(secured().negotiate(), 49); },
     "server-closes-after-tls likely, ntlm-blocked possible"},
    {"Alert80OnNegotiate", [] { return alerted(secured().negotiate(), 80); },
     "server-closes-after-tls likely, ntlm-blocked possible"},
    {"Alert80OnNegotiateOfAnOldClient", [] { return alerted(secured().negotiate(2), 80); },
     "server-closes-after-tls likely, ntlm-blocked possible, credssp-version-refused possible"},
    {"ClosedOnNegotiateWhileKerberosWasOffered",
     [] { return closed(secured().negotiate(6, true, true)); },
     "ntlm-blocked possible, server-closes-after-tls possible"},
    {"ClosedOnATicket", [] { return closed(secured().ticket()); },
     "server-closes-after-tls likely, credentials-refused-without-reason possible"},
    {"MechanismsRejected",
     [] {
       auth::Token token;
       token.spnego = auth::NegTokenResp{.neg_state = std::uint8_t{2}};
       record::CredsspMessage message;
       message.version = 6;
       message.tokens.push_back(token);
       return closed(secured().negotiate(6, true).ts_request(Side::kServer, message));
     },
     "ntlm-blocked likely"},

    // The proof.
    {"ClosedOnTheChallenge", [] { return closed(secured().negotiate().challenge()); },
     "unexplained possible"},
    {"ClosedOnAuthenticate", [] { return closed(proved()); },
     "credentials-refused-without-reason likely, intermediary-cannot-complete-credssp possible"},
    {"ResetOnAuthenticate", [] { return reset(proved()); },
     "credentials-refused-without-reason possible, intermediary-cannot-complete-credssp possible"},
    {"Alert49OnAuthenticate", [] { return alerted(proved(), 49); },
     "credentials-refused-without-reason likely, ntlm-blocked possible"},
    {"Alert80OnAuthenticate", [] { return alerted(proved(), 80); },
     "credentials-refused-without-reason possible, ntlm-blocked possible"},
    {"Alert80OnAuthenticateOfAnUnpatchedClient", [] { return alerted(proved(3, 6), 80); },
     "credssp-version-refused likely, credentials-refused-without-reason possible, ntlm-blocked "
     "possible"},
    {"Alert80OnAuthenticateOfAClientThatCouldNotBeToldWhy",
     [] { return alerted(proved(2, 6), 80); },
     "credssp-version-refused possible, credentials-refused-without-reason possible, ntlm-blocked "
     "possible"},
    {"Alert80OnAuthenticateBetweenTwoUnpatched", [] { return alerted(proved(3, 3), 80); },
     "credentials-refused-without-reason possible, ntlm-blocked possible"},
    {"ClosedInTheMiddleOfAnAnswer",
     [] { return proved().end(Side::kServer, How::kClose, 1, true); }, "protocol-violation likely"},
    {"RdpWhereTheAnswerIsDue",
     [] {
       return bare_ultimatum(
                  proved().inside_tls(Phase::kCredssp, Side::kServer,
                                      record::Unexpected{"X.224 Data", "TSRequest", "", {3, 0, 0}}))
           .end(Side::kClient, How::kClose, 2000);
     },
     "credentials-refused-without-reason likely"},
    {"AnotherChallengeOnAuthenticate",
     [] { return proved().challenge().end(Side::kClient, How::kClose, 5000); },
     "protocol-violation likely"},
    {"AnEmptyTsRequestOnAuthenticate",
     [] {
       return proved()
           .ts_request(Side::kServer, {.version = 6})
           .end(Side::kClient, How::kClose, 5000);
     },
     "protocol-violation likely"},
    {"AChallengeOnTheDelegation",
     [] { return delegated().challenge().end(Side::kClient, How::kClose, 5000); },
     "protocol-violation likely"},
    {"UltimatumInsteadOfAChallenge", [] { return closed(bare_ultimatum(secured().negotiate())); },
     "session-host-refused likely"},

    {"SilenceOnNegotiate", [] { return secured().negotiate().wait_and_hang_up(5000); },
     "stalled possible, intermediary-cannot-complete-credssp possible"},
    {"SilenceOnAuthenticate", [] { return proved().wait_and_hang_up(5000); },
     "intermediary-cannot-complete-credssp possible, stalled possible, no-logon-servers possible"},
    {"SilenceOnTheDelegation", [] { return delegated().wait_and_hang_up(5000); },
     "stalled possible"},
    {"MalformedTsRequest",
     [] {
       return proved()
           .inside_tls(Phase::kCredssp, Side::kServer,
                       record::Malformed{"TSRequest", {.field = "version"}, {0x30, 0x84}})
           .end(Side::kClient, How::kClose);
     },
     "protocol-violation likely"},
    {"UnreadableToken",
     [] {
       auth::Token token;
       token.error = DecodeError{.field = "MessageType", .text = "is 9"};
       record::CredsspMessage message;
       message.version = 6;
       message.tokens.push_back(token);
       return secured()
           .negotiate()
           .ts_request(Side::kServer, message)
           .end(Side::kClient, How::kClose);
     },
     "protocol-violation likely"},
    {"HttpWhereTheChallengeIsDue",
     [] {
       return secured()
           .negotiate()
           .inside_tls(Phase::kCredssp, Side::kServer,
                       record::Unexpected{"HTTP", "TSRequest", "", {'H', 'T', 'T', 'P'}})
           .end(Side::kServer, How::kClose);
     },
     "protocol-violation likely"},

    // After it.
    {"ClosedAfterItsOwnKey", [] { return closed(accepted()); }, "unexplained possible"},
    {"ClosedOnTheDelegation", [] { return closed(delegated()); },
     "unexplained possible, remote-desktop-right-missing possible, "
     "credentials-refused-without-reason possible"},
    {"UltimatumOnTheDelegation", [] { return closed(bare_ultimatum(delegated())); },
     "session-host-refused likely"},
    {"DisconnectRequestOnTheDelegation",
     [] {
       return closed(
           delegated().inside_tls(Phase::kCredssp, Side::kServer, rdp::DisconnectRequest{}));
     },
     "session-host-refused likely"},
    {"NotAuthorized", [] { return closed(delegated().authorization(5)); },
     "remote-desktop-right-missing certain"},
    {"AuthorizationOfTheFuture", [] { return closed(delegated().authorization(77)); },
     "unexplained possible"},

    // Kerberos inside CredSSP.
    {"KerberosSkew", [] { return closed(secured().ticket().kerberos_error(37, 5400)); },
     "clock-skew certain"},
    {"KerberosModified", [] { return closed(secured().ticket().kerberos_error(41)); },
     "kerberos-unavailable likely, no-logon-servers possible"},
    {"KerberosTicketExpired", [] { return closed(secured().ticket().kerberos_error(32)); },
     "kerberos-unavailable likely"},
    {"KerberosServiceUnknown", [] { return closed(secured().ticket().kerberos_error(7)); },
     "kerberos-unavailable certain"},
    {"KerberosErrorWithoutARow", [] { return closed(secured().ticket().kerberos_error(60)); },
     "unexplained possible, kerberos-unavailable possible"},

    // Our own KDC.
    {"KdcPreauthFailed", [] { return kdc_said(24); }, "logon-failure certain"},
    {"KdcUserUnknown", [] { return kdc_said(6); }, "logon-failure certain"},
    {"KdcRevoked", [] { return kdc_said(18); },
     "account-disabled possible, account-locked-out possible, account-expired possible"},
    {"KdcKeyExpired", [] { return kdc_said(23); },
     "password-expired likely, password-must-change possible"},
    {"KdcEncryptionType", [] { return kdc_said(14); }, "kerberos-unavailable likely"},
    {"KdcSkew", [] { return kdc_said(37); }, "clock-skew certain"},
    {"KdcServiceUnknown", [] { return kdc_said(7, true); }, "kerberos-unavailable certain"},
    {"KdcPolicy", [] { return kdc_said(12); }, "account-restriction likely"},
    {"KdcErrorWithoutARow", [] { return kdc_said(60); },
     "unexplained possible, kerberos-unavailable possible"},
    {"KdcUnreachable", [] { return kdc_ended(Outcome::kUnreachable); },
     "kerberos-unavailable likely"},
    {"KdcTimeout", [] { return kdc_ended(Outcome::kTimeout); }, "kerberos-unavailable likely"},
    {"KdcUnavailable", [] { return kdc_ended(Outcome::kUnavailable); },
     "kerberos-unavailable likely"},

    // RDSTLS.
    {"RdstlsAccessDenied", [] { return rdstls(5); }, "remote-desktop-right-missing likely"},
    {"RdstlsLogonFailure", [] { return rdstls(0x52E); }, "logon-failure certain"},
    {"RdstlsLogonHours", [] { return rdstls(0x530); }, "account-restriction certain"},
    {"RdstlsPasswordExpired", [] { return rdstls(0x532); }, "password-expired certain"},
    {"RdstlsDisabled", [] { return rdstls(0x533); }, "account-disabled certain"},
    {"RdstlsMustChange", [] { return rdstls(0x773); }, "password-must-change certain"},
    {"RdstlsLockedOut", [] { return rdstls(0x775); }, "account-locked-out certain"},
    {"RdstlsOfTheFuture", [] { return rdstls(0x9999); }, "unexplained possible"},
};

class EveryLogon : public testing::TestWithParam<Row> {};

TEST_P(EveryLogon, GivesItsCausesAndNoOthers) {
  EXPECT_EQ(found(GetParam().story().diagnose()), GetParam().found);
}

TEST_P(EveryLogon, NamesEvidenceThatExistsAndAdvice) {
  const auto story = GetParam().story();
  for (const auto& cause : story.diagnose().causes) {
    EXPECT_TRUE(cause.says.ends_with('.')) << cause.says;
    EXPECT_FALSE(cause.fix.empty()) << cause.id;
    EXPECT_FALSE(cause.because.empty()) << cause.id;
    EXPECT_TRUE(std::ranges::is_sorted(cause.because));
    for (const auto id : cause.because)
      EXPECT_TRUE(id >= 1 && id <= story.record.evidence.size()) << cause.id;
    EXPECT_NE(find_cause(cause.id), nullptr) << cause.id;
    EXPECT_TRUE(cause.confidence == Confidence::kCertain || cause.id == "unexplained" ||
                !cause.against.empty())
        << cause.id;
  }
}

TEST_P(EveryLogon, SurvivesBeingCutAfterEachEvidence) {
  const auto whole = GetParam().story();
  for (std::size_t n = 0; n <= whole.record.evidence.size(); ++n) {
    auto record = whole.record;
    record.evidence.resize(n);
    EXPECT_FALSE(diagnose(record, whole.circumstances).causes.empty());
    record.run.reset();
    EXPECT_FALSE(diagnose(record, whole.circumstances).causes.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Logon, EveryLogon, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

// --- single questions

TEST(Logon, AnErrorCodeBesideAnEchoedKeyIsNoAcceptance) {
  const auto diagnosis = closed(proved().error_code(0xC000006D, 6, true)).diagnose();
  EXPECT_EQ(found(diagnosis), "logon-failure certain");
}

TEST(Logon, Alert80IsNeverCalledAnExpiredPassword) {
  for (const auto& story : {alerted(proved(), 80), alerted(proved(5, 5), 80),
                            alerted(proved(2, 2), 80), alerted(secured().negotiate(), 80)}) {
    for (const auto& finding : story.diagnose().causes) {
      EXPECT_NE(finding.id, "password-expired");
      EXPECT_NE(finding.confidence, Confidence::kCertain);
    }
  }
}

TEST(Logon, AVersionWithoutErrorCodeIsNamedAsTheReasonForSilence) {
  const auto against = [](std::uint32_t version) {
    return closed(proved(version, version)).diagnose().causes.front().against.front();
  };
  for (const auto version : {2u, 5u})
    EXPECT_NE(against(version).find("no way to say why"), std::string::npos) << version;
  for (const auto version : {3u, 4u, 6u})
    EXPECT_NE(against(version).find("would have sent a reason"), std::string::npos) << version;
}

TEST(Logon, TheRestrictionOverNtlmMentionsProtectedUsersAndKerberos) {
  const auto over_ntlm = closed(proved().error_code(0xC000006E)).diagnose().causes.front().says;
  EXPECT_NE(over_ntlm.find("Protected Users"), std::string::npos);
  EXPECT_NE(over_ntlm.find("Kerberos"), std::string::npos);
  const auto over_kerberos =
      closed(secured().ticket().error_code(0xC000006E)).diagnose().causes.front().says;
  EXPECT_EQ(over_kerberos.find("members of Protected Users get this answer"), std::string::npos);
}

TEST(Logon, NotSupportedMeansNtlmOnlyWhereNtlmWasTried) {
  EXPECT_EQ(first_of(closed(secured().ticket().error_code(0x80090302))), "unexplained possible");
  EXPECT_EQ(first_of(closed(secured().negotiate().error_code(0x80090302))), "ntlm-blocked likely");
}

TEST(Logon, AKerberosErrorThatTheClientGotOverIsNotTheCause) {
  auto story = secured().ticket().kerberos_error(37, 5400).ticket().negotiate().challenge();
  EXPECT_EQ(first_of(closed(story.authenticate())), "credentials-refused-without-reason likely");
}

TEST(Logon, WhoAskedForALogonIsToldWhereTheServerSelectsTlsAlone) {
  auto story =
      Story().tcp().request().confirm(1).client_hello().tls12_to_the_end().until(Phase::kCredssp);
  const auto diagnosis = story.end(Side::kClient, How::kClose).diagnose();
  EXPECT_EQ(found(diagnosis), "unexplained likely");
  EXPECT_NE(diagnosis.causes.front().says.find("Nothing failed"), std::string::npos);
  EXPECT_EQ(found(story.until(Phase::kTls).diagnose()), "handshake-complete certain");
}

TEST(Logon, AnUltimatumInsideTlsBeforeThereIsASessionIsTheSessionHostsRefusal) {
  auto story =
      Story().tcp().request().confirm(1).client_hello().tls12_to_the_end().until(Phase::kMcs);
  story.inside_tls(Phase::kMcs, Side::kServer, rdp::DisconnectProviderUltimatum{});
  EXPECT_EQ(found(closed(story).diagnose()), "session-host-refused likely");
  auto after_credssp = delegated().authorization(0).until(Phase::kMcs);
  after_credssp.inside_tls(Phase::kMcs, Side::kServer, rdp::DisconnectProviderUltimatum{});
  EXPECT_EQ(found(closed(after_credssp).diagnose()), "session-host-refused likely");
}

TEST(Logon, TheSizeOfTheSkewIsSaid) {
  const auto by_server = closed(secured().ticket().kerberos_error(37, 5400)).diagnose();
  EXPECT_NE(by_server.causes.front().says.find("90 min ahead of ours"), std::string::npos)
      << by_server.causes.front().says;
  const auto by_kdc = kdc_said(37).diagnose();
  EXPECT_NE(by_kdc.causes.front().says.find("10 min ahead of ours"), std::string::npos)
      << by_kdc.causes.front().says;
}

TEST(Logon, WhatTheKdcRefusedIsNoCauseWhenNtlmThenWentThrough) {
  record::KdcTalk talk;
  talk.outcome = Outcome::kUnreachable;
  const auto went_on = [&] { return secured().kdc(talk).negotiate().challenge().authenticate(); };
  const auto refused = closed(went_on().error_code(0xC000006D)).diagnose();
  EXPECT_EQ(found(refused), "logon-failure certain");
  EXPECT_TRUE(warns(refused, "kerberos-unavailable"));
  const auto blocked = closed(went_on().error_code(0xC0000418)).diagnose();
  EXPECT_EQ(found(blocked), "ntlm-blocked certain, kerberos-unavailable likely");
}

TEST(Logon, AGatewayThatLeavesAfterItsFrontCompletedIsCalledOneByItsNamesOnly) {
  auto story = secured();
  story.negotiate();
  auth::NtlmChallenge challenge;
  challenge.target_info.emplace();
  challenge.target_info->pairs.push_back(
      {static_cast<std::uint16_t>(auth::AvId::kNbComputerName), {'G', 0, 'W', 0}});
  record::CredsspMessage message;
  message.version = 6;
  auth::Token token;
  token.message = challenge;
  message.tokens.push_back(token);
  story.ts_request(Side::kServer, message).authenticate().server_key().delegate();
  story.circumstances.target_host = "db.example";
  EXPECT_EQ(first_of(closed(story)), "unexplained possible");
  story.circumstances.certificate_problems = {"name_mismatch"};
  EXPECT_EQ(first_of(closed(story)), "intermediary-backend-failed possible");
  story.circumstances.target_host = "gw.example";
  EXPECT_EQ(first_of(closed(story)), "unexplained possible");
  story.circumstances.target_host = "192.0.2.7";
  EXPECT_EQ(first_of(closed(story)), "unexplained possible");
}

TEST(Logon, ACapturedClientThatLeavesAnUnpatchedServerRefusesItsVersion) {
  const auto left = [](std::uint32_t server) {
    return secured(false).negotiate().challenge(server).end(Side::kClient, How::kClose);
  };
  EXPECT_EQ(first_of(left(2)), "credssp-version-refused likely");
  EXPECT_EQ(first_of(left(4)), "credssp-version-refused likely");
  EXPECT_EQ(first_of(left(6)), "handshake-complete likely");
}

TEST(Logon, ACapturedClientThatLeavesABrokenAnswerIsNotCalledComplete) {
  const auto left = [](std::function<void(record::CredsspMessage&)> spoil) {
    auto story = secured(false).negotiate().challenge();
    spoil(record::get<record::CredsspMessage>(story.record.evidence.back().fact));
    return story.end(Side::kClient, How::kClose).diagnose();
  };
  const auto challenge = [](record::CredsspMessage& m) -> auth::NtlmChallenge& {
    return std::get<auth::NtlmChallenge>(m.tokens.front().message);
  };
  EXPECT_EQ(found(left([](auto&) {})), "handshake-complete likely");
  for (const std::uint32_t bit : {0x1u, 0x20u, 0x80000u, 0x20000000u}) {
    EXPECT_EQ(found(left([&](auto& m) { challenge(m).flags &= ~bit; })),
              "protocol-violation possible")
        << bit;
  }
  EXPECT_EQ(found(left([&](auto& m) { challenge(m).target_info->pairs.clear(); })),
            "protocol-violation possible");
  // With those nobody can go on, and a probe without credentials has not what it came for.
  EXPECT_EQ(found(left([](auto& m) { m.tokens.front().message = auth::NtlmNegotiate{}; })),
            "protocol-violation likely");
  EXPECT_EQ(found(left([](auto& m) {
              m.tokens.clear();
              m.pub_key_auth = Bytes(50, 1);
            })),
            "protocol-violation likely");
  // Who asks for less may be granted less.
  auto modest = secured(false).negotiate().challenge();
  auto& asked = record::get<record::CredsspMessage>((modest.record.evidence.end() - 2)->fact);
  std::get<auth::NtlmNegotiate>(asked.tokens.front().message).flags = 1;
  challenge(record::get<record::CredsspMessage>(modest.record.evidence.back().fact)).flags = 1;
  EXPECT_EQ(found(modest.end(Side::kClient, How::kClose).diagnose()), "handshake-complete likely");
}

TEST(Logon, WhatTheServerSaidTwiceOrBeforeItsTurnIsAViolationInACaptureToo) {
  const auto left = [](Story story) {
    return found(story.end(Side::kClient, How::kClose).diagnose());
  };
  const auto begun = secured(false).negotiate().challenge();
  EXPECT_EQ(left(Story(begun).challenge().authenticate().server_key()),
            "protocol-violation likely");
  EXPECT_EQ(left(Story(begun).server_key().authenticate()), "protocol-violation likely");
  EXPECT_EQ(left(Story(begun).authenticate().server_key()),
            "intermediary-cannot-complete-credssp possible, unexplained possible");
}

TEST(Logon, WhereOneDirectionStayedClosedNothingIsConcludedFromWhatItWasNotSeenToSay) {
  const auto closed_of = [](Story& story, Side side, std::uint32_t size) -> Story& {
    return story.add(Phase::kTls, side, record::ApplicationData{.size = size});
  };
  auto story = secured(false);
  closed_of(story, Side::kClient, 79).challenge();
  closed_of(story, Side::kClient, 531).server_key();
  closed_of(story, Side::kClient, 112).end(Side::kClient, How::kClose);
  const auto diagnosis = story.diagnose();
  EXPECT_EQ(found(diagnosis), "unexplained possible");
  EXPECT_NE(diagnosis.causes.front().says.find("what the client said stayed closed"),
            std::string::npos)
      << diagnosis.causes.front().says;
  EXPECT_TRUE(diagnosis.causes.front().fix.front().starts_with("Replay it with the whole key log"));
  // The server's own word is one all the same, and nobody is said to have been nobody.
  auto refused = secured(false);
  closed_of(refused, Side::kClient, 79).challenge();
  closed_of(refused, Side::kClient, 531).error_code(0xC000006D);
  EXPECT_EQ(first_of(closed(refused)), "logon-failure certain");
  EXPECT_TRUE(refused.diagnose().causes.front().against.empty());
  auto servers = secured(false).negotiate();
  closed_of(servers, Side::kServer, 249);
  EXPECT_EQ(found(servers.end(Side::kClient, How::kClose).diagnose()), "unexplained possible");
}

TEST(Logon, WhereTheClientsSideStayedClosedTheServersResultIsItsWord) {
  const auto ended_with = [](std::uint32_t result) {
    auto story = secured(false);
    const auto closed_of_client = [&](std::uint32_t size) -> Story& {
      return story.add(Phase::kTls, Side::kClient, record::ApplicationData{.size = size});
    };
    closed_of_client(79).challenge();
    closed_of_client(531).server_key();
    closed_of_client(112).authorization(result).end(Side::kClient, How::kClose);
    return story;
  };
  EXPECT_EQ(first_of(ended_with(5)), "remote-desktop-right-missing certain");
  const auto granted = ended_with(0).diagnose();
  EXPECT_EQ(found(granted), "unexplained possible");
  EXPECT_NE(granted.causes.front().says.find("what the client said stayed closed"),
            std::string::npos);
}

TEST(Logon, ARefusalBehindTheServersOwnConfirmationIsNotCertain) {
  for (const bool live : {true, false}) {
    const auto refused = closed(proved(6, 6, live).server_key().error_code(0xC000006D));
    EXPECT_EQ(first_of(refused), "logon-failure likely");
    const auto diagnosis = refused.diagnose();
    const auto& cause = diagnosis.causes.front();
    EXPECT_NE(cause.says.find("STATUS_LOGON_FAILURE"), std::string::npos) << cause.says;
    EXPECT_NE(cause.says.find("had confirmed its public key"), std::string::npos) << cause.says;
    EXPECT_FALSE(cause.against.empty());
  }
  auto verified = closed(accepted().error_code(0xC0000072));
  verified.record.run->public_key_confirmed = true;
  EXPECT_EQ(first_of(verified), "account-disabled likely");
  EXPECT_NE(verified.diagnose().causes.front().says.find("before that, rightly"),
            std::string::npos);
  auto wrong = closed(accepted().error_code(0xC000006D));
  wrong.record.run->public_key_confirmed = false;
  EXPECT_EQ(first_of(wrong), "logon-failure likely");
  EXPECT_NE(wrong.diagnose().causes.front().says.find("does not match the TLS certificate"),
            std::string::npos);
  // What is about the server and not the user is its own word as before, and so is what it says of
  // the credentials once it has them.
  EXPECT_EQ(first_of(closed(accepted().error_code(0xC000005E))), "no-logon-servers certain");
  EXPECT_EQ(first_of(closed(delegated().error_code(0xC000015B))), "logon-type-not-granted certain");
}

TEST(Logon, APubKeyAuthOfItsOwnBesideTheErrorCodeContradictsItAsWell) {
  record::CredsspMessage message;
  message.version = 6;
  message.error_code = 0xC000006D;
  message.pub_key_auth = Bytes(48, 2);  // not the client's
  const auto story = closed(proved().ts_request(Side::kServer, std::move(message)));
  EXPECT_EQ(first_of(story), "logon-failure likely");
  EXPECT_NE(story.diagnose().causes.front().says.find("Beside the code it sent a pubKeyAuth"),
            std::string::npos);
}

TEST(Logon, ADenialThatTheProtocolDoesNotHaveIsAViolationAndPerhapsADenial) {
  const auto story = closed(delegated().inside_tls(
      Phase::kCredssp, Side::kServer,
      record::Unexpected{
          "what looks like an Early User Authorization Result", "X.224 Data", "", {5, 0, 0, 0}}));
  EXPECT_EQ(found(story.diagnose()),
            "protocol-violation likely, remote-desktop-right-missing possible");
}

TEST(Logon, ACapturedLogonAfterWhichTheClientLeftIsToldAsOne) {
  const auto left = [](Story story) {
    return story.inside_tls(Phase::kTls, Side::kClient, record::TlsAlert{tls::Alert{1, 0}})
        .end(Side::kClient, How::kClose)
        .diagnose();
  };
  const auto whole = left(proved(6, 6, false).server_key().delegate().authorization(0));
  EXPECT_EQ(found(whole), "handshake-complete likely");
  const auto& cause = whole.causes.front();
  EXPECT_NE(cause.says.find("authorization"), std::string::npos) << cause.says;
  EXPECT_EQ(cause.says.find("asked for nothing"), std::string::npos) << cause.says;
  EXPECT_EQ(cause.fix.front().find("credentials, licences"), std::string::npos);
  const auto begun = left(secured(false).negotiate().challenge());
  EXPECT_EQ(found(begun), "handshake-complete likely");
  EXPECT_NE(begun.causes.front().says.find("named nobody"), std::string::npos)
      << begun.causes.front().says;
  const auto nothing = left(secured(false));
  EXPECT_NE(nothing.causes.front().says.find("asked for nothing"), std::string::npos);
}

TEST(Logon, AFailureCodeThatContradictsTheOfferIsNoCertaintyAndNoAdviceToTheClient) {
  const auto refused = [](std::uint32_t offer, std::uint32_t code) {
    return Story().tcp().request(offer).refuse(code).end(Side::kServer, How::kClose).diagnose();
  };
  struct Answer {
    std::uint32_t offer, code;
    const char* found;
    bool contradicts;
  };
  for (const auto& [offer, code, finds, contradicts] :
       {Answer{0x0B, 5, "nla-required likely", true}, Answer{0x02, 5, "nla-required likely", true},
        Answer{0x01, 5, "nla-required certain", false},
        Answer{0x0B, 1, "tls-required likely", true}, Answer{0, 1, "tls-required certain", false},
        Answer{0, 2, "legacy-security-only likely", true},
        Answer{0x0B, 2, "legacy-security-only certain", false},
        Answer{0x0B, 3, "server-has-no-certificate certain", false}}) {
    const auto diagnosis = refused(offer, code);
    EXPECT_EQ(found(diagnosis), finds) << offer;
    const auto& cause = diagnosis.causes.front();
    EXPECT_EQ(cause.title.empty(), !contradicts) << offer << " " << code;
    EXPECT_EQ(cause.against.empty(), !contradicts) << offer << " " << code;
    EXPECT_EQ(cause.fix.front().starts_with("Nothing is to be set on this client"), contradicts);
  }
}

Story stopped(record::RunFacts::OwnStop::Why why, Story story) {
  story.end(Side::kClient, How::kClose);
  story.record.run->own_stop.emplace(why, "as it was told");
  return story;
}

TEST(Logon, WhoAsksForMoreThanIsToBeHadWithoutCredentialsIsToldSo) {
  auto story = secured().negotiate().challenge();
  story.until(Phase::kFinalization);
  const auto diagnosis =
      stopped(record::RunFacts::OwnStop::Why::kNoCredentials, std::move(story)).diagnose();
  EXPECT_EQ(found(diagnosis), "unexplained likely");
  EXPECT_NE(diagnosis.causes.front().says.find("wants a logon before anything else"),
            std::string::npos);
  EXPECT_NE(diagnosis.causes.front().fix.front().find("--user"), std::string::npos);
}

TEST(Logon, WhoAsksAServerThatSelectedHybridForAResultIsToldThatThereIsNone) {
  const auto story = Story(true)
                         .tcp()
                         .request()
                         .confirm(2)
                         .client_hello()
                         .tls12_to_the_end()
                         .until(Phase::kAuthorization)
                         .negotiate()
                         .challenge()
                         .authenticate()
                         .server_key()
                         .delegate()
                         .end(Side::kClient, How::kClose);
  EXPECT_EQ(found(story.diagnose()), "unexplained likely");
  EXPECT_NE(story.diagnose().causes.front().says.find("has no authorization result"),
            std::string::npos);
}

TEST(Logon, OurOwnStopsAreNoFaultOfTheServer) {
  using Why = record::RunFacts::OwnStop::Why;
  const auto challenged = secured().negotiate().challenge();
  EXPECT_EQ(found(stopped(Why::kNoCredentials, challenged).diagnose()),
            "handshake-complete certain");
  EXPECT_EQ(found(stopped(Why::kCredentialsSpent, challenged).diagnose()), "unexplained likely");
  EXPECT_EQ(found(stopped(Why::kNoRestrictedAdmin, challenged).diagnose()), "unexplained likely");
  EXPECT_EQ(found(stopped(Why::kChallengeRefused, challenged).diagnose()),
            "protocol-violation likely");
  EXPECT_EQ(found(stopped(Why::kNothingToDelegate, accepted()).diagnose()),
            "handshake-complete likely");
}

TEST(Logon, AKeyThatIsNotTheCertificatesShowsSomebodyInBetween) {
  using Why = record::RunFacts::OwnStop::Why;
  auto story = stopped(Why::kPublicKeyNotConfirmed, accepted());
  story.record.run->public_key_confirmed = false;
  EXPECT_EQ(found(story.diagnose()), "intermediary-cannot-complete-credssp likely");
  // A certificate's expiry has nothing to do with it.
  story.circumstances.certificate_problems = {"expired"};
  EXPECT_EQ(found(story.diagnose()), "intermediary-cannot-complete-credssp likely");
}

TEST(Logon, APubKeyAuthThatDoesNotOpenIsNotAboutAnotherCertificate) {
  using Why = record::RunFacts::OwnStop::Why;
  const auto with_octets = [](std::size_t size, bool live = true) {
    auto story = stopped(Why::kMechanismNotOurs, accepted());
    story.record.run->public_key_confirmed = false;
    for (auto& e : story.record.evidence) {
      if (e.where.side != Side::kServer || !record::holds<record::CredsspMessage>(e.fact)) continue;
      auto& message = record::get<record::CredsspMessage>(e.fact);
      if (message.pub_key_auth) message.pub_key_auth = Bytes(size, 2);
    }
    if (!live) story.record.run.reset();
    return story.diagnose();
  };
  const auto unopened = with_octets(48);
  EXPECT_EQ(found(unopened),
            "protocol-violation possible, intermediary-cannot-complete-credssp possible");
  for (const auto& cause : unopened.causes)
    EXPECT_EQ(cause.says.find("certificate"), std::string::npos) << cause.says;
  for (const std::size_t size : {0u, 15u}) {
    for (const bool live : {true, false}) {
      const auto short_one = with_octets(size, live);
      EXPECT_EQ(found(short_one), "protocol-violation likely") << size << live;
      EXPECT_NE(short_one.causes.front().says.find(fmt::format("has {} octets", size)),
                std::string::npos);
    }
  }
}

TEST(Logon, ACertificateWhoseKeyWeCannotReadIsNoFaultOfTheServer) {
  const auto story = stopped(record::RunFacts::OwnStop::Why::kPublicKeyNotConfirmed,
                             secured().negotiate().challenge());
  EXPECT_EQ(found(story.diagnose()), "unexplained possible");
}

TEST(Logon, ASecondAttemptWithTlsAlonePointsAtTheFirst) {
  const auto refused = [](bool live) {
    return Story(live).tcp().request(1).refuse(5).end(Side::kServer, How::kClose).diagnose();
  };
  const auto captured = refused(false);
  EXPECT_EQ(found(captured), "nla-required certain");
  EXPECT_EQ(captured.causes.front().against.size(), 1u);
  EXPECT_TRUE(refused(true).causes.front().against.empty());  // we try nothing by ourselves
}

TEST(Logon, ACertificateThatExpiredIsNeverTheCauseOfARefusedLogon) {
  for (auto story :
       {closed(proved()), closed(proved().error_code(0xC000006D)), closed(secured().negotiate())}) {
    const auto before = found(story.diagnose());
    story.circumstances.certificate_problems = {"expired"};
    EXPECT_EQ(found(story.diagnose()), before);
    EXPECT_TRUE(warns(story.diagnose(), "certificate-expired"));
  }
}

TEST(Logon, AClockBeyondWhatWeCanCountIsNotGivenASkewThatNobodyHas) {
  auto story = secured().negotiate();
  auth::NtlmChallenge challenge;
  challenge.target_info.emplace();
  challenge.target_info->pairs.push_back(
      {static_cast<std::uint16_t>(auth::AvId::kTimestamp), Bytes(8, 0xFF)});
  record::CredsspMessage message;
  message.version = 6;
  auth::Token token;
  token.message = challenge;
  message.tokens.push_back(token);
  story.ts_request(Side::kServer, message);
  const auto summary = record::credssp_summary(story.record);
  ASSERT_TRUE(summary && summary->challenge != nullptr);
  EXPECT_FALSE(summary->server_time);
  EXPECT_FALSE(summary->clock_skew);
  EXPECT_FALSE(warns(closed(story).diagnose(), "clock-skew"));
}

TEST(DurationInWords, GrowsFromMillisecondsToYears) {
  constexpr Nanoseconds kSecond = 1'000'000'000, kHour = 3600 * kSecond;
  EXPECT_EQ(duration_in_words(kSecond / 4), "250 ms");
  EXPECT_EQ(duration_in_words(3 * kHour), "3.0 h");
  EXPECT_EQ(duration_in_words(72 * kHour), "3 days");
  EXPECT_EQ(duration_in_words(38975 * kHour), "4.4 years");
}

TEST(LogonWarnings, ClocksFiveMinutesApartAreTold) {
  const auto apart = [](double seconds) {
    return warns(closed(secured().negotiate().challenge(6, seconds).authenticate()).diagnose(),
                 "clock-skew");
  };
  EXPECT_FALSE(apart(0.5));
  EXPECT_FALSE(apart(290));
  EXPECT_TRUE(apart(310));
  EXPECT_TRUE(apart(-310));
}

TEST(LogonWarnings, AServerWithoutTheUpdateOf2018IsTold) {
  const auto told = [](std::uint32_t version) {
    const auto story = stopped(record::RunFacts::OwnStop::Why::kNoCredentials,
                               secured().negotiate().challenge(version));
    EXPECT_EQ(found(story.diagnose()), "handshake-complete certain");
    return warns(story.diagnose(), "credssp-version-refused");
  };
  EXPECT_TRUE(told(2));
  EXPECT_TRUE(told(4));
  EXPECT_FALSE(told(5));
  EXPECT_FALSE(told(6));
}

TEST(LogonWarnings, AnAddressAsTargetRulesKerberosOut) {
  auto story = closed(proved().error_code(0x80090302));
  EXPECT_FALSE(warns(story.diagnose(), "kerberos-needs-a-name"));
  story.circumstances.target_host = "192.0.2.7";
  EXPECT_TRUE(warns(story.diagnose(), "kerberos-needs-a-name"));
  story.circumstances.target_host = "2001:db8::7";
  EXPECT_TRUE(warns(story.diagnose(), "kerberos-needs-a-name"));
}

TEST(LogonWarnings, ThatKerberosIsOutIsSaidOnce) {
  record::KdcTalk talk;
  talk.outcome = Outcome::kUnavailable;
  talk.words = "the target is an address";
  const auto notices = [](Story story, const char* host) {
    story.circumstances.target_host = host;
    const auto diagnosis = story.diagnose();
    std::string ids;
    for (const auto& [id, says, because] : diagnosis.warnings)
      if (id.starts_with("kerberos")) ids += id + " ";
    return ids;
  };
  const auto went_on = closed(secured().kdc(talk).negotiate().challenge().authenticate());
  EXPECT_EQ(notices(went_on, "192.0.2.7"), "kerberos-needs-a-name ");
  EXPECT_EQ(notices(went_on, "host.lab"), "kerberos-unavailable ");
  // The cause says it already.
  const auto stopped_there = secured().kdc(talk).end(Side::kClient, How::kClose);
  EXPECT_EQ(notices(stopped_there, "192.0.2.7"), "");
}

TEST(LogonWarnings, WeakNtlmOfACapturedClientIsToldOursIsNot) {
  const auto weak = [](bool live) {
    auto story = secured(live).negotiate().challenge().authenticate();
    auto& request = record::get<record::CredsspMessage>(story.record.evidence.back().fact);
    auto& message = std::get<auth::NtlmAuthenticate>(request.tokens.front().message);
    message.ntlmv2.reset();
    message.mic.reset();
    message.nt_response_size = 24;
    return closed(story).diagnose();
  };
  EXPECT_TRUE(warns(weak(false), "ntlm-v1"));
  EXPECT_TRUE(warns(weak(false), "ntlm-without-mic"));
  EXPECT_FALSE(warns(weak(true), "ntlm-v1"));
  const auto sound = closed(proved(6, 6, false)).diagnose();
  for (const auto* id : {"ntlm-v1", "ntlm-without-mic", "ntlm-without-channel-bindings"})
    EXPECT_FALSE(warns(sound, id)) << id;
}

TEST(LogonWarnings, BareNtlmAsTheAnswerToSpnegoIsTold) {
  const auto told = [](bool spnego) {
    return warns(closed(secured().negotiate(6, spnego).challenge().authenticate()).diagnose(),
                 "ntlm-without-spnego");
  };
  EXPECT_TRUE(told(true));
  EXPECT_FALSE(told(false));
}

TEST(LogonMstsc, EndingsInsideCredsspShowAsAClosedSocket) {
  for (const auto& story : {closed(proved()), closed(secured().negotiate()), reset(proved())}) {
    const auto diagnosis = story.diagnose();
    ASSERT_TRUE(diagnosis.mstsc);
    EXPECT_EQ(diagnosis.mstsc->code, 0x904u);
    EXPECT_EQ(diagnosis.mstsc->extended, 0x7u);
  }
  const auto denied = closed(delegated().authorization(5)).diagnose();
  ASSERT_TRUE(denied.mstsc);
  EXPECT_EQ(denied.mstsc->code, 0x2407u);
  EXPECT_FALSE(kdc_ended(Outcome::kTimeout).diagnose().mstsc);  // mstsc goes on with NTLM
  EXPECT_FALSE(alerted(proved(), 80).diagnose().mstsc);  // what mstsc shows for it is not known
}

TEST(LogonSaw, IsJudgedByWhatTheServerSaid) {
  using Fits = SawVerdict::Fits;
  const auto fits = [](Story story, std::uint32_t code,
                       std::optional<std::uint32_t> extended = {}) {
    story.circumstances.saw = Saw{code, extended};
    const auto diagnosis = story.diagnose();
    EXPECT_FALSE(diagnosis.saw->says.empty());
    return diagnosis.saw->fits;
  };
  const auto wrong_password = closed(proved().error_code(0xC000006D));
  EXPECT_EQ(fits(wrong_password, 0x807), Fits::kYes);
  EXPECT_EQ(fits(wrong_password, 0xF07), Fits::kNo);
  EXPECT_EQ(fits(wrong_password, 0x904, 7), Fits::kNo);
  EXPECT_EQ(fits(wrong_password, 0x204), Fits::kNo);
  EXPECT_EQ(fits(closed(proved()), 0x904, 7), Fits::kYes);
  EXPECT_EQ(fits(closed(proved()), 0x807), Fits::kUnknown);
  EXPECT_EQ(fits(alerted(proved(), 80), 0x904, 7), Fits::kUnknown);
  EXPECT_EQ(fits(closed(delegated().authorization(5)), 0x2407), Fits::kYes);
  EXPECT_EQ(fits(closed(delegated().authorization(5)), 0x807), Fits::kNo);
}

TEST(Logon, AnAnswerThatIsNotFinishedIsNoSilence) {
  const auto diagnosis = secured().negotiate().partial(7).wait_and_hang_up(5000).diagnose();
  EXPECT_EQ(found(diagnosis), "stalled possible, slow-server possible");
  EXPECT_EQ(diagnosis.causes.front().says.find("silent"), std::string::npos);
  EXPECT_NE(diagnosis.causes.front().says.find("7 octets of an answer"), std::string::npos);
}

TEST(Logon, OtherMessagesOfTlsAreNoSilenceEither) {
  const auto met = [](tls::HandshakeType type) {
    auto story = secured().negotiate();
    for (int i = 0; i < 5; ++i) {
      story.add(Phase::kCredssp, Side::kServer,
                record::HandshakeMessage{.type = static_cast<std::uint8_t>(type), .size = 1}, 900);
      story.on_wire_of(30);
    }
    return story.wait_and_hang_up(490).diagnose();
  };
  const auto updates = met(tls::HandshakeType::kKeyUpdate);
  EXPECT_EQ(found(updates), "unexplained possible");
  EXPECT_NE(updates.causes.front().says.find("TLS KeyUpdate (5 times)"), std::string::npos);
  const auto tickets = met(tls::HandshakeType::kNewSessionTicket);
  EXPECT_EQ(tickets.causes.front().id, "stalled");
}

TEST(Logon, WhatIsLongerThanIsReadHereIsNoViolation) {
  const record::Malformed huge{.what = "CredSSP TSRequest",
                               .error = {.field = "TSRequest", .text = "2000000 octets"},
                               .own_limit = true};
  auto story = secured().negotiate().inside_tls(Phase::kCredssp, Side::kServer, huge);
  const auto diagnosis = story.end(Side::kClient, How::kClose).diagnose();
  EXPECT_EQ(found(diagnosis), "unexplained possible");
  EXPECT_NE(diagnosis.causes.front().says.find("longer than is read here"), std::string::npos);
}

}  // namespace
}  // namespace rdpwhy::diagnose
