#include "rdpwhy/capture/capture_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "capture/file_format.h"
#include "capture/link_types.h"
#include "capture/time_order.h"
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

namespace {

std::unique_ptr<FileFormat> open_format(ByteSpan file) {
  auto format = open_pcapng(file);
  return format ? std::move(format) : open_pcap(file);
}

}  // namespace

using OnOffset = std::function<void(std::uint64_t offset)>;

class CaptureReader::Impl {
 public:
  Impl(std::unique_ptr<FileFormat> opened, OnOffset on_offset_of_file)
      : format(std::move(opened)), on_offset(std::move(on_offset_of_file)) {
    format->keeps_secrets = false;  // the first pass has them
  }

  /// A first pass from header to header: secrets may stand behind the packets that need them, and
  /// packets behind those that answer them.
  void look_ahead(ByteSpan file) {
    const auto scan = open_format(file);
    while (const auto packet = scan->next()) {
      order.see(packet->at);
      passed(*packet);
    }
    told = 0;
    tls_key_logs = std::move(scan->tls_key_logs);
    mend = order.disordered() && order.mendable();
    if (mend) {
      format->complaints.add("packets are not in order of time in the file; they are read in it");
    } else if (order.disordered()) {
      format->complaints.add("the clock of the capture goes back; packets are read as they stand");
    }
  }

  void passed(const Packet& packet) {
    constexpr std::uint64_t kStep = 8u << 20;
    if (!on_offset || packet.octets.data() == nullptr) return;
    const auto offset = static_cast<std::uint64_t>(packet.octets.data() - begin);
    if (offset < told + kStep) return;
    told = offset;
    on_offset(offset);
  }

  std::unique_ptr<FileFormat> format;
  OnOffset on_offset;
  const std::uint8_t* begin = nullptr;  ///< of the file
  std::uint64_t told = 0;
  std::vector<std::string> tls_key_logs;
  TimeOrder order;
  bool mend = false;
  std::uint64_t packets = 0;
};

std::expected<CaptureReader, Error> CaptureReader::open(ByteSpan file, OnOffset on_offset) {
  auto format = open_format(file);
  if (!format) return std::unexpected(Error{name_of_other_file(file)});
  auto impl = std::make_unique<Impl>(std::move(format), std::move(on_offset));
  impl->begin = file.data();
  impl->look_ahead(file);
  return CaptureReader(std::move(impl));
}

std::optional<Packet> CaptureReader::next() {
  auto& format = *impl_->format;
  auto packet =
      impl_->mend ? impl_->order.next([&format] { return format.next(); }) : format.next();
  if (packet) {
    ++impl_->packets;
    impl_->passed(*packet);
  }
  return packet;
}

const std::vector<std::string>& CaptureReader::complaints() const {
  return impl_->format->complaints.list();
}
const std::vector<std::string>& CaptureReader::tls_key_logs() const { return impl_->tls_key_logs; }
std::uint64_t CaptureReader::packets() const { return impl_->packets; }
const std::vector<std::string>& CaptureReader::comments() const { return impl_->format->comments; }

CaptureReader::CaptureReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CaptureReader::CaptureReader(CaptureReader&&) noexcept = default;
CaptureReader& CaptureReader::operator=(CaptureReader&&) noexcept = default;
CaptureReader::~CaptureReader() = default;

}  // namespace rdpwhy::capture
