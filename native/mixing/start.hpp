// Where mixing starts from: fixed tables, and weights and adaptive probabilities learned on
// training text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "math.hpp"
#include "shape.hpp"

namespace shazip::mixing {

// Hashed contexts, in the order of their tables; docs/mixing.md has what each hashes.
enum Context {
  kOrder1,
  kOrder2,
  kOrder3,
  kOrder4,
  kOrder6,
  kOrder7,
  kFirstWord,
  kWord,
  kLastWord,
  kWordBefore,
  kApart,
  kAbove,
  kHighNibbles,
  kOpener,
  kEightClasses,
  kTwelveClasses,
  kRegionalWord,
  kContexts
};
constexpr int kOrders = kOrder7 + 1;  // contexts of so many last symbols come first

// Match models.
enum { kLongMatch, kShortMatch, kMatches };
constexpr int kMatchCells = 128;

// Inputs of the mixer, in this order; padded to a multiple of what a vector register holds.
constexpr int kBias = 0, kNetwork = 1, kNetworkConfidence = 2, kNetworkRefined = 3;
constexpr int kMatchInputs = 4;                                 // two for each match model
constexpr int kOrderZeroInputs = kMatchInputs + 2 * kMatches;   // two
constexpr int kContextInputs = kOrderZeroInputs + 2;            // two for each context
constexpr int kCertainInputs = kContextInputs + 2 * kContexts;  // one for each context
constexpr int kInputs = (kCertainInputs + kContexts + 15) / 16 * 16;

constexpr int kLevels = 8;  // of the network's certainty, for corrections

struct Start {
  Shape shape;
  Tables tables;
  uint8_t next[256][2];  // bit history after one more bit
  uint16_t histories[kContexts + 1]
                    [256];  // probability of a 1 after each history; the last row is order 0
  uint16_t matches[kMatches][kMatchCells];  // probability that the expected bit comes
  int16_t corrections[kContexts][256]
                     [kLevels];        // of the network's stretched probability after each history
  std::vector<int16_t> weights;        // (shape.rows(), kInputs), step 2**-12
  std::vector<int16_t> final_weights;  // (shape.final_rows(), kSets), step 2**-12

  explicit Start(const Shape& shape);
  // Reads what `write` wrote; throws std::invalid_argument if size or values are wrong.
  static Start read(const Shape& shape, const uint8_t* data, size_t size);
  std::vector<uint8_t> write() const;
};

}  // namespace shazip::mixing
