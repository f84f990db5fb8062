#include "rdpwhy/rdp/negotiation.h"

#include <algorithm>

#include "rdp/bit_names.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::uint16_t kNegotiationSize = 8;
constexpr std::uint16_t kCorrelationSize = 36;
constexpr std::size_t kReservedSize = 16;

constexpr BitName kProtocolNames[] = {
    {static_cast<std::uint32_t>(Protocol::kSsl), "SSL"},
    {static_cast<std::uint32_t>(Protocol::kHybrid), "HYBRID"},
    {static_cast<std::uint32_t>(Protocol::kRdstls), "RDSTLS"},
    {static_cast<std::uint32_t>(Protocol::kHybridEx), "HYBRID_EX"},
    {static_cast<std::uint32_t>(Protocol::kRdsAad), "RDSAAD"},
};

constexpr BitName kRequestFlagNames[] = {
    {NegotiationRequest::kRestrictedAdminModeRequired, "RESTRICTED_ADMIN_MODE_REQUIRED"},
    {NegotiationRequest::kRedirectedAuthenticationModeRequired,
     "REDIRECTED_AUTHENTICATION_MODE_REQUIRED"},
    {NegotiationRequest::kCorrelationInfoPresent, "CORRELATION_INFO_PRESENT"},
};

constexpr BitName kResponseFlagNames[] = {
    {NegotiationResponse::kExtendedClientDataSupported, "EXTENDED_CLIENT_DATA_SUPPORTED"},
    {NegotiationResponse::kDynvcGfxProtocolSupported, "DYNVC_GFX_PROTOCOL_SUPPORTED"},
    {NegotiationResponse::kNegRspFlagReserved, "NEGRSP_FLAG_RESERVED"},
    {NegotiationResponse::kRestrictedAdminModeSupported, "RESTRICTED_ADMIN_MODE_SUPPORTED"},
    {NegotiationResponse::kRedirectedAuthenticationModeSupported,
     "REDIRECTED_AUTHENTICATION_MODE_SUPPORTED"},
};

constexpr std::string_view kFailureCodeNames[] = {
    "SSL_REQUIRED_BY_SERVER", "SSL_NOT_ALLOWED_BY_SERVER", "SSL_CERT_NOT_ON_SERVER",
    "INCONSISTENT_FLAGS",     "HYBRID_REQUIRED_BY_SERVER", "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
};

std::string reading(std::uint32_t value, int digits, const std::string& names) {
  return base::to_hex_number(value, digits) + ' ' + names;
}

// Type, flags and length stand alike at the head of all four structures.
void read_type(Reader& r, std::uint8_t wanted, std::string_view name) {
  const auto type = r.u8("type");
  if (type != wanted && !r.failed()) {
    r.require(false,
              base::to_hex_number(type, 2) + " is not the type of " + std::string(name) + " (" +
                  base::to_hex_number(wanted, 2) + ")",
              "type");
  }
  if (r.wants_fields()) r.value(reading(type, 2, std::string(name)));
}

void read_length(Reader& r, std::uint16_t wanted) {
  const auto length = r.u16le("length");
  if (r.wants_fields()) r.value(std::to_string(length));
  if (length != wanted && !r.failed()) {
    r.expect(false, "is " + std::to_string(length) + " and has to be " + std::to_string(wanted),
             "length");
  }
}

}  // namespace

std::vector<std::string> protocol_names(Protocols protocols) {
  return names_of_bits(protocols.bits, kProtocolNames);
}

std::string selected_protocol_name(std::uint32_t selected) {
  if (selected == 0) return "RDP";
  for (const auto& [bit, name] : kProtocolNames) {
    if (selected == bit) return std::string(name);
  }
  return base::to_hex_number(selected, 8);
}

std::optional<std::string_view> failure_code_name(std::uint32_t failure_code) {
  if (failure_code < 1 || failure_code > std::size(kFailureCodeNames)) return std::nullopt;
  return kFailureCodeNames[failure_code - 1];
}

