#include "rdpwhy/rdp/x224.h"

#include <algorithm>
#include <string_view>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::string_view kCookiePrefix = "Cookie: mstshash=";
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kNegotiationSize = 8;
constexpr std::size_t kCorrelationSize = 36;
constexpr std::uint8_t kEndOfTsdu = 0x80;
constexpr std::uint8_t kMostLi = 254;  // 255 is reserved
constexpr std::size_t kKeptOctets = 16;

std::string_view name_of(std::uint8_t code) {
  switch (TpduCode{code}) {
    case TpduCode::kConnectionRequest:
      return "CR, Connection Request";
    case TpduCode::kConnectionConfirm:
      return "CC, Connection Confirm";
    case TpduCode::kDisconnectRequest:
      return "DR, Disconnect Request";
    case TpduCode::kData:
      return "DT, Data";
    case TpduCode::kError:
      return "ER, Error";
  }
  return {};
}

std::string shown(ByteSpan text) {
  constexpr std::size_t kMostShown = 64;
  const auto cut = text.first(std::min(text.size(), kMostShown));
  return '"' + base::printable(base::as_text(cut)) + (cut.size() < text.size() ? "...\"" : "\"");
}

// X.224 13.1: LI counts the octets of the header behind itself. Requests and confirms are all
// header, so that it counts everything; who gets it wrong is read to the end of the TPKT all the
// same.
void read_length_indicator(Reader& r, std::size_t tpdu_size) {
  const auto li = r.u8("LI");
  if (r.wants_fields()) r.value(std::to_string(li) + " octets follow");
  if (r.failed() || li + 1u == tpdu_size) return;
  r.expect(false,
           "says " + std::to_string(li) + " octets follow, the TPKT holds " +
               std::to_string(tpdu_size - 1),
           "LI");
}

void read_code(Reader& r, TpduCode wanted) {
  const auto octet = r.u8("TPDU code");
  const auto code = static_cast<std::uint8_t>(octet & 0xF0);
  if (r.failed()) return;
  if (r.wants_fields()) {
    r.value(base::to_hex_number(octet, 2) + ' ' + std::string(name_of(code)));
  }
  if (code != static_cast<std::uint8_t>(wanted)) {
    r.require(false,
              base::to_hex_number(octet, 2) + " is not the code of " +
                  std::string(name_of(static_cast<std::uint8_t>(wanted))),
              "TPDU code");
  }
  r.expect((octet & 0x0F) == 0, "the low half is not zero, as class 0 has it", "TPDU code");
}

void read_references(Reader& r, std::uint16_t& dst_ref, std::uint16_t& src_ref) {
  dst_ref = r.u16be("DST-REF");
  src_ref = r.u16be("SRC-REF");
}

// X.224 13.3.4 and 13.4.4: parameters are code, length, value.
bool are_parameters(ByteSpan bytes) {
  if (bytes.empty()) return false;
  while (!bytes.empty()) {
    if (bytes[0] < 0x80 || bytes.size() < 2 || bytes.size() - 2 < bytes[1]) return false;
    bytes = bytes.subspan(2u + bytes[1]);
  }
  return true;
}

Bytes read_parameters(Reader& r) {
  Bytes parameters = base::to_bytes(r.rest("parameters"));
  r.expect(parameters.empty(), "X.224 parameters, which RDP does not use", "parameters");
  return parameters;
}

void skip_surplus(Reader& r) {
  if (!r.more()) return;
  const auto surplus = r.rest("surplus");
  r.expect(false, std::to_string(surplus.size()) + " octets behind the last known field");
}

// A cookie or a routing token: all up to CR LF.
void read_line(Reader& r, ConnectionRequest& request) {
  const auto ahead = base::as_text(r.peek(r.left()));
  const auto end = ahead.find(kLineEnd);
  const bool is_cookie = ahead.starts_with(kCookiePrefix);
  const std::string_view field = is_cookie ? "cookie" : "routingToken";
  if (end == std::string_view::npos) {
    r.require(false, "is not ended by CR LF: " + shown(base::as_bytes(ahead)), field, r.offset());
    return;
  }
  const auto line = r.bytes(end, field);
  if (r.wants_fields()) r.value(shown(line));
  r.expect(!line.empty(), "is an empty line", field);
  if (request.cookie || request.routing_token) {
    r.expect(false, "a further line: " + shown(line), field);
  }
  auto& kept = is_cookie ? request.cookie : request.routing_token;
  if (!kept) kept = base::as_text(line.subspan(is_cookie ? kCookiePrefix.size() : 0));
  r.skip(kLineEnd.size(), "CR LF");
}

