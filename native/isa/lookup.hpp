// Table look-ups, for every x86 variant beyond the portable one.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace {

// Eight entries of a table (which may be read two bytes beyond its end). Loads one by one are
// faster than gather instructions on most processors; inserted into a vector they can be read back
// as one.
inline __m128i look_up_8(const int16_t* table, const int32_t* index) {
  uint64_t at[4];
  memcpy(at, index, sizeof at);
  const auto entry = [table](uint64_t i) { return static_cast<uint16_t>(table[i]); };
  int32_t first;
  memcpy(&first, table + static_cast<uint32_t>(at[0]), sizeof first);
  __m128i x = _mm_cvtsi32_si128(first);
  x = _mm_insert_epi16(x, entry(at[0] >> 32), 1);
  x = _mm_insert_epi16(x, entry(static_cast<uint32_t>(at[1])), 2);
  x = _mm_insert_epi16(x, entry(at[1] >> 32), 3);
  x = _mm_insert_epi16(x, entry(static_cast<uint32_t>(at[2])), 4);
  x = _mm_insert_epi16(x, entry(at[2] >> 32), 5);
  x = _mm_insert_epi16(x, entry(static_cast<uint32_t>(at[3])), 6);
  return _mm_insert_epi16(x, entry(at[3] >> 32), 7);
}

}  // namespace
