// A loaded network, packed for one variant, and predictors: the state of some lanes and the step
// over them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "dispatch.hpp"
#include "model.hpp"
#include "pool.hpp"
#include "tensors.hpp"

namespace shazip {

// Zeroed memory in cache lines of its own, all freed together.
class Arena {
 public:
  template <typename T>
  T* take(size_t count) {
    return static_cast<T*>(bytes(count * sizeof(T)));
  }
  void* bytes(size_t size);
  size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(void* p) const { ::operator delete(p, kAlignment); }
  };
  std::vector<std::unique_ptr<void, Free>> pieces_;
  size_t size_ = 0;
};

class Network {
 public:
  // Throws std::invalid_argument for tensors that are not those of the configuration, and for an
  // unknown variant.
  Network(const Config& config, const Tensors& tensors, int threads, const std::string& variant);
  Network(const Network&) = delete;

  const Model& model() const { return model_; }
  const Variant& variant() const { return *choice_.variant; }
  const char* variant_name() const { return choice_.name; }
  // Others that work in turn with the network use its threads: more of them would fight for the
  // processors.
  const std::shared_ptr<Pool>& pool() const { return pool_; }
  int threads() const { return pool_->threads(); }
  size_t size() const { return arena_.size(); }

  // The state of a new lane.
  struct Start {
    uint16_t symbol;
    int32_t entries;
    std::vector<int8_t> hidden;  // (layers, width)
    std::vector<int32_t> cell;   // (layers, width)
    std::vector<int8_t> memory;  // (attentions, entries, width)
  };
  const Start& start() const { return start_; }

 private:
  Norm pack_norm(const Tensors& t, const std::string& name, bool residual);
  Product pack_rows(const int8_t* weight, const int32_t* multiplier, const int32_t* bias, int shift,
                    int rows, int groups);
  Product pack_linear(const Tensors& t, const std::string& name, int rows, int groups);
  Layer pack_layer(const Config& c, const Tensors& t, int index);
  void pack_lstm(const Tensors& t, const std::string& at, int index, Layer& layer);
  void pack_attention(const Config& c, const Tensors& t, const std::string& at, Layer& layer);
  const int16_t* pack_input(const Product& p, const int16_t* input);
  // The greatest absolute value of a product of operands and weights.
  int64_t square() const { return int64_t{model_.width} * kOperandMax * kOperandMax; }
  const int32_t* pad(const int32_t* values);
  template <typename T>
  const T* copy(const T* values, size_t count);
  void load_start(const Config& c, const Tensors& t);

  Choice choice_;
  Arena arena_;
  Model model_{};
  std::vector<Layer> layers_;
  Start start_;
  std::shared_ptr<Pool> pool_;
};

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
