// Everything that mixing learns besides bit histories: adaptive probabilities, mixer weights, APMs.
#pragma once

#include <cstdint>
#include <vector>

#include "slots.hpp"
#include "start.hpp"

namespace shazip::mixing {

constexpr int kApms = 3;
constexpr int kApmStride = 32;       // 25 buckets, 256 steps apart; a row fills a cache line
constexpr int kCorrectionRate = 60;  // stretched steps that an error of 1 moves a correction
constexpr int32_t kCorrectionLimit = 2047 << 8;
enum Apm { kOfNetwork, kOfOrderOne, kOfOrderTwo };
constexpr uint32_t kApmRows[kApms] = {kMostNodes, 65536, 65536};

// One binary decision of one lane: its inputs and prediction, kept until the bit is known.
struct Node {
  alignas(64) int16_t inputs[kMostInputs];
  int32_t rows[kSets];     // of the weights
  int32_t outputs[kSets];  // stretched probabilities, one of each set
  int32_t final_rows[kFinals];
  int32_t final_outputs[kFinals];
  int32_t final_output;       // their mean
  int32_t level;              // of the network's certainty
  uint32_t apm_cells[kApms];  // the nearer of the two buckets
  int32_t probability;        // that the bit is 1, 1..65535
};

class Learned {
 public:
  // The meaning of one context's histories, or of order 0's. Held by value where bytes are written,
  // since for the compiler a written byte may alias anything.
  struct Row {
    const Tables& tables;
    const uint8_t (*next)[2];
    Adaptive* values;
    int16_t* stretched;
    int32_t* corrections;
    int16_t* rounded_corrections;

    // Learns a bit after a history; returns the history with that bit.
    uint8_t take(uint8_t state, int bit) const;
    // Learns the correction of the network's probability by a history; not in order 0.
    void correct(uint8_t state, const Node& node, int bit) const;
  };

  explicit Learned(const Start& start);

  const Tables& tables() const { return tables_; }
  const Shape& shape() const { return shape_; }
  const Adaptive& match(int model, int cell) const { return matches_[model * kMatchCells + cell]; }
  // The stretched probability of a 1 after a history, 0 after none; its distance from one half.
  int16_t stretched(int row, uint8_t state) const { return stretched_[row * 256 + state]; }
  int confidence(int row, uint8_t state) const {
    return state ? histories_[row * 256 + state].confidence() : 0;
  }
  Row row(int number);
  // The correction that a history adds to the network's stretched probability at this level.
  int16_t correction(int row, uint8_t state, int level) const {
    return rounded_corrections_[(row * 256 + state) * kLevels + level];
  }
  void update_match(int model, int cell, int hit);
  // -1 if only one kind of bit has come so far, else 0.
  int16_t certain(uint8_t state) const { return certain_[state]; }

  // The probability 0..65535 that APM `which` makes of a stretched one in a row; sets the cell to
  // update.
  int refine(Apm which, uint32_t row, int stretched, Node& node) const;
  void prefetch(Apm which, uint32_t row) const;
  // Fills all outputs from `inputs`, `rows` and `final_rows`.
  void mix(Node& node) const;
  // Moves the weights of one set, or the final weights and the APMs, towards the bit that came.
  // Rates have a step of 2**-18.
  void train(int set, const Node& node, int bit, int rate);
  void train_last(const Node& node, int bit, int rate);

  Start learned() const;
  static size_t size(const Shape& shape);

 private:
  Shape shape_;
  Tables tables_;
  uint8_t next_[256][2];
  int16_t certain_[256] = {};
  std::vector<Adaptive> histories_, matches_;
  std::vector<int16_t> stretched_;            // of the histories, kept ready
  std::vector<int32_t> corrections_;          // step 2**-8 of a stretched probability's
  std::vector<int16_t> rounded_corrections_;  // the same in whole steps: what predictions use
  std::vector<int32_t> weights_;              // step 2**-20
  std::vector<int16_t> rounded_;              // the same, step 2**-11: what predictions use
  std::vector<int32_t> final_weights_;        // step 2**-16
  Zeroed<uint16_t> apms_[kApms];              // difference from the identity, modulo 2**16
};

inline int Learned::refine(Apm which, uint32_t row, int stretched, Node& node) const {
  const int shifted = stretched + 3072, bucket = shifted >> 8, part = shifted & 255;
  const uint32_t cell = row * kApmStride + static_cast<uint32_t>(bucket);
  node.apm_cells[which] = cell + (part >= 128);
  const auto low = static_cast<uint16_t>(apms_[which][cell] + tables_.identity[bucket]);
  const auto high = static_cast<uint16_t>(apms_[which][cell + 1] + tables_.identity[bucket + 1]);
  return (low * (256 - part) + high * part) >> 8;
}

// State 0 learns too, which is cheaper than a branch; its values are never used.
inline uint8_t Learned::Row::take(uint8_t state, int bit) const {
  values[state].update(tables, bit);
  stretched[state] =
      static_cast<int16_t>(values[state].stretched(tables) & -static_cast<int>(state != 0));
  return next[state][bit];
}

inline void Learned::Row::correct(uint8_t state, const Node& node, int bit) const {
  const int cell = state * kLevels + node.level;
  const int32_t value = corrections[cell];
  const int error = (bit << 16) - tables.squashed(node.inputs[kNetwork] + (value >> 8));
  corrections[cell] =
      clamp(value + ((error * kCorrectionRate + 128) >> 8), -kCorrectionLimit, kCorrectionLimit);
  rounded_corrections[cell] =
      static_cast<int16_t>((corrections[cell] >> 8) & -static_cast<int>(state != 0));
}

inline Learned::Row Learned::row(int number) {
  const int cells = number < shape_.contexts() ? number * 256 * kLevels : 0;
  return {tables_,
          next_,
          &histories_[static_cast<size_t>(number) * 256],
          &stretched_[static_cast<size_t>(number) * 256],
          &corrections_[static_cast<size_t>(cells)],
          &rounded_corrections_[static_cast<size_t>(cells)]};
}

inline void Learned::prefetch(Apm which, uint32_t row) const {
#if defined(__GNUC__)
  __builtin_prefetch(&apms_[which][row * kApmStride]);
#endif
}

}  // namespace shazip::mixing
