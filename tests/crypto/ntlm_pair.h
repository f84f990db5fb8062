#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "rdpwhy/base/utf16.h"
#include "rdpwhy/crypto/ntlm.h"

namespace rdpwhy::crypto {

inline auth::AvPair av_pair_of(auth::AvId id, Bytes value) {
  return {.id = static_cast<std::uint16_t>(id), .value = std::move(value)};
}

/// What a Windows server says about itself, with or without its clock.
inline auth::AvPairs target_info_for_tests(bool with_timestamp = true) {
  auth::AvPairs pairs;
  using auth::AvId;
  pairs.pairs = {av_pair_of(AvId::kNbDomainName, base::utf8_to_utf16le("LAB")),
                 av_pair_of(AvId::kNbComputerName, base::utf8_to_utf16le("HOST")),
                 av_pair_of(AvId::kDnsDomainName, base::utf8_to_utf16le("lab.example")),
                 av_pair_of(AvId::kDnsComputerName, base::utf8_to_utf16le("host.lab.example"))};
  if (with_timestamp) {
    pairs.pairs.push_back(av_pair_of(AvId::kTimestamp, {0, 0x40, 0xCF, 0x12, 0x8C, 0xA1, 0xDC, 1}));
  }
  return pairs;
}

inline NtlmAcceptor::Settings acceptor_for_tests() {
  NtlmAcceptor::Settings settings;
  settings.target_info = target_info_for_tests();
  settings.server_challenge = {1, 2, 3, 4, 5, 6, 7, 8};
  return settings;
}

inline NtlmClientPlan client_for_tests() {
  NtlmClientPlan plan;
  plan.user = "lab";
  plan.domain = "LAB";
  plan.workstation = "PROBE";
  plan.service = "TERMSRV/host.lab.example";
  plan.client_challenge.fill(0xC1);
  plan.session_key = std::make_shared<Secret>(Bytes(16, 0x5E));
  plan.now = base::from_seconds(1'790'000'000);
  return plan;
}

/// Both ends of one authentication.
struct NtlmPair {
  Bytes negotiate = encode(mstsc_ntlm_negotiate());
  NtlmAcceptor acceptor;
  Bytes challenge;
  std::expected<NtlmAnswer, NtlmRefusal> answer;

  explicit NtlmPair(NtlmAcceptor::Settings settings = acceptor_for_tests(),
                    const NtlmClientPlan& plan = client_for_tests(),
                    std::string_view password = "right")
      : acceptor(std::move(settings)),
        challenge(acceptor.challenge(negotiate).value()),
        answer(answer_ntlm_challenge(negotiate, challenge,
                                     auth::decode_ntlm_challenge(challenge).value(), plan,
                                     Secret(password))) {}

  [[nodiscard]] auth::NtlmAuthenticate authenticate() const {
    return auth::decode_ntlm_authenticate(answer->authenticate).value();
  }
  [[nodiscard]] auto accepted(std::string_view password = "right") const {
    return acceptor.accept(answer->authenticate, Secret(password));
  }
};

}  // namespace rdpwhy::crypto
