#include "tree.hpp"

#include <algorithm>
#include <numeric>

namespace shazip::mixing {
namespace {

// Fills the sums of inner nodes from those of the leaves.
void sum_up(Half& half) {
  for (int node = half.branches() - 1; node >= 1; --node)
    half.sums[node] = half.sums[2 * node] + half.sums[2 * node + 1];
}

// One of 2048 rows.
int row_of(uint32_t value) { return static_cast<int>((value * 0x9E3779B1u) >> 21); }

}  // namespace

void Tree::open(const Lane& lane_, const Shape& shape, const uint32_t* freqs_) {
  lane = &lane_;
  order_two = static_cast<uint32_t>(scramble(lane->bytes & 0xffff) >> 20);
  class_row = static_cast<int>(lane->classes & 0xff);
  hashed_rows[0] = row_of(shape.structure() ? lane->count % lane->near : lane->first_word);
  hashed_rows[1] = row_of(static_cast<uint32_t>(lane->classes & 0xffff));
  std::copy(freqs_, freqs_ + shape.nodes(), freqs);
  for (int i = 0; i < kHalves; ++i) halves[i].bits = shape.half_bits(i);
  Half& half = halves[0];
  half.root = 1;
  half.depth = 0;
  const int seconds = halves[1].branches();
  for (int first = 0; first < half.branches(); ++first) {
    const uint32_t* part = freqs + first * seconds;
    half.sums[half.branches() + first] = std::accumulate(part, part + seconds, uint32_t{0});
  }
  sum_up(half);
}

void Tree::open_second(int first) {
  Half& half = halves[1];
  half.root = halves[0].branches() + first;
  half.depth = halves[0].bits;
  const uint32_t* part = freqs + first * half.branches();
  std::copy(part, part + half.branches(), half.sums + half.branches());
  sum_up(half);
}

}  // namespace shazip::mixing
