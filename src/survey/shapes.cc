#include <algorithm>

#include "survey/inquiry.h"

namespace rdpwhy::survey {

HelloOffer Shapes::of(std::uint16_t version) const {
  constexpr std::size_t kFewCurves = 4;
  constexpr std::size_t kFewAlgorithms = 16;
  HelloOffer offer;
  offer.version = version;
  if (!settings_.server_name.empty()) offer.server_name = settings_.server_name;
  // Clients of SSL 3.0 have no extensions.
  offer.extensions = version > kSsl3 && !(calibration_.no_extensions && version < kTls13);
  offer.groups = version >= kTls13 ? groups_of_tls13() : curves();
  if (version >= kTls12) offer.signature_algorithms = signature_algorithms();
  if (calibration_.short_lists) {
    offer.groups.resize(std::min(offer.groups.size(), kFewCurves));
    offer.signature_algorithms.resize(std::min(offer.signature_algorithms.size(), kFewAlgorithms));
  }
  if (version >= kTls13 && calibration_.keys_first) offer.key_shares = ready_key_shares();
  return offer;
}

}  // namespace rdpwhy::survey
