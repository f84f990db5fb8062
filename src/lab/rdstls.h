#pragma once

#include <cstdint>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/rdp/redirection.h"

namespace rdpwhy::lab {

/// A redirection with the credentials that RdstlsDialogue asks for, but for their password.
[[nodiscard]] rdp::ServerRedirection redirection_with_credentials();
[[nodiscard]] Secret handed_out_password();

/// The server's half of RDSTLS (MS-RDPBCGR 5.4.5.3): it speaks first, and lets in who shows what a
/// redirection of its own has handed out.
class RdstlsDialogue {
 public:
  struct Answer {
    Bytes octets;
    bool granted = false;  ///< RDP goes on; else the server leaves
  };

  /// `result`: for who shows the right credentials.
  explicit RdstlsDialogue(std::uint32_t result) : result_(result) {}

  [[nodiscard]] static Bytes greeting();  ///< its capabilities
  /// `message`: a whole PDU, or octets that cannot be one.
  [[nodiscard]] Answer answer(ByteSpan message) const;

 private:
  std::uint32_t result_;
};

}  // namespace rdpwhy::lab
