#include "net/error_queue.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "net/address.h"

namespace rdpwhy::net {
namespace {

std::optional<capture::IcmpQuote> quote_in(const cmsghdr& header) {
  const bool v4 = header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_RECVERR;
  const bool v6 = header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_RECVERR;
  if (!v4 && !v6) return {};
  struct {
    sock_extended_err error;
    sockaddr_storage offender;
  } queued{};
  if (header.cmsg_len < CMSG_LEN(sizeof queued.error)) return {};
  const auto* octets = CMSG_DATA(&header);
  const auto size = std::min<std::size_t>(header.cmsg_len - CMSG_LEN(0), sizeof queued);
  std::memcpy(&queued.error, octets, sizeof queued.error);
  // The offender's address follows the error (SO_EE_OFFENDER).
  std::memcpy(&queued.offender, octets + sizeof queued.error, size - sizeof queued.error);
  const auto origin = queued.error.ee_origin;
  if (origin != SO_EE_ORIGIN_ICMP && origin != SO_EE_ORIGIN_ICMP6) return {};
  capture::IcmpQuote quote;
  quote.v6 = origin == SO_EE_ORIGIN_ICMP6;
  quote.type = queued.error.ee_type;
  quote.code = queued.error.ee_code;
  if (const auto offender = endpoint_of(queued.offender)) quote.offender = offender->address;
  return quote;
}

}  // namespace

void set_error_queue(int socket, bool v6) {
  const int value = 1;
  if (v6) {
    setsockopt(socket, IPPROTO_IPV6, IPV6_RECVERR, &value, sizeof value);
  } else {
    setsockopt(socket, IPPROTO_IP, IP_RECVERR, &value, sizeof value);
  }
}

std::optional<record::IcmpError> icmp_behind(int error, bool v6) {
  const auto told = [v6](std::optional<std::uint8_t> type, std::optional<std::uint8_t> code,
                         const char* meaning) {
    return record::IcmpError{
        .type = type, .code = code, .v6 = v6, .offender = {}, .meaning = meaning};
  };
  constexpr std::uint8_t kUnreachable4 = 3;
  constexpr std::uint8_t kUnreachable6 = 1;
  switch (error) {
    case ECONNREFUSED:
      return v6 ? told(kUnreachable6, 4, "port unreachable")
                : told(kUnreachable4, 3, "port unreachable");
    case ENOPROTOOPT:
      return told(kUnreachable4, 2, "protocol unreachable");
    case EACCES:  // ICMPv6 codes 1, 5 and 6: forbidden by whatever rule
      return told(kUnreachable6, {}, "prohibited");
    case ENETUNREACH:
      return told({}, {}, "network unreachable");
    case EHOSTUNREACH:
      return told({}, {}, "host unreachable");
    case EHOSTDOWN:
      return told(kUnreachable4, 7, "host unknown");
    case ENONET:
      return told(kUnreachable4, 8, "source host isolated");
    default:
      return {};
  }
}

std::vector<capture::IcmpQuote> read_error_queue(int socket, const capture::Endpoint& client,
                                                 const capture::Endpoint& server, Moment at) {
  std::vector<capture::IcmpQuote> quotes;
  constexpr std::size_t kMost = 16;
  while (quotes.size() < kMost) {
    alignas(cmsghdr) std::array<std::uint8_t, 512> control{};
    std::array<std::uint8_t, 256> quoted{};  // what we sent, quoted: not needed
    iovec vector{quoted.data(), quoted.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      auto quote = quote_in(*header);
      if (!quote) continue;
      quote->from = client;
      quote->to = server;
      quote->at = at;
      quotes.push_back(*quote);
    }
  }
  return quotes;
}

}  // namespace rdpwhy::net
