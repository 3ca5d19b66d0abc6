// Layer norm and frequencies (docs/arithmetic.md, sections 3 and 5).
#pragma once

#include "common.hpp"

namespace shazip {
namespace {

// floor(sqrt(n)) for n < 2**60. The float only proposes; integers decide.
inline int64_t integer_root(int64_t n) {
  int64_t root = static_cast<int64_t>(__builtin_sqrt(static_cast<double>(n)));
  while (root * root > n) --root;
  while ((root + 1) * (root + 1) <= n) ++root;
  return root;
}

// x, z: (padded); x is zero beyond the width, z is of no meaning there.
inline void normalise(const Model& m, const int32_t* x, int32_t* z) {
  I32 sum = Simd::set1(0);
  for (int i = 0; i < m.padded; i += V) sum = Simd::add(sum, Simd::load(x + i));
  const int64_t d = m.width;
  const int64_t mean = (16 * Simd::sum(sum) + d * (1 << 24)) / d - (1 << 24);
  const I32 centre = Simd::set1(static_cast<int32_t>(mean));
  I64 squares = Simd::wide_set1(0);
  for (int i = 0; i < m.padded; i += V) {
    const I32 c = Simd::sub(Simd::times(Simd::load(x + i), 4), centre);
    Simd::store(z + i, c);
    squares = Simd::wide_add(squares, Simd::wide(c, c));
  }
  // The zeros beyond the width were counted as well, each as the mean's square.
  const int64_t variance = Simd::wide_sum(squares) - (m.padded - d) * mean * mean;
  const int64_t root = integer_root(variance / d * 4096);
  const int64_t spread = root < (1 << 14) ? 1 << 14 : root;
  const I32 gain = Simd::set1(static_cast<int32_t>((int64_t{1} << 44) / spread));
  const I64 half = Simd::wide_set1(1 << 26);
  for (int i = 0; i < m.padded; i += V) {
    const I32 c = Simd::narrow(Simd::wide_add(Simd::wide(Simd::load(z + i), gain), half), 27);
    Simd::store(z + i, clamp(c, -32767, 32767));
  }
}

inline I32 scale_and_shift(const Norm& norm, const int32_t* z, int i, I32 half) {
  const I32 scaled = Simd::mul(Simd::load(z + i), Simd::load(norm.scale + i));
  return Simd::shift_right(Simd::add(Simd::add(scaled, Simd::load(norm.bias + i)), half), norm.shift);
}

inline void to_residual(const Model& m, const Norm& norm, const int32_t* z, int32_t* h) {
  const I32 half = Simd::set1(1 << (norm.shift - 1));
  for (int i = 0; i < m.padded; i += V) {
    Simd::store(h + i, clamp(scale_and_shift(norm, z, i, half), -kResidualMax, kResidualMax));
  }
}

inline void to_operand(const Model& m, const Norm& norm, const int32_t* z, Operand* operand) {
  const I32 half = Simd::set1(1 << (norm.shift - 1));
  for (int i = 0; i < m.padded; i += V) {
    Simd::store_operand(operand + i, clamp(scale_and_shift(norm, z, i, half), -kOperandMax, kOperandMax));
  }
}

inline void to_bytes(const Model& m, const Norm& norm, const int32_t* z, int8_t* bytes) {
  const I32 half = Simd::set1(1 << (norm.shift - 1));
  for (int i = 0; i < m.padded; i += V) {
    Simd::store8(bytes + i, clamp(scale_and_shift(norm, z, i, half), -kOperandMax, kOperandMax));
  }
}

inline void to_output_operand(const Model& m, const int32_t* h, Operand* operand) {
  const I64 half = Simd::wide_set1(int64_t{1} << (m.activation_shift - 1));
  for (int i = 0; i < m.padded; i += V) {
    const I64 scaled = Simd::wide(Simd::load(h + i), Simd::load(m.activation_multiplier + i));
    const I32 y = Simd::narrow(Simd::wide_add(scaled, half), m.activation_shift);
    Simd::store_operand(operand + i, clamp(y, -kOperandMax, kOperandMax));
  }
}

inline void to_frequencies(const int32_t* exp_logit, const int16_t* logits, uint32_t* freqs) {
  I32 most = Simd::set1(-32768);
  for (int i = 0; i < kAlphabet; i += V) most = Simd::max(most, Simd::load16(logits + i));
  const I32 top = Simd::set1(Simd::largest(most));
  alignas(64) int32_t index[kAlphabet];
  for (int i = 0; i < kAlphabet; i += V) {
    const I32 below = Simd::sub(top, Simd::load16(logits + i));
    Simd::store(index + i, Simd::min(below, Simd::set1(kLogitEntries - 1)));
  }
  alignas(64) int32_t cumulative[kAlphabet];  // inclusive; at most 2**28
  int32_t total = 0;
  for (int i = 0; i < kAlphabet; ++i) cumulative[i] = total += exp_logit[index[i]];
  // Exact: C * T < 2**52, and the floor of the correctly rounded quotient is the quotient's (section 5).
  alignas(64) int32_t quotient[kAlphabet + 1];
  quotient[0] = 0;
  const double divisor = total;
  for (int i = 0; i < kAlphabet; ++i) {
    quotient[i + 1] = static_cast<int32_t>(static_cast<double>(cumulative[i]) * ((1 << 24) - 256) / divisor);
  }
  for (int i = 0; i < kAlphabet; ++i) freqs[i] = static_cast<uint32_t>(1 + quotient[i + 1] - quotient[i]);
}

}  // namespace
}  // namespace shazip
