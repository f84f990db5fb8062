// The password of a redirection goes to who asks for it, and into no record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dissect/session_streams.h"
#include "dissect/streams.h"
#include "rdpwhy/rdp/redirection.h"
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

TEST(RedirectionPassword, IsNotTakenFromWhatCannotBeRead) {
  auto cut = rdp::encode(redirection(), Secret(kPassword));
  auto octets = base::to_bytes(cut.reveal());
  octets.resize(octets.size() / 2);
  EXPECT_THAT(told(redirected(to_channel(Side::kServer, kIo, std::move(octets)))), IsEmpty());
}

}  // namespace
}  // namespace rdpwhy::dissect
