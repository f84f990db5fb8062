#include "rdpwhy/rdp/x224.h"

#include <gtest/gtest.h>

#include "rdp/rdp_oracles.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/tpkt.h"

namespace rdpwhy::rdp {
namespace {

// A TPDU from what stands behind LI; LI is right.
Bytes tpdu(std::string_view behind_li) {
  auto rest = base::parse_hex(behind_li).value();
  rest.insert(rest.begin(), static_cast<std::uint8_t>(rest.size()));
  return rest;
}

Bytes request_with(std::string_view variable_part) {
  Bytes bytes{0, 0xE0, 0, 0, 0, 0, 0};
  const auto rest = base::as_bytes(variable_part);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  bytes[0] = static_cast<std::uint8_t>(bytes.size() - 1);
  return bytes;
}

using std::string_literals::operator""s;
const auto kSslRequest = "\x01\x00\x08\x00\x01\x00\x00\x00"s;

std::string anomaly_fields(const Notes& notes) {
  std::string fields;
  for (const auto& note : notes.anomalies) fields += (fields.empty() ? "" : " ") + note.field;
  return fields;
}

// --- Connection Request ---

TEST(ConnectionRequest, OfAFullClientComesBackFromItsEncoding) {
  const ConnectionRequest request{
      .cookie = "Administr",
      .negotiation = NegotiationRequest{.flags = 0, .requested = {.bits = 0x0B}}};
  const auto bytes = encode(request);
  EXPECT_EQ(base::to_hex(bytes).substr(0, 14), "2ae00000000000");
  EXPECT_EQ(base::as_text(ByteSpan(bytes).subspan(7, 28)), "Cookie: mstshash=Administr\r\n");
  EXPECT_EQ(base::to_hex(ByteSpan(bytes).subspan(35)), "010008000b000000");
  EXPECT_EQ(variable_size(request), 36u);
  Notes notes;
  EXPECT_EQ(decode_connection_request(bytes, &notes), request);
  EXPECT_EQ(anomaly_fields(notes), "");
}

TEST(ConnectionRequest, MayEndBehindItsFixedPart) {
  Notes notes;
  const auto request = decode_connection_request(tpdu("e00000000000"), &notes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(*request, ConnectionRequest{});
  EXPECT_TRUE(notes.anomalies.empty());
}

TEST(ConnectionRequest, KeepsEveryOctetOfACookie) {
  for (const auto& cookie :
       {"JOHN-PC    "s, ""s, "CORP\\bob"s, "@@BooZeoy"s, "a\rb"s, "\xff\x00z"s, "mstshash="s}) {
    Notes notes;
    const auto request = decode_connection_request(
        request_with("Cookie: mstshash=" + cookie + "\r\n" + kSslRequest), &notes);
    ASSERT_TRUE(request.has_value()) << cookie;
    EXPECT_EQ(request->cookie, cookie);
    EXPECT_FALSE(request->routing_token.has_value());
    EXPECT_EQ(request->negotiation->requested.bits, 1u);
    EXPECT_TRUE(notes.anomalies.empty());
  }
}

TEST(ConnectionRequest, TakesAnyOtherLineAsARoutingToken) {
  for (const auto& token :
       {"Cookie: msts=3640205228.15629.0000"s, "tsv://MS Terminal Services Plugin.1.Farm"s,
        "Cookie: something else"s, "cookie: mstshash=lower"s, "mstshash=bare"s}) {
    Notes notes;
    const auto request =
        decode_connection_request(request_with(token + "\r\n" + kSslRequest), &notes);
    ASSERT_TRUE(request.has_value()) << token;
    EXPECT_EQ(request->routing_token, token);
    EXPECT_FALSE(request->cookie.has_value());
    EXPECT_TRUE(request->negotiation.has_value());
    EXPECT_TRUE(notes.anomalies.empty());
  }
}

TEST(ConnectionRequest, WithOnlyALineEndHasAnEmptyTokenAndSaysSo) {
  for (const auto& behind : {""s, kSslRequest}) {
    Notes notes;
    const auto request = decode_connection_request(request_with("\r\n" + behind), &notes);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->routing_token, "");
    EXPECT_EQ(request->negotiation.has_value(), !behind.empty());
    EXPECT_EQ(anomaly_fields(notes), "routingToken");
  }
}

TEST(ConnectionRequest, WithCookieAndTokenKeepsBothAndSaysSo) {
  for (const auto& lines : {"Cookie: msts=1.2.0000\r\nCookie: mstshash=bob\r\n"s,
                            "Cookie: mstshash=bob\r\nCookie: msts=1.2.0000\r\n"s}) {
    Notes notes;
    const auto request = decode_connection_request(request_with(lines + kSslRequest), &notes);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->cookie, "bob");
    EXPECT_EQ(request->routing_token, "Cookie: msts=1.2.0000");
    EXPECT_TRUE(request->negotiation.has_value());
    EXPECT_EQ(notes.anomalies.size(), 1u);
  }
}

TEST(ConnectionRequest, WithTwoCookiesKeepsTheFirstAndTellsTheSecond) {
  Notes notes;
  const auto request = decode_connection_request(
      request_with("Cookie: mstshash=bob\r\nCookie: mstshash=eve\x1b[2J\r\n"), &notes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->cookie, "bob");
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].text, "a further line: \"Cookie: mstshash=eve\\x1b[2J\"");
}

