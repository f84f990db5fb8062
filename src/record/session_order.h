#pragma once

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::record {

/// MS-RDPBCGR 1.3.1.1: which messages of the server can have a meaning at this point. One that
/// comes before the client has said what it answers brings nobody further, whatever it is: a Font
/// Map where the MCS Connect-Response is due is no session.
class SessionOrder {
 public:
  /// To be called for all evidence of a record, in order. True: a server's message that is out of
  /// place. Where octets are missing, or the beginning of the session is, nothing is.
  [[nodiscard]] bool is_out_of_place(const Evidence& evidence);
  /// So far: what the client did not say here it did not say at all.
  [[nodiscard]] bool sees_client() const { return began_ && !lost_; }

 private:
  void hear_client(const Evidence& evidence);
  [[nodiscard]] bool may_come(const Evidence& evidence) const;

  bool began_ = false;  ///< the client's MCS Connect-Initial was seen
  bool lost_ = false;
  bool attaches_ = false;
  bool joins_ = false;
  bool informed_ = false;  ///< the server has the client's data
  bool demanded_ = false;  ///< the server's capabilities came, when it had them
};

}  // namespace rdpwhy::record
