#include "dissect/plaintext_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dissect/foreign_protocol.h"
#include "dissect/framing.h"
#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::dissect {
namespace {

constexpr std::uint8_t kSequence = 0x30;       // DER: a TSRequest
constexpr std::uint8_t kFirstField = 0xA0;     // TSRequest.version
constexpr std::uint8_t kRdstlsVersion = 0x01;  // little-endian 1
constexpr std::size_t kTelling = 4;            // octets that tell a message from another
constexpr std::size_t kMostNotes = 32;

constexpr std::string_view kTsRequestName = "CredSSP TSRequest";
constexpr std::string_view kAuthorizationName = "Early User Authorization Result";
constexpr std::string_view kRdstlsName = "RDSTLS PDU";
constexpr std::string_view kDataName = "X.224 Data";

/// A DER SEQUENCE whose first octet inside, where it can be seen, is that of a TSRequest.
bool may_be_ts_request(ByteSpan view) {
  if (view[0] != kSequence || view.size() < 2) return view[0] == kSequence;
  const auto length = view[1];
  const std::size_t first = (length & 0x80) == 0 ? 2 : 2u + (length & 0x7F);
  return length != 0 && (view.size() <= first || view[first] == kFirstField);
}

std::string too_long(std::uint64_t size) {
  return fmt::format("{} octets, more than is read here ({})", size, Dissector::kMostBuffered);
}

/// The TPKT header of some PDU, and no little-endian 3.
bool may_be_tpkt(ByteSpan view) {
  const auto header = rdp::decode_tpkt_header(view);
  return view[0] == rdp::TpktHeader::kVersion && (!header || header->length > 4);
}

void append(std::vector<Note>& to, std::vector<Note>&& from) {
  for (auto& note : from) {
    if (to.size() < kMostNotes) to.push_back(std::move(note));
  }
  from.clear();
}

record::CredsspMessage message_of(auth::TsRequest request, std::vector<Note>& notes) {
  record::CredsspMessage message{.version = request.version,
                                 .has_nego_tokens = request.nego_tokens.has_value(),
                                 .tokens = {},
                                 .auth_info_size = {},
                                 .pub_key_auth = std::move(request.pub_key_auth),
                                 .error_code = request.error_code,
                                 .client_nonce = std::move(request.client_nonce)};
  if (request.auth_info)
    message.auth_info_size = static_cast<std::uint32_t>(request.auth_info->size());
  if (!request.nego_tokens) return message;
  for (const auto& token : *request.nego_tokens) {
    if (message.tokens.size() == PlaintextLayer::kMostTokens) {
      notes.push_back({.field = "negoTokens",
                       .text = fmt::format("{} tokens, of which {} are read",
                                           request.nego_tokens->size(), message.tokens.size())});
      break;
    }
    message.tokens.push_back(auth::decode_token(token));
    auto& read = message.tokens.back();
    append(notes, std::exchange(read.notes, {}));
    if (read.error)
      notes.push_back({.field = "negoToken", .text = "cannot be read: " + read.error->message()});
  }
  return message;
}

}  // namespace

bool PlaintextLayer::selects(rdp::Protocol protocol) const {
  return may_know_ && rdp::Protocols{x224_.selected().value_or(0)}.has(protocol);
}

bool PlaintextLayer::selects_credssp() const {
  return selects(rdp::Protocol::kHybrid) || selects(rdp::Protocol::kHybridEx);
}

/// MS-RDPBCGR 5.4.2.1: only with PROTOCOL_HYBRID_EX, and the client waits for it.
bool PlaintextLayer::authorization_is_due(Side side) const {
  return side == Side::kServer && selects(rdp::Protocol::kHybridEx) &&
         (delegated_ || may_be_delegated_) && !authorized_ && !server_.spoke_rdp;
}

std::string_view PlaintextLayer::due_from(Side side) const {
  if (credssp_runs(side)) return kTsRequestName;
  // A client that goes on without it may be answered.
  if (authorization_is_due(side) && !client_.spoke_rdp) return kAuthorizationName;
  if (selects(rdp::Protocol::kRdstls) && !rdstls_done_) return kRdstlsName;
  return {};
}

