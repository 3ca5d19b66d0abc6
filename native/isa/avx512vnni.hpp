// AVX-512 with VNNI: four products of bytes at once (vpdpbusd, unsigned by signed, which does not saturate).
//
// The unsigned side holds a + 128; weights . (a + 128) - 128 * sum(weights) is exact in 32 bits: 4096 * 255 * 127 < 2**31.
#pragma once

#define SHAZIP_DOT_BYTES
#include "avx512.hpp"

namespace {

struct Simd : Simd512 {
  using Operand = uint8_t;
  static constexpr bool kOffset = true;
  static void store_operand(Operand* p, I32 x) {
    store8(reinterpret_cast<int8_t*>(p), add(x, set1(128)));
  }

  static constexpr int kStep = 4, kRows = 4, kColumns = 6;
  using Weights = I32;
  using Inputs = I32;
  static Weights load_weights(const int8_t* p) { return _mm512_loadu_si512(p); }
  static Inputs broadcast(const Operand* p) { return broadcast32(p); }
  static I32 dot(I32 sum, Weights w, Inputs a) { return _mm512_dpbusd_epi32(sum, a, w); }

  // Per sixteen channels, 64 bytes of memory (four times four entries of four channels) meet the query's, each four times.
  using Focus = uint8_t;
  static constexpr int kFocusCopies = 4;
  static void spread(const int8_t* focus, Focus* spread, int channels) {
    const __m512i order = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    for (int c = 0; c < channels; c += 16) {
      const __m128i offset = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(focus + c)), _mm_set1_epi8(-128));
      _mm512_storeu_si512(spread + 4 * c, _mm512_permutexvar_epi32(order, _mm512_castsi128_si512(offset)));
    }
  }
  static void scores(const int8_t* memory, ptrdiff_t stride, const Focus* spread, int channels, int quads,
                     const int32_t* sums, int32_t* raw) {
    for (int q = 0; q < quads; q += 4, memory += 4 * stride, raw += 16, sums += 16) {
      I32 sum[4] = {set1(0), set1(0), set1(0), set1(0)};
      for (int c = 0; c < channels; c += 16) {
        const I32 query = _mm512_loadu_si512(spread + 4 * c);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          sum[i] = _mm512_dpbusd_epi32(sum[i], query, _mm512_loadu_si512(memory + i * stride + 4 * c));
        }
      }
      const I32 excess = times(load(sums), 7);
      store(raw, sub(sum_quarters(sum[0], sum[1], sum[2], sum[3]), excess));
    }
  }
  // Weights of 15 bits are two unsigned bytes, the upper in steps of 128: at most 128 and 127.
  static void mix(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int channels, int quads,
                  int32_t* sums) {
    const __m512i by_channel = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    for (int c = 0; c < channels; c += 64) {
      if (channels - c >= 64) {
        mix_channels<4>(memory + 4 * c, stride, weights, quads, by_channel, sums + c);
      } else {
        for (int d = c; d < channels; d += 16) mix_channels<1>(memory + 4 * d, stride, weights, quads, by_channel, sums + d);
      }
    }
  }

 private:
  template <int N>
  static void mix_channels(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int quads, __m512i by_channel,
                           int32_t* sums) {
    I32 high[N], low[N];
    for (int i = 0; i < N; ++i) high[i] = low[i] = set1(0);
    for (int q = 0; q < quads; ++q, memory += stride) {
      const __m128i four = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights + 4 * q));
      const __m128i upper = _mm_srli_epi16(four, 7), lower = _mm_and_si128(four, _mm_set1_epi16(127));
      const __m128i bytes = _mm_packus_epi16(upper, lower);
      const I32 h = _mm512_broadcastd_epi32(bytes);
      const I32 l = _mm512_broadcastd_epi32(_mm_srli_si128(bytes, 8));
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) {
        const I32 entries = _mm512_shuffle_epi8(_mm512_loadu_si512(memory + 64 * i), by_channel);
        high[i] = _mm512_dpbusd_epi32(high[i], h, entries);
        low[i] = _mm512_dpbusd_epi32(low[i], l, entries);
      }
    }
    for (int i = 0; i < N; ++i) store(sums + 16 * i, add(times(high[i], 7), low[i]));
  }
};

}  // namespace
