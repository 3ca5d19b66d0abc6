// What a lane knows of its own past, and the contexts that this gives.
#pragma once

#include <cstdint>
#include <vector>

#include "mixing_history.hpp"

namespace shazip::mixing {

struct Lane {
  uint64_t symbols = 0;   // the last eight, the newest lowest
  uint64_t classes = 0;   // of the last sixteen, 4 bits each
  uint32_t count = 0;     // symbols so far, modulo 2**32
  uint32_t word = 0;      // hash of the letters since the last other symbol
  uint32_t last_word = 0;
  uint32_t line = 0;      // `count` at the start of this line and of the line before
  uint32_t last_line = 0;
  uint32_t contexts[kContexts] = {};
  Match matches[kMatches];
};

// What followed each symbol, and each pair of symbols, lately; shared by all lanes.
struct Followers {
  std::vector<uint32_t> of_symbol = std::vector<uint32_t>(256);
  std::vector<uint16_t> of_pair = std::vector<uint16_t>(65536);

  void update(uint64_t symbols, uint8_t symbol);
};

int symbol_class(uint8_t symbol);  // 0..15

// Takes the symbol that came.
void advance(Lane& lane, uint8_t symbol);

// Hashes the contexts of the lane's next symbol.
void set_contexts(Lane& lane, const History& history, uint32_t lane_index, const Followers& followers);

}  // namespace shazip::mixing
