#include "dialogue/spnego_dialogue.h"

#include "rdpwhy/auth/spnego.h"

namespace rdpwhy::dialogue {
namespace {

/// Both names of Kerberos lead to the same tokens; a server may know only one of them.
bool is_ours(std::string_view mechanism) {
  return mechanism == auth::oid::kKerberos || mechanism == auth::oid::kMsKerberos;
}

auth::NegTokenResp response_with(Bytes mechanism_token) {
  auth::NegTokenResp response;
  if (!mechanism_token.empty()) response.response_token = std::move(mechanism_token);
  return response;
}

}  // namespace

Bytes SpnegoDialogue::begin(Bytes mechanism_token) {
  auth::NegTokenInit init;
  init.mech_types = {std::string(auth::oid::kMsKerberos), std::string(auth::oid::kKerberos)};
  init.mech_token = std::move(mechanism_token);
  return encode(init);
}

SpnegoDialogue::Reading SpnegoDialogue::read(const auth::Token& token) {
  const auto* response = token.spnego ? std::get_if<auth::NegTokenResp>(&*token.spnego) : nullptr;
  if (response == nullptr) return Reading::kNotAnAnswer;
  neg_state_ = response->neg_state;
  if (response->mech_list_mic) server_mic_ = response->mech_list_mic;
  if (neg_state_ == kReject) return Reading::kRejected;
  if (response->supported_mech && !is_ours(*response->supported_mech)) return Reading::kOtherMech;
  return Reading::kGoesOn;
}

bool SpnegoDialogue::check_mic(auth::MessageProtection& protection, ByteSpan mech_types) const {
  return !server_mic_ || protection.verify_mech_list_mic(mech_types, *server_mic_);
}

bool SpnegoDialogue::owes_mic() const {
  // RFC 4178 5: a server that has what it needs says accept-completed.
  return !mic_sent_ && neg_state_ != kAcceptCompleted &&
         (server_mic_.has_value() || neg_state_ == kRequestMic || neg_state_ == kAcceptIncomplete);
}

Bytes SpnegoDialogue::go_on(Bytes mechanism_token) {
  auto response = response_with(std::move(mechanism_token));
  response.neg_state = kAcceptIncomplete;
  return encode(response);
}

Bytes SpnegoDialogue::complete(Bytes mechanism_token, auth::MessageProtection& protection,
                               ByteSpan mech_types) {
  auto response = response_with(std::move(mechanism_token));
  response.neg_state = awaits_mic() ? kAcceptIncomplete : kAcceptCompleted;
  response.mech_list_mic = protection.mech_list_mic(mech_types);
  mic_sent_ = true;
  return encode(response);
}

}  // namespace rdpwhy::dialogue
