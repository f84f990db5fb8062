#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/record/session_summary.h"
#include "report/bounds.h"
#include "report/session.h"

namespace rdpwhy::report {
namespace {

constexpr std::size_t kMostShown = 12;
constexpr std::size_t kMostOfName = 80;  ///< octets of what a server calls its product

/// "ERRINFO_LOGOFF_BY_USER (0x0000000c)"
std::string code_words(codes::Family family, std::uint32_t value, int digits = 8) {
  const auto name = codes::name(family, value);
  const auto number = base::to_hex_number(value, digits);
  return name ? fmt::format("{} ({})", *name, number) : number;
}

std::string error_words(const rdp::LicensingError& error) {
  return fmt::format("{}, {}", code_words(codes::Family::kLicensing, error.error_code, 1),
                     codes::name(codes::Family::kLicensingTransition, error.state_transition)
                         .value_or("an unknown transition"));
}

std::string channel_names(const rdp::ClientNetworkData& network) {
  if (network.channels.empty()) return "none";
  std::string words;
  for (std::size_t i = 0; i < network.channels.size(); ++i) {
    if (i == kMostShown) return words + fmt::format(", and {} more", network.channels.size() - i);
    words += (words.empty() ? "" : ", ") + network.channels[i].name;
  }
  return words;
}

void add_client(const record::McsConnectInitial& initial, std::vector<CredsspLine>& lines) {
  if (const auto* core = initial.blocks.find<rdp::ClientCoreData>()) {
    lines.push_back(
        {"client", fmt::format("{}, build {}, {} x {}", core->client_name, core->client_build,
                               core->desktop_width, core->desktop_height)});
  }
  if (const auto* network = initial.blocks.find<rdp::ClientNetworkData>())
    lines.push_back({"channels", channel_names(*network)});
}

std::string key_words(const record::ServerKeyJudgement& key) {
  using Judgement = record::ServerKeyJudgement;
  std::string words = key.form == Judgement::Form::kProprietary ? "proprietary certificate"
                      : key.form == Judgement::Form::kX509      ? "X.509 certificates"
                                                           : "a certificate that cannot be read";
  if (key.key_bits > 0) words += fmt::format(", RSA of {} bits", key.key_bits);
  if (key.signature == Judgement::Signature::kValid) words += ", its signature is right";
  if (key.signature == Judgement::Signature::kInvalid) words += ", its signature is wrong";
  if (key.is_published) words += "; its private key is published: no protection at all";
  return words;
}

void add_server(const record::McsConnectResponse& response, std::vector<CredsspLine>& lines) {
  if (!response.accepts()) {
    lines.push_back(
        {"MCS", fmt::format("refused: {}",
                            rdp::mcs_result_name(response.result).value_or("an unknown result"))});
  }
  if (const auto* core = response.blocks.find<rdp::ServerCoreData>()) {
    lines.push_back(
        {"server",
         fmt::format("{} ({})",
                     rdp::rdp_version_name(core->version).value_or("an unknown version of RDP"),
                     base::to_hex_number(core->version, 8))});
  }
  if (const auto* security = response.blocks.find<rdp::ServerSecurityData>()) {
    const auto method = rdp::encryption_method_name(security->encryption_method);
    const auto level = rdp::encryption_level_name(security->encryption_level);
    lines.push_back(
        {"encryption",
         fmt::format(
             "{}, {}",
             method ? std::string(*method) : base::to_hex_number(security->encryption_method, 8),
             level ? std::string(*level) : base::to_hex_number(security->encryption_level, 8))});
  }
  if (response.server_key) lines.push_back({"server key", key_words(*response.server_key)});
}

/// "9 sets, desktop 1024 x 768 with 32 bits"
std::string demand_words(const rdp::DemandActive& demand) {
  auto words = fmt::format("{} sets", demand.capability_sets.size());
  const auto* bitmap = rdp::find(demand.capability_sets, rdp::CapabilityType::kBitmap);
  if (bitmap == nullptr) return words;
  const auto width = bitmap->number("desktopWidth");
  const auto height = bitmap->number("desktopHeight");
  if (width && height) words += fmt::format(", desktop {} x {}", *width, *height);
  if (const auto bits = bitmap->number("preferredBitsPerPixel"))
    words += fmt::format(" with {} bits", *bits);
  return words;
}

std::string redirection_words(const rdp::ServerRedirection& redirection) {
  if ((redirection.flags & rdp::ServerRedirection::kNoRedirect) != 0)
    return "nowhere: LB_NOREDIRECT, it only tells about the session";
  const auto target = rdp::redirection_target(redirection);
  auto words =
      target.empty() ? std::string("back to the same host") : "to " + base::printable(target);
  if (redirection.load_balance_info) words += ", with a routing token";
  return words;
}

}  // namespace

std::vector<CredsspLine> session_lines(const HandshakeRecord& record) {
  std::vector<CredsspLine> lines;
  const auto summary = record::session_summary(record);
  if (!summary) return lines;
  if (summary->client != nullptr) add_client(*summary->client, lines);
  if (summary->server != nullptr) add_server(*summary->server, lines);
  if (const auto* request = summary->license_request) {
    lines.push_back(
        {"licensing", fmt::format("the server asks for a licence: {} of {}",
                                  shortened(request->product.product_id, kMostOfName),
                                  shortened(request->product.company_name, kMostOfName))});
  }
  if (summary->license_issued) lines.push_back({"licensing", "the server issued a licence"});
  if (summary->licensing_error != nullptr)
    lines.push_back({"licensing", error_words(*summary->licensing_error)});
  if (summary->demand_active != nullptr)
    lines.push_back({"capabilities", demand_words(*summary->demand_active)});
  if (summary->redirection != nullptr)
    lines.push_back({"redirected", redirection_words(*summary->redirection)});
  if (const auto* other = summary->other_error_info_at) {
    lines.push_back(
        {"error info",
         code_words(codes::Family::kErrorInfo, *record::error_info_in(*other)) + ", first"});
  }
  if (summary->error_info) {
    const auto* code = codes::find(codes::Family::kErrorInfo, *summary->error_info);
    auto words = code_words(codes::Family::kErrorInfo, *summary->error_info);
    if (code != nullptr) words += fmt::format(": {}", code->meaning);
    lines.push_back({"error info", std::move(words)});
  }
  return lines;
}

std::optional<std::string> session_refusal_in_words(const Evidence& evidence,
                                                    const HandshakeRecord& record) {
  const std::string_view by = record::name_of(evidence.where.side);
  if (const auto error = record::error_info_in(evidence)) {
    auto words =
        fmt::format("the {} said why: {}", by, code_words(codes::Family::kErrorInfo, *error));
    const auto last = record::session_summary(record)->error_info;
    if (last && last != error)
      words += fmt::format(", and at last {}", code_words(codes::Family::kErrorInfo, *last));
    return words;
  }
  if (const auto* redirection = record::redirection_in(evidence))
    return fmt::format("the {} sends the client {}", by, redirection_words(*redirection));
  if (const auto* response = record::get_if<record::McsConnectResponse>(&evidence.fact)) {
    if (response->accepts()) return {};
    const auto name = rdp::mcs_result_name(response->result);
    return fmt::format("the {} refused MCS: {}", by,
                       name ? std::string(*name) : std::to_string(response->result));
  }
  if (const auto* licensing = record::get_if<rdp::LicensingPdu>(&evidence.fact)) {
    const auto* error = licensing->error();
    if (error == nullptr) return {};
    return fmt::format("the {} said no: {}", by, error_words(*error));
  }
  const auto refused = [&](std::uint8_t result, std::string_view what) {
    return fmt::format("the {} refused {}: {}", by, what,
                       rdp::mcs_result_name(result).value_or("an unknown result"));
  };
  if (const auto* attached = record::get_if<rdp::AttachUserConfirm>(&evidence.fact))
    return refused(attached->result, "to attach the user");
  if (const auto* joined = record::get_if<rdp::ChannelJoinConfirm>(&evidence.fact))
    return refused(joined->result, fmt::format("channel {}", joined->requested));
  return {};
}

}  // namespace rdpwhy::report
