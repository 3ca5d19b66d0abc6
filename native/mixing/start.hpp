// Where mixing starts from: fixed tables, and weights and adaptive probabilities learned on
// training text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "math.hpp"

namespace shazip::mixing {

constexpr int kContexts = 17;  // hashed contexts
constexpr int kMatches = 2;    // match models: a long one and a short one
constexpr int kMatchCells = 128;

// Inputs of the mixer, in this order; padded to a multiple of what a vector register holds.
constexpr int kBias = 0, kNetwork = 1, kNetworkConfidence = 2, kNetworkRefined = 3;
constexpr int kMatchInputs = 4;                                 // two for each match model
constexpr int kOrderZeroInputs = kMatchInputs + 2 * kMatches;   // two
constexpr int kContextInputs = kOrderZeroInputs + 2;            // two for each context
constexpr int kCertainInputs = kContextInputs + 2 * kContexts;  // one for each context
constexpr int kInputs = (kCertainInputs + kContexts + 15) / 16 * 16;

// Sets of weights; each picks one of its rows by a small context, the last two by a hash.
constexpr int kSets = 6, kFirstHashed = 4;
constexpr int kSetFirst[kSets + 1] = {0, 256, 336, 592, 2640, 4688, 6736};
constexpr int kRows = kSetFirst[kSets];
constexpr int kNodes =
    256;  // the byte's binary tree: node 1 is the root, 2 n and 2 n + 1 are below n
// Final mixers, which weigh the sets' outputs: one has a row for each node, one for each hash of
// the last two symbols.
constexpr int kFinals = 2;
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
