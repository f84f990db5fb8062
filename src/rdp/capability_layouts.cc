#include "rdp/capability_layouts.h"

#include <algorithm>
#include <iterator>

#include "rdpwhy/rdp/capabilities.h"

namespace rdpwhy::rdp {
namespace {

using Field = CapabilityField;

// MS-RDPBCGR 2.2.7.1.1
constexpr Field kGeneralFields[] = {
    {"osMajorType", 2},
    {"osMinorType", 2},
    {"protocolVersion", 2},
    {"pad2octetsA", 2},
    {"generalCompressionTypes", 2},
    {"extraFlags", 2},
    {"updateCapabilityFlag", 2},
    {"remoteUnshareFlag", 2},
    {"generalCompressionLevel", 2},
    {"refreshRectSupport", 1},
    {"suppressOutputSupport", 1},
};
// 2.2.7.1.2
constexpr Field kBitmapFields[] = {
    {"preferredBitsPerPixel", 2},
    {"receive1BitPerPixel", 2},
    {"receive4BitsPerPixel", 2},
    {"receive8BitsPerPixel", 2},
    {"desktopWidth", 2},
    {"desktopHeight", 2},
    {"pad2octets", 2},
    {"desktopResizeFlag", 2},
    {"bitmapCompressionFlag", 2},
    {"highColorFlags", 1},
    {"drawingFlags", 1},
    {"multipleRectangleSupport", 2},
    {"pad2octetsB", 2},
};
// 2.2.7.1.3
constexpr Field kOrderFields[] = {
    {"terminalDescriptor", 16},
    {"pad4octetsA", 4},
    {"desktopSaveXGranularity", 2},
    {"desktopSaveYGranularity", 2},
    {"pad2octetsA", 2},
    {"maximumOrderLevel", 2},
    {"numberFonts", 2},
    {"orderFlags", 2},
    {"orderSupport", 32},
    {"textFlags", 2},
    {"orderSupportExFlags", 2},
    {"pad4octetsB", 4},
    {"desktopSaveSize", 4},
    {"pad2octetsC", 2},
    {"pad2octetsD", 2},
    {"textANSICodePage", 2},
    {"pad2octetsE", 2},
};
// 2.2.7.1.4.1
constexpr Field kBitmapCacheFields[] = {
    {"pad1", 4},          {"pad2", 4},
    {"pad3", 4},          {"pad4", 4},
    {"pad5", 4},          {"pad6", 4},
    {"Cache0Entries", 2}, {"Cache0MaximumCellSize", 2},
    {"Cache1Entries", 2}, {"Cache1MaximumCellSize", 2},
    {"Cache2Entries", 2}, {"Cache2MaximumCellSize", 2},
};
// 2.2.7.2.2
constexpr Field kControlFields[] = {
    {"controlFlags", 2},
    {"remoteDetachFlag", 2},
    {"controlInterest", 2},
    {"detachInterest", 2},
};
// 2.2.7.2.3
constexpr Field kActivationFields[] = {
    {"helpKeyFlag", 2},
    {"helpKeyIndexFlag", 2},
    {"helpExtendedKeyFlag", 2},
    {"windowManagerKeyFlag", 2},
};
// 2.2.7.1.5
constexpr Field kPointerFields[] = {
    {"colorPointerFlag", 2},
    {"colorPointerCacheSize", 2},
    {"pointerCacheSize", 2},
};
// 2.2.7.2.4
constexpr Field kShareFields[] = {{"nodeId", 2}, {"pad2octets", 2}};
// 2.2.1.2.7 of MS-RDPEGDI
constexpr Field kColorCacheFields[] = {{"colorTableCacheSize", 2}, {"pad2octets", 2}};
// 2.2.7.1.11
constexpr Field kSoundFields[] = {{"soundFlags", 2}, {"pad2octetsA", 2}};
// 2.2.7.1.6
constexpr Field kInputFields[] = {
    {"inputFlags", 2},      {"pad2octetsA", 2},         {"keyboardLayout", 4}, {"keyboardType", 4},
    {"keyboardSubType", 4}, {"keyboardFunctionKey", 4}, {"imeFileName", 64},
};
// 2.2.7.2.5
constexpr Field kFontFields[] = {{"fontSupportFlags", 2}, {"pad2octets", 2}};
// 2.2.7.1.7
constexpr Field kBrushFields[] = {{"brushSupportLevel", 4}};
// 2.2.7.1.8
constexpr Field kGlyphCacheFields[] = {
    {"GlyphCache", 40},
    {"FragCache", 4},
    {"GlyphSupportLevel", 2},
    {"pad2octets", 2},
};
// 2.2.7.1.9
constexpr Field kOffscreenCacheFields[] = {
    {"offscreenSupportLevel", 4},
    {"offscreenCacheSize", 2},
    {"offscreenCacheEntries", 2},
};
// 2.2.7.2.1
constexpr Field kBitmapCacheHostSupportFields[] = {{"cacheVersion", 1}, {"pad1", 1}, {"pad2", 2}};
// 2.2.7.1.4.2
constexpr Field kBitmapCacheRev2Fields[] = {
    {"CacheFlags", 2},
    {"pad2", 1},
    {"NumCellCaches", 1},
    {"BitmapCache0CellInfo", 4},
    {"BitmapCache1CellInfo", 4},
    {"BitmapCache2CellInfo", 4},
    {"BitmapCache3CellInfo", 4},
    {"BitmapCache4CellInfo", 4},
    {"Pad3", 12},
};
// 2.2.7.1.10
constexpr Field kVirtualChannelFields[] = {{"flags", 4}, {"VCChunkSize", 4}};
// 2.2.1.2 of MS-RDPEGDI
constexpr Field kDrawNineGridCacheFields[] = {
    {"drawNineGridSupportLevel", 4},
    {"drawNineGridCacheSize", 2},
    {"drawNineGridCacheEntries", 2},
};
// 2.2.1.3 of MS-RDPEGDI
constexpr Field kDrawGdiPlusFields[] = {
    {"drawGDIPlusSupportLevel", 4},       {"GdipVersion", 4},
    {"drawGdiplusCacheLevel", 4},         {"GdipGraphicsCacheEntries", 2},
    {"GdipBrushCacheEntries", 2},         {"GdipPenCacheEntries", 2},
    {"GdipImageCacheEntries", 2},         {"GdipImageAttributesCacheEntries", 2},
    {"GdipGraphicsCacheChunkSize", 2},    {"GdipObjectBrushCacheChunkSize", 2},
    {"GdipObjectPenCacheChunkSize", 2},   {"GdipObjectImageAttributesCacheChunkSize", 2},
    {"GdipObjectImageCacheChunkSize", 2}, {"GdipObjectImageCacheTotalSize", 2},
    {"GdipObjectImageCacheMaxSize", 2},
};
// 2.2.1.1.1 of MS-RDPERP
constexpr Field kRailFields[] = {{"RailSupportLevel", 4}};
// 2.2.1.1.2 of MS-RDPERP
constexpr Field kWindowFields[] = {
    {"WndSupportLevel", 4},
    {"NumIconCaches", 1},
    {"NumIconCacheEntries", 2},
};
// 2.2.7.2.8
constexpr Field kDesktopCompositionFields[] = {{"CompDeskSupportLevel", 2}};
// 2.2.7.2.6
constexpr Field kMultifragmentUpdateFields[] = {{"MaxRequestSize", 4}};
// 2.2.7.2.7
constexpr Field kLargePointerFields[] = {{"largePointerSupportFlags", 2}};
// 2.2.7.2.9
constexpr Field kSurfaceCommandsFields[] = {{"cmdFlags", 4}, {"reserved", 4}};
// 2.2.7.2.10
constexpr Field kBitmapCodecsFields[] = {{"bitmapCodecCount", 1}};
// 2.2.1.3.1 of MS-RDPRFX, by its Windows notes
constexpr Field kFrameAcknowledgeFields[] = {{"maxUnacknowledgedFrameCount", 4}};

constexpr std::uint16_t number(CapabilityType type) { return static_cast<std::uint16_t>(type); }

constexpr std::uint8_t size_of(std::span<const Field> fields) {
  int size = 0;
  for (const auto& field : fields) size += field.size;
  return static_cast<std::uint8_t>(size);
}

constexpr CapabilityLayout row(CapabilityType type, std::string_view name,
                               std::span<const Field> fields) {
  return {number(type), name, fields, size_of(fields)};
}
constexpr CapabilityLayout row(CapabilityType type, std::string_view name,
                               std::span<const Field> fields, std::uint8_t least,
                               bool goes_on = false) {
  return {number(type), name, fields, least, goes_on};
}

constexpr CapabilityLayout kLayouts[] = {
    row(CapabilityType::kGeneral, "CAPSTYPE_GENERAL", kGeneralFields),
    row(CapabilityType::kBitmap, "CAPSTYPE_BITMAP", kBitmapFields),
    row(CapabilityType::kOrder, "CAPSTYPE_ORDER", kOrderFields),
    row(CapabilityType::kBitmapCache, "CAPSTYPE_BITMAPCACHE", kBitmapCacheFields),
    row(CapabilityType::kControl, "CAPSTYPE_CONTROL", kControlFields),
    row(CapabilityType::kActivation, "CAPSTYPE_ACTIVATION", kActivationFields),
    row(CapabilityType::kPointer, "CAPSTYPE_POINTER", kPointerFields, 4),
    row(CapabilityType::kShare, "CAPSTYPE_SHARE", kShareFields),
    row(CapabilityType::kColorCache, "CAPSTYPE_COLORCACHE", kColorCacheFields),
    row(CapabilityType::kSound, "CAPSTYPE_SOUND", kSoundFields),
    row(CapabilityType::kInput, "CAPSTYPE_INPUT", kInputFields),
    row(CapabilityType::kFont, "CAPSTYPE_FONT", kFontFields, 0),
    row(CapabilityType::kBrush, "CAPSTYPE_BRUSH", kBrushFields),
    row(CapabilityType::kGlyphCache, "CAPSTYPE_GLYPHCACHE", kGlyphCacheFields),
    row(CapabilityType::kOffscreenCache, "CAPSTYPE_OFFSCREENCACHE", kOffscreenCacheFields),
    row(CapabilityType::kBitmapCacheHostSupport, "CAPSTYPE_BITMAPCACHE_HOSTSUPPORT",
        kBitmapCacheHostSupportFields),
    row(CapabilityType::kBitmapCacheRev2, "CAPSTYPE_BITMAPCACHE_REV2", kBitmapCacheRev2Fields),
    row(CapabilityType::kVirtualChannel, "CAPSTYPE_VIRTUALCHANNEL", kVirtualChannelFields, 4),
    row(CapabilityType::kDrawNineGridCache, "CAPSTYPE_DRAWNINEGRIDCACHE", kDrawNineGridCacheFields),
    row(CapabilityType::kDrawGdiPlus, "CAPSTYPE_DRAWGDIPLUS", kDrawGdiPlusFields),
    row(CapabilityType::kRail, "CAPSTYPE_RAIL", kRailFields),
    row(CapabilityType::kWindow, "CAPSTYPE_WINDOW", kWindowFields),
    row(CapabilityType::kDesktopComposition, "CAPSETTYPE_COMPDESK", kDesktopCompositionFields),
    row(CapabilityType::kMultifragmentUpdate, "CAPSETTYPE_MULTIFRAGMENTUPDATE",
        kMultifragmentUpdateFields),
    row(CapabilityType::kLargePointer, "CAPSETTYPE_LARGE_POINTER", kLargePointerFields),
    row(CapabilityType::kSurfaceCommands, "CAPSETTYPE_SURFACE_COMMANDS", kSurfaceCommandsFields),
    row(CapabilityType::kBitmapCodecs, "CAPSETTYPE_BITMAP_CODECS", kBitmapCodecsFields, 1, true),
    row(CapabilityType::kFrameAcknowledge, "CAPSSETTYPE_FRAME_ACKNOWLEDGE",
        kFrameAcknowledgeFields),
};

}  // namespace

const CapabilityLayout* capability_layout(std::uint16_t type) {
  const auto* found = std::ranges::find(kLayouts, type, &CapabilityLayout::type);
  return found == std::end(kLayouts) ? nullptr : found;
}

}  // namespace rdpwhy::rdp
