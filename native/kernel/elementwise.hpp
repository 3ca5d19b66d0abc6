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

struct Spread {
  I32 centre, gain;
};

// The statistics of a row for its layer norm. x: (padded), zero beyond the width.
inline Spread measure(const Model& m, const int32_t* x) {
  I32 sums = Simd::set1(0);
  I64 squares = Simd::wide_set1(0);
  for (int i = 0; i < m.padded; i += V) {
    const I32 v = Simd::load(x + i);
    sums = Simd::add(sums, v);
    squares = Simd::wide_add(squares, Simd::wide(v, v));
  }
  const int64_t d = m.width, sum = Simd::sum(sums);
  const int64_t mean = (16 * sum + d * (1 << 24)) / d - (1 << 24);
  // The sum of (16 * x - mean)**2, opened up: at most 2**58, 2**59 and 2**58.
  const int64_t variance = 256 * Simd::wide_sum(squares) - 32 * mean * sum + d * mean * mean;
  const int64_t root = integer_root(variance / d * 4096);
  const int64_t spread = root < (1 << 14) ? 1 << 14 : root;
  return {Simd::set1(static_cast<int32_t>(mean)),
          Simd::set1(static_cast<int32_t>((int64_t{1} << 44) / spread))};
}

// Calls use(channel, z) with V normalised values of a row, which are of no meaning beyond the
// width. It may write over x as it goes.
template <typename Use>
inline void normalise(const Model& m, const int32_t* x, Use use) {
  const Spread spread = measure(m, x);
  const I64 half = Simd::wide_set1(1 << 26);
  const int padded = m.padded;
  for (int i = 0; i < padded; i += V) {
    const I32 c = Simd::sub(Simd::times(Simd::load(x + i), 4), spread.centre);
    const I32 z = Simd::narrow(Simd::wide_add(Simd::wide(c, spread.gain), half), 27);
    use(i, clamp(z, -32767, 32767));
  }
}

// A site's learned scale and bias. By value, so that stores in a loop do not make it be loaded
// again.
inline I32 at_site(Norm norm, int i, I32 z, int32_t limit) {
  const I32 scaled = Simd::add(Simd::mul(z, Simd::load(norm.scale + i)), Simd::load(norm.bias + i));
  const I32 half = Simd::set1(1 << (norm.shift - 1));
  return clamp(Simd::shift_right(Simd::add(scaled, half), norm.shift), -limit, limit);
}

inline void to_output_operand(const Model& m, const int32_t* h, Operand* operand) {
  const I64 half = Simd::wide_set1(int64_t{1} << (m.activation_shift - 1));
  for (int i = 0; i < m.padded; i += V) {
    const I64 scaled = Simd::wide(Simd::load(h + i), Simd::load(m.activation_multiplier + i));
    const I32 y = Simd::narrow(Simd::wide_add(scaled, half), m.activation_shift);
    Simd::store_operand(operand + i, clamp(y, -kOperandMax, kOperandMax));
  }
}

// logits and freqs: (symbols)
inline void to_frequencies(const Model& m, const int16_t* logits, uint32_t* freqs) {
  const int symbols = m.symbols;
  I32 most = Simd::set1(-32768);
  for (int i = 0; i < symbols; i += V) most = Simd::max(most, Simd::load16(logits + i));
  const I32 top = Simd::set1(Simd::largest(most));
  alignas(64) int32_t index[kSymbolsMax];
  for (int i = 0; i < symbols; i += V) {
    const I32 below = Simd::sub(top, Simd::load16(logits + i));
    Simd::store(index + i, Simd::min(below, Simd::set1(kLogitEntries - 1)));
  }
  alignas(64) int32_t cumulative[kSymbolsMax];  // inclusive; at most 2**28
  int32_t total = 0;
  for (int i = 0; i < symbols; ++i) cumulative[i] = total += m.exp_logit[index[i]];
  // Exact: C * T < 2**52, and the floor of the correctly rounded quotient is the quotient's
  // (section 5).
  alignas(64) int32_t quotient[kSymbolsMax + 1];
  quotient[0] = 0;
  const double divisor = total, room = (1 << 24) - symbols;
  for (int i = 0; i < symbols; ++i)
    quotient[i + 1] = static_cast<int32_t>(static_cast<double>(cumulative[i]) * room / divisor);
  for (int i = 0; i < symbols; ++i)
    freqs[i] = static_cast<uint32_t>(1 + quotient[i + 1] - quotient[i]);
}

}  // namespace
}  // namespace shazip
