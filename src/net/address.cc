#include "net/address.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace rdpwhy::net {

capture::Address address_of(const asio::ip::address& address) {
  capture::Address result;
  result.v6 = address.is_v6();
  if (result.v6) {
    std::ranges::copy(address.to_v6().to_bytes(), result.octets.begin());
  } else {
    std::ranges::copy(address.to_v4().to_bytes(), result.octets.begin());
  }
  return result;
}

capture::Endpoint endpoint_of(const asio::ip::tcp::endpoint& endpoint) {
  return {address_of(endpoint.address()), endpoint.port()};
}

std::optional<capture::Endpoint> endpoint_of(const sockaddr_storage& address) {
  capture::Endpoint result;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(result.address.octets.data(), &v4.sin_addr, 4);
    result.port = ntohs(v4.sin_port);
    return result;
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    result.address.v6 = true;
    std::memcpy(result.address.octets.data(), &v6.sin6_addr, 16);
    result.port = ntohs(v6.sin6_port);
    return result;
  }
  return {};
}

}  // namespace rdpwhy::net
