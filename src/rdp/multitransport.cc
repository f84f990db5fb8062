#include "rdpwhy/rdp/multitransport.h"

#include "rdp/bit_names.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::size_t kCookieSize = 16;

constexpr BitName kProtocolNames[] = {
    {MultitransportRequest::kReliable, "INITIATE_REQUEST_PROTOCOL_UDPFECR"},
    {MultitransportRequest::kLossy, "INITIATE_REQUEST_PROTOCOL_UDPFECL"},
};
constexpr BitName kResultNames[] = {
    {MultitransportResponse::kOk, "S_OK"},
    {MultitransportResponse::kAbort, "E_ABORT"},
};

}  // namespace

std::expected<MultitransportRequest, DecodeError> decode_multitransport_request(ByteSpan octets,
                                                                                Notes* notes) {
  Reader r(octets, notes);
  MultitransportRequest request;
  request.request_id = r.u32le("requestId");
  request.requested_protocol = r.u16le("requestedProtocol");
  if (r.wants_fields()) r.value(number_text(request.requested_protocol, 4, kProtocolNames));
  r.expect(r.u16le("reserved") == 0, "is not zero", "reserved");
  r.skip(kCookieSize, "securityCookie");
  return r.finish(request);
}

std::expected<MultitransportResponse, DecodeError> decode_multitransport_response(ByteSpan octets,
                                                                                  Notes* notes) {
  Reader r(octets, notes);
  MultitransportResponse response;
  response.request_id = r.u32le("requestId");
  response.hr_response = r.u32le("hrResponse");
  if (r.wants_fields()) r.value(number_text(response.hr_response, 8, kResultNames));
  return r.finish(response);
}

Bytes encode(const MultitransportRequest& request) {
  Writer w;
  w.u32le(request.request_id).u16le(request.requested_protocol).u16le(0);
  return w.zeros(kCookieSize).take();
}

Bytes encode(const MultitransportResponse& response) {
  Writer w;
  return w.u32le(response.request_id).u32le(response.hr_response).take();
}

}  // namespace rdpwhy::rdp
