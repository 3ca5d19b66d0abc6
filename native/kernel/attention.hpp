// Attention over a lane's own past. Two products that weights have no part in: query by memory,
// softmax by memory.
#pragma once

#include "elementwise.hpp"
#include "meeting.hpp"
#include "products.hpp"

namespace shazip {
namespace {

// Copies a row of channels so that each head begins at a multiple of its padded width; the gaps
// stay zero.
inline void spread_heads(const Model& m, const int8_t* row, int8_t* heads) {
  for (int h = 0; h < m.heads; ++h) {
    memcpy(heads + h * m.head_padded, row + h * m.head_width, static_cast<size_t>(m.head_width));
  }
}

inline int8_t* memory_of(const Part& part, const Layer& layer, int lane) {
  const Model& m = *part.model;
  const ptrdiff_t size = static_cast<ptrdiff_t>(m.quads) * kQuad * m.heads * m.head_padded;
  return part.state->memory +
         (static_cast<ptrdiff_t>(part.first + lane) * m.attentions + layer.attention) * size;
}

inline int32_t* memory_sum_of(const Part& part, const Layer& layer, int lane) {
  const Model& m = *part.model;
  const ptrdiff_t size = static_cast<ptrdiff_t>(m.quads) * kQuad * m.heads;
  return part.state->memory_sum +
         (static_cast<ptrdiff_t>(part.first + lane) * m.attentions + layer.attention) * size;
}

// Writes an entry, given as heads of padded width, over the oldest one.
inline void remember(const Part& part, const Layer& layer, int lane, const int8_t* heads) {
  const Model& m = *part.model;
  const int slot = part.state->slot[part.first + lane];
  const int channels = m.heads * m.head_padded;
  int8_t* memory = memory_of(part, layer, lane);
  for (int c = 0; c < channels; c += 4) memcpy(memory + memory_at(slot, c, channels), heads + c, 4);
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

// This rank's share of a lane's valid entries, in groups of sixteen.
inline Range entries_of(const Part& part, int lane) {
  const Range groups = share((valid_entries(part, lane) + 15) / 16, part);
  return {16 * groups.begin, 16 * groups.end};
}

// The query's product, and the memory's new entry, which is written by the rank that will read it.
inline void query(const Part& part, const Layer& layer) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  Operand* operand = static_cast<Operand*>(local.operand);
  for (int l = 0; l < part.count; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded;
    const Norm inner = layer.query_norm8, outer = layer.query_norm, memory = layer.memory_norm;
    const Range mine = entries_of(part, l);
    normalise(
        m, part.team[0].lstm + at,
        [=, to = operand + at, residual = local.residual + at, bytes = local.bytes](int i, I32 z) {
          Simd::store_operand(to + i, at_site(inner, i, z, kOperandMax));
          Simd::store(residual + i, at_site(outer, i, z, kResidualMax));
          Simd::store8(bytes + i, at_site(memory, i, z, kOperandMax));
        });
    const int slot = part.state->slot[part.first + l];
    if (mine.begin <= slot && slot < mine.end) {
      spread_heads(m, local.bytes, local.focus);
      remember(part, layer, l, local.focus);
    }
  }
  spent(part, kElementwise);
  const Product& p = layer.query;
  each_strip(part, p, [&](Strip strip) {
    multiply(part, p, strip, operand, m.padded, local.sums_hidden);
    int32_t* y = part.team[0].query + static_cast<ptrdiff_t>(strip.begin) * V;
    requantise_lanes(p, strip, part.count, local.sums_hidden, [&](int l, int v, I32 u) {
      Simd::store(y + static_cast<ptrdiff_t>(l) * m.padded + v,
                  clamp(u, -kResidualMax, kResidualMax));
    });
    spent(part, kElementwise);
  });
  meet(part, kElementwise);
}

inline int32_t* scores_of(const Part& part, int lane, int head) {
  const Model& m = *part.model;
  return part.team[0].scores + (static_cast<ptrdiff_t>(lane) * m.heads + head) * m.quads * kQuad;
}

// Raw scores of this rank's entries.
inline void score(const Part& part, const Layer& layer, int lane) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  auto* spread = static_cast<Simd::Focus*>(local.focus_spread);
  const int32_t* query = part.team[0].query + static_cast<ptrdiff_t>(lane) * m.padded;
  normalise(m, query, [norm = layer.focus_norm, bytes = local.bytes](int i, I32 z) {
    Simd::store8(bytes + i, at_site(norm, i, z, kOperandMax));
  });
  spread_heads(m, local.bytes, local.focus);
  Simd::spread(local.focus, spread, m.heads * m.head_padded);
  const Range mine = entries_of(part, lane);
  const ptrdiff_t channels = static_cast<ptrdiff_t>(m.heads) * m.head_padded;
  spent(part, kElementwise);
  for (int h = 0; h < m.heads; ++h) {
    const ptrdiff_t head = static_cast<ptrdiff_t>(h) * m.head_padded;
    const int8_t* memory = memory_of(part, layer, lane) + mine.begin * channels + kGroup * head;
    const int32_t* sums =
        memory_sum_of(part, layer, lane) + static_cast<ptrdiff_t>(h) * m.quads * kQuad + mine.begin;
    Simd::scores(memory, kGroup * channels, spread + Simd::kFocusCopies * head, m.head_padded,
                 (mine.end - mine.begin) / kGroup, sums, scores_of(part, lane, h) + mine.begin);
  }
  spent(part, kAttention);
}

// local.weights: those of the entries `mine`, zero beyond the valid ones
inline void softmax(const Part& part, const Layer& layer, const int32_t* raw, int valid,
                    Range mine) {
  const Local& local = *part.local;
  int32_t most = raw[0];
  for (int j = 1; j < valid; ++j) most = most > raw[j] ? most : raw[j];
  const I32 top = Simd::set1(most), multiplier = Simd::set1(layer.score_multiplier);
  const I64 half = Simd::wide_set1(int64_t{1} << (layer.score_shift - 1));
  const int rounded = (valid + 15) / 16 * 16;
  for (int j = 0; j < rounded; j += V) {
    // score_most keeps the product's result within 32 bits; entries that are not valid may lie
    // above the top.
    const I32 below = clamp(Simd::sub(top, Simd::load(raw + j)), 0, layer.score_most);
    const I32 d =
        Simd::narrow(Simd::wide_add(Simd::wide(below, multiplier), half), layer.score_shift);
    Simd::store(local.scaled + j, Simd::min(d, Simd::set1(kScoreEntries - 1)));
  }
  Simd::look_up(part.model->exp_score, local.scaled, local.weights, rounded);
  for (int j = valid; j < rounded; ++j) local.weights[j] = 0;
  I32 sum = Simd::set1(0);
  for (int j = 0; j < rounded; j += V) sum = Simd::add(sum, Simd::load16(local.weights + j));
  const I32 gain = Simd::set1(static_cast<int32_t>((int64_t{1} << 44) / Simd::sum(sum)));
  const I64 round = Simd::wide_set1(1 << 29);
  for (int j = mine.begin; j < mine.end; j += V) {
    const I64 scaled = Simd::wide(Simd::load16(local.weights + j), gain);
    Simd::store16(local.weights + j, Simd::narrow(Simd::wide_add(scaled, round), 30));
  }
}

inline int32_t* partial_of(const Part& part, int rank, int lane) {
  const Model& m = *part.model;
  return part.team[rank].partial + static_cast<ptrdiff_t>(lane) * m.heads * m.head_padded;
}

// This rank's entries, weighted and summed.
inline void mix(const Part& part, const Layer& layer, int lane) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  const Range mine = entries_of(part, lane);
  const ptrdiff_t channels = static_cast<ptrdiff_t>(m.heads) * m.head_padded;
  const int8_t* memory = memory_of(part, layer, lane) + mine.begin * channels;
  for (int h = 0; h < m.heads; ++h) {
    softmax(part, layer, scores_of(part, lane, h), valid_entries(part, lane), mine);
    const ptrdiff_t head = static_cast<ptrdiff_t>(h) * m.head_padded;
    spent(part, kElementwise);
    Simd::mix(memory + kGroup * head, kGroup * channels, local.weights + mine.begin, m.head_padded,
              (mine.end - mine.begin) / kGroup, partial_of(part, part.rank, lane) + head);
    spent(part, kAttention);
  }
}

