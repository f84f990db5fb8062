#pragma once

#include <string>
#include <utility>

#include "rdpwhy/diagnose/diagnosis.h"

namespace rdpwhy::diagnose {

/// A record told step by step, as a dissector would leave it: each step comes after so many
/// milliseconds.
class Story {
 public:
  explicit Story(bool live = true);

  Story& add(Phase phase, Side side, record::Fact fact, double after_ms = 1);
  Story& live_only();                     ///< of the last step
  Story& on_wire_of(std::uint32_t size);  ///< the last step's octets
  Story& note(std::string text);          ///< on the last step

  // What most stories begin with.
  Story& tcp(double round_trip_ms = 0.2);
  Story& request(std::uint32_t protocols = 0x0B, bool cookie = true);
  Story& request_without_negotiation();
  Story& confirm(std::uint32_t selected, double after_ms = 1);
  Story& refuse(std::uint32_t failure_code);
  Story& client_hello(std::uint16_t newest = 0x0304, std::uint32_t size = 300);
  Story& server_hello(std::uint16_t version = 0x0303);
  Story& certificate();
  Story& tls12_to_the_end();  ///< from the ServerHello to both Finished
  Story& alert(Side by, std::uint8_t description);

  // The logon, inside TLS.
  Story& until(Phase phase);  ///< how far the run was asked to go
  Story& ts_request(Side by, record::CredsspMessage message, double after_ms = 1);
  Story& negotiate(std::uint32_t version = 6, bool spnego = false, bool kerberos_offered = false);
  Story& challenge(std::uint32_t version = 6, double clock_ahead_s = 0);
  Story& authenticate(std::uint32_t version = 6);  ///< with pubKeyAuth
  Story& ticket(std::uint32_t version = 6);        ///< a Kerberos AP-REQ inside SPNEGO
  Story& server_key(std::uint32_t version = 6);
  Story& delegate(std::uint32_t version = 6);
  Story& error_code(std::uint32_t code, std::uint32_t version = 6, bool echoes_key = false);
  Story& kerberos_error(std::int32_t code, double server_ahead_s = 0);
  Story& authorization(std::uint32_t result);
  Story& kdc(record::KdcTalk talk);
  Story& inside_tls(Phase phase, Side by, record::Fact fact, double after_ms = 1);

  Story& end(Side by, record::Ending::How how, double after_ms = 1, bool mid_message = false);
  Story& partial(std::uint32_t size);          ///< of the server: a message that it does not finish
  Story& wait_and_hang_up(double silence_ms);  ///< we give up: a deadline passed

  HandshakeRecord record;
  Circumstances circumstances;

  [[nodiscard]] Diagnosis diagnose() const { return diagnose::diagnose(record, circumstances); }

 private:
  Moment now_{1'700'000'000'000'000'000};
  std::uint64_t octets_[2] = {0, 0};
  std::uint32_t unfinished_ = 0;
};

/// "id certain, id possible": what was found, in order.
[[nodiscard]] std::string found(const Diagnosis& diagnosis);

}  // namespace rdpwhy::diagnose
