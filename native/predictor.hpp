// The state of some lanes, and the step of a network over them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "network.hpp"
#include "step.hpp"
#include "waiting.hpp"

namespace shazip {

class Predictor {
 public:
  // The network must outlive the predictor.
  Predictor(const Network& network, int lanes);
  ~Predictor() { settle(); }

  int lanes() const { return lanes_; }
  // One step of lanes 0 .. live - 1: their logits and their frequencies, (live, symbols) each.
  // Either may be null, if it is not wanted.
  void step(int live, int16_t* logits, uint32_t* freqs);
  int symbols() const { return network_.model().symbols; }
  // The symbols that came, as many as the last step had lanes. Throws std::invalid_argument for
  // one that the vocabulary does not have.
  void update(const uint16_t* column, int live);
  // As many products as a step makes, with or without those by attention memory, and nothing else.
  void products_only(int live, bool memory);

  void count_costs(bool on);
  // Ticks by kind of cost and thread, since they were last switched on.
  std::vector<std::vector<int64_t>> costs() const;

  // Bytes that the predictor of so many lanes takes.
  static size_t size(const Network& network, int64_t lanes);

 private:
  struct Team {
    int first_rank, ranks, first_lane, lanes;
  };
  void plan(int live, int most_ranks);
  void start_lane(int lane);
  void allocate_scratch(Arena& arena, Shared& shared, Local& local) const;
  void work(int rank, void (*kernel)(const Part&));
  void run(int live, void (*kernel)(const Part&));
  Part part_of(int rank);
  void settle() const;

  const Network& network_;
  const int lanes_;
  Arena arena_;
  State state_{};
  int16_t* logits_;  // (lanes, symbols), for steps whose logits nobody wants
  std::vector<Shared> shared_;
  std::vector<Local> local_;
  std::unique_ptr<Barrier[]> barriers_;
  std::vector<Team> teams_;  // of the last plan
  std::vector<int> team_of_rank_;
  std::vector<int64_t> costs_;
  int planned_ = 0;             // lanes
  int planned_ranks_ = 0;       // that were to be had
  uint64_t planned_forks_ = 0;  // that this process had come from
  int stepped_ = 0;             // lanes of a step that waits for its symbols
  std::mutex mutex_;
};

}  // namespace shazip