// Adds what was found in memory to the residual stream, in which the queries' norm waits.
inline void add_values(const Part& part, const Layer& layer, int lane) {
  const Model& m = *part.model;
  int32_t* sums = part.local->sums;
  // Heads close up to the width again: each begins on what the one before left beyond its own.
  for (int h = 0; h < m.heads; ++h) {
    for (int c = 0; c < m.head_padded; c += V) {
      I32 sum = Simd::load(partial_of(part, 0, lane) + h * m.head_padded + c);
      for (int rank = 1; rank < part.size; ++rank) {
        sum = Simd::add(sum, Simd::load(partial_of(part, rank, lane) + h * m.head_padded + c));
      }
      Simd::store(sums + h * m.head_width + c, sum);
    }
  }
  int32_t* residual = part.local->residual + static_cast<ptrdiff_t>(lane) * m.padded;
  const I64 half = Simd::wide_set1(int64_t{1} << (layer.value_shift - 1));
  for (int c = 0; c < m.width; c += V) {  // beyond the width multipliers are zero
    const I64 scaled = Simd::wide(Simd::load(sums + c), Simd::load(layer.value_multiplier + c));
    const I32 o = Simd::narrow(Simd::wide_add(scaled, half), layer.value_shift);
    Simd::store(residual + c,
                clamp(Simd::add(Simd::load(residual + c), o), -kResidualMax, kResidualMax));
  }
}

