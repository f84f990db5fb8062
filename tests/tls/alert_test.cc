#include "rdpwhy/tls/alert.h"

#include <gtest/gtest.h>

#include "rdpwhy/tls/registry.h"
#include "tls/messages.h"

namespace rdpwhy::tls {
namespace {

TEST(Alert, HoldsLevelAndDescription) {
  Notes notes;
  const auto alert = decode_alert(from_hex("02 28"), &notes);
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->level, Alert::kFatal);
  EXPECT_EQ(alert->description, 40);
  EXPECT_EQ(alert_name(alert->description), "handshake_failure");
  EXPECT_TRUE(notes.anomalies.empty());
}

TEST(Alert, IsWrittenAsRead) {
  for (unsigned code = 0; code < 256; ++code) {
    const Bytes octets = {1, static_cast<std::uint8_t>(code)};
    const auto alert = decode_alert(octets);
    ASSERT_TRUE(alert) << code;
    EXPECT_EQ(encode(*alert), octets);
  }
}

TEST(Alert, WithAnUnknownLevelOrNumberIsKeptAndNoted) {
  Notes notes;
  const auto alert = decode_alert(from_hex("07 c8"), &notes);
  ASSERT_TRUE(alert);
  EXPECT_EQ(*alert, (Alert{7, 200}));
  ASSERT_EQ(notes.anomalies.size(), 2u);
  EXPECT_EQ(notes.anomalies[0].field, "level");
  EXPECT_EQ(notes.anomalies[0].offset, 0u);
  EXPECT_EQ(notes.anomalies[1].field, "description");
  EXPECT_EQ(notes.anomalies[1].offset, 1u);
}

TEST(Alert, OfAnyOtherSizeIsNone) {
  EXPECT_EQ(decode_alert({}).error().field, "level");
  EXPECT_EQ(decode_alert(from_hex("02")).error().field, "description");
  EXPECT_EQ(decode_alert(from_hex("022800")).error().kind, DecodeError::Kind::kTrailing);
}

}  // namespace
}  // namespace rdpwhy::tls
