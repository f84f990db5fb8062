#include "rdpwhy/auth/kerberos.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/asn1/der.h"
#include "rdpwhy/auth/spnego.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"

namespace rdpwhy::auth {
namespace {

using asn1::application;
using asn1::context;
using Kind = KerberosToken::Kind;

constexpr asn1::Tag kGssFrame = application(0);
constexpr asn1::Tag kTicket = application(1);
constexpr asn1::Tag kApRequest = application(14);
constexpr asn1::Tag kApReply = application(15);
constexpr asn1::Tag kKrbError = application(30);
constexpr std::int32_t kProtocolVersion = 5;
constexpr std::int32_t kNamePrincipal = 1;  // RFC 4120 6.2
constexpr std::int32_t kNameService = 2;

bool is_kerberos_mechanism(std::string_view mechanism) {
  return mechanism == oid::kKerberos || mechanism == oid::kMsKerberos ||
         mechanism == oid::kKerberosUserToUser;
}

std::int32_t read_number(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  return asn1::read_int32(element, field);
}

std::string read_text(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  return asn1::read_string(element, asn1::kGeneralString, field);
}

Moment read_time(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  const auto moment = asn1::read_generalized_time(element, field);
  const auto fraction = (moment.ns % 1'000'000'000 + 1'000'000'000) % 1'000'000'000;
  element.expect(fraction == 0, "has a fraction, which KerberosTime does not", field);
  return {moment.ns - fraction};
}

bool skip_element(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  asn1::read_any(element, field);
  return true;
}

/// pvno and msg-type, which every message begins with. `first` is pvno's number.
bool read_fixed(Reader& sequence, unsigned number, unsigned first, std::int32_t type) {
  if (number == first) {
    const auto version = read_number(sequence, number, "pvno");
    sequence.expect(version == kProtocolVersion, fmt::format("is {}, not 5", version), "pvno");
    return true;
  }
  const auto found = read_number(sequence, number, "msg-type");
  sequence.expect(found == type, fmt::format("is {}, not {}", found, type), "msg-type");
  return true;
}

// RFC 4120 5.2.2
std::vector<std::string> read_principal(Reader& sequence, unsigned number, std::string_view field) {
  std::vector<std::string> parts;
  Reader element = asn1::open(sequence, context(number), field);
  Reader name = asn1::open(element, asn1::kSequence, "PrincipalName");
  asn1::read_tagged(name, "PrincipalName", [&](unsigned inner) {
    if (inner == 0) {
      read_number(name, 0, "name-type");
      return true;
    }
    if (inner != 1) return false;
    Reader strings = asn1::open(name, context(1), "name-string");
    Reader list = asn1::open(strings, asn1::kSequence, "name-string");
    while (list.more()) {
      parts.push_back(asn1::read_string(list, asn1::kGeneralString, "KerberosString"));
    }
    return true;
  });
  return parts;
}

// RFC 4120 5.2.9: what is in the cipher stays there.
std::optional<std::int32_t> read_encryption(Reader& sequence, unsigned number,
                                            std::string_view field) {
  std::optional<std::int32_t> etype;
  Reader element = asn1::open(sequence, context(number), field);
  Reader encrypted = asn1::open(element, asn1::kSequence, "EncryptedData");
  asn1::read_tagged(encrypted, "EncryptedData", [&](unsigned inner) {
    switch (inner) {
      case 0: {
        Reader type = asn1::open(encrypted, context(0), "etype");
        etype = asn1::read_int32(type, "etype");
        if (const auto name = krb_encryption_name(*etype); name && type.wants_fields()) {
          type.value(fmt::format("{} {}", *etype, *name));
        }
        return true;
      }
      case 1:
        return skip_element(encrypted, 1, "kvno");
      case 2:
        return skip_element(encrypted, 2, "cipher");
      default:
        return false;
    }
  });
  return etype;
}

// RFC 4120 5.3
void read_ticket(Reader& element, KerberosToken& token) {
  Reader ticket = asn1::open(element, kTicket, "Ticket");
  Reader sequence = asn1::open(ticket, asn1::kSequence, "Ticket");
  asn1::read_tagged(sequence, "Ticket", [&](unsigned number) {
    switch (number) {
      case 0:
        return skip_element(sequence, 0, "tkt-vno");
      case 1:
        token.realm = read_text(sequence, 1, "realm");
        return true;
      case 2:
        token.server_name = read_principal(sequence, 2, "sname");
        return true;
      case 3:
        token.ticket_encryption = read_encryption(sequence, 3, "enc-part");
        return true;
      default:
        return false;
    }
  });
}

// RFC 4120 5.5.1
void read_ap_request(Reader& r, KerberosToken& token) {
  token.kind = Kind::kApRequest;
  Reader message = asn1::open(r, kApRequest, "AP-REQ");
  Reader sequence = asn1::open(message, asn1::kSequence, "AP-REQ");
  bool has_ticket = false;
  asn1::read_tagged(sequence, "AP-REQ", [&](unsigned number) {
    switch (number) {
      case 0:
      case 1:
        return read_fixed(sequence, number, 0, 14);
      case 2: {
        Reader element = asn1::open(sequence, context(2), "ap-options");
        token.mutual_required = asn1::read_bit_string(element, "ap-options").bit(2);
        return true;
      }
      case 3: {
        Reader element = asn1::open(sequence, context(3), "ticket");
        read_ticket(element, token);
        has_ticket = true;
        return true;
      }
      case 4:
        token.authenticator_encryption = read_encryption(sequence, 4, "authenticator");
        return true;
      default:
        return false;
    }
  });
  sequence.require(has_ticket, "is missing", "ticket", sequence.offset());
}

// RFC 4120 5.5.2
void read_ap_reply(Reader& r, KerberosToken& token) {
  token.kind = Kind::kApReply;
  Reader message = asn1::open(r, kApReply, "AP-REP");
  Reader sequence = asn1::open(message, asn1::kSequence, "AP-REP");
  asn1::read_tagged(sequence, "AP-REP", [&](unsigned number) {
    if (number <= 1) return read_fixed(sequence, number, 0, 15);
    return number == 2 && skip_element(sequence, 2, "enc-part");
  });
}

// KERB-TGT-REQUEST of draft-swift-win2k-krb-user2user
void read_tgt_request(Reader& r, KerberosToken& token) {
  token.kind = Kind::kTgtRequest;
  Reader sequence = asn1::open(r, asn1::kSequence, "KERB-TGT-REQUEST");
  asn1::read_tagged(sequence, "KERB-TGT-REQUEST", [&](unsigned number) {
    switch (number) {
      case 0:
      case 1:
        return read_fixed(sequence, number, 0, 16);
      case 2:
        token.server_name = read_principal(sequence, 2, "server-name");
        return true;
      case 3:
        token.realm = read_text(sequence, 3, "realm");
        return true;
      default:
        return false;
    }
  });
}

void read_tgt_reply(Reader& r, KerberosToken& token) {
  token.kind = Kind::kTgtReply;
  Reader sequence = asn1::open(r, asn1::kSequence, "KERB-TGT-REPLY");
  asn1::read_tagged(sequence, "KERB-TGT-REPLY", [&](unsigned number) {
    if (number <= 1) return read_fixed(sequence, number, 0, 17);
    if (number != 2) return false;
    Reader element = asn1::open(sequence, context(2), "ticket");
    read_ticket(element, token);
    return true;
  });
}

/// Seconds and microseconds stand in two fields.
struct SplitTime {
  std::optional<Moment> seconds;
  std::int32_t microseconds = 0;
  [[nodiscard]] Moment moment() const {
    return {seconds.value_or(Moment{}).ns + Nanoseconds{microseconds} * 1000};
  }
};

std::int32_t read_microseconds(Reader& sequence, unsigned number, std::string_view field) {
  const auto value = read_number(sequence, number, field);
  const bool possible = value >= 0 && value < 1'000'000;
  sequence.expect(possible, fmt::format("is {}, which are no microseconds", value), field);
  return possible ? value : 0;
}

struct ErrorTimes {
  SplitTime client, server;
  bool has_code = false;
};

bool read_error_element(Reader& s, unsigned number, KrbError& error, ErrorTimes& times) {
  switch (number) {
    case 0:
    case 1:
      return read_fixed(s, number, 0, 30);
    case 2:
      times.client.seconds = read_time(s, 2, "ctime");
      return true;
    case 3:
      times.client.microseconds = read_microseconds(s, 3, "cusec");
      return true;
    case 4:
      times.server.seconds = read_time(s, 4, "stime");
      return true;
    case 5:
      times.server.microseconds = read_microseconds(s, 5, "susec");
      return true;
    case 6: {
      Reader element = asn1::open(s, context(6), "error-code");
      error.error_code = asn1::read_int32(element, "error-code");
      times.has_code = true;
      if (const auto name = krb_error_name(error.error_code); name && element.wants_fields()) {
        element.value(fmt::format("{} {}", error.error_code, *name));
      }
      return true;
    }
    case 7:
      error.client_realm = read_text(s, 7, "crealm");
      return true;
    case 8:
      error.client_name = read_principal(s, 8, "cname");
      return true;
    case 9:
      error.realm = read_text(s, 9, "realm");
      return true;
    case 10:
      error.service_name = read_principal(s, 10, "sname");
      return true;
    case 11:
      error.text = read_text(s, 11, "e-text");
      return true;
    case 12: {
      Reader element = asn1::open(s, context(12), "e-data");
      error.data = base::to_bytes(asn1::read_octet_string(element, "e-data"));
      return true;
    }
    default:
      return false;
  }
}

// RFC 4120 5.9.1
KrbError read_krb_error(Reader& r) {
  KrbError error;
  ErrorTimes times;
  Reader message = asn1::open(r, kKrbError, "KRB-ERROR");
  Reader sequence = asn1::open(message, asn1::kSequence, "KRB-ERROR");
  asn1::read_tagged(sequence, "KRB-ERROR", [&](unsigned number) {
    return read_error_element(sequence, number, error, times);
  });
  sequence.require(times.has_code, "is missing", "error-code", sequence.offset());
  sequence.expect(times.server.seconds.has_value(), "is missing", "stime", sequence.offset());
  if (times.client.seconds) error.client_time = times.client.moment();
  error.server_time = times.server.moment();
  return error;
}

/// The message behind TOK_ID, by its own first octet where that tells more.
void read_message(Reader& r, KerberosToken& token) {
  if (asn1::next_is(r, kApRequest)) return read_ap_request(r, token);
  if (asn1::next_is(r, kApReply)) return read_ap_reply(r, token);
  if (asn1::next_is(r, kKrbError)) {
    token.kind = Kind::kError;
    token.error = read_krb_error(r);
    return;
  }
  switch (token.token_id) {
    case 0x0000:  // no frame
    case 0x0100:
      return read_ap_request(r, token);
    case 0x0200:
      return read_ap_reply(r, token);
    case 0x0300:
      token.kind = Kind::kError;
      token.error = read_krb_error(r);
      return;
    case 0x0400:
      return read_tgt_request(r, token);
    case 0x0401:
      return read_tgt_reply(r, token);
    default:
      r.skip_rest("token of another kind");
  }
}

// RFC 2743 3.1, RFC 4121 4.1
void read_framed(Reader& r, KerberosToken& token) {
  Reader frame = asn1::open(r, kGssFrame, "InitialContextToken");
  token.mechanism = asn1::read_object_identifier(frame, "thisMech");
  if (const auto name = mechanism_name(token.mechanism); name && frame.wants_fields()) {
    frame.value(fmt::format("{} {}", token.mechanism, *name));
  }
  frame.require(is_kerberos_mechanism(token.mechanism),
                fmt::format("is {}, not Kerberos", token.mechanism), "thisMech");
  token.token_id = frame.u16be("TOK_ID");
  read_message(frame, token);
}

void write_number(asn1::DerWriter& w, unsigned number, std::int64_t value) {
  const auto element = w.open(context(number));
  w.integer(value);
}

void write_text(asn1::DerWriter& w, unsigned number, std::string_view text) {
  const auto element = w.open(context(number));
  w.string(asn1::kGeneralString, text);
}

/// A Moment before 1970 has a second below it, too.
void write_time(asn1::DerWriter& w, unsigned number, Moment moment) {
  const auto below = (moment.ns % 1'000'000'000 + 1'000'000'000) % 1'000'000'000;
  {
    const auto element = w.open(context(number));
    w.generalized_time(moment);
  }
  write_number(w, number + 1, below / 1000);
}

void write_principal(asn1::DerWriter& w, unsigned number, const std::vector<std::string>& parts,
                     std::int32_t type) {
  const auto element = w.open(context(number));
  const auto name = w.open(asn1::kSequence);
  write_number(w, 0, type);
  const auto strings = w.open(context(1));
  const auto list = w.open(asn1::kSequence);
  for (const auto& part : parts) w.string(asn1::kGeneralString, part);
}

}  // namespace

bool is_kerberos(ByteSpan token) {
  const auto header = asn1::decode_header(token, {});
  if (!header || !*header) return false;
  const auto tag = (*header)->tag;
  if (tag == kApRequest || tag == kApReply || tag == kKrbError) return true;
  if (tag != kGssFrame) return false;
  Reader r(token.subspan((*header)->size));
  const auto mechanism = asn1::read_object_identifier(r, "thisMech");
  const bool kerberos = !r.failed() && is_kerberos_mechanism(mechanism);
  r.skip_rest("token");
  return kerberos;
}

std::expected<KerberosToken, DecodeError> decode_kerberos_token(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  KerberosToken token{.size = static_cast<std::uint32_t>(octets.size())};
  if (asn1::next_is(r, kGssFrame)) {
    read_framed(r, token);
  } else {
    read_message(r, token);
  }
  return r.finish(std::move(token));
}

std::expected<KrbError, DecodeError> decode_krb_error(ByteSpan message, Notes* notes) {
  Reader r(message, notes);
  auto error = read_krb_error(r);
  return r.finish(std::move(error));
}

Bytes encode(const KrbError& error) {
  asn1::DerWriter w;
  {
    const auto message = w.open(kKrbError);
    const auto sequence = w.open(asn1::kSequence);
    write_number(w, 0, kProtocolVersion);
    write_number(w, 1, 30);
    if (error.client_time) write_time(w, 2, *error.client_time);
    write_time(w, 4, error.server_time);
    write_number(w, 6, error.error_code);
    if (error.client_realm) write_text(w, 7, *error.client_realm);
    if (error.client_name) write_principal(w, 8, *error.client_name, kNamePrincipal);
    write_text(w, 9, error.realm);
    write_principal(w, 10, error.service_name, kNameService);
    if (error.text) write_text(w, 11, *error.text);
    if (error.data) {
      const auto element = w.open(context(12));
      w.octet_string(*error.data);
    }
  }
  return w.take();
}

}  // namespace rdpwhy::auth
