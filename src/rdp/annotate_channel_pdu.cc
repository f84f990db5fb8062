#include <fmt/format.h>

#include "rdp/annotated_part.h"
#include "rdpwhy/rdp/autodetect.h"
#include "rdpwhy/rdp/client_info.h"
#include "rdpwhy/rdp/heartbeat.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/multitransport.h"
#include "rdpwhy/rdp/redirection.h"
#include "rdpwhy/rdp/security_exchange.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/rdp/share_control.h"

namespace rdpwhy::rdp {
namespace {

namespace flags = security_flags;

constexpr std::size_t kBasicSize = 4;
/// Flags that say what follows. SEC_LICENSE_ENCRYPT and others only come with one of them.
constexpr std::uint16_t kPurposes =
    flags::kExchangePacket | flags::kTransportRequest | flags::kTransportResponse |
    flags::kInfoPacket | flags::kLicensePacket | flags::kRedirectionPacket |
    flags::kAutodetectRequest | flags::kAutodetectResponse | flags::kHeartbeat;

std::uint16_t u16le(ByteSpan octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] | octets[at + 1] << 8);
}

bool is_share_control(ByteSpan octets) {
  const auto size = share_control_size(octets);
  if (!size || *size != octets.size()) return false;
  const auto type = u16le(octets, 2);
  return type >> 4 == ShareControl::kVersion >> 4 && share_control_type_name(type & 0x0F);
}

bool has_purpose(ByteSpan octets) {
  if (octets.size() < kBasicSize) return false;
  const auto purpose = u16le(octets, 0) & kPurposes;
  return purpose != 0 && (purpose & (purpose - 1)) == 0;
}

bool is_encrypted(ByteSpan octets) {
  return octets.size() > kBasicSize && (u16le(octets, 0) & flags::kEncrypt) != 0 &&
         u16le(octets, 2) == 0;
}

std::string title_of_share(const ShareControl& pdu) {
  const auto name = share_control_type_name(pdu.type).value_or("PDU of an unknown type");
  const auto* data = std::get_if<ShareData>(&pdu.content);
  if (data == nullptr) return std::string(name);
  return fmt::format("{} {}", name, share_data_type_name(data->type).value_or("of unknown type"));
}

std::string append_share_control(AnnotatedPdu& pdu, const Part& part) {
  const auto decoded = append_part(pdu, part, decode_share_control);
  return decoded ? title_of_share(*decoded) : "share control PDU that cannot be read";
}

/// What stands behind a basic header whose flags say so.
std::string append_announced(AnnotatedPdu& pdu, const Part& part, std::uint16_t purpose) {
  switch (purpose) {
    case flags::kExchangePacket:
      append_part(pdu, part, decode_security_exchange);
      return "Security Exchange PDU";
    case flags::kTransportRequest:
      append_part(pdu, part, decode_multitransport_request);
      return "Initiate Multitransport Request PDU";
    case flags::kTransportResponse:
      append_part(pdu, part, decode_multitransport_response);
      return "Initiate Multitransport Response PDU";
    case flags::kInfoPacket:
      append_part(pdu, part, decode_client_info);
      return "Client Info PDU";
    case flags::kLicensePacket:
      if (append_part(pdu, part, decode_licensing))
        annotate_certificate_in(pdu, part, "ServerCertificate");
      return "licensing PDU";
    case flags::kHeartbeat:
      append_part(pdu, part, decode_heartbeat);
      return "Heartbeat PDU";
    default:
      append_part(pdu, part, decode_autodetect);
      return "auto-detect PDU";
  }
}

std::string append_secured(AnnotatedPdu& pdu, const Part& part) {
  const auto word = u16le(part.octets, 0);
  const auto purpose = static_cast<std::uint16_t>(word & kPurposes);
  const bool is_closed = (word & flags::kEncrypt) != 0;
  // In the clear the packet's own head is the security header.
  if (purpose == flags::kRedirectionPacket && !is_closed) {
    append_part(pdu, part, decode_server_redirection);
    return "Standard Security Server Redirection PDU";
  }
  const Part head{
      .octets = part.octets.first(kBasicSize), .offset = part.offset, .depth = part.depth};
  append_part(pdu, head, [](ByteSpan octets, Notes* notes) {
    return decode_security_header(octets, SecurityHeaderForm::kBasic, notes);
  });
  const auto rest = part.tail(part.octets.size() - kBasicSize);
  if (!is_closed) return append_announced(pdu, rest, purpose);
  pdu.fields.push_back({.offset = rest.offset,
                        .size = rest.octets.size(),
                        .depth = part.depth,
                        .name = "signature and encrypted data"});
  return "PDU under Standard RDP Security";
}

}  // namespace

bool begins_channel_pdu(ByteSpan user_data) {
  return is_share_control(user_data) || (has_purpose(user_data) && u16le(user_data, 2) == 0) ||
         is_encrypted(user_data);
}

std::string append_channel_pdu(AnnotatedPdu& pdu, const Part& part) {
  if (is_share_control(part.octets)) return append_share_control(pdu, part);
  if (has_purpose(part.octets) || is_encrypted(part.octets)) return append_secured(pdu, part);
  return {};
}

}  // namespace rdpwhy::rdp
