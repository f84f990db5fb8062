#pragma once

#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/check.h"

namespace rdpwhy::base {

/// The twin of Reader: appends fields to a buffer; length prefixes are filled in when a scope ends.
///
///   Writer w;
///   {
///     auto extensions = w.block16be();
///     w.u16be(kServerName);
///   }   // the length stands now
///
/// A block that outgrows its prefix is our bug (RDPWHY_CHECK), never silently cut.
class Writer {
 public:
  /// Fills its length prefix in on destruction.
  class Block {
   public:
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    // A block too long for its prefix is our bug, which throws in release builds.
    ~Block() noexcept(false) { writer_.fill(at_, size_, big_endian_, included_); }

   private:
    friend class Writer;
    Block(Writer& writer, std::size_t size, bool big_endian, std::size_t included)
        : writer_(writer),
          at_(writer.out_.size()),
          size_(size),
          big_endian_(big_endian),
          included_(included) {
      writer_.out_.resize(writer_.out_.size() + size);
    }

    Writer& writer_;
    std::size_t at_;
    std::size_t size_;
    bool big_endian_;
    std::size_t included_;
  };

  Writer& u8(std::uint8_t value) { return be(value, 1); }
  Writer& u16be(std::uint16_t value) { return be(value, 2); }
  Writer& u24be(std::uint32_t value) { return be(value, 3); }
  Writer& u32be(std::uint32_t value) { return be(value, 4); }
  Writer& u64be(std::uint64_t value) { return be(value, 8); }
  Writer& u16le(std::uint16_t value) { return le(value, 2); }
  Writer& u32le(std::uint32_t value) { return le(value, 4); }
  Writer& u64le(std::uint64_t value) { return le(value, 8); }
  Writer& bytes(ByteSpan span) {
    out_.insert(out_.end(), span.begin(), span.end());
    return *this;
  }
  Writer& text(std::string_view text) { return bytes(as_bytes(text)); }
  Writer& zeros(std::size_t count) {
    out_.resize(out_.size() + count);
    return *this;
  }

  [[nodiscard]] Block block8() { return {*this, 1, true, 0}; }
  [[nodiscard]] Block block16be() { return {*this, 2, true, 0}; }
  [[nodiscard]] Block block24be() { return {*this, 3, true, 0}; }
  [[nodiscard]] Block block16le() { return {*this, 2, false, 0}; }
  /// A length that counts `before` octets ahead of the prefix and the prefix itself, as TPKT's
  /// does.
  [[nodiscard]] Block length16be_including(std::size_t before) {
    return {*this, 2, true, before + 2};
  }
  [[nodiscard]] Block length16le_including(std::size_t before) {
    return {*this, 2, false, before + 2};
  }

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] ByteSpan view() const { return out_; }
  [[nodiscard]] Bytes take() { return std::move(out_); }

 private:
  Writer& be(std::uint64_t value, std::size_t size);
  Writer& le(std::uint64_t value, std::size_t size);
  void fill(std::size_t at, std::size_t size, bool big_endian, std::size_t included);

  Bytes out_;
};

}  // namespace rdpwhy::base

namespace rdpwhy {
using base::Writer;
}  // namespace rdpwhy
