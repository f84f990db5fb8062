#pragma once

#include <algorithm>

#include "oracles/oracle.h"
#include "rdpwhy/crypto/session_opener.h"
#include "rdpwhy/crypto/standard_security.h"

/// What holds of whatever a peer of Standard RDP Security sends.
namespace rdpwhy::crypto::oracle {

/// `bytes`: the method, then a server certificate, a Security Exchange and payloads of both sides,
/// each behind its size.
inline void check_session_opener(ByteSpan bytes) {
  using rdpwhy::oracle::hold;
  const auto take = [&](std::size_t count) {
    const auto part = bytes.first(std::min(count, bytes.size()));
    bytes = bytes.subspan(part.size());
    return part;
  };
  const auto one = [&] {
    const auto octet = take(1);
    return octet.empty() ? std::uint8_t{0} : octet[0];
  };
  const Secret ours(Bytes(StandardSecurity::kRandomSize, 0x42));
  const auto opener = make_session_opener({.client_random = &ours});
  const auto method = one();
  const auto random = take(StandardSecurity::kRandomSize);
  const auto certificate = take(std::size_t{one()} * 4);
  const auto judgement = opener->server_security(method, random, certificate);
  hold(judgement == judge_server_key(certificate), "a key is judged by its certificate alone");
  hold(judgement.key_bits <= 8 * certificate.size(), "a key is no larger than its certificate");
  const bool has_keys = opener->security_exchange(take(one()));
  while (!bytes.empty()) {
    const auto head = one();
    if ((head & 0x0F) == 0x0F) opener->lost((head & 0x10) != 0 ? Side::kServer : Side::kClient);
    const auto signature = take(8);
    const auto data = take(one());
    const auto opened = opener->open({.side = (head & 0x10) != 0 ? Side::kServer : Side::kClient,
                                      .salted = (head & 0x20) != 0,
                                      .signature = signature,
                                      .padding = static_cast<std::uint8_t>(head & 7),
                                      .data = data});
    hold(has_keys || !opened, "nothing opens without keys");
    hold(!opened || opened->plaintext.size() <= data.size(), "nothing grows by being opened");
  }
}

}  // namespace rdpwhy::crypto::oracle
