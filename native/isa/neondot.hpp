// AArch64 with the dot product instructions (sdot): four products of bytes at once, signed by
// signed.
#pragma once

#define SHAZIP_DOT_BYTES
#include "neon.hpp"

namespace {

struct Simd : Simd128 {
  static constexpr int kStep = 4, kRows = 4, kColumns = 6;
  using Weights = int8x16_t;
  using Inputs = int8x16_t;
  static Weights load_weights(const int8_t* p) { return vld1q_s8(p); }
  static Inputs broadcast(const Operand* p) { return broadcast32(p); }
  static I32 dot(I32 sum, Weights w, Inputs a) { return vdotq_s32(sum, w, a); }

  static void scores(const int8_t* memory, ptrdiff_t stride, const Focus* spread, int channels,
                     int groups, const int32_t*, int32_t* raw) {
    for (int g = 0; g < groups; ++g, memory += stride, raw += 16) {
      I32 sum[4] = {set1(0), set1(0), set1(0), set1(0)};
      for (int c = 0; c < channels; c += 4) {
        const Inputs query = broadcast(spread + c);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          sum[i] = dot(sum[i], load_weights(memory + c / 16 * 4 * kBlock + kBlock * i + c % 16 * 4),
                       query);
        }
      }
      for (int i = 0; i < 4; ++i) store(raw + 4 * i, sum[i]);
    }
  }
};

}  // namespace
