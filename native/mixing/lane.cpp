#include "lane.hpp"

namespace shazip::mixing {
namespace {

uint8_t lower(uint8_t symbol) { return symbol >= 'A' && symbol <= 'Z' ? symbol + 32 : symbol; }

// Bytes from 128 on are letters: in UTF-8 they mostly are.
bool is_letter(uint8_t symbol) {
  return symbol >= 128 || (lower(symbol) >= 'a' && lower(symbol) <= 'z');
}

bool one_of(uint8_t symbol, const char* set) {
  for (; *set; ++set)
    if (symbol == static_cast<uint8_t>(*set)) return true;
  return false;
}

// Agreed symbols (at most 32) to a bucket 0..13.
constexpr uint8_t kLengthBucket[33] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  8,  9,
                                       9,  9,  9,  10, 10, 11, 11, 11, 11, 11, 11,
                                       11, 11, 12, 12, 12, 12, 12, 12, 12, 12, 13};

// Contexts that know their own region of the block and their own document alone, a bit for each:
// words and names cluster.
constexpr uint32_t kRegional = 1u << kOrder2 | 1u << kOrder4 | 1u << kRegionalWord;

constexpr uint64_t kTitleTag = 0x3c7469746c653e;  // <title>

// Documents of a dump or a page begin with a title, which tells one from another.
void advance_title(Lane& lane, uint8_t symbol) {
  if (lane.in_title) lane.unfinished_title = (lane.unfinished_title + symbol + 1) * 0x2F0B4C47u;
  if (lane.in_title && symbol == '<') {
    lane.title = lane.unfinished_title;
    lane.in_title = false;
  }
  if ((lane.symbols & 0xffffffffffffffu) == kTitleTag) {
    lane.unfinished_title = 0;
    lane.in_title = true;
  }
}

// The symbol above the next one in the line before, 0 if that line was shorter or has left the
// ring.
uint8_t symbol_above(const Lane& lane, const History& history, uint32_t lane_index) {
  const uint32_t above = lane.last_line + (lane.count - lane.line);
  const uint32_t back = lane.count - above;
  if (above >= lane.line || back > history.mask()) return 0;
  return history.at(history.place(lane_index, above));
}

// The letters of this word so far, or the last word and the symbol after it.
uint64_t word_value(const Lane& lane) {
  if (lane.word != 0) return uint64_t{lane.word} << 1;
  return (uint64_t{lane.last_word} << 9) | ((lane.symbols & 0xff) << 1) | 1;
}

}  // namespace

int symbol_class(uint8_t symbol) {
  if (is_letter(symbol)) return lower(symbol) == symbol ? 1 : 2;
  if (symbol >= '0' && symbol <= '9') return 3;
  if (symbol == ' ') return 4;
  if (symbol == '\n') return 5;
  if (one_of(symbol, ".,;:")) return 6;
  if (symbol < 32) return 8;
  if (one_of(symbol, "<>")) return 9;
  if (one_of(symbol, "\"'")) return 10;
  return one_of(symbol, "()[]{}") ? 11 : 7;
}

int Match::cell() const {
  return kLengthBucket[std::min(length, kVerified)] * 8 + static_cast<int>(std::min(misses, 7u));
}

int Match::strength() const { return 1 + kLengthBucket[std::min(length, kVerified)] / 2; }

void advance(Lane& lane, uint8_t symbol) {
  ++lane.count;
  lane.symbols = (lane.symbols << 8) | symbol;
  lane.classes = (lane.classes << 4) | static_cast<uint64_t>(symbol_class(symbol));
  if (one_of(symbol, "([{<\"=|")) lane.opener = (lane.last_word << 8) + symbol;
  if (is_letter(symbol)) {
    lane.word = (lane.word + lower(symbol) + 1) * 0x2F0B4C47u;
  } else if (lane.word != 0) {
    lane.word_before = lane.last_word;
    lane.last_word = lane.word;
    if (lane.first_word == 0) lane.first_word = lane.word;
    lane.word = 0;
  }
  advance_title(lane, symbol);
  if (symbol == '\n') {
    lane.last_line = lane.line;
    lane.line = lane.count;
    lane.first_word = 0;
  }
}

void set_contexts(Lane& lane, const History& history, uint32_t lane_index) {
  const uint64_t s = lane.symbols, one = s & 0xff, two = s & 0xffff;
  const uint64_t above = symbol_above(lane, history, lane_index);
  const uint64_t column = std::min(lane.count - lane.line, 255u);
  const uint64_t word = lane.word, last_word = lane.last_word;
  const uint64_t values[kContexts] = {
      one,
      two,
      s & 0xffffff,
      s & 0xffffffffu,
      s & 0xffffffffffffu,
      s & 0xffffffffffffffu,
      (word << 32) + lane.first_word + one * 0x10001u,
      word_value(lane),
      (word << 32) + last_word + one * 0x10001u,
      (word << 32) + lane.word_before + one * 0x10001u,
      (s >> 16) & 0xffff,
      (above << 8) | one | (column << 16),
      s & 0xf0f0f0f0f0f0u,
      (uint64_t{lane.opener} << 8) | one,
      lane.classes & 0xffffffffu,
      lane.classes & 0xffffffffffffu,
      word_value(lane),
  };
  for (int i = 0; i < kContexts; ++i) {
    const uint64_t region = (kRegional >> i) & 1 ? salt(lane) : 0;
    lane.contexts[i] = static_cast<uint32_t>(
        scramble(values[i] + region + (i + 1) * uint64_t{0xD6E8FEB86659FD93u}) >> 32);
  }
}

}  // namespace shazip::mixing
