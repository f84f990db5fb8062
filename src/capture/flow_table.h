#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <vector>

#include "capture/stream_assembler.h"
#include "rdpwhy/capture/flows.h"

namespace rdpwhy::capture {

/// An Endpoint as three words: hashed and compared for every packet.
struct EndKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint64_t rest = 0;
  friend bool operator==(const EndKey&, const EndKey&) = default;
};

[[nodiscard]] EndKey key_of(const Endpoint& endpoint);

struct Flow;

/// A segment that is taken up later than it stands in the capture.
struct WaitingSegment {
  Segment segment;  ///< its payload lies in `payload`
  Bytes payload;
  End side = End::kClient;
  std::uint64_t since = 0;  ///< segments of the capture until then
};

/// Segments of one flow that wait for others which were captured behind them.
struct Waiting {
  std::deque<WaitingSegment> queue;
  std::size_t octets = 0;
  Moment not_before;
  std::list<Flow*>::iterator place;  ///< among all flows where something waits
};

struct Flow {
  EndKey keys[2];  ///< by End
  Endpoint ends[2];
  std::uint64_t number = 0;                ///< in the order in which flows began
  std::unique_ptr<FlowListener> listener;  ///< null: left alone, or over
  StreamAssembler streams[2];
  std::unique_ptr<Waiting> waiting;
  bool syn_seen = false;  ///< of the client
  bool connected = false;
  bool late = false;  ///< began in the middle
  bool refused = false;
  bool over = false;  ///< kept to know late packets of it
  bool fin_told[2] = {false, false};
  std::uint32_t syn[2] = {0, 0};  ///< initial sequence numbers, where seen
  bool has_syn[2] = {false, false};
  Moment over_at;
  std::uint32_t syn_size = 0;  ///< octets in the SYN
  Bytes syn_payload;           ///< waits until the connection stands
  Moment syn_again;            ///< of a SYN that came again after a refusal
  bool has_syn_again = false;

  std::size_t held = 0;  ///< octets that it counts among those of all flows
  bool evicted = false;  ///< over for us, while its ends may still talk

  std::uint64_t heard_of = 0;  ///< segments of the capture until then

  // The table's own.
  std::uint64_t hash = 0;
  Flow* chain = nullptr;
  Flow* newer = nullptr;
  Flow* older = nullptr;
};

/// All flows by their four-tuple, the live ones also by when they were last heard of, those that
/// are over by when they ended.
class FlowTable {
 public:
  FlowTable() : buckets_(1024, nullptr) {}
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  struct Found {
    Flow* flow = nullptr;
    End from = End::kClient;  ///< which end the first key is
  };
  [[nodiscard]] Found find(const EndKey& from, const EndKey& to) const;

  Flow& add(const Endpoint& client, const Endpoint& server, Moment at);
  void remove(Flow& flow);
  void touch(Flow& flow);                  ///< it was heard of just now
  void retire(Flow& flow);                 ///< from the live ones to those that are over
  void touch_over(Flow& flow, Moment at);  ///< it is over, and heard of all the same
  [[nodiscard]] std::size_t live() const { return live_; }
  [[nodiscard]] std::size_t over() const { return over_; }
  [[nodiscard]] Flow* longest_idle() const { return live_list_.oldest; }
  [[nodiscard]] Flow* first_over() const { return over_list_.oldest; }
  [[nodiscard]] std::vector<Flow*> live_in_order() const;
  /// The one to give up when too many share a bucket, which only happens on purpose.
  [[nodiscard]] Flow* crowded_out(const EndKey& from, const EndKey& to) const;

 private:
  struct List {
    Flow* newest = nullptr;
    Flow* oldest = nullptr;
  };
  static void unlink(List& list, Flow& flow);
  static void push(List& list, Flow& flow);
  [[nodiscard]] Flow*& bucket(std::uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  void grow();

  std::vector<Flow*> buckets_;
  List live_list_;
  List over_list_;
  std::size_t live_ = 0;
  std::size_t over_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace rdpwhy::capture
