#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/record/encryption_experiment.h"
#include "rdpwhy/record/fingerprints.h"
#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/record/repetitions.h"
#include "rdpwhy/record/summary.h"
#include "rdpwhy/record/udp_transport.h"

namespace rdpwhy::report {

/// Where a record comes from.
struct Source {
  bool live = true;
  std::string target;            ///< live: as typed
  std::string address;           ///< live
  std::uint16_t port = 0;        ///< live
  std::string redirected_from;   ///< live: the target that sent the client here; empty: none
  std::string proxy;             ///< live: "http://gate:8080", which resolves for us; empty: none
  std::string file;              ///< capture
  std::uint64_t connection = 0;  ///< capture: number
  std::string client, server;    ///< capture: endpoints
};

/// Everything one report shows. Renderers compute nothing that is not a query.
struct Subject {
  Source source;
  Moment started;
  const HandshakeRecord* record = nullptr;
  const record::Summary* summary = nullptr;  ///< of the record; null: the renderer asks for it
  std::vector<std::string> certificate_problems;
  const record::Fingerprints* fingerprints = nullptr;  ///< null: none were asked for
  const diagnose::Diagnosis* diagnosis = nullptr;
  std::vector<std::string> remarks;  ///< what an .rdp file said, and the like
  /// Transports over UDP beside a captured connection, in the order in which they began.
  std::vector<record::UdpTransport> udp;
  /// Encryption methods that were offered one by one on further connections.
  std::vector<record::EncryptionExperiment> encryption;
  const record::Repetitions* repetitions = nullptr;  ///< null: none were asked for
};

struct TextStyle {
  bool colour = false;
  int width = 80;
  bool explain = false;  ///< with evidence and annotated octets
};

/// The report for people: one sentence first, then phases, TLS and certificate, anomalies.
[[nodiscard]] std::string to_text(const Subject& subject, const TextStyle& style);

/// "10.0.0.1:50000 > 10.0.0.2:3389, reliable: version 2 offered, ...": one transport over UDP.
[[nodiscard]] std::string udp_in_words(const record::UdpTransport& transport);

/// A row of the catalogue in full, for `rdpwhy causes ID`.
[[nodiscard]] std::string cause_to_text(const diagnose::Cause& cause, int width);

/// `text` in lines of at most `width` columns; the first begins with `lead`, the others with as
/// many blanks.
void append_wrapped(std::string& out, std::string_view lead, std::string_view text, int width);

/// One JSON object on one line without a line feed (contract.md, rdpwhy.handshake/1), appended to
/// `out`.
void append_json(std::string& out, const Subject& subject);

}  // namespace rdpwhy::report
