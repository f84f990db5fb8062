#include "net/kerberos_protection.h"

#include <gssapi/gssapi_ext.h>

#include <array>

namespace rdpwhy::net {
namespace {

class KerberosProtection final : public auth::MessageProtection {
 public:
  explicit KerberosProtection(GssContext established) : established_(std::move(established)) {}

  [[nodiscard]] Bytes seal(ByteSpan plaintext) override {
    // Of a message without a place for its trailer MIT puts the trailer in front and says so by RRC
    // (28 with the usual ciphers), which is the layout that Windows sends and FreeRDP insists on. A
    // plain gss_wrap leaves it behind, with an RRC of 0.
    Bytes text(plaintext.begin(), plaintext.end());
    std::array<gss_iov_buffer_desc, 3> parts{};
    parts[0].type = GSS_IOV_BUFFER_TYPE_HEADER | GSS_IOV_BUFFER_FLAG_ALLOCATE;
    parts[1].type = GSS_IOV_BUFFER_TYPE_DATA;
    parts[1].buffer = {.length = text.size(), .value = text.data()};
    parts[2].type = GSS_IOV_BUFFER_TYPE_PADDING | GSS_IOV_BUFFER_FLAG_ALLOCATE;
    OM_uint32 minor = 0;
    int sealed = 0;
    const auto major = gss_wrap_iov(&minor, established_.get(), 1, GSS_C_QOP_DEFAULT, &sealed,
                                    parts.data(), static_cast<int>(parts.size()));
    Bytes message;
    if (major == GSS_S_COMPLETE && sealed != 0) {
      for (const auto& part : parts) {
        const auto* octets = static_cast<const std::uint8_t*>(part.buffer.value);
        message.insert(message.end(), octets, octets + part.buffer.length);
      }
    } else {
      base::wipe(text);
    }
    gss_release_iov_buffer(&minor, parts.data(), static_cast<int>(parts.size()));
    return message;
  }

  [[nodiscard]] std::optional<Secret> unseal(ByteSpan sealed) override {
    auto message = gss_view(sealed);
    GssOctets text;
    OM_uint32 minor = 0;
    int was_sealed = 0;
    gss_qop_t quality = GSS_C_QOP_DEFAULT;
    // Anything but COMPLETE, a message out of order too, is of no use.
    const auto major =
        gss_unwrap(&minor, established_.get(), &message, text.out(), &was_sealed, &quality);
    std::optional<Secret> opened;
    if (major == GSS_S_COMPLETE && was_sealed != 0) {
      opened.emplace(Bytes(text.octets().begin(), text.octets().end()));
    }
    base::wipe(text.octets());
    return opened;
  }

  [[nodiscard]] Bytes mech_list_mic(ByteSpan mech_types) override {
    auto message = gss_view(mech_types);
    GssOctets mic;
    OM_uint32 minor = 0;
    const auto major =
        gss_get_mic(&minor, established_.get(), GSS_C_QOP_DEFAULT, &message, mic.out());
    if (major != GSS_S_COMPLETE) return {};
    return {mic.octets().begin(), mic.octets().end()};
  }

  [[nodiscard]] bool verify_mech_list_mic(ByteSpan mech_types, ByteSpan mic) override {
    auto message = gss_view(mech_types);
    auto token = gss_view(mic);
    OM_uint32 minor = 0;
    gss_qop_t quality = GSS_C_QOP_DEFAULT;
    return gss_verify_mic(&minor, established_.get(), &message, &token, &quality) == GSS_S_COMPLETE;
  }

 private:
  GssContext established_;
};

}  // namespace

std::shared_ptr<auth::MessageProtection> protect_with(GssContext established) {
  return std::make_shared<KerberosProtection>(std::move(established));
}

}  // namespace rdpwhy::net
