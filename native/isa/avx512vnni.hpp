// AVX-512 with VNNI: four products of bytes at once (vpdpbusd, unsigned by signed, which does not
// saturate).
//
// The unsigned side holds a + 128; weights . (a + 128) - 128 * sum(weights) is exact in 32 bits:
// 4096 * 255 * 127 < 2**31.
#pragma once

#define SHAZIP_DOT_BYTES
#include "avx512.hpp"

#include <cstring>

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

  // Per sixteen channels, 64 bytes of memory (four times four entries of four channels) meet the
  // query's, each four times.
  using Focus = uint8_t;
  static constexpr int kFocusCopies = 4;
  static void spread(const int8_t* focus, Focus* spread, int channels) {
    const __m512i order = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    for (int c = 0; c < channels; c += 16) {
      const __m128i offset = _mm_xor_si128(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(focus + c)), _mm_set1_epi8(-128));
      _mm512_storeu_si512(spread + 4 * c,
                          _mm512_permutexvar_epi32(order, _mm512_castsi128_si512(offset)));
    }
  }
  static void scores(const int8_t* memory, ptrdiff_t stride, const Focus* spread, int channels,
                     int groups, const int32_t* sums, int32_t* raw) {
    for (int g = 0; g < groups; ++g, memory += stride, raw += 16, sums += 16) {
      I32 sum[4] = {set1(0), set1(0), set1(0), set1(0)};
      for (int c = 0; c < channels; c += 16) {
        const I32 query = _mm512_loadu_si512(spread + 4 * c);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          sum[i] =
              _mm512_dpbusd_epi32(sum[i], query, _mm512_loadu_si512(memory + 16 * c + kBlock * i));
        }
      }
      const I32 excess = times(load(sums), 7);
      store(raw, sub(sum_quarters(sum[0], sum[1], sum[2], sum[3]), excess));
    }
  }
  // Weights of 15 bits are two unsigned bytes, the upper in steps of 128: at most 128 and 127. Most
  // weights are below 128, so most quads are in the list for lower bytes only, and quads without
  // weight in none.
  static void mix(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int channels,
                  int groups, int32_t* sums) {
    Quad low[kMixQuads], high[kMixQuads];
    const int quads = 4 * groups;
    memset(sums, 0, sizeof(int32_t) * static_cast<size_t>(channels));
    for (int begin = 0; begin < quads; begin += kMixQuads) {
      int lows = 0, highs = 0;
      for (int q = begin; q < quads && q < begin + kMixQuads; ++q) {
        const __m128i four = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights + 4 * q));
        const __m128i upper = _mm_srli_epi16(four, 7),
                      lower = _mm_and_si128(four, _mm_set1_epi16(127));
        const __m128i bytes = _mm_packus_epi16(lower, upper);
        const int8_t* entries = memory + q / 4 * stride + q % 4 * kBlock;
        low[lows] = {entries, _mm_cvtsi128_si32(bytes)};
        high[highs] = {entries, _mm_extract_epi32(bytes, 2)};
        lows += low[lows].bytes != 0;
        highs += high[highs].bytes != 0;
      }
      int c = 0;
      for (; channels - c >= 384; c += 384)
        mix_chunks<24>(16 * c, low, lows, high, highs, sums + c);
      for (; channels - c >= 128; c += 128) mix_chunks<8>(16 * c, low, lows, high, highs, sums + c);
      for (; channels - c >= 32; c += 32) mix_chunks<2>(16 * c, low, lows, high, highs, sums + c);
      for (; c < channels; c += 16) mix_chunks<1>(16 * c, low, lows, high, highs, sums + c);
    }
  }

 private:
  static constexpr int kMixQuads = 256;
  struct Quad {
    const int8_t* entries;
    int32_t bytes;
  };
  template <int N>
  static void mix_chunks(int offset, const Quad* low, int lows, const Quad* high, int highs,
                         int32_t* sums) {
    I32 sum[N];
#pragma GCC unroll 24
    for (int i = 0; i < N; ++i) sum[i] = set1(0);
    mix_bytes<N>(offset, high, highs, sum);
#pragma GCC unroll 24
    for (int i = 0; i < N; ++i) sum[i] = times(sum[i], 7);
    mix_bytes<N>(offset, low, lows, sum);
#pragma GCC unroll 24
    for (int i = 0; i < N; ++i) store(sums + 16 * i, add(load(sums + 16 * i), sum[i]));
  }
  template <int N>
  static void mix_bytes(int offset, const Quad* quads, int count, I32* sum) {
    const __m512i by_channel =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    for (int q = 0; q < count; ++q) {
      const I32 weight = set1(quads[q].bytes);
      const int8_t* at = quads[q].entries + offset;
#pragma GCC unroll 24
      for (int i = 0; i < N; ++i) {
        sum[i] = _mm512_dpbusd_epi32(
            sum[i], weight,
            _mm512_shuffle_epi8(_mm512_loadu_si512(at + 4 * kBlock * i), by_channel));
      }
    }
  }
};

}  // namespace
