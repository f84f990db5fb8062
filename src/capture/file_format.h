#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/complaint_list.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/capture/capture_reader.h"

namespace rdpwhy::capture {

/// One file format under CaptureReader: walks through the file's memory, never outside of it.
class FileFormat {
 public:
  virtual ~FileFormat() = default;
  [[nodiscard]] virtual std::optional<Packet> next() = 0;

  ComplaintList complaints;
  std::vector<std::string> comments;
  bool may_hold_secrets = false;
  bool keeps_secrets = true;
  std::vector<std::string> tls_key_logs;  ///< of what was read so far

 protected:
  void complain_of_link_type(std::uint32_t link_type);
  void keep_comment(ByteSpan text);
};

/// Null when the octets are not of that format.
[[nodiscard]] std::unique_ptr<FileFormat> open_pcap(ByteSpan file);
[[nodiscard]] std::unique_ptr<FileFormat> open_pcapng(ByteSpan file);

/// What a file is that is no capture we read: "a text file", "gzip-compressed: unpack it first".
[[nodiscard]] std::string name_of_other_file(ByteSpan file);

}  // namespace rdpwhy::capture
