// One lane's next symbol: the inputs of predictions, and the predictions, from which it learns.
#pragma once

#include <cstdint>

#include "lane.hpp"
#include "learned.hpp"
#include "slots.hpp"

namespace shazip::mixing {

inline int depth_of(int node) { return floor_log2(static_cast<uint32_t>(node)); }

// A half's binary tree: node 1 is the root, nodes 2 n and 2 n + 1 are below n, leaves come from
// 2**bits on.
struct Half {
  int bits;
  int root;   // its number in the symbol's whole tree
  int depth;  // and its depth there
  Place places[kMostContexts];
  uint8_t slots[kMostContexts][kMostSlot];
  uint32_t sums[2 * kMostBranches];    // of the network's frequencies below each node
  uint32_t masses[2 * kMostBranches];  // mixed, of nodes that got one
  Node nodes[kMostBranches];           // as they were predicted

  int branches() const { return 1 << bits; }
  // The number of a node in the symbol's whole tree.
  int whole(int node) const {
    const int below = depth_of(node);
    return (root << below) | (node ^ (1 << below));
  }
  // The node that decides bit `level` of `value`, the highest first.
  int on_way(int value, int level) const { return (value | branches()) >> (bits - level); }
  int bit(int value, int level) const { return (value >> (bits - 1 - level)) & 1; }
};

// A bit that came where the mixed probability missed it.
struct Lesson {
  const Node* node;
  int depth;
  int bit;
};

struct Tree {
  const Lane* lane;
  uint32_t order_two;                     // hash of the last two bytes
  int class_row;                          // classes of the last two bytes, 0..255
  int hashed_rows[kSets - kFirstHashed];  // by first word or phase, and by classes of the last
                                          // four bytes
  uint32_t freqs[kMostNodes];             // the network's
  Half halves[kHalves];
  // What came, by depth: the node in its half's tree, and the bit.
  uint8_t way[kMostBits], bits[kMostBits];
  Lesson lessons[kMostBits];
  int lesson_count;

  void open(const Lane& lane_, const Shape& shape, const uint32_t* freqs_);
  void open_second(int first);
  int first() const { return halves[1].root - halves[0].branches(); }

  uint32_t order_one_row(int whole) const;
  uint32_t order_two_row(int whole) const {
    return (order_two ^ ((static_cast<uint32_t>(whole) * 0x9E3779B1u) >> 9)) & 0xffff;
  }
};

// Of the last byte and the node; hashed where there are too many nodes for a row each.
inline uint32_t Tree::order_one_row(int whole) const {
  const auto last = static_cast<uint32_t>(lane->bytes & 0xff), node = static_cast<uint32_t>(whole);
  if (halves[1].bits == 4) return (last << 8) | node;
  return (((last << 16) | node) * 0x9E3779B1u) >> 16;
}

}  // namespace shazip::mixing
