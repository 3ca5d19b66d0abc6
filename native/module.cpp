// shazip._native: Python bindings of the network; mixing and training add theirs.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "bindings.hpp"
#include "predictor.hpp"
#include "vocabulary.hpp"

namespace nb = nanobind;

namespace {

using namespace shazip;

using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Column = nb::ndarray<const uint16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Bytes = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

Type type_of(const std::string& name, const Array& array) {
  if (array.dtype() == nb::dtype<int8_t>()) return Type::kInt8;
  if (array.dtype() == nb::dtype<uint8_t>()) return Type::kUint8;
  if (array.dtype() == nb::dtype<int16_t>()) return Type::kInt16;
  if (array.dtype() == nb::dtype<uint16_t>()) return Type::kUint16;
  if (array.dtype() == nb::dtype<int32_t>()) return Type::kInt32;
  throw std::invalid_argument("tensor '" + name + "' has a type that no model has");
}

// The arrays are only read while the network is packed; the caller's dictionary keeps them alive
// that long.
Tensors view(const nb::dict& arrays) {
  std::map<std::string, Tensor> tensors;
  for (const auto& [key, value] : arrays) {
    const auto name = nb::cast<std::string>(key);
    const auto array = nb::cast<Array>(value);
    Tensor tensor{type_of(name, array), {}, array.data()};
    for (size_t i = 0; i < array.ndim(); ++i)
      tensor.shape.push_back(static_cast<int64_t>(array.shape(i)));
    tensors.emplace(name, std::move(tensor));
  }
  return Tensors(std::move(tensors));
}

template <typename Value>
nb::ndarray<nb::numpy, Value> rows(std::unique_ptr<Value[]> values, const Predictor& predictor,
                                   int live) {
  nb::capsule owner(values.get(), [](void* p) noexcept { delete[] static_cast<Value*>(p); });
  const auto symbols = static_cast<size_t>(predictor.symbols());
  return nb::ndarray<nb::numpy, Value>(values.release(), {static_cast<size_t>(live), symbols},
                                       owner);
}

template <typename Value>
std::unique_ptr<Value[]> space(const Predictor& predictor, int live) {
  if (live < 0 || live > predictor.lanes()) {
    throw std::invalid_argument(std::to_string(live) + " lanes, the predictor has " +
                                std::to_string(predictor.lanes()));
  }
  return std::unique_ptr<Value[]>(new Value[static_cast<size_t>(live) * predictor.symbols()]);
}

nb::ndarray<nb::numpy, uint32_t> predict(Predictor& self, int live) {
  auto freqs = space<uint32_t>(self, live);
  {
    const nb::gil_scoped_release release;
    self.step(live, nullptr, freqs.get());
  }
  return rows(std::move(freqs), self, live);
}

nb::ndarray<nb::numpy, int16_t> logits(Predictor& self, int live) {
  auto logits = space<int16_t>(self, live);
  {
    const nb::gil_scoped_release release;
    self.step(live, logits.get(), nullptr);
  }
  return rows(std::move(logits), self, live);
}

nb::ndarray<nb::numpy, uint16_t> parse(const Vocabulary& self, const Bytes& data) {
  const size_t size = data.shape(0);
  std::vector<uint16_t> symbols(size);
  size_t count;
  {
    const nb::gil_scoped_release release;
    count = self.parse(data.data(), size, symbols.data());
  }
  std::unique_ptr<uint16_t[]> result(new uint16_t[count]);
  std::copy(symbols.begin(), symbols.begin() + static_cast<std::ptrdiff_t>(count), result.get());
  nb::capsule owner(result.get(), [](void* p) noexcept { delete[] static_cast<uint16_t*>(p); });
  return nb::ndarray<nb::numpy, uint16_t>(result.release(), {count}, owner);
}

}  // namespace

NB_MODULE(_native, module) {
  module.doc() = "The native engine: exact inference of an integer SHA-RNN.";
  nb::set_leak_warnings(false);  // interpreters may leave globals alive at exit

  nb::class_<Pool>(module, "Pool")
      .def(nb::init<int>(), nb::arg("threads"))
      .def_prop_ro("threads", &Pool::threads)
      .def("fix_ranks", &Pool::fix_ranks, nb::arg("ranks"),
           "Call so many threads, at most as many as there are, or after 0 those that are worth "
           "it; for tests.");

  nb::class_<Network>(module, "Network")
      .def(
          "__init__",
          [](Network* self, int64_t width, int64_t boom_width, int64_t layers,
             std::vector<int64_t> attention, int64_t window, int64_t heads, int64_t symbols,
             const nb::dict& tensors, int threads, const std::string& variant) {
            const Config config{width,   boom_width,          layers, window, heads,
                                symbols, std::move(attention)};
            new (self) Network(config, view(tensors), threads, variant);
          },
          nb::kw_only(), nb::arg("width"), nb::arg("boom_width"), nb::arg("layers"),
          nb::arg("attention"), nb::arg("window"), nb::arg("heads"), nb::arg("vocabulary"),
          nb::arg("tensors"), nb::arg("threads"), nb::arg("variant") = "")
      .def_prop_ro("variant", &Network::variant_name)
      .def_prop_ro("pool", &Network::pool,
                   "The threads of a step, for others that work in turn with it.")
      .def_prop_ro("threads", &Network::threads)
      .def_prop_ro("size", &Network::size, "Bytes that the packed weights take.")
      .def("state_size",
           [](const Network& self, int64_t lanes) { return Predictor::size(self, lanes); });

  nb::class_<Predictor>(module, "Predictor")
      .def(nb::init<const Network&, int>(), nb::arg("network"), nb::arg("lanes"),
           nb::keep_alive<1, 2>())
      .def("predict", &predict, nb::arg("live"),
           "Frequencies (live, symbols), uint32, of the next symbols.")
      .def("logits", &logits, nb::arg("live"),
           "Logits (live, symbols), int16; advances the state as predict does.")
      .def(
          "update",
          [](Predictor& self, const Column& column) {
            self.update(column.data(), static_cast<int>(column.shape(0)));
          },
          nb::arg("column"), "Take the symbols (live,) that came.")
      .def(
          "products_only",
          [](Predictor& self, int live, bool memory) {
            const nb::gil_scoped_release release;
            self.products_only(live, memory);
          },
          nb::arg("live"), nb::arg("memory") = true,
          "Do a step's products, with or without those by attention memory, and nothing else; for "
          "measuring.")
      .def("count_costs", &Predictor::count_costs, nb::arg("on"))
      .def("costs", &Predictor::costs,
           "Ticks (threads, 5): products, attention, element-wise, frequencies, waiting.");

  nb::class_<Vocabulary>(module, "Vocabulary")
      .def(nb::init<std::vector<uint16_t>, const std::vector<std::pair<uint16_t, uint16_t>>&,
                    std::vector<uint16_t>>(),
           nb::arg("singles"), nb::arg("merges"), nb::arg("results"))
      .def("parse", &parse, nb::arg("data"), "The symbols of uint8 (n,), uint16 (at most n,).");

  module.def(
      "variants",
      [] {
        std::vector<std::string> names;
        for (const Choice& choice : supported_variants()) names.emplace_back(choice.name);
        return names;
      },
      "The variants that this processor runs, the fastest first.");

  bind_halves(module);
  bind_mixing(module);
#if defined(SHAZIP_HAS_TRAINING)
  if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl"))
    bind_training(module);
#endif
}
