// The section about NLA of the report for people.
#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/record/credssp_summary.h"
#include "rdpwhy/record/queries.h"
#include "report/credssp.h"
#include "report/credssp_words.h"

namespace rdpwhy::report {
namespace {

using auth::AvId;

constexpr std::size_t kMostMechanisms = 8;
/// What two names of DNS and what is said about them take at most; a peer may send any length.
constexpr std::size_t kLongestText = 640;

/// "0xc000006d", with its name where it has one.
std::string status_words(std::uint32_t code) {
  const auto hex = base::to_hex_number(code, 8);
  const auto* status = status_of(code);
  return status == nullptr ? hex : fmt::format("{} ({})", status->name, hex);
}

std::string krb_words(std::int32_t code) {
  const auto name = auth::krb_error_name(code);
  return name ? fmt::format("{} ({})", *name, code) : fmt::format("Kerberos error {}", code);
}

std::string skew_words(Nanoseconds skew, bool live) {
  const auto whose = live ? "ours" : "that of the capturing machine";
  constexpr Nanoseconds kNothing = 1'000'000'000;  // a network and two clocks that are kept
  if (skew < kNothing && skew > -kNothing) return fmt::format("within a second of {}", whose);
  const auto size = skew < 0 ? -(skew + 1) : skew;  // the least one has no opposite
  return fmt::format("{} {} {}", diagnose::duration_in_words(size),
                     skew < 0 ? "behind" : "ahead of", whose);
}

class Lines {
 public:
  Lines(const HandshakeRecord& record, bool live) : record_(record), live_(live) {}

  std::vector<CredsspLine> take() {
    if (const auto summary = record::credssp_summary(record_)) {
      write_peers(*summary);
      if (summary->challenge != nullptr) write_challenge(*summary);
      if (summary->authenticate != nullptr) write_user(*summary->authenticate);
      write_kerberos(*summary);
      for (const auto* talk : summary->kdc) write_kdc(*talk);
      write_outcome(*summary);
    }
    if (const auto summary = record::rdstls_summary(record_)) write_rdstls(*summary);
    write_modes();
    return std::move(lines_);
  }

 private:
  void add(std::string_view title, std::string text) {
    if (text.size() > kLongestText) {
      auto cut = kLongestText;
      while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;  // UTF-8
      text = fmt::format("{}... ({} octets)", text.substr(0, cut), text.size());
    }
    if (!text.empty()) lines_.push_back({title, std::move(text)});
  }

  void write_peers(const record::CredsspSummary& summary) {
    std::string text;
    if (summary.server_version) text = fmt::format("version {}", *summary.server_version);
    if (summary.client_version && summary.client_version != summary.server_version) {
      text += fmt::format("{}client {}", text.empty() ? "" : ", ", *summary.client_version);
    }
    if (summary.mechanism)
      text += fmt::format("{}{}", text.empty() ? "" : ", ", *summary.mechanism);
    add("CredSSP", std::move(text));
    if (!summary.offered_mechanisms) return;
    std::vector<std::string> names;
    for (const auto& oid : *summary.offered_mechanisms) {
      const auto name = auth::mechanism_name(oid);
      auto words = name ? std::string(*name) : oid;
      if (names.size() < kMostMechanisms && std::ranges::find(names, words) == names.end())
        names.push_back(std::move(words));
    }
    add("offered", fmt::format("{}", fmt::join(names, ", ")));
  }

  void write_challenge(const record::CredsspSummary& summary) {
    const auto& challenge = *summary.challenge;
    if (!challenge.target_info) {
      add("server", challenge.target_name + " (its challenge holds no target information)");
    } else {
      const auto& info = *challenge.target_info;
      add("server", both(info.text(AvId::kNbComputerName), info.text(AvId::kDnsComputerName)));
      auto domain = both(info.text(AvId::kNbDomainName), info.text(AvId::kDnsDomainName));
      if (const auto forest = info.text(AvId::kDnsTreeName))
        domain += fmt::format("{}forest {}", domain.empty() ? "" : ", ", *forest);
      add("domain", std::move(domain));
    }
    if (challenge.version) {
      const auto product = auth::windows_product(*challenge.version);
      add("system",
          product ? fmt::format("claims to be {}, build {}", *product, challenge.version->text())
                  : fmt::format("claims build {}", challenge.version->text()));
    }
    if (summary.clock_skew) add("clock", skew_words(*summary.clock_skew, live_));
  }

