#include "rdpwhy/base/writer.h"

namespace rdpwhy::base {

Writer& Writer::be(std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  return *this;
}

Writer& Writer::le(std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  return *this;
}

void Writer::fill(std::size_t at, std::size_t size, bool big_endian, std::size_t included) {
  const std::uint64_t length = out_.size() - at - size + included;
  RDPWHY_CHECK(length < std::uint64_t{1} << (8 * size));
  for (std::size_t i = 0; i < size; ++i) {
    const auto shift = 8 * (big_endian ? size - 1 - i : i);
    out_[at + i] = static_cast<std::uint8_t>(length >> shift);
  }
}

}  // namespace rdpwhy::base
