#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "rdp/annotated_part.h"
#include "rdpwhy/rdp/server_certificate.h"

namespace rdpwhy::rdp {
namespace {

bool stands_at(ByteSpan octets, std::size_t at, ByteSpan wanted) {
  return octets.size() >= at + wanted.size() &&
         std::ranges::equal(octets.subspan(at, wanted.size()), wanted);
}

}  // namespace

void annotate_certificate_in(AnnotatedPdu& pdu, const Part& message, std::string_view field) {
  // A length before the certificate may bear its name; what is sought is the last, with octets.
  const auto backwards = std::views::reverse(pdu.fields);
  const auto found = std::ranges::find_if(backwards, [&](const FieldNote& note) {
    return note.name == field && note.size > 0 && note.offset >= message.offset;
  });
  if (found == backwards.end()) return;
  const auto at = static_cast<std::size_t>(found->offset) - message.offset;
  if (at + found->size > message.octets.size()) return;
  const Part certificate{
      .octets = message.octets.subspan(at, static_cast<std::size_t>(found->size)),
      .offset = message.offset + at,
      .depth = found->depth + 1};
  AnnotatedPdu inside;
  append_part(inside, certificate, decode_server_certificate);
  std::ranges::move(inside.anomalies, std::back_inserter(pdu.anomalies));
  // The message around it is sound: many a server sends something else here.
  if (inside.error) {
    pdu.anomalies.push_back({.offset = inside.error->offset,
                             .field = std::string(field),
                             .text = "cannot be read: " + inside.error->message()});
  }
  pdu.fields.insert(found.base(), inside.fields.begin(), inside.fields.end());
}

bool begins_server_certificate(ByteSpan octets) {
  // dwVersion without the temporary bit, then what can hardly be otherwise: both algorithms and the
  // type of the key blob, or few certificates of which the first begins as DER does.
  static constexpr std::uint8_t kProprietary[] = {1, 0, 0, 0, 1, 0, 0, 0, 6, 0};
  if (octets.size() < 4 || octets[1] != 0 || octets[2] != 0 || (octets[3] & 0x7F) != 0)
    return false;
  if (octets[0] == 1) return stands_at(octets, 4, kProprietary);
  static constexpr std::uint8_t kFew[] = {0, 0, 0};
  static constexpr std::uint8_t kSequence[] = {0x30, 0x82};
  return octets[0] == 2 && stands_at(octets, 5, kFew) && octets[4] != 0 &&
         octets[4] <= X509CertificateChain::kMostCertificates && stands_at(octets, 12, kSequence);
}

std::string append_server_certificate(AnnotatedPdu& pdu, const Part& part) {
  const auto certificate = append_part(pdu, part, decode_server_certificate);
  if (!certificate) return "server certificate that cannot be read";
  return certificate->proprietary() != nullptr ? "proprietary server certificate"
                                               : "X.509 server certificate chain";
}

}  // namespace rdpwhy::rdp
