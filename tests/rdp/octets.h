#pragma once

#include <string>
#include <string_view>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::rdp {

inline Bytes from_hex(std::string_view hex) { return base::parse_hex(hex).value(); }

/// The anomalies in one line.
inline std::string said(const Notes& notes) {
  std::string text;
  for (const auto& note : notes.anomalies) text += note.field + ' ' + note.text + "; ";
  return text;
}

}  // namespace rdpwhy::rdp
