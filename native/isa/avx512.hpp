// AVX-512 (F, BW, DQ, VL): sixteen int32. Products of int16 pairs; avx512vnni.hpp has those of
// bytes.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../model.hpp"
#include "lookup.hpp"

namespace {

using shazip::kBlock;

struct Simd512 {
  static constexpr int kLanes = 16;
  using I32 = __m512i;
  struct I64 {
    __m512i even, odd;
  };

  static I32 set1(int32_t x) { return _mm512_set1_epi32(x); }
  static I32 load(const int32_t* p) { return _mm512_loadu_si512(p); }
  static void store(int32_t* p, I32 x) { _mm512_storeu_si512(p, x); }
  static I32 load16(const int16_t* p) { return _mm512_cvtepi16_epi32(half(p)); }
  static void store16(int16_t* p, I32 x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x));
  }
  static void store8(int8_t* p, I32 x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
  }
  static I32 add(I32 a, I32 b) { return _mm512_add_epi32(a, b); }
  static I32 sub(I32 a, I32 b) { return _mm512_sub_epi32(a, b); }
  static I32 mul(I32 a, I32 b) { return _mm512_mullo_epi32(a, b); }
  static I32 min(I32 a, I32 b) { return _mm512_min_epi32(a, b); }
  static I32 max(I32 a, I32 b) { return _mm512_max_epi32(a, b); }
  static I32 shift_right(I32 a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); }
  static I32 times(I32 a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }

  static I64 wide(I32 a, I32 b) {
    return {_mm512_mul_epi32(a, b),
            _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32))};
  }
  static I64 wide_set1(int64_t x) { return {_mm512_set1_epi64(x), _mm512_set1_epi64(x)}; }
  static I64 wide_load(const int64_t* p) {
    return {_mm512_loadu_si512(p), _mm512_loadu_si512(p + 8)};
  }
  static I64 wide_add(I64 a, I64 b) {
    return {_mm512_add_epi64(a.even, b.even), _mm512_add_epi64(a.odd, b.odd)};
  }
  // The results fit 32 bits: they are 32 of the 64 bits, and from 32 on the upper half's own
  // arithmetic shift.
  static I32 narrow(I64 a, int n) {
    if (n >= 32) {
      const __m512i high = _mm512_mask_shuffle_epi32(a.odd, 0x5555, a.even, _MM_PERM_DDBB);
      return _mm512_sra_epi32(high, _mm_cvtsi32_si128(n - 32));
    }
    const __m512i even = _mm512_srl_epi64(a.even, _mm_cvtsi32_si128(n));
    return _mm512_mask_blend_epi32(0xAAAA, even,
                                   _mm512_sll_epi64(a.odd, _mm_cvtsi32_si128(32 - n)));
  }
  static int32_t wide_position(int32_t lane) { return lane % 2 * 8 + lane / 2; }

  static void look_up(const int16_t* table, const int32_t* index, int16_t* value, int count) {
    for (int i = 0; i < count; i += 16) {
      const __m256i both =
          _mm256_set_m128i(look_up_8(table, index + i + 8), look_up_8(table, index + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(value + i), both);
    }
  }

  static int64_t sum(I32 a) {
    const __m512i pairs = _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(a)),
                                           _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(a, 1)));
    return _mm512_reduce_add_epi64(pairs);
  }
  static int64_t wide_sum(I64 a) {
    return _mm512_reduce_add_epi64(_mm512_add_epi64(a.even, a.odd));
  }
  static int32_t largest(I32 a) { return _mm512_reduce_max_epi32(a); }

 protected:
  static __m256i half(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static I32 broadcast32(const void* p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return _mm512_set1_epi32(x);
  }
  // Sums of each vector's four 128-bit lanes: (a, b, c, d).
  static I32 sum_quarters(I32 a, I32 b, I32 c, I32 d) {
    const I32 ab = add(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xDD));
    const I32 cd = add(_mm512_shuffle_i32x4(c, d, 0x88), _mm512_shuffle_i32x4(c, d, 0xDD));
    return add(_mm512_shuffle_i32x4(ab, cd, 0x88), _mm512_shuffle_i32x4(ab, cd, 0xDD));
  }
};

