#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

// MS-RDPBCGR 2.2.7 and the documents that it points to (MS-RDPEGDI, MS-RDPERP, MS-RDPRFX, ...):
// capability sets.
namespace rdpwhy::rdp {

/// TS_CAPS_SET, capabilitySetType.
enum class CapabilityType : std::uint16_t {
  kGeneral = 0x01,
  kBitmap = 0x02,
  kOrder = 0x03,
  kBitmapCache = 0x04,
  kControl = 0x05,
  kActivation = 0x07,
  kPointer = 0x08,
  kShare = 0x09,
  kColorCache = 0x0A,
  kSound = 0x0C,
  kInput = 0x0D,
  kFont = 0x0E,
  kBrush = 0x0F,
  kGlyphCache = 0x10,
  kOffscreenCache = 0x11,
  kBitmapCacheHostSupport = 0x12,
  kBitmapCacheRev2 = 0x13,
  kVirtualChannel = 0x14,
  kDrawNineGridCache = 0x15,
  kDrawGdiPlus = 0x16,
  kRail = 0x17,
  kWindow = 0x18,
  kDesktopComposition = 0x19,
  kMultifragmentUpdate = 0x1A,
  kLargePointer = 0x1B,
  kSurfaceCommands = 0x1C,
  kBitmapCodecs = 0x1D,
  kFrameAcknowledge = 0x1E,
};

/// 2.2.1.13.1.1.1 TS_CAPS_SET: a type and what stands behind its four octets of header. Which
/// numbers they are is in one table (capabilities.cc), by the specification's names; a set that the
/// table does not know, or that is shorter than the table says, is kept all the same.
struct CapabilitySet {
  static constexpr std::size_t kHeaderSize = 4;

  std::uint16_t type = 0;
  Bytes body;

  /// A number of the set by its name ("desktopWidth", "extraFlags"); nothing where the set has no
  /// such field or ends before it.
  [[nodiscard]] std::optional<std::uint32_t> number(std::string_view field) const;

  friend bool operator==(const CapabilitySet&, const CapabilitySet&) = default;
};

/// "CAPSTYPE_GENERAL", ...; nothing for an unknown one.
[[nodiscard]] std::optional<std::string_view> capability_type_name(std::uint16_t type);

/// 2.2.7.1.1 TS_GENERAL_CAPABILITYSET, extraFlags.
inline constexpr std::uint16_t kFastPathOutputSupported = 0x0001;
inline constexpr std::uint16_t kNoBitmapCompressionHeader = 0x0400;
inline constexpr std::uint16_t kLongCredentialsSupported = 0x0004;
inline constexpr std::uint16_t kAutoReconnectSupported = 0x0008;
/// 5.3.6.1.1: MACs are salted when both sides say so.
inline constexpr std::uint16_t kEncSaltedChecksum = 0x0010;
[[nodiscard]] std::vector<std::string> general_extra_flag_names(std::uint16_t flags);

/// The set of that type, or null.
[[nodiscard]] const CapabilitySet* find(const std::vector<CapabilitySet>& sets,
                                        CapabilityType type);

/// One field of a Bitmap Codecs set (2.2.7.2.10.1.1 TS_BITMAPCODEC).
struct BitmapCodec {
  std::string guid;  ///< "76772f12-bd72-4463-afb3-b73c9c6f7886"
  std::uint8_t id = 0;
  std::uint32_t property_octets = 0;
  friend bool operator==(const BitmapCodec&, const BitmapCodec&) = default;
};
/// Those of them that are whole.
[[nodiscard]] std::vector<BitmapCodec> bitmap_codecs(const CapabilitySet& set);

/// `count` sets. A length that does not hold the set's own header, or more than there is, cannot be
/// read past; what else is odd is noted.
[[nodiscard]] std::vector<CapabilitySet> read_capability_sets(Reader& r, std::uint16_t count);
void write(Writer& w, const CapabilitySet& set);

/// A set of zeros with the numbers given. A name that the set does not have is our bug.
[[nodiscard]] CapabilitySet make_capability_set(
    CapabilityType type, std::initializer_list<std::pair<std::string_view, std::uint32_t>> numbers);
/// Octets of the set's body beginning at a field, as the orderSupport array.
void set_octets(CapabilitySet& set, std::string_view field, ByteSpan octets);

}  // namespace rdpwhy::rdp
