#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "rdpwhy/base/secret.h"
#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/crypto/rsa_private_keys.h"
#include "rdpwhy/crypto/standard_security.h"
#include "rdpwhy/record/session_opener.h"

namespace rdpwhy::crypto {

/// A key log's label for the client random of Standard RDP Security. Between it and the random
/// stand the first 32 octets of encryptedClientRandom, in hex like all else. Other programs pass
/// over such lines.
inline constexpr std::string_view kClientRandomLabel = "RDP_CLIENT_RANDOM";

/// Where the client random of a session comes from. What is pointed at must outlive the openers.
struct SessionSecrets {
  const KeyLog* key_log = nullptr;
  const RsaPrivateKeys* private_keys = nullptr;  ///< of the server: --rdp-key
  /// The one that we are about to send ourselves. It counts for an exchange that is seen to hold
  /// it.
  const Secret* client_random = nullptr;
  /// Shared by the connections of a capture; without it each reads its server's key itself.
  ServerKeyCache* server_keys = nullptr;
  /// Told the line of a key log once `client_random` was sent.
  std::function<void(std::string_view line)> on_secret = {};
};

/// Opens Standard RDP Security (MS-RDPBCGR 5.3). The key pair that old servers have built in is
/// always tried.
[[nodiscard]] std::unique_ptr<record::SessionOpener> make_session_opener(SessionSecrets secrets);

}  // namespace rdpwhy::crypto
