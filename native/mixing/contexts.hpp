// The contexts that mixing knows, and the sets of them that a frame may use.
#pragma once

#include <cstdint>

namespace shazip::mixing {

// docs/mixing.md, "Contexts", has what each hashes.
enum Context : uint8_t {
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
  // Of what lies above and before: distances.hpp finds how far.
  kSecondThird,
  kSecondFourth,
  kFourthFifth,
  kAboveLast,
  kTwoAbove,
  kTwoBefore,
  kGradient,
  kPhaseLast,
  kPhaseBefore,
  kPlaceLast,
  kContexts
};
constexpr int kMostContexts = 18;  // of a set
constexpr int kOrders = 6;         // the first contexts of a set, counted where they know a node

// Sets of weights; each picks one of its rows by a small context, those from kFirstHashed on by a
// hash.
enum Set { kByNode, kByMatch, kByLast, kByClasses, kByFirstWord, kByShape, kSets };
constexpr int kFirstHashed = kByFirstWord;

// What a frame uses: contexts, in the order of their tables, and the first sets of weights.
struct Selection {
  int contexts;
  Context numbers[kMostContexts];
  int sets;
  bool structure;  // contexts of what lies above and before, and their choice of weights
};

enum { kText, kFew, kBinary, kSelections };
constexpr Selection kSelectionOf[kSelections] = {
    {17,
     {kOrder1, kOrder2, kOrder3, kOrder4, kOrder6, kOrder7, kFirstWord, kWord, kLastWord,
      kWordBefore, kApart, kAbove, kHighNibbles, kOpener, kEightClasses, kTwelveClasses,
      kRegionalWord},
     6,
     false},
    {7, {kOrder1, kOrder2, kOrder3, kOrder4, kOrder6, kWord, kEightClasses}, 4, false},
    {18,
     {kOrder1, kOrder2, kOrder3, kOrder4, kOrder6, kWord, kApart, kEightClasses, kSecondThird,
      kSecondFourth, kFourthFifth, kAboveLast, kTwoAbove, kTwoBefore, kGradient, kPhaseLast,
      kPhaseBefore, kPlaceLast},
     6,
     true},
};

}  // namespace shazip::mixing
