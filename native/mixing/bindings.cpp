// What Python sees of context mixing: shazip._native.Mixer.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "mixer.hpp"

namespace nb = nanobind;

namespace {

using shazip::Pool;
using shazip::mixing::kNodes;
using shazip::mixing::Mixer;
using shazip::mixing::Start;
using Freqs = nb::ndarray<const uint32_t, nb::shape<-1, kNodes>, nb::c_contig, nb::device::cpu>;
using Column = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

int live_lanes(const Mixer& mixer, size_t live) {
  if (live > static_cast<size_t>(mixer.lanes())) {
    throw std::invalid_argument(std::to_string(live) + " lanes, the mixer has " +
                                std::to_string(mixer.lanes()));
  }
  return static_cast<int>(live);
}

void open(Mixer* self, int lanes, int table_bits, int history_bits, const nb::bytes& start,
          std::shared_ptr<Pool> pool) {
  if (lanes < 1 || !pool) throw std::invalid_argument("a mixer has at least one lane and a pool");
  if (table_bits < 16 || table_bits > 30 || history_bits < 10 || history_bits > 30) {
    throw std::invalid_argument("sizes of tables or history are out of range");
  }
  const auto* data = static_cast<const uint8_t*>(start.data());
  new (self) Mixer(lanes, table_bits, history_bits,
                   *std::make_unique<Start>(Start::read(data, start.size())), std::move(pool));
}

nb::ndarray<nb::numpy, uint32_t> mix(Mixer& self, const Freqs& freqs) {
  const int live = live_lanes(self, freqs.shape(0));
  std::unique_ptr<uint32_t[]> mixed(new uint32_t[freqs.size()]);
  {
    const nb::gil_scoped_release release;
    self.mix(freqs.data(), live, mixed.get());
  }
  nb::capsule owner(mixed.get(), [](void* p) noexcept { delete[] static_cast<uint32_t*>(p); });
  return nb::ndarray<nb::numpy, uint32_t>(mixed.release(), {freqs.shape(0), kNodes}, owner);
}

void update(Mixer& self, const Column& column) {
  const int live = live_lanes(self, column.shape(0));
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
           nb::arg("history_bits"), nb::arg("start"), nb::arg("pool"))
      .def_prop_ro("lanes", &Mixer::lanes)
      .def("mix", &mix, nb::arg("freqs"),
           "Mixed frequencies (live, 256), uint32, from the network's.")
      .def("update", &update, nb::arg("column"), "Take the symbols (live,) that came.")
      .def("learned", &learned, "What was learned so far, as start values.");
  module.def("mixer_size", &Mixer::size, nb::arg("lanes"), nb::arg("table_bits"),
             nb::arg("history_bits"), "Bytes that a mixer allocates.");
}