  static std::string both(const std::optional<std::string>& netbios,
                          const std::optional<std::string>& dns) {
    if (netbios && dns && *netbios != *dns) return fmt::format("{} ({})", *netbios, *dns);
    return netbios ? *netbios : dns.value_or("");
  }

  void write_user(const auth::NtlmAuthenticate& message) {
    auto text = message.domain_name.empty()
                    ? message.user_name
                    : fmt::format("{}\\{}", message.domain_name, message.user_name);
    if (text.empty()) text = "nobody (anonymous)";
    if (!message.workstation.empty()) text += " from " + message.workstation;
    if (!message.ntlmv2) {
      text += ", NTLMv1";
    } else if (const auto spn = message.ntlmv2->av_pairs.text(AvId::kTargetName)) {
      text += fmt::format(", for {}", *spn);
    }
    add("user", std::move(text));
  }

  void write_kerberos(const record::CredsspSummary& summary) {
    if (const auto* request = summary.ap_request) {
      std::string text;
      if (!request->server_name.empty()) {
        text = fmt::format("ticket for {}", principal_of(request->server_name));
        if (request->realm) text += "@" + *request->realm;
      }
      if (request->ticket_encryption) {
        const auto etype = *request->ticket_encryption;
        const auto name = auth::krb_encryption_name(etype);
        text += fmt::format("{}{}", text.empty() ? "" : ", ",
                            name ? std::string(*name) : fmt::format("encryption type {}", etype));
      }
      add("Kerberos", std::move(text));
    }
    if (const auto* error = summary.kerberos_error) {
      auto text = krb_words(error->error_code);
      if (const auto meaning = auth::krb_error_meaning(error->error_code))
        text += fmt::format(": {}", *meaning);
      add("error", std::move(text));
      add("clock", skew_words(*summary.kerberos_skew, live_));
    }
  }

  void write_kdc(const record::KdcTalk& talk) {
    auto text = talk.service.empty() ? std::string("ticket-granting ticket") : talk.service;
    if (!talk.principal.empty()) text += " for " + talk.principal;
    text += fmt::format(": {}", record::name_of(talk.outcome));
    if (talk.from_cache) text += ", from the credential cache";
    if (talk.error_code) text += ", " + krb_words(*talk.error_code);
    if (!talk.words.empty()) text += ", \"" + talk.words + "\"";
    if (talk.clock_offset) text += ", its clock " + skew_words(*talk.clock_offset, true);
    add("KDC", std::move(text));
  }

  void write_outcome(const record::CredsspSummary& summary) {
    if (summary.error_code) {
      const auto* status = status_of(*summary.error_code);
      auto text = status_words(*summary.error_code);
      if (status != nullptr) text += fmt::format(": {}", status->meaning);
      add("error", std::move(text));
    } else if (summary.delegated) {
      add("credentials", summary.public_key_answered
                             ? "delegated after the server's pubKeyAuth"
                             : "delegated without a pubKeyAuth of the server");
    } else if (summary.public_key_answered) {
      add("credentials", summary.client_version
                             ? std::string(proof_words())
                             : "the server sent a pubKeyAuth; what the client said stayed closed");
    }
    if (const auto* result = summary.authorization) {
      const auto code = result->authorization_result;
      const auto* row = codes::find(codes::Family::kAuthorization, code);
      add("sign-in", row == nullptr
                         ? fmt::format("authorization result {}", base::to_hex_number(code, 8))
                         : fmt::format("{}: {}", row->name, row->meaning));
    }
  }

  /// The server's pubKeyAuth tells of an acceptance only to who can open it.
  [[nodiscard]] std::string_view proof_words() const {
    const auto& run = record_.run;
    if (!run || !run->public_key_confirmed) {
      return "the server answered the client's proof with a pubKeyAuth, which was not checked "
             "here; "
             "nothing was delegated";
    }
    if (*run->public_key_confirmed) return "the client's proof was accepted; nothing was delegated";
    using Why = record::RunFacts::OwnStop::Why;
    return run->own_stop && run->own_stop->why != Why::kPublicKeyNotConfirmed
               ? "the server's pubKeyAuth does not open with the keys of this logon; nothing was "
                 "delegated"
               : "the server's pubKeyAuth is not about the key of its TLS certificate; nothing was "
                 "delegated";
  }

