// LSTM and Boom: products whose tiles hold all gates, or all chunks, of the same channels.
#pragma once

#include "elementwise.hpp"
#include "products.hpp"

namespace shazip {
namespace {

// Channels beyond the width come out of tables at 0, which need not be 0; layer norms count on zeros.
inline void clear_beyond_width(const Model& m, int32_t* row, int begin, int end) {
  for (int c = greater(begin, m.width); c < end; ++c) row[c] = 0;
}

// `bias` in steps of 2**-11, as part of a gate's wide sum: bias * 2**(shift-3) + 2**(shift-1). |bias| <= 2**15, shift <= 40.
inline I64 gate_bias(I32 bias, int shift) {
  const int low = lesser(shift - 3, 30);
  const I64 scaled = Simd::wide(Simd::times(bias, shift - 3 - low), Simd::set1(1 << low));
  return Simd::wide_add(scaled, Simd::wide_set1(int64_t{1} << (shift - 1)));
}

// index: (lanes, vectors, V), of the gates' tables
inline void gate_inputs(const Part& part, const Layer& layer, Strip strip) {
  const Product& p = layer.lstm_hidden;
  const Local& local = *part.local;
  const int row = strip.vectors * V;
  const ptrdiff_t first = static_cast<ptrdiff_t>(strip.begin) * V, rows = static_cast<ptrdiff_t>(p.tiles) * p.vectors * V;
  for (int l = 0; l < part.count; ++l) {
    const uint8_t symbol = part.state->symbol[part.first + l];
    for (int v = 0; v < row; v += V) {
      I64 t = Simd::wide(Simd::load(local.sums_hidden + l * row + v), Simd::load(p.multiplier + first + v));
      if (layer.input) {
        t = Simd::wide_add(t, gate_bias(Simd::load16(layer.input + symbol * rows + first + v), p.shift));
      } else {
        const I32 sum = Simd::load(local.sums_input + l * row + v);
        t = Simd::wide_add(t, Simd::wide(sum, Simd::load(layer.lstm_input.multiplier + first + v)));
        t = Simd::wide_add(t, Simd::wide_load(p.bias + first + v));
      }
      const I32 u = clamp(Simd::narrow(t, p.shift), -kGateHalf, kGateHalf - 1);
      Simd::store(local.index + l * row + v, Simd::add(u, Simd::set1(kGateHalf)));
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

inline void cell_outputs(const int16_t* gates, const int16_t* squashed, Operand* hidden, int32_t* h, int vectors) {
  const I32 half = Simd::set1(1 << 14);
  for (int v = 0; v < vectors; v += 4, gates += 4 * V, squashed += V, hidden += V, h += V) {
    const I32 product = Simd::mul(Simd::load16(gates + 3 * V), Simd::load16(squashed));
    const I32 p = Simd::shift_right(Simd::add(product, half), 15);
    const I32 scaled = Simd::mul(p, Simd::set1(kOperandMax));
    Simd::store_operand(hidden, Simd::shift_right(Simd::add(scaled, half), 15));
    Simd::store(h, Simd::shift_right(Simd::add(p, Simd::set1(4)), 3));
  }
}

inline void finish_lstm(const Part& part, int layer, Strip strip) {
  const Model& m = *part.model;
  const Product& p = m.layer[layer].lstm_hidden;
  const Local& local = *part.local;
  gate_inputs(part, m.layer[layer], strip);
  gate_outputs(part, strip);
  const int lanes = part.count, row = strip.vectors * V, channel = first_channel(p, strip), count = channels(p, strip);
  for (int l = 0; l < lanes; ++l) {
    int32_t* cell = part.state->cell + (static_cast<ptrdiff_t>(part.first + l) * m.layers + layer) * m.padded;
    update_cells(local.value + l * row, cell + channel, local.index + l * count, strip.vectors);
  }
  int16_t* squashed = local.value + lanes * row;
  Simd::look_up(m.tanh, local.index, squashed, lanes * count);
  for (int l = 0; l < lanes; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded + channel;
    Operand* hidden = static_cast<Operand*>(part.team[0].hidden) + at;
    cell_outputs(local.value + l * row, squashed + l * count, hidden, part.team[0].lstm + at, strip.vectors);
    clear_beyond_width(m, part.team[0].lstm + at - channel, channel, channel + count);
  }
  spent(part, kElementwise);
}

inline Operand* hidden_of(const Part& part, int layer, int lane) {
  const Model& m = *part.model;
  const ptrdiff_t row = static_cast<ptrdiff_t>(part.first + lane) * m.layers + layer;
  return static_cast<Operand*>(part.state->hidden) + row * m.padded;
}

// The recurrent output may be replaced once all ranks have read the old one.
inline void keep_hidden(const Part& part, int layer) {
  const Model& m = *part.model;
  const Product& p = m.layer[layer].lstm_hidden;
  const Range mine = share(p.tiles, part);
  const int begin = mine.begin * p.channels, count = (mine.end - mine.begin) * p.channels;
  for (int l = 0; l < part.count; ++l) {
    const Operand* hidden = static_cast<const Operand*>(part.team[0].hidden) + static_cast<ptrdiff_t>(l) * m.padded;
    memcpy(hidden_of(part, layer, l) + begin, hidden + begin, sizeof(Operand) * static_cast<size_t>(count));
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
    normalise(m, part.team[0].boom + at, local.normal);
    to_operand(m, layer.lstm_norm, local.normal, operand + at);
  }
  spent(part, kElementwise);
  const ptrdiff_t stride = static_cast<ptrdiff_t>(m.layers) * m.padded;
  each_strip(part, layer.lstm_hidden, [&](Strip strip) {
    multiply(part, layer.lstm_hidden, strip, hidden_of(part, index, 0), stride, local.sums_hidden);
    if (index > 0) multiply(part, layer.lstm_input, strip, operand, m.padded, local.sums_input);
    finish_lstm(part, index, strip);
  });
  meet(part, kElementwise);
  keep_hidden(part, index);
}

inline void finish_boom(const Part& part, const Product& p, Strip strip) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  const int row = strip.vectors * V, lanes = part.count, channel = first_channel(p, strip);
  for (int l = 0; l < lanes; ++l) {
    for (int v = 0; v < row; v += V) {
      const I32 u = requantise(p, static_cast<ptrdiff_t>(strip.begin) * V + v, Simd::load(local.sums_hidden + l * row + v));
      const I32 at = Simd::add(clamp(u, -kGeluHalf, kGeluHalf - 1), Simd::set1(kGeluHalf));
      Simd::store(local.index + l * row + v, at);
    }
  }
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

// stream: (lanes, padded), the residual stream so far; shared.boom becomes what the next layer reads.
inline void boom(const Part& part, const Layer& layer, const int32_t* stream) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  Operand* operand = static_cast<Operand*>(local.operand);
  for (int l = 0; l < part.count; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded;
    normalise(m, stream + at, local.normal);
    to_operand(m, layer.boom_norm, local.normal, operand + at);
    to_residual(m, layer.skip_norm, local.normal, local.residual + at);
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
