#include "rdpwhy/rdp/licensing.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::size_t kPreambleSize = 4;

struct TypeName {
  LicensingType type;
  std::string_view name;
};

constexpr TypeName kTypeNames[] = {
    {LicensingType::kLicenseRequest, "LICENSE_REQUEST"},
    {LicensingType::kPlatformChallenge, "PLATFORM_CHALLENGE"},
    {LicensingType::kNewLicense, "NEW_LICENSE"},
    {LicensingType::kUpgradeLicense, "UPGRADE_LICENSE"},
    {LicensingType::kLicenseInfo, "LICENSE_INFO"},
    {LicensingType::kNewLicenseRequest, "NEW_LICENSE_REQUEST"},
    {LicensingType::kPlatformChallengeResponse, "PLATFORM_CHALLENGE_RESPONSE"},
    {LicensingType::kErrorAlert, "ERROR_ALERT"},
};

// ---------------------------------------------------------------------------- parts

/// What a blob's type has to be; kAny where the receiver is to ignore it.
LicensingBlob read_blob(Reader& r, std::string_view field, LicensingBlobType wanted) {
  LicensingBlob blob;
  blob.type = r.u16le("wBlobType");
  const auto type_at = r.offset() - 2;
  Reader scope = r.block16le(field);
  if (scope.more()) blob.octets = base::to_bytes(scope.rest(field));
  // An empty blob's type is left to chance by several servers, and to be ignored.
  const bool fits = wanted == LicensingBlobType::kAny || blob.octets.empty() ||
                    blob.type == static_cast<std::uint16_t>(wanted);
  scope.expect(fits, fmt::format("is {} and not {}", blob.type, static_cast<int>(wanted)),
               "wBlobType", type_at);
  return blob;
}

void write_blob(Writer& w, const LicensingBlob& blob) {
  w.u16le(blob.type);
  const auto size = w.block16le();
  w.bytes(blob.octets);
}

template <std::size_t kSize>
std::array<std::uint8_t, kSize> read_array(Reader& r, std::string_view field) {
  std::array<std::uint8_t, kSize> out{};
  std::ranges::copy(r.bytes(kSize, field), out.begin());
  return out;
}

/// The octets of `scope`, ended by a null character, which is not part of the text.
std::string read_ansi(Reader& scope, std::string_view field) {
  auto octets = scope.more() ? scope.rest(field) : ByteSpan{};
  const bool ends = !octets.empty() && octets.back() == 0;
  scope.expect(ends, "is not ended by a null character", field);
  if (ends) octets = octets.first(octets.size() - 1);
  std::string text(base::as_text(octets));
  if (scope.wants_fields() && !text.empty()) scope.value('"' + base::printable(text) + '"');
  return text;
}

std::string read_utf16(Reader& r, std::string_view field) {
  Reader scope = r.block32le(field);
  auto octets = scope.more() ? scope.rest(field) : ByteSpan{};
  const auto size = octets.size();
  const bool ends = size >= 2 && size % 2 == 0 && octets[size - 1] == 0 && octets[size - 2] == 0;
  scope.expect(ends, "is not UTF-16 ended by a null character", field);
  if (ends) octets = octets.first(size - 2);
  auto text = base::utf16le_to_utf8(octets);
  if (scope.wants_fields() && !text.empty()) scope.value('"' + base::printable(text) + '"');
  return text;
}

void write_utf16(Writer& w, std::string_view text) {
  const auto octets = base::utf8_to_utf16le(text);
  w.u32le(static_cast<std::uint32_t>(octets.size() + 2)).bytes(octets).u16le(0);
}

std::string read_ansi_blob(Reader& r, std::string_view field, LicensingBlobType wanted) {
  const auto type = r.u16le("wBlobType");
  r.expect(type == static_cast<std::uint16_t>(wanted),
           fmt::format("is {} and not {}", type, static_cast<int>(wanted)), "wBlobType");
  Reader scope = r.block16le(field);
  return read_ansi(scope, field);
}

void write_ansi_blob(Writer& w, std::string_view text, LicensingBlobType type) {
  w.u16le(static_cast<std::uint16_t>(type));
  const auto size = w.block16le();
  w.text(text).u8(0);
}

