// Where mixing starts from: fixed tables, and weights and adaptive probabilities learned on
// training text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "math.hpp"
#include "shape.hpp"

namespace shazip::mixing {

constexpr int kMatchCells = 128;
constexpr int kLevels = 8;  // of the network's certainty, for corrections

struct Start {
  Shape shape;
  Tables tables;
  uint8_t next[256][2];  // bit history after one more bit
  // Probability of a 1 after each history, of each context and of order 0: (contexts + 1, 256).
  std::vector<uint16_t> histories;
  uint16_t matches[kMatches][kMatchCells];  // probability that the expected bit comes
  // Of the network's stretched probability after each history: (contexts, 256, kLevels).
  std::vector<int16_t> corrections;
  std::vector<int16_t> weights;        // (shape.rows(), shape.inputs()), step 2**-12
  std::vector<int16_t> final_weights;  // (shape.final_rows(), shape.sets()), step 2**-12

  explicit Start(const Shape& shape);
  // Reads what `write` wrote; throws std::invalid_argument if size or values are wrong.
  static Start read(const Shape& shape, const uint8_t* data, size_t size);
  std::vector<uint8_t> write() const;
};

}  // namespace shazip::mixing
