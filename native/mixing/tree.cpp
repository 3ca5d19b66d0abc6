#include "tree.hpp"

#include <algorithm>

namespace shazip::mixing {
namespace {

// Fills the sums of inner nodes from those of the leaves.
void sum_up(uint32_t* sums) {
  for (int node = kBranches - 1; node >= 1; --node)
    sums[node] = sums[2 * node] + sums[2 * node + 1];
}

// One of 2048 rows.
int row_of(uint32_t value) { return static_cast<int>((value * 0x9E3779B1u) >> 21); }

}  // namespace

void Tree::open(const Lane& lane_, const uint32_t* freqs_) {
  lane = &lane_;
  order_two = static_cast<uint32_t>(scramble(lane->symbols & 0xffff) >> 20);
  class_row = static_cast<int>(lane->classes & 0xff);
  hashed_rows[0] = row_of(lane->first_word);
  hashed_rows[1] = row_of(static_cast<uint32_t>(lane->classes & 0xffff));
  std::copy(freqs_, freqs_ + kNodes, freqs);
  Half& half = halves[0];
  half.root = 1;
  half.depth = 0;
  for (int first = 0; first < kBranches; ++first) {
    uint32_t sum = 0;
    for (int second = 0; second < kBranches; ++second) sum += freqs[first * kBranches + second];
    half.sums[kBranches + first] = sum;
  }
  sum_up(half.sums);
}

void Tree::open_second(int first) {
  Half& half = halves[1];
  half.root = kBranches + first;
  half.depth = kHalfBits;
  std::copy(freqs + first * kBranches, freqs + (first + 1) * kBranches, half.sums + kBranches);
  sum_up(half.sums);
}

}  // namespace shazip::mixing
