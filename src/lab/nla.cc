#include "lab/nla.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <ranges>
#include <utility>

#include "rdpwhy/auth/ntlm.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/crypto/channel_bindings.h"
#include "rdpwhy/rdp/negotiation.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"

namespace rdpwhy::lab {
namespace {

using auth::AvId;

constexpr std::uint32_t kLogonFailure = 0xC000006D;
constexpr std::uint32_t kFirstWithNonce = 5;  // MS-CSSP 2.2.1: the update of 2018
constexpr std::uint8_t kAccessDenied = 49;
constexpr std::uint8_t kInternalError = 80;

// RFC 4178 4.2.2 negState
constexpr std::uint8_t kAcceptCompleted = 0;
constexpr std::uint8_t kAcceptIncomplete = 1;
constexpr std::uint8_t kReject = 2;
constexpr std::uint8_t kRequestMic = 3;

void append(Bytes& out, ByteSpan more) { out.insert(out.end(), more.begin(), more.end()); }

auth::AvPair named(AvId id, std::string_view name) {
  return {.id = static_cast<std::uint16_t>(id), .value = base::utf8_to_utf16le(name)};
}

Moment now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

/// What a member of a domain says about itself. The names are nobody's.
auth::AvPairs target_info(const NlaFaults& faults) {
  auth::AvPairs info{.pairs = {named(AvId::kNbDomainName, "RDPWHY"),
                               named(AvId::kNbComputerName, "LABHOST"),
                               named(AvId::kDnsDomainName, "rdpwhy.test"),
                               named(AvId::kDnsComputerName, "labhost.rdpwhy.test"),
                               named(AvId::kDnsTreeName, "rdpwhy.test")}};
  if (faults.unknown_av_pairs) {
    info.pairs.insert(info.pairs.begin() + 1, {.id = 0x4242, .value = Bytes(300, 0x42)});
    info.pairs.push_back({.id = 0x000B, .value = {}});
    info.pairs.push_back({.id = 0xFFFF, .value = {1, 2, 3}});
  }
  if (faults.timestamp) {
    base::Writer filetime;
    filetime.u64le(auth::filetime_of(now()));
    info.pairs.push_back(
        {.id = static_cast<std::uint16_t>(AvId::kTimestamp), .value = filetime.take()});
  }
  return info;
}

crypto::NtlmAcceptor::Settings acceptor_settings(const NlaFaults& faults) {
  crypto::NtlmAcceptor::Settings settings;
  settings.target_name = "RDPWHY";
  if (faults.target_info) settings.target_info = target_info(faults);
  std::random_device random;
  for (auto& octet : settings.server_challenge) octet = static_cast<std::uint8_t>(random());
  return settings;
}

/// Latin letters, as account names of the lab have.
bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// "user@domain" means the user.
bool is_account(std::string_view user, const Account& account) {
  return same_name(user.substr(0, user.find('@')), account.user);
}

Bytes error_message(std::uint32_t version, std::uint32_t code) {
  return encode(auth::TsRequest{.version = version, .error_code = code});
}

Bytes ultimatum() {
  constexpr std::uint8_t kProviderInitiated = 1;
  return rdp::encode_tpkt(
      rdp::encode_data_tpdu(rdp::encode(rdp::DisconnectProviderUltimatum{kProviderInitiated})));
}

/// [0] version claims more octets than the message has.
Bytes with_lying_length(Bytes message) {
  const std::size_t header = message[1] < 0x80 ? 2 : 2 + (message[1] & 0x7F);
  message.at(header + 1) = 0x7F;
  return message;
}

/// The header of 100 MB, the version and the beginning of negoTokens.
Bytes huge_beginning() {
  return {0x30, 0x84, 0x05, 0xF5, 0xE1, 0x00, 0xA0, 0x03, 0x02, 0x01, 0x06, 0xA1,
          0x84, 0x05, 0xF5, 0xE0, 0xF5, 0x30, 0x84, 0x05, 0xF5, 0xE0, 0xEF};
}

}  // namespace

NlaDialogue::NlaDialogue(const NlaFaults& faults, NlaHouse& house, std::uint32_t selected)
    : faults_(faults), house_(house), selected_(selected), acceptor_(acceptor_settings(faults)) {}

NlaDialogue::Answer NlaDialogue::answer(ByteSpan message) {
  const auto request = auth::decode_ts_request(message);
  if (!request) return {.octets = {}, .then = Then::kLeave};
  client_version_ = request->version;
  if (request->auth_info) {
    if (!protection_ || !authenticated_) return {.octets = {}, .then = Then::kLeave};
    return at(At::kCredentials, take_credentials(*request->auth_info));
  }
  if (authenticated_ || !request->nego_tokens || request->nego_tokens->empty()) {
    // SPNEGO's last token went alone, and this is the key to it.
    if (authenticated_ && request->pub_key_auth) return confirm_public_key(*request);
    return {.octets = {}, .then = Then::kLeave};
  }
  const auto token = unwrap(request->nego_tokens->front());
  if (faults_.rejects || faults_.wants_kerberos) return at(At::kNegotiate, without_ntlm());
  switch (auth::ntlm_message_type(token).value_or(0)) {
    case 1:
      return at(At::kNegotiate, challenge(token));
    case 3:
      return judge(*request, token);
    default:
      return at(At::kNegotiate, choose_ntlm());
  }
}

// --- the client's messages in order -------------------------------------------------------------

NlaDialogue::Answer NlaDialogue::challenge(ByteSpan negotiate) {
  auto made = acceptor_.challenge(negotiate);
  if (!made) return {.octets = {}, .then = Then::kLeave};
  return say(wrapped(*std::move(made), kAcceptIncomplete));
}

/// A client that offers other mechanisms first is told which one will do.
NlaDialogue::Answer NlaDialogue::choose_ntlm() const {
  if (!spoke_spnego_ || chose_) return {.octets = {}, .then = Then::kLeave};
  return offers_ntlm_ ? say(wrapped({}, kRequestMic)) : without_ntlm();
}

NlaDialogue::Answer NlaDialogue::without_ntlm() const {
  auth::NegTokenResp response{.neg_state = kReject};
  if (faults_.wants_kerberos) {
    response = {.neg_state = kRequestMic, .supported_mech = std::string(auth::oid::kMsKerberos)};
  }
  auto answer = say(encode(response));
  if (!faults_.wants_kerberos) answer.then = Then::kLeave;
  return answer;
}

NlaDialogue::Answer NlaDialogue::judge(const auth::TsRequest& request, ByteSpan authenticate) {
  ++house_.counters.tried;
  if (faults_.updated_clients_only && client_version_ < kFirstWithNonce)
    return {.octets = {}, .then = Then::kAlert, .alert = kInternalError};
  auto accepted = acceptor_.accept(authenticate, house_.account.password);
  if (!accepted || !is_account(accepted->message.user_name, house_.account))
    return at(At::kAuthenticate, refuse());
  ++house_.counters.proved;
  authenticated_ = true;
  protection_ = std::move(accepted->protection);
  if (client_mic_ && !protection_->verify_mech_list_mic(mech_types_, *client_mic_))
    return at(At::kAuthenticate, refuse());
  if (request.pub_key_auth) return confirm_public_key(request);
  if (!spoke_spnego_) return at(At::kAuthenticate, refuse());
  return at(At::kAuthenticate, say(wrapped({}, kAcceptCompleted)));
}

NlaDialogue::Answer NlaDialogue::confirm_public_key(const auth::TsRequest& request) {
  auth::TsRequest answer{.version = faults_.version};
  if (client_mic_ && request.nego_tokens)
    answer.nego_tokens = {wrapped({}, kAcceptCompleted)};  // before anything is sealed
  const auto nonce = request.client_nonce.value_or(Bytes{});
  const auto opened = protection_->unseal(*request.pub_key_auth);
  const bool right =
      opened && base::equal(opened->reveal(), crypto::client_public_key_proof(
                                                  common_version(), house_.public_key, nonce));
  if (!right) return at(At::kAuthenticate, refuse());
  answer.pub_key_auth = proof_of_key(request);
  return at(At::kPublicKey, at(At::kAuthenticate, {.octets = encode(answer)}));
}

Bytes NlaDialogue::proof_of_key(const auth::TsRequest& request) {
  auto key = house_.public_key;
  if (faults_.proof == NlaFaults::Proof::kOfAnotherKey) key.back() ^= 1;
  const auto octets = crypto::server_public_key_proof(common_version(), key,
                                                      request.client_nonce.value_or(Bytes{}));
  if (faults_.proof == NlaFaults::Proof::kTheClients) return *request.pub_key_auth;
  if (faults_.proof == NlaFaults::Proof::kUnsealed) return octets;
  return protection_->seal(octets);
}

NlaDialogue::Answer NlaDialogue::take_credentials(ByteSpan sealed) {
  const auto opened = protection_->unseal(sealed);
  const auto read = opened ? auth::decode_ts_credentials(opened->reveal())
                           : std::expected<auth::TsCredentials, DecodeError>();
  if (!opened || !read) return {.octets = {}, .then = Then::kLeave};
  ++house_.counters.delegated;
  if (const auto* password = std::get_if<auth::TsPasswordCreds>(&read->credentials)) {
    const auto wanted =
        Secret(base::utf8_to_utf16le(base::as_text(house_.account.password.reveal())));
    if (is_account(password->user_name, house_.account) &&
        base::equal(password->password.reveal(), wanted.reveal())) {
      ++house_.counters.matched;
    }
  }
  if (selected_ != static_cast<std::uint32_t>(rdp::Protocol::kHybridEx))
    return {.octets = {}, .then = Then::kGranted};
  return {.octets = encode(auth::EarlyUserAuthorizationResult{faults_.authorization}),
          .then = faults_.authorization == 0 ? Then::kGranted : Then::kLeave};
}

/// A wrong password or user. MS-CSSP 2.2.1: versions 2 and 5 have no field to say why.
NlaDialogue::Answer NlaDialogue::refuse() {
  const auto version = common_version();
  if (version < 3 || version == 5)
    return {.octets = {}, .then = Then::kAlert, .alert = kAccessDenied};
  return {.octets = error_message(faults_.version, kLogonFailure), .then = Then::kLeave};
}

// --- going wrong --------------------------------------------------------------------------------

NlaDialogue::Answer NlaDialogue::at(At place, Answer right) {
  if (faults_.at != place) return right;
  Answer wrong;
  if (place == At::kPublicKey) wrong.octets = right.octets;
  if (faults_.error_code) {
    append(wrong.octets, error_message(faults_.version, *faults_.error_code));
    wrong.then = Then::kLeave;
  } else if (faults_.alert) {
    wrong.then = Then::kAlert;
    wrong.alert = *faults_.alert;
  } else if (faults_.leave != Close::kNo) {
    wrong.then = faults_.leave == Close::kReset ? Then::kReset : Then::kLeave;
  } else if (faults_.silent) {
    wrong.then = Then::kSilent;
  } else if (faults_.ultimatum) {
    append(wrong.octets, ultimatum());
    wrong.then = Then::kLeave;
  } else {
    return spoilt(right).value_or(right);
  }
  return wrong;
}

std::optional<NlaDialogue::Answer> NlaDialogue::spoilt(const Answer& right) const {
  using Broken = NlaFaults::Broken;
  constexpr std::string_view kHttp = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
  switch (faults_.broken) {
    case Broken::kNo:
      return {};
    case Broken::kTruncated:
      return Answer{.octets = base::to_bytes(ByteSpan(right.octets).first(right.octets.size() / 2)),
                    .then = Then::kLeave};
    case Broken::kLengthLies:
      return Answer{.octets = with_lying_length(right.octets)};
    case Broken::kHuge:
      return Answer{.octets = huge_beginning(), .then = Then::kFlood};
    case Broken::kLargeToken:
      return say(Bytes(512 * 1024, 0x55));
    case Broken::kNoToken:
      return Answer{.octets = encode(auth::TsRequest{.version = faults_.version})};
    case Broken::kText:
      return Answer{.octets = base::to_bytes(base::as_bytes(kHttp)), .then = Then::kLeave};
  }
  return {};
}

// --- tokens -------------------------------------------------------------------------------------

std::uint32_t NlaDialogue::common_version() const {
  return std::min(faults_.version, client_version_);
}

Bytes NlaDialogue::unwrap(const Bytes& token) {
  if (!auth::is_spnego(token)) return token;
  auto read = auth::decode_spnego(token);
  if (!read) return {};
  spoke_spnego_ = true;
  if (auto* init = std::get_if<auth::NegTokenInit>(&*read)) {
    mech_types_ = std::move(init->mech_types_der);
    offers_ntlm_ = std::ranges::find(init->mech_types, auth::oid::kNtlm) != init->mech_types.end();
    return init->mech_token.value_or(Bytes{});
  }
  auto& response = std::get<auth::NegTokenResp>(*read);
  chose_ = true;
  if (response.mech_list_mic) client_mic_ = std::move(response.mech_list_mic);
  return response.response_token.value_or(Bytes{});
}

Bytes NlaDialogue::wrapped(Bytes token, std::uint8_t neg_state) const {
  using Wrapping = NlaFaults::Wrapping;
  const bool wraps = faults_.wrapping == Wrapping::kAsAsked ? spoke_spnego_
                                                            : faults_.wrapping == Wrapping::kSpnego;
  if (!wraps) return token;
  auth::NegTokenResp response{.neg_state = neg_state};
  if (!chose_ && neg_state != kAcceptCompleted)
    response.supported_mech = std::string(auth::oid::kNtlm);
  if (!token.empty()) response.response_token = std::move(token);
  if (neg_state == kAcceptCompleted && client_mic_)
    response.mech_list_mic = protection_->mech_list_mic(mech_types_);
  return encode(response);
}

NlaDialogue::Answer NlaDialogue::say(Bytes token) const {
  auth::TsRequest request{.version = faults_.version};
  request.nego_tokens = {std::move(token)};
  return {.octets = encode(request)};
}

}  // namespace rdpwhy::lab
