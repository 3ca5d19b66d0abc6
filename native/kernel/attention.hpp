// Attention over a lane's own past. Two products that weights have no part in: query by memory, softmax by memory.
#pragma once

#include "elementwise.hpp"
#include "products.hpp"

namespace shazip {
namespace {

// Copies a row of channels so that each head begins at a multiple of its padded width; the gaps stay zero.
inline void spread_heads(const Model& m, const int8_t* row, int8_t* heads) {
  for (int h = 0; h < m.heads; ++h) {
    memcpy(heads + h * m.head_padded, row + h * m.head_width, static_cast<size_t>(m.head_width));
  }
}

inline int8_t* memory_of(const Part& part, const Layer& layer, int lane) {
  const Model& m = *part.model;
  const ptrdiff_t size = static_cast<ptrdiff_t>(m.quads) * kQuad * m.heads * m.head_padded;
  return part.state->memory + (static_cast<ptrdiff_t>(part.first + lane) * m.attentions + layer.attention) * size;
}

inline int32_t* memory_sum_of(const Part& part, const Layer& layer, int lane) {
  const Model& m = *part.model;
  const ptrdiff_t size = static_cast<ptrdiff_t>(m.quads) * kQuad * m.heads;
  return part.state->memory_sum + (static_cast<ptrdiff_t>(part.first + lane) * m.attentions + layer.attention) * size;
}

// Writes an entry, given as heads of padded width, over the oldest one.
inline void remember(const Part& part, const Layer& layer, int lane, const int8_t* heads) {
  const Model& m = *part.model;
  const int slot = part.state->slot[part.first + lane];
  const int channels = m.heads * m.head_padded;
  int8_t* entry = memory_of(part, layer, lane) + static_cast<ptrdiff_t>(slot / kQuad) * kQuad * channels + slot % kQuad * 4;
  for (int c = 0; c < channels; c += 4) memcpy(entry + kQuad * c, heads + c, 4);
  int32_t* sums = memory_sum_of(part, layer, lane) + slot;
  for (int h = 0; h < m.heads; ++h) {
    int32_t sum = 0;
    for (int c = 0; c < m.head_padded; ++c) sum += heads[h * m.head_padded + c];
    sums[static_cast<ptrdiff_t>(h) * m.quads * kQuad] = sum;
  }
}

inline int valid_entries(const Part& part, int lane) {
  return lesser(part.state->entries[part.first + lane] + 1, part.model->window);
}

// The query's product, and the memory's new entry.
inline void query(const Part& part, const Layer& layer) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  Operand* operand = static_cast<Operand*>(local.operand);
  for (int l = 0; l < part.count; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded;
    normalise(m, part.shared->lstm + at, local.normal);
    to_operand(m, layer.query_norm8, local.normal, operand + at);
    to_residual(m, layer.query_norm, local.normal, local.residual + at);
    if (part.rank == 0) {
      to_bytes(m, layer.memory_norm, local.normal, local.bytes);
      spread_heads(m, local.bytes, local.focus);
      remember(part, layer, l, local.focus);
    }
  }
  spent(part, kElementwise);
  each_tile(part, layer.query.tiles, [&](int tile, int begin, int lanes) {
    const Product& p = layer.query;
    const Operand* input = operand + static_cast<ptrdiff_t>(begin) * m.padded;
    multiply_tile(p, tile, input, m.padded, lanes, local.tile[0]);
    spent(part, kProducts);
    const int row = p.vectors * V;
    for (int l = 0; l < lanes; ++l) {
      int32_t* y = part.shared->query + static_cast<ptrdiff_t>(begin + l) * m.padded + tile * row;
      for (int v = 0; v < row; v += V) {
        const I32 u = requantise(p, static_cast<ptrdiff_t>(tile) * row + v, Simd::load(local.tile[0] + l * row + v));
        Simd::store(y + v, clamp(u, -kResidualMax, kResidualMax));
      }
    }
    spent(part, kElementwise);
  });
  meet(part, kElementwise);
}

inline int32_t* scores_of(const Part& part, int lane, int head) {
  const Model& m = *part.model;
  return part.shared->scores + (static_cast<ptrdiff_t>(lane) * m.heads + head) * m.quads * kQuad;
}

// Raw scores of this rank's share of the entries.
inline void score(const Part& part, const Layer& layer) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  auto* spread = static_cast<Simd::Focus*>(local.focus_spread);
  const ptrdiff_t stride = static_cast<ptrdiff_t>(kQuad) * m.heads * m.head_padded;
  for (int l = 0; l < part.count; ++l) {
    normalise(m, part.shared->query + static_cast<ptrdiff_t>(l) * m.padded, local.normal);
    to_bytes(m, layer.focus_norm, local.normal, local.bytes);
    spread_heads(m, local.bytes, local.focus);
    Simd::spread(local.focus, spread, m.heads * m.head_padded);
    const int valid = (valid_entries(part, l) + 4 * kQuad - 1) / (4 * kQuad);
    const Range mine = share(valid, part);
    const int begin = 4 * mine.begin, quads = 4 * (mine.end - mine.begin);
    spent(part, kElementwise);
    for (int h = 0; h < m.heads; ++h) {
      const ptrdiff_t head = static_cast<ptrdiff_t>(h) * m.head_padded;
      const int8_t* memory = memory_of(part, layer, l) + begin * stride + kQuad * head;
      const int32_t* sums = memory_sum_of(part, layer, l) + (static_cast<ptrdiff_t>(h) * m.quads + begin) * kQuad;
      Simd::scores(memory, stride, spread + Simd::kFocusCopies * head, m.head_padded, quads, sums,
                   scores_of(part, l, h) + begin * kQuad);
    }
    spent(part, kAttention);
  }
  meet(part, kAttention);
}

