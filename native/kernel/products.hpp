// int8 products: kRows vectors of rows by up to kColumns lanes stay in registers while the inputs
// go by.
#pragma once

#include "common.hpp"

namespace shazip {
namespace {

template <int L>
inline void multiply_rows(const int8_t* weights, const int32_t* origin, const Operand* operand,
                          ptrdiff_t stride, int steps, int32_t* out, ptrdiff_t out_stride) {
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

// Some of a matrix's packed vectors of rows: whole tiles, whose channels lie side by side.
struct Strip {
  int begin, vectors;
};

inline int first_channel(const Product& p, Strip strip) { return strip.begin / p.groups * V; }
inline int channels(const Product& p, Strip strip) { return strip.vectors / p.groups * V; }

template <int L>
inline void multiply_strip(const Product& p, Strip strip, const Operand* operand, ptrdiff_t stride,
                           int32_t* out, ptrdiff_t out_stride) {
  for (int v = 0; v < strip.vectors; v += Simd::kRows) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(strip.begin + v) * V;
    multiply_rows<L>(p.weights + at * p.inputs, p.origin + at, operand, stride,
                     p.inputs / Simd::kStep, out + v * V, out_stride);
  }
}

// Some lanes' sums in a strip's rows. out: (lanes, out_stride)
inline void multiply_lanes(const Product& p, Strip strip, const Operand* operand, ptrdiff_t stride,
                           int lanes, int32_t* out, ptrdiff_t out_stride) {
  switch (lanes) {
    case 1:
      return multiply_strip<1>(p, strip, operand, stride, out, out_stride);
    case 2:
      return multiply_strip<2>(p, strip, operand, stride, out, out_stride);
    case 3:
      return multiply_strip<3>(p, strip, operand, stride, out, out_stride);
    case 4:
      return multiply_strip<lesser(4, Simd::kColumns)>(p, strip, operand, stride, out, out_stride);
    case 5:
      return multiply_strip<lesser(5, Simd::kColumns)>(p, strip, operand, stride, out, out_stride);
    case 6:
      return multiply_strip<lesser(6, Simd::kColumns)>(p, strip, operand, stride, out, out_stride);
    case 7:
      return multiply_strip<lesser(7, Simd::kColumns)>(p, strip, operand, stride, out, out_stride);
    default:
      return multiply_strip<lesser(8, Simd::kColumns)>(p, strip, operand, stride, out, out_stride);
  }
}

// All lanes' sums in a strip's rows. operand: (lanes, stride); out: (lanes, out_stride)
inline void multiply(const Part& part, const Product& p, Strip strip, const Operand* operand,
                     ptrdiff_t stride, int32_t* out, ptrdiff_t out_stride) {
  const int columns = (part.count + Simd::kColumns - 1) / Simd::kColumns;
  for (int i = 0; i < columns; ++i) {
    const int begin = part.count * i / columns, end = part.count * (i + 1) / columns;
    multiply_lanes(p, strip, operand + begin * stride, stride, end - begin,
                   out + begin * out_stride, out_stride);
  }
  spent(part, kProducts);
}

// out: (lanes, vectors of the strip, V)
inline void multiply(const Part& part, const Product& p, Strip strip, const Operand* operand,
                     ptrdiff_t stride, int32_t* out) {
  multiply(part, p, strip, operand, stride, out, strip.vectors * V);
}

// With few lanes a strip is many tiles, so that there is enough to do at once between products;
// lanes times tiles stay within kBatch, for which there is space.
inline int tiles_of_strip(int tiles, int lanes) {
  const int strips = greater(1, (tiles * lanes + kBatch / 2 - 1) / (kBatch / 2));
  return greater(1, (tiles + strips - 1) / strips);
}

// Calls work(strip) for some tiles' rows.
template <typename Work>
inline void each_strip(const Part& part, const Product& p, Range mine, Work work) {
  const int tiles = tiles_of_strip(mine.end - mine.begin, part.count);
  for (int tile = mine.begin; tile < mine.end; tile += tiles) {
    work(Strip{tile * p.vectors, lesser(tiles, mine.end - tile) * p.vectors});
  }
}

// The same for this rank's share of them.
template <typename Work>
inline void each_strip(const Part& part, const Product& p, Work work) {
  each_strip(part, p, share(p.tiles, part), work);
}

// Calls use(lane, row, value) with V requantised sums of a strip. Rows outside, so that what
// belongs to them is loaded once.
template <typename Use>
inline void requantise_lanes(const Product& p, Strip strip, int lanes, const int32_t* sums,
                             Use use) {
  const int row = strip.vectors * V, shift = p.shift;
  const ptrdiff_t first = static_cast<ptrdiff_t>(strip.begin) * V;
  for (int v = 0; v < row; v += V) {
    const I32 multiplier = Simd::load(p.multiplier + first + v);
    const I64 bias = Simd::wide_load(p.bias + first + v);
    for (int l = 0; l < lanes; ++l) {
      const I64 scaled = Simd::wide(Simd::load(sums + l * row + v), multiplier);
      use(l, v, Simd::narrow(Simd::wide_add(scaled, bias), shift));
    }
  }
}

}  // namespace
}  // namespace shazip
