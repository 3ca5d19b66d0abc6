// Python bindings of the network's halves: sums of a row, and a part of it scaled to the total.
#include "bindings.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>
#include <stdexcept>

namespace nb = nanobind;

namespace {

using Rows = nb::ndarray<const uint32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Column = nb::ndarray<const uint16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<nb::numpy, uint32_t>;

constexpr uint64_t kTotal = 1u << 24;

// Fills `out` by calling fill(lane, row of the network, row of `out`).
template <typename Fill>
Result by_lane(const Rows& rows, size_t width, Fill fill) {
  const size_t live = rows.shape(0), symbols = rows.shape(1);
  std::unique_ptr<uint32_t[]> out(new uint32_t[live * width]);
  for (size_t lane = 0; lane < live; ++lane)
    fill(lane, rows.data() + lane * symbols, out.get() + lane * width);
  nb::capsule owner(out.get(), [](void* p) noexcept { delete[] static_cast<uint32_t*>(p); });
  return Result(out.release(), {live, width}, owner);
}

// Symbols behind one first half.
size_t seconds_of(const Rows& rows, size_t firsts) {
  if (firsts == 0 || rows.shape(1) % firsts != 0 || rows.shape(1) == 0)
    throw std::invalid_argument("rows cannot be cut into so many parts");
  return rows.shape(1) / firsts;
}

Result first_half(const Rows& rows, size_t firsts) {
  const size_t seconds = seconds_of(rows, firsts);
  return by_lane(rows, firsts, [&](size_t, const uint32_t* row, uint32_t* out) {
    for (size_t i = 0; i < firsts; ++i) {
      out[i] = 0;
      for (size_t j = 0; j < seconds; ++j) out[i] += row[i * seconds + j];
    }
  });
}

// 1 + (C_(b+1) T) / S - (C_b T) / S: the C are sums of at most 2**24, so products stay below 2**48.
void scale(const uint32_t* part, size_t seconds, uint32_t* out) {
  uint64_t sum = 0, below = 0, before = 0;
  for (size_t i = 0; i < seconds; ++i) sum += part[i];
  for (size_t i = 0; i < seconds; ++i) {
    below += part[i];
    const uint64_t bound = below * (kTotal - seconds) / sum;
    out[i] = static_cast<uint32_t>(1 + bound - before);
    before = bound;
  }
}

Result second_half(const Rows& rows, size_t firsts, const Column& column) {
  const size_t seconds = seconds_of(rows, firsts);
  if (column.shape(0) != rows.shape(0)) throw std::invalid_argument("a first half for each row");
  return by_lane(rows, seconds, [&](size_t lane, const uint32_t* row, uint32_t* out) {
    if (column(lane) >= firsts) throw std::invalid_argument("a first half out of range");
    scale(row + column(lane) * seconds, seconds, out);
  });
}

}  // namespace

void bind_halves(nb::module_& module) {
  module.def("first_half", &first_half, nb::arg("freqs"), nb::arg("firsts"),
             "Frequencies (live, firsts), uint32, of first halves: sums of rows (live, symbols).");
  module.def(
      "second_half", &second_half, nb::arg("freqs"), nb::arg("firsts"), nb::arg("column"),
      "Frequencies (live, seconds), uint32, of second halves behind a column of first ones.");
}
