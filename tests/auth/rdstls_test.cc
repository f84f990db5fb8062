#include "rdpwhy/auth/rdstls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/messages.h"
#include "auth/octets.h"

namespace rdpwhy::auth {
namespace {

using testing::IsEmpty;

template <typename Pdu>
Pdu read(const Bytes& octets, Notes* notes = nullptr) {
  const auto pdu = decode_rdstls(octets, notes);
  EXPECT_TRUE(pdu) << (pdu ? "" : pdu.error().message());
  if (!pdu || !std::holds_alternative<Pdu>(*pdu)) {
    ADD_FAILURE() << "another PDU";
    return {};
  }
  return std::get<Pdu>(*pdu);
}

TEST(Rdstls, CapabilitiesAreReadAndWritten) {
  const auto octets = from_hex("0100 0100 0100 0100");
  const auto pdu = read<RdstlsCapabilities>(octets);
  EXPECT_EQ(pdu.supported_versions, 1);
  EXPECT_EQ(encode(pdu), octets);
  EXPECT_EQ(rdstls_pdu_size(octets), 8u);
}

TEST(Rdstls, PasswordRequestIsReadWithoutItsSecretAndWritten) {
  Notes notes;
  const auto octets = rdstls_password_request();
  const auto pdu = read<RdstlsAuthenticationRequest>(octets, &notes);
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  EXPECT_EQ(pdu, (RdstlsAuthenticationRequest{.data_type = 1,
                                              .redirection_guid = "A=",
                                              .user_name = "user",
                                              .domain = "D",
                                              .secret_size = 3}));
  const auto written = encode(pdu, Secret(from_hex("aabbcc")));
  EXPECT_EQ(base::to_hex(written.reveal()), base::to_hex(octets));
}

TEST(Rdstls, CookieRequestIsReadAndWritten) {
  const auto octets = rdstls_cookie_request();
  const auto pdu = read<RdstlsAuthenticationRequest>(octets);
  EXPECT_EQ(pdu, (RdstlsAuthenticationRequest{
                     .data_type = 2, .secret_size = 4, .session_id = 0x12345678}));
  const auto written = encode(pdu, Secret(from_hex("aabbccdd")));
  EXPECT_EQ(base::to_hex(written.reveal()), base::to_hex(octets));
}

TEST(Rdstls, ResponseIsReadAndWritten) {
  const auto octets = from_hex("0100 0400 0100 2e050000");
  const auto pdu = read<RdstlsAuthenticationResponse>(octets);
  EXPECT_EQ(pdu.result_code, 0x52Eu);
  EXPECT_EQ(rdstls_result_name(pdu.result_code), "RDSTLS_RESULT_LOGON_FAILURE");
  EXPECT_EQ(rdstls_result_name(0x12345), std::nullopt);
  EXPECT_EQ(encode(pdu), octets);
}

TEST(Rdstls, SizeIsKnownWhenTheLastLengthIs) {
  for (const auto& octets :
       {rdstls_password_request(), rdstls_cookie_request(), from_hex("0100 0400 0100 2e050000")}) {
    bool known = false;
    for (std::size_t size = 0; size <= octets.size(); ++size) {
      const auto told = rdstls_pdu_size(ByteSpan(octets).first(size));
      ASSERT_TRUE(told) << size;
      EXPECT_TRUE(*told || !known) << "what is known stays known";
      known = told->has_value();
      if (known) {
        EXPECT_EQ(**told, octets.size());
      }
    }
    EXPECT_TRUE(known);
  }
}

TEST(Rdstls, WhatIsNoneIsRefusedAtItsFirstOctets) {
  EXPECT_EQ(rdstls_pdu_size(from_hex("0300")).error().message(), "Version: is 3, not 1 (offset 0)");
  EXPECT_EQ(rdstls_pdu_size(from_hex("0100 0300")).error().message(),
            "PduType: is 3, which no RDSTLS PDU has (offset 2)");
  EXPECT_EQ(rdstls_pdu_size(from_hex("0100 0400 0200")).error().message(),
            "DataType: is 2, which RDSTLS_TYPE_AUTHRSP does not have (offset 4)");
  EXPECT_FALSE(decode_rdstls(from_hex("0300 0013")));
}

TEST(Rdstls, TextThatIsOddIsReadAndNoted) {
  Notes notes;
  const auto pdu = read<RdstlsAuthenticationRequest>(
      from_hex("0100 0200 0100 0000 0200 7500 0300 440000 0000"), &notes);
  EXPECT_EQ(pdu.user_name, "u");
  EXPECT_EQ(pdu.redirection_guid, "");
  EXPECT_EQ(said(notes),
            "UserName is not ended by a null character; Domain has an odd number of octets for "
            "UTF-16; Domain is not ended by a null character; ");
}

}  // namespace
}  // namespace rdpwhy::auth
