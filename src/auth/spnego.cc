#include "rdpwhy/auth/spnego.h"

#include <fmt/format.h>

#include "auth/spnego_reading.h"
#include "rdpwhy/asn1/der.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"

namespace rdpwhy::auth {
namespace {

using asn1::context;

constexpr asn1::Tag kGssFrame = asn1::application(0);
constexpr unsigned kInit = 0;
constexpr unsigned kResp = 1;

std::string read_mechanism(Reader& r, std::string_view field) {
  auto dotted = asn1::read_object_identifier(r, field);
  if (const auto name = mechanism_name(dotted); name && r.wants_fields()) {
    r.value(fmt::format("{} {}", dotted, *name));
  }
  return dotted;
}

ByteSpan read_octets(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  return asn1::read_octet_string(element, field);
}

// MS-SPNG 2.2.1 NegHints
void read_hints(Reader& element, NegTokenInit& token) {
  Reader hints = asn1::open(element, asn1::kSequence, "negHints");
  hints.expect(hints.more(), "is empty", "negHints");
  asn1::read_tagged(hints, "negHints", [&](unsigned number) {
    switch (number) {
      case 0: {
        Reader name = asn1::open(hints, context(0), "hintName");
        token.hint_name = asn1::read_string(name, asn1::kGeneralString, "hintName");
        return true;
      }
      case 1:
        token.hint_address = base::to_bytes(read_octets(hints, 1, "hintAddress"));
        return true;
      default:
        return false;
    }
  });
}

void read_mech_types(Reader& sequence, NegTokenInit& token) {
  Reader element = asn1::open(sequence, context(0), "mechTypes");
  token.mech_types_der = base::to_bytes(element.peek(element.left()));
  Reader list = asn1::open(element, asn1::kSequence, "MechTypeList");
  list.expect(list.more(), "is empty", "mechTypes");
  while (list.more()) token.mech_types.push_back(read_mechanism(list, "MechType"));
}

// RFC 4178 has mechListMIC at [3] and so had everybody before; in MS-SPNG's NegTokenInit2 the hints
// stand there, and the MIC at [4].
bool read_init_element(Reader& sequence, unsigned number, NegTokenInit& token, ByteSpan& inner) {
  switch (number) {
    case 0:
      read_mech_types(sequence, token);
      return true;
    case 1: {
      Reader element = asn1::open(sequence, context(1), "reqFlags");
      token.req_flags = base::to_bytes(asn1::read_primitive(element, asn1::kBitString, "reqFlags"));
      return true;
    }
    case 2:
      inner = read_octets(sequence, 2, "mechToken");
      token.mech_token = base::to_bytes(inner);
      return true;
    case 3: {
      Reader element = asn1::open(sequence, context(3), "negHints or mechListMIC");
      if (asn1::next_is(element, asn1::kSequence)) {
        read_hints(element, token);
      } else {
        token.mech_list_mic = base::to_bytes(asn1::read_octet_string(element, "mechListMIC"));
      }
      return true;
    }
    case 4:
      sequence.expect(token.hint_name || token.hint_address,
                      "stands where NegTokenInit2 has it, and there are no hints", "mechListMIC",
                      sequence.offset());
      token.mech_list_mic = base::to_bytes(read_octets(sequence, 4, "mechListMIC"));
      return true;
    default:
      return false;
  }
}

NegTokenInit read_init(Reader& choice, ByteSpan& inner) {
  NegTokenInit token;
  Reader sequence = asn1::open(choice, asn1::kSequence, "NegTokenInit");
  asn1::read_tagged(sequence, "NegTokenInit", [&](unsigned number) {
    return read_init_element(sequence, number, token, inner);
  });
  sequence.expect(!token.mech_types_der.empty(), "is missing", "mechTypes", sequence.offset());
  return token;
}

std::uint8_t read_neg_state(Reader& sequence) {
  Reader element = asn1::open(sequence, context(0), "negState");
  const auto state = asn1::read_uint32(element, "negState", asn1::kEnumerated);
  element.require(state <= 0xFF, fmt::format("is {}", state), "negState");
  const auto number = static_cast<std::uint8_t>(state);
  if (element.wants_fields()) {
    element.value(fmt::format("{} {}", state, neg_state_name(number).value_or("")));
  }
  element.expect(neg_state_name(number).has_value(), fmt::format("is {}, which has no name", state),
                 "negState");
  return number;
}

NegTokenResp read_resp(Reader& choice, ByteSpan& inner) {
  NegTokenResp token;
  Reader sequence = asn1::open(choice, asn1::kSequence, "NegTokenResp");
  asn1::read_tagged(sequence, "NegTokenResp", [&](unsigned number) {
    switch (number) {
      case 0:
        token.neg_state = read_neg_state(sequence);
        return true;
      case 1: {
        Reader element = asn1::open(sequence, context(1), "supportedMech");
        token.supported_mech = read_mechanism(element, "supportedMech");
        return true;
      }
      case 2:
        inner = read_octets(sequence, 2, "responseToken");
        token.response_token = base::to_bytes(inner);
        return true;
      case 3:
        token.mech_list_mic = base::to_bytes(read_octets(sequence, 3, "mechListMIC"));
        return true;
      default:
        return false;
    }
  });
  return token;
}

/// NegotiationToken ::= CHOICE { negTokenInit [0], negTokenResp [1] }
SpnegoToken read_choice(Reader& r, ByteSpan& inner) {
  if (asn1::next_is(r, context(kResp))) {
    Reader choice = asn1::open(r, context(kResp), "negTokenResp");
    return read_resp(choice, inner);
  }
  Reader choice = asn1::open(r, context(kInit), "negTokenInit");
  return read_init(choice, inner);
}

SpnegoToken read_token(Reader& r, ByteSpan& inner) {
  if (!asn1::next_is(r, kGssFrame)) {
    r.expect(!asn1::next_is(r, context(kInit)), "stands without a GSS-API frame", "negTokenInit",
             r.offset());
    return read_choice(r, inner);
  }
  Reader frame = asn1::open(r, kGssFrame, "InitialContextToken");
  const auto mechanism = read_mechanism(frame, "thisMech");
  frame.require(mechanism == oid::kSpnego, fmt::format("is {}, not SPNEGO", mechanism), "thisMech");
  frame.expect(!asn1::next_is(frame, context(kResp)), "stands in a GSS-API frame", "negTokenResp",
               frame.offset());
  return read_choice(frame, inner);
}

void write_octets(asn1::DerWriter& w, unsigned number, const std::optional<Bytes>& octets) {
  if (!octets) return;
  const auto element = w.open(context(number));
  w.octet_string(*octets);
}

void write_hints(asn1::DerWriter& w, const NegTokenInit& token) {
  const auto element = w.open(context(3));
  const auto hints = w.open(asn1::kSequence);
  if (token.hint_name) {
    const auto name = w.open(context(0));
    w.string(asn1::kGeneralString, *token.hint_name);
  }
  write_octets(w, 1, token.hint_address);
}

}  // namespace

std::optional<std::string_view> mechanism_name(std::string_view oid) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {oid::kSpnego, "SPNEGO"},
      {oid::kKerberos, "Kerberos"},
      {oid::kMsKerberos, "Kerberos (Microsoft)"},
      {oid::kKerberosUserToUser, "Kerberos user-to-user"},
      {oid::kNtlm, "NTLM"},
      {oid::kNegoEx, "NEGOEX"},
      {"1.3.5.1.5.2", "Kerberos (draft)"},
      {"1.2.752.43.14.2", "Netlogon SSP"},
      {"1.2.752.43.14.3", "LKDC Kerberos"},
      {"1.3.6.1.5.2.5", "IAKERB"},
      {"1.3.6.1.5.5.14", "SCRAM-SHA-1"},
  };
  for (const auto& [known, name] : kNames) {
    if (known == oid) return name;
  }
  return std::nullopt;
}

