#include "vocabulary.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace shazip {
namespace {

enum Class : uint8_t { kWhite, kLetter, kDigit, kOther };

constexpr std::array<Class, 256> make_classes() {
  std::array<Class, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    classes[c] = kOther;
    if (c == ' ' || (c >= '\t' && c <= '\r')) classes[c] = kWhite;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80) classes[c] = kLetter;
    if (c >= '0' && c <= '9') classes[c] = kDigit;
  }
  return classes;
}

constexpr std::array<Class, 256> kClasses = make_classes();

bool continues_utf8(uint8_t byte) { return (byte & 0xC0) == 0x80; }

size_t run_end(const uint8_t* data, size_t size, size_t start, Class wanted) {
  while (start < size && kClasses[data[start]] == wanted) ++start;
  return start;
}

}  // namespace

size_t piece_end(const uint8_t* data, size_t size, size_t start) {
  const size_t room = std::min(size, start + kMaxPiece);
  size_t first = start, end;
  if (kClasses[data[start]] == kWhite) {
    end = run_end(data, room, start, kWhite);
    if (data[start] != ' ' || end != start + 1 || end == size) return end;
    first = end;
  }
  end = run_end(data, room, first, kClasses[data[first]]);
  // Where the limit would cut a character of UTF-8, the piece ends before it.
  if (end == room) {
    while (end > room - 3 && end < size && continues_utf8(data[end])) --end;
  }
  return end;
}

Vocabulary::Vocabulary(std::vector<uint16_t> singles,
                       const std::vector<std::pair<uint16_t, uint16_t>>& merges,
                       std::vector<uint16_t> results)
    : singles_(std::move(singles)), results_(std::move(results)) {
  int bits = 4;
  while ((size_t{1} << bits) < 4 * merges.size()) ++bits;
  table_.resize(size_t{1} << bits);
  shift_ = 32 - bits;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const uint32_t pair = uint32_t{merges[rank].first} << 16 | merges[rank].second;
    Entry& entry = table_[place_of(pair)];
    if (entry.rank == kNone) entry = {pair, static_cast<uint32_t>(rank)};
  }
}

size_t Vocabulary::place_of(uint32_t pair) const {
  size_t place = (pair * 0x9E3779B1u) >> shift_;
  while (table_[place].rank != kNone && table_[place].pair != pair)
    place = (place + 1) & (table_.size() - 1);
  return place;
}

uint32_t Vocabulary::rank_of(uint16_t left, uint16_t right) const {
  return table_[place_of(uint32_t{left} << 16 | right)].rank;
}

size_t Vocabulary::parse(const uint8_t* data, size_t size, uint16_t* symbols) const {
  size_t total = 0;
  for (size_t start = 0, end; start < size; start = end) {
    end = piece_end(data, size, start);
    for (size_t i = start; i < end; ++i) symbols[total + i - start] = singles_[data[i]];
    total += merge(symbols + total, end - start);
  }
  return total;
}

// Merges the pair that was learned first, the leftmost of equals, until no pair is left.
size_t Vocabulary::merge(uint16_t* symbols, size_t count) const {
  uint32_t ranks[kMaxPiece];
  for (size_t i = 0; i + 1 < count; ++i) ranks[i] = rank_of(symbols[i], symbols[i + 1]);
  while (count > 1) {
    uint32_t best = kNone;
    for (size_t i = 0; i + 1 < count; ++i) best = std::min(best, ranks[i]);
    if (best == kNone) break;
    const size_t at = std::find(ranks, ranks + count - 1, best) - ranks;
    symbols[at] = results_[best];
    --count;
    std::memmove(symbols + at + 1, symbols + at + 2, (count - at - 1) * sizeof *symbols);
    std::memmove(ranks + at, ranks + at + 1, (count - at - 1) * sizeof *ranks);
    if (at > 0) ranks[at - 1] = rank_of(symbols[at - 1], symbols[at]);
    if (at + 1 < count) ranks[at] = rank_of(symbols[at], symbols[at + 1]);
  }
  return count;
}

}  // namespace shazip
