#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.13.1 RDP_SERVER_REDIRECTION_PACKET, the same in the Standard Security and the
/// Enhanced Security Server Redirection PDU. Texts are UTF-8. An absent field is one whose flag is
/// not set.
struct ServerRedirection {
  static constexpr std::uint16_t kSecRedirectionPacket = 0x0400;

  static constexpr std::uint32_t kTargetNetAddress = 0x00000001;
  static constexpr std::uint32_t kLoadBalanceInfo = 0x00000002;
  static constexpr std::uint32_t kUserName = 0x00000004;
  static constexpr std::uint32_t kDomain = 0x00000008;
  static constexpr std::uint32_t kPassword = 0x00000010;
  static constexpr std::uint32_t kDontStoreUserName = 0x00000020;
  static constexpr std::uint32_t kSmartcardLogon = 0x00000040;
  static constexpr std::uint32_t kNoRedirect = 0x00000080;
  static constexpr std::uint32_t kTargetFqdn = 0x00000100;
  static constexpr std::uint32_t kTargetNetBiosName = 0x00000200;
  static constexpr std::uint32_t kTargetNetAddresses = 0x00000800;
  static constexpr std::uint32_t kClientTsvUrl = 0x00001000;
  static constexpr std::uint32_t kServerTsvCapable = 0x00002000;
  static constexpr std::uint32_t kPasswordIsPkEncrypted = 0x00004000;
  static constexpr std::uint32_t kRedirectionGuid = 0x00008000;
  static constexpr std::uint32_t kTargetCertificate = 0x00010000;

  std::uint32_t session_id = 0;
  std::uint32_t flags = 0;  ///< RedirFlags
  std::optional<std::string> target_net_address;
  std::optional<Bytes> load_balance_info;  ///< the routing token, as it goes into the next request
  std::optional<std::string> user_name;
  std::optional<std::string> domain;
  std::optional<std::uint32_t> password_size;  ///< octets of a password or its encrypted blob
  std::optional<std::string> target_fqdn;
  std::optional<std::string> target_netbios_name;
  std::optional<Bytes> tsv_url;
  std::optional<std::string> redirection_guid;
  std::optional<Bytes> target_certificate;
  std::optional<std::vector<std::string>> target_net_addresses;
  bool has_pad = false;  ///< the 8 octets at the end

  friend bool operator==(const ServerRedirection&, const ServerRedirection&) = default;
};

/// "LB_TARGET_NET_ADDRESS", ...
[[nodiscard]] std::vector<std::string> redirection_flag_names(std::uint32_t flags);

/// Where the client shall connect next, as a client picks it: the address, else the first of the
/// addresses, else the name, else the NetBIOS name; empty when there is none.
[[nodiscard]] std::string redirection_target(const ServerRedirection& redirection);

[[nodiscard]] ServerRedirection read_server_redirection(Reader& r);
/// The flags of the optional fields follow from what is there; the others are taken as they are.
/// The password stands in place of `password_size`.
[[nodiscard]] Secret encode(const ServerRedirection& redirection, const Secret& password);

/// The packet of a Standard Security Server Redirection PDU (2.2.13.2.1), from its own Flags and
/// Length on.
[[nodiscard]] std::expected<ServerRedirection, DecodeError> decode_server_redirection(
    ByteSpan packet, Notes* notes = nullptr);
/// 2.2.13.1.2 TARGET_CERTIFICATE_CONTAINER, in Base64 of UTF-16: the X.509 certificate (DER) in a
/// TargetCertificate; nothing where there is none that can be read.
[[nodiscard]] std::optional<Bytes> certificate_of_target(ByteSpan target_certificate);

/// The octets of the password or blob, for whoever follows the redirection; empty when there is
/// none or the packet cannot be read.
[[nodiscard]] Secret redirection_password(ByteSpan packet);

}  // namespace rdpwhy::rdp
