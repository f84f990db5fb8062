#include "report/udp.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/report/report.h"

namespace rdpwhy::report {
namespace {

void write_syn(JsonWriter& w, const rdp::RdpUdpSyn& syn) {
  if (syn.version) {
    const auto name = rdp::rdpudp_version_name(*syn.version);
    w.member("version", name ? std::string(*name) : base::to_hex_number(*syn.version, 4));
  } else {
    w.member_null("version");
  }
  w.member_texts("flags", rdp::rdpudp_flag_names(syn.flags));
  w.member_number("up_stream_mtu", syn.up_stream_mtu);
  w.member_number("down_stream_mtu", syn.down_stream_mtu);
  w.member_number("receive_window", syn.receive_window);
  if (syn.correlation_id) w.member("correlation_id", base::to_hex(*syn.correlation_id));
}

void write_answer(JsonWriter& w, const record::UdpTransport& transport) {
  w.key("answer");
  if (!transport.answered) {
    w.null();
    return;
  }
  w.begin_object();
  if (transport.syns > 0) {
    w.key("after_ms");
    w.milliseconds(*transport.answered - transport.began);
  }
  if (transport.answer) write_syn(w, *transport.answer);
  w.end_object();
}

void write_transport(JsonWriter& w, const record::UdpTransport& transport, Moment started) {
  w.begin_object();
  w.member("client", transport.client);
  w.member("server", transport.server);
  if (transport.syn || transport.answer) w.member("kind", transport.lossy() ? "lossy" : "reliable");
  w.key("at_ms");
  w.milliseconds(transport.began - started);
  w.member_number("syns", transport.syns);
  if (transport.syn) {
    w.key("syn");
    w.begin_object();
    write_syn(w, *transport.syn);
    w.end_object();
  }
  write_answer(w, transport);
  if (!transport.unreadable.empty()) w.member("unreadable", transport.unreadable);
  w.end_object();
}

/// 3.1.5.1.1: who names no version speaks the first.
std::string version_words(const rdp::RdpUdpSyn& syn) {
  switch (syn.version.value_or(rdp::RdpUdpSyn::kVersion1)) {
    case rdp::RdpUdpSyn::kVersion1:
      return syn.version ? "version 1" : "version 1 (none is named)";
    case rdp::RdpUdpSyn::kVersion2:
      return "version 2";
    case rdp::RdpUdpSyn::kVersion3:
      return "version 3";
    default:
      return fmt::format("version {} (unknown)", base::to_hex_number(*syn.version, 4));
  }
}

std::string mtu_words(const rdp::RdpUdpSyn& syn) {
  return fmt::format("MTU {} up, {} down", syn.up_stream_mtu, syn.down_stream_mtu);
}

std::string offer_words(const record::UdpTransport& transport) {
  if (transport.syns == 0) return "the client's SYN was not captured";
  const auto times = transport.syns == 1 ? "1 SYN" : fmt::format("{} SYNs", transport.syns);
  if (!transport.syn) return times + " that cannot be read";
  return fmt::format("{}, {} offered, {}", times, version_words(*transport.syn),
                     mtu_words(*transport.syn));
}

std::string answer_words(const record::UdpTransport& transport) {
  if (!transport.answered) return "no answer was captured";
  const auto after =
      transport.syns == 0
          ? std::string()
          : fmt::format(" after {}",
                        diagnose::duration_in_words(*transport.answered - transport.began));
  if (!transport.answer) return fmt::format("answered{}, which cannot be read", after);
  return fmt::format("answered{}, {} accepted, {}", after, version_words(*transport.answer),
                     mtu_words(*transport.answer));
}

}  // namespace

void write_udp(JsonWriter& w, const std::vector<record::UdpTransport>& transports, Moment started) {
  if (transports.empty()) return;
  w.key("udp");
  w.begin_array();
  for (std::size_t i = 0; i < std::min(transports.size(), kMostUdpTransports); ++i)
    write_transport(w, transports[i], started);
  w.end_array();
  if (transports.size() > kMostUdpTransports) w.member_number("udp_total", transports.size());
}

std::string udp_in_words(const record::UdpTransport& transport) {
  const auto kind = !transport.syn && !transport.answer ? ""
                    : transport.lossy()                 ? ", lossy"
                                                        : ", reliable";
  return fmt::format(
      "{} > {}{}: {}; {}{}", transport.client, transport.server, kind, offer_words(transport),
      answer_words(transport),
      transport.unreadable.empty() ? "" : fmt::format(" ({})", transport.unreadable));
}

}  // namespace rdpwhy::report
