#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::auth {

std::expected<EarlyUserAuthorizationResult, DecodeError> decode_early_user_authorization_result(
    ByteSpan pdu, Notes* notes) {
  Reader r(pdu, notes);
  EarlyUserAuthorizationResult result;
  result.authorization_result = r.u32le("authorizationResult");
  if (r.wants_fields()) {
    if (result.authorization_result == 0) r.value("0x00000000 AUTHZ_SUCCESS");
    if (result.authorization_result == 5) r.value("0x00000005 AUTHZ_ACCESS_DENIED");
  }
  return r.finish(result);
}

Bytes encode(const EarlyUserAuthorizationResult& result) {
  return Writer().u32le(result.authorization_result).take();
}

}  // namespace rdpwhy::auth
