// Where mixing starts from: fixed tables, and weights and adaptive probabilities learned on
// training text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "math.hpp"

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

// A symbol is coded as two halves, each the walk through a binary tree of its own. In the symbol's
// whole tree node 1 is the root, nodes 2 n and 2 n + 1 are below n.
constexpr int kHalves = 2;
constexpr int kHalfBits = 4, kBranches = 1 << kHalfBits;
constexpr int kBits = kHalves * kHalfBits, kNodes = 1 << kBits;

// Inputs of the mixer, in this order; padded to a multiple of what a vector register holds.
constexpr int kBias = 0, kNetwork = 1, kNetworkConfidence = 2, kNetworkRefined = 3;
constexpr int kMatchInputs = 4;                                 // two for each match model
constexpr int kOrderZeroInputs = kMatchInputs + 2 * kMatches;   // two
constexpr int kContextInputs = kOrderZeroInputs + 2;            // two for each context
constexpr int kCertainInputs = kContextInputs + 2 * kContexts;  // one for each context
constexpr int kInputs = (kCertainInputs + kContexts + 15) / 16 * 16;

// Sets of weights; each picks one of its rows by a small context, those from kFirstHashed on by a
// hash.
enum Set { kByNode, kByMatch, kByLast, kByClasses, kByFirstWord, kByShape, kSets };
constexpr int kFirstHashed = kByFirstWord;
constexpr int kSetFirst[kSets + 1] = {0, 256, 336, 592, 2640, 4688, 6736};
constexpr int kRows = kSetFirst[kSets];
// Final mixers, which weigh the sets' outputs.
enum Final { kFinalByNode, kFinalByOrderTwo, kFinals };
constexpr int kFinalFirst[kFinals + 1] = {0, kNodes, kNodes + 2048};
constexpr int kFinalRows = kFinalFirst[kFinals];
constexpr int kLevels = 8;  // of the network's certainty, for corrections

struct Start {
  Tables tables;
  uint8_t next[256][2];  // bit history after one more bit
  uint16_t histories[kContexts + 1]
                    [256];  // probability of a 1 after each history; the last row is order 0
  uint16_t matches[kMatches][kMatchCells];  // probability that the expected bit comes
  int16_t corrections[kContexts][256]
                     [kLevels];     // of the network's stretched probability after each history
  int16_t weights[kRows][kInputs];  // step 2**-12
  int16_t final_weights[kFinalRows][kSets];  // step 2**-12

  // Reads what `write` wrote; throws std::invalid_argument if size or values are wrong.
  static Start read(const uint8_t* data, size_t size);
  std::vector<uint8_t> write() const;
};

}  // namespace shazip::mixing