TEST(ConnectionRequest, WithALineThatNeverEndsIsAnError) {
  for (const auto& line : {"Cookie: mstshash=User"s, "Cookie: mstshash=User\n"s, "\r"s,
                           "Cookie: mstshash=User" + kSslRequest, "GET / HTTP/1.0\n\n"s}) {
    const auto request = decode_connection_request(request_with(line));
    ASSERT_FALSE(request.has_value()) << line;
    EXPECT_EQ(request.error().offset, 7u);
    EXPECT_NE(request.error().message().find("is not ended by CR LF"), std::string::npos);
  }
}

TEST(ConnectionRequest, KeepsUnknownProtocolAndFlagBits) {
  Notes notes;
  const auto request = decode_connection_request(tpdu("e00000000000 01f4080001ff00c0"), &notes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->negotiation->flags, 0xF4);
  EXPECT_EQ(request->negotiation->requested.bits, 0xC000FF01u);
  EXPECT_TRUE(notes.anomalies.empty());
}

TEST(ConnectionRequest, ReadsCorrelationInfo) {
  const ConnectionRequest request{
      .negotiation = NegotiationRequest{.flags = NegotiationRequest::kCorrelationInfoPresent,
                                        .requested = {.bits = 3}},
      .correlation = CorrelationInfo{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 14, 15, 16}}};
  const auto bytes = encode(request);
  EXPECT_EQ(bytes.size(), 7u + 8 + 36);
  Notes notes;
  EXPECT_EQ(decode_connection_request(bytes, &notes), request);
  EXPECT_EQ(anomaly_fields(notes), "");
}

TEST(ConnectionRequest, NotesWhatCorrelationInfoMustNotHold) {
  const auto notes_for = [](const char* id, const char* reserved, const char* head) {
    Notes notes;
    EXPECT_TRUE(decode_connection_request(
                    tpdu("e00000000000 01080800 03000000 "s + head + id + reserved), &notes)
                    .has_value());
    return anomaly_fields(notes);
  };
  const auto* good_id = "01020304050607080910111213141516";
  const auto* zeros = "00000000000000000000000000000000";
  const auto* head = "06002400";
  EXPECT_EQ(notes_for(good_id, zeros, head), "");
  EXPECT_EQ(notes_for("00020304050607080910111213141516", zeros, head), "correlationId");
  EXPECT_EQ(notes_for("f4020304050607080910111213141516", zeros, head), "correlationId");
  EXPECT_EQ(notes_for("010203040506070809101112130d1516", zeros, head), "correlationId");
  EXPECT_EQ(notes_for(good_id, "00000000000000000000000000000001", head), "reserved");
  EXPECT_EQ(notes_for(good_id, zeros, "06012400"), "flags");
  EXPECT_EQ(notes_for(good_id, zeros, "06002500"), "length");
}

TEST(ConnectionRequest, NotesWhenFlagAndCorrelationInfoDisagree) {
  Notes announced;
  EXPECT_TRUE(decode_connection_request(tpdu("e00000000000 0108080003000000"), &announced));
  EXPECT_EQ(anomaly_fields(announced), "flags");
  Notes unannounced;
  EXPECT_TRUE(decode_connection_request(
      tpdu("e00000000000 0100080003000000 06002400 01020304050607080910111213141516"
           "00000000000000000000000000000000"),
      &unannounced));
  EXPECT_EQ(anomaly_fields(unannounced), "flags");
}

