#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "auth/ntlm_reading.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/secret.h"

namespace rdpwhy::auth {
namespace {

constexpr std::size_t kVersionSize = 8;
constexpr std::size_t kMicSize = 16;
// Fixed parts, without VERSION and MIC.
constexpr std::size_t kNegotiateHeader = 32;
constexpr std::size_t kChallengeHeader = 48;
constexpr std::size_t kAuthenticateHeader = 64;
// As the first implementations had them: CHALLENGE without Reserved and TargetInfo, AUTHENTICATE
// without session key and flags.
constexpr std::size_t kOldChallengeHeader = 32;
constexpr std::size_t kOldAuthenticateHeader = 52;
constexpr std::uint32_t kAvFlagMicProvided = 2;
// MS-NLMP 2.2.2.8 NTLMv2_RESPONSE: NTProofStr and the fixed part of NTLMv2_CLIENT_CHALLENGE. An
// NTLM_RESPONSE has 24 octets.
constexpr std::size_t kNtlmv1Response = 24;
constexpr std::size_t kLeastNtlmv2Response = 16 + 28;

/// The VERSION that the flags announce; some who announce it leave it out.
std::optional<NtlmVersion> read_announced_version(Reader& r, std::uint32_t flags,
                                                  std::size_t payload) {
  if ((flags & ntlm_flag::kVersion) == 0) return std::nullopt;
  if (payload >= r.offset() + kVersionSize) return read_ntlm_version(r);
  r.expect(false, "is announced by NTLMSSP_NEGOTIATE_VERSION and not there", "Version", r.offset());
  return std::nullopt;
}

template <std::size_t N>
std::array<std::uint8_t, N> array_of(ByteSpan octets) {
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(octets.first(std::min(octets.size(), N)), out.begin());
  return out;
}

/// A part whose octets are kept as they stand.
auto keep(Bytes& out, std::string_view name) {
  return [&out, name](Reader& r, std::size_t size) { out = base::to_bytes(r.bytes(size, name)); };
}

auto keep_text(std::string& out, std::string_view name, const std::uint32_t& flags) {
  return
      [&out, name, &flags](Reader& r, std::size_t size) { out = read_text(r, size, name, flags); };
}

/// The client's own names are in the OEM code page, whatever the flags say: it is what they offer.
auto keep_oem(std::string& out, std::string_view name) {
  return [&out, name](Reader& r, std::size_t size) {
    out = base::as_text(r.bytes(size, name));
    if (r.wants_fields()) r.value('"' + base::printable(out) + '"');
  };
}

// MS-NLMP 2.2.2.8, 2.2.2.7
NtlmAuthenticate::ClientChallenge read_client_challenge(Reader& r) {
  NtlmAuthenticate::ClientChallenge challenge;
  r.skip(16, "NTProofStr");
  const auto type = r.u8("RespType");
  r.expect(type == 1, fmt::format("is {}, not 1", type), "RespType");
  r.u8("HiRespType");
  r.u16le("Reserved1");
  r.u32le("Reserved2");
  challenge.timestamp = r.u64le("TimeStamp");
  if (r.wants_fields()) r.value(base::to_rfc3339(moment_of_filetime(challenge.timestamp), 6));
  challenge.challenge = array_of<8>(r.bytes(8, "ChallengeFromClient"));
  r.u32le("Reserved3");
  challenge.av_pairs = read_av_pairs(r);
  return challenge;
}

std::optional<NtlmAuthenticate::ClientChallenge> client_challenge_of(ByteSpan nt_response) {
  if (nt_response.size() < kLeastNtlmv2Response) return std::nullopt;
  Reader r(nt_response);
  auto challenge = read_client_challenge(r);
  auto read = r.finish(std::move(challenge));
  if (!read) return std::nullopt;
  return *std::move(read);
}

/// A response that cannot be read spoils nothing but itself: the server is who judges it.
void read_nt_response(Reader& r, std::size_t size, NtlmAuthenticate& message) {
  if (size < kLeastNtlmv2Response) {
    message.nt_response = base::to_bytes(r.bytes(size, "NtChallengeResponse"));
    r.expect(size == kNtlmv1Response, fmt::format("has {} octets, which no response has", size),
             "NtChallengeResponse");
    return;
  }
  const auto at = r.offset();
  message.nt_response = base::to_bytes(r.peek(size));
  Reader response = r.isolated(size, "NtChallengeResponse");
  auto challenge = read_client_challenge(response);
  if (!response.failed()) {
    message.ntlmv2 = std::move(challenge);
    return;
  }
  r.expect(false, "is no NTLMv2_RESPONSE: " + response.error()->message(), "NtChallengeResponse",
           at);
}

std::optional<std::array<std::uint8_t, kMicSize>> read_mic(Reader& r, std::size_t payload,
                                                           ByteSpan nt_response) {
  const auto challenge = client_challenge_of(nt_response);
  const auto flags = challenge ? challenge->av_pairs.flags() : std::nullopt;
  if (!flags || (*flags & kAvFlagMicProvided) == 0) return std::nullopt;
  // VERSION stands before it even where it is not announced.
  if (payload < kNtlmMicOffset + kMicSize) {
    r.expect(false, "is announced by MsvAvFlags and not there", "MIC", r.offset());
    return std::nullopt;
  }
  if (r.offset() < kNtlmMicOffset) r.skip(kNtlmMicOffset - r.offset(), "Version");
  return array_of<kMicSize>(r.bytes(kMicSize, "MIC"));
}

}  // namespace

std::string NtlmVersion::text() const { return fmt::format("{}.{}.{}", major, minor, build); }

NtlmAuthenticate without_responses(NtlmAuthenticate message) {
  for (auto* proof :
       {&message.lm_response, &message.nt_response, &message.encrypted_random_session_key}) {
    base::wipe(*proof);
    *proof = {};
  }
  if (message.mic) message.mic->fill(0);
  return message;
}

std::expected<NtlmNegotiate, DecodeError> decode_ntlm_negotiate(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  NtlmNegotiate message;
  PayloadPart parts[] = {
      {.name = "DomainName", .read = keep_oem(message.domain_name, "DomainName")},
      {.name = "WorkstationName", .read = keep_oem(message.workstation_name, "WorkstationName")}};
  read_signature(r, 1);
  message.flags = read_negotiate_flags(r);
  if (!r.failed() && r.left() == 0) {
    r.expect(false, "ends behind NegotiateFlags, as the first implementations had it",
             "NEGOTIATE_MESSAGE");
    return r.finish(std::move(message));
  }
  read_part_fields(r, "DomainNameFields", parts[0]);
  read_part_fields(r, "WorkstationFields", parts[1]);
  const auto payload = payload_begin(octets, kNegotiateHeader, parts);
  message.version = read_announced_version(r, message.flags, payload);
  read_payload(r, octets, parts);
  return r.finish(std::move(message));
}

Bytes encode(const NtlmNegotiate& message) {
  PayloadWriter payload(kNegotiateHeader + (message.version ? kVersionSize : 0));
  PayloadWriter::Place workstation;
  PayloadWriter::Place domain;
  if (!message.workstation_name.empty()) {
    workstation = payload.put(base::as_bytes(message.workstation_name));
  }
  if (!message.domain_name.empty()) domain = payload.put(base::as_bytes(message.domain_name));
  Writer w;
  write_signature(w, 1);
  w.u32le(message.flags);
  domain.write_fields(w);
  workstation.write_fields(w);
  if (message.version) write_ntlm_version(w, *message.version);
  return w.bytes(payload.view()).take();
}

std::expected<NtlmChallenge, DecodeError> decode_ntlm_challenge(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  NtlmChallenge message;
  PayloadPart parts[] = {
      {.name = "TargetName", .read = keep_text(message.target_name, "TargetName", message.flags)},
      {.name = "TargetInfo", .read = [&](Reader& part, std::size_t size) {
         Reader list = part.block(size, "TargetInfo");
         message.target_info = read_av_pairs(list);
       }}};
  read_signature(r, 2);
  read_part_fields(r, "TargetNameFields", parts[0]);
  message.flags = read_negotiate_flags(r);
  message.server_challenge = array_of<8>(r.bytes(8, "ServerChallenge"));
  const bool announced = (message.flags & ntlm_flag::kTargetInfo) != 0;
  if (announced || payload_begin(octets, kOldChallengeHeader, parts) >= kChallengeHeader) {
    r.u64le("Reserved");
    read_part_fields(r, "TargetInfoFields", parts[1]);
  }
  r.expect(announced == (parts[1].length > 0),
           announced ? "is announced by NTLMSSP_NEGOTIATE_TARGET_INFO and empty"
                     : "is there without NTLMSSP_NEGOTIATE_TARGET_INFO",
           "TargetInfoFields");
  message.version =
      read_announced_version(r, message.flags, payload_begin(octets, kOldChallengeHeader, parts));
  read_payload(r, octets, parts);
  return r.finish(std::move(message));
}

Bytes encode(const NtlmChallenge& message) {
  PayloadWriter payload(kChallengeHeader + (message.version ? kVersionSize : 0));
  const auto target_name = payload.put(octets_of_text(message.target_name, message.flags));
  PayloadWriter::Place target_info;
  if (message.target_info) target_info = payload.put(encode(*message.target_info));
  Writer w;
  write_signature(w, 2);
  target_name.write_fields(w);
  w.u32le(message.flags).bytes(message.server_challenge).zeros(8);
  target_info.write_fields(w);
  if (message.version) write_ntlm_version(w, *message.version);
  return w.bytes(payload.view()).take();
}

std::expected<NtlmAuthenticate, DecodeError> decode_ntlm_authenticate(ByteSpan octets,
                                                                      Notes* notes) {
  Reader r(octets, notes);
  NtlmAuthenticate message;
  enum Part { kLm, kNt, kDomain, kUser, kWorkstation, kKey };
  PayloadPart parts[] = {
      {.name = "LmChallengeResponse", .read = keep(message.lm_response, "LmChallengeResponse")},
      {.name = "NtChallengeResponse",
       .read = [&](Reader& part, std::size_t size) { read_nt_response(part, size, message); }},
      {.name = "DomainName", .read = keep_text(message.domain_name, "DomainName", message.flags)},
      {.name = "UserName", .read = keep_text(message.user_name, "UserName", message.flags)},
      {.name = "Workstation", .read = keep_text(message.workstation, "Workstation", message.flags)},
      {.name = "EncryptedRandomSessionKey",
       .read = keep(message.encrypted_random_session_key, "EncryptedRandomSessionKey")}};
  read_signature(r, 3);
  read_part_fields(r, "LmChallengeResponseFields", parts[kLm]);
  read_part_fields(r, "NtChallengeResponseFields", parts[kNt]);
  read_part_fields(r, "DomainNameFields", parts[kDomain]);
  read_part_fields(r, "UserNameFields", parts[kUser]);
  read_part_fields(r, "WorkstationFields", parts[kWorkstation]);
  auto payload = payload_begin(octets, kOldAuthenticateHeader, parts);
  if (payload >= kAuthenticateHeader) {
    read_part_fields(r, "EncryptedRandomSessionKeyFields", parts[kKey]);
    message.flags = read_negotiate_flags(r);
    payload = payload_begin(octets, kOldAuthenticateHeader, parts);
    message.version = read_announced_version(r, message.flags, payload);
    message.mic = read_mic(r, payload, octets_of(octets, parts[kNt]));
  } else {
    r.expect(false, "are not there, as the first implementations had it", "NegotiateFlags",
             r.offset());
  }
  message.lm_response_size = parts[kLm].length;
  message.nt_response_size = parts[kNt].length;
  message.encrypted_random_session_key_size = parts[kKey].length;
  read_payload(r, octets, parts);
  return r.finish(std::move(message));
}

Bytes encode(const NtlmAuthenticate& message) {
  const bool version_there = message.version || message.mic;
  PayloadWriter payload(kAuthenticateHeader + (version_there ? kVersionSize : 0) +
                        (message.mic ? kMicSize : 0));
  const auto domain = payload.put(octets_of_text(message.domain_name, message.flags));
  const auto user = payload.put(octets_of_text(message.user_name, message.flags));
  const auto workstation = payload.put(octets_of_text(message.workstation, message.flags));
  const auto lm = payload.put(message.lm_response);
  const auto nt = payload.put(message.nt_response);
  const auto key = payload.put(message.encrypted_random_session_key);
  Writer w;
  write_signature(w, 3);
  for (const auto& place : {lm, nt, domain, user, workstation, key}) place.write_fields(w);
  w.u32le(message.flags);
  if (message.version) {
    write_ntlm_version(w, *message.version);
  } else if (version_there) {
    w.zeros(kVersionSize);
  }
  if (message.mic) w.bytes(*message.mic);
  return w.bytes(payload.view()).take();
}

}  // namespace rdpwhy::auth
