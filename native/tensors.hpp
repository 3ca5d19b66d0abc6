// The tensors of a model as they come from outside: looked up by name and checked before a value is
// used.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace shazip {

enum class Type { kInt8, kUint8, kInt16, kUint16, kInt32 };

struct Tensor {
  Type type;
  std::vector<int64_t> shape;
  const void* data;
};

struct Config {
  int64_t width, boom_width, layers, window, heads, symbols;
  std::vector<int64_t> attention;
};

class Tensors {
 public:
  explicit Tensors(std::map<std::string, Tensor> tensors) : tensors_(std::move(tensors)) {}

  // Each returns the tensor's values, of which there are as many as `shape` says (-1 stands for any
  // length), all within low .. high. Throws std::invalid_argument, naming the tensor.
  const int8_t* int8(const std::string& name, const std::vector<int64_t>& shape) const;
  const int16_t* int16(const std::string& name, const std::vector<int64_t>& shape, int low,
                       int high) const;
  const int32_t* int32(const std::string& name, const std::vector<int64_t>& shape, int64_t low,
                       int64_t high) const;
  uint16_t symbol(const std::string& name, int64_t symbols) const;
  int32_t scalar(const std::string& name, int64_t low, int64_t high) const;
  int64_t length(const std::string& name, size_t axis) const;

 private:
  const Tensor& find(const std::string& name, Type type, const std::vector<int64_t>& shape) const;

  std::map<std::string, Tensor> tensors_;
};

// Refuses requantisation by multipliers (count) each, of which a row's sum in absolute value times
// `bound` may not reach 2**(30 + shift). Throws std::invalid_argument, naming the site.
void check_product(const std::string& site, const std::vector<const int32_t*>& multipliers,
                   int64_t count, int64_t bound, int shift);

// Refuses a configuration that is inconsistent or beyond what the engine holds. Throws
// std::invalid_argument with the limit.
void check_config(const Config& config);

}  // namespace shazip
