#include "rdpwhy/codes/codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace rdpwhy::codes {
namespace {

void expect_present(Family family, std::initializer_list<std::uint32_t> values) {
  for (const auto value : values) {
    EXPECT_NE(find(family, value), nullptr) << name_of(family) << ' ' << std::hex << value;
  }
}

void expect_range(Family family, std::uint32_t first, std::uint32_t last) {
  for (auto value = first; value <= last; ++value) {
    EXPECT_NE(find(family, value), nullptr) << name_of(family) << ' ' << std::hex << value;
  }
}

std::string families_of(const std::vector<const Code*>& found) {
  std::string text;
  for (const auto* code : found) {
    text += (text.empty() ? "" : ", ") + std::string(name_of(code->family));
  }
  return text;
}

// --- the tables are whole ---

TEST(Codes, HaveEveryDisconnectReasonOfMstsc) {
  expect_present(
      Family::kMstsc,
      {0x0,    0x1,    0x2,    0x3,    0x4,    0x104,  0x106,  0x107,  0x108,  0x204,  0x206,
       0x207,  0x208,  0x304,  0x306,  0x308,  0x404,  0x406,  0x408,  0x506,  0x507,  0x508,
       0x604,  0x606,  0x607,  0x608,  0x704,  0x706,  0x708,  0x804,  0x807,  0x808,  0x904,
       0x906,  0x908,  0xA06,  0xA07,  0xB06,  0xB07,  0xB08,  0xB09,  0xC06,  0xC07,  0xC08,
       0xD06,  0xD07,  0xE07,  0xF07,  0x1104, 0x1108, 0x1207, 0x1307, 0x1607, 0x1707, 0x1807,
       0x1B07, 0x1C07, 0x1F07, 0x2104, 0x2107, 0x2207, 0x2407, 0x2507, 0x2607, 0x2707, 0x2807});
}

TEST(Codes, HaveEveryExtendedReasonOfMstsc) {
  expect_range(Family::kMstscExtended, 0, 12);
  expect_range(Family::kMstscExtended, 256, 267);
  expect_present(Family::kMstscExtended, {768, 4096, 32767});
}

TEST(Codes, HaveEveryErrorInfo) {
  expect_range(Family::kErrorInfo, 0x00, 0x07);
  expect_range(Family::kErrorInfo, 0x09, 0x0C);
  expect_present(Family::kErrorInfo, {0x0F, 0x10, 0x11, 0x12, 0x17, 0x18, 0x19, 0x1A});
  expect_range(Family::kErrorInfo, 0x100, 0x10A);
  expect_present(Family::kErrorInfo, {0x400, 0x402, 0x404, 0x405, 0x406, 0x407, 0x408, 0x409});
  expect_range(Family::kErrorInfo, 0x410, 0x412);
  expect_range(Family::kErrorInfo, 0x10C9, 0x10CB);
  expect_range(Family::kErrorInfo, 0x10CD, 0x10D5);
  expect_range(Family::kErrorInfo, 0x10DA, 0x10E3);
  expect_present(Family::kErrorInfo,
                 {0x10E5, 0x10E7, 0x10E8, 0x10E9, 0x10EA, 0x10EC, 0x10ED, 0x10EF, 0x10F0});
  expect_range(Family::kErrorInfo, 0x10F3, 0x10F8);
  expect_range(Family::kErrorInfo, 0x1111, 0x1126);
  expect_range(Family::kErrorInfo, 0x1129, 0x1136);
  expect_range(Family::kErrorInfo, 0x1191, 0x1196);
  EXPECT_EQ(find(Family::kErrorInfo, 0x08), nullptr);  // exists as an extended code only
}

TEST(Codes, NameTheTwentyTwoShortSecurityDataErrorsOneByOne) {
  for (std::uint32_t i = 2; i <= 23; ++i) {
    EXPECT_EQ(name(Family::kErrorInfo, 0x1111 + i - 2),
              "ERRINFO_SECURITYDATATOOSHORT" + std::to_string(i));
    EXPECT_EQ(find(Family::kErrorInfo, 0x1111 + i - 2)->also,
              "ERRINFO_SECURITY_DATA_TOO_SHORT" + std::to_string(i));
  }
}

TEST(Codes, HaveEveryNegotiationFailure) {
  expect_range(Family::kNegotiationFailure, 1, 6);
  EXPECT_EQ(family(Family::kNegotiationFailure).size(), 6u);
}

TEST(Codes, HaveTheNtStatusCodesOfCredSsp) {
  expect_present(Family::kNtStatus, {0xC000006D, 0xC000006A, 0xC0000064, 0xC0000071, 0xC0000224,
                                     0xC0000072, 0xC000006E, 0xC000006F, 0xC0000070, 0xC0000193,
                                     0xC0000234, 0xC000015B, 0xC0000022, 0xC0000413, 0xC0000418,
                                     0xC000005E, 0xC0000133, 0xC000018C, 0xC000018D, 0xC0000192,
                                     0xC0000388, 0xC0000320, 0xC00002FA, 0xC000040E, 0xC000040F});
  expect_range(Family::kNtStatus, 0xC0000380, 0xC000038F);
}

TEST(Codes, HaveTheStatusesThatPeopleCopyFromDialogs) {
  expect_present(Family::kSecurityStatus, {0x80090302, 0x80090304, 0x8009030D, 0x8009030E,
                                           0x80004005, 0x80080005, 0x80070040});
}

TEST(Codes, HaveEveryAuthorizationResult) {
  expect_present(Family::kAuthorization, {0, 5});
  expect_present(Family::kRdstls, {0, 5, 0x52E, 0x530, 0x532, 0x533, 0x773, 0x775});
}

TEST(Codes, HaveEveryLicensingCode) {
  expect_present(Family::kLicensing, {1, 2, 3, 4, 6, 7, 8, 0xB, 0xC});
  expect_range(Family::kLicensingTransition, 1, 4);
}

TEST(Codes, HaveTheWholeRegistryOfTlsAlerts) {
  const std::set<std::uint32_t> registered{
      0,  10, 20, 21, 22, 30, 40,  41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51, 52,
      60, 70, 71, 80, 86, 90, 100, 109, 110, 111, 112, 113, 114, 115, 116, 117, 120, 121};
  std::set<std::uint32_t> ours;
  for (const auto& code : family(Family::kTlsAlert)) ours.insert(code.value);
  EXPECT_EQ(ours, registered);
}

TEST(Codes, HaveTheEventsOfFailingConnections) {
  expect_present(Family::kSchannelEvent, {36870, 36871, 36874, 36888, 1057, 1058, 226,  1026, 2056,
                                          1296,  71,    4624,  4625,  139,  140,  3210, 4002, 4740,
                                          4768,  4769,  4771,  4776,  4825, 5719, 6041, 40960});
}

TEST(Codes, HaveEveryConnectErrorOfFreerdp) {
  expect_range(Family::kFreerdp, 0x20001, 0x2001E);
  EXPECT_EQ(name(Family::kFreerdp, 0x2000D), "ERRCONNECT_CONNECT_TRANSPORT_FAILED");
}

// --- the tables are sound ---

TEST(Codes, AreSortedAndUniqueWithinTheirFamily) {
  for (const auto each : kFamilies) {
    const auto table = family(each);
    ASSERT_FALSE(table.empty()) << name_of(each);
    for (std::size_t i = 0; i < table.size(); ++i) {
      EXPECT_EQ(table[i].family, each) << table[i].name;
      if (i > 0) {
        EXPECT_LT(table[i - 1].value, table[i].value) << table[i].name;
      }
    }
  }
}

TEST(Codes, AreAllThereByFamilyAndThenValue) {
  std::size_t count = 0;
  for (const auto each : kFamilies) count += family(each).size();
  EXPECT_EQ(all().size(), count);
  EXPECT_TRUE(std::ranges::is_sorted(all(), {}, [](const Code& code) {
    return std::pair(std::ranges::find(kFamilies, code.family) - kFamilies, code.value);
  }));
}

TEST(Codes, SayWhatTheyMeanWhereTheyAriseAndWhoSaysSo) {
  const std::set<std::string_view> phases{
      "resolve", "tcp", "x224", "tls", "kerberos", "credssp", "rdstls", "authorization", "mcs",
      "channels", "security", "client_info", "licensing", "capabilities", "finalization",
      // and words where it is no phase
      "session", "client", "any"};
  for (const auto& code : all()) {
    EXPECT_FALSE(code.name.empty());
    EXPECT_TRUE(phases.contains(code.phase)) << code.name << ": " << code.phase;
    EXPECT_FALSE(code.source.empty()) << code.name;
    ASSERT_FALSE(code.meaning.empty()) << code.name;
    const bool is_sentence = code.meaning.ends_with('.') || code.meaning.ends_with(".)");
    EXPECT_TRUE(is_sentence) << code.meaning;
    for (const char c : code.meaning) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << code.meaning;
  }
}

TEST(Codes, HaveEachPublishedNameOncePerFamily) {
  for (const auto each : kFamilies) {
    std::set<std::string_view> names;
    for (const auto& code : family(each)) {
      if (name(each, code.value)) {
        EXPECT_TRUE(names.insert(code.name).second) << code.name;
      }
    }
  }
}

TEST(Codes, OfEveryFamilyHaveAFamilyName) {
  std::set<std::string_view> names;
  for (const auto each : kFamilies) EXPECT_TRUE(names.insert(name_of(each)).second);
}

// --- looking up ---

TEST(Lookup, FindsACodeInItsFamilyOnly) {
  const auto* code = find(Family::kMstsc, 0x904);
  ASSERT_NE(code, nullptr);
  EXPECT_EQ(code->name, "disconnectReasonAtClientWinsockFDCLOSE");
  EXPECT_EQ(find(Family::kErrorInfo, 0x904), nullptr);
  EXPECT_EQ(find(Family::kTlsAlert, 256 + 40), nullptr);
  EXPECT_EQ(find(Family::kMstsc, UINT32_MAX), nullptr);
}

TEST(Lookup, ReadsSevenAsThreeDifferentThings) {
  const auto found = readings(7);
  EXPECT_EQ(families_of(found),
            "mstsc extended error code, ERRINFO, Set Error Info PDU, licensing error code");
  for (const auto* code : found) {
    EXPECT_NE(code->meaning.find("7"), std::string_view::npos) << code->name;
  }
  EXPECT_NE(found[0]->meaning.find("ERRINFO 7"), std::string_view::npos);
  EXPECT_NE(found[0]->meaning.find("licensing 7"), std::string_view::npos);
  EXPECT_NE(found[2]->meaning.find("Success"), std::string_view::npos);
}

TEST(Lookup, ReadsAnNtStatusAlsoInTheDressOfAnHresult) {
  ASSERT_EQ(readings(0xC000006D).size(), 1u);
  EXPECT_EQ(readings(0xC000006D)[0]->name, "STATUS_LOGON_FAILURE");
  ASSERT_EQ(readings(0xD000006D).size(), 1u);
  EXPECT_EQ(readings(0xD000006D)[0]->name, "STATUS_LOGON_FAILURE");
}

TEST(Lookup, ReadsAnErrorInfoAlsoInTheDressOfFreerdp) {
  const auto found = readings(0x10007);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]->name, "ERRINFO_SERVER_DENIED_CONNECTION");
}