// weights: (entries, rounded up to whole quads), zero beyond the valid ones
inline void softmax(const Part& part, const Layer& layer, const int32_t* raw, int valid) {
  const Local& local = *part.local;
  int32_t most = raw[0];
  for (int j = 1; j < valid; ++j) most = most > raw[j] ? most : raw[j];
  const I32 top = Simd::set1(most), multiplier = Simd::set1(layer.score_multiplier);
  const I64 half = Simd::wide_set1(int64_t{1} << (layer.score_shift - 1));
  const int rounded = (valid + 4 * kQuad - 1) / (4 * kQuad) * (4 * kQuad);
  for (int j = 0; j < rounded; j += V) {
    // score_most keeps the product's result within 32 bits; entries that are not valid may lie above the top.
    const I32 below = clamp(Simd::sub(top, Simd::load(raw + j)), 0, layer.score_most);
    const I32 d = Simd::narrow(Simd::wide_add(Simd::wide(below, multiplier), half), layer.score_shift);
    Simd::store(local.scaled + j, Simd::min(d, Simd::set1(kScoreEntries - 1)));
  }
  look_up(part.model->exp_score, local.scaled, local.weights, rounded);
  for (int j = valid; j < rounded; ++j) local.weights[j] = 0;
  I32 sum = Simd::set1(0);
  for (int j = 0; j < rounded; j += V) sum = Simd::add(sum, Simd::load16(local.weights + j));
  const I32 gain = Simd::set1(static_cast<int32_t>((int64_t{1} << 44) / Simd::sum(sum)));
  const I64 round = Simd::wide_set1(1 << 29);
  for (int j = 0; j < rounded; j += V) {
    const I64 scaled = Simd::wide(Simd::load16(local.weights + j), gain);
    Simd::store16(local.weights + j, Simd::narrow(Simd::wide_add(scaled, round), 30));
  }
}

// Channels begin .. end - 1 of the residual stream; `sums` begins with the first of them.
inline void add_values(const Layer& layer, const int32_t* sums, const int32_t* residual, int32_t* mixed, int begin, int end) {
  const int64_t half = int64_t{1} << (layer.value_shift - 1);
  const I64 wide_half = Simd::wide_set1(half);
  int c = begin;
  for (; c + V <= end; c += V) {
    const I64 scaled = Simd::wide(Simd::load(sums + c - begin), Simd::load(layer.value_multiplier + c));
    const I32 o = Simd::narrow(Simd::wide_add(scaled, wide_half), layer.value_shift);
    Simd::store(mixed + c, clamp(Simd::add(Simd::load(residual + c), o), -kResidualMax, kResidualMax));
  }
  for (; c < end; ++c) {
    const int64_t o = (int64_t{sums[c - begin]} * layer.value_multiplier[c] + half) >> layer.value_shift;
    const int64_t h = residual[c] + o;
    mixed[c] = static_cast<int32_t>(h < -kResidualMax ? -kResidualMax : h > kResidualMax ? kResidualMax : h);
  }
}

// One head's part of shared.mixed. A single head's channels are split between the ranks, several heads as a whole.
inline void mix_head(const Part& part, const Layer& layer, int lane, int head, Range channels) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  const int valid = valid_entries(part, lane);
  softmax(part, layer, scores_of(part, lane, head), valid);
  spent(part, kElementwise);
  const ptrdiff_t stride = static_cast<ptrdiff_t>(kQuad) * m.heads * m.head_padded;
  const ptrdiff_t first = static_cast<ptrdiff_t>(head) * m.head_padded + channels.begin;
  const int quads = (valid + 4 * kQuad - 1) / (4 * kQuad) * 4;
  Simd::mix(memory_of(part, layer, lane) + kQuad * first, stride, local.weights, channels.end - channels.begin, quads,
            local.sums);
  spent(part, kAttention);
  const ptrdiff_t at = static_cast<ptrdiff_t>(lane) * m.padded;
  const int begin = head * m.head_width + channels.begin;
  const int end = head * m.head_width + lesser(channels.end, m.head_width);
  add_values(layer, local.sums, local.residual + at, part.shared->mixed + at, begin, end);
  spent(part, kElementwise);
}

// shared.mixed becomes the residual stream: the queries' norm plus what was found in memory.
inline void attention(const Part& part, const Layer& layer) {
  const Model& m = *part.model;
  query(part, layer);
  score(part, layer);
  const Range units = share(m.heads == 1 ? m.head_padded / 16 : m.heads, part);
  for (int l = 0; l < part.count && units.begin < units.end; ++l) {
    if (m.heads == 1) {
      mix_head(part, layer, l, 0, {16 * units.begin, 16 * units.end});
    } else {
      for (int h = units.begin; h < units.end; ++h) mix_head(part, layer, l, h, {0, m.head_padded});
    }
  }
  meet(part, kElementwise);
}

}  // namespace
}  // namespace shazip
