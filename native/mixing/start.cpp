#include "start.hpp"

#include <stdexcept>
#include <string>

namespace shazip::mixing {
namespace {

// Calls each(value) for every number of the file, in its order; numbers are little-endian there.
template <typename StartType, typename Each>
void visit(StartType& start, Each each) {
  for (auto& value : start.tables.log2) each(value);
  for (auto& value : start.tables.squash) each(value);
  for (auto& row : start.next)
    for (auto& value : row) each(value);
  for (auto& value : start.histories) each(value);
  for (auto& row : start.matches)
    for (auto& value : row) each(value);
  for (auto& value : start.corrections) each(value);
  for (auto& value : start.weights) each(value);
  for (auto& value : start.final_weights) each(value);
}

size_t file_size(const Start& start) {
  size_t size = 0;
  visit(start, [&](auto& value) { size += sizeof value; });
  return size;
}

// A probability of 0 or squash values out of order would leave the range that the arithmetic is
// proved for.
void check(const Start& start) {
  for (auto p : start.histories)
    if (p == 0) throw std::invalid_argument("a start probability is 0");
  for (const auto& row : start.matches)
    for (auto p : row)
      if (p == 0) throw std::invalid_argument("a start probability is 0");
  for (auto p : start.tables.squash)
    if (p == 0) throw std::invalid_argument("a squashed probability is 0");
}

}  // namespace

Start::Start(const Shape& shape_)
    : shape(shape_),
      histories(static_cast<size_t>(shape.contexts() + 1) * 256),
      corrections(static_cast<size_t>(shape.contexts()) * 256 * kLevels),
      weights(static_cast<size_t>(shape.rows() * shape.inputs())),
      final_weights(static_cast<size_t>(shape.final_rows() * shape.sets())) {}

Start Start::read(const Shape& shape, const uint8_t* data, size_t size) {
  Start start(shape);
  if (const size_t wanted = file_size(start); size != wanted) {
    throw std::invalid_argument("start values of " + std::to_string(size) + " bytes, not " +
                                std::to_string(wanted));
  }
  visit(start, [&](auto& value) {
    unsigned number = 0;
    for (size_t i = 0; i < sizeof value; ++i) number |= unsigned{*data++} << (8 * i);
    value = static_cast<std::decay_t<decltype(value)>>(number);
  });
  check(start);
  start.tables.complete();
  return start;
}

std::vector<uint8_t> Start::write() const {
  std::vector<uint8_t> bytes;
  visit(*this, [&](auto& value) {
    for (size_t i = 0; i < sizeof value; ++i)
      bytes.push_back(static_cast<uint8_t>(static_cast<unsigned>(value) >> (8 * i)));
  });
  return bytes;
}

}  // namespace shazip::mixing
