#include "net/kerberos_client.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "net/gss_handles.h"
#include "net/kerberos_names.h"
#include "net/kerberos_protection.h"
#include "net/kerberos_tickets.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::net {
namespace {

constexpr std::size_t kMostWords = 300;

std::string short_and_printable(std::string_view text) {
  return base::printable(text.substr(0, kMostWords));
}

/// Of a failure, without the generic half that GSSAPI has for it.
std::string words_of(OM_uint32 minor) {
  OM_uint32 ignored = 0;
  OM_uint32 more = 0;
  GssOctets text;
  gss_display_status(&ignored, minor, GSS_C_MECH_CODE, gss_mech_krb5, &more, text.out());
  return short_and_printable(base::as_text(text.octets()));
}

}  // namespace

std::string Krb5::words(krb5_error_code code) const {
  const char* text = krb5_get_error_message(library_, code);
  auto result = short_and_printable(text == nullptr ? "" : text);
  krb5_free_error_message(library_, text);
  return result;
}

std::string text_of(const Krb5& krb5, krb5_const_principal principal) {
  Krb5Text text(krb5);
  if (krb5_unparse_name_flags(krb5.get(), principal, KRB5_PRINCIPAL_UNPARSE_DISPLAY, text.out()) !=
      0) {
    return {};
  }
  return short_and_printable(text.get());
}

class KerberosClient::Impl {
 public:
  explicit Impl(KerberosErrand errand) : errand_(std::move(errand)) {}

  dialogue::KerberosAnswer step(ByteSpan server_token, KerberosPatron& patron, Deadline deadline) {
    if (established_) return {.failed = true, .words = "the context is established already"};
    dialogue::KerberosAnswer answer;
    if (!tickets_) {
      if (const auto code = krb5_.open(); code != 0) {
        record::KdcTalk talk{.outcome = record::KdcTalk::Outcome::kUnavailable,
                             .principal = errand_.user,
                             .words = krb5_.words(code) + remark_on_configuration()};
        patron.talk_ended(std::move(talk));
        return {.failed = true};
      }
      tickets_ = get_tickets(krb5_, errand_, patron, deadline);
      if (!tickets_) return {.failed = true};
      answer.accepted = std::move(tickets_->accepted);
    }
    go_on(server_token, answer);
    return answer;
  }

 private:
  void go_on(ByteSpan server_token, dialogue::KerberosAnswer& answer) {
    OM_uint32 minor = 0;
    if (service_.get() == GSS_C_NO_NAME && !name_ends(minor)) return fail(answer, minor);
    auto input = gss_view(server_token);
    GssOctets output;
    OM_uint32 got = 0;
    // No channel bindings: the public key that CredSSP confirms inside this context ties it to the
    // TLS connection (MS-CSSP 3.1.5), and neither that nor MS-KILE asks for them besides.
    constexpr OM_uint32 kWanted = GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG |
                                  GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG;
    const auto major = gss_init_sec_context(
        &minor, credential_.get(), context_.out(), service_.get(), gss_mech_krb5, kWanted, 0,
        GSS_C_NO_CHANNEL_BINDINGS, &input, nullptr, output.out(), &got, nullptr);
    if (GSS_ERROR(major) != 0) return fail(answer, minor);
    answer.token.assign(output.octets().begin(), output.octets().end());
    if ((major & GSS_S_CONTINUE_NEEDED) != 0) return;
    constexpr OM_uint32 kNeeded = GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
    if ((got & kNeeded) != kNeeded) {
      answer = {.failed = true, .words = "the context does not seal"};
      return;
    }
    established_ = true;
    answer.established = protect_with(std::move(context_));
  }

  /// Whose tickets, and for which service.
  bool name_ends(OM_uint32& minor) {
    if (gss_krb5_import_cred(&minor, tickets_->cache.get(), nullptr, nullptr, credential_.out()) !=
        GSS_S_COMPLETE) {
      return false;
    }
    auto name = gss_view(base::as_bytes(tickets_->service));
    return gss_import_name(&minor, &name, GSS_KRB5_NT_PRINCIPAL_NAME, service_.out()) ==
           GSS_S_COMPLETE;
  }

  static void fail(dialogue::KerberosAnswer& answer, OM_uint32 minor) {
    answer = {.failed = true, .words = words_of(minor)};
  }

  KerberosErrand errand_;
  Krb5 krb5_;
  std::optional<Tickets> tickets_;
  GssCredential credential_;
  GssName service_;
  GssContext context_;
  bool established_ = false;
};

KerberosClient::KerberosClient(KerberosErrand errand)
    : impl_(std::make_unique<Impl>(std::move(errand))) {}
KerberosClient::~KerberosClient() = default;

dialogue::KerberosAnswer KerberosClient::step(ByteSpan server_token, KerberosPatron& patron,
                                              Deadline deadline) {
  return impl_->step(server_token, patron, deadline);
}

}  // namespace rdpwhy::net
