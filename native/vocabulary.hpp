// A model's vocabulary: cuts bytes into symbols (docs/format.md, "Parse").
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace shazip {

constexpr size_t kMaxPiece = 64;  // bytes: what bounds the work for a byte

// The end of the piece of `data` (`size` bytes) that begins at `start` < `size`.
size_t piece_end(const uint8_t* data, size_t size, size_t start);

class Vocabulary {
 public:
  // `singles` has the symbol of each single byte; merge m makes `results[m]` out of `merges[m]`,
  // and those with a smaller m come first.
  Vocabulary(std::vector<uint16_t> singles,
             const std::vector<std::pair<uint16_t, uint16_t>>& merges,
             std::vector<uint16_t> results);

  // Writes the symbols of `data`, at most `size`, to `symbols`; returns how many there are.
  size_t parse(const uint8_t* data, size_t size, uint16_t* symbols) const;

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Entry {
    uint32_t pair = kNone;
    uint32_t rank = kNone;
  };

  uint32_t rank_of(uint16_t left, uint16_t right) const;
  size_t place_of(uint32_t pair) const;
  size_t merge(uint16_t* symbols, size_t count) const;

  std::vector<uint16_t> singles_, results_;
  std::vector<Entry> table_;  // of pairs, open addressing, at most a quarter full
  int shift_ = 0;
};

}  // namespace shazip