// A lane's products with so many entries, as `score` and `mix` make them, with the weights and the
// query that are there.
inline void multiply_memory(const Part& part, const Layer& layer, int lane, int entries) {
  const Model& m = *part.model;
  const Local& local = *part.local;
  const Range mine = share(entries / kGroup, part);
  const ptrdiff_t channels = static_cast<ptrdiff_t>(m.heads) * m.head_padded;
  const int8_t* memory = memory_of(part, layer, lane) + kGroup * mine.begin * channels;
  for (int h = 0; h < m.heads; ++h) {
    const ptrdiff_t head = static_cast<ptrdiff_t>(h) * m.head_padded;
    const int32_t* sums = memory_sum_of(part, layer, lane) +
                          static_cast<ptrdiff_t>(h) * m.quads * kQuad + kGroup * mine.begin;
    const auto* spread =
        static_cast<const Simd::Focus*>(local.focus_spread) + Simd::kFocusCopies * head;
    Simd::scores(memory + kGroup * head, kGroup * channels, spread, m.head_padded,
                 mine.end - mine.begin, sums, scores_of(part, lane, h) + kGroup * mine.begin);
    Simd::mix(memory + kGroup * head, kGroup * channels, local.weights + kGroup * mine.begin,
              m.head_padded, mine.end - mine.begin, partial_of(part, part.rank, lane) + head);
  }
}

// local.residual becomes the residual stream. Alone, a thread does lane after lane, so that a
// lane's memory is still in its cache when it is read again; a team shares each lane's entries.
inline void attention(const Part& part, const Layer& layer) {
  query(part, layer);
  for (int l = 0; l < part.count; ++l) {
    score(part, layer, l);
    if (part.size == 1) mix(part, layer, l);
  }
  if (part.size > 1) {
    meet(part, kAttention);
    for (int l = 0; l < part.count; ++l) mix(part, layer, l);
    meet(part, kAttention);
  }
  for (int l = 0; l < part.count; ++l) add_values(part, layer, l);
  spent(part, kElementwise);
}

}  // namespace
}  // namespace shazip
