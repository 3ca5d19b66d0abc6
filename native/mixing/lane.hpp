// The past of a lane, and the contexts made from it.
#pragma once

#include <cstdint>

#include "history.hpp"

namespace shazip::mixing {

struct Lane {
  uint32_t region = 0;   // lanes that lie near each other in the block share one
  uint64_t bytes = 0;    // the last eight, the newest lowest
  uint64_t classes = 0;  // of the last sixteen, 4 bits each
  uint32_t count = 0;    // bytes so far, modulo 2**32
  uint32_t near = 0;     // distances at which bytes repeat (distances.hpp)
  uint32_t far = 0;
  uint32_t word = 0;  // hash of the letters since the last other symbol
  uint32_t last_word = 0;
  uint32_t word_before = 0;  // the one before `last_word`
  uint32_t first_word = 0;   // of this line
  uint32_t title = 0;        // hash of what the last <title> had in it
  uint32_t unfinished_title = 0;
  bool in_title = false;
  uint32_t opener = 0;  // the last opening bracket, quote or sign, and the word before it
  uint32_t line = 0;    // `count` at the start of this line and of the line before
  uint32_t last_line = 0;
  uint32_t contexts[kMostContexts] = {};
  Match matches[kMatches];
};

// Separates the hashes of regions and documents; 0 in the first region before any title.
inline uint64_t salt(const Lane& lane) {
  return (uint64_t{lane.region} + lane.title) * uint64_t{0x9E3779B97F4A7C15u};
}

int byte_class(uint8_t byte);  // 0..15

// Adds a coded byte.
void advance(Lane& lane, uint8_t byte);

// Hashes the contexts of the lane's next symbol.
void set_contexts(Lane& lane, const History& history, uint32_t lane_index, const Shape& shape);

}  // namespace shazip::mixing