TEST(ConnectionRequest, NotesWhatFollowsTheLastKnownField) {
  Notes notes;
  const auto request =
      decode_connection_request(tpdu("e00000000000 0100080003000000 05002400"), &notes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].offset, 15u);
}

TEST(ConnectionRequest, WithAnotherStructureWhereItsOwnBelongsIsAnError) {
  for (const auto* type : {"00", "02", "03", "04", "06", "1f"}) {
    EXPECT_FALSE(decode_connection_request(tpdu("e00000000000"s + type + "00080003000000")));
  }
}

TEST(ConnectionRequest, CutAnywhereInItsNegotiationIsAnErrorThatNamesTheField) {
  const auto whole = base::parse_hex("e00000000000 0100080003000000").value();
  for (std::size_t cut = 7; cut < whole.size(); ++cut) {
    const auto request = decode_connection_request(tpdu(base::to_hex(ByteSpan(whole).first(cut))));
    ASSERT_FALSE(request.has_value()) << cut;
    EXPECT_EQ(request.error().kind, DecodeError::Kind::kTruncated);
  }
  EXPECT_EQ(decode_connection_request(tpdu("e00000000000 010008000300")).error().message(),
            "requestedProtocols needs 4 bytes at offset 11, 2 left");
}

TEST(ConnectionRequest, CutInItsFixedPartIsAnError) {
  const auto whole = tpdu("e00000000000");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_FALSE(decode_connection_request(ByteSpan(whole).first(cut)).has_value()) << cut;
  }
}

TEST(ConnectionRequest, IsReadToTheEndOfTheTpktWhateverItsLengthSays) {
  for (const int li : {0, 6, 13, 15, 254, 255}) {
    auto bytes = tpdu("e00000000000 0100080003000000");
    bytes[0] = static_cast<std::uint8_t>(li);
    Notes notes;
    const auto request = decode_connection_request(bytes, &notes);
    ASSERT_TRUE(request.has_value()) << li;
    EXPECT_EQ(request->negotiation->requested.bits, 3u);
    EXPECT_EQ(anomaly_fields(notes), "LI");
    EXPECT_EQ(notes.anomalies[0].offset, 0u);
  }
}

TEST(ConnectionRequest, LongerThanItsLengthCanSayIsStillRead) {
  auto bytes = request_with("Cookie: mstshash=" + std::string(2000, 'x') + "\r\n" + kSslRequest);
  Notes notes;
  const auto request = decode_connection_request(bytes, &notes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->cookie->size(), 2000u);
  EXPECT_TRUE(request->negotiation.has_value());
  EXPECT_EQ(anomaly_fields(notes), "LI");
}

TEST(ConnectionRequest, OfAnotherProtocolOverIsoTransportKeepsItsParameters) {
  Notes notes;
  const auto request =
      decode_connection_request(tpdu("e00000000100 c0010a c1020100 c2020102"), &notes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->src_ref, 1u);
  EXPECT_EQ(base::to_hex(request->parameters), "c0010ac1020100c2020102");
  EXPECT_EQ(anomaly_fields(notes), "parameters");
  EXPECT_EQ(encode(*request), tpdu("e00000000100 c0010a c1020100 c2020102"));
  EXPECT_FALSE(decode_connection_request(tpdu("e00000000100 c0050a c102")).has_value());
}

TEST(ConnectionRequest, NotesAFixedPartThatNoClientSends) {
  Notes notes;
  const auto request = decode_connection_request(tpdu("e10001123440"), &notes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->dst_ref, 1u);
  EXPECT_EQ(request->src_ref, 0x1234u);
  EXPECT_EQ(request->class_option, 0x40u);
  EXPECT_EQ(anomaly_fields(notes), "TPDU code DST-REF CLASS OPTION");
}

TEST(ConnectionRequest, IsNoConfirm) {
  EXPECT_FALSE(decode_connection_request(tpdu("d00000123400")).has_value());
}

