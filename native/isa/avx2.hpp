// AVX2: eight int32. Products of int16 pairs (vpmaddwd), which cannot saturate as vpmaddubsw can.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../model.hpp"
#include "lookup.hpp"

namespace {

using shazip::kBlock;

struct Simd256 {
  static constexpr int kLanes = 8;
  using I32 = __m256i;
  struct I64 {
    __m256i even, odd;
  };

  static I32 set1(int32_t x) { return _mm256_set1_epi32(x); }
  static I32 load(const int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void store(int32_t* p, I32 x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }
  static I32 load16(const int16_t* p) { return _mm256_cvtepi16_epi32(half(p)); }
  // Both for values that fit, so that saturation does nothing.
  static void store16(int16_t* p, I32 x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), pack16(x));
  }
  static void store8(int8_t* p, I32 x) {
    const __m128i words = pack16(x);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
  }
  static I32 add(I32 a, I32 b) { return _mm256_add_epi32(a, b); }
  static I32 sub(I32 a, I32 b) { return _mm256_sub_epi32(a, b); }
  static I32 mul(I32 a, I32 b) { return _mm256_mullo_epi32(a, b); }
  static I32 min(I32 a, I32 b) { return _mm256_min_epi32(a, b); }
  static I32 max(I32 a, I32 b) { return _mm256_max_epi32(a, b); }
  static I32 shift_right(I32 a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); }
  static I32 times(I32 a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }

  static I64 wide(I32 a, I32 b) {
    return {_mm256_mul_epi32(a, b),
            _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32))};
  }
  static I64 wide_set1(int64_t x) { return {_mm256_set1_epi64x(x), _mm256_set1_epi64x(x)}; }
  static I64 wide_load(const int64_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 4))};
  }
  static I64 wide_add(I64 a, I64 b) {
    return {_mm256_add_epi64(a.even, b.even), _mm256_add_epi64(a.odd, b.odd)};
  }
  // The results fit 32 bits: they are 32 of the 64 bits, and from 32 on the upper half's own
  // arithmetic shift.
  static I32 narrow(I64 a, int n) {
    if (n >= 32) {
      const __m256i high = _mm256_blend_epi32(_mm256_srli_epi64(a.even, 32), a.odd, 0xAA);
      return _mm256_sra_epi32(high, _mm_cvtsi32_si128(n - 32));
    }
    const __m256i even = _mm256_srl_epi64(a.even, _mm_cvtsi32_si128(n));
    return _mm256_blend_epi32(even, _mm256_sll_epi64(a.odd, _mm_cvtsi32_si128(32 - n)), 0xAA);
  }
  static int32_t wide_position(int32_t lane) { return lane % 2 * 4 + lane / 2; }

  static void look_up(const int16_t* table, const int32_t* index, int16_t* value, int count) {
    for (int i = 0; i < count; i += 8) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(value + i), look_up_8(table, index + i));
    }
  }

  static int64_t sum(I32 a) {
    alignas(32) int32_t x[8];
    store(x, a);
    int64_t total = 0;
    for (int i = 0; i < 8; ++i) total += x[i];
    return total;
  }
  static int64_t wide_sum(I64 a) {
    alignas(32) int64_t x[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(x), _mm256_add_epi64(a.even, a.odd));
    return x[0] + x[1] + x[2] + x[3];
  }
  static int32_t largest(I32 a) {
    __m128i x = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    x = _mm_max_epi32(x, _mm_shuffle_epi32(x, 0x4E));
    x = _mm_max_epi32(x, _mm_shuffle_epi32(x, 0xB1));
    return _mm_cvtsi128_si32(x);
  }

 protected:
  static __m128i half(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static __m128i pack16(I32 x) {
    return _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  }
  static I32 broadcast32(const void* p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return _mm256_set1_epi32(x);
  }
};

#if !defined(SHAZIP_DOT_BYTES)

struct Simd : Simd256 {
  using Operand = int16_t;
  static constexpr bool kOffset = false;
  static void store_operand(Operand* p, I32 x) { store16(p, x); }

  static constexpr int kStep = 2, kRows = 2, kColumns = 6;
  using Weights = I32;
  using Inputs = I32;
  static Weights load_weights(const int8_t* p) { return _mm256_cvtepi8_epi16(half(p)); }
  static Inputs broadcast(const Operand* p) { return broadcast32(p); }
  static I32 dot(I32 sum, Weights w, Inputs a) { return add(sum, _mm256_madd_epi16(w, a)); }

  // Per four channels, 16 bytes of memory (four entries of four channels) meet the query's four
  // channels, held four times.
  using Focus = int16_t;
  static constexpr int kFocusCopies = 4;
  static void spread(const int8_t* focus, Focus* spread, int channels) {
    for (int c = 0; c < channels; c += 4) {
      int32_t four;
      memcpy(&four, focus + c, sizeof four);
      const __m256i words = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(spread + 4 * c), words);
    }
  }
  static void scores(const int8_t* memory, ptrdiff_t stride, const Focus* spread, int channels,
                     int groups, const int32_t*, int32_t* raw) {
    for (int g = 0; g < groups; ++g, memory += stride, raw += 16) {
      I32 sum[4] = {set1(0), set1(0), set1(0), set1(0)};  // of a quad: each entry's two halves
      for (int c = 0; c < channels; c += 4) {
        const I32 query = load(reinterpret_cast<const int32_t*>(spread + 4 * c));
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          sum[i] = dot(sum[i], load_weights(memory + c / 16 * 4 * kBlock + kBlock * i + c % 16 * 4),
                       query);
        }
      }
      store(raw, ordered(sum[0], sum[1]));
      store(raw + 8, ordered(sum[2], sum[3]));
    }
  }
  static void mix(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int channels,
                  int groups, int32_t* sums) {
    int c = 0;
    for (; channels - c >= 48; c += 48)
      mix_chunks<3>(memory + 16 * c, stride, weights, groups, sums + c);
    for (; c < channels; c += 16) mix_chunks<1>(memory + 16 * c, stride, weights, groups, sums + c);
  }

 private:
  template <int N>
  static void mix_chunks(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int groups,
                         int32_t* sums) {
    const __m128i by_channel = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    I32 sum[4 * N];  // of four channels each: every channel's two halves
#pragma GCC unroll 12
    for (int i = 0; i < 4 * N; ++i) sum[i] = set1(0);
    for (int q = 0; q < 4 * groups; ++q) {
      int64_t four;
      memcpy(&four, weights + 4 * q, sizeof four);
      if (four == 0) continue;
      const I32 weight = _mm256_set1_epi64x(four);
      const int8_t* at = memory + q / 4 * stride + q % 4 * kBlock;
#pragma GCC unroll 12
      for (int i = 0; i < 4 * N; ++i) {
        const __m128i bytes =
            _mm_shuffle_epi8(half(at + i / 4 * 4 * kBlock + i % 4 * 16), by_channel);
        sum[i] = dot(sum[i], _mm256_cvtepi8_epi16(bytes), weight);
      }
    }
#pragma GCC unroll 12
    for (int i = 0; i < 4 * N; i += 2) store(sums + 4 * i, ordered(sum[i], sum[i + 1]));
  }
  // (a0 + a1, a2 + a3, ..., b6 + b7)
  static I32 ordered(I32 a, I32 b) {
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xD8);
  }
};

#endif

}  // namespace
