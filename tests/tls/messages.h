#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::tls {

inline Bytes from_hex(std::string_view text) {
  auto octets = base::parse_hex(text);
  EXPECT_TRUE(octets.has_value()) << text;
  return octets ? *octets : Bytes{};
}

/// RFC 8448 3: the ClientHello's body.
inline Bytes rfc8448_client_hello() {
  return from_hex(
      "0303 cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 00"
      "0006 1301 1303 1302 01 00 0091"
      "0000 000b 0009 00 0006 736572766572"
      "ff01 0001 00"
      "000a 0014 0012 001d 0017 0018 0019 0100 0101 0102 0103 0104"
      "0023 0000"
      "0033 0026 0024 001d 0020"
      "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c"
      "002b 0003 02 0304"
      "000d 0020 001e 0403 0503 0603 0203 0804 0805 0806 0401 0501 0601 0201 0402 0502 0602 0202"
      "002d 0002 01 01"
      "001c 0002 4001");
}

/// RFC 8448 3: the ServerHello's body.
inline Bytes rfc8448_server_hello() {
  return from_hex(
      "0303 a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928 00 1301 00 002e"
      "0033 0024 001d 0020 c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f"
      "002b 0002 0304");
}

inline Bytes random_octets() {
  Bytes octets(32);
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(0xA0 + i);
  return octets;
}

using Extensions = std::vector<std::pair<std::uint16_t, Bytes>>;

inline void write_test_extensions(base::Writer& w, const Extensions& extensions) {
  const auto list = w.block16be();
  for (const auto& [type, payload] : extensions) {
    w.u16be(type);
    const auto size = w.block16be();
    w.bytes(payload);
  }
}

/// A TLS 1.2 ClientHello's body with these extensions.
inline Bytes client_hello_with(const Extensions& extensions) {
  base::Writer w;
  w.u16be(0x0303).bytes(random_octets()).u8(0);
  w.u16be(2).u16be(0xC02F).u8(1).u8(0);
  write_test_extensions(w, extensions);
  return w.take();
}

/// A TLS 1.2 ServerHello's body with these extensions.
inline Bytes server_hello_with(const Extensions& extensions, ByteSpan random = {}) {
  base::Writer w;
  w.u16be(0x0303).bytes(random.empty() ? ByteSpan(random_octets()) : random).u8(0);
  w.u16be(0xC02F).u8(0);
  write_test_extensions(w, extensions);
  return w.take();
}

inline std::string text_of(const Notes& notes) {
  std::string text;
  for (const auto& note : notes.anomalies) {
    text += std::to_string(note.offset) + " " + note.field + ": " + note.text + "\n";
  }
  return text;
}

}  // namespace rdpwhy::tls
