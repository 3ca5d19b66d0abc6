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

constexpr int kPadding = 64;  // rows of channels are padded to a multiple of this, with zeros
constexpr int kQuad = 4;      // entries of attention memory whose channels lie interleaved
constexpr int kGroup = 16;    // entries, four quads, that a reader takes together
constexpr int kBlock = 64;    // bytes of a quad's sixteen channels

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

}  // namespace shazip
