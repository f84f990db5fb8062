#pragma once

#include <cstdint>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

// X.691, the aligned variant of the packed encoding rules, as far as MCS (T.125) and GCC (T.124)
// need it: bit-fields, lengths and whole numbers. There is no description of types here: whoever
// reads knows the grammar.
namespace rdpwhy::asn1 {

/// Bit-fields, most significant bit first, taken from a Reader octet by octet. An octet has the
/// name of the first field in it.
class PerReader {
 public:
  explicit PerReader(Reader& r) : r_(r) {}

  /// At most 16 bits.
  std::uint16_t bits(unsigned count, std::string_view field);
  bool bit(std::string_view field) { return bits(1, field) != 0; }
  /// The bits up to the next octet, which have to be zero: others are noted, and given back.
  std::uint8_t align(std::string_view field);

 private:
  Reader& r_;
  std::uint8_t octet_ = 0;
  unsigned left_ = 0;  ///< bits of `octet_` that are not read
};

/// X.691 11.9.3.5 to 11.9.3.8: the length of what follows, in octets or elements. Stands on an
/// octet's border. Pieces of 16 Ki are not read: where X.691 begins them, the field has lengths of
/// 15 bits, which are read and noted.
std::uint16_t read_per_length(Reader& r, std::string_view field);

/// X.691 11.7: a number from zero on, of at most four octets.
std::uint32_t read_per_unsigned(Reader& r, std::string_view field);

/// The twin of PerReader.
class PerWriter {
 public:
  explicit PerWriter(Writer& w) : w_(w) {}
  PerWriter(const PerWriter&) = delete;
  PerWriter& operator=(const PerWriter&) = delete;
  PerWriter(PerWriter&&) = delete;
  PerWriter& operator=(PerWriter&&) = delete;
  ~PerWriter() { align(); }

  PerWriter& bits(std::uint16_t value, unsigned count);
  PerWriter& bit(bool value) { return bits(value ? 1 : 0, 1); }
  void align();

 private:
  Writer& w_;
  std::uint8_t octet_ = 0;
  unsigned used_ = 0;
};

/// Less than 16,384; anything else is our bug.
void write_per_length(Writer& w, std::size_t length);
void write_per_unsigned(Writer& w, std::uint32_t value);

}  // namespace rdpwhy::asn1
