// AArch64: four int32. Products of bytes are int16, added in pairs (smull, sadalp); neondot.hpp has
// four at once.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../model.hpp"

namespace {

using shazip::kBlock;

struct Simd128 {
  static constexpr int kLanes = 4;
  using I32 = int32x4_t;
  struct I64 {
    int64x2_t low, high;
  };

  static I32 set1(int32_t x) { return vdupq_n_s32(x); }
  static I32 load(const int32_t* p) { return vld1q_s32(p); }
  static void store(int32_t* p, I32 x) { vst1q_s32(p, x); }
  static I32 load16(const int16_t* p) { return vmovl_s16(vld1_s16(p)); }
  static void store16(int16_t* p, I32 x) { vst1_s16(p, vmovn_s32(x)); }
  static void store8(int8_t* p, I32 x) {
    const int16x4_t words = vmovn_s32(x);
    const int32_t four =
        vget_lane_s32(vreinterpret_s32_s8(vmovn_s16(vcombine_s16(words, words))), 0);
    memcpy(p, &four, sizeof four);
  }
  static I32 add(I32 a, I32 b) { return vaddq_s32(a, b); }
  static I32 sub(I32 a, I32 b) { return vsubq_s32(a, b); }
  static I32 mul(I32 a, I32 b) { return vmulq_s32(a, b); }
  static I32 min(I32 a, I32 b) { return vminq_s32(a, b); }
  static I32 max(I32 a, I32 b) { return vmaxq_s32(a, b); }
  static I32 shift_right(I32 a, int n) { return vshlq_s32(a, vdupq_n_s32(-n)); }
  static I32 times(I32 a, int n) { return vshlq_s32(a, vdupq_n_s32(n)); }

  static I64 wide(I32 a, I32 b) {
    return {vmull_s32(vget_low_s32(a), vget_low_s32(b)), vmull_high_s32(a, b)};
  }
  static I64 wide_set1(int64_t x) { return {vdupq_n_s64(x), vdupq_n_s64(x)}; }
  static I64 wide_load(const int64_t* p) { return {vld1q_s64(p), vld1q_s64(p + 2)}; }
  static I64 wide_add(I64 a, I64 b) { return {vaddq_s64(a.low, b.low), vaddq_s64(a.high, b.high)}; }
  static I32 narrow(I64 a, int n) {
    const int64x2_t shift = vdupq_n_s64(-n);
    return vmovn_high_s64(vmovn_s64(vshlq_s64(a.low, shift)), vshlq_s64(a.high, shift));
  }
  static int32_t wide_position(int32_t lane) { return lane; }

  static int64_t sum(I32 a) { return vaddlvq_s32(a); }
  static int64_t wide_sum(I64 a) { return vaddvq_s64(vaddq_s64(a.low, a.high)); }
  static int32_t largest(I32 a) { return vmaxvq_s32(a); }

  static void look_up(const int16_t* table, const int32_t* index, int16_t* value, int count) {
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) value[i] = table[index[i]];
  }

  using Operand = int8_t;
  static constexpr bool kOffset = false;
  static void store_operand(Operand* p, I32 x) { store8(p, x); }

  // Attention reads 16 bytes of memory for four channels: four entries of four channels.
  using Focus = int8_t;
  static constexpr int kFocusCopies = 1;
  static void spread(const int8_t* focus, Focus* spread, int channels) {
    memcpy(spread, focus, static_cast<size_t>(channels));
  }
  static void mix(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int channels,
                  int groups, int32_t* sums) {
    for (int c = 0; c < channels; c += 16, memory += 4 * kBlock) {
      I32 sum[4] = {set1(0), set1(0), set1(0), set1(0)};
      for (int q = 0; q < 4 * groups; ++q) {
        const int16x4_t weight = vld1_s16(weights + 4 * q);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          const int8x16_t entries = vld1q_s8(memory + q / 4 * stride + q % 4 * kBlock + 16 * i);
          const int16x8_t first = vmovl_s8(vget_low_s8(entries)), last = vmovl_high_s8(entries);
          sum[i] = vmlal_lane_s16(sum[i], vget_low_s16(first), weight, 0);
          sum[i] = vmlal_lane_s16(sum[i], vget_high_s16(first), weight, 1);
          sum[i] = vmlal_lane_s16(sum[i], vget_low_s16(last), weight, 2);
          sum[i] = vmlal_lane_s16(sum[i], vget_high_s16(last), weight, 3);
        }
      }
      for (int i = 0; i < 4; ++i) store(sums + c + 4 * i, sum[i]);
    }
  }

 protected:
  static int8x16_t broadcast32(const void* p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return vreinterpretq_s8_s32(vdupq_n_s32(x));
  }
};

#if !defined(SHAZIP_DOT_BYTES)

struct Simd : Simd128 {
  static constexpr int kStep = 2, kRows = 4, kColumns = 6;
  using Weights = int8x8_t;
  using Inputs = int8x8_t;
  static Weights load_weights(const int8_t* p) { return vld1_s8(p); }
  static Inputs broadcast(const Operand* p) {
    int16_t x;
    memcpy(&x, p, sizeof x);
    return vreinterpret_s8_s16(vdup_n_s16(x));
  }
  static I32 dot(I32 sum, Weights w, Inputs a) { return vpadalq_s16(sum, vmull_s8(w, a)); }

  static void scores(const int8_t* memory, ptrdiff_t stride, const Focus* spread, int channels,
                     int groups, const int32_t*, int32_t* raw) {
    for (int q = 0; q < 4 * groups; ++q, raw += 4) {
      const int8_t* quad = memory + q / 4 * stride + q % 4 * kBlock;
      I32 first = set1(0), last = set1(0);  // two entries each, in halves
      for (int c = 0; c < channels; c += 4) {
        const int8x16_t query = broadcast32(spread + c),
                        entries = vld1q_s8(quad + c / 16 * 4 * kBlock + c % 16 * 4);
        first = dot(first, vget_low_s8(entries), vget_low_s8(query));
        last = dot(last, vget_high_s8(entries), vget_low_s8(query));
      }
      store(raw, vpaddq_s32(first, last));
    }
  }
};

#endif

}  // namespace
