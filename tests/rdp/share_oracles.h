#pragma once

#include <type_traits>
#include <variant>

#include "oracles/oracle.h"
#include "rdpwhy/rdp/autodetect.h"
#include "rdpwhy/rdp/client_info.h"
#include "rdpwhy/rdp/fast_path.h"
#include "rdpwhy/rdp/heartbeat.h"
#include "rdpwhy/rdp/multitransport.h"
#include "rdpwhy/rdp/rdpeudp.h"
#include "rdpwhy/rdp/redirection.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/rdp/share_control.h"

/// What holds of the decoders of a session's PDUs for any octets at all: for libFuzzer, and for the
/// tests' damaged vectors.
namespace rdpwhy::rdp::oracle {

using rdpwhy::oracle::hold;

/// Lengths have 15 or 16 bits, and what is written can be longer than what was read.
inline constexpr std::size_t kMostWrittenShare = 0x4000;

/// The checks of every decoder; the value when it is without oddities, so that it has to come back
/// from its encoding.
template <typename Decode>
auto canonical(ByteSpan bytes, Decode decode) {
  auto decoded = rdpwhy::oracle::check_decoder(bytes, decode);
  Notes notes;
  static_cast<void>(decode(bytes, &notes));
  using Value = std::remove_cvref_t<decltype(*decoded)>;
  std::optional<Value> value;
  if (decoded && notes.anomalies.empty() && bytes.size() <= kMostWrittenShare) {
    value = std::move(*decoded);
  }
  return value;
}

template <typename Value, typename Decode>
void check_comes_back(const Value& value, ByteSpan encoded, Decode decode) {
  Notes notes;
  const auto again = decode(encoded, &notes);
  hold(again.has_value() && *again == value, "what is encoded decodes to the same");
  hold(notes.anomalies.empty(), "what we encode is not odd");
}

inline void check_capability_sets(const std::vector<CapabilitySet>& sets, std::size_t octets) {
  std::size_t taken = 0;
  for (const auto& set : sets) {
    taken += CapabilitySet::kHeaderSize + set.body.size();
    static_cast<void>(set.number("extraFlags"));
    static_cast<void>(set.number("VCChunkSize"));
    hold(bitmap_codecs(set).size() <= set.body.size(), "a codec has octets of its own");
  }
  hold(taken <= octets, "capability sets are no larger than what they were read from");
}

/// `bytes` is a share control PDU.
inline void check_share(ByteSpan bytes) {
  const auto size = share_control_size(bytes);
  hold(!size || *size > 0, "a PDU takes octets");
  const auto decoded = decode_share_control(bytes);
  hold(!decoded || size == bytes.size(), "the size of what is decoded is known");
  if (decoded) {
    if (const auto* demand = std::get_if<DemandActive>(&decoded->content)) {
      check_capability_sets(demand->capability_sets, bytes.size());
    }
    if (const auto* confirm = std::get_if<ConfirmActive>(&decoded->content)) {
      check_capability_sets(confirm->capability_sets, bytes.size());
    }
  }
  const auto pdu = canonical(bytes, decode_share_control);
  if (!pdu) return;
  const auto source = pdu->pdu_source;
  const auto same_content = [&](ByteSpan encoded) {
    const auto again = decode_share_control(encoded);
    hold(again.has_value() && again->content == pdu->content && again->pdu_source == source,
         "what is encoded decodes to the same");
  };
  if (const auto* demand = std::get_if<DemandActive>(&pdu->content)) {
    same_content(encode(*demand, source));
  } else if (const auto* confirm = std::get_if<ConfirmActive>(&pdu->content)) {
    same_content(encode(*confirm, source));
  } else if (const auto* deactivate = std::get_if<DeactivateAll>(&pdu->content)) {
    if (deactivate->source_descriptor.size() > 0) same_content(encode(*deactivate, source));
  } else if (const auto* redirection = std::get_if<ServerRedirection>(&pdu->content)) {
    const Secret blob(Bytes(redirection->password_size.value_or(0)));
    same_content(encode(*redirection, blob, source).reveal());
  } else if (const auto* data = std::get_if<ShareData>(&pdu->content)) {
    const auto* other = std::get_if<OtherShareData>(&data->content);
    const bool is_written = other == nullptr &&
                            !std::holds_alternative<SaveSessionInfo>(data->content) &&
                            !std::holds_alternative<MonitorLayout>(data->content);
    if (!is_written) return;
    const auto again = decode_share_control(encode(data->content, data->share_id, source));
    hold(again.has_value() && std::get<ShareData>(again->content).content == data->content &&
             std::get<ShareData>(again->content).share_id == data->share_id,
         "what is encoded decodes to the same");
  }
}

/// `bytes` is a Client Info packet.
inline void check_client_info(ByteSpan bytes) {
  const auto info = canonical(bytes, decode_client_info);
  if (!info || (info->flags & ClientInfo::kUnicode) == 0 || info->password_size % 2 != 0) return;
  const auto octets = encode(*info, Secret(Bytes(info->password_size / 2)));
  check_comes_back(*info, octets.reveal(), decode_client_info);
}

/// `bytes` is a redirection packet.
inline void check_redirection(ByteSpan bytes) {
  static_cast<void>(redirection_password(bytes));
  const auto packet = canonical(bytes, decode_server_redirection);
  if (!packet) return;
  static_cast<void>(redirection_target(*packet));
  static_cast<void>(certificate_of_target(packet->target_certificate.value_or(Bytes{})));
  static_cast<void>(certificate_of_target(bytes));
  const auto size = packet->password_size.value_or(0);
  hold(redirection_password(bytes).reveal().size() == size,
       "the password has the size that is said");
  check_comes_back(*packet, encode(*packet, Secret(Bytes(size))).reveal(),
                   decode_server_redirection);
}

/// `bytes` is a message of the small kinds that stand behind a security header.
inline void check_channel_messages(ByteSpan bytes) {
  if (const auto pdu = canonical(bytes, decode_autodetect)) {
    check_comes_back(*pdu, encode(*pdu), decode_autodetect);
  }
  if (const auto pdu = canonical(bytes, decode_heartbeat)) {
    hold(base::equal(encode(*pdu), bytes), "a heartbeat is written octet for octet");
  }
  if (const auto pdu = canonical(bytes, decode_multitransport_request)) {
    check_comes_back(*pdu, encode(*pdu), decode_multitransport_request);
  }
  if (const auto pdu = canonical(bytes, decode_multitransport_response)) {
    hold(base::equal(encode(*pdu), bytes), "a response is written octet for octet");
  }
}

/// `bytes` is user data with a security header, or a fast-path PDU.
inline void check_security_headers(ByteSpan bytes) {
  for (const auto form :
       {SecurityHeaderForm::kBasic, SecurityHeaderForm::kNonFips, SecurityHeaderForm::kFips}) {
    const auto decode = [&](ByteSpan b, Notes* n) { return decode_security_header(b, form, n); };
    if (const auto read = canonical(bytes, decode)) {
      hold(read->header.form() == form, "a header has the form it was read in");
      hold(base::equal(encode(read->header, bytes.subspan(read->header_size)), bytes),
           "a header is written octet for octet");
    }
    const auto decode_fast = [&](ByteSpan b, Notes* n) { return decode_fast_path(b, form, n); };
    const auto pdu = canonical(bytes, decode_fast);
    if (!pdu) continue;
    hold(pdu->header.length == bytes.size() && pdu->payload_at <= bytes.size(),
         "a fast-path PDU is as large as its octets");
    // A signature alone is a PDU, and nothing at all is not: unprotected it cannot be written.
    if (pdu->payload_at == bytes.size()) continue;
    const auto written =
        encode_fast_path(pdu->header.number_events, bytes.subspan(pdu->payload_at));
    const auto again = decode_fast_path_header(written);
    hold(again && *again && (*again)->number_events == pdu->header.number_events,
         "what is encoded decodes to the same");
  }
  const auto head = decode_fast_path_header(bytes);
  if (!head) rdpwhy::oracle::check_error(bytes, head.error());
}

/// `bytes` is a datagram.
inline void check_rdpudp(ByteSpan bytes) {
  static_cast<void>(begins_rdpudp_syn(bytes));
  if (const auto syn = canonical(bytes, decode_rdpudp_syn)) {
    hold(base::equal(encode(*syn), bytes), "a SYN without oddities is written octet for octet");
  }
}

/// All of them.
inline void check_session_pdus(ByteSpan bytes) {
  check_share(bytes);
  check_client_info(bytes);
  check_redirection(bytes);
  check_channel_messages(bytes);
  check_security_headers(bytes);
  check_rdpudp(bytes);
}

}  // namespace rdpwhy::rdp::oracle
