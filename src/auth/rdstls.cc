#include "rdpwhy/auth/rdstls.h"

#include <fmt/format.h>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::auth {
namespace {

constexpr std::uint16_t kVersion1 = 1;
constexpr std::uint16_t kTypeCapabilities = 1;
constexpr std::uint16_t kTypeRequest = 2;
constexpr std::uint16_t kTypeResponse = 4;
constexpr std::uint16_t kDataCapabilities = 1;
constexpr std::uint16_t kDataPassword = 1;
constexpr std::uint16_t kDataCookie = 2;
constexpr std::uint16_t kDataResult = 1;
constexpr std::size_t kHeaderSize = 6;

struct Header {
  std::uint16_t type = 0;
  std::uint16_t data_type = 0;
};

std::string_view type_name(std::uint16_t type) {
  switch (type) {
    case kTypeCapabilities:
      return "RDSTLS_TYPE_CAPABILITIES";
    case kTypeRequest:
      return "RDSTLS_TYPE_AUTHREQ";
    case kTypeResponse:
      return "RDSTLS_TYPE_AUTHRSP";
    default:
      return {};
  }
}

/// What every PDU begins with. Nothing that is said here is lenient: the size of the rest depends
/// on it.
Header read_header(Reader& r) {
  Header header;
  const auto version = r.u16le("Version");
  r.require(version == kVersion1, fmt::format("is {}, not 1", version), "Version");
  header.type = r.u16le("PduType");
  if (r.wants_fields()) {
    r.value(fmt::format("{} {}", base::to_hex_number(header.type, 4), type_name(header.type)));
  }
  r.require(!type_name(header.type).empty(),
            fmt::format("is {}, which no RDSTLS PDU has", header.type), "PduType");
  header.data_type = r.u16le("DataType");
  const bool known =
      header.data_type == 1 || (header.type == kTypeRequest && header.data_type == kDataCookie);
  r.require(known,
            fmt::format("is {}, which {} does not have", header.data_type, type_name(header.type)),
            "DataType");
  return header;
}

/// The octets behind a length, without the terminator that most of these texts have.
std::string read_text(Reader& r, std::string_view field, bool is_terminated) {
  Reader scope = r.block16le(field);
  auto octets = scope.more() ? scope.rest(field) : ByteSpan{};
  const auto size = octets.size();
  scope.expect(size % 2 == 0, "has an odd number of octets for UTF-16", field);
  const bool ends = size >= 2 && size % 2 == 0 && octets[size - 1] == 0 && octets[size - 2] == 0;
  scope.expect(ends || !is_terminated, "is not ended by a null character", field);
  if (ends) octets = octets.first(size - 2);
  auto text = base::utf16le_to_utf8(octets);
  if (scope.wants_fields() && size > 0) scope.value('"' + base::printable(text) + '"');
  return text;
}

std::uint32_t read_secret_size(Reader& r, std::string_view field) {
  Reader scope = r.block16le(field);
  return static_cast<std::uint32_t>(scope.more() ? scope.rest(field).size() : 0);
}

RdstlsAuthenticationRequest read_request(Reader& r, std::uint16_t data_type) {
  RdstlsAuthenticationRequest pdu{.data_type = data_type};
  if (data_type == kDataCookie) {
    pdu.session_id = r.u32le("SessionID");
    pdu.secret_size = read_secret_size(r, "AutoReconnectCookie");
    return pdu;
  }
  pdu.redirection_guid = read_text(r, "RedirectionGuid", false);
  pdu.user_name = read_text(r, "UserName", true);
  pdu.domain = read_text(r, "Domain", true);
  pdu.secret_size = read_secret_size(r, "Password");
  return pdu;
}

RdstlsPdu read_pdu(Reader& r) {
  const auto header = read_header(r);
  switch (header.type) {
    case kTypeRequest:
      return read_request(r, header.data_type);
    case kTypeResponse: {
      const RdstlsAuthenticationResponse pdu{.result_code = r.u32le("ResultCode")};
      if (r.wants_fields()) {
        r.value(fmt::format("{} {}", base::to_hex_number(pdu.result_code, 8),
                            rdstls_result_name(pdu.result_code).value_or("")));
      }
      return pdu;
    }
    default:
      return RdstlsCapabilities{.supported_versions = r.u16le("SupportedVersions")};
  }
}

/// How far the parts behind a length reach; nothing while a length is not there yet.
std::optional<std::uint64_t> size_of_parts(ByteSpan begin, std::size_t at, int count) {
  std::uint64_t size = at;
  for (; count > 0; --count) {
    if (begin.size() < size + 2) return std::nullopt;
    const auto* length = begin.data() + size;
    size += 2u + (length[0] | static_cast<std::uint64_t>(length[1]) << 8);
  }
  return size;
}

void write_header(Writer& w, std::uint16_t type, std::uint16_t data_type) {
  w.u16le(kVersion1).u16le(type).u16le(data_type);
}

void write_text(Writer& w, std::string_view text) {
  const auto length = w.block16le();
  w.bytes(base::utf8_to_utf16le(text)).u16le(0);
}

}  // namespace

