// Meetings of a team's members, and their work while they wait.
//
// The next layer's recurrent product, or after the last layer the next step's first, needs only an
// output from the step before. A member that waits at a meeting or for the next step computes it,
// tile by tile, so that hardly any time is lost.
#pragma once

#include "../team.hpp"
#include "products.hpp"

namespace shazip {
namespace {

inline Operand* hidden_of(const Part& part, int layer, int lane) {
  const Model& m = *part.model;
  const ptrdiff_t row = static_cast<ptrdiff_t>(part.first + lane) * m.layers + layer;
  return static_cast<Operand*>(part.state->hidden) + row * m.padded;
}

inline void multiply_recurrent(const Part& part, int layer, Strip strip, int32_t* out,
                               ptrdiff_t out_stride) {
  const ptrdiff_t stride = static_cast<ptrdiff_t>(part.model->layers) * part.model->padded;
  multiply(part, part.model->layer[layer].lstm_hidden, strip, hidden_of(part, layer, 0), stride,
           out, out_stride);
}

// A single layer's output may not be there yet when the next meeting comes.
inline bool goes_ahead(const Part& part) {
  return part.size > 1 && part.count <= kLanesAhead && part.model->layers > 1;
}

// Tiles of the first layer's recurrent product that a thread can do between two steps, while the
// first rank makes frequencies and comes back to its caller: that takes about 3 microseconds, in
// which so many products were made on Zen 4. More lanes share their weights.
inline int tiles_between_steps(const Part& part) {
  constexpr int kProducts = 75000 * Simd::kStep;
  const Product& p = part.model->layer[0].lstm_hidden;
  return kProducts / (p.vectors * V * p.inputs * (1 + part.count) / 2);
}

// This rank's tiles of a recurrent product. Where the others go ahead between steps, the first one
// has as many fewer.
inline Range recurrent_share(const Part& part, int layer) {
  const int tiles = part.model->layer[layer].lstm_hidden.tiles, others = part.size - 1;
  if (layer > 0 || part.first > 0 || !goes_ahead(part)) return share(tiles, part);
  const int first = greater(0, tiles - others * tiles_between_steps(part)) / part.size,
            rest = tiles - first;
  if (part.rank == 0) return {0, first};
  return {first + rest * (part.rank - 1) / others, first + rest * part.rank / others};
}

// One more tile. local.ahead: (strips, lanes, vectors of the strip, V)
inline void multiply_ahead(const Part& part) {
  Local& local = *part.local;
  const Product& p = part.model->layer[local.ahead_layer].lstm_hidden;
  const int total = local.ahead_end - local.ahead_begin, tiles = tiles_of_strip(total, part.count);
  const int at = local.ahead_tiles, begin = at / tiles * tiles;
  int32_t* out =
      local.ahead + static_cast<ptrdiff_t>(begin * part.count + at - begin) * p.vectors * V;
  multiply_recurrent(part, local.ahead_layer, {(local.ahead_begin + at) * p.vectors, p.vectors},
                     out, lesser(tiles, total - begin) * p.vectors * V);
  ++local.ahead_tiles;
}

// False if there is nothing left to do.
inline bool work_ahead(const Part& part) {
  const Local& local = *part.local;
  if (!goes_ahead(part) || local.ahead_tiles == local.ahead_end - local.ahead_begin) return false;
  multiply_ahead(part);
  return true;
}

inline void meet(const Part& part, Cost before) {
  spent(part, before);
  if (part.size > 1) {
    come_to_team(part);
    while (!team_is_there(part) && work_ahead(part)) {
    }
    wait_for_team(part);
  }
  spent(part, kWaiting);
}

// A strip's sums in the recurrent product. Returns (lanes, vectors of the strip, V).
inline const int32_t* recurrent_sums(const Part& part, int layer, Strip strip) {
  Local& local = *part.local;
  if (!goes_ahead(part)) {
    multiply_recurrent(part, layer, strip, local.sums_hidden, strip.vectors * V);
    return local.sums_hidden;
  }
  const Product& p = part.model->layer[layer].lstm_hidden;
  const int begin = strip.begin / p.vectors - local.ahead_begin;
  while (local.ahead_tiles < begin + strip.vectors / p.vectors) multiply_ahead(part);
  return local.ahead + static_cast<ptrdiff_t>(begin) * part.count * p.vectors * V;
}

// Returns this rank's tiles of a recurrent product, whose turn it is.
inline Range turn_to_layer(const Part& part, int layer) {
  const Range mine = recurrent_share(part, layer);
  part.local->ahead_layer = layer;
  part.local->ahead_begin = mine.begin;
  part.local->ahead_end = mine.end;
  return mine;
}

// All strips' sums have been read.
inline void turn_to_next_layer(const Part& part, int layer) {
  turn_to_layer(part, (layer + 1) % part.model->layers);
  part.local->ahead_tiles = 0;
}

}  // namespace
}  // namespace shazip