std::optional<std::string_view> neg_state_name(std::uint8_t state) {
  constexpr std::string_view kNames[] = {"accept-completed", "accept-incomplete", "reject",
                                         "request-mic"};
  if (state >= std::size(kNames)) return std::nullopt;
  return kNames[state];
}

bool is_spnego(ByteSpan token) {
  if (token.empty()) return false;
  if (token[0] == context(kInit).octets || token[0] == context(kResp).octets) return true;
  const auto header = asn1::decode_header(token, {});
  if (!header || !*header || (*header)->tag != kGssFrame) return false;
  asn1::DerWriter w;
  w.object_identifier(oid::kSpnego);
  const auto mechanism = w.take();
  const auto inner = token.subspan((*header)->size);
  return inner.size() >= mechanism.size() && base::equal(inner.first(mechanism.size()), mechanism);
}

std::expected<SpnegoToken, DecodeError> decode_spnego(ByteSpan token, Notes* notes,
                                                      ByteSpan& inner) {
  Reader r(token, notes);
  auto decoded = read_token(r, inner);
  return r.finish(std::move(decoded));
}

std::expected<SpnegoToken, DecodeError> decode_spnego(ByteSpan token, Notes* notes) {
  ByteSpan inner;
  return decode_spnego(token, notes, inner);
}

Bytes encode(const NegTokenInit& token) {
  asn1::DerWriter w;
  {
    const auto frame = w.open(kGssFrame);
    w.object_identifier(oid::kSpnego);
    const auto choice = w.open(context(kInit));
    const auto sequence = w.open(asn1::kSequence);
    {
      const auto element = w.open(context(0));
      const auto list = w.open(asn1::kSequence);
      for (const auto& mechanism : token.mech_types) w.object_identifier(mechanism);
    }
    if (token.req_flags) {
      const auto element = w.open(context(1));
      w.primitive(asn1::kBitString, *token.req_flags);
    }
    write_octets(w, 2, token.mech_token);
    const bool has_hints = token.hint_name || token.hint_address;
    if (has_hints) write_hints(w, token);
    write_octets(w, has_hints ? 4 : 3, token.mech_list_mic);
  }
  return w.take();
}

Bytes encode(const NegTokenResp& token) {
  asn1::DerWriter w;
  {
    const auto choice = w.open(context(kResp));
    const auto sequence = w.open(asn1::kSequence);
    if (token.neg_state) {
      const auto element = w.open(context(0));
      w.integer(*token.neg_state, asn1::kEnumerated);
    }
    if (token.supported_mech) {
      const auto element = w.open(context(1));
      w.object_identifier(*token.supported_mech);
    }
    write_octets(w, 2, token.response_token);
    write_octets(w, 3, token.mech_list_mic);
  }
  return w.take();
}

}  // namespace rdpwhy::auth
