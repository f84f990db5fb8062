#include "rdpwhy/rdp/security_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdp/bit_names.h"

namespace rdpwhy::rdp {
namespace {

constexpr BitName kFlagNames[] = {
    {security_flags::kExchangePacket, "SEC_EXCHANGE_PKT"},
    {security_flags::kTransportRequest, "SEC_TRANSPORT_REQ"},
    {security_flags::kTransportResponse, "SEC_TRANSPORT_RSP"},
    {security_flags::kEncrypt, "SEC_ENCRYPT"},
    {security_flags::kResetSequenceNumber, "SEC_RESET_SEQNO"},
    {security_flags::kIgnoreSequenceNumber, "SEC_IGNORE_SEQNO"},
    {security_flags::kInfoPacket, "SEC_INFO_PKT"},
    {security_flags::kLicensePacket, "SEC_LICENSE_PKT"},
    {security_flags::kLicenseEncrypt, "SEC_LICENSE_ENCRYPT"},
    {security_flags::kRedirectionPacket, "SEC_REDIRECTION_PKT"},
    {security_flags::kSecureChecksum, "SEC_SECURE_CHECKSUM"},
    {security_flags::kAutodetectRequest, "SEC_AUTODETECT_REQ"},
    {security_flags::kAutodetectResponse, "SEC_AUTODETECT_RSP"},
    {security_flags::kHeartbeat, "SEC_HEARTBEAT"},
    {security_flags::kFlagsHiValid, "SEC_FLAGSHI_VALID"},
};

constexpr std::uint32_t kEncryptionMethodFips = 0x10;

void read_fips(Reader& r, SecurityHeader& header) {
  const auto length = r.u16le("length");
  r.expect(length == SecurityHeader::kFipsLength,
           fmt::format("is {}, not {}", length, SecurityHeader::kFipsLength), "length");
  const auto version = r.u8("version");
  r.expect(version == SecurityHeader::kFipsVersion, fmt::format("is {}, not 1", version),
           "version");
  header.padding = r.u8("padlen");
}

}  // namespace

std::vector<std::string> security_flag_names(std::uint16_t flags) {
  return names_of_bits(flags, kFlagNames);
}

SecurityHeader read_security_header(Reader& r, SecurityHeaderForm form) {
  SecurityHeader header;
  header.flags = r.u16le("flags");
  if (r.wants_fields()) r.value(bits_text(header.flags, 4, kFlagNames));
  header.flags_hi = r.u16le("flagsHi");
  if (form == SecurityHeaderForm::kFips) read_fips(r, header);
  if (form != SecurityHeaderForm::kBasic) {
    header.signature.emplace();
    const auto octets = r.bytes(header.signature->size(), "dataSignature");
    std::ranges::copy(octets, header.signature->begin());
  }
  return header;
}

void write(Writer& w, const SecurityHeader& header) {
  w.u16le(header.flags).u16le(header.flags_hi);
  if (header.padding) {
    w.u16le(SecurityHeader::kFipsLength).u8(SecurityHeader::kFipsVersion).u8(*header.padding);
  }
  if (header.padding || header.signature) {
    w.bytes(header.signature.value_or(SecurityHeader::Signature{}));
  }
}

std::expected<SecuredPayload, DecodeError> decode_security_header(ByteSpan user_data,
                                                                  SecurityHeaderForm form,
                                                                  Notes* notes) {
  Reader r(user_data, notes);
  SecuredPayload payload{.header = read_security_header(r, form)};
  payload.header_size = static_cast<std::size_t>(r.offset());
  r.skip_rest("payload");
  return r.finish(payload);
}

Bytes encode(const SecurityHeader& header, ByteSpan payload) {
  Writer w;
  write(w, header);
  return w.bytes(payload).take();
}

SecurityHeaderForm form_of_encrypted(std::uint32_t encryption_method) {
  return encryption_method == kEncryptionMethodFips ? SecurityHeaderForm::kFips
                                                    : SecurityHeaderForm::kNonFips;
}

}  // namespace rdpwhy::rdp
