#include "rdpwhy/capture/capture_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

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

/// Two walks through the file, from header to header: one gives the packets, the other goes ahead
/// of it to see what is out of order. It stays near enough that the memory is still warm. Where
/// secrets may stand behind the packets that need them it goes to the end at once, and where
/// packets are so large that what lies between the two would take much memory.
class CaptureReader::Impl {
 public:
  Impl(ByteSpan file, std::unique_ptr<FileFormat> opened, OnOffset on_offset_of_file)
      : format(std::move(opened)),
        scan(open_format(file)),
        on_offset(std::move(on_offset_of_file)),
        begin(file.data()) {
    format->keeps_secrets = false;  // the scan has them
    if (scan->may_hold_secrets) look_to_the_end();
  }

  std::optional<Packet> next() {
    constexpr std::uint64_t kMostBetween = 16u << 20;
    while (scan && order.seen() <= order.read() + TimeOrder::kAhead) {
      const auto ahead = look_ahead();
      if (ahead && offset_of(*ahead) > read_to + kMostBetween) look_to_the_end();
    }
    auto packet = order.next([this] { return format->next(); });
    if (packet) {
      ++packets;
      read_to = offset_of(*packet);
      passed(*packet);
    }
    return packet;
  }

  std::unique_ptr<FileFormat> format;
  std::vector<std::string> tls_key_logs;
  std::uint64_t packets = 0;

 private:
  void look_to_the_end() {
    while (const auto packet = look_ahead()) passed(*packet);
    told = read_to;
  }

  std::optional<Packet> look_ahead() {
    const auto packet = scan->next();
    if (packet) {
      order.see(packet->at);
    } else {
      order.seen_all();
      tls_key_logs = std::move(scan->tls_key_logs);
      scan.reset();
    }
    if (order.disordered() && !std::exchange(told_of_disorder, true)) {
      format->complaints.add("packets are not in order of time in the file; they are read in it");
    }
    if (order.was_set_back() && !std::exchange(told_of_set_back, true)) {
      format->complaints.add("the clock of the capture goes back; packets are read as they stand");
    }
    return packet;
  }

  [[nodiscard]] std::uint64_t offset_of(const Packet& packet) const {
    return packet.octets.data() == nullptr
               ? 0
               : static_cast<std::uint64_t>(packet.octets.data() - begin);
  }

  void passed(const Packet& packet) {
    constexpr std::uint64_t kStep = 8u << 20;
    const auto offset = offset_of(packet);
    if (!on_offset || offset < told + kStep) return;
    told = offset;
    on_offset(offset);
  }

  std::unique_ptr<FileFormat> scan;  ///< null once it is through
  OnOffset on_offset;
  const std::uint8_t* begin;  ///< of the file
  std::uint64_t told = 0;
  std::uint64_t read_to = 0;  ///< where the last packet that was given lies
  TimeOrder order;
  bool told_of_disorder = false;
  bool told_of_set_back = false;
};

std::expected<CaptureReader, Error> CaptureReader::open(ByteSpan file, OnOffset on_offset) {
  auto format = open_format(file);
  if (!format) return std::unexpected(Error{name_of_other_file(file)});
  return CaptureReader(std::make_unique<Impl>(file, std::move(format), std::move(on_offset)));
}

std::optional<Packet> CaptureReader::next() { return impl_->next(); }

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
