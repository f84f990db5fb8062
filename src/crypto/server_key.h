#pragma once

#include <optional>

#include "crypto/raw_rsa.h"
#include "rdpwhy/record/session_opener.h"

namespace rdpwhy::crypto {

/// All that the certificate of a server of Standard RDP Security gives (MS-RDPBCGR 2.2.1.4.3.1).
struct ServerKey {
  record::ServerKeyJudgement judgement;
  std::optional<RawPublicKey> key;  ///< nothing when there is none with which one could compute
};

/// Reads and verifies it. What cannot be read is no error: the judgement says so.
[[nodiscard]] ServerKey read_server_key(ByteSpan server_certificate);

}  // namespace rdpwhy::crypto
