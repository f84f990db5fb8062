#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crypto/ntlm_pair.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/crypto/channel_bindings.h"
#include "rdpwhy/crypto/ntlm.h"
#include "rdpwhy/rdp/negotiation.h"

namespace rdpwhy::dialogue {

/// The server's half of CredSSP over plaintext, which can go wrong in one place at a time.
class NlaServer {
 public:
  enum class At { kNegotiate, kAuthenticate, kCredentials };  ///< the client's messages in order
  enum class Does {
    kAnswer,       ///< what it should
    kError,        ///< TSRequest with error_code
    kClose,        ///< ends the connection
    kGoodbye,      ///< close_notify, and the connection stays open
    kNothing,      ///< stays silent
    kGarbage,      ///< octets that are no TSRequest
    kNoToken,      ///< a TSRequest with nothing in it but its version
    kChallenge,    ///< the challenge, again
    kTokenFirst,   ///< a TSRequest with a last token, then the right answer
    kErrorBehind,  ///< what it should, and a TSRequest with error_code in the same breath
  };
  enum class Proof { kRight, kOfAnotherKey, kTheClients, kSealedByAnother, kUnsealed };

  std::uint32_t selected = static_cast<std::uint32_t>(rdp::Protocol::kHybridEx);
  std::uint8_t response_flags = 0x1F;
  std::uint32_t version = 6;
  crypto::NtlmAcceptor::Settings ntlm = crypto::acceptor_for_tests();
  std::string password = "right";
  At at = At::kNegotiate;
  Does does = Does::kAnswer;
  std::uint32_t error_code = 0xC000006D;
  Proof proof = Proof::kRight;
  std::optional<std::uint32_t> authorization = 0;  ///< absent: none is sent
  bool wraps_in_spnego = false;
  Bytes key;  ///< SubjectPublicKey of its certificate

  // What it saw.
  int authenticates = 0;
  std::vector<auth::TsRequest> requests;
  std::optional<auth::TsPasswordCreds> credentials;
  std::string user;
  bool closed = false;
  bool said_goodbye = false;

  /// The octets that follow on one message of the client.
  Bytes answer(const auth::TsRequest& request) {
    requests.push_back(request);
    if (request.auth_info) return take_credentials(*request.auth_info);
    if (!request.nego_tokens) return {};
    const auto outer = request.nego_tokens->front();
    const auto token = unwrapped(outer);
    if (auth::ntlm_message_type(token) == 1u) {
      const bool refuses_too = does == Does::kErrorBehind;
      if (at == At::kNegotiate && does != Does::kAnswer && !refuses_too) return misbehave();
      challenge_ = acceptor().challenge(token).value();
      auto out = with_token(challenge_);
      if (at == At::kNegotiate && refuses_too) append_error(out);
      return out;
    }
    ++authenticates;
    return judge(request, token);
  }

 private:
  crypto::NtlmAcceptor& acceptor() {
    if (!acceptor_) acceptor_.emplace(ntlm);
    return *acceptor_;
  }

  Bytes judge(const auth::TsRequest& request, ByteSpan token) {
    const auto accepted = acceptor().accept(token, Secret(password));
    if (!accepted) return with_error();
    user = accepted->message.user_name;
    protection_ = accepted->protection;
    const auto common = std::min(version, request.version);
    const auto nonce = request.client_nonce.value_or(Bytes{});
    const auto opened = protection_->unseal(request.pub_key_auth.value_or(Bytes{}));
    EXPECT_TRUE(opened) << "the client's pubKeyAuth";
    if (!opened ||
        !base::equal(opened->reveal(), crypto::client_public_key_proof(common, key, nonce))) {
      return with_error();
    }
    Bytes out;
    if (at == At::kAuthenticate && does != Does::kAnswer) {
      out = misbehave();
      if (does != Does::kTokenFirst && does != Does::kErrorBehind) return out;
    }
    auth::TsRequest answer{.version = version};
    answer.pub_key_auth = made_proof(common, nonce, *request.pub_key_auth);
    const auto rest = encode(answer);
    out.insert(out.end(), rest.begin(), rest.end());
    if (at == At::kAuthenticate && does == Does::kErrorBehind) append_error(out);
    return out;
  }

  Bytes made_proof(std::uint32_t common, ByteSpan nonce, const Bytes& clients) {
    auto octets = crypto::server_public_key_proof(common, key, nonce);
    switch (proof) {
      case Proof::kRight:
        return protection_->seal(octets);
      case Proof::kOfAnotherKey: {
        auto other = key;
        other.back() ^= 1;
        return protection_->seal(crypto::server_public_key_proof(common, other, nonce));
      }
      case Proof::kTheClients:
        return clients;
      case Proof::kSealedByAnother: {
        auto other = crypto::client_for_tests();
        other.session_key = std::make_shared<Secret>(Bytes(16, 0x66));
        const crypto::NtlmPair stranger(crypto::acceptor_for_tests(), other);
        return stranger.accepted()->protection->seal(octets);
      }
      case Proof::kUnsealed:
        return octets;
    }
    return {};
  }

  Bytes take_credentials(ByteSpan sealed) {
    const auto opened = protection_->unseal(sealed);
    EXPECT_TRUE(opened) << "the client's authInfo";
    if (opened) {
      auto read = auth::decode_ts_credentials(opened->reveal());
      EXPECT_TRUE(read);
      if (read) credentials = std::get<auth::TsPasswordCreds>(std::move(read->credentials));
    }
    if (at == At::kCredentials && does != Does::kAnswer) return misbehave();
    if (selected == static_cast<std::uint32_t>(rdp::Protocol::kHybridEx) && authorization) {
      return encode(auth::EarlyUserAuthorizationResult{.authorization_result = *authorization});
    }
    return {};
  }

  Bytes misbehave() {
    switch (does) {
      case Does::kError:
        return with_error();
      case Does::kClose:
        closed = true;
        return {};
      case Does::kGoodbye:
        said_goodbye = true;
        return {};
      case Does::kGarbage:
        return base::to_bytes(base::as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
      case Does::kNoToken:
        return encode(auth::TsRequest{.version = version});
      case Does::kChallenge:
        return with_token(challenge_);
      case Does::kTokenFirst:
        return with_token(encode(auth::NegTokenResp{.neg_state = 0}));
      case Does::kAnswer:
      case Does::kErrorBehind:
      case Does::kNothing:
        break;
    }
    return {};
  }

  void append_error(Bytes& out) const {
    const auto error = with_error();
    out.insert(out.end(), error.begin(), error.end());
  }
  Bytes with_error() const {
    return encode(auth::TsRequest{.version = version, .error_code = error_code});
  }
  Bytes with_token(Bytes token) const {
    if (wraps_in_spnego) {
      token = encode(auth::NegTokenResp{.neg_state = 1, .response_token = std::move(token)});
    }
    auth::TsRequest request{.version = version};
    request.nego_tokens = {std::move(token)};
    return encode(request);
  }
  Bytes unwrapped(const Bytes& token) const {
    if (!auth::is_spnego(token)) return token;
    EXPECT_TRUE(wraps_in_spnego);
    const auto spnego = auth::decode_spnego(token).value();
    return std::get<auth::NegTokenResp>(spnego).response_token.value();
  }

  std::optional<crypto::NtlmAcceptor> acceptor_;
  Bytes challenge_;
  std::shared_ptr<auth::MessageProtection> protection_;
};

}  // namespace rdpwhy::dialogue
