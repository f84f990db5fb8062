#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::record {

/// What became of a connection that offered one encryption method of Standard RDP Security
/// (MS-RDPBCGR 5.3.2) and went as far as the MCS Connect Response.
struct EncryptionExperiment {
  std::uint32_t offered = 0;  ///< one bit of encryptionMethods; 0: none
  std::optional<Phase> reached;
  std::optional<Failure> failure;
  /// Of the server's security data, where it accepted.
  std::optional<std::uint32_t> method;
  std::optional<std::uint32_t> level;

  enum class Answer : std::uint8_t {
    kTaken,    ///< the server settles on what was offered
    kAnother,  ///< it settles on what was not offered
    kRefused,  ///< it ended the connection at the offer, or said no to it
    kUnknown,  ///< silence, or an ending that has nothing to do with the offer
  };
  [[nodiscard]] Answer answer() const;
};
[[nodiscard]] std::string_view name_of(EncryptionExperiment::Answer answer);

[[nodiscard]] EncryptionExperiment encryption_experiment(std::uint32_t offered,
                                                         const HandshakeRecord& record);

/// Standard RDP Security was selected (or nothing else was offered), and the server accepted the
/// settings: its methods can be asked for one by one.
[[nodiscard]] bool settles_standard_security(const HandshakeRecord& record);

}  // namespace rdpwhy::record