bool PlaintextLayer::read(const Unit& record, ByteSpan plaintext, Phase phase_behind) {
  auto& half = this->half(record.side);
  if (half.lost || !may_know_) return false;
  if (half.exhausted || plaintext.empty()) return true;
  const auto where = record.where();
  if (half.partial.empty()) half.records = where;
  half.records.layer = record::Layer::kDecrypted;
  half.records.size = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(where.offset + where.size - half.records.offset, UINT32_MAX));
  const auto had = half.partial.size();
  if (had > 0) half.partial.insert(half.partial.end(), plaintext.begin(), plaintext.end());
  ByteSpan view = had > 0 ? ByteSpan(half.partial) : plaintext;
  enter(phase_behind);

  bool told = false;
  while (!view.empty() && !half.exhausted) {
    const auto next = cut(record.side, view);
    if (next.kind == Kind::kUnknown) {
      lose(record.side);
      return told;
    }
    if (next.kind == Kind::kUndecided || next.size > view.size()) break;
    const auto size = is_bad(next.kind) ? view.size() : static_cast<std::size_t>(next.size);
    read_unit(next, {.side = record.side,
                     .offset = record.offset,
                     .octets = view.first(size),
                     .at = record.at,
                     .records = half.records});
    told = true;
    if (half.lost) {
      half.partial = base::WipedBytes();
      return true;
    }
    view = view.subspan(size);
    half.records = where;
    half.records.layer = record::Layer::kDecrypted;
  }
  if (half.exhausted) view = {};
  if (!view.empty() && (told || had == 0) && !x224_.session_is_active()) note_beginning(record);
  // A long message in many records must not be copied once per record.
  if (view.size() != half.partial.size() || view.data() != half.partial.data())
    half.partial = base::WipedBytes(view.begin(), view.end());
  return true;
}

void PlaintextLayer::lose(Side side) {
  half(side).lost = true;
  half(side).partial = base::WipedBytes();
}

void PlaintextLayer::miss(Side side) {
  if (side == Side::kClient && confirmed_) may_be_delegated_ = true;
}

// --- what begins here, and how long it is -------------------------------------------------------

PlaintextLayer::Cut PlaintextLayer::cut(Side side, ByteSpan view) const {
  if (x224_.selected().value_or(0) == 0) return cut_unknown(side, view);
  if (credssp_runs(side)) {
    if (may_be_tpkt(view)) return cut_rdp(side, view);
    return cut_ts_request(view);
  }
  if (authorization_is_due(side)) {
    if (view.size() < kTelling) return {};
    if (may_be_tpkt(view)) return cut_rdp(side, view);
    if (may_be_ts_request(view)) return cut_ts_request(view);
    return {.kind = Kind::kAuthorization,
            .size = auth::EarlyUserAuthorizationResult::kSize,
            .error = {}};
  }
  if (selects(rdp::Protocol::kRdstls) && !rdstls_done_) {
    return view[0] == rdp::TpktHeader::kVersion ? cut_rdp(side, view) : cut_rdstls(view);
  }
  // After its credentials went: a server that does not take them says so in a TSRequest.
  if (selects_credssp() && !half(side).spoke_rdp && may_be_ts_request(view))
    return cut_ts_request(view);
  return cut_rdp(side, view);
}

PlaintextLayer::Cut PlaintextLayer::cut_ts_request(ByteSpan view) const {
  auto size = auth::ts_request_size(view);
  if (!size) {
    if (view[0] != kSequence) return {.kind = Kind::kStrange, .size = 1, .error = size.error()};
    return {.kind = Kind::kMalformed, .size = 1, .error = std::move(size.error())};
  }
  if (!*size) return {};
  if (**size > Dissector::kMostBuffered) {
    return {.kind = Kind::kTooLong,
            .size = 1,
            .error = DecodeError{.field = "TSRequest", .offset = 1, .text = too_long(**size)}};
  }
  return {.kind = Kind::kTsRequest, .size = **size, .error = {}};
}

PlaintextLayer::Cut PlaintextLayer::cut_rdstls(ByteSpan view) const {
  auto size = auth::rdstls_pdu_size(view);
  if (!size) {
    const auto kind = view[0] == kRdstlsVersion ? Kind::kMalformed : Kind::kStrange;
    return {.kind = kind, .size = 1, .error = std::move(size.error())};
  }
  if (!*size) return {};
  if (**size > Dissector::kMostBuffered) {
    return {.kind = Kind::kTooLong,
            .size = 1,
            .error = DecodeError{.field = "RDSTLS PDU", .text = too_long(**size)}};
  }
  return {.kind = Kind::kRdstls, .size = **size, .error = {}};
}

