// Context mixing: adjusts the network's prediction by the frame's statistics. Integers only;
// docs/mixing.md is the specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "distances.hpp"
#include "lane.hpp"
#include "learned.hpp"
#include "strings.hpp"
#include "tree.hpp"
#include "../pool.hpp"

namespace shazip::mixing {

// The mixing of one frame; `first`, `second` and `update` take turns, with the same live lanes
// (else std::invalid_argument). Bits do not depend on the number of threads.
class Mixer {
 public:
  // Tables take 2**table_bits bytes (16..30), the history 2**history_bits (10..30).
  // Throws std::invalid_argument if the start values are for another number of symbols.
  Mixer(int lanes, int table_bits, int history_bits, Strings strings, const Start& start,
        std::shared_ptr<Pool> pool);

  int lanes() const { return static_cast<int>(lanes_.size()); }
  const Shape& shape() const { return learned_.shape(); }
  // Makes frequencies (live, A) of the symbols' first halves from the network's (live, V) of whole
  // symbols. Each row sums to 2**24, each frequency is at least 1.
  void first(const uint32_t* freqs, int live, uint32_t* mixed);
  // Makes frequencies (live, B) of the second halves, given the first halves (live,). A call may be
  // repeated with other first halves; the last call has the coded ones.
  void second(const uint16_t* firsts, int live, uint32_t* mixed);
  // Adds the coded symbols (live,).
  void update(const uint16_t* column, int live);
  // The learned values so far, in the form of start values.
  Start learned() const { return learned_.learned(); }

  static size_t size(int lanes, int table_bits, int history_bits, const Shape& shape);

 private:
  void mix(const Tree& tree, Half& half, uint32_t* mixed) const;
  bool serve(const Tree& tree, Half& half, int node, uint32_t mass, uint32_t* mixed) const;
  void predict(const Tree& tree, Half& half, int node) const;
  void set_network_inputs(const Half& half, int node, int whole, Node& out) const;
  int set_match_inputs(const Lane& lane, int whole, int depth, Node& out) const;
  int set_history_inputs(const Half& half, int node, int whole, Node& out) const;
  int refined(const Tree& tree, int whole, Node& out) const;
  void check_turn(bool right, int live) const;
  void prepare(int lane);
  void open_half(int lane, int half, int number);
  void take_lessons(int lane, int symbol);
  void learn(int set, int live);
  void remember(int context, int live);
  void remember_order_zero(int live);
  void judge_matches(const uint16_t* column, int live);
  void take_string(int lane, const std::string& string);
  void find_matches(int model, const uint16_t* column, int live);
  template <typename Job>
  void in_parallel(int count, int live, Job job) const;

  Strings strings_;
  Learned learned_;
  Zeroed<uint8_t> memory_;
  Slots slots_[kMostContexts];
  std::vector<uint8_t> order_zero_;  // (nodes,)
  History history_;
  std::vector<MatchModel> match_models_;
  std::vector<Lane> lanes_;
  std::vector<Distances> distances_;  // of each region, if the contexts need them
  uint64_t seen_ = 0;                 // symbols so far, in all lanes
  enum { kFirst, kSecond, kUpdate } turn_ = kFirst;
  int live_ = 0;        // lanes of this step
  Zeroed<Tree> trees_;  // (lanes,)
  std::shared_ptr<Pool> pool_;
};

}  // namespace shazip::mixing
