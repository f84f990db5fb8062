#include "rdpwhy/auth/ts_request.h"

#include <fmt/format.h>

#include "rdpwhy/asn1/der.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"

namespace rdpwhy::auth {
namespace {

using asn1::context;

constexpr std::size_t kNonceSize = 32;

Bytes read_octets(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  return base::to_bytes(asn1::read_octet_string(element, field));
}

// NegoData ::= SEQUENCE OF SEQUENCE { negoToken [0] OCTET STRING }
std::vector<Bytes> read_nego_data(Reader& sequence) {
  std::vector<Bytes> tokens;
  Reader element = asn1::open(sequence, context(1), "negoTokens");
  Reader list = asn1::open(element, asn1::kSequence, "NegoData");
  list.expect(list.more(), "is empty", "negoTokens");
  while (list.more()) {
    Reader item = asn1::open(list, asn1::kSequence, "NegoData item");
    tokens.push_back(read_octets(item, 0, "negoToken"));
  }
  return tokens;
}

std::uint32_t read_number(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  return asn1::read_bits32(element, field);
}

bool read_element(Reader& sequence, unsigned number, TsRequest& request, bool& has_version) {
  switch (number) {
    case 0: {
      Reader element = asn1::open(sequence, context(0), "version");
      request.version = asn1::read_uint32(element, "version");
      has_version = true;
      return true;
    }
    case 1:
      request.nego_tokens = read_nego_data(sequence);
      return true;
    case 2:
      request.auth_info = read_octets(sequence, 2, "authInfo");
      return true;
    case 3:
      request.pub_key_auth = read_octets(sequence, 3, "pubKeyAuth");
      return true;
    case 4:
      request.error_code = read_number(sequence, 4, "errorCode");
      return true;
    case 5:
      request.client_nonce = read_octets(sequence, 5, "clientNonce");
      sequence.expect(request.client_nonce->size() == kNonceSize,
                      fmt::format("has {} octets, not 32", request.client_nonce->size()),
                      "clientNonce");
      return true;
    default:
      return false;
  }
}

void write_octets(asn1::DerWriter& w, unsigned number, const std::optional<Bytes>& octets) {
  if (!octets) return;
  const auto element = w.open(context(number));
  w.octet_string(*octets);
}

}  // namespace

std::expected<std::optional<std::uint64_t>, DecodeError> ts_request_size(ByteSpan begin) {
  if (!begin.empty() && begin[0] != asn1::kSequence.octets) {
    return std::unexpected(DecodeError{
        .kind = DecodeError::Kind::kBadValue,
        .field = "TSRequest",
        .text = fmt::format("begins with {}, not with that of a SEQUENCE, 0x30",
                            base::to_hex_number(begin[0], 2)),
    });
  }
  const auto header = asn1::decode_header(begin, "TSRequest");
  if (!header) return std::unexpected(header.error());
  if (!*header) return std::nullopt;
  return (*header)->size + (*header)->length;
}

std::expected<TsRequest, DecodeError> decode_ts_request(ByteSpan message, Notes* notes) {
  Reader r(message, notes);
  TsRequest request;
  bool has_version = false;
  {
    Reader sequence = asn1::open(r, asn1::kSequence, "TSRequest");
    asn1::read_tagged(sequence, "TSRequest", [&](unsigned number) {
      return read_element(sequence, number, request, has_version);
    });
    sequence.require(has_version, "is missing", "version", sequence.offset());
  }
  if (r.more()) {
    const auto surplus = r.rest("surplus");
    r.expect(false, fmt::format("{} octets behind the SEQUENCE", surplus.size()), "TSRequest");
  }
  return r.finish(std::move(request));
}

Bytes encode(const TsRequest& request) {
  asn1::DerWriter w;
  {
    const auto sequence = w.open(asn1::kSequence);
    {
      const auto element = w.open(context(0));
      w.integer(request.version);
    }
    if (request.nego_tokens) {
      const auto element = w.open(context(1));
      const auto list = w.open(asn1::kSequence);
      for (const auto& token : *request.nego_tokens) {
        const auto item = w.open(asn1::kSequence);
        write_octets(w, 0, token);
      }
    }
    write_octets(w, 2, request.auth_info);
    write_octets(w, 3, request.pub_key_auth);
    if (request.error_code) {  // as Windows writes it: four octets, the sign of an NTSTATUS kept
      const auto element = w.open(context(4));
      w.integer(static_cast<std::int32_t>(*request.error_code));
    }
    write_octets(w, 5, request.client_nonce);
  }
  return w.take();
}

}  // namespace rdpwhy::auth
