#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dissect/evidence_log.h"
#include "dissect/x224_layer.h"
#include "rdpwhy/base/wiped_bytes.h"

namespace rdpwhy::dissect {

/// What is said inside TLS: the plaintext of both sides' application data records, cut into the
/// messages of the phases behind TLS. What a message is, is told by what was selected (MS-RDPBCGR
/// 5.4.5) and by its first octets: TSRequest (MS-CSSP 2.2.1), Early User Authorization Result
/// (MS-RDPBCGR 2.2.10.2), RDSTLS PDU (2.2.17), TPKT.
class PlaintextLayer {
 public:
  /// Of one side. SPNEGO with Kerberos needs four or five, and MS-CSSP sets no limit.
  static constexpr unsigned kMostMessages = 32;
  /// MS-CSSP 2.2.1.1: one in practice. Each costs far more than its few octets.
  static constexpr std::size_t kMostTokens = 4;
  static constexpr unsigned kMostBeginnings = 16;  ///< of one side that become evidence

  /// `may_know`: false where nothing is known of what is inside (no X.224 before TLS).
  PlaintextLayer(EvidenceLog& log, X224Layer& x224, bool may_know)
      : log_(log), x224_(x224), may_know_(may_know) {}

  /// The plaintext of an application data record. False: nothing can be said of it, it is
  /// application data like that of a record that was not opened.
  [[nodiscard]] bool read(const Unit& record, ByteSpan plaintext, Phase phase_behind);
  /// The records of this side do not open any more.
  void lose(Side side);
  /// A record of this side stayed closed, and what was said in it is not known.
  void miss(Side side);

  /// Of a message that is not whole yet.
  [[nodiscard]] std::size_t octets_begun(Side side) const { return half(side).partial.size(); }
  /// Memory of messages that are not whole yet.
  [[nodiscard]] std::size_t octets_held() const {
    return client_.partial.capacity() + server_.partial.capacity();
  }
  /// Nothing that this side still says inside TLS becomes evidence.
  [[nodiscard]] bool is_exhausted(Side side) const { return half(side).exhausted; }

 private:
  enum class Kind : std::uint8_t {
    kUndecided,  ///< more octets are needed to tell
    kTsRequest,
    kAuthorization,
    kRdstls,
    kTpkt,
    kBadTpkt,
    kFastPath,   ///< MS-RDPBCGR 2.2.8.1.2, 2.2.9.1.2: drawing and input of an active session
    kMalformed,  ///< begins as what is due and cannot be it
    kTooLong,    ///< what is due, longer than is read here
    kStrange,    ///< nothing that may stand here
    kUnknown,    ///< nothing that we know, where we do not know what is due
  };
  struct Cut {
    Kind kind = Kind::kUndecided;
    std::uint64_t size = 0;  ///< octets of the message; more than are there: wait for them
    std::optional<DecodeError> error;  ///< kMalformed
  };
  struct Half {
    base::WipedBytes partial;  ///< of a message
    record::Where records;     ///< the ones that hold it
    bool lost = false;         ///< no message can be told from another any more
    bool exhausted = false;
    bool spoke_rdp = false;  ///< a TPKT in its turn
    unsigned messages = 0;   ///< of authentication
    std::size_t octets = 0;  ///< of those
    unsigned beginnings = 0;
  };

  static bool is_bad(Kind kind) {
    return kind == Kind::kBadTpkt || kind == Kind::kMalformed || kind == Kind::kTooLong ||
           kind == Kind::kStrange;
  }
  [[nodiscard]] Cut cut(Side side, ByteSpan view) const;
  [[nodiscard]] Cut cut_ts_request(ByteSpan view) const;
  [[nodiscard]] Cut cut_rdstls(ByteSpan view) const;
  [[nodiscard]] Cut cut_rdp(Side side, ByteSpan view) const;
  [[nodiscard]] Cut cut_unknown(Side side, ByteSpan view) const;
  [[nodiscard]] std::string_view due_from(Side side) const;
  [[nodiscard]] std::string stray_result(const Unit& unit) const;
  void read_unit(const Cut& cut, const Unit& unit);
  void read_ts_request(const Unit& unit);
  void read_authorization(const Unit& unit);
  void read_rdstls(const Unit& unit);
  void read_tpkt(const Unit& unit);
  void read_bad(const Cut& cut, const Unit& unit);
  void note_beginning(const Unit& record);
  void count_message(const Unit& unit, Notes& notes);
  void enter(Phase phase);
  void add(Phase phase, const Unit& unit, record::Fact fact, std::vector<Note> notes = {});

  [[nodiscard]] bool selects(rdp::Protocol protocol) const;
  [[nodiscard]] bool selects_credssp() const;
  [[nodiscard]] bool credssp_runs(Side side) const {
    return selects_credssp() && !delegated_ && !(side == Side::kServer && may_be_delegated_);
  }
  [[nodiscard]] bool authorization_is_due(Side side) const;
  Half& half(Side side) { return side == Side::kServer ? server_ : client_; }
  const Half& half(Side side) const { return side == Side::kServer ? server_ : client_; }

  EvidenceLog& log_;
  X224Layer& x224_;
  bool may_know_;
  bool delegated_ = false;  ///< the client's credentials were sent: CredSSP is complete
  bool confirmed_ = false;  ///< the server's pubKeyAuth was read: they may go
  /// They may have gone in what stayed closed: what the server says next need be no TSRequest.
  bool may_be_delegated_ = false;
  std::optional<std::uint32_t> authorized_;  ///< the Early User Authorization Result that was read
  bool rdstls_done_ = false;
  Half client_, server_;
};

}  // namespace rdpwhy::dissect
