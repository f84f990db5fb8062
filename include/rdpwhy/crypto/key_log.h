#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::crypto {

/// Secrets of TLS connections in the NSS key log format, by client random. Grows only, up to a
/// million secrets. Its contents are wiped when it goes; it has no formatter (I7).
class KeyLog {
 public:
  KeyLog() = default;
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;
  KeyLog(KeyLog&&) noexcept;
  KeyLog& operator=(KeyLog&&) noexcept;
  ~KeyLog();

  /// Any number of whole lines, with any line ends; comments, garbage and lines of other kinds are
  /// passed over. Lines that disagree about one label and random are rivals, of which the last
  /// kMostRivals are kept: logs are put together, and one of them may be somebody else's. Returns
  /// how many secrets were understood.
  std::size_t add(std::string_view lines);

  static constexpr std::size_t kMostRivals = 4;

  /// `label` as in the file: "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_RANDOM" (a master secret).
  /// All that the lines say, the last one first. The views hold until the next add().
  [[nodiscard]] std::vector<ByteSpan> secrets(std::string_view label, ByteSpan client_random) const;
  /// The first of them.
  [[nodiscard]] std::optional<ByteSpan> secret(std::string_view label,
                                               ByteSpan client_random) const;

  /// "RSA": the premaster secrets by the first eight octets of what the client encrypted.
  [[nodiscard]] std::vector<ByteSpan> premasters(ByteSpan encrypted) const;
  /// Premaster secrets of any kind are there, which take more of a handshake than its randoms.
  [[nodiscard]] bool has_premasters() const { return has_premasters_; }

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  using Random = std::array<std::uint8_t, 32>;  ///< shorter ones have zeros behind them
  struct Entry {
    std::uint8_t label;  ///< its place in labels_
    Bytes secret;
  };

  bool add_line(std::string_view line);
  bool keep(std::string_view label, const Random& random, Bytes& secret);
  static bool give_way(std::vector<Entry>& entries, std::uint8_t label, ByteSpan newer);
  void wipe();

  std::vector<std::string> labels_;
  std::map<Random, std::vector<Entry>> secrets_;
  std::size_t count_ = 0;
  bool has_premasters_ = false;
};

}  // namespace rdpwhy::crypto
