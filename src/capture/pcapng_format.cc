#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "capture/file_format.h"
#include "capture/octet_order.h"
#include "capture/tick_clock.h"

// draft-ietf-opsawg-pcapng-02: blocks of 32-bit units, each section in the byte order of its
// writer.
namespace rdpwhy::capture {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;  // reads the same in both byte orders
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kObsoletePacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kSystemdJournal = 9;
constexpr std::uint32_t kSecrets = 10;
constexpr std::uint32_t kCustom = 0x0BAD;
constexpr std::uint32_t kCustomNotCopied = 0x40000BAD;
constexpr std::uint32_t kTlsKeyLog = 0x544C534B;

constexpr std::size_t kSmallestBlock = 12;
constexpr std::size_t kMostInterfaces = 65'536;
constexpr std::size_t kMostSecrets = 64 * 1024 * 1024;
// What a block of one octet takes in memory; a gigabyte of such blocks must not take three.
constexpr std::size_t kLeastSecretCost = 64;

constexpr std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

struct Interface {
  std::uint32_t link_type = 0;
  std::uint32_t snap_length = 0;
  TickClock clock;
};

/// One block: its body lies between the two copies of the length.
struct Block {
  std::uint32_t type = 0;
  std::size_t position = 0;
  ByteSpan body;
  std::size_t next = 0;  ///< where the following block stands
};

/// Walks from block to block: byte orders and lying lengths are dealt with here.
class BlockWalk {
 public:
  explicit BlockWalk(ByteSpan file) : file_(file) {}

  /// Nothing at the end; `trouble` says why when the file does not end there.
  [[nodiscard]] std::optional<Block> next(ComplaintList& complaints) {
    const auto left = file_.size() - position_;
    if (left < kSmallestBlock) {
      if (left != 0)
        stop(complaints, fmt::format("the file is cut in the middle of a block's header: {} "
                                     "octets at octet {}",
                                     left, position_));
      return std::nullopt;
    }
    const auto* at = file_.data() + position_;
    auto type = load32(at, big_endian_);
    if (type == kSectionHeader && !begin_section(at)) {
      stop(complaints,
           fmt::format("the section at octet {} has no byte-order magic; the file is not "
                       "read further",
                       position_));
      return std::nullopt;
    }
    const std::size_t size = load32(at + 4, big_endian_);
    if (size < kSmallestBlock || size > left) return broken(type, size, left, complaints);
    auto end = size;
    if (size % 4 != 0 && !trailer_agrees(size)) {
      end = padded(size);
      if (end > left) return broken(type, size, left, complaints);
    }
    check_lengths(size, end, complaints);
    const Block block{type, position_, {at + 8, end - 12}, position_ + end};
    position_ += end;
    return block;
  }

  [[nodiscard]] bool big_endian() const { return big_endian_; }

