#pragma once

#include <vector>

#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::tls {

/// Where an extension stands decides the form of its payload (RFC 8446 4.2).
enum class Place { kClientHello, kServerHello, kHelloRetryRequest, kOther };

/// What the payloads of one list say. The hellos take from it what they have members for.
struct ExtensionReadings {
  std::optional<std::string> server_name;
  std::optional<std::vector<std::uint16_t>> supported_versions;
  std::optional<std::vector<std::uint16_t>> supported_groups;
  std::optional<std::vector<std::uint8_t>> ec_point_formats;
  std::optional<std::vector<std::uint16_t>> signature_algorithms;
  std::optional<std::vector<std::uint16_t>> signature_algorithms_cert;
  std::optional<std::vector<KeyShare>> key_shares;
  std::optional<std::vector<std::string>> alpn;
  std::optional<std::vector<std::uint8_t>> psk_key_exchange_modes;
  std::optional<std::uint16_t> record_size_limit;
  std::uint32_t authorities = 0;
};

/// RFC 8446 4.2 `Extension extensions<0..2^16-1>` with its length. Order and octets are kept;
/// `readings` may be null.
[[nodiscard]] std::vector<Extension> read_extensions(Reader& r, Place place,
                                                     ExtensionReadings* readings);
void write_extensions(base::Writer& w, const std::vector<Extension>& extensions);

[[nodiscard]] bool has(const std::vector<Extension>& extensions, ExtensionType type);

}  // namespace rdpwhy::tls