TEST(Lookup, FindsNothingForANumberThatNobodyUses) {
  EXPECT_TRUE(readings(0xDEADBEEF).empty());
  EXPECT_TRUE(named("").empty());
  EXPECT_TRUE(named("NO_SUCH_NAME").empty());
}

TEST(Lookup, FindsNamesWithAndWithoutPrefixInAnyCase) {
  EXPECT_EQ(families_of(named("HYBRID_REQUIRED_BY_SERVER")),
            "RDP_NEG_FAILURE failureCode, FreeRDP error");
  EXPECT_EQ(families_of(named("errconnect_hybrid_required_by_server")), "FreeRDP error");
  EXPECT_EQ(families_of(named("status_logon_failure")), "NTSTATUS");
  EXPECT_EQ(families_of(named("Logon_Failure")),
            "mstsc error code, NTSTATUS, RDSTLS result, FreeRDP error");
  EXPECT_EQ(families_of(named("serverDeniedConnection")), "mstsc extended error code");
  EXPECT_EQ(families_of(named("SERVER_DENIED_CONNECTION")), "ERRINFO, Set Error Info PDU");
  EXPECT_EQ(families_of(named("handshake_failure")), "TLS alert");
  EXPECT_EQ(families_of(named("schannel 36870")), "Windows event id");
}

