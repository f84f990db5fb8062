#include <fmt/format.h>

#include "rdpwhy/asn1/der.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/utf16.h"

// Nothing here shows a password or a PIN in the fields of an annotated dump: only octets whose
// owner typed them.
namespace rdpwhy::auth {
namespace {

using asn1::context;

constexpr std::uint32_t kPassword = 1;
constexpr std::uint32_t kSmartCard = 2;
constexpr std::uint32_t kRemoteGuard = 6;

ByteSpan read_octets(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  return asn1::read_octet_string(element, field);
}

Secret read_secret(Reader& sequence, unsigned number, std::string_view field) {
  return Secret(base::to_bytes(read_octets(sequence, number, field)));
}

std::string read_text(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  const auto octets = asn1::read_octet_string(element, field);
  auto text = base::utf16le_to_utf8(octets);
  if (element.wants_fields()) element.value('"' + base::printable(text) + '"');
  element.expect(octets.size() % 2 == 0, "has an odd number of octets for UTF-16", field);
  return text;
}

std::uint32_t read_number(Reader& sequence, unsigned number, std::string_view field) {
  Reader element = asn1::open(sequence, context(number), field);
  return asn1::read_bits32(element, field);
}

TsPasswordCreds read_password_creds(Reader& r) {
  TsPasswordCreds creds;
  Reader sequence = asn1::open(r, asn1::kSequence, "TSPasswordCreds");
  asn1::read_tagged(sequence, "TSPasswordCreds", [&](unsigned number) {
    switch (number) {
      case 0:
        creds.domain_name = read_text(sequence, 0, "domainName");
        return true;
      case 1:
        creds.user_name = read_text(sequence, 1, "userName");
        return true;
      case 2:
        creds.password = read_secret(sequence, 2, "password");
        return true;
      default:
        return false;
    }
  });
  return creds;
}

void read_csp_detail(Reader& element, TsSmartCardCreds& creds) {
  Reader sequence = asn1::open(element, asn1::kSequence, "TSCspDataDetail");
  asn1::read_tagged(sequence, "TSCspDataDetail", [&](unsigned number) {
    switch (number) {
      case 0:
        creds.key_spec = read_number(sequence, 0, "keySpec");
        return true;
      case 1:
        creds.card_name = read_text(sequence, 1, "cardName");
        return true;
      case 2:
        creds.reader_name = read_text(sequence, 2, "readerName");
        return true;
      case 3:
        creds.container_name = read_text(sequence, 3, "containerName");
        return true;
      case 4:
        creds.csp_name = read_text(sequence, 4, "cspName");
        return true;
      default:
        return false;
    }
  });
}

TsSmartCardCreds read_smart_card_creds(Reader& r) {
  TsSmartCardCreds creds;
  Reader sequence = asn1::open(r, asn1::kSequence, "TSSmartCardCreds");
  asn1::read_tagged(sequence, "TSSmartCardCreds", [&](unsigned number) {
    switch (number) {
      case 0:
        creds.pin = read_secret(sequence, 0, "pin");
        return true;
      case 1: {
        Reader element = asn1::open(sequence, context(1), "cspData");
        read_csp_detail(element, creds);
        return true;
      }
      case 2:
        creds.user_hint = read_text(sequence, 2, "userHint");
        return true;
      case 3:
        creds.domain_hint = read_text(sequence, 3, "domainHint");
        return true;
      default:
        return false;
    }
  });
  return creds;
}

/// The name of the package; what is in credBuffer stays there.
std::string read_package(Reader& r) {
  std::string name;
  Reader sequence = asn1::open(r, asn1::kSequence, "TSRemoteGuardPackageCred");
  asn1::read_tagged(sequence, "TSRemoteGuardPackageCred", [&](unsigned number) {
    switch (number) {
      case 0:
        name = read_text(sequence, 0, "packageName");
        return true;
      case 1:
        read_octets(sequence, 1, "credBuffer");
        return true;
      default:
        return false;
    }
  });
  return name;
}

TsRemoteGuardCreds read_remote_guard_creds(Reader& r) {
  TsRemoteGuardCreds creds;
  Reader sequence = asn1::open(r, asn1::kSequence, "TSRemoteGuardCreds");
  asn1::read_tagged(sequence, "TSRemoteGuardCreds", [&](unsigned number) {
    if (number == 0) {
      Reader element = asn1::open(sequence, context(0), "logonCred");
      creds.logon_package = read_package(element);
      return true;
    }
    if (number != 1) return false;
    Reader element = asn1::open(sequence, context(1), "supplementalCreds");
    Reader list = asn1::open(element, asn1::kSequence, "supplementalCreds");
    while (list.more()) creds.supplemental_packages.push_back(read_package(list));
    return true;
  });
  return creds;
}

/// The credentials are DER inside an OCTET STRING.
void read_credentials(Reader& octets, TsCredentials& credentials) {
  switch (credentials.cred_type) {
    case kPassword:
      credentials.credentials = read_password_creds(octets);
      return;
    case kSmartCard:
      credentials.credentials = read_smart_card_creds(octets);
      return;
    case kRemoteGuard:
      credentials.credentials = read_remote_guard_creds(octets);
      return;
    default:
      octets.expect(false, fmt::format("is {}, which is not known", credentials.cred_type),
                    "credType");
      octets.skip_rest("credentials");
  }
}

void write_octets(asn1::DerWriter& w, unsigned number, ByteSpan octets) {
  const auto element = w.open(context(number));
  w.octet_string(octets);
}

}  // namespace

std::expected<TsCredentials, DecodeError> decode_ts_credentials(ByteSpan message, Notes* notes) {
  Reader r(message, notes);
  TsCredentials credentials;
  {
    Reader sequence = asn1::open(r, asn1::kSequence, "TSCredentials");
    credentials.cred_type = read_number(sequence, 0, "credType");
    Reader element = asn1::open(sequence, context(1), "credentials");
    Reader octets = asn1::open(element, asn1::kOctetString, "credentials");
    read_credentials(octets, credentials);
  }
  return r.finish(std::move(credentials));
}

Secret encode(const TsPasswordCreds& credentials) {
  const auto domain_name = base::utf8_to_utf16le(credentials.domain_name);
  const auto user_name = base::utf8_to_utf16le(credentials.user_name);
  const auto password = credentials.password.reveal();
  constexpr std::size_t kMostHeaders = 128;  // a dozen of them
  asn1::DerWriter w(domain_name.size() + user_name.size() + password.size() + kMostHeaders);
  {
    const auto sequence = w.open(asn1::kSequence);
    {
      const auto element = w.open(context(0));
      w.integer(kPassword);
    }
    const auto element = w.open(context(1));
    const auto octets = w.open(asn1::kOctetString);
    const auto creds = w.open(asn1::kSequence);
    write_octets(w, 0, domain_name);
    write_octets(w, 1, user_name);
    write_octets(w, 2, password);
  }
  return Secret(w.take());
}

}  // namespace rdpwhy::auth
