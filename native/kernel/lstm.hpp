// LSTM and Boom: products whose tiles hold all gates, or all chunks, of the same channels.
#pragma once

#include "elementwise.hpp"
#include "meeting.hpp"
#include "products.hpp"

namespace shazip {
namespace {

// Channels beyond the width come out of tables at 0, which need not be 0; layer norms count on
// zeros.
inline void clear_beyond_width(const Model& m, int32_t* row, int begin, int end) {
  for (int c = greater(begin, m.width); c < end; ++c) row[c] = 0;
}

// `bias` in steps of 2**-11, as part of a gate's wide sum: bias * 2**(shift-3) + 2**(shift-1).
// |bias| <= 2**15, shift <= 22.
inline I64 gate_bias(I32 bias, int shift) {
  const I64 scaled = Simd::wide(bias, Simd::set1(1 << (shift - 3)));
  return Simd::wide_add(scaled, Simd::wide_set1(int64_t{1} << (shift - 1)));
}

inline I32 gate_index(I64 t, int shift) {
  return Simd::add(clamp(Simd::narrow(t, shift), -kGateHalf, kGateHalf - 1), Simd::set1(kGateHalf));
}

// The first layer's table of inputs: a lane's row for its symbol, from the strip's first value on.
inline const int16_t* input_of(const Part& part, const Layer& layer, Strip strip, int lane) {
  const Product& p = layer.lstm_hidden;
  const ptrdiff_t rows = static_cast<ptrdiff_t>(p.tiles) * p.vectors * V;
  return layer.input + part.state->symbol[part.first + lane] * rows +
         static_cast<ptrdiff_t>(strip.begin) * V;
}

inline int32_t* cell_of(const Part& part, int layer, int lane) {
  return part.state->cell +
         (static_cast<ptrdiff_t>(part.first + lane) * part.model->layers + layer) *
             part.model->padded;
}

// The inputs of the gates were last used a step ago, so they are prefetched during the products.
inline void call_for_gates(const Part& part, int index, Strip strip) {
  constexpr int kLine = 64;
  const Layer& layer = part.model->layer[index];
  const int channel = first_channel(layer.lstm_hidden, strip),
            count = channels(layer.lstm_hidden, strip);
  for (int l = 0; l < part.count; ++l) {
    const int32_t* cell = cell_of(part, index, l) + channel;
    for (int c = 0; c < count; c += kLine / 4) __builtin_prefetch(cell + c);
    if (!layer.input) continue;
    const int16_t* input = input_of(part, layer, strip, l);
    for (int v = 0; v < strip.vectors * V; v += kLine / 2) __builtin_prefetch(input + v);
  }
}

// hidden: (lanes, vectors, V), as index, of the gates' tables. Vectors outside, so that what
// belongs to rows is loaded once.
inline void gate_inputs(const Part& part, const Layer& layer, Strip strip, const int32_t* hidden) {
  const Product& p = layer.lstm_hidden;
  const int32_t* input = part.local->sums_input;
  int32_t* index = part.local->index;
  const int row = strip.vectors * V, lanes = part.count, shift = p.shift;
  const ptrdiff_t first = static_cast<ptrdiff_t>(strip.begin) * V;
  for (int v = 0; v < row; v += V) {
    const I32 by_hidden = Simd::load(p.multiplier + first + v);
    if (layer.input) {
      for (int l = 0; l < lanes; ++l) {
        const I64 b = gate_bias(Simd::load16(input_of(part, layer, strip, l) + v), shift);
        const I64 t = Simd::wide_add(Simd::wide(Simd::load(hidden + l * row + v), by_hidden), b);
        Simd::store(index + l * row + v, gate_index(t, shift));
      }
      continue;
    }
    const I32 by_input = Simd::load(layer.lstm_input.multiplier + first + v);
    const I64 bias = Simd::wide_load(p.bias + first + v);
    for (int l = 0; l < lanes; ++l) {
      const I64 sums = Simd::wide_add(Simd::wide(Simd::load(hidden + l * row + v), by_hidden),
                                      Simd::wide(Simd::load(input + l * row + v), by_input));
      Simd::store(index + l * row + v, gate_index(Simd::wide_add(sums, bias), shift));
    }
  }
}

inline void gate_outputs(const Part& part, Strip strip) {
  const Model& m = *part.model;
  const int32_t* index = part.local->index;
  int16_t* value = part.local->value;
  for (int v = 0; v < part.count * strip.vectors; v += 4, index += 4 * V, value += 4 * V) {
    Simd::look_up(m.sigmoid, index, value, 2 * V);
    Simd::look_up(m.tanh, index + 2 * V, value + 2 * V, V);
    Simd::look_up(m.sigmoid, index + 3 * V, value + 3 * V, V);
  }
}

// Updates the cells of one lane's channels; leaves the index of tanh(c) for each channel.
inline void update_cells(const int16_t* gates, int32_t* cell, int32_t* index, int vectors) {
  for (int v = 0; v < vectors; v += 4, gates += 4 * V, cell += V, index += V) {
    const I32 i = Simd::load16(gates), f = Simd::load16(gates + V), g = Simd::load16(gates + 2 * V);
    const I64 kept = Simd::wide(f, Simd::load(cell));
    const I64 added = Simd::wide(Simd::add(i, i), g);
    const I64 sum = Simd::wide_add(Simd::wide_add(kept, added), Simd::wide_set1(1 << 14));
    const I32 c = clamp(Simd::narrow(sum, 15), -kCellMax, kCellMax);
    Simd::store(cell, c);
    const I32 at = Simd::shift_right(Simd::add(c, Simd::set1(128)), 8);
    Simd::store(index, Simd::add(clamp(at, -kGateHalf, kGateHalf - 1), Simd::set1(kGateHalf)));
  }
}

inline void cell_outputs(const int16_t* gates, const int16_t* squashed, Operand* hidden, int32_t* h,
                         int vectors) {
  const I32 half = Simd::set1(1 << 14);
  for (int v = 0; v < vectors; v += 4, gates += 4 * V, squashed += V, hidden += V, h += V) {
    const I32 product = Simd::mul(Simd::load16(gates + 3 * V), Simd::load16(squashed));
    const I32 p = Simd::shift_right(Simd::add(product, half), 15);
    const I32 scaled = Simd::mul(p, Simd::set1(kOperandMax));
    Simd::store_operand(hidden, Simd::shift_right(Simd::add(scaled, half), 15));
    Simd::store(h, Simd::shift_right(Simd::add(p, Simd::set1(4)), 3));
  }
}

inline void finish_lstm(const Part& part, int layer, Strip strip, const int32_t* recurrent) {
  const Model& m = *part.model;
  const Product& p = m.layer[layer].lstm_hidden;
  const Local& local = *part.local;
  gate_inputs(part, m.layer[layer], strip, recurrent);
  gate_outputs(part, strip);
  const int lanes = part.count, row = strip.vectors * V, channel = first_channel(p, strip),
            count = channels(p, strip);
  for (int l = 0; l < lanes; ++l) {
    update_cells(local.value + l * row, cell_of(part, layer, l) + channel, local.index + l * count,
                 strip.vectors);
  }
  int16_t* squashed = local.value + lanes * row;
  Simd::look_up(m.tanh, local.index, squashed, lanes * count);
  for (int l = 0; l < lanes; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded + channel;
    Operand* hidden = static_cast<Operand*>(part.team[0].hidden) + at;
    cell_outputs(local.value + l * row, squashed + l * count, hidden, part.team[0].lstm + at,
                 strip.vectors);
    clear_beyond_width(m, part.team[0].lstm + at - channel, channel, channel + count);
  }
  spent(part, kElementwise);
}

// The recurrent output may be replaced once all ranks have read the old one.
inline void keep_hidden(const Part& part, int layer, Range mine) {
  const Model& m = *part.model;
  const Product& p = m.layer[layer].lstm_hidden;
  const int begin = mine.begin * p.channels, count = (mine.end - mine.begin) * p.channels;
  for (int l = 0; l < part.count; ++l) {
    const Operand* hidden =
        static_cast<const Operand*>(part.team[0].hidden) + static_cast<ptrdiff_t>(l) * m.padded;
    memcpy(hidden_of(part, layer, l) + begin, hidden + begin,
           sizeof(Operand) * static_cast<size_t>(count));
  }
}

// shared.lstm becomes the layer's residual stream.
inline void lstm(const Part& part, int index) {
  const Model& m = *part.model;
  const Layer& layer = m.layer[index];
  const Local& local = *part.local;
  Operand* operand = static_cast<Operand*>(local.operand);
  for (int l = 0; index > 0 && l < part.count; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded;
    normalise(m, part.team[0].boom + at, [norm = layer.lstm_norm, to = operand + at](int i, I32 z) {
      Simd::store_operand(to + i, at_site(norm, i, z, kOperandMax));
    });
  }
  spent(part, kElementwise);
  const Range mine = turn_to_layer(part, index);  // it was already, but in the first step of a plan
  each_strip(part, layer.lstm_hidden, mine, [&](Strip strip) {
    call_for_gates(part, index, strip);
    const int32_t* recurrent = recurrent_sums(part, index, strip);
    if (index > 0) multiply(part, layer.lstm_input, strip, operand, m.padded, local.sums_input);
    finish_lstm(part, index, strip, recurrent);
  });
  turn_to_next_layer(part, index);
  meet(part, kElementwise);
  keep_hidden(part, index, mine);
}

inline void finish_boom(const Part& part, const Product& p, Strip strip) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  const int row = strip.vectors * V, lanes = part.count, channel = first_channel(p, strip);
  requantise_lanes(p, strip, lanes, local.sums_hidden, [&](int l, int v, I32 u) {
    const I32 at = Simd::add(clamp(u, -kGeluHalf, kGeluHalf - 1), Simd::set1(kGeluHalf));
    Simd::store(local.index + l * row + v, at);
  });
  Simd::look_up(m.gelu, local.index, local.value, lanes * row);
  const int16_t* value = local.value;
  for (int l = 0; l < lanes; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded + channel;
    for (int c = 0; c < channels(p, strip); c += V) {
      I32 sum = Simd::set1(0);
      for (int g = 0; g < p.groups; ++g, value += V) sum = Simd::add(sum, Simd::load16(value));
      const I32 h = Simd::add(Simd::load(local.residual + at + c), Simd::add(sum, sum));
      Simd::store(part.team[0].boom + at + c, clamp(h, -kResidualMax, kResidualMax));
    }
    clear_beyond_width(m, part.team[0].boom + at - channel, channel, channel + channels(p, strip));
  }
  spent(part, kElementwise);
}

// stream: (lanes, padded), the residual stream so far; shared.boom becomes what the next layer
// reads.
inline void boom(const Part& part, const Layer& layer, const int32_t* stream) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  Operand* operand = static_cast<Operand*>(local.operand);
  for (int l = 0; l < part.count; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded;
    const Norm inner = layer.boom_norm, outer = layer.skip_norm;
    normalise(m, stream + at, [=, to = operand + at, residual = local.residual + at](int i, I32 z) {
      Simd::store_operand(to + i, at_site(inner, i, z, kOperandMax));
      Simd::store(residual + i, at_site(outer, i, z, kResidualMax));
    });
  }
  spent(part, kElementwise);
  each_strip(part, layer.boom, [&](Strip strip) {
    multiply(part, layer.boom, strip, operand, m.padded, local.sums_hidden);
    finish_boom(part, layer.boom, strip);
  });
  meet(part, kElementwise);
}

}  // namespace
}  // namespace shazip
