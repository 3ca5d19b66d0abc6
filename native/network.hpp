// A loaded network, packed for one variant.
#pragma once

#include <cstdint>
#include <memory>
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

}  // namespace shazip
