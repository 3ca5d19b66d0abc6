// The kernels of lstm.hpp for processors that multiply bfloat16. Nothing here is shared with other
// sources.
#include "lstm.hpp"

#include "products.hpp"

namespace shazip::training {
namespace {

struct Gates {
  F32 i, f, g, o;
};

Gates load_gates(const float* at, int64_t width, __mmask16 mask) {
  return {load(at, mask), load(at + width, mask), load(at + 2 * width, mask),
          load(at + 3 * width, mask)};
}

template <typename Number>
void store_gates(Number* at, const Gates& gates, int64_t width, __mmask16 mask) {
  store(at, gates.i, mask);
  store(at + width, gates.f, mask);
  store(at + 2 * width, gates.g, mask);
  store(at + 3 * width, gates.o, mask);
}

F32 on_grid(F32 x, float units) {
  return _mm512_roundscale_ps(_mm512_mul_ps(x, set1(units)),
                              _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// (blocks, pairs of inputs, 4 gates, 16 units, 2), so that a tile reads it from first to last.
void pack_forward(const Forward& call) {
  const auto& [steps, lanes, width] = call.sizes;
  const int64_t pairs = call.sizes.pairs();
  const F32 step = set1(call.limits.units > 0 ? call.limits.units : 1);
  const __m512i places =
      _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                         _mm512_set1_epi32(64));
  std::memset(call.packed, 0, sizeof(uint32_t) * static_cast<size_t>(call.sizes.forward_size()));
  for (int64_t row = 0; row < 4 * width; ++row) {
    const int64_t gate = row / width, unit = row % width;
    uint32_t* to = call.packed + unit / kVector * pairs * 64 + gate * kVector + unit % kVector;
    for (int64_t k = 0; k < width; k += 2 * kVector) {
      const float* from = call.w_state + row * width + k;
      const F32 low = _mm512_div_ps(load(from, first(width - k)), step);
      const F32 high = _mm512_div_ps(load(from + kVector, first(width - k - kVector)), step);
      const auto both = (__m512i)_mm512_cvtne2ps_pbh(high, low);
      _mm512_mask_i32scatter_epi32(to + 32 * k, first(pairs - k / 2), places, both, 4);
    }
  }
}

// A step after the sums of its four gates, up to the operand of the next step.
struct Cell {
  const Forward& call;
  int64_t step, lane, unit;
  __mmask16 mask;

  int64_t at() const { return step * call.sizes.lanes + lane; }  // of a row

  Gates gates(const F32 (&sums)[4]) const {
    const int64_t width = call.sizes.width, row = call.rows ? call.rows[at()] : at();
    const uint16_t* input = call.inputs + row * 4 * width + unit;
    F32 gate[4];
    for (int v = 0; v < 4; ++v) {
      const F32 fixed =
          _mm512_add_ps(load(input + v * width, mask), load(call.bias + v * width + unit, mask));
      gate[v] = clamp(_mm512_add_ps(fixed, sums[v]), call.limits.gate_min, call.limits.gate_max);
    }
    return {sigmoid(gate[0]), sigmoid(gate[1]), tanh(gate[2]), sigmoid(gate[3])};
  }

  void finish(const F32 (&sums)[4]) const {
    const int64_t width = call.sizes.width, lanes = call.sizes.lanes;
    const Gates now = gates(sums);
    const float* last = step ? call.cells + (at() - lanes) * width : call.c + lane * width;
    const F32 added = _mm512_fmadd_ps(now.f, load(last + unit, mask), _mm512_mul_ps(now.i, now.g));
    const F32 cell = clamp(added, -call.limits.cell, call.limits.cell);
    const F32 h = _mm512_mul_ps(now.o, tanh(cell));
    store_gates(call.gates + at() * 4 * width + unit, now, width, mask);
    store(call.cells + at() * width + unit, cell, mask);
    store(call.out + at() * width + unit, h, mask);
    carry(h, step + 1);
  }

  // Make `h` the operand of step `next`.
  void carry(F32 h, int64_t next) const {
    const auto& [steps, lanes, width] = call.sizes;
    const float units = call.limits.units;
    const F32 operand = units > 0 ? on_grid(h, units) : h;
    store(call.operand + (next % 2 * lanes + lane) * 2 * call.sizes.pairs() + unit, operand, mask);
    if (next == steps) return;
    const F32 met = units > 0 ? _mm512_div_ps(operand, set1(units)) : h;
    store(call.before + (next * lanes + lane) * width + unit, met, mask);
  }
};

void start(const Forward& call) {
  const auto& [steps, lanes, width] = call.sizes;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    for (int64_t unit = 0; unit < width; unit += kVector) {
      const __mmask16 mask = first(width - unit);
      Cell{call, 0, lane, unit, mask}.carry(load(call.h + lane * width + unit, mask), 0);
    }
  }
}

void forward_step(const Forward& call, int64_t step) {
  const int64_t pairs = call.sizes.pairs(), lanes = call.sizes.lanes, width = call.sizes.width;
  const uint16_t* operand = call.operand + step % 2 * lanes * 2 * pairs;
  for (int64_t block = 0; block < call.sizes.blocks(); ++block) {
    const int64_t unit = block * kVector;
    each_group(lanes, [&](int64_t lane, int count) {
      Tile tile;
      multiply(count, call.packed + block * pairs * 64, operand + lane * 2 * pairs, 2 * pairs,
               pairs, tile);
      for (int n = 0; n < count; ++n) {
        Cell{call, step, lane + n, unit, first(width - unit)}.finish(tile.sums[n]);
      }
    });
  }
}

// (wide blocks, pairs of gates, 64 units, 2).
void pack_backward(const Backward& call) {
  const int64_t width = call.sizes.width;
  for (int64_t unit = 0; unit < 64 * call.sizes.wide_blocks(); unit += kVector) {
    const __mmask16 mask = unit < width ? first(width - unit) : 0;
    uint32_t* to = call.packed + unit / 64 * 2 * width * 64 + unit % 64;
    for (int64_t pair = 0; pair < 2 * width; ++pair) {
      const float* from = call.w_state + 2 * pair * width + unit;
      const __m512i low = widen(narrow(load(from, mask))),
                    high = widen(narrow(load(from + width, mask)));
      _mm512_storeu_si512(to + 64 * pair, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
  }
}

F32 times_slope(F32 x, F32 sigmoid) {  // x * s * (1 - s)
  const F32 scaled = _mm512_mul_ps(x, sigmoid);
  return _mm512_fnmadd_ps(scaled, sigmoid, scaled);
}

// The gradients at a step's gates, from that at its h; d_c goes from step to step.
void gradients(const Backward& call, int64_t step, int64_t lane, int64_t unit, F32 from_later) {
  const auto& [steps, lanes, width] = call.sizes;
  const __mmask16 mask = first(width - unit);
  const int64_t at = step * lanes + lane;
  const Gates now = load_gates(call.gates + at * 4 * width + unit, width, mask);
  const F32 before =
      load((step ? call.cells + (at - lanes) * width : call.c + lane * width) + unit, mask);
  const F32 cell = tanh(load(call.cells + at * width + unit, mask));
  const F32 d_h = _mm512_add_ps(from_later, load(call.d_out + at * width + unit, mask));
  const F32 opened = _mm512_mul_ps(d_h, now.o);
  float* carried = call.d_c + lane * width + unit;
  const F32 d_c = _mm512_add_ps(load(carried, mask),
                                _mm512_fnmadd_ps(_mm512_mul_ps(opened, cell), cell, opened));
  store(carried, _mm512_mul_ps(d_c, now.f), mask);
  const F32 kept = _mm512_mul_ps(d_c, now.i);
  const Gates found{times_slope(_mm512_mul_ps(d_c, now.g), now.i),
                    times_slope(_mm512_mul_ps(d_c, before), now.f),
                    _mm512_fnmadd_ps(_mm512_mul_ps(kept, now.g), now.g, kept),
                    times_slope(_mm512_mul_ps(d_h, cell), now.o)};
  store_gates(call.d_gates + at * 4 * width + unit, found, width, mask);
  float* sums = call.sums + (call.rows ? call.rows[at] : 0) * 4 * width + unit;
  const Gates sum = load_gates(sums, width, mask);
  store_gates(sums,
              Gates{_mm512_add_ps(sum.i, found.i), _mm512_add_ps(sum.f, found.f),
                    _mm512_add_ps(sum.g, found.g), _mm512_add_ps(sum.o, found.o)},
              width, mask);
}

// Carries gradients from step + 1, if there is such a step, to `step`, or to the start for step -1.
void backward_step(const Backward& call, int64_t step) {
  const auto& [steps, lanes, width] = call.sizes;
  const int64_t pairs = step + 1 < steps ? 2 * width : 0;
  for (int64_t block = 0; block < call.sizes.wide_blocks(); ++block) {
    each_group(lanes, [&, lanes = lanes, width = width](int64_t lane, int count) {
      Tile tile;
      const uint16_t* operand = call.d_gates + ((step + 1) * lanes + lane) * 4 * width;
      multiply(count, call.packed + block * 2 * width * 64, operand, 4 * width, pairs, tile);
      for (int64_t v = 0, unit = 64 * block; v < 4 && unit < width; ++v, unit += kVector) {
        for (int n = 0; n < count; ++n) {
          if (step >= 0)
            gradients(call, step, lane + n, unit, tile.sums[n][v]);
          else
            store(call.d_h + (lane + n) * width + unit, tile.sums[n][v], first(width - unit));
        }
      }
    });
  }
}

}  // namespace

void forward(const Forward& call) {
  pack_forward(call);
  start(call);
  for (int64_t step = 0; step < call.sizes.steps; ++step) forward_step(call, step);
}

void backward(const Backward& call) {
  pack_backward(call);
  std::memcpy(call.d_c, call.d_cell,
              sizeof(float) * static_cast<size_t>(call.sizes.lanes * call.sizes.width));
  for (int64_t step = call.sizes.steps - 1; step >= -1; --step) backward_step(call, step);
}

}  // namespace shazip::training
