#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::auth {

inline Bytes from_hex(std::string_view text) {
  auto octets = base::parse_hex(text);
  EXPECT_TRUE(octets.has_value()) << text;
  return octets ? *octets : Bytes{};
}

inline std::string said(const std::vector<Note>& notes) {
  std::string text;
  for (const auto& note : notes) text += note.field + " " + note.text + "; ";
  return text;
}
inline std::string said(const Notes& notes) { return said(notes.anomalies); }

}  // namespace rdpwhy::auth
