// Context mixing: what a frame has shown so far refines the network's prediction. Integers only;
// docs/mixing.md is the specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lane.hpp"
#include "learned.hpp"
#include "../pool.hpp"

namespace shazip::mixing {

// The mixing of one frame; `mix` and `update` alternate. Bits do not depend on the number of
// threads.
class Mixer {
 public:
  // Tables take 2**table_bits bytes (16..30), the history 2**history_bits (10..30).
  Mixer(int lanes, int table_bits, int history_bits, const Start& start,
        std::shared_ptr<Pool> pool);

  int lanes() const { return static_cast<int>(lanes_.size()); }
  // Turns the network's frequencies (live, 256) into mixed ones; each row sums to 2**24, each
  // frequency is at least 1.
  void mix(const uint32_t* freqs, int live, uint32_t* mixed);
  // Takes the symbols (live,) that came.
  void update(const uint8_t* column, int live);
  // What was learned so far, in the form of start values.
  Start learned() const { return learned_.learned(); }

  static size_t size(int lanes, int table_bits, int history_bits);

 private:
  struct Tree;

  void mix_first(int lane, const uint32_t* freqs, uint32_t* mixed);
  void mix_second(int lane, uint32_t* mixed);
  void mix_nibble(Tree& tree, int root, uint32_t* mixed) const;
  bool serve(Tree& tree, int node, uint32_t mass, uint32_t* mixed) const;
  void predict(const Tree& tree, int node, Node& out) const;
  void set_match_inputs(const Tree& tree, int node, int depth, Node& out) const;
  int set_history_inputs(const Tree& tree, int node, int depth, Node& out) const;
  void prefetch(const Lane& lane, int nibble) const;
  void prefetch(const Tree& tree, int node) const;
  void look_up(Tree& tree, int nibble) const;
  void follow(int lane, uint8_t symbol);
  void learn(int set, const uint8_t* column, int live);
  void remember(int context, const uint8_t* column, int live);
  void remember_order_zero(const uint8_t* column, int live);
  void judge_matches(const uint8_t* column, int live);
  void find_matches(int model, const uint8_t* column, int live);
  void hash_contexts(int lane);
  template <typename Job>
  void in_parallel(int count, int live, Job job) const;

  Learned learned_;
  Zeroed<uint8_t> memory_;
  Slots slots_[kContexts];
  uint8_t order_zero_[256] = {};
  History history_;
  std::vector<MatchModel> match_models_;
  std::vector<Lane> lanes_;
  uint64_t seen_ = 0;   // symbols so far, in all lanes
  Zeroed<Tree> trees_;  // (lanes,)
  std::shared_ptr<Pool> pool_;
};

}  // namespace shazip::mixing