#if !defined(SHAZIP_DOT_BYTES)

struct Simd : Simd512 {
  using Operand = int16_t;
  static constexpr bool kOffset = false;
  static void store_operand(Operand* p, I32 x) { store16(p, x); }

  static constexpr int kStep = 2, kRows = 4, kColumns = 6;
  using Weights = I32;
  using Inputs = I32;
  static Weights load_weights(const int8_t* p) { return _mm512_cvtepi8_epi16(half(p)); }
  static Inputs broadcast(const Operand* p) { return broadcast32(p); }
  static I32 dot(I32 sum, Weights w, Inputs a) { return add(sum, _mm512_madd_epi16(w, a)); }

  // Per eight channels, 32 bytes of memory (two times four entries of four channels) meet the
  // query's, each four times.
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
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 16, 18, 20, 22, 8, 10, 12, 14, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    for (int g = 0; g < groups; ++g, memory += stride, raw += 16) {
      I32 sum[4] = {set1(0), set1(0), set1(0),
                    set1(0)};  // of a quad, twice: each entry's two halves
      for (int c = 0; c < channels; c += 8) {
        const I32 query = _mm512_loadu_si512(spread + 4 * c);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          sum[i] = dot(sum[i], load_weights(memory + c / 16 * 4 * kBlock + kBlock * i + c % 16 * 4),
                       query);
        }
      }
      // Pairs become entries: (a of the first four channels, b of them, a of the others, b of the
      // others).
      const I32 ab = add(_mm512_permutex2var_epi32(sum[0], even, sum[1]),
                         _mm512_permutex2var_epi32(sum[0], odd, sum[1]));
      const I32 cd = add(_mm512_permutex2var_epi32(sum[2], even, sum[3]),
                         _mm512_permutex2var_epi32(sum[2], odd, sum[3]));
      store(raw, add(_mm512_shuffle_i32x4(ab, cd, 0x44), _mm512_shuffle_i32x4(ab, cd, 0xEE)));
    }
  }
  static void mix(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int channels,
                  int groups, int32_t* sums) {
    int c = 0;
    for (; channels - c >= 128; c += 128)
      mix_chunks<8>(memory + 16 * c, stride, weights, groups, sums + c);
    for (; channels - c >= 32; c += 32)
      mix_chunks<2>(memory + 16 * c, stride, weights, groups, sums + c);
    for (; c < channels; c += 16) mix_chunks<1>(memory + 16 * c, stride, weights, groups, sums + c);
  }

 private:
  template <int N>
  static void mix_chunks(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int groups,
                         int32_t* sums) {
    const __m256i by_channel = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    I32 sum[2 * N];  // of eight channels each: every channel's two halves
#pragma GCC unroll 16
    for (int i = 0; i < 2 * N; ++i) sum[i] = set1(0);
    for (int q = 0; q < 4 * groups; ++q) {
      int64_t four;
      memcpy(&four, weights + 4 * q, sizeof four);
      if (four == 0) continue;
      const I32 weight = _mm512_set1_epi64(four);
      const int8_t* at = memory + q / 4 * stride + q % 4 * kBlock;
#pragma GCC unroll 16
      for (int i = 0; i < 2 * N; ++i) {
        const __m256i entries =
            _mm256_shuffle_epi8(half(at + i / 2 * 4 * kBlock + i % 2 * 32), by_channel);
        sum[i] = dot(sum[i], _mm512_cvtepi8_epi16(entries), weight);
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) {
      store(sums + 16 * i, add(_mm512_permutex2var_epi32(sum[2 * i], even, sum[2 * i + 1]),
                               _mm512_permutex2var_epi32(sum[2 * i], odd, sum[2 * i + 1])));
    }
  }
};

#endif

}  // namespace
