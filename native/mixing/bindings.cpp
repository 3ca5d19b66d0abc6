// Python bindings of context mixing: shazip._native.Mixer.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mixer.hpp"

namespace nb = nanobind;

namespace {

using shazip::Pool;
using shazip::Vocabulary;
using shazip::mixing::Mixer;
using shazip::mixing::Shape;
using shazip::mixing::Start;
using shazip::mixing::Strings;
using Rows = nb::ndarray<const uint32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Column = nb::ndarray<const uint16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Halves = nb::ndarray<nb::numpy, uint32_t>;

int live_lanes(const Mixer& mixer, size_t live) {
  if (live > static_cast<size_t>(mixer.lanes())) {
    throw std::invalid_argument(std::to_string(live) + " lanes, the mixer has " +
                                std::to_string(mixer.lanes()));
  }
  return static_cast<int>(live);
}

void open(Mixer* self, int lanes, int table_bits, int history_bits, int contexts,
          const std::vector<nb::bytes>& strings, std::shared_ptr<Vocabulary> parser,
          const nb::bytes& start, std::shared_ptr<Pool> pool) {
  if (lanes < 1 || !pool) throw std::invalid_argument("a mixer has at least one lane and a pool");
  if (table_bits < 16 || table_bits > 30 || history_bits < 10 || history_bits > 30) {
    throw std::invalid_argument("sizes of tables or history are out of range");
  }
  const auto* data = static_cast<const uint8_t*>(start.data());
  std::vector<std::string> copies;
  for (const nb::bytes& string : strings) copies.emplace_back(string.c_str(), string.size());
  Strings symbols(std::move(copies), std::move(parser));
  const Shape shape(symbols.bits(), contexts);
  const auto values = std::make_unique<Start>(Start::read(shape, data, start.size()));
  new (self) Mixer(lanes, table_bits, history_bits, std::move(symbols), *values, std::move(pool));
}

// Numbers of a column must be below `limit`: they choose nodes.
int live_lanes(const Mixer& mixer, const Column& column, int limit) {
  for (size_t i = 0; i < column.shape(0); ++i) {
    if (column(i) >= limit)
      throw std::invalid_argument(std::to_string(column(i)) + " in a column of numbers below " +
                                  std::to_string(limit));
  }
  return live_lanes(mixer, column.shape(0));
}

// Calls work(mixed) without Python's lock to fill rows (live, width).
template <typename Work>
Halves fill(int live, int width, Work work) {
  const auto rows = static_cast<size_t>(live), columns = static_cast<size_t>(width);
  std::unique_ptr<uint32_t[]> mixed(new uint32_t[rows * columns]);
  {
    const nb::gil_scoped_release release;
    work(mixed.get());
  }
  nb::capsule owner(mixed.get(), [](void* p) noexcept { delete[] static_cast<uint32_t*>(p); });
  return Halves(mixed.release(), {rows, columns}, owner);
}

Halves first(Mixer& self, const Rows& freqs) {
  const int live = live_lanes(self, freqs.shape(0));
  if (freqs.shape(1) != static_cast<size_t>(self.shape().nodes()))
    throw std::invalid_argument("rows of " + std::to_string(freqs.shape(1)) + " symbols, not " +
                                std::to_string(self.shape().nodes()));
  return fill(live, self.shape().branches(0),
              [&](uint32_t* mixed) { self.first(freqs.data(), live, mixed); });
}

Halves second(Mixer& self, const Column& firsts) {
  const int live = live_lanes(self, firsts, self.shape().branches(0));
  return fill(live, self.shape().branches(1),
              [&](uint32_t* mixed) { self.second(firsts.data(), live, mixed); });
}

void update(Mixer& self, const Column& column) {
  const int live = live_lanes(self, column, self.shape().nodes());
  const nb::gil_scoped_release release;
  self.update(column.data(), live);
}

nb::bytes learned(const Mixer& self) {
  const auto bytes = self.learned().write();
  return nb::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

void bind_mixing(nb::module_& module) {
  nb::class_<Mixer>(module, "Mixer")
      .def("__init__", &open, nb::kw_only(), nb::arg("lanes"), nb::arg("table_bits"),
           nb::arg("history_bits"), nb::arg("contexts"), nb::arg("strings"), nb::arg("parser"),
           nb::arg("start"), nb::arg("pool"))
      .def_prop_ro("lanes", &Mixer::lanes)
      .def("first", &first, nb::arg("freqs"),
           "Mixed frequencies (live, A), uint32, of first halves, from the network's (live, V).")
      .def("second", &second, nb::arg("firsts"),
           "Mixed frequencies (live, B), uint32, of second halves behind these first ones.")
      .def("update", &update, nb::arg("column"), "Take the symbols (live,) that came.")
      .def("learned", &learned, "What was learned so far, as start values.");
  module.def(
      "mixer_size",
      [](int lanes, int table_bits, int history_bits, int symbol_bits, int contexts) {
        return Mixer::size(lanes, table_bits, history_bits, Shape(symbol_bits, contexts));
      },
      nb::arg("lanes"), nb::arg("table_bits"), nb::arg("history_bits"), nb::arg("symbol_bits"),
      nb::arg("contexts"), "Bytes that a mixer allocates.");
}