PlaintextLayer::Cut PlaintextLayer::cut_rdp(Side side, ByteSpan view) const {
  if (view[0] == rdp::TpktHeader::kVersion) {
    const auto cut = cut_tpkt(view);
    if (cut.kind == UnitKind::kUndecided) return {};
    return {.kind = cut.kind == UnitKind::kTpkt ? Kind::kTpkt : Kind::kBadTpkt,
            .size = cut.size,
            .error = {}};
  }
  if (half(side).spoke_rdp) {
    const auto cut = cut_fast_path(view);
    if (cut.kind == UnitKind::kUndecided) return {};
    if (cut.kind == UnitKind::kFastPath)
      return {.kind = Kind::kFastPath, .size = cut.size, .error = {}};
  }
  // MS-RDPBCGR 5.4.5.4: the nonces and assertions of Microsoft Entra ID come first.
  if (selects(rdp::Protocol::kRdsAad) && !half(side).spoke_rdp)
    return {.kind = Kind::kUnknown, .size = 1, .error = {}};
  return {.kind = Kind::kStrange,
          .size = 1,
          .error = DecodeError{.field = "version", .text = fmt::format("is {}, not 3", view[0])}};
}

/// The Confirm was not seen: only what is surely ours is read.
PlaintextLayer::Cut PlaintextLayer::cut_unknown(Side side, ByteSpan view) const {
  if (view.size() < kTelling) return {};
  Cut cut{.kind = Kind::kUnknown, .size = 1, .error = {}};
  const bool small = view[0] <= 5 && view[1] == 0 && view[2] == 0 && view[3] == 0;
  if (side == Side::kServer && delegated_ && !authorized_ && !server_.spoke_rdp && small) {
    cut = {.kind = Kind::kAuthorization,
           .size = auth::EarlyUserAuthorizationResult::kSize,
           .error = {}};
  } else if (may_be_tpkt(view)) {
    cut = cut_rdp(side, view);
  } else if (may_be_ts_request(view)) {
    cut = cut_ts_request(view);
  } else if (view[0] == kRdstlsVersion && view[1] == 0) {
    cut = cut_rdstls(view);
  }
  if (is_bad(cut.kind)) cut.kind = Kind::kUnknown;
  return cut;
}

// --- whole messages -----------------------------------------------------------------------------

void PlaintextLayer::read_unit(const Cut& cut, const Unit& unit) {
  switch (cut.kind) {
    case Kind::kTsRequest:
      read_ts_request(unit);
      break;
    case Kind::kAuthorization:
      read_authorization(unit);
      break;
    case Kind::kRdstls:
      read_rdstls(unit);
      break;
    case Kind::kTpkt:
      read_tpkt(unit);
      break;
    case Kind::kFastPath:
      x224_.read_fast_path(unit);
      break;
    case Kind::kBadTpkt:
    case Kind::kMalformed:
    case Kind::kTooLong:
    case Kind::kStrange:
      read_bad(cut, unit);
      half(unit.side).lost = true;
      break;
    case Kind::kUndecided:
    case Kind::kUnknown:
      break;
  }
}

void PlaintextLayer::read_ts_request(const Unit& unit) {
  Notes notes;
  auto request = auth::decode_ts_request(unit.octets, &notes);
  count_message(unit, notes);
  if (!request) {
    add(Phase::kCredssp, unit,
        record::Malformed{.what = std::string(kTsRequestName),
                          .error = std::move(request.error()),
                          .first = first_octets(unit.octets, kMostFirstInsideTls)},
        std::move(notes.anomalies));
    return;
  }
  auto message = message_of(*std::move(request), notes.anomalies);
  const bool refuses = message.error_code.value_or(0) != 0;
  if (unit.side == Side::kClient && message.auth_info_size) delegated_ = true;
  if (unit.side == Side::kServer && message.pub_key_auth && !refuses) confirmed_ = true;
  add(Phase::kCredssp, unit, std::move(message), std::move(notes.anomalies));
  if (unit.side == Side::kServer && refuses && !server_.spoke_rdp && !client_.spoke_rdp) {
    log_.phase = Phase::kCredssp;  // it had not been complete
  } else if (delegated_ && selects(rdp::Protocol::kHybridEx)) {
    enter(Phase::kAuthorization);
  }
}

void PlaintextLayer::read_authorization(const Unit& unit) {
  Notes notes;
  const auto result = auth::decode_early_user_authorization_result(unit.octets, &notes);
  authorized_ = result ? result->authorization_result : 0;
  count_message(unit, notes);
  if (!result) {  // cannot be: four octets are any number
    add(Phase::kAuthorization, unit,
        record::Malformed{.what = std::string(kAuthorizationName),
                          .error = result.error(),
                          .first = first_octets(unit.octets)},
        std::move(notes.anomalies));
    return;
  }
  add(Phase::kAuthorization, unit, *result, std::move(notes.anomalies));
  if (result->authorization_result == 0) enter(Phase::kMcs);
}

