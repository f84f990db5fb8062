#include "rdpwhy/rdp/rdpeudp.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdp/bit_names.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::size_t kReservedSize = 16;
constexpr std::size_t kFixedSize = 16;

constexpr BitName kFlagNames[] = {
    {rdpudp_flags::kSyn, "RDPUDP_FLAG_SYN"},
    {rdpudp_flags::kFin, "RDPUDP_FLAG_FIN"},
    {rdpudp_flags::kAck, "RDPUDP_FLAG_ACK"},
    {rdpudp_flags::kData, "RDPUDP_FLAG_DATA"},
    {0x0010, "RDPUDP_FLAG_FEC"},
    {0x0020, "RDPUDP_FLAG_CN"},
    {0x0040, "RDPUDP_FLAG_CWR"},
    {0x0080, "RDPUDP_FLAG_SACK_OPTION"},
    {0x0100, "RDPUDP_FLAG_ACK_OF_ACKS"},
    {rdpudp_flags::kSynLossy, "RDPUDP_FLAG_SYNLOSSY"},
    {0x0400, "RDPUDP_FLAG_ACKDELAYED"},
    {rdpudp_flags::kCorrelationId, "RDPUDP_FLAG_CORRELATION_ID"},
    {rdpudp_flags::kSynEx, "RDPUDP_FLAG_SYNEX"},
};

constexpr BitName kVersionNames[] = {
    {RdpUdpSyn::kVersion1, "RDPUDP_PROTOCOL_VERSION_1"},
    {RdpUdpSyn::kVersion2, "RDPUDP_PROTOCOL_VERSION_2"},
    {RdpUdpSyn::kVersion3, "RDPUDP_PROTOCOL_VERSION_3"},
};

bool all_zero(ByteSpan octets) {
  return std::ranges::all_of(octets, [](auto octet) { return octet == 0; });
}

std::uint16_t read_mtu(Reader& r, std::string_view field) {
  const auto mtu = r.u16be(field);
  if (r.wants_fields()) r.value(std::to_string(mtu));
  r.expect(mtu >= RdpUdpSyn::kLeastMtu && mtu <= RdpUdpSyn::kMostMtu,
           fmt::format("is {}, out of the range 1132 to 1232", mtu), field);
  return mtu;
}

void read_syn_data(Reader& r, RdpUdpSyn& syn) {
  syn.initial_sequence_number = r.u32be("snInitialSequenceNumber");
  syn.up_stream_mtu = read_mtu(r, "uUpStreamMtu");
  syn.down_stream_mtu = read_mtu(r, "uDownStreamMtu");
}

void read_correlation_id(Reader& r, RdpUdpSyn& syn) {
  syn.correlation_id.emplace();
  std::ranges::copy(r.bytes(syn.correlation_id->size(), "uCorrelationId"),
                    syn.correlation_id->begin());
  r.expect(all_zero(r.bytes(kReservedSize, "uReserved")), "is not zero", "uReserved");
}

void read_syn_data_ex(Reader& r, RdpUdpSyn& syn) {
  syn.syn_ex_flags = r.u16be("uSynExFlags");
  syn.version = r.u16be("uUdpVer");
  if (r.wants_fields()) r.value(number_text(*syn.version, 4, kVersionNames));
  r.expect((*syn.syn_ex_flags & RdpUdpSyn::kVersionInfoValid) != 0,
           "does not say that the version is valid", "uSynExFlags");
  // Only a client's SYN has a hash: the server's answer to version 3 goes without.
  if (*syn.version != RdpUdpSyn::kVersion3 || syn.is_answer()) return;
  syn.cookie_hash.emplace();
  std::ranges::copy(r.bytes(syn.cookie_hash->size(), "cookieHash"), syn.cookie_hash->begin());
}

}  // namespace

std::vector<std::string> rdpudp_flag_names(std::uint16_t flags) {
  return names_of_bits(flags, kFlagNames);
}

std::optional<std::string_view> rdpudp_version_name(std::uint16_t version) {
  const auto name = name_of_number(version, kVersionNames);
  if (name.empty()) return std::nullopt;
  return name;
}

bool begins_rdpudp_syn(ByteSpan datagram) {
  if (datagram.size() < kFixedSize) return false;
  const auto be16 = [&](std::size_t at) { return datagram[at] << 8 | datagram[at + 1]; };
  const auto flags = static_cast<std::uint16_t>(be16(6));
  constexpr auto kMay = rdpudp_flags::kSyn | rdpudp_flags::kAck | rdpudp_flags::kSynLossy |
                        rdpudp_flags::kCorrelationId | rdpudp_flags::kSynEx;
  if ((flags & rdpudp_flags::kSyn) == 0 || (flags & ~kMay) != 0) return false;
  const bool acknowledges = (flags & rdpudp_flags::kAck) != 0;
  if (!acknowledges && !std::ranges::all_of(datagram.first(4), [](auto o) { return o == 0xFF; })) {
    return false;
  }
  const auto possible = [](int mtu) {
    return mtu >= RdpUdpSyn::kLeastMtu && mtu <= RdpUdpSyn::kMostMtu;
  };
  return possible(be16(12)) && possible(be16(14));
}

std::expected<RdpUdpSyn, DecodeError> decode_rdpudp_syn(ByteSpan datagram, Notes* notes) {
  Reader r(datagram, notes);
  RdpUdpSyn syn;
  syn.source_ack = r.u32be("snSourceAck");
  syn.receive_window = r.u16be("uReceiveWindowSize");
  syn.flags = r.u16be("uFlags");
  if (r.wants_fields()) r.value(bits_text(syn.flags, 4, kFlagNames));
  r.require((syn.flags & rdpudp_flags::kSyn) != 0, "does not have RDPUDP_FLAG_SYN", "uFlags");
  r.expect(syn.is_answer() || syn.source_ack == 0xFFFFFFFF, "is not 0xffffffff in a SYN",
           "snSourceAck", 0);
  read_syn_data(r, syn);
  if ((syn.flags & rdpudp_flags::kCorrelationId) != 0) read_correlation_id(r, syn);
  if ((syn.flags & rdpudp_flags::kSynEx) != 0) read_syn_data_ex(r, syn);
  syn.padding = static_cast<std::uint32_t>(r.left());
  if (r.more()) r.expect(all_zero(r.rest("padding")), "is not zero", "padding");
  return r.finish(syn);
}

Bytes encode(const RdpUdpSyn& syn) {
  Writer w;
  w.u32be(syn.source_ack).u16be(syn.receive_window).u16be(syn.flags);
  w.u32be(syn.initial_sequence_number).u16be(syn.up_stream_mtu).u16be(syn.down_stream_mtu);
  if (syn.correlation_id) w.bytes(*syn.correlation_id).zeros(kReservedSize);
  if (syn.version) w.u16be(syn.syn_ex_flags.value_or(0)).u16be(*syn.version);
  if (syn.cookie_hash) w.bytes(*syn.cookie_hash);
  return w.zeros(syn.padding).take();
}

}  // namespace rdpwhy::rdp
