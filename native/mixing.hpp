// Context mixing: what a frame has shown so far refines the network's prediction. Integers only; docs/mixing.md is the specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "mixing_lane.hpp"
#include "mixing_learned.hpp"
#include "pool.hpp"

namespace shazip::mixing {

// The mixing of one frame; `mix` and `update` alternate. Bits do not depend on the number of threads.
class Mixer {
 public:
  // Tables take 2**table_bits bytes (16..30), the history 2**history_bits (10..30).
  Mixer(int lanes, int table_bits, int history_bits, const Start& start, int threads);

  int lanes() const { return static_cast<int>(lanes_.size()); }
  // Turns the network's frequencies (live, 256) into mixed ones; each row sums to 2**24, each frequency is at least 1.
  void mix(const uint32_t* freqs, int live, uint32_t* mixed);
  // Takes the symbols (live,) that came.
  void update(const uint8_t* column, int live);
  // What was learned so far, in the form of start values.
  Start learned() const { return learned_.learned(); }

  static size_t size(int lanes, int table_bits, int history_bits);

 private:
  struct View;
  // The mixed nodes on the way to the symbol that came.
  struct Path {
    int count = 0;
    uint8_t symbol = 0;
    Node nodes[8];
  };

  void mix_lane(int lane, uint32_t* mixed) const;
  void split(const View& view, int node, uint32_t* masses, uint32_t* mixed, Node& scratch) const;
  void predict(const View& view, int node, Node& out) const;
  void set_match_inputs(const View& view, int node, int depth, Node& out) const;
  int set_history_inputs(const View& view, int node, int depth, Node& out) const;
  void prefetch(const Lane& lane, int nibble) const;
  void look_up(View& view, int nibble) const;
  void retrace(int lane, uint8_t symbol);
  void learn(const uint8_t* column, int live);
  void remember(int context, const uint8_t* column, int live);
  void remember_order_zero(const uint8_t* column, int live);
  void judge_matches(const uint8_t* column, int live);
  void advance_lanes(const uint8_t* column, int live);
  template <typename Job>
  void in_parallel(int count, int live, Job job) const;

  Learned learned_;
  Zeroed<uint8_t> memory_;
  Slots slots_[kContexts];
  uint8_t order_zero_[256] = {};
  History history_;
  std::vector<MatchModel> match_models_;
  std::vector<Lane> lanes_;
  uint64_t seen_ = 0;  // symbols so far, in all lanes
  std::vector<uint32_t> freqs_;  // of the network, (lanes, 256), for `update`
  std::vector<Path> paths_;
  mutable std::unique_ptr<Pool> pool_;
};

}  // namespace shazip::mixing
