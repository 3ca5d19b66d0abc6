// int8 products: kRows vectors of rows by up to kColumns lanes stay in registers while the inputs go by.
#pragma once

#include "common.hpp"

namespace shazip {
namespace {

template <int L>
inline void multiply_rows(const int8_t* weights, const int32_t* origin, const Operand* operand, ptrdiff_t stride,
                     int steps, int32_t* out, ptrdiff_t out_stride) {
  constexpr int R = Simd::kRows;
  I32 sum[R][L];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) sum[r][l] = Simd::load(origin + r * V);
  }
  for (int k = 0; k < steps; ++k) {
    typename Simd::Weights w[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) w[r] = Simd::load_weights(weights + (k * R + r) * V * Simd::kStep);
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) {
      const typename Simd::Inputs a = Simd::broadcast(operand + l * stride + k * Simd::kStep);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r][l] = Simd::dot(sum[r][l], w[r], a);
    }
  }
#pragma GCC unroll 16
  for (int l = 0; l < L; ++l) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) Simd::store(out + l * out_stride + r * V, sum[r][l]);
  }
}

template <int L>
inline void multiply_vectors(const Product& p, int tile, const Operand* operand, ptrdiff_t stride, int32_t* out) {
  constexpr int R = Simd::kRows;
  const int row = p.vectors * V;
  for (int v = 0; v < p.vectors; v += R) {
    const ptrdiff_t at = (static_cast<ptrdiff_t>(tile) * p.vectors + v) * V;
    multiply_rows<L>(p.weights + at * p.inputs, p.origin + at, operand, stride, p.inputs / Simd::kStep, out + v * V, row);
  }
}

// Some lanes' sums in a tile's rows.
inline void multiply_lanes(const Product& p, int tile, const Operand* operand, ptrdiff_t stride, int lanes,
                           int32_t* out) {
  switch (lanes) {
    case 1: return multiply_vectors<1>(p, tile, operand, stride, out);
    case 2: return multiply_vectors<2>(p, tile, operand, stride, out);
    case 3: return multiply_vectors<3>(p, tile, operand, stride, out);
    case 4: return multiply_vectors<lesser(4, Simd::kColumns)>(p, tile, operand, stride, out);
    case 5: return multiply_vectors<lesser(5, Simd::kColumns)>(p, tile, operand, stride, out);
    case 6: return multiply_vectors<lesser(6, Simd::kColumns)>(p, tile, operand, stride, out);
    case 7: return multiply_vectors<lesser(7, Simd::kColumns)>(p, tile, operand, stride, out);
    default: return multiply_vectors<lesser(8, Simd::kColumns)>(p, tile, operand, stride, out);
  }
}

// All lanes' sums in a tile's rows. operand: (lanes, stride); out: (lanes, vectors of a tile, lanes of a vector)
inline void multiply(const Part& part, const Product& p, int tile, const Operand* operand, ptrdiff_t stride,
                     int32_t* out) {
  const int columns = (part.count + Simd::kColumns - 1) / Simd::kColumns;
  for (int i = 0; i < columns; ++i) {
    const int begin = part.count * i / columns, end = part.count * (i + 1) / columns;
    multiply_lanes(p, tile, operand + begin * stride, stride, end - begin, out + begin * p.vectors * V);
  }
  spent(part, kProducts);
}

inline I32 requantise(const Product& p, ptrdiff_t at, I32 sum) {
  const I64 scaled = Simd::wide(sum, Simd::load(p.multiplier + at));
  return Simd::narrow(Simd::wide_add(scaled, Simd::wide_load(p.bias + at)), p.shift);
}

}  // namespace
}  // namespace shazip
