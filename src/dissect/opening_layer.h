#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dissect/evidence_log.h"

namespace rdpwhy::dissect {

/// What can stand before RDP in the same TCP stream: SOCKS4, 4a (de facto) and 5 (RFC 1928, RFC
/// 1929), HTTP CONNECT (RFC 9110 9.3.6), a PROXY protocol header version 1 or 2. Credentials in
/// them are passed over and never kept.
class OpeningLayer {
 public:
  struct Cut {
    enum class Kind { kNotMine, kNeedMore, kUnit };
    Kind kind = Kind::kNotMine;
    std::size_t size = 0;
  };
  /// Whether an opening, or an answer to one, begins here and how long it is.
  /// `searched` octets of the view did not tell the last time: an end is looked for behind them,
  /// else a head that comes octet by octet costs the square of its size.
  [[nodiscard]] Cut cut(Side side, ByteSpan view, std::size_t searched) const;
  /// Takes a unit that `cut` found.
  void read(const Unit& unit, EvidenceLog& log);

 private:
  enum class Answer { kMethod, kAuthentication, kSocks5, kSocks4, kHttp };

  [[nodiscard]] Cut cut_client(ByteSpan view, std::size_t searched) const;
  [[nodiscard]] Cut cut_answer(ByteSpan view, std::size_t searched) const;
  void read_client(const Unit& unit, EvidenceLog& log);
  void read_answer(const Unit& unit, EvidenceLog& log);
  void read_http_answer(const Unit& unit, EvidenceLog& log);

  bool socks5_greeted_ = false;
  std::vector<Answer> due_;      ///< answers of the server, in order
  std::uint64_t body_left_ = 0;  ///< of an HTTP refusal
};

}  // namespace rdpwhy::dissect