TEST(ConnectionRequest, FillsItsLengthToTheLastOctet) {
  const auto overhead = std::string("Cookie: mstshash=\r\n").size();
  const ConnectionRequest request{
      .cookie = std::string(ConnectionRequest::kMostVariableOctets - overhead, 'x')};
  EXPECT_EQ(variable_size(request), ConnectionRequest::kMostVariableOctets);
  const auto bytes = encode(request);
  EXPECT_EQ(bytes[0], 254u);
  Notes notes;
  EXPECT_EQ(decode_connection_request(bytes, &notes), request);
  EXPECT_TRUE(notes.anomalies.empty());
}

TEST(ConnectionRequest, OfTheLargestTpktFullOfLinesIsReadInOnePass) {
  std::string lines;
  while (lines.size() + 4 < 65'000) lines += "\x80\x02\r\n";  // each could be a parameter
  lines += "\x80\xff\r\n";                                    // all together are none
  Notes notes;
  const auto request = decode_connection_request(request_with(lines), &notes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->routing_token, "\x80\x02");
  EXPECT_TRUE(request->parameters.empty());
}

// --- Connection Confirm ---

TEST(ConnectionConfirm, WithoutNegotiationBlockMeansStandardSecurity) {
  Notes notes;
  const auto confirm = decode_connection_confirm(tpdu("d00000123400"), &notes);
  ASSERT_TRUE(confirm.has_value());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(confirm->negotiation));
  EXPECT_EQ(confirm->src_ref, 0x1234u);
  EXPECT_TRUE(notes.anomalies.empty());
  EXPECT_EQ(encode(*confirm), tpdu("d00000123400"));
}

TEST(ConnectionConfirm, WithResponseSelectsAProtocol) {
  const auto bytes = tpdu("d00000123400 021f080008000000");
  Notes notes;
  const auto confirm = decode_connection_confirm(bytes, &notes);
  ASSERT_TRUE(confirm.has_value());
  ASSERT_NE(confirm->response(), nullptr);
  EXPECT_EQ(confirm->failure(), nullptr);
  EXPECT_EQ(confirm->response()->flags, 0x1Fu);
  EXPECT_EQ(confirm->response()->selected_protocol, 8u);
  EXPECT_TRUE(notes.anomalies.empty());
  EXPECT_EQ(encode(*confirm), bytes);
}

TEST(ConnectionConfirm, WithFailureGivesItsCode) {
  const auto bytes = tpdu("d00000123400 0300080005000000");
  Notes notes;
  const auto confirm = decode_connection_confirm(bytes, &notes);
  ASSERT_TRUE(confirm.has_value());
  ASSERT_NE(confirm->failure(), nullptr);
  EXPECT_EQ(confirm->failure()->failure_code, 5u);
  EXPECT_TRUE(notes.anomalies.empty());
  EXPECT_EQ(encode(*confirm), bytes);
}

TEST(ConnectionConfirm, WithAWrongInnerLengthIsReadAndReported) {
  Notes notes;
  const auto confirm = decode_connection_confirm(tpdu("d00000123400 0203000001000002"), &notes);
  ASSERT_TRUE(confirm.has_value());
  EXPECT_EQ(confirm->response()->selected_protocol, 0x02000001u);
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0], (Note{9, "length", "is 0 and has to be 8"}));
}

TEST(ConnectionConfirm, NotesFlagsOnAFailure) {
  Notes notes;
  EXPECT_TRUE(decode_connection_confirm(tpdu("d00000123400 0301080005000000"), &notes));
  EXPECT_EQ(anomaly_fields(notes), "flags");
}

TEST(ConnectionConfirm, WithAnUnknownStructureIsAnError) {
  for (const auto* type : {"00", "01", "04", "06", "7f"}) {
    const auto confirm = decode_connection_confirm(tpdu("d00000123400"s + type + "1f080002000000"));
    ASSERT_FALSE(confirm.has_value()) << type;
    EXPECT_EQ(confirm.error().field, "type");
    EXPECT_EQ(confirm.error().offset, 7u);
  }
}

TEST(ConnectionConfirm, CutInItsNegotiationSaysWhatIsMissing) {
  const auto confirm = decode_connection_confirm(tpdu("d00000123400 020008000100"));
  ASSERT_FALSE(confirm.has_value());
  EXPECT_EQ(confirm.error().message(), "selectedProtocol needs 4 bytes at offset 11, 2 left");
}

