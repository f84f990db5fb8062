#include "record/credssp_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::record {
namespace {

template <typename... T>
struct Overloaded : T... {
  using T::operator()...;
};

constexpr std::uint8_t kReject = 2;  // RFC 4178 4.2.2 negState

struct Name {
  std::string_view key;    ///< snake_case
  std::string_view words;  ///< the specification's
};

Name name_of(const auth::KerberosToken& token) {
  switch (token.kind) {
    case auth::KerberosToken::Kind::kApRequest:
      return {"ap_request", "Kerberos AP-REQ"};
    case auth::KerberosToken::Kind::kApReply:
      return {"ap_reply", "Kerberos AP-REP"};
    case auth::KerberosToken::Kind::kError:
      return {"krb_error", "KRB-ERROR"};
    case auth::KerberosToken::Kind::kTgtRequest:
      return {"tgt_request", "Kerberos TGT-REQ"};
    case auth::KerberosToken::Kind::kTgtReply:
      return {"tgt_reply", "Kerberos TGT-REP"};
    case auth::KerberosToken::Kind::kOther:
      break;
  }
  return {"kerberos_token", "Kerberos token"};
}

Name name_of(const auth::MechanismMessage& message) {
  return std::visit(
      Overloaded{
          [](std::monostate) { return Name{}; },
          [](const auth::NtlmNegotiate&) { return Name{"ntlm_negotiate", "NTLM NEGOTIATE"}; },
          [](const auth::NtlmChallenge&) { return Name{"ntlm_challenge", "NTLM CHALLENGE"}; },
          [](const auth::NtlmAuthenticate&) {
            return Name{"ntlm_authenticate", "NTLM AUTHENTICATE"};
          },
          [](const auth::KerberosToken& token) { return name_of(token); },
      },
      message);
}

bool is_init(const auth::Token& token) {
  return token.spnego && std::holds_alternative<auth::NegTokenInit>(*token.spnego);
}

std::string_view key_of(const auth::Token& token) {
  if (const auto name = name_of(token.message); !name.key.empty()) return name.key;
  if (!token.spnego) return "token";
  return is_init(token) ? "spnego_init" : "spnego_response";
}

std::string mechanism_words(std::string_view oid) {
  const auto name = auth::mechanism_name(oid);
  return name ? std::string(*name) : base::printable(oid);
}

/// A hostile list has thousands.
constexpr std::size_t kMostMechanisms = 8;

std::string described_init(const auth::NegTokenInit& init) {
  std::vector<std::string> names;
  for (const auto& oid : init.mech_types) {
    if (names.size() == kMostMechanisms) {
      names.emplace_back("...");
      break;
    }
    auto name = mechanism_words(oid);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return fmt::format("SPNEGO NegTokenInit ({})", fmt::join(names, ", "));
}

std::string described_response(const auth::NegTokenResp& response) {
  std::string words = "SPNEGO NegTokenResp";
  if (response.neg_state) {
    const auto state = auth::neg_state_name(*response.neg_state);
    words += state ? fmt::format(" {}", *state) : fmt::format(" negState {}", *response.neg_state);
  }
  if (response.supported_mech)
    words += fmt::format(" ({})", mechanism_words(*response.supported_mech));
  return words;
}

void add_part(std::string& words, std::string_view part) {
  words += words.ends_with(':') ? " " : ", ";
  words += part;
}

void describe_token(std::string& words, const auth::Token& token) {
  if (token.spnego) {
    add_part(words,
             std::visit(Overloaded{
                            [](const auth::NegTokenInit& i) { return described_init(i); },
                            [](const auth::NegTokenResp& r) { return described_response(r); },
                        },
                        *token.spnego));
  }
  const auto name = name_of(token.message);
  if (!name.words.empty()) add_part(words, name.words);
  if (const auto* kerberos = std::get_if<auth::KerberosToken>(&token.message);
      kerberos != nullptr && kerberos->error) {
    const auto code = kerberos->error->error_code;
    const auto known = auth::krb_error_name(code);
    words += known ? fmt::format(" {}", *known) : fmt::format(" {}", code);
  }
  if (token.error) {
    add_part(words, "a token that cannot be read");
  } else if (!token.spnego && name.words.empty()) {
    add_part(words, "a token of an unknown mechanism");
  }
}

}  // namespace

bool refuses(const CredsspMessage& message) {
  if (message.error_code.value_or(0) != 0) return true;
  return std::ranges::any_of(message.tokens, [](const auth::Token& token) {
    const auto* response = token.spnego ? std::get_if<auth::NegTokenResp>(&*token.spnego) : nullptr;
    return response != nullptr && response->neg_state == kReject;
  });
}

const auth::KrbError* kerberos_error_of(const CredsspMessage& message) {
  for (const auto& token : message.tokens) {
    const auto* kerberos = std::get_if<auth::KerberosToken>(&token.message);
    if (kerberos != nullptr && kerberos->error) return &*kerberos->error;
  }
  return nullptr;
}

bool has_unreadable_token(const CredsspMessage& message) {
  return std::ranges::any_of(message.tokens,
                             [](const auth::Token& token) { return token.error.has_value(); });
}

std::string_view message_name_of(const CredsspMessage& message) {
  if (message.error_code.value_or(0) != 0) return "ts_request_error";
  if (message.auth_info_size) return "auth_info";
  // The last leg of SPNEGO may stand beside a pubKeyAuth and holds nothing but a mechListMIC.
  for (const auto& token : message.tokens) {
    if (!name_of(token.message).key.empty()) return key_of(token);
  }
  if (message.pub_key_auth) return "pub_key_auth";
  return message.tokens.empty() ? "ts_request" : key_of(message.tokens.front());
}

std::string_view message_name_of(const auth::RdstlsPdu& pdu) {
  return std::visit(
      Overloaded{
          [](const auth::RdstlsCapabilities&) { return std::string_view("rdstls_capabilities"); },
          [](const auth::RdstlsAuthenticationRequest&) {
            return std::string_view("rdstls_authentication_request");
          },
          [](const auth::RdstlsAuthenticationResponse&) {
            return std::string_view("rdstls_authentication_response");
          },
      },
      pdu);
}

std::string described(const CredsspMessage& message) {
  auto words = fmt::format("CredSSP TSRequest v{}:", message.version);
  for (const auto& token : message.tokens) describe_token(words, token);
  if (message.has_nego_tokens && message.tokens.empty()) add_part(words, "no token");
  if (message.pub_key_auth) add_part(words, "pubKeyAuth");
  if (message.auth_info_size) add_part(words, "authInfo");
  if (message.error_code)
    add_part(words, fmt::format("errorCode {}", base::to_hex_number(*message.error_code, 8)));
  if (words.ends_with(':')) words += " empty";
  return words;
}

std::string described(const auth::EarlyUserAuthorizationResult& result) {
  switch (result.authorization_result) {
    case 0:
      return "Early User Authorization Result AUTHZ_SUCCESS";
    case 5:
      return "Early User Authorization Result AUTHZ_ACCESS_DENIED";
    default:
      return fmt::format("Early User Authorization Result {}",
                         base::to_hex_number(result.authorization_result, 8));
  }
}

std::string described(const auth::RdstlsPdu& pdu) {
  return std::visit(
      Overloaded{
          [](const auth::RdstlsCapabilities&) { return std::string("RDSTLS Capabilities"); },
          [](const auth::RdstlsAuthenticationRequest& request) {
            return fmt::format("RDSTLS Authentication Request with {}",
                               request.data_type == 1   ? "password"
                               : request.data_type == 2 ? "auto-reconnect cookie"
                                                        : "unknown data");
          },
          [](const auth::RdstlsAuthenticationResponse& response) {
            const auto name = auth::rdstls_result_name(response.result_code);
            return fmt::format(
                "RDSTLS Authentication Response {}",
                name ? std::string(*name) : base::to_hex_number(response.result_code, 8));
          },
      },
      pdu);
}

std::string described(const KdcTalk& talk) {
  auto words = fmt::format(
      "KDC: {} {}", talk.service.empty() ? "ticket-granting ticket" : base::printable(talk.service),
      record::name_of(talk.outcome));
  if (talk.error_code) {
    const auto name = auth::krb_error_name(*talk.error_code);
    words += name ? fmt::format(", {}", *name) : fmt::format(", error {}", *talk.error_code);
  }
  return words;
}

}  // namespace rdpwhy::record