ProductInformation read_product(Reader& r) {
  ProductInformation product;
  product.version = r.u32le("dwVersion");
  if (r.wants_fields())
    r.value(fmt::format("{}.{}", product.version >> 16, product.version & 0xFFFF));
  product.company_name = read_utf16(r, "pbCompanyName");
  product.product_id = read_utf16(r, "pbProductId");
  return product;
}

// ------------------------------------------------------------------------- messages

std::vector<std::uint32_t> read_algorithms(Reader& r) {
  std::vector<std::uint32_t> algorithms;
  const auto type = r.u16le("wBlobType");
  constexpr auto kWanted = static_cast<std::uint16_t>(LicensingBlobType::kKeyExchangeAlgorithm);
  r.expect(type == kWanted, fmt::format("is {} and not {}", type, kWanted), "wBlobType");
  Reader list = r.block16le("KeyExchangeList");
  while (list.left() >= 4) algorithms.push_back(list.u32le("KeyExchangeAlg"));
  list.expect(list.left() == 0, "is no list of 32-bit numbers", "KeyExchangeList");
  if (list.more()) list.skip_rest("KeyExchangeList");
  return algorithms;
}

LicenseRequest read_license_request(Reader& r) {
  LicenseRequest request;
  request.server_random = read_array<32>(r, "ServerRandom");
  request.product = read_product(r);
  request.key_exchange_algorithms = read_algorithms(r);
  request.server_certificate = read_blob(r, "ServerCertificate", LicensingBlobType::kCertificate);
  const auto count = r.u32le("ScopeCount");
  if (r.wants_fields()) r.value(std::to_string(count));
  r.require(count <= LicenseRequest::kMostScopes, fmt::format("is {}, which nobody sends", count),
            "ScopeCount");
  for (std::uint32_t i = 0; i < count && !r.failed(); ++i)
    request.scopes.push_back(read_ansi_blob(r, "Scope", LicensingBlobType::kScope));
  return request;
}

void write(Writer& w, const LicenseRequest& request) {
  w.bytes(request.server_random).u32le(request.product.version);
  write_utf16(w, request.product.company_name);
  write_utf16(w, request.product.product_id);
  w.u16le(static_cast<std::uint16_t>(LicensingBlobType::kKeyExchangeAlgorithm));
  w.u16le(static_cast<std::uint16_t>(4 * request.key_exchange_algorithms.size()));
  for (const auto algorithm : request.key_exchange_algorithms) w.u32le(algorithm);
  write_blob(w, request.server_certificate);
  w.u32le(static_cast<std::uint32_t>(request.scopes.size()));
  for (const auto& scope : request.scopes) write_ansi_blob(w, scope, LicensingBlobType::kScope);
}

PlatformChallenge read_platform_challenge(Reader& r) {
  PlatformChallenge challenge;
  challenge.connect_flags = r.u32le("ConnectFlags");
  challenge.encrypted_challenge =
      read_blob(r, "EncryptedPlatformChallenge", LicensingBlobType::kAny);
  challenge.mac = read_array<16>(r, "MACData");
  return challenge;
}

void write(Writer& w, const PlatformChallenge& challenge) {
  w.u32le(challenge.connect_flags);
  write_blob(w, challenge.encrypted_challenge);
  w.bytes(challenge.mac);
}

IssuedLicense read_issued_license(Reader& r) {
  IssuedLicense license;
  license.encrypted_license_info =
      read_blob(r, "EncryptedLicenseInfo", LicensingBlobType::kEncryptedData);
  license.mac = read_array<16>(r, "MACData");
  return license;
}

void write(Writer& w, const IssuedLicense& license) {
  write_blob(w, license.encrypted_license_info);
  w.bytes(license.mac);
}

