#include "rdpwhy/rdp/annotate.h"

#include <gtest/gtest.h>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/server_certificate.h"
#include "rdpwhy/rdp/tpkt.h"

namespace rdpwhy::rdp {
namespace {

Bytes octets(std::string_view hex) { return base::parse_hex(hex).value(); }

TEST(Annotation, OfARequestNamesEveryField) {
  EXPECT_EQ(annotated_text(octets("0300 0024 1f e0 0000 0000 00"
                                  "436f6f6b69653a206d7374733d31 32 0d0a"
                                  "01 01 0800 0b000040")),
            "X.224 Connection Request, 36 octets\n"
            "   0                           TPKT\n"
            "   0  03                         version: 0x03\n"
            "   1  00                         reserved: 0x00\n"
            "   2  00 24                      length: 36 octets, these four included\n"
            "   4                           TPDU\n"
            "   4  1f                         LI: 31 octets follow\n"
            "   5  e0                         TPDU code: 0xe0 CR, Connection Request\n"
            "   6  00 00                      DST-REF: 0x0000\n"
            "   8  00 00                      SRC-REF: 0x0000\n"
            "  10  00                         CLASS OPTION: 0x00\n"
            "  11  43 6f 6f 6b 69 65 3a 20    routingToken: \"Cookie: msts=12\"\n"
            "  19  6d 73 74 73 3d 31 32\n"
            "  26  0d 0a                      CR LF\n"
            "  28                             rdpNegReq\n"
            "  28  01                           type: 0x01 RDP_NEG_REQ\n"
            "  29  01                           flags: 0x01 RESTRICTED_ADMIN_MODE_REQUIRED\n"
            "  30  08 00                        length: 8\n"
            "  32  0b 00 00 40                  requestedProtocols: 0x4000000b SSL | HYBRID | "
            "HYBRID_EX | 0x40000000\n");
}

TEST(Annotation, OfAConfirmSaysWhatItAnswers) {
  const auto failure = annotated_text(octets("03000013 0e d0 0000 1234 00 03 00 0800 05000000"));
  EXPECT_TRUE(failure.starts_with("X.224 Connection Confirm with RDP_NEG_FAILURE, 19 octets\n"));
  EXPECT_NE(failure.find("failureCode: 0x00000005 HYBRID_REQUIRED_BY_SERVER\n"), std::string::npos);
  const auto response = annotated_text(octets("03000013 0e d0 0000 1234 00 02 1f 0800 08000000"));
  EXPECT_TRUE(response.starts_with("X.224 Connection Confirm with RDP_NEG_RSP, 19 octets\n"));
  EXPECT_NE(response.find("selectedProtocol: 0x00000008 HYBRID_EX\n"), std::string::npos);
  EXPECT_TRUE(annotated_text(octets("0300000b 06 d0 0000 1234 00"))
                  .starts_with("X.224 Connection Confirm without negotiation data, 11 octets\n"));
}

TEST(Annotation, ShowsWhatIsOddAndWhere) {
  const auto pdu = annotate(octets("03000013 0e d0 0000 1234 00 02 03 0000 01000002"));
  EXPECT_FALSE(pdu.error.has_value());
  ASSERT_EQ(pdu.anomalies.size(), 1u);
  EXPECT_EQ(pdu.anomalies[0], (Note{13, "length", "is 0 and has to be 8"}));
  EXPECT_TRUE(annotated_text(octets("03000013 0e d0 0000 1234 00 02 03 0000 01000002"))
                  .ends_with("odd: length is 0 and has to be 8 (offset 13)\n"));
}

TEST(Annotation, GivesTheOffsetOfAnErrorFromTheTpktOn) {
  const auto text = annotated_text(octets("03000011 0e d0 0000 1234 00 02 00 0800 0100"));
  EXPECT_TRUE(text.starts_with("TPKT with a TPDU that cannot be read, 17 octets\n"));
  EXPECT_NE(text.find("  15  01 00                    (not decoded)\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("error: selectedProtocol needs 4 bytes at offset 15, 2 left\n"));
}

TEST(Annotation, OfACutTpktShowsWhatIsThere) {
  const auto text = annotated_text(octets("03000013 0e d0 0000"));
  EXPECT_TRUE(text.starts_with("TPKT that is cut off, 8 octets\n"));
  EXPECT_NE(text.find("DST-REF: 0x0000"), std::string::npos);
  EXPECT_TRUE(text.ends_with("error: TPDU needs 15 bytes at offset 4, 4 left\n"));
}

TEST(Annotation, OfAHeaderAloneOrLessSaysWhatIsMissing) {
  EXPECT_TRUE(annotated_text(octets("0300"))
                  .ends_with("error: length needs 2 bytes at offset 2, 0 left\n"));
  EXPECT_TRUE(annotated_text(octets("03000013"))
                  .ends_with("error: TPDU needs 15 bytes at offset 4, 0 left\n"));
  EXPECT_TRUE(annotated_text(octets("03000004"))
                  .ends_with("error: length: leaves no room for a TPDU (offset 2)\n"));
  EXPECT_EQ(annotated_text(ByteSpan{}),
            "no TPKT, 0 octets\n"
            "   0                           TPKT\n"
            "error: version needs 1 byte at offset 0, 0 left\n");
}

TEST(Annotation, OfSomethingElseSaysThatItIsNoTpkt) {
  const auto text = annotated_text(base::as_bytes("SSH-2.0-OpenSSH_9.2p1\r\n"));
  EXPECT_TRUE(text.starts_with("no TPKT, 23 octets\n"));
  EXPECT_TRUE(
      text.ends_with("error: version: 0x53 is not 3, the version of every TPKT (offset 0)\n"));
}

TEST(Annotation, GoesThroughSeveralPdusToWhatIsNone) {
  auto bytes = octets("0300000b 06 d0 0000 1234 00");
  const auto ultimatum = octets("03000009 02 f0 80 21 80");
  bytes.insert(bytes.end(), ultimatum.begin(), ultimatum.end());
  const auto alert = octets("15 0303 0002 0228");
  bytes.insert(bytes.end(), alert.begin(), alert.end());
  const auto text = annotated_text(bytes);
  EXPECT_TRUE(text.starts_with("X.224 Connection Confirm without negotiation data, 11 octets\n"));
  EXPECT_NE(text.find("\n\nMCS Disconnect Provider Ultimatum in an X.224 Data TPDU, 9 octets\n"),
            std::string::npos);
  EXPECT_NE(text.find("reason: rn-user-requested\n"), std::string::npos);
  EXPECT_NE(text.find("\n\nno TPKT any more, 7 octets\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("   0  15 03 03 00 02 02 28     (not decoded)\n"));
}

TEST(Annotation, OfUserDataThatIsNoMcsSaysSo) {
  const auto text = annotated_text(octets("0300000c 02 f0 80 7f 65 82 01 94"));
  EXPECT_TRUE(text.starts_with("X.224 Data TPDU, with user data that cannot be read, 12 octets\n"));
  EXPECT_TRUE(text.ends_with("error: Connect-Initial needs 404 bytes at offset 12, 0 left\n"));
}

TEST(Annotation, OfAnMcsConnectResponseGoesDownToItsBlocks) {
  const auto text = annotated_text(octets(
      "03000068 02 f0 80 7f66 5e 0a0100 020100 301a 020122 020103 020100 020101 020100 020101"
      "020300fff8 020102 043a 00 0500147c0001 2a 14 760a 0101 00 01 c000 4d63446e 24"
      "010c 1000 04000800 01000000 01000000  030c 0800 eb03 0000  020c 0c00 00000000 00000000"));
  EXPECT_TRUE(text.starts_with("MCS Connect-Response in an X.224 Data TPDU, 104 octets\n"));
  for (const auto* line :
       {"result: 0 rt-successful\n", "maxMCSPDUsize: 65528\n", "nodeID: 31219\n",
        "h221NonStandard: \"McDn\"\n", "version: 0x00080004 RDP 5.0 to 8.1\n",
        "MCSChannelId: 1003\n", "encryptionMethod: 0x00000000 ENCRYPTION_METHOD_NONE\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  EXPECT_EQ(text.find("odd:"), std::string::npos) << text;
  EXPECT_EQ(text.find("error:"), std::string::npos) << text;
}

TEST(Annotation, GoesIntoWhatASendDataPduCarries) {
  const auto text =
      annotated_text(octets("03000025 02f080 68 0001 03eb 70 8016"
                            "1600 1700 ea03 ea030100 00 01 0000 2f 00 0000 07000000"));
  EXPECT_TRUE(text.starts_with(
      "PDUTYPE_DATAPDU PDUTYPE2_SET_ERROR_INFO_PDU in an MCS Send Data Indication, 37 octets\n"))
      << text;
  EXPECT_NE(text.find("errorInfo: 0x00000007 ERRINFO_SERVER_DENIED_CONNECTION\n"),
            std::string::npos)
      << text;
}

TEST(Annotation, ReadsWhatFollowsASecurityHeader) {
  const auto text = annotated_text(octets("0010 0000 06 00 0100 0110"));
  EXPECT_TRUE(text.starts_with("auto-detect PDU, 10 octets\n")) << text;
  EXPECT_NE(text.find("flags: 0x1000 SEC_AUTODETECT_REQ\n"), std::string::npos) << text;
  EXPECT_NE(text.find("requestType: 0x1001 RTT Measure Request\n"), std::string::npos) << text;
}

TEST(Annotation, LeavesWhatIsEncryptedClosed) {
  const auto text = annotated_text(octets("4800 0000 0102030405060708 aabbcc"));
  EXPECT_TRUE(text.starts_with("PDU under Standard RDP Security, 15 octets\n")) << text;
  EXPECT_NE(text.find("signature and encrypted data"), std::string::npos) << text;
}

ServerCertificate a_proprietary_one() {
  ProprietaryServerCertificate form;
  form.public_key = {.bit_length = 512, .data_length = 63, .public_exponent = 65537};
  form.public_key.modulus = Bytes(64, 0xAB);
  form.public_key.modulus.resize(72);
  form.signature = Bytes(64, 0xCD);
  form.signature.resize(72);
  return {.form = form};
}

ServerCertificate a_chain() {
  Bytes der = {0x30, 0x82, 0x00, 0x04, 1, 2, 3, 4};
  return {.is_temporary = true, .form = X509CertificateChain{{der, der}}};
}

void expect_in_order(const std::string& text, std::initializer_list<const char*> lines) {
  std::size_t from = 0;
  for (const auto* line : lines) {
    const auto at = text.find(line, from);
    ASSERT_NE(at, std::string::npos) << line << "\n" << text;
    from = at;
  }
}

TEST(Annotation, OfAServerCertificateAloneKnowsBothForms) {
  const auto proprietary = annotated_text(encode(a_proprietary_one()));
  EXPECT_TRUE(proprietary.starts_with("proprietary server certificate, 184 octets\n"))
      << proprietary;
  expect_in_order(proprietary, {"dwVersion: CERT_CHAIN_VERSION_1, proprietary\n", "dwSigAlgId",
                                "bitlen", "pubExp: 65537\n", "modulus", "SignatureBlob"});
  const auto chain = annotated_text(encode(a_chain()));
  EXPECT_TRUE(chain.starts_with("X.509 server certificate chain, ")) << chain;
  expect_in_order(chain, {"dwVersion: CERT_CHAIN_VERSION_2, X.509, temporary\n", "NumCertBlobs",
                          "abCert", "Padding"});
  for (const auto& text : {proprietary, chain}) {
    EXPECT_EQ(text.find("error:"), std::string::npos) << text;
    EXPECT_EQ(text.find("odd:"), std::string::npos) << text;
  }
}

TEST(Annotation, ACutServerCertificateSaysWhatIsMissing) {
  auto cut = encode(a_proprietary_one());
  cut.resize(60);
  const auto text = annotated_text(cut);
  EXPECT_TRUE(text.starts_with("server certificate that cannot be read, 60 octets\n")) << text;
  EXPECT_NE(text.find("error:"), std::string::npos) << text;
}

TEST(Annotation, OfASecurityExchangeNamesTheClientRandom) {
  auto pdu = octets("0100 0000 48000000");
  pdu.resize(8 + 64, 0x5A);
  pdu.resize(8 + 72);
  const auto text = annotated_text(pdu);
  EXPECT_TRUE(text.starts_with("Security Exchange PDU, 80 octets\n")) << text;
  expect_in_order(text, {"flags: 0x0001 SEC_EXCHANGE_PKT\n", "encryptedClientRandom"});
  EXPECT_EQ(text.find("error:"), std::string::npos) << text;
}

Bytes licence_request_with(Bytes certificate) {
  LicenseRequest request;
  request.product = {.version = 0x00060000, .company_name = "C", .product_id = "A02"};
  request.key_exchange_algorithms = {1};
  request.server_certificate = {3, std::move(certificate)};
  request.scopes = {"scope"};
  LicensingPdu pdu{.type = static_cast<std::uint8_t>(LicensingType::kLicenseRequest),
                   .message = request};
  auto out = octets("8000 0000");
  const auto body = encode(pdu);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

TEST(Annotation, OfALicenceRequestGoesIntoItsCertificate) {
  const auto text = annotated_text(licence_request_with(encode(a_proprietary_one())));
  EXPECT_TRUE(text.starts_with("licensing PDU, ")) << text;
  expect_in_order(text, {"ServerCertificate", "dwVersion: CERT_CHAIN_VERSION_1, proprietary\n",
                         "modulus", "ScopeCount: 1\n", "Scope"});
  EXPECT_EQ(text.find("error:"), std::string::npos) << text;
  const auto strange = annotated_text(licence_request_with({9, 9, 9, 9, 9}));
  EXPECT_NE(strange.find("odd: ServerCertificate cannot be read: dwVersion"), std::string::npos)
      << strange;
  EXPECT_EQ(strange.find("error:"), std::string::npos) << strange;
}

TEST(Annotation, OfADatagramKnowsASyn) {
  const auto text = annotated_text(octets("00000042 0400 0005 00000042 04d0 04d0"));
  EXPECT_TRUE(text.starts_with("RDP-UDP SYN and ACK datagram, 16 octets\n")) << text;
}

}  // namespace
}  // namespace rdpwhy::rdp
