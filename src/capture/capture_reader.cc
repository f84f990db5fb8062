#include "rdpwhy/capture/capture_reader.h"

#include <fmt/format.h>

#include "capture/file_format.h"
#include "capture/link_types.h"
#include "rdpwhy/capture/segment.h"

namespace rdpwhy::capture {

void FileFormat::complain_of_link_type(std::uint32_t link_type) {
  if (FrameDecoder::knows(link_type)) return;
  if (!complaints.first(fmt::format("link type {}", link_type))) return;
  const auto name = link_type_name(link_type);
  complaints.add(fmt::format("frames of link type {}{}{}{} are not read", link_type,
                             name.empty() ? "" : " (", name, name.empty() ? "" : ")"));
}

void FileFormat::keep_comment(ByteSpan text) {
  constexpr std::size_t kMostComments = 256;
  constexpr std::size_t kLongest = 4096;
  if (comments.size() >= kMostComments) return;
  comments.emplace_back(base::as_text(text.first(std::min(text.size(), kLongest))));
}

class CaptureReader::Impl {
 public:
  explicit Impl(std::unique_ptr<FileFormat> opened) : format(std::move(opened)) {}
  std::unique_ptr<FileFormat> format;
  std::uint64_t packets = 0;
};

std::expected<CaptureReader, Error> CaptureReader::open(ByteSpan file) {
  auto format = open_pcapng(file);
  if (!format) format = open_pcap(file);
  if (!format) return std::unexpected(Error{name_of_other_file(file)});
  return CaptureReader(std::make_unique<Impl>(std::move(format)));
}

std::optional<Packet> CaptureReader::next() {
  auto packet = impl_->format->next();
  if (packet) ++impl_->packets;
  return packet;
}

const std::vector<std::string>& CaptureReader::complaints() const {
  return impl_->format->complaints.list();
}
const std::vector<std::string>& CaptureReader::tls_key_logs() const {
  return impl_->format->tls_key_logs;
}
std::uint64_t CaptureReader::packets() const { return impl_->packets; }
const std::vector<std::string>& CaptureReader::comments() const { return impl_->format->comments; }

CaptureReader::CaptureReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CaptureReader::CaptureReader(CaptureReader&&) noexcept = default;
CaptureReader& CaptureReader::operator=(CaptureReader&&) noexcept = default;
CaptureReader::~CaptureReader() = default;

}  // namespace rdpwhy::capture