  void write_rdstls(const record::RdstlsSummary& summary) {
    if (const auto* request = summary.request) {
      add("RDSTLS", request->data_type == 1
                        ? fmt::format("{}\\{}", request->domain, request->user_name)
                        : fmt::format("auto-reconnect to session {}", request->session_id));
    }
    if (const auto* response = summary.response) {
      const auto code = response->result_code;
      const auto* row = codes::find(codes::Family::kRdstls, code);
      add("result", row == nullptr ? base::to_hex_number(code, 8)
                                   : fmt::format("{}: {}", row->name, row->meaning));
    }
  }

  /// MS-RDPBCGR 2.2.1.2.1: what the server says of logons that keep the password at home.
  void write_modes() {
    const auto* confirm = record::first<rdp::ConnectionConfirm>(record_);
    const auto* response = confirm == nullptr ? nullptr : confirm->response();
    if (response == nullptr ||
        record::phase_behind(response->selected_protocol) != Phase::kCredssp) {
      return;
    }
    const auto supported = [&](std::uint8_t flag) {
      return (response->flags & flag) != 0 ? "supported" : "not supported";
    };
    add("modes",
        fmt::format("Restricted Admin {}, Remote Credential Guard {}",
                    supported(rdp::NegotiationResponse::kRestrictedAdminModeSupported),
                    supported(rdp::NegotiationResponse::kRedirectedAuthenticationModeSupported)));
  }

  const HandshakeRecord& record_;
  bool live_;
  std::vector<CredsspLine> lines_;
};

}  // namespace

std::vector<CredsspLine> credssp_lines(const HandshakeRecord& record, bool live) {
  return Lines(record, live).take();
}

std::optional<std::string> refusal_in_words(const Evidence& evidence) {
  const auto by = record::name_of(evidence.where.side);
  if (const auto* message = record::get_if<record::CredsspMessage>(&evidence.fact)) {
    if (message->error_code.value_or(0) != 0)
      return fmt::format("the {} said no: {}", by, status_words(*message->error_code));
    for (const auto& token : message->tokens) {
      const auto* kerberos = std::get_if<auth::KerberosToken>(&token.message);
      if (kerberos != nullptr && kerberos->error)
        return fmt::format("the {} said no: {}", by, krb_words(kerberos->error->error_code));
    }
    return fmt::format("the {} rejected the logon without saying why", by);
  }
  if (const auto* result = record::get_if<auth::EarlyUserAuthorizationResult>(&evidence.fact)) {
    const auto code = result->authorization_result;
    const auto name = codes::name(codes::Family::kAuthorization, code);
    return fmt::format("the {} said no: {}", by,
                       name ? std::string(*name) : base::to_hex_number(code, 8));
  }
  if (const auto* pdu = record::get_if<auth::RdstlsPdu>(&evidence.fact)) {
    const auto* response = std::get_if<auth::RdstlsAuthenticationResponse>(pdu);
    if (response == nullptr) return {};
    const auto name = codes::name(codes::Family::kRdstls, response->result_code);
    return fmt::format("the {} said no: {}", by,
                       name ? std::string(*name) : base::to_hex_number(response->result_code, 8));
  }
  if (const auto* talk = record::get_if<record::KdcTalk>(&evidence.fact)) {
    switch (talk->outcome) {
      case record::KdcTalk::Outcome::kGranted:
        return {};
      case record::KdcTalk::Outcome::kRefused:
        return talk->error_code ? fmt::format("the KDC said no: {}", krb_words(*talk->error_code))
                                : std::string("the KDC said no");
      case record::KdcTalk::Outcome::kUnreachable:
        return "no KDC answers";
      case record::KdcTalk::Outcome::kTimeout:
        return "the KDC did not answer in time";
      case record::KdcTalk::Outcome::kUnavailable:
        return "no Kerberos ticket could be asked for";
    }
  }
  if (const auto* ultimatum = record::get_if<rdp::DisconnectProviderUltimatum>(&evidence.fact)) {
    return fmt::format("the {} ended it with an MCS Disconnect Provider Ultimatum ({})", by,
                       rdp::disconnect_reason_name(ultimatum->reason));
  }
  return {};
}

}  // namespace rdpwhy::report