/// What both requests of a client begin with.
template <typename Request>
void read_client_head(Reader& r, Request& request) {
  request.preferred_key_exchange_algorithm = r.u32le("PreferredKeyExchangeAlg");
  r.expect(request.preferred_key_exchange_algorithm == 1, "is not KEY_EXCHANGE_ALG_RSA",
           "PreferredKeyExchangeAlg");
  request.platform_id = r.u32le("PlatformId");
  request.client_random = read_array<32>(r, "ClientRandom");
  request.encrypted_premaster_secret =
      read_blob(r, "EncryptedPreMasterSecret", LicensingBlobType::kRandom);
}

template <typename Request>
void write_client_head(Writer& w, const Request& request) {
  w.u32le(request.preferred_key_exchange_algorithm).u32le(request.platform_id);
  w.bytes(request.client_random);
  write_blob(w, request.encrypted_premaster_secret);
}

NewLicenseRequest read_new_license_request(Reader& r) {
  NewLicenseRequest request;
  read_client_head(r, request);
  request.user_name = read_ansi_blob(r, "ClientUserName", LicensingBlobType::kClientUserName);
  request.machine_name =
      read_ansi_blob(r, "ClientMachineName", LicensingBlobType::kClientMachineName);
  return request;
}

void write(Writer& w, const NewLicenseRequest& request) {
  write_client_head(w, request);
  write_ansi_blob(w, request.user_name, LicensingBlobType::kClientUserName);
  write_ansi_blob(w, request.machine_name, LicensingBlobType::kClientMachineName);
}

LicenseInformation read_license_information(Reader& r) {
  LicenseInformation information;
  read_client_head(r, information);
  information.license = read_blob(r, "LicenseInfo", LicensingBlobType::kData);
  information.encrypted_hardware_id =
      read_blob(r, "EncryptedHWID", LicensingBlobType::kEncryptedData);
  information.mac = read_array<16>(r, "MACData");
  return information;
}

void write(Writer& w, const LicenseInformation& information) {
  write_client_head(w, information);
  write_blob(w, information.license);
  write_blob(w, information.encrypted_hardware_id);
  w.bytes(information.mac);
}

PlatformChallengeResponse read_platform_challenge_response(Reader& r) {
  PlatformChallengeResponse response;
  response.encrypted_response =
      read_blob(r, "EncryptedPlatformChallengeResponse", LicensingBlobType::kEncryptedData);
  response.encrypted_hardware_id = read_blob(r, "EncryptedHWID", LicensingBlobType::kEncryptedData);
  response.mac = read_array<16>(r, "MACData");
  return response;
}

void write(Writer& w, const PlatformChallengeResponse& response) {
  write_blob(w, response.encrypted_response);
  write_blob(w, response.encrypted_hardware_id);
  w.bytes(response.mac);
}

LicensingError read_error(Reader& r) {
  LicensingError error;
  error.error_code = r.u32le("dwErrorCode");
  error.state_transition = r.u32le("dwStateTransition");
  error.error_info = read_blob(r, "bbErrorInfo", LicensingBlobType::kError);
  return error;
}

void write(Writer& w, const LicensingError& error) {
  w.u32le(error.error_code).u32le(error.state_transition);
  write_blob(w, error.error_info);
}

void write(Writer& w, const UnknownLicensing& unknown) { w.bytes(unknown.octets); }

void read_message(Reader& r, LicensingPdu& pdu) {
  switch (static_cast<LicensingType>(pdu.type)) {
    case LicensingType::kLicenseRequest:
      pdu.message = read_license_request(r);
      return;
    case LicensingType::kPlatformChallenge:
      pdu.message = read_platform_challenge(r);
      return;
    case LicensingType::kNewLicense:
    case LicensingType::kUpgradeLicense:
      pdu.message = read_issued_license(r);
      return;
    case LicensingType::kLicenseInfo:
      pdu.message = read_license_information(r);
      return;
    case LicensingType::kNewLicenseRequest:
      pdu.message = read_new_license_request(r);
      return;
    case LicensingType::kPlatformChallengeResponse:
      pdu.message = read_platform_challenge_response(r);
      return;
    case LicensingType::kErrorAlert:
      pdu.message = read_error(r);
      return;
  }
  r.expect(false, base::to_hex_number(pdu.type, 2) + " is no licensing message", "bMsgType", 0);
  UnknownLicensing unknown;
  if (r.more()) unknown.octets = base::to_bytes(r.rest("message"));
  pdu.message = std::move(unknown);
}

}  // namespace

