#include "rdpwhy/investigate/redirection.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/negotiation.h"
#include "rdpwhy/rdp/redirection.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::investigate {
namespace {

using Redirection = rdp::ServerRedirection;

constexpr auto kRdstls = static_cast<std::uint32_t>(rdp::Protocol::kRdstls);

/// Where the client shall go.
struct Destination {
  std::optional<std::string> host;  ///< absent: where it is now
  std::string name;                 ///< of that host, when `host` is its address
};

/// A routing token leads to where it is said: the same host. A named address is gone to without it
/// (2.2.13.1, LoadBalanceInfo).
Destination destination_of(const Redirection& redirection) {
  const auto address = redirection.target_net_address.value_or("");
  if (!address.empty()) return {.host = address, .name = redirection.target_fqdn.value_or("")};
  if (redirection.load_balance_info && !redirection.load_balance_info->empty()) return {};
  if (const auto host = rdp::redirection_target(redirection); !host.empty()) return {.host = host};
  return {};
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 80;
  return '"' + base::printable(text.substr(0, kMost)) + '"';
}

/// A host that a server names. Only what is one and looks like one: no port, no control characters,
/// nothing that a terminal would take for something else.
std::expected<net::Target, Error> host_named(const std::string& text, std::uint16_t port) {
  const bool v6 = text.contains(':');
  auto host = net::parse_target(v6 ? "[" + text + "]" : text);
  if (!host || base::printable(text) != text) {
    return std::unexpected(
        Error{shown(text) + ", which it names as its target, is neither a host nor an address"});
  }
  host->port = port;
  host->text = fmt::format("{}:{}", v6 ? "[" + text + "]" : text, port);
  return *std::move(host);
}

/// The octets of the next Connection Request's routing token, which is a line.
std::expected<std::string, Error> token_in(const Bytes& load_balance_info) {
  std::string token(base::as_text(load_balance_info));
  if (token.ends_with("\r\n")) token.resize(token.size() - 2);
  // Behind it have to go the end of the line and RDP_NEG_REQ.
  constexpr std::size_t kMost = rdp::ConnectionRequest::kMostVariableOctets - 2 - 8;
  if (token.size() > kMost) {
    return std::unexpected(Error{
        fmt::format("its routing token has {} octets, and a Connection Request has room for {}",
                    token.size(), kMost)});
  }
  if (token.find_first_of("\r\n") != std::string::npos) {
    return std::unexpected(Error{"its routing token is more than one line"});
  }
  return token;
}

/// Some packets have the null character that ends it, some have not.
std::string without_null(std::string text) {
  while (text.ends_with('\0')) text.pop_back();
  return text;
}

/// Nothing of the user's goes along.
void leave_credentials_behind(dialogue::ProbePlan& plan) {
  plan.credssp.credentials.reset();
  plan.credssp.restricted_admin = false;
  if (plan.credssp.authentication == dialogue::Authentication::kKerberos) {
    plan.credssp.authentication = dialogue::Authentication::kNegotiate;  // not by a cache either
  }
  if (plan.request.negotiation) {
    auto& flags = plan.request.negotiation->flags;
    flags &= static_cast<std::uint8_t>(~rdp::NegotiationRequest::kRestrictedAdminModeRequired);
  }
}

/// Empty: none was named, or none that can be read.
Bytes certificate_named_by(const Redirection& redirection) {
  if (!redirection.target_certificate) return {};
  return rdp::certificate_of_target(*redirection.target_certificate).value_or(Bytes{});
}

void go_to(const net::Target& host, FollowUp& next) {
  next.target = host;
  next.options.resolve_to.clear();
  next.options.plan.credssp.service_host.clear();
  next.options.plan.tls.server_name.clear();  // becomes the host's, unless one was typed
}

/// The address that was named, under the name that goes with it where there is one.
std::expected<void, Error> apply_destination(const Destination& destination, FollowUp& next) {
  if (!destination.host) return {};
  const auto port = next.target.port;
  auto host = host_named(*destination.host, port);
  if (!host) return std::unexpected(host.error());
  if (destination.name.empty() || next.options.proxy || !net::is_address(host->host)) {
    go_to(*host, next);
    return {};
  }
  const auto named = host_named(destination.name, port);
  if (!named) return std::unexpected(named.error());
  go_to(*named, next);
  next.options.resolve_to = host->host;
  return {};
}

/// True: they go along, and RDSTLS is on offer for them.
bool offer_rdstls(const Redirection& redirection, std::shared_ptr<const Secret> password,
                  dialogue::ProbePlan& plan) {
  plan.rdstls.reset();
  auto& negotiation = plan.request.negotiation;
  if (negotiation) negotiation->requested.bits &= ~kRdstls;
  const auto guid = without_null(redirection.redirection_guid.value_or(""));
  const bool offers_tls = negotiation && negotiation->requested.bits != 0;
  if (password == nullptr || guid.empty() || !offers_tls) return false;
  negotiation->requested.bits |= kRdstls;
  plan.rdstls = dialogue::RdstlsPlan{.redirection_guid = guid,
                                     .user = redirection.user_name.value_or(""),
                                     .domain = redirection.domain.value_or(""),
                                     .password = std::move(password)};
  return true;
}

std::string in_words(const std::string& from, const Destination& destination, const FollowUp& next,
                     bool has_token, bool has_rdstls, const Redirection& redirection) {
  auto says = fmt::format("This connection follows the redirection of {}", from);
  says += destination.host ? fmt::format(", to {}", next.target.text) : std::string();
  if (!next.options.resolve_to.empty() && destination.host)
    says += fmt::format(" at {}", next.options.resolve_to);
  if (has_token) says += ", with its routing token";
  says += fmt::format(", for session {}", redirection.session_id);
  if (has_rdstls) says += "; RDSTLS is offered for the credentials that it hands out";
  says += ".";
  if (!has_token && redirection.load_balance_info)
    says += " A routing token is not for a host that is named.";
  return says + " The user's credentials do not go along.";
}

std::expected<FollowUp, Error> follow(const net::Target& target, const net::ProbeOptions& options,
                                      const Redirection& redirection,
                                      std::shared_ptr<const Secret> password) {
  FollowUp next{.target = target, .options = options, .says = {}};
  auto& plan = next.options.plan;
  const auto destination = destination_of(redirection);
  if (const auto gone = apply_destination(destination, next); !gone)
    return std::unexpected(gone.error());
  plan.request.routing_token.reset();
  const bool has_token =
      !destination.host && redirection.load_balance_info && !redirection.load_balance_info->empty();
  if (has_token) {
    auto token = token_in(*redirection.load_balance_info);
    if (!token) return std::unexpected(token.error());
    plan.request.routing_token = *std::move(token);
    plan.request.cookie.reset();  // 3.2.5.3.1: one or the other
  }
  next.options.expected_certificate = certificate_named_by(redirection);
  leave_credentials_behind(plan);
  plan.session.redirected_session_id = redirection.session_id;
  const bool has_rdstls = offer_rdstls(redirection, std::move(password), plan);
  next.options.delay = net::kPace;
  next.says = in_words(target.text, destination, next, has_token, has_rdstls, redirection);
  return next;
}

}  // namespace

std::optional<std::expected<FollowUp, Error>> follow_redirection(const net::Target& target,
                                                                 const net::ProbeOptions& options,
                                                                 const net::ProbedConnection& met,
                                                                 int followed) {
  const auto summary = record::session_summary(met.record);
  if (!summary || summary->redirection == nullptr || met.signal) return std::nullopt;
  const auto& redirection = *summary->redirection;
  if ((redirection.flags & Redirection::kNoRedirect) != 0) return std::nullopt;
  if (followed >= kMostRedirections) {
    return std::unexpected(Error{fmt::format(
        "{} redirections, one after the other, were followed before it", kMostRedirections)});
  }
  return follow(target, options, redirection, met.redirection_password);
}

}  // namespace rdpwhy::investigate
