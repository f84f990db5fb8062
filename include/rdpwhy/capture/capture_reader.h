#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/time.h"

namespace rdpwhy::capture {

/// One captured frame. `octets` points into the file's memory.
struct Packet {
  ByteSpan octets;                  ///< as captured
  std::uint32_t original_size = 0;  ///< octets on the wire
  Moment at;
  std::uint32_t link_type = 0;  ///< LINKTYPE_... value of the interface
  std::uint64_t number = 0;     ///< from 1, as tshark counts frames
};

/// A bounded reader of pcap (both byte orders, micro- and nanoseconds, Kuznetzov's modified form;
/// others are named in the Error) and pcapng (sections, interfaces, if_tsresol, if_tsoffset,
/// enhanced, simple and old packet blocks, secrets, comments). The whole file is given as memory;
/// nothing is copied but secrets. Packets come in order of time: captures made from per-processor
/// buffers (Windows event traces) have them hundreds of places off. Where the clock was set back
/// they come as they stand.
class CaptureReader {
 public:
  /// An Error says what the octets are instead of a capture ("empty file", "a text file", ...).
  /// `on_offset` is told every 8 MiB where in the file the reading has got to: in a pcapng first
  /// while it looks for secrets, then with the packets; in a pcap of large packets it goes to the
  /// end once, looking for disorder, before it goes on with them.
  [[nodiscard]] static std::expected<CaptureReader, Error> open(
      ByteSpan file, std::function<void(std::uint64_t offset)> on_offset = {});

  /// The next packet; nothing at the end, whether the file ends well or not: see `complaints`.
  [[nodiscard]] std::optional<Packet> next();

  /// What was odd: cut in the middle of a packet, a length of 100 GB, an unknown block: where, and
  /// what was done. Bounded.
  [[nodiscard]] const std::vector<std::string>& complaints() const;

  /// pcapng secrets blocks of the whole file, TLS key log text (type 0x544c534b) only, found before
  /// the first packet is read: blocks may stand behind the packets that need them.
  [[nodiscard]] const std::vector<std::string>& tls_key_logs() const;

  [[nodiscard]] std::uint64_t packets() const;  ///< read so far
  [[nodiscard]] const std::vector<std::string>& comments() const;

  CaptureReader(CaptureReader&&) noexcept;
  CaptureReader& operator=(CaptureReader&&) noexcept;
  ~CaptureReader();

 private:
  class Impl;
  explicit CaptureReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::capture
