// The password of a redirection goes to who asks for it, and into no record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dissect/session_streams.h"
#include "dissect/streams.h"
#include "rdpwhy/rdp/redirection.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::dissect {
namespace {

using namespace streams;  // NOLINT: the vocabulary of these tests
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kPassword = "handed out";

rdp::ServerRedirection redirection() {
  rdp::ServerRedirection packet{.session_id = 3};
  packet.user_name = "alice";
  packet.password_size = static_cast<std::uint32_t>(kPassword.size());
  packet.redirection_guid = "guid";
  return packet;
}

Bytes standard() {
  const auto packet = rdp::encode(redirection(), Secret(kPassword));
  return to_channel(Side::kServer, kIo, base::to_bytes(packet.reveal()));
}

Bytes enhanced() {
  const auto pdu = rdp::encode(redirection(), Secret(kPassword), 1002);
  return bare(Side::kServer, base::to_bytes(pdu.reveal()));
}

Connection redirected(Bytes octets) {
  return plain_connection(connected_session() + Connection{client(client_info()),
                                                           server(licensing_alert()),
                                                           server(std::move(octets))});
}

std::vector<std::string> told(const Connection& connection) {
  std::vector<std::string> passwords;
  Dissector::Options options;
  options.on_redirection_password = [&](const Secret& password) {
    passwords.emplace_back(base::as_text(password.reveal()));
  };
  const auto record = dissected(connection, std::move(options));
  EXPECT_TRUE(record::same_evidence(record, dissected(connection))) << "no evidence depends on it";
  return passwords;
}

TEST(RedirectionPassword, IsToldInBothFormsOfTheRedirection) {
  EXPECT_THAT(told(redirected(standard())), ElementsAre(kPassword));
  EXPECT_THAT(told(redirected(enhanced())), ElementsAre(kPassword));
  const auto record = dissected(redirected(enhanced()));
  const auto summary = record::session_summary(record);
  ASSERT_TRUE(summary && summary->redirection);
  EXPECT_EQ(summary->redirection->password_size, kPassword.size());
}

const rdp::ServerRedirection* redirection_of(const HandshakeRecord& record) {
  const auto summary = record::session_summary(record);
  return summary ? summary->redirection : nullptr;
}

/// MS-RDPBCGR 2.2.13.3.1: its Share Control Header has the version 0, so that its length stands
/// where other payloads have the flags of a security header. FreeRDP writes the version 1.
TEST(Redirection, IsReadWhateverItsLengthLooksLike) {
  for (std::size_t size = 1; size < 300; ++size) {
    for (const unsigned version : {0x00u, 0x10u}) {
      rdp::ServerRedirection packet{.session_id = 3};
      packet.load_balance_info = Bytes(size, 'x');
      auto octets = base::to_bytes(rdp::encode(packet, Secret(), 1002).reveal());
      octets[2] = static_cast<std::uint8_t>(version | (octets[2] & 0x0F));
      for (const bool tls : {false, true}) {
        const auto rest =
            connected_session() + Connection{client(client_info()), server(licensing_alert()),
                                             server(bare(Side::kServer, octets))};
        const auto record =
            tls ? dissected(opened_connection(1, all_inside(rest)), opening_options())
                : dissected(plain_connection(rest));
        const auto* read = redirection_of(record);
        ASSERT_NE(read, nullptr) << size << record::describe(record.evidence.back());
        EXPECT_EQ(read->load_balance_info, packet.load_balance_info);
        EXPECT_TRUE(record.evidence.back().notes.empty());
      }
    }
  }
}

/// 2.2.13.2.1: behind a security header of its own, or merged with it.
TEST(Redirection, OfStandardSecurityIsReadInBothForms) {
  const auto whole = rdp::encode(redirection(), Secret(kPassword));
  const auto packet = base::to_bytes(whole.reveal());
  for (const auto& octets : {headed(Side::kServer, flags::kRedirectionPacket, packet),
                             to_channel(Side::kServer, kIo, packet)}) {
    const auto record = dissected(redirected(octets));
    ASSERT_NE(redirection_of(record), nullptr) << record::describe(record.evidence.back());
    EXPECT_EQ(redirection_of(record)->user_name, "alice");
    EXPECT_THAT(told(redirected(octets)), ElementsAre(kPassword));
  }
}

TEST(Redirection, ThatRedirectsNobodyEndsNothing) {
  rdp::ServerRedirection packet{.session_id = 3, .flags = rdp::ServerRedirection::kNoRedirect};
  const auto pdu = rdp::encode(packet, Secret(), 1002);
  const auto record = dissected(
      plain_connection(connected_session() +
                       Connection{client(client_info()), server(licensing_alert()),
                                  server(bare(Side::kServer, base::to_bytes(pdu.reveal())))} +
                       activation()));
  ASSERT_NE(redirection_of(record), nullptr);
  EXPECT_EQ(record::progress(record).reached, Phase::kFinalization);
  EXPECT_FALSE(record::progress(record).failure.has_value());
}

TEST(RedirectionPassword, IsNotTakenFromWhatCannotBeRead) {
  auto cut = rdp::encode(redirection(), Secret(kPassword));
  auto octets = base::to_bytes(cut.reveal());
  octets.resize(octets.size() / 2);
  EXPECT_THAT(told(redirected(to_channel(Side::kServer, kIo, std::move(octets)))), IsEmpty());
}

}  // namespace
}  // namespace rdpwhy::dissect