std::optional<std::string_view> rdstls_result_name(std::uint32_t code) {
  switch (code) {
    case 0:
      return "RDSTLS_RESULT_SUCCESS";
    case 5:
      return "RDSTLS_RESULT_ACCESS_DENIED";
    case 0x52E:
      return "RDSTLS_RESULT_LOGON_FAILURE";
    case 0x530:
      return "RDSTLS_RESULT_INVALID_LOGON_HOURS";
    case 0x532:
      return "RDSTLS_RESULT_PASSWORD_EXPIRED";
    case 0x533:
      return "RDSTLS_RESULT_ACCOUNT_DISABLED";
    case 0x773:
      return "RDSTLS_RESULT_PASSWORD_MUST_CHANGE";
    case 0x775:
      return "RDSTLS_RESULT_ACCOUNT_LOCKED_OUT";
    default:
      return std::nullopt;
  }
}

std::expected<std::optional<std::uint64_t>, DecodeError> rdstls_pdu_size(ByteSpan begin) {
  Reader r(begin);
  const auto header = read_header(r);
  if (r.failed()) {
    if (r.error()->kind == DecodeError::Kind::kTruncated) return std::nullopt;
    return std::unexpected(*r.error());
  }
  r.skip_rest("rest");
  switch (header.type) {
    case kTypeRequest:
      return header.data_type == kDataPassword ? size_of_parts(begin, kHeaderSize, 4)
                                               : size_of_parts(begin, kHeaderSize + 4, 1);
    case kTypeResponse:
      return kHeaderSize + 4;
    default:
      return kHeaderSize + 2;
  }
}

std::expected<RdstlsPdu, DecodeError> decode_rdstls(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  auto pdu = read_pdu(r);
  return r.finish(std::move(pdu));
}

Bytes encode(const RdstlsCapabilities& pdu) {
  Writer w;
  write_header(w, kTypeCapabilities, kDataCapabilities);
  return w.u16le(pdu.supported_versions).take();
}

Secret encode(const RdstlsAuthenticationRequest& pdu, const Secret& secret) {
  RDPWHY_CHECK(secret.reveal().size() <= 0xFFFF);
  Writer w;
  write_header(w, kTypeRequest, pdu.data_type);
  if (pdu.data_type == kDataCookie) {
    w.u32le(pdu.session_id);
  } else {
    write_text(w, pdu.redirection_guid);
    write_text(w, pdu.user_name);
    write_text(w, pdu.domain);
  }
  // The secret goes straight to its place: a buffer that grew would leave a copy behind.
  const auto size = secret.reveal().size();
  auto octets = w.u16le(static_cast<std::uint16_t>(size)).take();
  octets.reserve(octets.size() + size);
  octets.insert(octets.end(), secret.reveal().begin(), secret.reveal().end());
  return Secret(std::move(octets));
}

Bytes encode(const RdstlsAuthenticationResponse& pdu) {
  Writer w;
  write_header(w, kTypeResponse, kDataResult);
  return w.u32le(pdu.result_code).take();
}

}  // namespace rdpwhy::auth
