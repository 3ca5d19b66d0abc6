// One lane's next symbol: what predictions read, and the predictions, which learning reads.
#pragma once

#include <cstdint>

#include "lane.hpp"
#include "learned.hpp"
#include "slots.hpp"

namespace shazip::mixing {

inline int depth_of(int node) { return floor_log2(static_cast<uint32_t>(node)); }

// A half's binary tree: node 1 is the root, nodes 2 n and 2 n + 1 are below n, leaves come from
// kBranches on.
struct Half {
  int root;   // its number in the symbol's whole tree
  int depth;  // and its depth there
  Place places[kContexts];
  uint8_t slots[kContexts][kSlot];
  uint32_t sums[2 * kBranches];    // of the network's frequencies below each node
  uint32_t masses[2 * kBranches];  // mixed, of nodes that got one
  Node nodes[kBranches];           // as they were predicted

  // The number of a node in the symbol's whole tree.
  int whole(int node) const {
    const int below = depth_of(node);
    return (root << below) | (node ^ (1 << below));
  }
  // The node that decides bit `level` of `value`, the highest first.
  static int on_way(int value, int level) { return (value | kBranches) >> (kHalfBits - level); }
  static int bit(int value, int level) { return (value >> (kHalfBits - 1 - level)) & 1; }
};

// A bit that came where the mixed probability missed it.
struct Lesson {
  const Node* node;
  int depth;
  int bit;
};

struct Tree {
  const Lane* lane;
  uint32_t order_two;                     // hash of the last two symbols
  int class_row;                          // classes of the last two symbols, 0..255
  int hashed_rows[kSets - kFirstHashed];  // by the line's first word, and by classes of the last
                                          // four symbols
  uint32_t freqs[kNodes];                 // the network's
  Half halves[kHalves];
  Lesson lessons[kBits];
  int lesson_count;

  void open(const Lane& lane_, const uint32_t* freqs_);
  void open_second(int first);
  int first() const { return halves[1].root - kBranches; }

  uint32_t order_one_row(int whole) const {
    return static_cast<uint32_t>((lane->symbols & 0xff) << 8) | static_cast<uint32_t>(whole);
  }
  uint32_t order_two_row(int whole) const {
    return (order_two ^ ((static_cast<uint32_t>(whole) * 0x9E3779B1u) >> 9)) & 0xffff;
  }
};

}  // namespace shazip::mixing
