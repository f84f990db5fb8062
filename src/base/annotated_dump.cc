#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::base {
namespace {

constexpr std::size_t kOctetsPerLine = 8;
// Of one field; a certificate of 4,000 octets would bury everything else.
constexpr std::size_t kMostLines = 8;
constexpr int kOctetColumn = static_cast<int>(3 * kOctetsPerLine - 1);

class Dump {
 public:
  Dump(ByteSpan bytes, std::span<const FieldNote> fields)
      : bytes_(bytes),
        fields_(fields),
        offset_width_(static_cast<int>(std::max<std::size_t>(
            4, fmt::formatted_size("{}", bytes.empty() ? 0 : bytes.size() - 1)))) {}

  std::string write() {
    for (std::size_t i = 0; i < fields_.size(); ++i) write_field(i);
    write_uncovered(bytes_.size());
    return std::move(out_);
  }

 private:
  void write_field(std::size_t index) {
    const auto& field = fields_[index];
    // Notes come from decoders of ours, but a dump must not read past the end even if they are
    // wrong.
    const auto begin = std::min<std::uint64_t>(field.offset, bytes_.size());
    const auto end = begin + std::min<std::uint64_t>(field.size, bytes_.size() - begin);
    write_uncovered(begin);
    const auto indent = std::string(static_cast<std::size_t>(2 * std::max(field.depth, 0)), ' ');
    auto label = indent + printable(field.name);
    if (!field.value.empty()) label += ": " + printable(field.value);
    if (encloses_next(index)) {
      write_line(begin, {}, label);
      return;
    }
    write_octets(begin, end, label);
    covered_ = std::max<std::uint64_t>(covered_, end);
  }

  // A field whose octets are shown by the fields inside it.
  bool encloses_next(std::size_t index) const {
    if (index + 1 == fields_.size()) return false;
    const auto& outer = fields_[index];
    const auto& inner = fields_[index + 1];
    if (inner.size == 0 && outer.size != 0) return false;  // an empty list shows no octets
    return inner.depth > outer.depth && inner.offset >= outer.offset &&
           inner.offset - outer.offset + inner.size <= outer.size;
  }

  void write_uncovered(std::uint64_t until) {
    if (until <= covered_) return;
    write_octets(covered_, until, "(not decoded)");
    covered_ = until;
  }

  void write_octets(std::uint64_t begin, std::uint64_t end, std::string_view label) {
    if (begin == end) write_line(begin, {}, label);
    std::size_t lines = 0;
    for (auto at = begin; at < end; at += kOctetsPerLine) {
      if (lines++ == kMostLines) {
        write_line(at, {}, fmt::format("... {} more octets", end - at));
        return;
      }
      write_line(at, bytes_.subspan(at, std::min<std::uint64_t>(kOctetsPerLine, end - at)),
                 at == begin ? label : std::string_view{});
    }
  }

  void write_line(std::uint64_t offset, ByteSpan octets, std::string_view label) {
    std::string hex;
    for (const auto octet : octets) {
      fmt::format_to(std::back_inserter(hex), "{}{:02x}", hex.empty() ? "" : " ", octet);
    }
    auto line = fmt::format("{:>{}}  {:<{}}  {}", offset, offset_width_, hex, kOctetColumn, label);
    line.erase(line.find_last_not_of(' ') + 1);
    out_ += line;
    out_ += '\n';
  }

  ByteSpan bytes_;
  std::span<const FieldNote> fields_;
  int offset_width_;
  std::uint64_t covered_ = 0;
  std::string out_;
};

}  // namespace

std::string annotated_dump(ByteSpan bytes, std::span<const FieldNote> fields) {
  return Dump(bytes, fields).write();
}

}  // namespace rdpwhy::base
