// replicate IN OUT SIZE [INTERLEAVED]: writes copies of a capture, each with client addresses and
// ports of its own, INTERLEAVED at a time, until OUT has SIZE (such as 1000000000, 300M, 1G). OUT
// is pcap with nanoseconds if it is named .pcap, else pcapng with the secrets of IN in front.
// Checksums are left as they are.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/writer.h"
#include "rdpwhy/capture/capture_reader.h"
#include "rdpwhy/capture/flows.h"

namespace {

using rdpwhy::Bytes;
using rdpwhy::ByteSpan;
using rdpwhy::Moment;
using rdpwhy::Writer;
using rdpwhy::capture::CaptureReader;
using rdpwhy::capture::Endpoint;
using rdpwhy::capture::FlowListener;
using rdpwhy::capture::Flows;
using rdpwhy::capture::FrameDecoder;
using rdpwhy::capture::Packet;

/// One packet of the original, and where in it the client's address and port stand.
struct Template {
  Packet packet;
  bool tcp = false;
  std::size_t address_at = 0;
  std::size_t address_size = 0;
  std::size_t port_at = 0;
  std::uint16_t port = 0;
};

/// Only asks who the clients are.
class Clients : public Flows::Host {
 public:
  std::unique_ptr<FlowListener> flow(const Endpoint& client, const Endpoint&, Moment) override {
    known.insert(client);
    return nullptr;
  }
  void done(std::unique_ptr<FlowListener>) override {}
  std::set<Endpoint> known;
};

std::size_t ip_offset(const Packet& packet) {
  if (packet.link_type != 1) return 0;
  std::size_t at = 12;
  while (at + 2 <= packet.octets.size() && packet.octets[at] == 0x81 &&
         packet.octets[at + 1] == 0) {
    at += 4;
  }
  return at + 2;
}

std::size_t ip_header_size(const Packet& packet, std::size_t at, bool v6) {
  return v6 ? 40 : (packet.octets[at] & 0x0FU) * 4U;
}

std::vector<Template> make_templates(CaptureReader& reader) {
  std::vector<Template> templates;
  Clients clients;
  Flows flows(clients, {});
  FrameDecoder decoder;
  while (const auto packet = reader.next()) {
    Template made{.packet = *packet};
    const auto segment = decoder.decode(*packet).segment;
    const auto ip = ip_offset(*packet);
    if (segment && ip + 40 <= packet->octets.size()) {
      flows.segment(*segment);
      const bool from_client = clients.known.contains(segment->from);
      const bool v6 = segment->from.address.v6;
      const auto tcp = ip + ip_header_size(*packet, ip, v6);
      made.tcp = true;
      made.address_size = v6 ? 16 : 4;
      made.address_at = ip + (v6 ? 8 : 12) + (from_client ? 0 : made.address_size);
      made.port_at = tcp + (from_client ? 0 : 2);
      made.port = from_client ? segment->from.port : segment->to.port;
      made.tcp = made.port_at + 2 <= packet->octets.size();
    }
    templates.push_back(made);
  }
  return templates;
}

class Output {
 public:
  Output(const std::string& path, std::uint32_t link_type, const std::vector<std::string>& secrets)
      : file_(std::fopen(path.c_str(), "wb")), pcap_(path.ends_with(".pcap")) {
    if (file_ == nullptr) return;
    std::setvbuf(file_, nullptr, _IOFBF, 1U << 20U);
    Writer w;
    if (pcap_) {
      w.u32le(0xA1B23C4D).u16le(2).u16le(4).u64le(0).u32le(262'144).u32le(link_type);
    } else {
      w.u32le(0x0A0D0D0A).u32le(28).u32le(0x1A2B3C4D).u16le(1).u16le(0).u64le(UINT64_MAX).u32le(28);
      w.u32le(1).u32le(32).u16le(static_cast<std::uint16_t>(link_type)).u16le(0).u32le(0);
      w.u16le(9).u16le(1).u32le(9).u32le(0).u32le(32);
      for (const auto& text : secrets) {
        const auto padding = (4 - text.size() % 4) % 4;
        const auto size = static_cast<std::uint32_t>(20 + text.size() + padding);
        w.u32le(10).u32le(size).u32le(0x544C534B).u32le(static_cast<std::uint32_t>(text.size()));
        w.text(text).zeros(padding).u32le(size);
      }
    }
    write(w.view());
  }
  ~Output() {
    if (file_ != nullptr && std::fclose(file_) != 0) good_ = false;
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void packet(ByteSpan octets, std::uint32_t original, std::int64_t at) {
    const auto size = static_cast<std::uint32_t>(octets.size());
    Writer w;
    if (pcap_) {
      w.u32le(static_cast<std::uint32_t>(at / 1'000'000'000));
      w.u32le(static_cast<std::uint32_t>(at % 1'000'000'000)).u32le(size).u32le(original);
      w.bytes(octets);
    } else {
      const auto padding = (4 - size % 4) % 4;
      const auto ticks = static_cast<std::uint64_t>(at);
      w.u32le(6).u32le(32 + size + padding).u32le(0);
      w.u32le(static_cast<std::uint32_t>(ticks >> 32U)).u32le(static_cast<std::uint32_t>(ticks));
      w.u32le(size).u32le(original).bytes(octets).zeros(padding).u32le(32 + size + padding);
    }
    write(w.view());
  }

  [[nodiscard]] bool good() const { return file_ != nullptr && good_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  void write(ByteSpan octets) {
    if (std::fwrite(octets.data(), 1, octets.size(), file_) != octets.size()) good_ = false;
    size_ += octets.size();
  }
  std::FILE* file_;
  bool pcap_;
  bool good_ = true;
  std::uint64_t size_ = 0;
};

/// The packet as copy `copy` has it: 24 bits of the client's address and its port differ.
void patch(Bytes& octets, const Template& original, std::uint64_t copy) {
  const auto end = original.address_at + original.address_size;
  octets[end - 3] = static_cast<std::uint8_t>(copy >> 16U);
  octets[end - 2] = static_cast<std::uint8_t>(copy >> 8U);
  octets[end - 1] = static_cast<std::uint8_t>(copy);
  const auto port = 1024 + (original.port + copy * 7919) % 64'000;
  octets[original.port_at] = static_cast<std::uint8_t>(port >> 8U);
  octets[original.port_at + 1] = static_cast<std::uint8_t>(port);
}

std::uint64_t parse_size(std::string_view text) {
  const auto number = std::strtoull(std::string(text).c_str(), nullptr, 10);
  if (text.ends_with('G')) return number * 1'000'000'000;
  if (text.ends_with('M')) return number * 1'000'000;
  return number;
}

int fail(const std::string& why) {
  std::fprintf(stderr, "replicate: %s\n", why.c_str());
  return 2;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return fail("usage: replicate IN OUT SIZE [INTERLEAVED]");
  std::ifstream in(arguments[1], std::ios::binary);
  if (!in) return fail("cannot read " + std::string(arguments[1]));
  const Bytes file{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  auto reader = CaptureReader::open(file);
  if (!reader) return fail(std::string(arguments[1]) + " is " + reader.error().text);
  const auto templates = make_templates(*reader);
  if (templates.empty()) return fail("no packets");
  const auto link_type = templates.front().packet.link_type;
  const auto same = [&](const Template& one) { return one.packet.link_type == link_type; };
  if (!std::ranges::all_of(templates, same)) return fail("several link types");

  const auto size = parse_size(arguments[3]);
  const auto interleaved = count > 4 ? std::max<std::uint64_t>(parse_size(arguments[4]), 1) : 64;
  const auto first = templates.front().packet.at.ns;
  const auto duration = templates.back().packet.at.ns - first + 1'000'000;
  std::int64_t shift = 0;
  std::uint64_t copies = 0;
  Output out(arguments[2], link_type, reader->tls_key_logs());
  Bytes octets;
  while (out.good() && out.size() < size) {
    for (const auto& original : templates) {
      octets.assign(original.packet.octets.begin(), original.packet.octets.end());
      for (std::uint64_t i = 0; i < interleaved; ++i) {
        if (original.tcp) patch(octets, original, copies + i);
        out.packet(octets, original.packet.original_size, original.packet.at.ns + shift);
      }
    }
    copies += interleaved;
    shift += duration;
  }
  if (!out.good()) return fail("cannot write " + std::string(arguments[2]));
  std::printf("%llu copies, %llu packets, %llu octets\n", static_cast<unsigned long long>(copies),
              static_cast<unsigned long long>(copies * templates.size()),
              static_cast<unsigned long long>(out.size()));
  return 0;
}
