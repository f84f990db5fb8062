#include <fmt/format.h>

#include <algorithm>

#include "capture/file_format.h"
#include "capture/octet_order.h"

// draft-ietf-opsawg-pcap: the classic format of libpcap, and Kuznetzov's with longer packet
// headers.
namespace rdpwhy::capture {
namespace {

constexpr std::uint32_t kMicroseconds = 0xA1B2C3D4;
constexpr std::uint32_t kNanoseconds = 0xA1B23C4D;
constexpr std::uint32_t kKuznetzov = 0xA1B2CD34;
constexpr std::size_t kFileHeader = 24;
constexpr std::uint32_t kMostZeros = 100'000;
constexpr std::uint32_t kLargestPacket = 262'144;  // libpcap's MAXIMUM_SNAPLEN

class PcapFormat final : public FileFormat {
 public:
  PcapFormat(ByteSpan file, bool big_endian, std::uint32_t magic)
      : file_(file),
        big_endian_(big_endian),
        nanoseconds_(magic == kNanoseconds),
        packet_header_(magic == kKuznetzov ? 24 : 16) {
    const auto major = load16(file.data() + 4, big_endian);
    const auto minor = load16(file.data() + 6, big_endian);
    if (major != 2 || minor != 4) {
      complaints.add(fmt::format("pcap version {}.{} is read as 2.4", major, minor));
    }
    const auto snap_length = load32(file.data() + 16, big_endian);
    largest_ = std::max(kLargestPacket, snap_length);
    // The upper six bits tell of frame check sequences, which the IP total length cuts off.
    link_type_ = load32(file.data() + 20, big_endian) & 0x03FFFFFFU;
    complain_of_link_type(link_type_);
  }

  std::optional<Packet> next() override {
    const auto left = file_.size() - position_;
    if (left < packet_header_) {
      if (left != 0) cut(left);
      return std::nullopt;
    }
    const auto* at = file_.data() + position_;
    std::uint32_t size = load32(at + 8, big_endian_);
    const auto original = load32(at + 12, big_endian_);
    if (is_zero(at) && ++zeros_ > kMostZeros) {
      complaints.add(
          fmt::format("{} packet headers in a row are all zeros, up to octet {}: the file is empty "
                      "from there on and is not read further",
                      kMostZeros, position_));
      position_ = file_.size();
      return std::nullopt;
    }
    if (size > largest_) {
      complaints.add(
          fmt::format("packet {} at octet {} claims {} octets: the file is damaged there and is "
                      "not read further",
                      number_ + 1, position_, size));
      position_ = file_.size();
      return std::nullopt;
    }
    if (size > original && complaints.first("captured more")) {
      complaints.add(fmt::format("packet {} has more octets captured ({}) than it was long ({})",
                                 number_ + 1, size, original));
    }
    if (size > left - packet_header_) {
      complaints.add(
          fmt::format("the file is cut in the middle of packet {}, which has {} of {} octets",
                      number_ + 1, left - packet_header_, size));
      size = static_cast<std::uint32_t>(left - packet_header_);
    }
    position_ += packet_header_ + size;
    return Packet{.octets = {at + packet_header_, size},
                  .original_size = std::max(original, size),
                  .at = moment(load32(at, big_endian_), load32(at + 4, big_endian_)),
                  .link_type = link_type_,
                  .number = ++number_};
  }

 private:
  /// Whether this packet's header holds nothing, as where a disk was full or a program was killed.
  [[nodiscard]] bool is_zero(const std::uint8_t* header) {
    auto any = load64(header, big_endian_) | load64(header + 8, big_endian_);
    if (packet_header_ > 16) any |= load64(header + 16, big_endian_);
    if (any != 0) zeros_ = 0;
    return any == 0;
  }

  [[nodiscard]] Moment moment(std::uint32_t seconds, std::uint32_t fraction) const {
    return {static_cast<Nanoseconds>(seconds) * 1'000'000'000 +
            static_cast<Nanoseconds>(fraction) * (nanoseconds_ ? 1 : 1000)};
  }

  void cut(std::size_t left) {
    complaints.add(
        fmt::format("the file is cut in the middle of the header of packet {}: {} of {} octets",
                    number_ + 1, left, packet_header_));
    position_ = file_.size();
  }

  ByteSpan file_;
  std::size_t position_ = kFileHeader;
  bool big_endian_;
  bool nanoseconds_;
  std::size_t packet_header_;
  std::uint32_t largest_ = 0;
  std::uint32_t link_type_ = 0;
  std::uint64_t number_ = 0;
  std::uint32_t zeros_ = 0;  ///< headers in a row that hold nothing
};

}  // namespace

std::unique_ptr<FileFormat> open_pcap(ByteSpan file) {
  if (file.size() < kFileHeader) return nullptr;
  for (const bool big_endian : {false, true}) {
    const auto magic = load32(file.data(), big_endian);
    if (magic == kMicroseconds || magic == kNanoseconds || magic == kKuznetzov) {
      return std::make_unique<PcapFormat>(file, big_endian, magic);
    }
  }
  return nullptr;
}

}  // namespace rdpwhy::capture