std::vector<std::string> request_flag_names(std::uint8_t flags) {
  return names_of_bits(flags, kRequestFlagNames);
}

std::vector<std::string> response_flag_names(std::uint8_t flags) {
  return names_of_bits(flags, kResponseFlagNames);
}

NegotiationRequest read_negotiation_request(Reader& r) {
  NegotiationRequest request;
  read_type(r, NegotiationRequest::kType, "RDP_NEG_REQ");
  request.flags = r.u8("flags");
  if (r.wants_fields()) {
    r.value(bits_text(request.flags, 2, kRequestFlagNames));
  }
  read_length(r, kNegotiationSize);
  request.requested.bits = r.u32le("requestedProtocols");
  if (r.wants_fields()) {
    r.value(bits_text(request.requested.bits, 8, kProtocolNames, "RDP"));
  }
  return request;
}

void write(Writer& w, const NegotiationRequest& request) {
  w.u8(NegotiationRequest::kType).u8(request.flags).u16le(kNegotiationSize);
  w.u32le(request.requested.bits);
}

CorrelationInfo read_correlation_info(Reader& r) {
  CorrelationInfo info;
  read_type(r, CorrelationInfo::kType, "RDP_NEG_CORRELATION_INFO");
  r.expect(r.u8("flags") == 0, "no flags are defined, and some are set", "flags");
  read_length(r, kCorrelationSize);
  const auto id = r.bytes(info.correlation_id.size(), "correlationId");
  std::ranges::copy(id, info.correlation_id.begin());
  if (!id.empty()) {
    r.expect(id[0] != 0x00 && id[0] != 0xF4, "begins with 0x00 or 0xf4, which is forbidden",
             "correlationId");
    r.expect(std::ranges::find(id, 0x0D) == id.end(), "holds 0x0d, which is forbidden",
             "correlationId");
  }
  const auto reserved = r.bytes(kReservedSize, "reserved");
  r.expect(std::ranges::all_of(reserved, [](auto octet) { return octet == 0; }), "is not zero",
           "reserved");
  return info;
}

void write(Writer& w, const CorrelationInfo& info) {
  w.u8(CorrelationInfo::kType).u8(0).u16le(kCorrelationSize);
  w.bytes(info.correlation_id).zeros(kReservedSize);
}

NegotiationResponse read_negotiation_response(Reader& r) {
  NegotiationResponse response;
  read_type(r, NegotiationResponse::kType, "RDP_NEG_RSP");
  response.flags = r.u8("flags");
  if (r.wants_fields()) {
    r.value(bits_text(response.flags, 2, kResponseFlagNames));
  }
  read_length(r, kNegotiationSize);
  response.selected_protocol = r.u32le("selectedProtocol");
  if (r.wants_fields()) {
    const auto name = selected_protocol_name(response.selected_protocol);
    r.value(reading(response.selected_protocol, 8, name.starts_with("0x") ? "unknown" : name));
  }
  return response;
}

void write(Writer& w, const NegotiationResponse& response) {
  w.u8(NegotiationResponse::kType).u8(response.flags).u16le(kNegotiationSize);
  w.u32le(response.selected_protocol);
}

NegotiationFailure read_negotiation_failure(Reader& r) {
  NegotiationFailure failure;
  read_type(r, NegotiationFailure::kType, "RDP_NEG_FAILURE");
  failure.flags = r.u8("flags");
  r.expect(failure.flags == 0, "no flags are defined, and some are set", "flags");
  read_length(r, kNegotiationSize);
  failure.failure_code = r.u32le("failureCode");
  if (r.wants_fields()) {
    r.value(reading(failure.failure_code, 8,
                    std::string(failure_code_name(failure.failure_code).value_or("unknown"))));
  }
  return failure;
}

void write(Writer& w, const NegotiationFailure& failure) {
  w.u8(NegotiationFailure::kType).u8(failure.flags).u16le(kNegotiationSize);
  w.u32le(failure.failure_code);
}

}  // namespace rdpwhy::rdp