 private:
  bool begin_section(const std::uint8_t* at) {
    if (file_.size() - position_ < 28) return false;
    for (const bool big_endian : {false, true}) {
      if (load32(at + 8, big_endian) == kByteOrderMagic) {
        big_endian_ = big_endian;
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool trailer_agrees(std::size_t size) const {
    return load32(file_.data() + position_ + size - 4, big_endian_) == size;
  }

  void check_lengths(std::size_t size, std::size_t end, ComplaintList& complaints) {
    if (size % 4 != 0 && complaints.first("unaligned")) {
      complaints.add(fmt::format("the block at octet {} has a length of {}, not a multiple of 4",
                                 position_, size));
    }
    if (!trailer_agrees(end) && load32(file_.data() + position_ + end - 4, big_endian_) != size &&
        complaints.first("trailer")) {
      complaints.add(
          fmt::format("the block at octet {} gives its length as {} in front and {} at its "
                      "end; the first is believed",
                      position_, size, load32(file_.data() + position_ + end - 4, big_endian_)));
    }
  }

  /// A block that cannot be as long as it says. What is left of a cut packet is still given.
  std::optional<Block> broken(std::uint32_t type, std::size_t size, std::size_t left,
                              ComplaintList& complaints) {
    const auto position = position_;
    if (size >= kSmallestBlock && (type == kEnhancedPacket || type == kObsoletePacket)) {
      stop(complaints,
           fmt::format("the file is cut in the middle of the packet at octet {}: {} of {} "
                       "octets",
                       position, left, size));
      return Block{type, position, {file_.data() + position + 8, left - 8}, file_.size()};
    }
    stop(complaints,
         size < kSmallestBlock
             ? fmt::format(
                   "the block at octet {} gives its length as {}; the file is damaged there and "
                   "is not read further",
                   position, size)
             : fmt::format(
                   "the block at octet {} gives its length as {}, {} are left; the file is cut "
                   "or damaged there",
                   position, size, left));
    return std::nullopt;
  }

  void stop(ComplaintList& complaints, std::string why) {
    complaints.add(std::move(why));
    position_ = file_.size();
  }

  ByteSpan file_;
  std::size_t position_ = 0;
  bool big_endian_ = false;
};

class PcapngFormat final : public FileFormat {
 public:
  explicit PcapngFormat(ByteSpan file) : blocks_(file) { may_hold_secrets = true; }

  std::optional<Packet> next() override {
    while (const auto block = blocks_.next(complaints)) {
      if (block->type == kEnhancedPacket) {
        if (auto packet = enhanced(*block)) return packet;
      } else if (block->type == kSectionHeader) {
        section(*block);
      } else if (block->type == kSecrets) {
        secrets(*block);
      } else if (block->type == kInterface) {
        interface(*block);
      } else if (block->type == kSimplePacket) {
        if (auto packet = simple(*block)) return packet;
      } else if (block->type == kObsoletePacket) {
        if (auto packet = obsolete(*block)) return packet;
      } else if (block->type == kCustom || block->type == kCustomNotCopied ||
                 block->type == kSystemdJournal) {
        ++number_;  // no packets, but tshark numbers them with the frames
      }
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::uint16_t u16(const std::uint8_t* at) const {
    return load16(at, blocks_.big_endian());
  }
  [[nodiscard]] std::uint32_t u32(const std::uint8_t* at) const {
    return load32(at, blocks_.big_endian());
  }

  /// Calls `take(code, value)` for every option; one that lies about its length ends the list.
  template <typename Take>
  void options(ByteSpan list, std::size_t position, const Take& take) {
    while (list.size() >= 4) {
      const auto code = u16(list.data());
      const std::size_t size = u16(list.data() + 2);
      if (code == 0) return;
      if (size > list.size() - 4) {
        if (complaints.first("option")) {
          complaints.add(
              fmt::format("option {} of the block at octet {} claims {} octets, {} are left", code,
                          position, size, list.size() - 4));
        }
        return;
      }
      take(code, list.subspan(4, size));
      list = list.subspan(std::min(4 + padded(size), list.size()));
    }
  }

  void section(const Block& block) {
    interfaces_.clear();
    if (block.body.size() < 16) return;
    const auto major = u16(block.body.data() + 4);
    const auto minor = u16(block.body.data() + 6);
    if (major != 1) {
      complaints.add(fmt::format("the section at octet {} has version {}.{} and is read as 1.0",
                                 block.position, major, minor));
    }
    options(block.body.subspan(16), block.position, [&](std::uint16_t code, ByteSpan value) {
      if (code == 1) keep_comment(value);
    });
  }

  void interface(const Block& block) {
    if (interfaces_.size() >= kMostInterfaces) return;
    Interface made;
    if (block.body.size() < 8) {
      complaints.add(fmt::format("the interface at octet {} is too short", block.position));
      interfaces_.push_back(made);  // it counts: later ones keep their numbers
      return;
    }
    made.link_type = u16(block.body.data());
    made.snap_length = u32(block.body.data() + 4);
    options(block.body.subspan(8), block.position, [&](std::uint16_t code, ByteSpan value) {
      if (code == 1) keep_comment(value);
      if (code == 9 && !value.empty()) made.clock.set_resolution(value[0]);
      if (code == 14 && value.size() == 8) {
        made.clock.set_offset(
            static_cast<std::int64_t>(load64(value.data(), blocks_.big_endian())));
      }
    });
    interfaces_.push_back(made);
  }

  const Interface* interface_of(std::size_t index, const Block& block) {
    if (index < interfaces_.size()) return &interfaces_[index];
    if (complaints.first("interface id")) {
      complaints.add(
          fmt::format("the packet at octet {} is of interface {}, {} are described: passed over",
                      block.position, index, interfaces_.size()));
    }
    return nullptr;
  }

  std::optional<Packet> enhanced(const Block& block) {
    ++number_;
    if (block.body.size() < 20) return too_short(block);
    const auto* at = block.body.data();
    return timed_packet(block, u32(at));
  }

  std::optional<Packet> obsolete(const Block& block) {
    ++number_;
    if (block.body.size() < 20) return too_short(block);
    return timed_packet(block, u16(block.body.data()));
  }

  /// Enhanced and obsolete packets differ in their first four octets only.
  std::optional<Packet> timed_packet(const Block& block, std::uint32_t interface_id) {
    const auto* interface = interface_of(interface_id, block);
    if (interface == nullptr) return std::nullopt;
    const auto* at = block.body.data();
    const auto ticks = (static_cast<std::uint64_t>(u32(at + 4)) << 32U) | u32(at + 8);
    const std::size_t captured = u32(at + 12);
    const auto original = u32(at + 16);
    const auto room = block.body.subspan(20);
    const auto octets = room.first(std::min(captured, room.size()));
    if (captured > room.size() && !cut_is_known(block) && complaints.first("captured")) {
      complaints.add(fmt::format("the packet at octet {} claims {} octets, its block holds {}",
                                 block.position, captured, room.size()));
    }
    if (captured > original && complaints.first("captured more")) {
      complaints.add(
          fmt::format("the packet at octet {} has more octets captured ({}) than it was long "
                      "({})",
                      block.position, captured, original));
    }
    const auto rest = room.subspan(std::min(padded(octets.size()), room.size()));
    if (rest.size() >= 4) {
      options(rest, block.position, [&](std::uint16_t code, ByteSpan value) {
        if (code == 1) keep_comment(value);
      });
    }
    last_ = interface->clock.moment(ticks);
    return packet(*interface, octets, original);
  }

  /// Has no time and is always of the first interface, whose snap length cuts it.
  std::optional<Packet> simple(const Block& block) {
    ++number_;
    if (block.body.size() < 4) return too_short(block);
    const auto* interface = interface_of(0, block);
    if (interface == nullptr) return std::nullopt;
    const auto original = u32(block.body.data());
    auto room = block.body.subspan(4);
    std::size_t size = original;
    if (interface->snap_length != 0) size = std::min<std::size_t>(size, interface->snap_length);
    room = room.first(std::min(size, room.size()));
    if (complaints.first("simple")) {
      complaints.add(
          fmt::format("simple packets (the first at octet {}) carry no time; they are given "
                      "that of the packet before",
                      block.position));
    }
    return packet(*interface, room, original);
  }

  [[nodiscard]] Packet packet(const Interface& interface, ByteSpan octets, std::uint32_t original) {
    if (interface.link_type != last_link_type_) {
      last_link_type_ = interface.link_type;
      complain_of_link_type(interface.link_type);
    }
    return {.octets = octets,
            .original_size = std::max(original, static_cast<std::uint32_t>(octets.size())),
            .at = last_,
            .link_type = interface.link_type,
            .number = number_};
  }

  std::nullopt_t too_short(const Block& block) {
    if (complaints.first("short")) {
      complaints.add(fmt::format("the packet block at octet {} is too short", block.position));
    }
    return std::nullopt;
  }

  /// The walk has said already that the file ends inside this block.
  [[nodiscard]] static bool cut_is_known(const Block& block) {
    return block.position + 12 + block.body.size() != block.next;
  }

  void secrets(const Block& block) {
    if (block.body.size() < 8 || u32(block.body.data()) != kTlsKeyLog) return;
    const std::size_t claimed = u32(block.body.data() + 4);
    const auto room = block.body.subspan(8);
    const auto text = room.first(std::min(claimed, room.size()));
    if (claimed > text.size()) {
      complaints.add(fmt::format("the secrets at octet {} claim {} octets, their block holds {}",
                                 block.position, claimed, text.size()));
    }
    if (text.empty()) return;
    const auto cost = std::max(text.size(), kLeastSecretCost);
    if (cost > kMostSecrets - secrets_) {
      complaints.add(fmt::format("more than {} octets of secrets; those at octet {} are left out",
                                 kMostSecrets, block.position));
      return;
    }
    secrets_ += cost;
    if (keeps_secrets) tls_key_logs.emplace_back(base::as_text(text));
  }

  BlockWalk blocks_;
  std::vector<Interface> interfaces_;
  std::size_t secrets_ = 0;
  std::uint64_t number_ = 0;
  Moment last_;
  std::uint32_t last_link_type_ = std::numeric_limits<std::uint32_t>::max();
};

}  // namespace

std::unique_ptr<FileFormat> open_pcapng(ByteSpan file) {
  if (file.size() < 12 || load32(file.data(), false) != kSectionHeader) return nullptr;
  const auto magic = load32(file.data() + 8, false);
  if (magic != kByteOrderMagic && magic != __builtin_bswap32(kByteOrderMagic)) return nullptr;
  return std::make_unique<PcapngFormat>(file);
}

}  // namespace rdpwhy::capture
