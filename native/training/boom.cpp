// The kernels of boom.hpp for processors that convert to bfloat16. Nothing here is shared with
// other sources.
#include "boom.hpp"

#include "vector.hpp"

namespace shazip::training {
namespace {

// Calls `work(row, first of up to sixteen units, their mask)` for all of them.
template <typename Work>
void each_vector(const Boom& boom, const Work& work) {
  for (int64_t row = 0; row < boom.rows; ++row) {
    for (int64_t unit = 0; unit < boom.width; unit += kVector)
      work(row, unit, first(boom.width - unit));
  }
}

}  // namespace

void forward(const Boom& boom, float* out) {
  each_vector(boom, [&](int64_t row, int64_t unit, __mmask16 mask) {
    const uint16_t* wide = boom.wide + row * boom.chunks * boom.width + unit;
    F32 sum = set1(0);
    for (int64_t chunk = 0; chunk < boom.chunks; ++chunk) {
      const F32 x = load(wide + chunk * boom.width, mask);
      sum = _mm512_fmadd_ps(x, sigmoid(x), sum);
    }
    store(out + row * boom.width + unit, _mm512_mul_ps(sum, set1(boom.scale)), mask);
  });
}

void backward(const Boom& boom, const float* d_out, uint16_t* d_wide) {
  each_vector(boom, [&](int64_t row, int64_t unit, __mmask16 mask) {
    const F32 gradient =
        _mm512_mul_ps(load(d_out + row * boom.width + unit, mask), set1(boom.scale));
    const int64_t at = row * boom.chunks * boom.width + unit;
    for (int64_t chunk = 0; chunk < boom.chunks; ++chunk) {
      const F32 x = load(boom.wide + at + chunk * boom.width, mask);
      const F32 gate = sigmoid(x), scaled = _mm512_mul_ps(gradient, gate);
      const F32 beyond = _mm512_fnmadd_ps(x, gate, x);  // x * (1 - gate)
      store(d_wide + at + chunk * boom.width, _mm512_fmadd_ps(scaled, beyond, scaled), mask);
    }
  });
}

}  // namespace shazip::training
