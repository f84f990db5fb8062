#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace rdpwhy::report {

// A certificate is whatever the peer sends: a hundred thousand names, or one name of a megabyte.
// What is left out is counted, never silent; the whole certificate is in the capture.
inline constexpr std::size_t kMostNames = 100;    ///< of each list of one certificate, in JSON
inline constexpr std::size_t kMostOfText = 4096;  ///< octets of one name, in JSON
inline constexpr std::size_t kNamesForPeople = 20;
inline constexpr std::size_t kTextForPeople = 400;

/// At most `most` octets of a UTF-8 text, cut between characters, and how many more there were.
[[nodiscard]] inline std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  auto end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{}... ({} more octets)", text.substr(0, end), text.size() - end);
}

}  // namespace rdpwhy::report