void PlaintextLayer::read_rdstls(const Unit& unit) {
  Notes notes;
  auto pdu = auth::decode_rdstls(unit.octets, &notes);
  count_message(unit, notes);
  if (!pdu) {
    add(Phase::kRdstls, unit,
        record::Malformed{.what = std::string(kRdstlsName),
                          .error = std::move(pdu.error()),
                          .first = first_octets(unit.octets, kMostFirstInsideTls)},
        std::move(notes.anomalies));
    return;
  }
  const auto* response = std::get_if<auth::RdstlsAuthenticationResponse>(&*pdu);
  const bool granted =
      unit.side == Side::kServer && response != nullptr && response->result_code == 0;
  add(Phase::kRdstls, unit, *std::move(pdu), std::move(notes.anomalies));
  if (granted) {
    rdstls_done_ = true;
    enter(Phase::kMcs);
  }
}

void PlaintextLayer::read_tpkt(const Unit& unit) {
  const auto due = due_from(unit.side);
  if (due.empty()) {
    half(unit.side).spoke_rdp = true;
    enter(Phase::kMcs);
  }
  x224_.read_inside_tls(unit, due, log_);
}

void PlaintextLayer::read_bad(const Cut& cut, const Unit& unit) {
  if (cut.kind == Kind::kBadTpkt) {
    log_.add(unit.where(), unit.at, malformed_tpkt(unit.octets, kMostFirstInsideTls));
    return;
  }
  const auto due = due_from(unit.side);
  const auto expected = std::string(due.empty() ? kDataName : due);
  auto first = first_octets(unit.octets, kMostFirstInsideTls);
  auto other = std::string(recognise_protocol(unit.octets, unit.side));
  if (other.empty()) other = stray_result(unit);
  if (cut.kind == Kind::kStrange && !other.empty()) {
    std::vector<Note> notes;
    if (authorized_ && unit.side == Side::kServer && unit.octets[0] != *authorized_ &&
        other.starts_with("a second"))
      notes.push_back({.field = "authorizationResult", .text = "contradicts the first one"});
    log_.add(unit.where(), unit.at,
             record::Unexpected{.got = std::move(other),
                                .expected = expected,
                                .seen = log_.seen(),
                                .first = std::move(first)},
             std::move(notes));
    return;
  }
  log_.add(unit.where(), unit.at,
           record::Malformed{.what = expected,
                             .error = cut.error.value_or(DecodeError{}),
                             .first = std::move(first),
                             .own_limit = cut.kind == Kind::kTooLong});
}

/// What four octets that stand here for nothing else look like, where servers have been met, or can
/// be thought of, that send them out of their turn; empty: nothing.
std::string PlaintextLayer::stray_result(const Unit& unit) const {
  const bool may_be = unit.side == Side::kServer && selects_credssp() &&
                      unit.octets.size() >= auth::EarlyUserAuthorizationResult::kSize;
  if (!may_be || unit.octets[1] != 0 || unit.octets[2] != 0 || unit.octets[3] != 0) return {};
  const auto name = unit.octets[0] == 0   ? "AUTHZ_SUCCESS"
                    : unit.octets[0] == 5 ? "AUTHZ_ACCESS_DENIED"
                                          : "";
  if (*name == '\0') return {};
  const auto result = fmt::format("{} ({})", kAuthorizationName, name);
  if (authorized_) return fmt::format("a second {}", result);
  if (credssp_runs(unit.side))
    return fmt::format("what looks like an {}, ahead of any credentials", result);
  return selects(rdp::Protocol::kHybridEx)
             ? fmt::format("what looks like an {}, too late", result)
             : fmt::format(
                   "what looks like an {}, which only a server that selected HYBRID_EX sends",
                   result);
}

void PlaintextLayer::note_beginning(const Unit& record) {
  if (half(record.side).beginnings++ >= kMostBeginnings) return;
  log_.add(record.where(), record.at,
           record::ApplicationData{
               .size = static_cast<std::uint32_t>(record.octets.size() - tls::RecordHeader::kSize),
               .begins_message = true},
           {{.text = "the message that it begins goes on in later records"}});
}

void PlaintextLayer::count_message(const Unit& unit, Notes& notes) {
  auto& half = this->half(unit.side);
  half.octets += unit.octets.size();
  if (++half.messages < kMostMessages && half.octets <= Dissector::kMostBuffered) return;
  half.exhausted = true;
  notes.anomalies.push_back(
      {.text = "too many messages: what this side says after this is not kept"});
}

void PlaintextLayer::enter(Phase phase) { log_.phase = std::max(log_.phase, phase); }

void PlaintextLayer::add(Phase phase, const Unit& unit, record::Fact fact,
                         std::vector<Note> notes) {
  enter(phase);
  log_.add_in(phase, unit.where(), unit.at, std::move(fact), std::move(notes));
}

}  // namespace rdpwhy::dissect
