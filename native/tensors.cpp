#include "tensors.hpp"

#include <cstdlib>
#include <stdexcept>

#include "model.hpp"

namespace shazip {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw std::invalid_argument("tensor '" + name + "' " + why);
}

int64_t count(const Tensor& tensor) {
  int64_t n = 1;
  for (int64_t length : tensor.shape) n *= length;
  return n;
}

template <typename Value>
const Value* within(const std::string& name, const Tensor& tensor, int64_t low, int64_t high) {
  const auto* values = static_cast<const Value*>(tensor.data);
  for (int64_t i = 0, n = count(tensor); i < n; ++i) {
    if (values[i] < low || values[i] > high) {
      refuse(name, "holds " + std::to_string(values[i]) + ", outside " + std::to_string(low) +
                       ".." + std::to_string(high));
    }
  }
  return values;
}

void refuse_above(const char* name, int64_t found, int64_t most) {
  if (found < 1 || found > most) {
    throw std::invalid_argument(std::string("its ") + name + " is " + std::to_string(found) +
                                ", the native engine takes 1 to " + std::to_string(most));
  }
}

}  // namespace

const Tensor& Tensors::find(const std::string& name, Type type,
                            const std::vector<int64_t>& shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw std::invalid_argument("lacks the tensor '" + name + "'");
  const Tensor& tensor = found->second;
  if (tensor.type != type || tensor.shape.size() != shape.size())
    refuse(name, "has another type or shape");
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] >= 0 && tensor.shape[i] != shape[i]) {
      refuse(name, "has length " + std::to_string(tensor.shape[i]) + " in axis " +
                       std::to_string(i) + ", must be " + std::to_string(shape[i]));
    }
  }
  return tensor;
}

const int8_t* Tensors::int8(const std::string& name, const std::vector<int64_t>& shape) const {
  return within<int8_t>(name, find(name, Type::kInt8, shape), -kOperandMax, kOperandMax);
}

const int16_t* Tensors::int16(const std::string& name, const std::vector<int64_t>& shape, int low,
                              int high) const {
  return within<int16_t>(name, find(name, Type::kInt16, shape), low, high);
}

const int32_t* Tensors::int32(const std::string& name, const std::vector<int64_t>& shape,
                              int64_t low, int64_t high) const {
  return within<int32_t>(name, find(name, Type::kInt32, shape), low, high);
}

uint16_t Tensors::symbol(const std::string& name, int64_t symbols) const {
  return *within<uint16_t>(name, find(name, Type::kUint16, {1}), 0, symbols - 1);
}

int32_t Tensors::scalar(const std::string& name, int64_t low, int64_t high) const {
  return *int32(name, {1}, low, high);
}

int64_t Tensors::length(const std::string& name, size_t axis) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw std::invalid_argument("lacks the tensor '" + name + "'");
  if (axis >= found->second.shape.size()) refuse(name, "has too few axes");
  return found->second.shape[axis];
}

void check_product(const std::string& site, const std::vector<const int32_t*>& multipliers,
                   int64_t count, int64_t bound, int shift) {
  const int64_t most = ((int64_t{1} << (30 + shift)) - 1) / bound;
  for (int64_t i = 0; i < count; ++i) {
    int64_t sum = 0;
    for (const int32_t* multiplier : multipliers) sum += std::abs(int64_t{multiplier[i]});
    if (sum > most) {
      throw std::invalid_argument("tensor '" + site + ".multiplier' is too great: " +
                                  std::to_string(sum) + ", more than " + std::to_string(most));
    }
  }
}

void check_config(const Config& c) {
  refuse_above("width", c.width, 4096);
  refuse_above("boom_width", c.boom_width, 16384);
  refuse_above("layers", c.layers, 16);
  refuse_above("window", c.window, 16384);
  refuse_above("heads", c.heads, 4096);
  if (c.symbols != 256 && c.symbols != 512 && c.symbols != 1024) {
    throw std::invalid_argument("its vocabulary has " + std::to_string(c.symbols) +
                                " symbols, the native engine takes 256, 512 or 1024");
  }
  if (c.boom_width % c.width || c.width % c.heads)
    throw std::invalid_argument("its sizes are no multiples of one another");
  refuse_above("boom_width / width", c.boom_width / c.width, 256);
  refuse_above("heads * window", c.heads * c.window, 1 << 18);
  int64_t last = -1;
  for (int64_t layer : c.attention) {
    if (layer <= last || layer >= c.layers)
      throw std::invalid_argument("its layers with attention are no layers");
    last = layer;
  }
}

}  // namespace shazip
