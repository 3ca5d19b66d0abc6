// Hashed memory of bit histories. A slot of 16 bytes holds one nibble of one context: a check byte and the 15 nodes of the
// nibble's binary tree, a bit history each. Four slots fill a cache line and share a place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace shazip::mixing {

constexpr int kSlot = 16;
constexpr int kBucket = 64;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// Zeroed memory that costs nothing until it is touched.
template <typename Value>
using Zeroed = std::unique_ptr<Value[], Free>;

template <typename Value>
Zeroed<Value> zeroed(size_t count) {
  auto* memory = static_cast<Value*>(std::calloc(count, sizeof(Value)));
  if (memory == nullptr) throw std::bad_alloc();
  return Zeroed<Value>(memory);
}

// Where a slot may lie, and the check byte that it must show there.
struct Place {
  uint8_t* bucket;
  uint8_t check;

  void prefetch() const {
#if defined(__GNUC__)
    __builtin_prefetch(bucket);
#endif
  }

  // The slot of this place, or `none`. Without branches: they would be mispredicted.
  const uint8_t* find(const uint8_t* none) const {
    const uint8_t* slot = none;
    for (int i = 3; i >= 0; --i) slot = bucket[i * kSlot] == check ? bucket + i * kSlot : slot;
    return slot;
  }

  // The slot of this place; a new one takes the slot whose first node has seen least.
  uint8_t* claim() const {
    uint8_t* least = bucket;
    for (int i = 0; i < 4; ++i) {
      uint8_t* slot = bucket + i * kSlot;
      if (slot[0] == check) return slot;
      if (slot[1] < least[1]) least = slot;
    }
    std::fill(least, least + kSlot, uint8_t{0});
    least[0] = check;
    return least;
  }
};

// The slots of one context.
class Slots {
 public:
  void open(uint8_t* memory, int bits) {
    // calloc aligns to 16 bytes; a bucket that crossed cache lines would only be slower.
    memory_ = memory;
    shift_ = 64 - (bits - 6);
  }

  // `nibble` is 0 for the first nibble of a symbol, 1 + the first nibble for the second.
  Place place(uint32_t context, uint32_t nibble) const {
    const uint64_t h = (uint64_t{context} + nibble * uint64_t{0x9E3779B97F4A7C15u}) * 0xD6E8FEB86659FD93u;
    const auto check = static_cast<uint8_t>(h >> 24);
    return {memory_ + ((h >> shift_) * kBucket), check ? check : uint8_t{1}};
  }

 private:
  uint8_t* memory_ = nullptr;
  int shift_ = 0;
};

}  // namespace shazip::mixing
