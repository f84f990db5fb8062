#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rdpwhy::base {

/// Something odd that a decoder met and read on from: a leniency is never silent.
struct Note {
  std::uint64_t offset = 0;  ///< octets from the start of the decoded message
  std::string field;         ///< the specification's own name
  std::string text;          ///< one lower-case sentence without a full stop

  friend bool operator==(const Note&, const Note&) = default;
};

/// One named field of an annotated dump.
struct FieldNote {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  int depth = 0;  ///< nesting, 0 for the outermost message
  std::string name;
  std::string value;  ///< printable reading, may be empty

  friend bool operator==(const FieldNote&, const FieldNote&) = default;
};

/// What a decoder says beside its value. Anomalies are always collected; the field list only when
/// somebody wants an annotated dump, since it costs an allocation per field.
class Notes {
 public:
  enum class Detail { kAnomalies, kFields };

  explicit Notes(Detail detail = Detail::kAnomalies) : detail_(detail) {}

  [[nodiscard]] bool wants_fields() const { return detail_ == Detail::kFields; }

  void add_anomaly(std::uint64_t offset, std::string_view field, std::string text) {
    if (anomalies.size() < kMostAnomalies) {
      anomalies.push_back({offset, std::string(field), std::move(text)});
    }
  }

  void add_field(FieldNote note) {
    if (wants_fields() && fields.size() < kMostFields) fields.push_back(std::move(note));
  }

  std::vector<Note> anomalies;
  std::vector<FieldNote> fields;

 private:
  // A hostile message can be odd in every octet; a report of a thousand oddities helps nobody.
  static constexpr std::size_t kMostAnomalies = 32;
  static constexpr std::size_t kMostFields = 16'384;

  Detail detail_;
};

}  // namespace rdpwhy::base

namespace rdpwhy {
using base::FieldNote;
using base::Note;
using base::Notes;
}  // namespace rdpwhy
