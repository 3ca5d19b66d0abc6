// Vectors of sixteen float32 with AVX-512, and of bfloat16 for products. For sources compiled for
// such processors only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

using F32 = __m512;

constexpr int kVector = 16;

// The first `count` elements: none below 1, all from 16 on.
inline __mmask16 first(int64_t count) {
  if (count >= kVector) return 0xFFFF;
  return count > 0 ? static_cast<__mmask16>((1u << count) - 1) : 0;
}

inline F32 set1(float x) { return _mm512_set1_ps(x); }
inline F32 load(const float* p, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, p); }
inline void store(float* p, F32 x, __mmask16 mask) { _mm512_mask_storeu_ps(p, mask, x); }

inline __m512i widen(__m256i x) { return _mm512_cvtepu16_epi32(x); }

inline F32 load(const uint16_t* p, __mmask16 mask) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(widen(_mm256_maskz_loadu_epi16(mask, p)), 16));
}

inline __m256i narrow(F32 x) { return (__m256i)_mm512_cvtneps_pbh(x); }

inline void store(uint16_t* p, F32 x, __mmask16 mask) {
  _mm256_mask_storeu_epi16(p, mask, narrow(x));
}

// Not a number stays one: that is the second operand's right in these instructions.
inline F32 clamp(F32 x, float low, float high) {
  return _mm512_min_ps(set1(high), _mm512_max_ps(set1(low), x));
}

// Within 2e-7 of e**x, relatively, for |x| < 1 and 1e-5 up to 88, where it ends.
inline F32 exp(F32 x) {
  constexpr float kFactors[] = {1.54035304e-4f,
                                1.33335581e-3f,
                                9.61812911e-3f,
                                5.55041087e-2f,
                                2.40226507e-1f,
                                6.93147181e-1f,
                                1.0f};  // ln(2)**n / n!
  const F32 scaled = _mm512_mul_ps(clamp(x, -88, 88), set1(1.44269504f));
  const F32 whole = _mm512_roundscale_ps(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const F32 rest = _mm512_sub_ps(scaled, whole);
  F32 sum = set1(1.52527338e-5f);
  for (const float factor : kFactors) sum = _mm512_fmadd_ps(sum, rest, set1(factor));
  return _mm512_scalef_ps(sum, whole);
}

inline F32 sigmoid(F32 x) {
  return _mm512_div_ps(set1(1), _mm512_add_ps(set1(1), exp(_mm512_sub_ps(set1(0), x))));
}

// Absolutely, within 2e-7.
inline F32 tanh(F32 x) {
  return _mm512_fnmadd_ps(set1(2), sigmoid(_mm512_mul_ps(set1(-2), x)), set1(1));
}

}  // namespace
