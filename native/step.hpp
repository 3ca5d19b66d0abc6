// A step of some lanes, as the kernels see it: their state, a thread's part, and the functions of a
// variant. Plain data, for the reason that model.hpp has.
#pragma once

#include "model.hpp"

namespace shazip {

constexpr int kBatch = 32;      // lanes that go through the network together
constexpr int kLanesAhead = 8;  // at most, of a team that goes ahead with the next recurrent
                                // product while it waits: space for its sums

// Where an entry's channel lies in a lane's attention memory: (groups, channels / 16, 4 quads, 4, 4
// entries, 4 channels), int8, so that a group is read from its first byte to its last. `channels`
// is heads * head_padded.
static constexpr ptrdiff_t memory_at(int32_t entry, int32_t channel, int32_t channels) {
  return (static_cast<ptrdiff_t>(entry / kGroup) * channels / 16 + channel / 16) * 4 * kBlock +
         entry % kGroup / kQuad * kBlock + channel % 16 / 4 * 16 + entry % kQuad * 4 + channel % 4;
}

// One lane's state is a slice of each of these.
struct State {
  void* hidden;    // (lanes, layers, padded) operands
  int32_t* cell;   // (lanes, layers, padded)
  int8_t* memory;  // (lanes, attentions, quads * 4 * heads * head_padded): memory_at
  int32_t*
      memory_sum;  // (lanes, attentions, heads, quads * 4): each entry's sum over a head's channels
  int32_t* slot;   // (lanes): where the next entry goes
  int32_t* entries;  // (lanes): valid before this step
  uint16_t* symbol;  // (lanes)
  int16_t* logits;   // (lanes, symbols)
  uint32_t* freqs;   // (lanes, symbols) or null: logits only
};

// Memory that a team of threads shares during the step of a batch of lanes: the leader's, and every
// rank's `partial`.
struct Shared {
  void* hidden;   // (kBatch, padded) operands: the recurrent output until all have read the old one
  int32_t* lstm;  // (kBatch, padded)
  int32_t* query;    // (kBatch, padded)
  int32_t* boom;     // (kBatch, padded): residual stream after Boom
  int32_t* scores;   // (kBatch, heads, quads * 4)
  int32_t* partial;  // (kBatch, heads, head_padded, and a vector more): sums over a rank's share of
                     // the entries
};

// Memory of a single thread.
struct Local {
  void* operand;         // (kBatch, padded) operands
  int32_t* residual;     // (kBatch, padded)
  int8_t* bytes;         // (padded)
  int8_t* focus;         // (heads, head_padded)
  void* focus_spread;    // (heads, head_padded), arranged for the variant's scores
  int32_t* scaled;       // (quads * 4)
  int16_t* weights;      // (quads * 4)
  int32_t* sums;         // (heads, head_padded, and a vector more)
  int32_t* sums_hidden;  // (kBatch, vectors of the largest tile, lanes of a vector)
  int32_t* sums_input;   // the same shape
  int32_t* index;        // the same shape
  int16_t* value;        // the same shape, and a quarter more
  int32_t* ahead;  // (tiles of a rank's share, kLanesAhead, vectors, lanes of a vector): the next
                   // recurrent product's sums
  int32_t ahead_layer;  // whose it is
  int32_t ahead_begin;  // this rank's tiles of it
  int32_t ahead_end;
  int32_t ahead_tiles;  // of these that are there
  int64_t* costs;       // time by what it was spent on, or null
  int64_t last;
};

struct Barrier;

// The part of a step that one thread does: lanes first .. first + count - 1 together with the other
// ranks of its team.
struct Part {
  const Model* model;
  const State* state;
  const Shared* team;  // of each rank
  Local* local;
  Barrier* barrier;  // of each rank
  int32_t rank;
  int32_t size;
  int32_t first;
  int32_t count;
};

// One way to compute, compiled for one instruction set.
struct Variant {
  int32_t lanes;    // int32 values of a vector
  int32_t rows;     // vectors of rows at once
  int32_t step;     // inputs at once
  int32_t operand;  // bytes of an operand
  int32_t focus;    // bytes of a query's channel, arranged for scores
  bool offset;  // operands are stored with 128 added, so sums start from -128 times the sum of a
                // row's weights
  int32_t (*wide_position)(int32_t lane);  // where a wide vector has the 64-bit value of a lane
  void (*store_operand)(void* to, int32_t value);
  void (*step_lanes)(const Part& part);
  // A piece of the next step that needs no symbol; false if there is none left.
  bool (*work_ahead)(const Part& part);
  // Bounds of the step's time: its products alone, and only the products by weights.
  void (*products_only)(const Part& part);
  void (*weights_only)(const Part& part);
};

}  // namespace shazip