std::optional<std::string_view> licensing_type_name(std::uint8_t type) {
  for (const auto& [known, name] : kTypeNames) {
    if (static_cast<std::uint8_t>(known) == type) return name;
  }
  return std::nullopt;
}

std::expected<LicensingPdu, DecodeError> decode_licensing(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  LicensingPdu pdu;
  pdu.type = r.u8("bMsgType");
  if (r.wants_fields()) r.value(std::string(licensing_type_name(pdu.type).value_or("unknown")));
  pdu.flags = r.u8("flags");
  const auto size = r.u16le("wMsgSize");
  if (r.wants_fields()) r.value(fmt::format("{} octets, these four included", size));
  r.require(size >= kPreambleSize, "is less than the preamble itself", "wMsgSize");
  if (r.failed()) return std::unexpected(*r.error());
  {
    Reader message = r.body(size - kPreambleSize, "message");
    if (!r.failed()) read_message(message, pdu);
  }
  r.expect(r.left() == 0, fmt::format("is {} and {} more octets follow", size, r.left()),
           "wMsgSize", 2);
  if (r.more()) r.skip_rest("trailing octets");
  return r.finish(std::move(pdu));
}

Bytes encode(const LicensingPdu& pdu) {
  Writer w;
  w.u8(pdu.type).u8(pdu.flags);
  {
    const auto size = w.length16le_including(2);
    std::visit([&](const auto& message) { write(w, message); }, pdu.message);
  }
  return w.take();
}

std::expected<NewLicenseInformation, DecodeError> decode_new_license_information(ByteSpan octets,
                                                                                 Notes* notes) {
  Reader r(octets, notes);
  NewLicenseInformation information;
  information.version = r.u32le("dwVersion");
  {
    Reader scope = r.block32le("pbScope");
    information.scope = read_ansi(scope, "pbScope");
  }
  information.company_name = read_utf16(r, "pbCompanyName");
  information.product_id = read_utf16(r, "pbProductId");
  Reader license = r.block32le("pbLicenseInfo");
  if (license.more()) information.license = base::to_bytes(license.rest("pbLicenseInfo"));
  return r.finish(std::move(information));
}

Bytes encode(const NewLicenseInformation& information) {
  Writer w;
  w.u32le(information.version);
  w.u32le(static_cast<std::uint32_t>(information.scope.size() + 1)).text(information.scope).u8(0);
  write_utf16(w, information.company_name);
  write_utf16(w, information.product_id);
  w.u32le(static_cast<std::uint32_t>(information.license.size())).bytes(information.license);
  return w.take();
}

std::expected<PlatformChallengeAnswer, DecodeError> decode_platform_challenge_answer(
    ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  PlatformChallengeAnswer answer;
  answer.version = r.u16le("wVersion");
  answer.client_type = r.u16le("wClientType");
  answer.license_detail_level = r.u16le("wLicenseDetailLevel");
  Reader challenge = r.block16le("pbChallenge");
  if (challenge.more()) answer.challenge = base::to_bytes(challenge.rest("pbChallenge"));
  return r.finish(std::move(answer));
}

Bytes encode(const PlatformChallengeAnswer& answer) {
  Writer w;
  w.u16le(answer.version).u16le(answer.client_type).u16le(answer.license_detail_level);
  {
    const auto size = w.block16le();
    w.bytes(answer.challenge);
  }
  return w.take();
}

std::expected<ClientHardwareId, DecodeError> decode_client_hardware_id(ByteSpan octets,
                                                                       Notes* notes) {
  Reader r(octets, notes);
  ClientHardwareId id;
  id.platform_id = r.u32le("PlatformId");
  for (auto& number : id.data) number = r.u32le("Data");
  return r.finish(std::move(id));
}

Bytes encode(const ClientHardwareId& id) {
  Writer w;
  w.u32le(id.platform_id);
  for (const auto number : id.data) w.u32le(number);
  return w.take();
}

}  // namespace rdpwhy::rdp
