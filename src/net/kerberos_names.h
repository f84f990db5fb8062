#pragma once

#include <string>
#include <vector>

#include "net/kerberos_client.h"
#include "net/krb5_handles.h"

namespace rdpwhy::net {

/// Who a user may be, likeliest first; each as krb5_parse_name_flags reads it. Nothing: `why` says
/// why there is nobody to ask about him.
struct ClientNames {
  struct Name {
    std::string text;
    bool enterprise = false;  ///< an alias that the KDC of the realm resolves (RFC 6806 5)
    std::string realm;
  };
  std::vector<Name> names;
  std::string why;
};
[[nodiscard]] ClientNames client_names(const Krb5& krb5, const KerberosErrand& errand);

/// TERMSRV/host in the realm that the configuration maps the host to, else in the one that KDCs
/// refer us to. The host stands as typed, in lower case: like mstsc, and unlike MIT's default, we
/// ask no DNS for another name.
[[nodiscard]] krb5_error_code service_name(const Krb5& krb5, const std::string& host,
                                           Krb5Principal& service);

/// " (there is no /etc/krb5.conf)" when that is so: for messages that it explains.
[[nodiscard]] std::string remark_on_configuration();

}  // namespace rdpwhy::net