TEST(Lookup, FindsTheSpecificationsSpellingAndFreerdps) {
  for (const auto* spelling :
       {"ERRINFO_CONFIRMACTIVEWRONGSHAREID", "CONFIRMACTIVEWRONGSHAREID",
        "ERRINFO_CONFIRM_ACTIVE_HAS_WRONG_SHAREID", "confirm_active_has_wrong_shareid"}) {
    const auto found = named(spelling);
    ASSERT_EQ(found.size(), 1u) << spelling;
    EXPECT_EQ(found[0]->value, 0x10D4u);
  }
  EXPECT_EQ(name(Family::kErrorInfo, 0x10D4), "ERRINFO_CONFIRMACTIVEWRONGSHAREID");
}

TEST(Lookup, GivesNoNameWhereNobodyPublishedOne) {
  EXPECT_EQ(name(Family::kMstsc, 0x507), std::nullopt);
  EXPECT_TRUE(named("no published name").empty());
  EXPECT_EQ(name(Family::kTlsAlert, 40), "handshake_failure");
  EXPECT_EQ(name(Family::kTlsAlert, 41), "no_certificate_RESERVED");
}

TEST(Lookup, SaysSoWhereNoMeaningIsKnown) {
  for (const std::uint32_t value : {0x507u, 0x607u, 0x2507u, 0x2607u, 0x2707u, 0x2807u}) {
    const auto* code = find(Family::kMstsc, value);
    ASSERT_NE(code, nullptr);
    EXPECT_TRUE(code->meaning.starts_with("No authoritative meaning is known"));
  }
}

TEST(Lookup, TellsTheRangeOfAnUnknownNumber) {
  EXPECT_TRUE(range_meaning(Family::kMstsc, 0x3000065)->starts_with("a code of the RD Gateway"));
  EXPECT_NE(range_meaning(Family::kMstsc, 0x2907)->find("TLS and CredSSP"), std::string::npos);
  EXPECT_NE(range_meaning(Family::kMstscExtended, 5000)->find("ERRINFO"), std::string::npos);
  EXPECT_EQ(range_meaning(Family::kMstsc, 0x90A), std::nullopt);
  EXPECT_EQ(range_meaning(Family::kMstscExtended, 40'000), std::nullopt);
  EXPECT_EQ(range_meaning(Family::kTlsAlert, 99), std::nullopt);
}

}  // namespace
}  // namespace rdpwhy::codes
