// AVX2 with VNNI in its VEX form: as avx512vnni.hpp, eight int32 wide.
#pragma once

#define SHAZIP_DOT_BYTES
#include "avx2.hpp"

namespace {

struct Simd : Simd256 {
  using Operand = uint8_t;
  static constexpr bool kOffset = true;
  static void store_operand(Operand* p, I32 x) {
    const __m128i words = pack16(add(x, set1(128)));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
  }

  static constexpr int kStep = 4, kRows = 2, kColumns = 6;
  using Weights = I32;
  using Inputs = I32;
  static Weights load_weights(const int8_t* p) { return load(reinterpret_cast<const int32_t*>(p)); }
  static Inputs broadcast(const Operand* p) { return broadcast32(p); }
  static I32 dot(I32 sum, Weights w, Inputs a) { return _mm256_dpbusd_avx_epi32(sum, a, w); }

  // Per eight channels, 32 bytes of memory (two times four entries of four channels) meet the
  // query's, each four times.
  using Focus = uint8_t;
  static constexpr int kFocusCopies = 4;
  static void spread(const int8_t* focus, Focus* spread, int channels) {
    for (int c = 0; c < channels; c += 4) {
      const __m128i offset =
          _mm_xor_si128(_mm256_castsi256_si128(broadcast32(focus + c)), _mm_set1_epi8(-128));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(spread + 4 * c), offset);
    }
  }
  static void scores(const int8_t* memory, ptrdiff_t stride, const Focus* spread, int channels,
                     int groups, const int32_t* sums, int32_t* raw) {
    for (int g = 0; g < groups; ++g, memory += stride, raw += 16, sums += 16) {
      I32 sum[4] = {set1(0), set1(0), set1(0), set1(0)};
      for (int c = 0; c < channels; c += 8) {
        const I32 query = load_weights(reinterpret_cast<const int8_t*>(spread + 4 * c));
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          sum[i] = dot(sum[i], load_weights(memory + c / 16 * 4 * kBlock + kBlock * i + c % 16 * 4),
                       query);
        }
      }
#pragma GCC unroll 2
      for (int i = 0; i < 4; i += 2) {
        const I32 halves = add(_mm256_permute2x128_si256(sum[i], sum[i + 1], 0x20),
                               _mm256_permute2x128_si256(sum[i], sum[i + 1], 0x31));
        store(raw + 4 * i, sub(halves, times(load(sums + 4 * i), 7)));
      }
    }
  }
  // Weights of 15 bits are two unsigned bytes, the upper in steps of 128: at most 128 and 127.
  static void mix(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int channels,
                  int groups, int32_t* sums) {
    int c = 0;
    for (; channels - c >= 48; c += 48)
      mix_chunks<6>(memory + 16 * c, stride, weights, groups, sums + c);
    for (; c < channels; c += 16) mix_chunks<2>(memory + 16 * c, stride, weights, groups, sums + c);
  }

 private:
  template <int N>
  static void mix_chunks(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int groups,
                         int32_t* sums) {
    const __m256i by_channel = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    I32 high[N], low[N];
#pragma GCC unroll 6
    for (int i = 0; i < N; ++i) high[i] = low[i] = set1(0);
    for (int q = 0; q < 4 * groups; ++q) {
      const int8_t* at = memory + q / 4 * stride + q % 4 * kBlock;
      const __m128i four = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights + 4 * q));
      const __m128i bytes =
          _mm_packus_epi16(_mm_srli_epi16(four, 7), _mm_and_si128(four, _mm_set1_epi16(127)));
      const I32 h = _mm256_broadcastd_epi32(bytes);
      const I32 l = _mm256_broadcastd_epi32(_mm_srli_si128(bytes, 8));
#pragma GCC unroll 6
      for (int i = 0; i < N; ++i) {
        const I32 entries =
            _mm256_shuffle_epi8(load_weights(at + i / 2 * 4 * kBlock + i % 2 * 32), by_channel);
        high[i] = _mm256_dpbusd_avx_epi32(high[i], h, entries);
        low[i] = _mm256_dpbusd_avx_epi32(low[i], l, entries);
      }
    }
#pragma GCC unroll 6
    for (int i = 0; i < N; ++i) store(sums + 8 * i, add(times(high[i], 7), low[i]));
  }
};

}  // namespace
