#pragma once

#include <CLI/CLI.hpp>

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/error.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/rdp/x224.h"

// What a person types, and what it means.
namespace rdpwhy::cli {

using Arguments = std::vector<std::string>;

/// Runs CLI11 over a verb's arguments. Nothing: go on. A number: leave with that exit code; help
/// and errors are printed already, CLI11's own exit codes never come out.
[[nodiscard]] std::optional<int> parse(CLI::App& app, const Arguments& arguments);

/// A usage error of our own, worded like CLI11's; gives exit code 2.
[[nodiscard]] int usage_error(const CLI::App& app, std::string_view text);

/// --saw, the same for every verb that judges.
void declare_saw(CLI::App& app, std::string& typed);

/// "0x904", "0x904,0x7", decimal as well; "" when nothing was seen.
[[nodiscard]] std::expected<std::optional<diagnose::Saw>, Error> parse_saw(std::string_view text);

/// "0x904" for "904": digits without "0x" that are a code of this family in hex and none in
/// decimal.
[[nodiscard]] std::optional<std::string> meant_as_hex(std::string_view typed, codes::Family family);

/// "rdp,tls,nla,ext,rdstls" to RDP_NEG_REQ bits; "none": no RDP_NEG_REQ.
[[nodiscard]] std::expected<std::optional<rdp::NegotiationRequest>, Error> parse_security(
    std::string_view text);

/// "1.2", "TLSv1.2", "tls1.2".
[[nodiscard]] std::expected<std::uint16_t, Error> parse_tls_version(std::string_view text);

/// IANA or OpenSSL names or hex numbers, separated by commas or colons.
[[nodiscard]] std::expected<std::vector<std::uint16_t>, Error> parse_ciphers(std::string_view text);

/// The same of signature algorithms: "ed25519,rsa_pss_rsae_sha256,0x0401".
[[nodiscard]] std::expected<std::vector<std::uint16_t>, Error> parse_signature_algorithms(
    std::string_view text);

/// "40,128": bits of encryptionMethods (MS-RDPBCGR 2.2.1.3.3); "none" stands alone and has none.
[[nodiscard]] std::expected<std::uint32_t, Error> parse_encryption_methods(std::string_view text);

/// "0x904", "2308", "-1073741715": a whole number of at most 32 bits.
[[nodiscard]] std::optional<std::uint32_t> parse_number(std::string_view text);

}  // namespace rdpwhy::cli
