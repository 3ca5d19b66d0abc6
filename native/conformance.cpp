// A stand-alone check of the engine, for emulators and sanitizers: reads files that
// tests/conformance.py writes (a model, perhaps with mixing, columns of symbols, a checksum of the
// right frequencies)
// and runs every variant of this processor over them with one and with three threads. It also sees
// that no step but the first allocates memory.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "mixing/mixer.hpp"
#include "predictor.hpp"
#include "vocabulary.hpp"

namespace {
std::atomic<int64_t> allocations{0};
}

// The sanitizers have allocators of their own, to see races and leaks; nothing is counted there.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace {

using namespace shazip;

class Reader {
 public:
  explicit Reader(const char* path) : file_(path, std::ios::binary) {
    if (!file_) throw std::runtime_error(std::string(path) + ": cannot be opened");
  }
  int64_t number() {
    int64_t value;
    read(&value, sizeof value);
    return value;
  }
  std::vector<int64_t> numbers() {
    std::vector<int64_t> values(static_cast<size_t>(number()));
    for (int64_t& value : values) value = number();
    return values;
  }
  std::vector<uint8_t> bytes() {
    std::vector<uint8_t> data(static_cast<size_t>(number()));
    read(data.data(), data.size());
    return data;
  }
  std::vector<uint16_t> words() {
    std::vector<uint16_t> data(static_cast<size_t>(number()));
    read(data.data(), sizeof(uint16_t) * data.size());
    return data;
  }
  std::string text() {
    const std::vector<uint8_t> data = bytes();
    return std::string(data.begin(), data.end());
  }

 private:
  void read(void* to, size_t size) {
    if (!file_.read(static_cast<char*>(to), static_cast<std::streamsize>(size)))
      throw std::runtime_error("the file ends early");
  }
  std::ifstream file_;
};

// What mixing needs besides the network: start values and a vocabulary.
struct Mixing {
  std::vector<uint8_t> start;  // empty without mixing
  std::vector<std::string> strings;
  std::vector<uint16_t> singles, merges, results;
};

struct Case {
  Config config;
  std::map<std::string, std::vector<uint8_t>> data;
  std::map<std::string, Tensor> tensors;
  Mixing mixing;
  int64_t lanes;
  std::vector<std::vector<uint16_t>> columns;
  uint32_t checksum;
};

Mixing read_mixing(Reader& reader) {
  Mixing found;
  found.start = reader.bytes();
  if (found.start.empty()) return found;
  for (int64_t i = 0, n = reader.number(); i < n; ++i) found.strings.push_back(reader.text());
  for (auto* numbers : {&found.singles, &found.merges, &found.results}) *numbers = reader.words();
  return found;
}

std::unique_ptr<Case> read_case(const char* path) {
  Reader reader(path);
  auto found = std::make_unique<Case>();
  Config& c = found->config;
  for (int64_t* field : {&c.width, &c.boom_width, &c.layers, &c.window, &c.heads, &c.symbols})
    *field = reader.number();
  c.attention = reader.numbers();
  for (int64_t i = 0, n = reader.number(); i < n; ++i) {
    const std::string name = reader.text();
    Tensor tensor{static_cast<Type>(reader.number()), reader.numbers(), nullptr};
    tensor.data = (found->data[name] = reader.bytes()).data();
    found->tensors.emplace(name, tensor);
  }
  found->mixing = read_mixing(reader);
  found->lanes = reader.number();
  for (int64_t i = 0, n = reader.number(); i < n; ++i) found->columns.push_back(reader.words());
  found->checksum = static_cast<uint32_t>(reader.number());
  return found;
}

uint32_t crc32(uint32_t crc, const uint8_t* data, size_t size) {
  crc = ~crc;
  for (size_t i = 0; i < size; ++i) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

// A mixer after the network, with the same threads.
class Mixed {
 public:
  Mixed(const Mixing& m, int lanes, std::shared_ptr<Pool> pool) {
    if (m.start.empty()) return;
    std::vector<std::pair<uint16_t, uint16_t>> merges;
    for (size_t i = 0; i < m.merges.size(); i += 2)
      merges.emplace_back(m.merges[i], m.merges[i + 1]);
    mixing::Strings strings(m.strings, std::make_shared<Vocabulary>(m.singles, merges, m.results));
    const mixing::Shape shape(strings.bits(), mixing::kText);
    const auto start =
        std::make_unique<mixing::Start>(mixing::Start::read(shape, m.start.data(), m.start.size()));
    mixer_ = std::make_unique<mixing::Mixer>(lanes, 16, 10, std::move(strings), *start, pool);
    rows_.resize(static_cast<size_t>(lanes) * static_cast<size_t>(shape.branches(1)));
  }

  // Returns the checksum `crc` with the mixed rows of both halves of a column.
  uint32_t add(uint32_t crc, const std::vector<uint32_t>& freqs,
               const std::vector<uint16_t>& column) {
    if (!mixer_) return crc;
    const int live = static_cast<int>(column.size()), seconds = mixer_->shape().branches(1);
    std::vector<uint16_t> firsts;
    for (const uint16_t symbol : column) firsts.push_back(static_cast<uint16_t>(symbol / seconds));
    mixer_->first(freqs.data(), live, rows_.data());
    crc = add_rows(crc, column.size() * static_cast<size_t>(mixer_->shape().branches(0)));
    mixer_->second(firsts.data(), live, rows_.data());
    crc = add_rows(crc, column.size() * static_cast<size_t>(seconds));
    mixer_->update(column.data(), live);
    return crc;
  }

 private:
  uint32_t add_rows(uint32_t crc, size_t count) const {
    return crc32(crc, reinterpret_cast<const uint8_t*>(rows_.data()), count * sizeof(uint32_t));
  }

  std::unique_ptr<mixing::Mixer> mixer_;
  std::vector<uint32_t> rows_;
};

uint32_t run(const Case& c, const std::string& variant, int threads) {
  const Network network(c.config, Tensors(c.tensors), threads, variant);
  network.pool()->fix_ranks(threads);
  Predictor predictor(network, static_cast<int>(c.lanes));
  std::vector<int16_t> logits(static_cast<size_t>(c.lanes * c.config.symbols));
  std::vector<uint32_t> freqs(logits.size());
  Mixed mixed(c.mixing, static_cast<int>(c.lanes), network.pool());
  uint32_t crc = 0;
  for (const std::vector<uint16_t>& column : c.columns) {
    const int live = static_cast<int>(column.size());
    const int64_t before = allocations;
    predictor.step(live, logits.data(), freqs.data());
    predictor.update(column.data(), live);
    // The first step may start threads.
    if (&column != &c.columns.front() && allocations != before)
      throw std::runtime_error("a step allocated memory");
    crc = crc32(crc, reinterpret_cast<const uint8_t*>(freqs.data()),
                column.size() * c.config.symbols * sizeof(uint32_t));
    crc = mixed.add(crc, freqs, column);
  }
  return crc;
}

}  // namespace

int main(int argc, char** argv) {
  int wrong = 0;
  for (int i = 1; i < argc; ++i) {
    try {
      const std::unique_ptr<Case> c = read_case(argv[i]);
      for (const Choice& choice : supported_variants()) {
        for (const int threads : {1, 3}) {
          const bool right = run(*c, choice.name, threads) == c->checksum;
          wrong += !right;
          std::printf("%s %s %d: %s\n", argv[i], choice.name, threads, right ? "ok" : "WRONG");
        }
      }
    } catch (const std::exception& error) {
      std::printf("%s: %s\n", argv[i], error.what());
      ++wrong;
    }
  }
  return wrong ? 1 : 0;
}
