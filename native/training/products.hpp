// The product of a few lanes' bfloat16 with a tile of 64 rows of a packed weight, in registers.
#pragma once

#include "vector.hpp"

namespace {

constexpr int kLanes = 6;  // that are multiplied at once: 24 sums, 4 weights, 1 operand

struct Tile {
  F32 sums[kLanes][4];
};

// `weight` is (pairs, 64, 2) and `operand` has `pairs` pairs for each of the lanes, every `stride`
// numbers.
template <int Lanes>
inline __attribute__((always_inline)) void multiply(const uint32_t* weight, const uint16_t* operand,
                                                    int64_t stride, int64_t pairs, Tile& tile) {
  F32 sums[Lanes][4];
  for (auto& lane : sums) {
    for (F32& sum : lane) sum = set1(0);
  }
  for (int64_t pair = 0; pair < pairs; ++pair) {
    __m512bh rows[4];
    for (int v = 0; v < 4; ++v) rows[v] = (__m512bh)_mm512_loadu_si512(weight + 64 * pair + 16 * v);
#pragma GCC unroll 6
    for (int lane = 0; lane < Lanes; ++lane) {
      int32_t bits;
      std::memcpy(&bits, operand + lane * stride + 2 * pair, sizeof bits);
      const auto both = (__m512bh)_mm512_set1_epi32(bits);
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) sums[lane][v] = _mm512_dpbf16_ps(sums[lane][v], rows[v], both);
    }
  }
  for (int lane = 0; lane < Lanes; ++lane) {
    for (int v = 0; v < 4; ++v) tile.sums[lane][v] = sums[lane][v];
  }
}

inline void multiply(int lanes, const uint32_t* weight, const uint16_t* operand, int64_t stride,
                     int64_t pairs, Tile& tile) {
  switch (lanes) {
    case 1:
      return multiply<1>(weight, operand, stride, pairs, tile);
    case 2:
      return multiply<2>(weight, operand, stride, pairs, tile);
    case 3:
      return multiply<3>(weight, operand, stride, pairs, tile);
    case 4:
      return multiply<4>(weight, operand, stride, pairs, tile);
    case 5:
      return multiply<5>(weight, operand, stride, pairs, tile);
    default:
      return multiply<6>(weight, operand, stride, pairs, tile);
  }
}

// Calls `work(first, count)` for groups of at most six of the lanes, as even as can be.
template <typename Work>
inline void each_group(int64_t lanes, const Work& work) {
  const int64_t groups = (lanes + kLanes - 1) / kLanes;
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t begin = lanes * group / groups, end = lanes * (group + 1) / groups;
    work(begin, static_cast<int>(end - begin));
  }
}

}  // namespace
