// Vectors of four int32 in the compilers' own vector types: any processor, and the fallback on all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../model.hpp"

namespace {

using shazip::kBlock;

struct Simd {
  static constexpr int kLanes = 4;
  using I32 = int32_t __attribute__((vector_size(16)));
  using I64 = int64_t __attribute__((vector_size(32)));
  using I16 = int16_t __attribute__((vector_size(8)));
  using Operand = int16_t;

  static I32 set1(int32_t x) { return I32{x, x, x, x}; }
  static I32 load(const int32_t* p) { return read<I32>(p); }
  static void store(int32_t* p, I32 x) { memcpy(p, &x, sizeof x); }
  static I32 load16(const int16_t* p) { return __builtin_convertvector(read<I16>(p), I32); }
  static void store16(int16_t* p, I32 x) {
    const I16 narrow = __builtin_convertvector(x, I16);
    memcpy(p, &narrow, sizeof narrow);
  }
  static void store8(int8_t* p, I32 x) {
    using Bytes = int8_t __attribute__((vector_size(4)));
    const Bytes narrow = __builtin_convertvector(x, Bytes);
    memcpy(p, &narrow, sizeof narrow);
  }
  static I32 add(I32 a, I32 b) { return a + b; }
  static I32 sub(I32 a, I32 b) { return a - b; }
  static I32 mul(I32 a, I32 b) { return a * b; }
  static I32 min(I32 a, I32 b) { return a < b ? a : b; }
  static I32 max(I32 a, I32 b) { return a > b ? a : b; }
  static I32 shift_right(I32 a, int n) { return a >> n; }
  static I32 times(I32 a, int n) { return a * (1 << n); }

  static I64 wide(I32 a, I32 b) {
    return __builtin_convertvector(a, I64) * __builtin_convertvector(b, I64);
  }
  static I64 wide_set1(int64_t x) { return I64{x, x, x, x}; }
  static I64 wide_load(const int64_t* p) { return read<I64>(p); }
  static I64 wide_add(I64 a, I64 b) { return a + b; }
  static I32 narrow(I64 a, int n) { return __builtin_convertvector(a >> n, I32); }
  static int32_t wide_position(int32_t lane) { return lane; }

  static int64_t sum(I32 a) { return int64_t{a[0]} + a[1] + a[2] + a[3]; }
  static int64_t wide_sum(I64 a) { return a[0] + a[1] + a[2] + a[3]; }
  static int32_t largest(I32 a) {
    const int32_t x = a[0] > a[1] ? a[0] : a[1], y = a[2] > a[3] ? a[2] : a[3];
    return x > y ? x : y;
  }

  // Gather instructions are slower than loads on most processors, and here there are none.
  static void look_up(const int16_t* table, const int32_t* index, int16_t* value, int count) {
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i) value[i] = table[index[i]];
  }

  static constexpr bool kOffset = false;
  static void store_operand(Operand* p, I32 x) { store16(p, x); }

  // Products: two inputs at once, int16 by int16.
  static constexpr int kStep = 2, kRows = 2, kColumns = 4;
  using Weights = I32;  // pairs of int16
  using Inputs = I32;
  static Weights load_weights(const int8_t* p) {
    using Bytes = int8_t __attribute__((vector_size(8)));
    using Words = int16_t __attribute__((vector_size(16)));
    return reinterpret_cast<I32>(__builtin_convertvector(read<Bytes>(p), Words));
  }
  static Inputs broadcast(const Operand* p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return set1(pair);
  }
  static I32 dot(I32 sum, Weights w, Inputs a) { return sum + multiply_pairs(w, a); }

  static I32 multiply_pairs(I32 a, I32 b) {
#if defined(__SSE2__)
    return reinterpret_cast<I32>(
        __builtin_ia32_pmaddwd128(reinterpret_cast<Halves>(a), reinterpret_cast<Halves>(b)));
#else
    return low_half(a) * low_half(b) + (a >> 16) * (b >> 16);
#endif
  }

  // Attention. Per four channels of four entries 16 bytes of memory meet the four channels of the
  // query, held twice.
  using Focus = int16_t;
  static constexpr int kFocusCopies = 2;
  static void spread(const int8_t* focus, Focus* spread, int channels) {
    for (int c = 0; c < channels; c += 4) {
      for (int i = 0; i < 8; ++i) spread[2 * c + i] = focus[c + i % 4];
    }
  }
  static void scores(const int8_t* memory, ptrdiff_t stride, const Focus* spread, int channels,
                     int groups, const int32_t*, int32_t* raw) {
    for (int q = 0; q < 4 * groups; ++q, raw += 4) {
      const int8_t* quad = memory + q / 4 * stride + q % 4 * kBlock;
      I32 first = set1(0), last = set1(0);  // two entries each, in pairs of sums
      for (int c = 0; c < channels; c += 4) {
        const I32 query = read<I32>(spread + 2 * c);
        const int8_t* at = quad + c / 16 * 4 * kBlock + c % 16 * 4;
        first = dot(first, load_weights(at), query);
        last = dot(last, load_weights(at + 8), query);
      }
      store(raw,
            I32{first[0] + first[1], first[2] + first[3], last[0] + last[1], last[2] + last[3]});
    }
  }
  static void mix(const int8_t* memory, ptrdiff_t stride, const int16_t* weights, int channels,
                  int groups, int32_t* sums) {
    using Bytes = int8_t __attribute__((vector_size(4)));
    for (int c = 0; c < channels; c += 4) {
      const int8_t* four = memory + c / 16 * 4 * kBlock + c % 16 * 4;
      I32 sum = set1(0);
      for (int q = 0; q < 4 * groups; ++q) {
        for (int e = 0; e < 4; ++e) {
          const Bytes entry = read<Bytes>(four + q / 4 * stride + q % 4 * kBlock + 4 * e);
          sum += __builtin_convertvector(entry, I32) * weights[4 * q + e];
        }
      }
      store(sums + c, sum);
    }
  }

  template <typename Vector>
  static Vector read(const void* p) {
    Vector x;
    memcpy(&x, p, sizeof x);
    return x;
  }

 private:
  using Halves = short __attribute__((vector_size(16)));
  static I32 low_half(I32 a) {
    using Unsigned = uint32_t __attribute__((vector_size(16)));
    return reinterpret_cast<I32>(reinterpret_cast<Unsigned>(a) << 16) >> 16;
  }
};

}  // namespace
