// Python bindings of the training kernels: shazip._native.lstm_forward and others. They take
// bfloat16 arrays as int16.
#include "../bindings.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "boom.hpp"
#include "lstm.hpp"

namespace nb = nanobind;

namespace {

using namespace shazip::training;

template <typename Number>
using Array = nb::ndarray<Number, nb::c_contig, nb::device::cpu>;
using Floats = Array<const float>;
using Rows = std::optional<Array<const int64_t>>;
using FourFloats = std::tuple<float, float, float, float>;

template <typename Number>
Number* of_shape(const Array<Number>& array, std::initializer_list<int64_t> shape,
                 const char* name) {
  bool same = array.ndim() == shape.size();
  size_t axis = 0;
  for (const int64_t size : shape) same = same && array.shape(axis++) == static_cast<size_t>(size);
  if (!same) throw std::invalid_argument(std::string(name) + " has another shape than the rest");
  return array.data();
}

// Each of a call's rows is one of `count`; without rows there are `wanted`.
const int64_t* checked(const Rows& rows, const Sizes& sizes, int64_t count, int64_t wanted) {
  if (!rows) {
    if (count != wanted)
      throw std::invalid_argument(std::to_string(count) + " rows, not " + std::to_string(wanted));
    return nullptr;
  }
  const int64_t* data = of_shape(*rows, {sizes.steps, sizes.lanes}, "rows");
  const auto inside = [count](int64_t row) { return row >= 0 && row < count; };
  if (!std::all_of(data, data + sizes.steps * sizes.lanes, inside))
    throw std::invalid_argument("a row is out of range");
  return data;
}

Sizes sizes_of(const nb::ndarray<>& array) {
  if (array.ndim() != 3)
    throw std::invalid_argument("the LSTM's output has steps, lanes and width");
  return {static_cast<int64_t>(array.shape(0)), static_cast<int64_t>(array.shape(1)),
          static_cast<int64_t>(array.shape(2))};
}

uint16_t* bits(int16_t* data) { return reinterpret_cast<uint16_t*>(data); }
const uint16_t* bits(const int16_t* data) { return reinterpret_cast<const uint16_t*>(data); }

template <typename Number>
int64_t length(const Array<Number>& array) {
  return array.ndim() ? static_cast<int64_t>(array.shape(0)) : 0;
}

void lstm_forward(const Array<const int16_t>& inputs, const Rows& rows, const Floats& h,
                  const Floats& c, const Floats& w_state, const Floats& bias,
                  const FourFloats& limits, const Array<float>& gates, const Array<float>& cells,
                  const Array<float>& out, const Array<int16_t>& before) {
  const Sizes s = sizes_of(nb::ndarray<>(out));
  const int64_t count = length(inputs);
  const auto& [gate_min, gate_max, cell, units] = limits;
  std::vector<uint32_t> packed(static_cast<size_t>(s.forward_size()));
  std::vector<uint16_t> operand(static_cast<size_t>(s.operand_size()));
  const Forward call{s,
                     {gate_min, gate_max, cell, units},
                     bits(of_shape(inputs, {count, 4 * s.width}, "inputs")),
                     checked(rows, s, count, s.steps * s.lanes),
                     of_shape(w_state, {4 * s.width, s.width}, "w_state"),
                     of_shape(bias, {4 * s.width}, "bias"),
                     of_shape(h, {s.lanes, s.width}, "h"),
                     of_shape(c, {s.lanes, s.width}, "c"),
                     of_shape(gates, {s.steps, s.lanes, 4 * s.width}, "gates"),
                     of_shape(cells, {s.steps, s.lanes, s.width}, "cells"),
                     out.data(),
                     bits(of_shape(before, {s.steps, s.lanes, s.width}, "before")),
                     packed.data(),
                     operand.data()};
  const nb::gil_scoped_release release;
  forward(call);
}

void lstm_backward(const Floats& d_out, const Floats& d_cell, const Rows& rows, const Floats& c,
                   const Floats& w_state, const Floats& gates, const Floats& cells,
                   const Array<int16_t>& d_gates, const Array<float>& sums, const Array<float>& d_h,
                   const Array<float>& d_c) {
  const Sizes s = sizes_of(nb::ndarray<>(d_out));
  const int64_t count = length(sums);
  std::vector<uint32_t> packed(static_cast<size_t>(s.backward_size()));
  const Backward call{s,
                      checked(rows, s, count, 1),
                      of_shape(w_state, {4 * s.width, s.width}, "w_state"),
                      of_shape(gates, {s.steps, s.lanes, 4 * s.width}, "gates"),
                      of_shape(cells, {s.steps, s.lanes, s.width}, "cells"),
                      of_shape(c, {s.lanes, s.width}, "c"),
                      d_out.data(),
                      of_shape(d_cell, {s.lanes, s.width}, "d_cell"),
                      bits(of_shape(d_gates, {s.steps, s.lanes, 4 * s.width}, "d_gates")),
                      of_shape(sums, {count, 4 * s.width}, "sums"),
                      of_shape(d_h, {s.lanes, s.width}, "d_h"),
                      of_shape(d_c, {s.lanes, s.width}, "d_c"),
                      packed.data()};
  const nb::gil_scoped_release release;
  backward(call);
}

Boom boom_of(const Array<const int16_t>& wide, const nb::ndarray<>& out, float scale) {
  if (out.ndim() != 2 || wide.ndim() != 2 || out.shape(1) == 0 ||
      wide.shape(1) % out.shape(1) != 0) {
    throw std::invalid_argument("Boom's product has another shape than the chunks of its sum");
  }
  const auto rows = static_cast<int64_t>(out.shape(0)), width = static_cast<int64_t>(out.shape(1));
  const auto chunks = static_cast<int64_t>(wide.shape(1) / out.shape(1));
  return {rows, width, chunks, scale, bits(of_shape(wide, {rows, chunks * width}, "wide"))};
}

void boom_forward(const Array<const int16_t>& wide, float scale, const Array<float>& out) {
  const Boom boom = boom_of(wide, nb::ndarray<>(out), scale);
  const nb::gil_scoped_release release;
  forward(boom, out.data());
}

void boom_backward(const Floats& d_out, const Array<const int16_t>& wide, float scale,
                   const Array<int16_t>& d_wide) {
  const Boom boom = boom_of(wide, nb::ndarray<>(d_out), scale);
  uint16_t* result = bits(of_shape(d_wide, {boom.rows, boom.chunks * boom.width}, "d_wide"));
  const nb::gil_scoped_release release;
  backward(boom, d_out.data(), result);
}

}  // namespace

void bind_training(nb::module_& module) {
  // A call writes into the caller's arrays, so a converted copy would lose the result.
  const auto array = [](const char* name) { return nb::arg(name).noconvert(); };
  module.def(
      "lstm_forward", &lstm_forward, array("inputs"), array("rows").none(), array("h"), array("c"),
      array("w_state"), array("bias"), nb::arg("limits"), array("gates"), array("cells"),
      array("out"), array("before"),
      "Fill gates, cells, out and before, the h of the step before; native/training/lstm.hpp.");
  module.def("lstm_backward", &lstm_backward, array("d_out"), array("d_cell"), array("rows").none(),
             array("c"), array("w_state"), array("gates"), array("cells"), array("d_gates"),
             array("sums"), array("d_h"), array("d_c"),
             "Fill d_gates, d_h and d_c, and add d_gates up in sums by row.");
  module.def("boom_forward", &boom_forward, array("wide"), nb::arg("scale"), array("out"),
             "Fill out (rows, width) with the sums of silu over the chunks of wide, times scale.");
  module.def("boom_backward", &boom_backward, array("d_out"), array("wide"), nb::arg("scale"),
             array("d_wide"));
}
