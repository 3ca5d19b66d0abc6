// Fixed-point functions of context mixing. Probabilities have 16 bits, stretched ones a step of ln
// 2 / 177 nats.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace shazip::mixing {

constexpr int kStretchLimit = 3071;  // clamp of a stretched probability: 12 nats
constexpr int kOne = 1 << 16;        // probability 1
constexpr int kAdaptiveBits = 22;    // of an adaptive probability; ten more bits count its updates
constexpr uint32_t kMostUpdates = 1023;  // that are counted: later ones move it by 1 / 1024.6

inline int clamp(int value, int low, int high) { return std::min(std::max(value, low), high); }

// floor(log2(x)) for x >= 1.
inline int floor_log2(uint32_t x) {
#if defined(__GNUC__)
  return 31 - __builtin_clz(x);
#else
  int bits = 0;
  while (x >>= 1) ++bits;
  return bits;
#endif
}

// A bijection of 64 bits that spreads every bit over all others (Stafford's mix 13, without its
// last shift).
inline uint64_t scramble(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x;
}

struct Tables {
  std::array<uint16_t, 4096> log2;  // fraction of log2(1 + i / 4096), step 2**-16
  std::array<uint16_t, 3072>
      squash;  // probability of the stretched values 2 i - 3072 and 2 i - 3071
  std::array<int16_t, 4096> stretch;  // of the probabilities 16 i .. 16 i + 15
  std::array<uint16_t, 1024>
      step;  // 65536 / (n + 1.6): how far the n-th update moves an adaptive probability
  std::array<uint16_t, 32> identity;  // an APM's start values: bucket i holds squash(256 (i - 12))

  // Derives the last three from the first two.
  void complete() {
    for (int i = 0; i < 4096; ++i)
      stretch[i] = static_cast<int16_t>(ratio(2 * i + 1, 8191 - 2 * i));
    for (int i = 0; i < 1024; ++i) step[i] = static_cast<uint16_t>(655360 / (10 * i + 16));
    for (int i = 0; i < 32; ++i) identity[i] = static_cast<uint16_t>(squashed(256 * (i - 12)));
  }

  // log2 of 1 <= x < 2**25, step 2**-16.
  int logarithm(uint32_t x) const {
    const auto exact = static_cast<double>(
        static_cast<int32_t>(x));  // its exponent and mantissa are all that is wanted
    uint64_t bits;
    std::memcpy(&bits, &exact, sizeof bits);
    return static_cast<int>((bits >> 52) - 1023) * 65536 + log2[(bits >> 40) & 4095];
  }

  // The stretched probability a / (a + b), 1 <= a, b < 2**25: |difference| * 177 < 2**29.
  int ratio(uint32_t a, uint32_t b) const {
    return clamp(((logarithm(a) - logarithm(b)) * 177 + 32768) >> 16, -kStretchLimit,
                 kStretchLimit);
  }

  int squashed(int x) const {
    return squash[(clamp(x, -kStretchLimit - 1, kStretchLimit) + 3072) >> 1];
  }
};

// An adaptive probability: 22 bits, and how often it was updated. It moves fast at first and slower
// later.
class Adaptive {
 public:
  Adaptive() = default;
  Adaptive(uint16_t probability, uint32_t updates)
      : value_((uint32_t{probability} << 16) | updates) {}

  // The step is less than 1, so that the probability stays within 22 bits.
  void update(const Tables& tables, int bit) {
    const uint32_t updates = value_ & kMostUpdates;
    const int32_t p = static_cast<int32_t>(value_ >> 10);
    const int64_t gap = (bit ? (1 << kAdaptiveBits) - 1 : 0) - p;
    const int32_t moved = p + static_cast<int32_t>((gap * tables.step[updates]) >> 16);
    value_ = (static_cast<uint32_t>(moved) << 10) | std::min(updates + 1, kMostUpdates);
  }

  int stretched(const Tables& tables) const { return tables.stretch[value_ >> (32 - 12)]; }

  // The distance from one half: 1024 at 1.
  int confidence() const {
    return (static_cast<int>(value_ >> 10) - (1 << (kAdaptiveBits - 1))) >> 11;
  }

  uint16_t probability() const { return static_cast<uint16_t>(std::max(value_ >> 16, 1u)); }

 private:
  uint32_t value_ = 0;
};

}  // namespace shazip::mixing
