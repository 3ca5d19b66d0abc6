// The network as the kernels read it: plain pointers into memory that Network owns, laid out for
// one variant.
//
// Nothing here has member functions or comes from the standard library's templates: kernel sources
// are compiled with instruction sets that the machine may lack, and an inline function shared with
// other sources could be linked from there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shazip {

constexpr int kSymbolsMax = 1024;  // of a vocabulary
constexpr int kGateHalf = 2048;    // sigmoid and tanh: 4096 entries
constexpr int kGeluHalf = 4096;    // 8192 entries
constexpr int kScoreEntries = 2048;
constexpr int kLogitEntries = 1024;
constexpr int kExponentialsMax = 1 << 28;  // of a row: their sum times 2**24 stays within 2**52
constexpr int kOperandMax = 127;
constexpr int kResidualMax = 1 << 19;
constexpr int kCellMax = 1 << 22;
constexpr int kLogitMax = 32767;

constexpr int kPadding = 64;    // rows of channels are padded to a multiple of this, with zeros
constexpr int kBatch = 32;      // lanes that go through the network together
constexpr int kLanesAhead = 8;  // at most, of a team that goes ahead with the next recurrent
                                // product while it waits: space for its sums
constexpr int kQuad = 4;        // entries of attention memory whose channels lie interleaved
constexpr int kGroup = 16;      // entries, four quads, that a reader takes together
constexpr int kBlock = 64;      // bytes of a quad's sixteen channels

// A layer norm's learned scale and bias; for a site on the residual stream shift is 11.
struct Norm {
  const int32_t* scale;  // (padded width)
  const int32_t* bias;
  int32_t shift;
};

// A weight matrix of `groups` times `channels` rows. The rows g * channels + c of one channel lie
// together, so that whoever computes them has all that an LSTM cell or a sum over Boom's chunks
// needs. A tile is a few vectors of channels in all groups.
struct Product {
  const int8_t* weights;  // (tiles, vectors / rows at once, inputs / step, rows at once, lanes of a
                          // vector, step)
  const int32_t* origin;  // (tiles, vectors, lanes of a vector): what a sum starts from
  const int32_t* multiplier;  // the same shape
  const int64_t*
      bias;  // the same shape, in the order of wide values: bias * 2**(shift-3) + 2**(shift-1)
  int32_t shift;
  int32_t groups;
  int32_t inputs;  // padded
  int32_t tiles;
  int32_t vectors;   // of a tile
  int32_t channels;  // of a tile
};

struct Layer {
  const int16_t* input;  // layer 0: (symbols, tiles, vectors, lanes of a vector), like a bias in
                         // steps of 2**-11
  Norm lstm_norm;
  Product lstm_input;
  Product lstm_hidden;  // its bias and shift are those of the gates
  int32_t attention;    // which attention layer this is, or -1
  Norm memory_norm, query_norm8, query_norm, focus_norm;
  Product query;
  int32_t score_multiplier;
  int32_t score_shift;
  int32_t score_most;               // differences from here on give the last entry of exp_score
  const int32_t* value_multiplier;  // (padded width)
  int32_t value_shift;
  Norm boom_norm, skip_norm;
  Product boom;
};

struct Model {
  int32_t symbols;  // of the vocabulary
  int32_t width;
  int32_t padded;  // width, padded
  int32_t layers;
  int32_t attentions;
  int32_t window;
  int32_t heads;
  int32_t head_width;
  int32_t head_padded;  // to a multiple of 16 channels
  int32_t quads;        // of memory entries that hold a window, a multiple of 4
  const Layer* layer;
  const int16_t* sigmoid;
  const int16_t* tanh;
  const int16_t* gelu;
  const int16_t* exp_score;
  const int32_t* exp_logit;
  const int32_t* activation_multiplier;  // (padded width)
  int32_t activation_shift;
  Product output;
};

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

// A meeting of a team (pool.cpp). A member that has come may work until all are there, but must
// wait before the next meeting.
void come_to_team(const Part& part);
bool team_is_there(const Part& part);
void wait_for_team(const Part& part);

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