TEST(ConnectionConfirm, NotesWhatFollowsItsNegotiation) {
  Notes notes;
  const auto confirm =
      decode_connection_confirm(tpdu("d00000123400 0200080001000000 0102"), &notes);
  ASSERT_TRUE(confirm.has_value());
  EXPECT_EQ(confirm->response()->selected_protocol, 1u);
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].text, "2 octets behind the last known field");
}

// --- the other TPDUs ---

TEST(DisconnectRequest, GivesItsReason) {
  const auto bytes = tpdu("80 0102 0304 85");
  const auto request = decode_disconnect_request(bytes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(*request, (DisconnectRequest{.dst_ref = 0x0102, .src_ref = 0x0304, .reason = 0x85}));
  EXPECT_EQ(encode(*request), bytes);
  EXPECT_FALSE(decode_disconnect_request(tpdu("80 0102 0304")).has_value());
}

TEST(DisconnectProviderUltimatum, HasItsReasonSplitOverTwoOctets) {
  struct Case {
    const char* hex;
    std::uint8_t reason;
    const char* name;
  };
  for (const auto& [hex, reason, name] :
       {Case{"02f0802000", 0, "rn-domain-disconnected"},
        Case{"02f0802080", 1, "rn-provider-initiated"}, Case{"02f0802100", 2, "rn-token-purged"},
        Case{"02f0802180", 3, "rn-user-requested"}, Case{"02f0802200", 4, "rn-channel-purged"}}) {
    const auto bytes = base::parse_hex(hex).value();
    Notes notes;
    const auto decoded = decode_tpdu(bytes, &notes);
    ASSERT_TRUE(decoded.has_value());
    const auto* ultimatum = std::get_if<DisconnectProviderUltimatum>(&*decoded);
    ASSERT_NE(ultimatum, nullptr) << hex;
    EXPECT_EQ(ultimatum->reason, reason);
    EXPECT_EQ(disconnect_reason_name(reason), name);
    EXPECT_TRUE(notes.anomalies.empty());
    EXPECT_EQ(encode_data_tpdu(encode(*ultimatum)), bytes);
  }
}

TEST(DisconnectProviderUltimatum, NotesReasonsAndOctetsThatDoNotBelong) {
  for (const auto* hex : {"02f0802380", "02f0802181", "02f080218000"}) {
    Notes notes;
    const auto decoded = decode_tpdu(base::parse_hex(hex).value(), &notes);
    ASSERT_TRUE(decoded.has_value()) << hex;
    EXPECT_TRUE(std::holds_alternative<DisconnectProviderUltimatum>(*decoded));
    EXPECT_EQ(notes.anomalies.size(), 1u) << hex;
  }
  EXPECT_EQ(disconnect_reason_name(7), "7");
}

TEST(DataTpdu, KeepsItsSizeAndFirstOctets) {
  Bytes bytes{2, 0xF0, 0x80};
  for (int i = 0; i < 100; ++i) bytes.push_back(static_cast<std::uint8_t>(0x64 + i));
  const auto decoded = decode_tpdu(bytes);
  ASSERT_TRUE(decoded.has_value());
  const auto* data = std::get_if<DataTpdu>(&*decoded);
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(data->size, 100u);
  ASSERT_EQ(data->first.size(), 16u);
  EXPECT_EQ(data->first[15], 0x73u);
}

TEST(DataTpdu, StandsAroundItsUserData) {
  EXPECT_EQ(base::to_hex(encode_data_tpdu(base::parse_hex("28").value())), "02f08028");
}

TEST(DataTpdu, MayBeEmptyOrShort) {
  for (const auto* hex : {"02f080", "02f08021", "02f0807f65"}) {
    const auto bytes = base::parse_hex(hex).value();
    const auto decoded = decode_tpdu(bytes);
    ASSERT_TRUE(decoded.has_value()) << hex;
    EXPECT_EQ(std::get<DataTpdu>(*decoded).size, bytes.size() - 3);
  }
}

TEST(DataTpdu, NotesAHeaderThatClassZeroDoesNotHave) {
  Notes notes;
  const auto decoded = decode_tpdu(base::parse_hex("03f0000064").value(), &notes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(std::get<DataTpdu>(*decoded).size, 1u);
  EXPECT_EQ(anomaly_fields(notes), "LI EOT");
}

TEST(DataTpdu, WithAHeaderBeyondItsEndIsAnError) {
  for (const auto* hex : {"02f0", "01f080", "00f080", "03f080", "fff08064"}) {
    EXPECT_FALSE(decode_tpdu(base::parse_hex(hex).value()).has_value()) << hex;
  }
}

TEST(Tpdu, IsReadByItsCode) {
  EXPECT_TRUE(std::holds_alternative<ConnectionRequest>(*decode_tpdu(tpdu("e00000000000"))));
  EXPECT_TRUE(std::holds_alternative<ConnectionConfirm>(*decode_tpdu(tpdu("d00000000000"))));
  EXPECT_TRUE(std::holds_alternative<DisconnectRequest>(*decode_tpdu(tpdu("800000000000"))));
}

TEST(Tpdu, WithACodeThatRdpDoesNotUseIsAnError) {
  for (int code = 0; code < 256; code += 16) {
    if (code == 0xE0 || code == 0xD0 || code == 0x80 || code == 0xF0) continue;
    const auto decoded = decode_tpdu(Bytes{6, static_cast<std::uint8_t>(code), 0, 0, 0, 0, 0});
    ASSERT_FALSE(decoded.has_value()) << code;
    EXPECT_EQ(decoded.error().field, "TPDU code");
    EXPECT_EQ(decoded.error().offset, 1u);
  }
  EXPECT_EQ(decode_tpdu({}).error().message(), "LI needs 1 byte at offset 0, 0 left");
  EXPECT_EQ(decode_tpdu(Bytes{6}).error().message(), "TPDU code needs 1 byte at offset 1, 0 left");
}

// --- TPKT ---

TEST(Tpkt, HeaderIsReadAsItIs) {
  EXPECT_EQ(decode_tpkt_header(Bytes{3, 0, 0x01, 0x13, 0xFF}),
            (TpktHeader{.version = 3, .reserved = 0, .length = 0x113}));
  EXPECT_EQ(decode_tpkt_header(Bytes{0x16, 3, 1, 0}),
            (TpktHeader{.version = 0x16, .reserved = 3, .length = 0x100}));
  EXPECT_FALSE(decode_tpkt_header(Bytes{3, 0, 0}).has_value());
}

TEST(Tpkt, LengthCountsItsHeader) {
  EXPECT_EQ(encode_tpkt(Bytes{2, 0xF0, 0x80}), (Bytes{3, 0, 0, 7, 2, 0xF0, 0x80}));
  EXPECT_EQ(encode_tpkt(Bytes(65'531)).size(), 65'535u);
}

// --- names ---

TEST(Negotiation, ProtocolsAreNamedInBitOrder) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(protocol_names({0}), Names{});
  EXPECT_EQ(protocol_names({0x1F}), (Names{"SSL", "HYBRID", "RDSTLS", "HYBRID_EX", "RDSAAD"}));
  EXPECT_EQ(protocol_names({0x0B}), (Names{"SSL", "HYBRID", "HYBRID_EX"}));
  EXPECT_EQ(protocol_names({0x80000061}), (Names{"SSL", "0x80000060"}));
  EXPECT_EQ(selected_protocol_name(0), "RDP");
  EXPECT_EQ(selected_protocol_name(2), "HYBRID");
  EXPECT_EQ(selected_protocol_name(0x10), "RDSAAD");
  EXPECT_EQ(selected_protocol_name(3), "0x00000003");
  EXPECT_EQ(selected_protocol_name(0x02000001), "0x02000001");
}

TEST(Negotiation, FlagsHaveTheSpecificationsNames) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(request_flag_names(0x0B),
            (Names{"RESTRICTED_ADMIN_MODE_REQUIRED", "REDIRECTED_AUTHENTICATION_MODE_REQUIRED",
                   "CORRELATION_INFO_PRESENT"}));
  EXPECT_EQ(request_flag_names(0x84), Names{"0x84"});
  EXPECT_EQ(response_flag_names(0x1F),
            (Names{"EXTENDED_CLIENT_DATA_SUPPORTED", "DYNVC_GFX_PROTOCOL_SUPPORTED",
                   "NEGRSP_FLAG_RESERVED", "RESTRICTED_ADMIN_MODE_SUPPORTED",
                   "REDIRECTED_AUTHENTICATION_MODE_SUPPORTED"}));
  EXPECT_EQ(response_flag_names(0x21), (Names{"EXTENDED_CLIENT_DATA_SUPPORTED", "0x20"}));
  EXPECT_EQ(response_flag_names(0), Names{});
}

TEST(Negotiation, FailureCodesHaveTheSpecificationsNames) {
  EXPECT_EQ(failure_code_name(1), "SSL_REQUIRED_BY_SERVER");
  EXPECT_EQ(failure_code_name(2), "SSL_NOT_ALLOWED_BY_SERVER");
  EXPECT_EQ(failure_code_name(3), "SSL_CERT_NOT_ON_SERVER");
  EXPECT_EQ(failure_code_name(4), "INCONSISTENT_FLAGS");
  EXPECT_EQ(failure_code_name(5), "HYBRID_REQUIRED_BY_SERVER");
  EXPECT_EQ(failure_code_name(6), "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER");
  EXPECT_EQ(failure_code_name(0), std::nullopt);
  EXPECT_EQ(failure_code_name(7), std::nullopt);
}

// --- hostile octets ---

std::vector<Bytes> seeds() {
  return {request_with("Cookie: mstshash=Administr\r\n" + kSslRequest),
          request_with("Cookie: msts=1.2.0000\r\n" + kSslRequest),
          tpdu("e00000000000 0108080003000000 06002400 01020304050607080910111213141516"
               "00000000000000000000000000000000"),
          tpdu("d00000123400 021f080008000000"),
          tpdu("d00000123400 0300080005000000"),
          tpdu("d00000123400"),
          tpdu("80 0102 0304 85"),
          base::parse_hex("02f0802180").value(),
          base::parse_hex("02f0807f65820194040101040101").value()};
}

TEST(HostileTpdu, CutAnywhereBreaksNoInvariant) {
  for (const auto& seed : seeds()) {
    for (std::size_t cut = 0; cut <= seed.size(); ++cut) {
      oracle::check_x224(ByteSpan(seed).first(cut));
      oracle::check_tpkt(encode_tpkt(ByteSpan(seed).first(cut)));
      oracle::check_tpkt(ByteSpan(encode_tpkt(seed)).first(cut));
    }
  }
}

TEST(HostileTpdu, WithAnyOneOctetChangedBreaksNoInvariant) {
  for (const auto& seed : seeds()) {
    for (std::size_t at = 0; at < seed.size(); ++at) {
      auto damaged = seed;
      for (int bit = 0; bit < 8; ++bit) {
        damaged[at] = static_cast<std::uint8_t>(seed[at] ^ 1 << bit);
        oracle::check_x224(damaged);
      }
      for (const int value : {0x00, 0x06, 0x0A, 0x0D, 0x7F, 0x80, 0xC1, 0xFF}) {
        damaged[at] = static_cast<std::uint8_t>(value);
        oracle::check_x224(damaged);
      }
    }
    auto framed = encode_tpkt(seed);
    for (std::size_t at = 0; at < framed.size(); ++at) {
      for (const int value : {0x00, 0x01, 0x03, 0x0A, 0x0D, 0x7F, 0x80, 0xFF}) {
        auto damaged = framed;
        damaged[at] = static_cast<std::uint8_t>(value);
        oracle::check_tpkt(damaged);
      }
    }
  }
}

TEST(HostileTpdu, MadeOfPseudoRandomOctetsBreaksNoInvariant) {
  std::uint64_t state = 0x9E3779B97F4A7C15;
  const auto next = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  constexpr std::uint8_t kCodes[] = {0xE0, 0xD0, 0x80, 0xF0};
  for (int round = 0; round < 3'000; ++round) {
    Bytes bytes(next() % 64);
    for (auto& octet : bytes) octet = static_cast<std::uint8_t>(next() & 0xFF);
    if (bytes.size() > 1) bytes[1] = kCodes[next() % 4];
    if (bytes.size() > 7 && round % 2 == 0) bytes[7] = static_cast<std::uint8_t>(next() % 8);
    oracle::check_x224(bytes);
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
