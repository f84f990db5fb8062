#include "crypto/ntlm_protection.h"

#include <algorithm>

#include "crypto/ntlm_keys.h"
#include "crypto/ntlm_primitives.h"
#include "rdpwhy/auth/ntlm.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::crypto {
namespace {

constexpr std::size_t kSignatureSize = 16;
constexpr std::size_t kChecksumSize = 8;

/// The keys of one direction.
struct Direction {
  Direction(std::uint32_t flags, const Secret& exported_session_key, Side sender)
      : signing_key(ntlm_signing_key(exported_session_key, sender)),
        sealing_key(ntlm_sealing_key(flags, exported_session_key, sender)),
        stream(sealing_key) {}

  Secret signing_key;
  Secret sealing_key;
  Rc4 stream;
  std::uint32_t sequence_number = 0;
};

class NtlmProtection final : public auth::MessageProtection {
 public:
  NtlmProtection(std::uint32_t flags, const Secret& exported_session_key, Side ours)
      : checksum_is_encrypted_((flags & auth::ntlm_flag::kKeyExchange) != 0),
        ours_(flags, exported_session_key, ours),
        theirs_(flags, exported_session_key, record::other(ours)) {}

  /// MS-NLMP 3.4.6 GSS_WrapEx, with what CredSSP makes of it: signature, then ciphertext.
  [[nodiscard]] Bytes seal(ByteSpan plaintext) override {
    const Bytes sealed = ours_.stream.transform(plaintext);  // before the checksum: one key stream
    Bytes out = signature(ours_, ours_.stream, ours_.sequence_number++, plaintext);
    out.insert(out.end(), sealed.begin(), sealed.end());
    return out;
  }

  /// MS-NLMP 3.4.7 GSS_UnwrapEx
  [[nodiscard]] std::optional<Secret> unseal(ByteSpan sealed) override {
    if (sealed.size() < kSignatureSize || sealed.size() > INT32_MAX) return {};
    Secret plaintext(theirs_.stream.transform(sealed.subspan(kSignatureSize)));
    const Bytes wanted =
        signature(theirs_, theirs_.stream, theirs_.sequence_number++, plaintext.reveal());
    if (!base::equal(wanted, sealed.first(kSignatureSize))) return {};
    return plaintext;
  }

  [[nodiscard]] Bytes mech_list_mic(ByteSpan mech_types) override {
    return signature_beside(ours_, mech_types);
  }
  [[nodiscard]] bool verify_mech_list_mic(ByteSpan mech_types, ByteSpan mic) override {
    return base::equal(signature_beside(theirs_, mech_types), mic);
  }

 private:
  /// MS-NLMP 3.4.4.2: NTLMSSP_MESSAGE_SIGNATURE with extended session security.
  [[nodiscard]] Bytes signature(const Direction& direction, Rc4& stream,
                                std::uint32_t sequence_number, ByteSpan message) const {
    Writer sequence;
    sequence.u32le(sequence_number);
    const auto whole = hmac_md5(direction.signing_key, {sequence.view(), message});
    Bytes checksum = base::to_bytes(whole.reveal().first(kChecksumSize));
    if (checksum_is_encrypted_) checksum = stream.transform(checksum);
    return Writer().u32le(1).bytes(checksum).bytes(sequence.view()).take();
  }

  /// A signature with number 0 and a key stream of its own: MS-SPNG 3.3.5.1 sets both back after
  /// the mechListMIC.
  [[nodiscard]] Bytes signature_beside(const Direction& direction, ByteSpan message) const {
    Rc4 stream(direction.sealing_key);
    return signature(direction, stream, 0, message);
  }

  bool checksum_is_encrypted_;
  Direction ours_;
  Direction theirs_;
};

}  // namespace

std::shared_ptr<auth::MessageProtection> make_ntlm_protection(std::uint32_t flags,
                                                              const Secret& exported_session_key,
                                                              Side ours) {
  return std::make_shared<NtlmProtection>(flags, exported_session_key, ours);
}

}  // namespace rdpwhy::crypto
