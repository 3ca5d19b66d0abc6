// Boom after its wide product, in training: the sum of silu over the chunks of `width`, times
// `scale`.
#pragma once

#include <cstdint>

namespace shazip::training {

struct Boom {
  int64_t rows, width, chunks;
  float scale;
  const uint16_t* wide;  // (rows, chunks, width), bfloat16
};

void forward(const Boom& boom, float* out);                             // (rows, width)
void backward(const Boom& boom, const float* d_out, uint16_t* d_wide);  // as out and wide

}  // namespace shazip::training
