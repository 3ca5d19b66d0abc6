// The steps of an LSTM in training: products of bfloat16, everything else float32. One thread, and
// no memory of its own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shazip::training {

struct Sizes {
  int64_t steps, lanes, width;

  int64_t pairs() const { return (width + 1) / 2; }
  int64_t blocks() const { return (width + 15) / 16; }  // of units whose four gates are one tile
  int64_t wide_blocks() const {
    return (width + 63) / 64;
  }  // of units that are one tile of the gradient
  int64_t forward_size() const { return blocks() * pairs() * 64; }  // uint32 of the packed weight
  int64_t backward_size() const { return wide_blocks() * 2 * width * 64; }
  int64_t operand_size() const { return 4 * lanes * pairs(); }  // bfloat16
};

// Where the integer model's formats end; -inf, inf, inf, 0 where they do not matter.
struct Limits {
  float gate_min, gate_max, cell;
  float units;  // h enters the product in steps of 1 / units
};

// Gates have the order i, f, g, o. bfloat16 is uint16_t. `rows` says which row of `inputs` each
// step of each lane takes; null: its own.
struct Forward {
  Sizes sizes;
  Limits limits;
  const uint16_t* inputs;       // (n, 4 width): the input's product
  const int64_t* rows;          // (steps, lanes), each < n
  const float *w_state, *bias;  // (4 width, width), (4 width)
  const float *h, *c;           // (lanes, width) each: the start
  float *gates, *cells, *out;   // (steps, lanes, 4 width), and with one width each
  uint16_t* before;             // (steps, lanes, width): the h that each step met
  uint32_t* packed;             // scratch
  uint16_t* operand;            // scratch, zero
};

struct Backward {
  Sizes sizes;
  const int64_t* rows;
  const float *w_state, *gates, *cells, *c;
  const float *d_out, *d_cell;  // (steps, lanes, width), (lanes, width)
  uint16_t* d_gates;            // (steps, lanes, 4 width)
  float* sums;  // (n, 4 width): d_gates by row, all in the first one for null rows; zero at first
  float *d_h, *d_c;  // (lanes, width): of the start
  uint32_t* packed;  // scratch
};

void forward(const Forward& call);
void backward(const Backward& call);

}  // namespace shazip::training
