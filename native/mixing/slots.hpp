// Hashed memory of bit histories. A slot of 16 bytes holds one half of a symbol in one context: a
// check byte and the 15 nodes of the half's binary tree, a bit history each. Four slots fill a
// cache line and share a place.
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

constexpr int kSlot = 16;
constexpr int kBucket = 64;

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
  return bytes + (bytes < kHugePage ? size_t{kBucket} : 2 * kHugePage);
}

// Large memory lies in huge pages where there are any: it is read all over, and addresses would
// cost as much as values.
template <typename Value>
Zeroed<Value> zeroed(size_t count) {
  const size_t bytes = count * sizeof(Value), alignment = bytes < kHugePage ? kBucket : kHugePage;
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

// Where the first of the slots found begins, a bit for each.
constexpr uint8_t kFirst[16] = {0, 0, 16, 0, 32, 0, 16, 0, 48, 0, 16, 0, 32, 0, 16, 0};

// Where a slot may lie, and the check byte that it must show there.
struct Place {
  uint8_t* bucket;
  uint8_t check;

  void prefetch() const {
#if defined(__GNUC__)
    __builtin_prefetch(bucket);
#endif
  }

  // Copies the slot of this place, or zeros. Without branches: they would be mispredicted.
  void copy(uint8_t* slot) const {
    const unsigned matching = found();
    const uint64_t kept = uint64_t{0} - static_cast<uint64_t>(matching != 0);
    uint64_t halves[2];
    std::memcpy(halves, bucket + kFirst[matching], kSlot);
    halves[0] &= kept;
    halves[1] &= kept;
    std::memcpy(slot, halves, kSlot);
  }

  // The slot of this place; a new one takes the slot whose first node has seen least.
  uint8_t* claim() const {
    if (const unsigned matching = found()) return bucket + kFirst[matching];
    uint8_t* least = bucket;
    for (int i = 1; i < 4; ++i) {
      uint8_t* slot = bucket + i * kSlot;
      if (slot[1] < least[1]) least = slot;
    }
    std::fill(least, least + kSlot, uint8_t{0});
    least[0] = check;
    return least;
  }

 private:
  // A bit for each slot with this check.
  unsigned found() const {
    unsigned matching = 0;
    for (int i = 0; i < 4; ++i) matching |= static_cast<unsigned>(bucket[i * kSlot] == check) << i;
    return matching;
  }
};

// The slots of one context.
class Slots {
 public:
  void open(uint8_t* memory, int bits) {
    memory_ = memory;
    shift_ = 64 - (bits - 6);
  }

  // `half` is 0 for a symbol's first half, 1 + the first half for its second.
  Place place(uint32_t context, uint32_t half) const {
    const uint64_t h =
        (uint64_t{context} + half * uint64_t{0x9E3779B97F4A7C15u}) * 0xD6E8FEB86659FD93u;
    const auto check = static_cast<uint8_t>(h >> 24);
    return {memory_ + ((h >> shift_) * kBucket), check ? check : uint8_t{1}};
  }

 private:
  uint8_t* memory_ = nullptr;
  int shift_ = 0;
};

}  // namespace shazip::mixing
