#include "rdpwhy/rdp/annotate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "rdp/annotated_part.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/rdpeudp.h"
#include "rdpwhy/rdp/server_blocks.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"

namespace rdpwhy::rdp {
namespace {

std::string_view title_of(const Tpdu& tpdu) {
  struct Titles {
    std::string_view operator()(const ConnectionRequest&) { return "X.224 Connection Request"; }
    std::string_view operator()(const ConnectionConfirm& confirm) {
      if (confirm.response() != nullptr) return "X.224 Connection Confirm with RDP_NEG_RSP";
      if (confirm.failure() != nullptr) return "X.224 Connection Confirm with RDP_NEG_FAILURE";
      return "X.224 Connection Confirm without negotiation data";
    }
    std::string_view operator()(const DisconnectRequest&) { return "X.224 Disconnect Request"; }
    std::string_view operator()(const DisconnectProviderUltimatum&) {
      return "MCS Disconnect Provider Ultimatum in an X.224 Data TPDU";
    }
    std::string_view operator()(const DataTpdu&) { return "X.224 Data TPDU"; }
  };
  return std::visit(Titles{}, tpdu);
}

constexpr std::size_t kMostTpdu = 0xFFFF - TpktHeader::kSize;

// The octets of the TPDU that are there; the header's own fault is left in `r`.
ByteSpan read_tpkt(Reader& r) {
  std::uint16_t length = 0;
  {
    auto header = r.block(std::min(r.left(), TpktHeader::kSize), "TPKT");
    const auto version = header.u8("version");
    header.require(version == TpktHeader::kVersion,
                   base::to_hex_number(version, 2) + " is not 3, the version of every TPKT",
                   "version");
    header.expect(header.u8("reserved") == 0, "is not zero", "reserved");
    length = header.u16be("length");
    if (!header.failed()) header.value(fmt::format("{} octets, these four included", length));
    header.require(length > TpktHeader::kSize, "leaves no room for a TPDU", "length");
  }
  const auto wanted = r.failed() ? 0u : length - TpktHeader::kSize;
  const auto here = r.peek(wanted);
  r.skip(wanted, "TPDU");
  return here;
}

// Whether what is there can be the beginning of a TPKT.
bool begins_tpkt(ByteSpan bytes) {
  if (bytes.empty() || bytes[0] != TpktHeader::kVersion) return false;
  return bytes.size() < TpktHeader::kSize || (bytes[2] << 8 | bytes[3]) > int{TpktHeader::kSize};
}

// What is behind the last known field is not where a tail is looked for.
bool has_surplus(const AnnotatedPdu& pdu) {
  return std::ranges::any_of(pdu.fields, [](const auto& field) { return field.name == "surplus"; });
}

void append_server_blocks(AnnotatedPdu& pdu, const Part& part) {
  if (append_part(pdu, part, decode_server_blocks))
    annotate_certificate_in(pdu, part, "serverCertificate");
}

void append_conference(AnnotatedPdu& pdu, const Part& part, const ConnectInitial&) {
  const auto request = append_part(pdu, part, decode_conference_create_request);
  if (request && !has_surplus(pdu))
    append_part(pdu, part.tail(request->user_data.size()), decode_client_blocks);
}

void append_conference(AnnotatedPdu& pdu, const Part& part, const ConnectResponse&) {
  const auto response = append_part(pdu, part, decode_conference_create_response);
  if (response && !has_surplus(pdu))
    append_server_blocks(pdu, part.tail(response->user_data.size()));
}

// MCS, and what it carries.
void append_mcs(AnnotatedPdu& pdu, const Part& part) {
  const auto mcs = append_part(pdu, part, decode_mcs);
  if (!mcs) {
    pdu.title += ", with user data that cannot be read";
    return;
  }
  pdu.title = fmt::format("{} in an X.224 Data TPDU", title_of(*mcs));
  if (has_surplus(pdu)) return;
  if (const auto* initial = std::get_if<ConnectInitial>(&*mcs)) {
    append_conference(pdu, part.tail(initial->user_data.size()), *initial);
  } else if (const auto* response = std::get_if<ConnectResponse>(&*mcs)) {
    append_conference(pdu, part.tail(response->user_data.size()), *response);
  } else if (const auto* data = std::get_if<SendData>(&*mcs)) {
    if (data->user_data.empty()) return;
    const auto name = append_channel_pdu(pdu, part.tail(data->user_data.size()));
    if (!name.empty()) pdu.title = fmt::format("{} in an {}", name, title_of(*mcs));
  }
}

void append_tpdu(AnnotatedPdu& pdu, ByteSpan tpdu) {
  if (pdu.fields.empty() || pdu.fields.back().name != "TPDU") {
    pdu.fields.push_back({.offset = TpktHeader::kSize, .size = tpdu.size(), .name = "TPDU"});
  }
  const bool cut_off = pdu.error.has_value();
  const Part part{.octets = tpdu, .offset = TpktHeader::kSize, .depth = 1};
  const auto decoded = append_part(pdu, part, decode_tpdu);
  pdu.title = decoded ? title_of(*decoded) : "TPKT with a TPDU that cannot be read";
  const auto* data = decoded ? std::get_if<DataTpdu>(&*decoded) : nullptr;
  if (data != nullptr && data->size > 0) append_mcs(pdu, part.tail(data->size));
  if (cut_off) pdu.title = decoded ? fmt::format("{}, cut off", pdu.title) : "TPKT that is cut off";
}

// What stands in no TPKT but can be told all the same: the user data of a Send Data PDU alone, the
// first datagrams over UDP, and a server's certificate.
std::optional<AnnotatedPdu> annotate_bare(ByteSpan bytes) {
  AnnotatedPdu pdu{.size = bytes.size()};
  const Part whole{.octets = bytes};
  if (begins_rdpudp_syn(bytes)) {
    const auto syn = append_part(pdu, whole, decode_rdpudp_syn);
    pdu.title = syn && syn->is_answer() ? "RDP-UDP SYN and ACK datagram" : "RDP-UDP SYN datagram";
    return pdu;
  }
  if (begins_server_certificate(bytes)) {
    pdu.title = append_server_certificate(pdu, whole);
    return pdu;
  }
  if (!begins_channel_pdu(bytes)) return std::nullopt;
  pdu.title = append_channel_pdu(pdu, whole);
  return pdu;
}

}  // namespace

AnnotatedPdu annotate(ByteSpan bytes) {
  if (!begins_tpkt(bytes)) {
    if (auto bare = annotate_bare(bytes)) return *std::move(bare);
  }
  Notes notes(Notes::Detail::kFields);
  Reader r(bytes.first(std::min(bytes.size(), TpktHeader::kSize + kMostTpdu)), &notes);
  const auto tpdu = read_tpkt(r);
  AnnotatedPdu pdu{.title = begins_tpkt(bytes) ? "TPKT that is cut off" : "no TPKT",
                   .size = r.failed() ? bytes.size() : static_cast<std::size_t>(r.offset()),
                   .fields = std::move(notes.fields),
                   .anomalies = std::move(notes.anomalies),
                   .error = r.error()};
  if (!r.failed() || !tpdu.empty()) append_tpdu(pdu, tpdu);
  return pdu;
}

std::string annotated_text(const AnnotatedPdu& pdu, ByteSpan bytes) {
  auto text = fmt::format("{}, {} octet{}\n", pdu.title, pdu.size, pdu.size == 1 ? "" : "s");
  text += base::annotated_dump(bytes.first(std::min(pdu.size, bytes.size())), pdu.fields);
  for (const auto& [offset, field, words] : pdu.anomalies) {
    text += fmt::format("odd: {}{}{} (offset {})\n", base::printable(field),
                        field.empty() ? "" : " ", base::printable(words), offset);
  }
  if (pdu.error) text += fmt::format("error: {}\n", base::printable(pdu.error->message()));
  return text;
}

std::string annotated_text(ByteSpan bytes) {
  std::string text;
  for (std::size_t at = 0; at == 0 || at < bytes.size();) {
    const auto here = bytes.subspan(at);
    if (at > 0) text += '\n';
    if (at > 0 && here[0] != TpktHeader::kVersion) {
      text +=
          fmt::format("no TPKT any more, {} octet{}\n", here.size(), here.size() == 1 ? "" : "s");
      return text + base::annotated_dump(here, {});
    }
    const auto pdu = annotate(here);
    text += annotated_text(pdu, here);
    if (pdu.size == 0) break;
    at += pdu.size;
  }
  return text;
}

}  // namespace rdpwhy::rdp
