#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <variant>

#include "oracles/oracle.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/rdp/annotate.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/server_blocks.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"

/// What holds of the decoders for any octets at all: for libFuzzer, and for the tests' damaged
/// vectors. A breach ends the program, as a fuzzer wants it and a test notices it.
namespace rdpwhy::rdp::oracle {

using rdpwhy::oracle::check_error;
using rdpwhy::oracle::check_notes;
using rdpwhy::oracle::hold;

/// One decoder: whether fields are wanted changes nothing, and what is decoded without a note comes
/// back from its encoding.
template <typename Decode>
void check_decoder(ByteSpan bytes, Decode decode) {
  Notes notes;
  Notes detailed(Notes::Detail::kFields);
  const auto decoded = decode(bytes, &notes);
  hold(decoded == decode(bytes, &detailed), "annotating does not change what is decoded");
  hold(decoded == decode(bytes, nullptr), "notes do not change what is decoded");
  hold(notes.anomalies == detailed.anomalies, "annotating does not change the anomalies");
  check_notes(bytes, detailed);
  if (!decoded) {
    check_error(bytes, decoded.error());
    return;
  }
  if (!notes.anomalies.empty()) return;
  const auto check_round_trip = [&](const auto& value) {
    if constexpr (requires { encode(value); }) {
      auto encoded = encode(value);
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(*decoded)>, Tpdu> &&
                    std::is_same_v<std::remove_cvref_t<decltype(value)>,
                                   DisconnectProviderUltimatum>) {
        encoded = encode_data_tpdu(encoded);
      }
      Notes again;
      const auto back = decode(encoded, &again);
      hold(back.has_value() && *back == *decoded, "what is encoded decodes to the same");
      hold(again.anomalies.empty(), "what we encode is not odd");
    }
  };
  using Decoded = std::remove_cvref_t<decltype(*decoded)>;
  if constexpr (std::is_same_v<Decoded, Tpdu> || std::is_same_v<Decoded, McsPdu>) {
    std::visit(check_round_trip, *decoded);
  } else {
    check_round_trip(*decoded);
  }
}

/// `bytes` is the user data of a Data TPDU, or what stands in an MCS connect PDU.
inline void check_mcs(ByteSpan bytes) {
  check_decoder(bytes, [](ByteSpan data, Notes* notes) { return decode_mcs(data, notes); });
  check_decoder(bytes, [](ByteSpan data, Notes* notes) {
    return decode_conference_create_request(data, notes);
  });
  check_decoder(bytes, [](ByteSpan data, Notes* notes) {
    return decode_conference_create_response(data, notes);
  });
}

/// `bytes` are data blocks of either side.
inline void check_blocks(ByteSpan bytes) {
  check_decoder(bytes,
                [](ByteSpan data, Notes* notes) { return decode_client_blocks(data, notes); });
  check_decoder(bytes,
                [](ByteSpan data, Notes* notes) { return decode_server_blocks(data, notes); });
  const auto client = decode_client_blocks(bytes);
  hold(!client || client->blocks.size() <= bytes.size() / 4, "a block has a header at least");
}

/// `bytes` is a TPDU, behind the TPKT header.
inline void check_x224(ByteSpan bytes) {
  check_decoder(bytes, [](ByteSpan tpdu, Notes* notes) { return decode_tpdu(tpdu, notes); });
  check_decoder(bytes,
                [](ByteSpan tpdu, Notes* notes) { return decode_connection_request(tpdu, notes); });
  check_decoder(bytes,
                [](ByteSpan tpdu, Notes* notes) { return decode_connection_confirm(tpdu, notes); });
  check_decoder(bytes,
                [](ByteSpan tpdu, Notes* notes) { return decode_disconnect_request(tpdu, notes); });
}

/// `bytes` begins with a TPKT header.
inline void check_tpkt(ByteSpan bytes) {
  const auto header = decode_tpkt_header(bytes);
  hold(header.has_value() == (bytes.size() >= TpktHeader::kSize), "four octets are a TPKT header");
  const auto pdu = annotate(bytes);
  hold(pdu.size <= bytes.size(), "an annotated PDU lies within the octets");
  hold(bytes.empty() || pdu.size > 0, "an annotation goes on");
  Notes notes(Notes::Detail::kFields);
  notes.fields = pdu.fields;
  notes.anomalies = pdu.anomalies;
  check_notes(bytes.first(pdu.size), notes);
  if (pdu.error) check_error(bytes, *pdu.error);
  const auto text = annotated_text(bytes);
  for (const auto c : text) {
    hold(c == '\n' || static_cast<unsigned char>(c) >= 0x20, "an annotation is printable");
  }
}

}  // namespace rdpwhy::rdp::oracle
