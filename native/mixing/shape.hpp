// The shapes of trees, slots, inputs and sets of weights for a vocabulary and a set of contexts.
#pragma once

#include <stdexcept>

#include "contexts.hpp"

namespace shazip::mixing {

// A symbol is coded as two halves, each the walk through a binary tree of its own. In the symbol's
// whole tree node 1 is the root, nodes 2 n and 2 n + 1 are below n.
constexpr int kHalves = 2;
constexpr int kLeastBits = 8, kMostBits = 10;
constexpr int kMostHalfBits = kMostBits - kMostBits / 2;
constexpr int kMostBranches = 1 << kMostHalfBits, kMostNodes = 1 << kMostBits;

constexpr int kHashRows = 2048;
// Final mixers, which weigh the sets' outputs.
enum Final { kFinalByNode, kFinalByOrderTwo, kFinals };

// Match models.
enum { kLongMatch, kShortMatch, kMatches };

// Inputs of the mixer, in this order; padded to a multiple of what a vector register holds.
constexpr int kBias = 0, kNetwork = 1, kNetworkConfidence = 2, kNetworkRefined = 3;
constexpr int kMatchInputs = 4;                                // two for each match model
constexpr int kOrderZeroInputs = kMatchInputs + 2 * kMatches;  // two
constexpr int kContextInputs = kOrderZeroInputs + 2;           // three for each context
constexpr int kInputsOfContext = 3;
constexpr int kInputBlock = 16;
constexpr int padded_inputs(int contexts) {
  return (kContextInputs + kInputsOfContext * contexts + kInputBlock - 1) / kInputBlock *
         kInputBlock;
}
constexpr int kMostInputs = padded_inputs(kMostContexts);

class Shape {
 public:
  // A vocabulary of 2**bits symbols; `selection` is a number of kSelectionOf.
  Shape(int bits, int selection) : bits_(bits), half_bits_{bits / 2, bits - bits / 2} {
    if (bits < kLeastBits || bits > kMostBits)
      throw std::invalid_argument("a vocabulary has 256, 512 or 1024 symbols");
    if (selection < 0 || selection >= kSelections)
      throw std::invalid_argument("an unknown set of contexts");
    selection_ = &kSelectionOf[selection];
    const int rows[kSets] = {nodes(), 80, 256, kHashRows, kHashRows, kHashRows};
    for (int set = 0; set < kSets; ++set)
      set_first_[set + 1] = set_first_[set] + (set < sets() ? rows[set] : 0);
  }

  int contexts() const { return selection_->contexts; }
  const Context* numbers() const { return selection_->numbers; }
  int sets() const { return selection_->sets; }
  bool structure() const { return selection_->structure; }
  int inputs() const { return padded_inputs(contexts()); }
  // The inputs of contexts that have seen one kind of bit come after the pairs of all.
  int certain_inputs() const { return kContextInputs + 2 * contexts(); }

  int bits() const { return bits_; }
  int nodes() const { return 1 << bits_; }  // of the whole tree; as many as symbols
  int half_bits(int half) const { return half_bits_[half]; }
  int branches(int half) const { return 1 << half_bits_[half]; }
  // The part of a symbol that a half codes.
  int value(int half, int symbol) const {
    return half ? symbol & (branches(1) - 1) : symbol >> half_bits_[1];
  }
  // A slot of bit histories has a place for each node of the larger half, the first of them a
  // check.
  int slot_bits() const { return half_bits_[1]; }

  int set_first(int set) const { return set_first_[set]; }
  int rows() const { return set_first_[kSets]; }  // of all sets
  int final_first(int final) const { return final == kFinalByNode ? 0 : nodes(); }
  int final_rows() const { return nodes() + kHashRows; }
  // One of eight depths, whatever the number of bits.
  int depth_row(int depth) const { return 8 * depth / bits_; }

 private:
  const Selection* selection_;
  int bits_;
  int half_bits_[kHalves];
  int set_first_[kSets + 1] = {};
};

}  // namespace shazip::mixing
