// Hashed memory of bit histories. A slot holds one half of a symbol in one context: a check byte
// and the nodes of the half's binary tree, a bit history each; 16 bytes for halves of 4 bits, 32
// for those of 5. Four slots share a place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace shazip::mixing {

constexpr int kCacheLine = 64;
constexpr int kMostSlot = 32;
constexpr size_t kHugePage = size_t{1} << 21;

struct Free {
  void* start = nullptr;  // of the allocation
  void operator()(void*) const { std::free(start); }
};

// Zeroed memory, aligned to cache lines, that costs nothing until it is touched.
template <typename Value>
using Zeroed = std::unique_ptr<Value[], Free>;

// Addresses that `zeroed` takes for so many bytes.
constexpr size_t zeroed_size(size_t bytes) {
  return bytes + (bytes < kHugePage ? size_t{kCacheLine} : 2 * kHugePage);
}

// Large memory lies in huge pages where there are any: it is read all over, and addresses would
// cost as much as values.
template <typename Value>
Zeroed<Value> zeroed(size_t count) {
  const size_t bytes = count * sizeof(Value),
               alignment = bytes < kHugePage ? kCacheLine : kHugePage;
  void* start = std::calloc(zeroed_size(bytes), 1);
  if (start == nullptr) throw std::bad_alloc();
  char* first = static_cast<char*>(start) +
                (alignment - reinterpret_cast<uintptr_t>(start) % alignment) % alignment;
#if defined(MADV_HUGEPAGE)
  if (alignment == kHugePage)
    madvise(first, (bytes + kHugePage - 1) / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return Zeroed<Value>(reinterpret_cast<Value*>(first), Free{start});
}

// The first of the slots found, a bit for each.
constexpr uint8_t kFirst[16] = {0, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0};

// Where a slot may lie, and the check byte that it must show there.
struct Place {
  uint8_t* bucket;
  uint8_t check;
  uint8_t slot_bits;  // log2 of the bytes of a slot

  void prefetch() const {
#if defined(__GNUC__)
    __builtin_prefetch(bucket);
    if (slot_bits > 4) __builtin_prefetch(bucket + kCacheLine);
#endif
  }

  // Copies the slot of this place, or zeros. Without branches that could be mispredicted.
  void copy(uint8_t* slot) const {
    const unsigned matching = found();
    const uint64_t kept = uint64_t{0} - static_cast<uint64_t>(matching != 0);
    const uint8_t* from = bucket + (kFirst[matching] << slot_bits);
    copy_words(from, kept, slot);
    if (slot_bits > 4) copy_words(from + 16, kept, slot + 16);
  }

  // The slot of this place; a new one replaces the slot whose first node has the fewest bits.
  uint8_t* claim() const {
    if (const unsigned matching = found()) return bucket + (kFirst[matching] << slot_bits);
    uint8_t* least = bucket;
    for (int i = 1; i < 4; ++i) {
      uint8_t* slot = bucket + (i << slot_bits);
      if (slot[1] < least[1]) least = slot;
    }
    copy_words(least, 0, least);
    if (slot_bits > 4) copy_words(least + 16, 0, least + 16);
    least[0] = check;
    return least;
  }

 private:
  // Copies 16 bytes, with only the bits that are in `kept`.
  static void copy_words(const uint8_t* from, uint64_t kept, uint8_t* to) {
    uint64_t words[2];
    std::memcpy(words, from, sizeof words);
    words[0] &= kept;
    words[1] &= kept;
    std::memcpy(to, words, sizeof words);
  }

  // A bit for each slot with this check.
  unsigned found() const {
    unsigned matching = 0;
    for (int i = 0; i < 4; ++i)
      matching |= static_cast<unsigned>(bucket[i << slot_bits] == check) << i;
    return matching;
  }
};

// The slots of one context.
class Slots {
 public:
  // `memory` has 2**bits bytes.
  void open(uint8_t* memory, int bits, int slot_bits) {
    memory_ = memory;
    slot_bits_ = static_cast<uint8_t>(slot_bits);
    shift_ = 64 - (bits - 2 - slot_bits);
  }

  // `half` is 0 for a symbol's first half, 1 + the first half for its second.
  Place place(uint32_t context, uint32_t half) const {
    const uint64_t h =
        (uint64_t{context} + half * uint64_t{0x9E3779B97F4A7C15u}) * 0xD6E8FEB86659FD93u;
    const auto check = static_cast<uint8_t>(h >> 24);
    return {memory_ + ((h >> shift_) << (2 + slot_bits_)), check ? check : uint8_t{1}, slot_bits_};
  }

 private:
  uint8_t* memory_ = nullptr;
  uint8_t slot_bits_ = 4;
  int shift_ = 0;
};

}  // namespace shazip::mixing