// MS-RDPBCGR 2.2.1.1: routingToken or cookie, rdpNegReq, rdpCorrelationInfo.
void read_variable_part(Reader& r, ConnectionRequest& request) {
  std::uint64_t flags_at = 0;
  while (r.more()) {
    const auto ahead = r.peek(r.left());
    if (!request.negotiation && ahead[0] == NegotiationRequest::kType) {
      flags_at = r.offset() + 1;
      auto part = r.block(std::min(ahead.size(), kNegotiationSize), "rdpNegReq");
      request.negotiation = read_negotiation_request(part);
    } else if (request.negotiation && !request.correlation && ahead[0] == CorrelationInfo::kType) {
      auto part = r.block(std::min(ahead.size(), kCorrelationSize), "rdpCorrelationInfo");
      request.correlation = read_correlation_info(part);
    } else if (request.negotiation) {
      skip_surplus(r);
    } else if (!request.cookie && !request.routing_token && are_parameters(ahead)) {
      // Asked once only: many short lines that look like parameters would cost the square of them.
      request.parameters = read_parameters(r);
    } else if (ahead[0] < 0x20 && ahead[0] != '\r') {
      r.require(false, base::to_hex_number(ahead[0], 2) + " begins neither a line nor RDP_NEG_REQ",
                "type", r.offset());
    } else {
      read_line(r, request);
    }
  }
  if (!request.negotiation) return;
  const bool announced =
      (request.negotiation->flags & NegotiationRequest::kCorrelationInfoPresent) != 0;
  r.expect(announced == request.correlation.has_value(),
           announced ? "CORRELATION_INFO_PRESENT is set and no RDP_NEG_CORRELATION_INFO follows"
                     : "RDP_NEG_CORRELATION_INFO without CORRELATION_INFO_PRESENT",
           "flags", flags_at);
}

void read_confirm_part(Reader& r, ConnectionConfirm& confirm) {
  if (!r.more()) return;
  const auto ahead = r.peek(r.left());
  switch (ahead[0]) {
    case NegotiationResponse::kType: {
      auto part = r.block(std::min(ahead.size(), kNegotiationSize), "rdpNegData");
      confirm.negotiation = read_negotiation_response(part);
      break;
    }
    case NegotiationFailure::kType: {
      auto part = r.block(std::min(ahead.size(), kNegotiationSize), "rdpNegData");
      confirm.negotiation = read_negotiation_failure(part);
      break;
    }
    default:
      if (are_parameters(ahead)) {
        confirm.parameters = read_parameters(r);
        return;
      }
      r.require(false,
                base::to_hex_number(ahead[0], 2) + " is neither RDP_NEG_RSP nor RDP_NEG_FAILURE",
                "type", r.offset());
  }
  skip_surplus(r);
}

// X.224 13.7, class 0: LI, code, EOT and TPDU-NR, then user data up to the end of the TPKT.
std::expected<Tpdu, DecodeError> decode_data(ByteSpan tpdu, Notes* notes) {
  Reader r(tpdu, notes);
  const auto li = r.u8("LI");
  read_code(r, TpduCode::kData);
  const auto eot = r.u8("EOT");
  r.require(li >= 2 && li < tpdu.size(),
            "says " + std::to_string(li) + ", a Data TPDU has 2 and its TPKT holds " +
                std::to_string(tpdu.size() - std::min<std::size_t>(1, tpdu.size())),
            "LI", 0);
  r.expect(li == 2, "is not 2, as class 0 has it", "LI", 0);
  r.expect(eot == kEndOfTsdu, "is not 0x80: the TSDU goes on in a further TPDU", "EOT");
  if (li > 2) r.skip(li - 2u, "parameters");
  if (r.left() >= 2 && next_is_ultimatum(r)) {
    const auto ultimatum = read_ultimatum(r);
    skip_surplus(r);
    return r.finish(Tpdu(ultimatum));
  }
  const auto user_data = r.rest("user data");
  return r.finish(Tpdu(
      DataTpdu{.size = static_cast<std::uint32_t>(user_data.size()),
               .first = base::to_bytes(user_data.first(std::min(user_data.size(), kKeptOctets)))}));
}

template <typename T>
std::expected<Tpdu, DecodeError> widened(std::expected<T, DecodeError> decoded) {
  if (!decoded) return std::unexpected(std::move(decoded.error()));
  return Tpdu(*std::move(decoded));
}

void write_fixed_part(Writer& w, TpduCode code, std::uint16_t dst_ref, std::uint16_t src_ref,
                      std::uint8_t last) {
  w.u8(static_cast<std::uint8_t>(code)).u16be(dst_ref).u16be(src_ref).u8(last);
}

// LI stands before what it counts and does not count itself, as block8 has it.
Bytes checked(Writer& w) {
  RDPWHY_CHECK(w.view()[0] <= kMostLi);
  return w.take();
}

}  // namespace

std::expected<ConnectionRequest, DecodeError> decode_connection_request(ByteSpan tpdu,
                                                                        Notes* notes) {
  Reader r(tpdu, notes);
  ConnectionRequest request;
  read_length_indicator(r, tpdu.size());
  read_code(r, TpduCode::kConnectionRequest);
  read_references(r, request.dst_ref, request.src_ref);
  r.expect(request.dst_ref == 0, "is not zero in a request", "DST-REF", 2);
  request.class_option = r.u8("CLASS OPTION");
  r.expect(request.class_option == 0, "is not class 0", "CLASS OPTION");
  read_variable_part(r, request);
  return r.finish(std::move(request));
}

