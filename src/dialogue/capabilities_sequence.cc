#include "dialogue/capabilities_sequence.h"

#include "dialogue/finalization_sequence.h"
#include "dialogue/leave_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::dialogue {
namespace {

using rdp::CapabilityType;
using rdp::make_capability_set;

/// 2.2.7.1.8: ten caches of one size or another; none is used, but servers check that they are
/// there.
rdp::CapabilitySet glyph_cache() {
  auto set = make_capability_set(CapabilityType::kGlyphCache, {});
  Writer w;
  constexpr std::uint16_t kEntries = 254;
  for (const unsigned size : {4u, 4u, 8u, 8u, 16u, 32u, 64u, 128u, 256u}) {
    w.u16le(kEntries).u16le(static_cast<std::uint16_t>(size));
  }
  w.u16le(64).u16le(2048);
  rdp::set_octets(set, "GlyphCache", w.view());
  return set;
}

std::uint32_t number_of(const rdp::DemandActive& demand, CapabilityType type,
                        std::string_view field, std::uint32_t otherwise) {
  const auto* set = rdp::find(demand.capability_sets, type);
  return set == nullptr ? otherwise : set->number(field).value_or(otherwise);
}

}  // namespace

rdp::ConfirmActive confirm_active(const rdp::DemandActive& demand, const SessionPlan& plan) {
  const auto of_bitmap = [&](std::string_view field, std::uint32_t otherwise) {
    return number_of(demand, CapabilityType::kBitmap, field, otherwise);
  };
  constexpr std::uint32_t kExtraFlags = rdp::kFastPathOutputSupported |
                                        rdp::kLongCredentialsSupported |
                                        rdp::kNoBitmapCompressionHeader;
  rdp::ConfirmActive confirm{.share_id = demand.share_id, .source_descriptor = "MSTSC"};
  confirm.capability_sets = {
      make_capability_set(CapabilityType::kGeneral, {{"osMajorType", 1},
                                                     {"osMinorType", 3},
                                                     {"protocolVersion", 0x0200},
                                                     {"extraFlags", kExtraFlags}}),
      make_capability_set(CapabilityType::kBitmap,
                          {{"preferredBitsPerPixel", of_bitmap("preferredBitsPerPixel", 16)},
                           {"receive1BitPerPixel", 1},
                           {"receive4BitsPerPixel", 1},
                           {"receive8BitsPerPixel", 1},
                           {"desktopWidth", of_bitmap("desktopWidth", plan.desktop_width)},
                           {"desktopHeight", of_bitmap("desktopHeight", plan.desktop_height)},
                           {"desktopResizeFlag", 1},
                           {"bitmapCompressionFlag", 1},
                           {"multipleRectangleSupport", 1}}),
      make_capability_set(CapabilityType::kOrder, {{"desktopSaveXGranularity", 1},
                                                   {"desktopSaveYGranularity", 20},
                                                   {"maximumOrderLevel", 1},
                                                   {"orderFlags", 0x000A},
                                                   {"desktopSaveSize", 230400}}),
      make_capability_set(CapabilityType::kBitmapCache, {{"Cache0Entries", 200},
                                                         {"Cache0MaximumCellSize", 0x0100},
                                                         {"Cache1Entries", 600},
                                                         {"Cache1MaximumCellSize", 0x0400},
                                                         {"Cache2Entries", 1000},
                                                         {"Cache2MaximumCellSize", 0x1000}}),
      make_capability_set(
          CapabilityType::kPointer,
          {{"colorPointerFlag", 1}, {"colorPointerCacheSize", 20}, {"pointerCacheSize", 20}}),
      make_capability_set(CapabilityType::kInput, {{"inputFlags", 0x0035},
                                                   {"keyboardLayout", 0x0409},
                                                   {"keyboardType", 4},
                                                   {"keyboardFunctionKey", 12}}),
      make_capability_set(CapabilityType::kBrush, {}),
      glyph_cache(),
      make_capability_set(CapabilityType::kVirtualChannel, {{"VCChunkSize", 1600}}),
      make_capability_set(CapabilityType::kSound, {}),
      make_capability_set(CapabilityType::kShare, {}),
      make_capability_set(CapabilityType::kFont, {{"fontSupportFlags", 1}}),
      make_capability_set(CapabilityType::kControl,
                          {{"controlInterest", 2}, {"detachInterest", 2}}),
      make_capability_set(CapabilityType::kActivation, {}),
      make_capability_set(CapabilityType::kColorCache, {{"colorTableCacheSize", 6}}),
  };
  return confirm;
}

Step CapabilitiesSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (confirmed_) {
    if (!path_->wants(Phase::kFinalization)) return leave(std::move(path_), phase());
    return Next{std::make_unique<FinalizationSequence>(std::move(path_))};
  }
  if (demand_) return server_is_done(evidence) ? Step(Finish{}) : confirm();
  while (const auto* e = path_->next_of_server(evidence)) {
    if (auto answer = path_->answer_to_request(*e)) {
      if (server_is_done(evidence)) return Finish{};
      return Send{std::move(*answer)};
    }
    if (record::error_info_in(*e) || record::redirects(*e)) {
      return leave(std::move(path_), phase(), LeaveSequence::Why::kRefused);
    }
    const auto* demand = record::share_control_in<rdp::DemandActive>(*e);
    if (demand == nullptr) continue;
    if (server_is_done(evidence)) return Finish{};
    if (!path_->wants(Phase::kCapabilities)) return leave(std::move(path_), phase());
    demand_ = *demand;
    return confirm();
  }
  if (server_is_done(evidence)) return Finish{};
  return Await{};
}

Step CapabilitiesSequence::confirm() {
  confirmed_ = true;
  path_->shares(demand_->share_id);
  const auto pdu =
      rdp::encode(confirm_active(*demand_, path_->plan().session), path_->user_channel());
  return Send{path_->on_io_channel(pdu)};
}

}  // namespace rdpwhy::dialogue
