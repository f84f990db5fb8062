#pragma once

#include <cstddef>
#include <optional>

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::record {

/// True for a message of the phases behind TLS that was read inside TLS.
[[nodiscard]] bool is_inside_tls(const Evidence& evidence);

/// How far the phases inside TLS got, read in one pass. Positions are those in the evidence.
struct InsideCourse {
  bool seen = false;   ///< something that was said inside TLS could be read
  bool blind = false;  ///< something else could not
  /// The server answered in CredSSP and did not refuse: without credentials that is all there is.
  bool server_answered_credssp = false;
  std::optional<std::size_t> credssp;        ///< complete: the credentials went, nobody objected
  std::optional<std::size_t> authorization;  ///< granted
  std::optional<std::size_t> rdstls;         ///< granted
  bool credssp_seen = false;
  bool rdstls_seen = false;
  bool authorization_applies = false;  ///< HYBRID_EX was selected, or a result was seen
  bool client_spoke_mcs = false;
  bool server_spoke_mcs = false;
  // Our own talk with the KDC: live only.
  bool kdc_asked = false;
  std::optional<std::size_t> kdc_granted;
  bool went_on_without_kdc = false;  ///< CredSSP goes on although no ticket was to be had
};

/// `selected`: of the Confirm. `secured`: where TLS was complete.
[[nodiscard]] InsideCourse read_inside_course(const HandshakeRecord& record,
                                              std::optional<std::uint32_t> selected,
                                              std::optional<std::size_t> secured);

}  // namespace rdpwhy::record
