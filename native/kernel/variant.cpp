// One variant of the network's step. Compiled once for each instruction set, with SHAZIP_ISA (a
// header) and SHAZIP_VARIANT (a name).
#include SHAZIP_ISA

#include "attention.hpp"
#include "common.hpp"
#include "elementwise.hpp"
#include "lstm.hpp"
#include "meeting.hpp"
#include "products.hpp"

namespace shazip {
namespace {

void output(const Part& part) {
  const Model& m = *part.model;
  const Product& p = m.output;
  const Local& local = *part.local;
  Operand* operand = static_cast<Operand*>(local.operand);
  for (int l = 0; l < part.count; ++l) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(l) * m.padded;
    to_output_operand(m, part.team[0].boom + at, operand + at);
  }
  spent(part, kElementwise);
  each_strip(part, p, [&](Strip strip) {
    multiply(part, p, strip, operand, m.padded, local.sums_hidden);
    int16_t* logits = part.state->logits + static_cast<ptrdiff_t>(part.first) * m.symbols +
                      static_cast<ptrdiff_t>(strip.begin) * V;
    requantise_lanes(p, strip, part.count, local.sums_hidden, [&](int l, int v, I32 u) {
      Simd::store16(logits + static_cast<ptrdiff_t>(l) * m.symbols + v,
                    clamp(u, -kLogitMax, kLogitMax));
    });
    spent(part, kElementwise);
  });
  meet(part, kElementwise);
}

void frequencies(const Part& part) {
  const State& state = *part.state;
  for (int l = part.rank; state.freqs && l < part.count; l += part.size) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(part.first + l) * part.model->symbols;
    to_frequencies(*part.model, state.logits + at, state.freqs + at);
  }
  spent(part, kFrequencies);
}

void step_lanes(const Part& part) {
  if (part.local->costs) part.local->last = ticks();
  for (int index = 0; index < part.model->layers; ++index) {
    const Layer& layer = part.model->layer[index];
    lstm(part, index);
    if (layer.attention >= 0) attention(part, layer);
    boom(part, layer, layer.attention >= 0 ? part.local->residual : part.team[0].lstm);
  }
  output(part);
  frequencies(part);
}

void weights_only(const Part& part) {
  const Model& m = *part.model;
  const auto multiply_all = [&](const Product& p) {
    each_strip(part, p, [&](Strip strip) {
      multiply(part, p, strip, static_cast<Operand*>(part.local->operand), m.padded,
               part.local->sums_hidden);
    });
  };
  for (int index = 0; index < m.layers; ++index) {
    const Layer& layer = m.layer[index];
    multiply_all(layer.lstm_hidden);
    if (index > 0) multiply_all(layer.lstm_input);
    if (layer.attention >= 0) multiply_all(layer.query);
    multiply_all(layer.boom);
  }
  multiply_all(m.output);
}

// As in a step with full memories; the weights of their entries are all the same, of one byte and
// not zero.
void products_only(const Part& part) {
  weights_only(part);
  const Model& m = *part.model;
  const int entries = (m.window + kGroup - 1) / kGroup * kGroup;
  for (int j = 0; m.attentions && j < entries; ++j) part.local->weights[j] = 32;
  for (int index = 0; index < m.layers; ++index) {
    for (int l = 0; m.layer[index].attention >= 0 && l < part.count; ++l) {
      multiply_memory(part, m.layer[index], l, entries);
    }
  }
}

void store_operand(void* to, int32_t value) {
  if (Simd::kOffset) {
    const auto byte = static_cast<uint8_t>(value + 128);
    memcpy(to, &byte, 1);
  } else {
    const auto operand = static_cast<Operand>(value);
    memcpy(to, &operand, sizeof operand);
  }
}

}  // namespace

extern const Variant SHAZIP_VARIANT;
const Variant SHAZIP_VARIANT = {
    V,
    Simd::kRows,
    Simd::kStep,
    sizeof(Operand),
    Simd::kFocusCopies * static_cast<int32_t>(sizeof(Simd::Focus)),
    Simd::kOffset,
    Simd::wide_position,
    store_operand,
    step_lanes,
    work_ahead,
    products_only,
    weights_only,
};

}  // namespace shazip
