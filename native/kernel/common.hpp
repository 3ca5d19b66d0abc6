// Common definitions of the kernel's parts. Each variant's source includes it once, after the
// header that defines its Simd.
//
// Everything is in an unnamed namespace, so that code compiled for one instruction set is never
// linked into another variant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../step.hpp"

namespace shazip {
namespace {

using I32 = Simd::I32;
using I64 = Simd::I64;
using Operand = Simd::Operand;
constexpr int V = Simd::kLanes;

constexpr int lesser(int a, int b) { return a < b ? a : b; }
constexpr int greater(int a, int b) { return a > b ? a : b; }

struct Range {
  int begin, end;
};

// This rank's share of 0 .. total - 1.
inline Range share(int total, const Part& part) {
  return {static_cast<int>(int64_t{total} * part.rank / part.size),
          static_cast<int>(int64_t{total} * (part.rank + 1) / part.size)};
}

inline I32 clamp(I32 x, int32_t low, int32_t high) {
  return Simd::min(Simd::max(x, Simd::set1(low)), Simd::set1(high));
}

// The kernel counts time by kind of work only when a report is wanted.
enum Cost { kProducts, kAttention, kElementwise, kFrequencies, kWaiting, kCosts };

inline int64_t ticks() {
#if defined(__x86_64__)
  return static_cast<int64_t>(__builtin_ia32_rdtsc());
#elif defined(__aarch64__)
  int64_t count;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  return 0;
#endif
}

// The time since the last call was spent on `cost`.
inline void spent(const Part& part, Cost cost) {
  Local& local = *part.local;
  if (!local.costs) return;
  const int64_t now = ticks();
  local.costs[cost] += now - local.last;
  local.last = now;
}

}  // namespace
}  // namespace shazip