std::size_t variable_size(const ConnectionRequest& request) {
  return (request.routing_token ? request.routing_token->size() + kLineEnd.size() : 0) +
         (request.cookie ? kCookiePrefix.size() + request.cookie->size() + kLineEnd.size() : 0) +
         (request.negotiation ? kNegotiationSize : 0) +
         (request.correlation ? kCorrelationSize : 0) + request.parameters.size();
}

Bytes encode(const ConnectionRequest& request) {
  RDPWHY_CHECK(variable_size(request) <= ConnectionRequest::kMostVariableOctets);
  Writer w;
  {
    const auto li = w.block8();
    write_fixed_part(w, TpduCode::kConnectionRequest, request.dst_ref, request.src_ref,
                     request.class_option);
    if (request.routing_token) w.text(*request.routing_token).text(kLineEnd);
    if (request.cookie) w.text(kCookiePrefix).text(*request.cookie).text(kLineEnd);
    if (request.negotiation) write(w, *request.negotiation);
    if (request.correlation) write(w, *request.correlation);
    w.bytes(request.parameters);
  }
  return checked(w);
}

std::expected<ConnectionConfirm, DecodeError> decode_connection_confirm(ByteSpan tpdu,
                                                                        Notes* notes) {
  Reader r(tpdu, notes);
  ConnectionConfirm confirm;
  read_length_indicator(r, tpdu.size());
  read_code(r, TpduCode::kConnectionConfirm);
  read_references(r, confirm.dst_ref, confirm.src_ref);
  confirm.class_option = r.u8("CLASS OPTION");
  r.expect(confirm.class_option == 0, "is not class 0", "CLASS OPTION");
  read_confirm_part(r, confirm);
  return r.finish(std::move(confirm));
}

Bytes encode(const ConnectionConfirm& confirm) {
  Writer w;
  {
    const auto li = w.block8();
    write_fixed_part(w, TpduCode::kConnectionConfirm, confirm.dst_ref, confirm.src_ref,
                     confirm.class_option);
    if (const auto* response = confirm.response()) write(w, *response);
    if (const auto* failure = confirm.failure()) write(w, *failure);
    w.bytes(confirm.parameters);
  }
  return checked(w);
}

std::expected<DisconnectRequest, DecodeError> decode_disconnect_request(ByteSpan tpdu,
                                                                        Notes* notes) {
  Reader r(tpdu, notes);
  DisconnectRequest request;
  read_length_indicator(r, tpdu.size());
  read_code(r, TpduCode::kDisconnectRequest);
  read_references(r, request.dst_ref, request.src_ref);
  request.reason = r.u8("REASON");
  skip_surplus(r);  // X.224 13.5.4: parameters that say more, as text that nobody has agreed upon
  return r.finish(request);
}

Bytes encode(const DisconnectRequest& request) {
  Writer w;
  {
    const auto li = w.block8();
    write_fixed_part(w, TpduCode::kDisconnectRequest, request.dst_ref, request.src_ref,
                     request.reason);
  }
  return checked(w);
}

Bytes encode_data_tpdu(ByteSpan user_data) {
  constexpr std::uint8_t kLi = 2;
  Writer w;
  w.u8(kLi).u8(static_cast<std::uint8_t>(TpduCode::kData)).u8(kEndOfTsdu).bytes(user_data);
  return w.take();
}

std::expected<Tpdu, DecodeError> decode_tpdu(ByteSpan tpdu, Notes* notes) {
  if (tpdu.size() < 2) {
    Reader r(tpdu, notes);
    r.u8("LI");
    r.u8("TPDU code");
    return r.finish(Tpdu{});
  }
  const auto code = static_cast<std::uint8_t>(tpdu[1] & 0xF0);
  switch (TpduCode{code}) {
    case TpduCode::kConnectionRequest:
      return widened(decode_connection_request(tpdu, notes));
    case TpduCode::kConnectionConfirm:
      return widened(decode_connection_confirm(tpdu, notes));
    case TpduCode::kDisconnectRequest:
      return widened(decode_disconnect_request(tpdu, notes));
    case TpduCode::kData:
      return decode_data(tpdu, notes);
    case TpduCode::kError:
      break;
  }
  const auto name = name_of(code);
  return std::unexpected(
      DecodeError{.kind = DecodeError::Kind::kBadValue,
                  .field = "TPDU code",
                  .offset = 1,
                  .text = base::to_hex_number(tpdu[1], 2) +
                          (name.empty() ? " is no TPDU code that RDP uses"
                                        : " (" + std::string(name) + ") has no place in RDP")});
}

}  // namespace rdpwhy::rdp
