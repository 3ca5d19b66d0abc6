#include "lane.hpp"

namespace shazip::mixing {
namespace {

uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte; }

// Bytes from 128 on are letters: in UTF-8 they mostly are.
bool is_letter(uint8_t byte) { return byte >= 128 || (lower(byte) >= 'a' && lower(byte) <= 'z'); }

bool one_of(uint8_t byte, const char* set) {
  for (; *set; ++set)
    if (byte == static_cast<uint8_t>(*set)) return true;
  return false;
}

// Agreed bytes (at most 32) to a bucket 0..13.
constexpr uint8_t kLengthBucket[33] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  8,  9,
                                       9,  9,  9,  10, 10, 11, 11, 11, 11, 11, 11,
                                       11, 11, 12, 12, 12, 12, 12, 12, 12, 12, 13};

// Contexts that know their own region of the block and their own document alone, a bit for each:
// words and names cluster, and records begin elsewhere in each lane.
constexpr uint32_t kRegional = 1u << kOrder2 | 1u << kOrder4 | 1u << kRegionalWord |
                               1u << kPhaseLast | 1u << kPhaseBefore | 1u << kPlaceLast;

constexpr uint64_t kTitleTag = 0x3c7469746c653e;  // <title>

// Documents of a dump or a page begin with a title, which tells one from another.
void advance_title(Lane& lane, uint8_t byte) {
  if (lane.in_title) lane.unfinished_title = (lane.unfinished_title + byte + 1) * 0x2F0B4C47u;
  if (lane.in_title && byte == '<') {
    lane.title = lane.unfinished_title;
    lane.in_title = false;
  }
  if ((lane.bytes & 0xffffffffffffffu) == kTitleTag) {
    lane.unfinished_title = 0;
    lane.in_title = true;
  }
}

// The byte above the next one in the line before, 0 if that line was shorter or has left the
// ring.
uint8_t byte_above(const Lane& lane, const History& history, uint32_t lane_index) {
  const uint32_t above = lane.last_line + (lane.count - lane.line);
  const uint32_t back = lane.count - above;
  if (above >= lane.line || back > history.mask()) return 0;
  return history.at(history.place(lane_index, above));
}

// The letters of this word so far, or the last word and the byte after it.
uint64_t word_value(const Lane& lane) {
  if (lane.word != 0) return uint64_t{lane.word} << 1;
  return (uint64_t{lane.last_word} << 9) | ((lane.bytes & 0xff) << 1) | 1;
}

// Contexts of bytes, their classes and the place in the line.
void set_byte_values(const Lane& lane, uint64_t above, uint64_t* values) {
  const uint64_t s = lane.bytes, one = s & 0xff;
  const uint64_t column = std::min(lane.count - lane.line, 255u);
  values[kOrder1] = one;
  values[kOrder2] = s & 0xffff;
  values[kOrder3] = s & 0xffffff;
  values[kOrder4] = s & 0xffffffffu;
  values[kOrder6] = s & 0xffffffffffffu;
  values[kOrder7] = s & 0xffffffffffffffu;
  values[kApart] = (s >> 16) & 0xffff;
  values[kAbove] = (above << 8) | one | (column << 16);
  values[kHighNibbles] = s & 0xf0f0f0f0f0f0u;
  values[kOpener] = (uint64_t{lane.opener} << 8) | one;
  values[kEightClasses] = lane.classes & 0xffffffffu;
  values[kTwelveClasses] = lane.classes & 0xffffffffffffu;
}

// The byte `back` bytes before the next one, 0 if there is none.
uint64_t byte_before(const Lane& lane, const History& history, uint32_t lane_index, uint32_t back) {
  if (back > lane.count || back > history.mask()) return 0;
  return history.at(history.place(lane_index, lane.count - back));
}

// Contexts of the field or pixel before, of the row above, and of the places in both.
void set_structure_values(const Lane& lane, const History& history, uint32_t lane_index,
                          uint64_t* values) {
  const auto at = [&](uint32_t back) { return byte_before(lane, history, lane_index, back); };
  const uint64_t one = lane.bytes & 0xff, before = at(lane.near), above = at(lane.far);
  const uint64_t phase = lane.count % lane.near, place = lane.count % lane.far;
  values[kSecondThird] = (lane.bytes >> 8) & 0xffff;
  values[kSecondFourth] = lane.bytes & 0xff00ff00u;
  values[kFourthFifth] = (lane.bytes >> 24) & 0xffff;
  values[kAboveLast] = above | (one << 8);
  values[kTwoAbove] = above | (at(2 * lane.far) << 8);
  values[kTwoBefore] = before | (at(2 * lane.near) << 8);
  values[kGradient] = (before + above - at(lane.near + lane.far)) & 0xff;
  values[kPhaseLast] = phase | (one << 8);
  values[kPhaseBefore] = phase | (before << 8);
  values[kPlaceLast] = one | (place << 8);
}

void set_word_values(const Lane& lane, uint64_t* values) {
  const uint64_t word = uint64_t{lane.word} << 32, last = (lane.bytes & 0xff) * 0x10001u;
  values[kFirstWord] = word + lane.first_word + last;
  values[kWord] = values[kRegionalWord] = word_value(lane);
  values[kLastWord] = word + lane.last_word + last;
  values[kWordBefore] = word + lane.word_before + last;
}

}  // namespace

int byte_class(uint8_t byte) {
  if (is_letter(byte)) return lower(byte) == byte ? 1 : 2;
  if (byte >= '0' && byte <= '9') return 3;
  if (byte == ' ') return 4;
  if (byte == '\n') return 5;
  if (one_of(byte, ".,;:")) return 6;
  if (byte < 32) return 8;
  if (one_of(byte, "<>")) return 9;
  if (one_of(byte, "\"'")) return 10;
  return one_of(byte, "()[]{}") ? 11 : 7;
}

int Match::cell() const {
  return kLengthBucket[std::min(length, kVerified)] * 8 + static_cast<int>(std::min(misses, 7u));
}

int Match::strength() const { return 1 + kLengthBucket[std::min(length, kVerified)] / 2; }

void advance(Lane& lane, uint8_t byte) {
  ++lane.count;
  lane.bytes = (lane.bytes << 8) | byte;
  lane.classes = (lane.classes << 4) | static_cast<uint64_t>(byte_class(byte));
  if (one_of(byte, "([{<\"=|")) lane.opener = (lane.last_word << 8) + byte;
  if (is_letter(byte)) {
    lane.word = (lane.word + lower(byte) + 1) * 0x2F0B4C47u;
  } else if (lane.word != 0) {
    lane.word_before = lane.last_word;
    lane.last_word = lane.word;
    if (lane.first_word == 0) lane.first_word = lane.word;
    lane.word = 0;
  }
  advance_title(lane, byte);
  if (byte == '\n') {
    lane.last_line = lane.line;
    lane.line = lane.count;
    lane.first_word = 0;
  }
}

void set_contexts(Lane& lane, const History& history, uint32_t lane_index, const Shape& shape) {
  uint64_t values[kContexts];
  set_byte_values(lane, byte_above(lane, history, lane_index), values);
  set_word_values(lane, values);
  if (shape.structure()) set_structure_values(lane, history, lane_index, values);
  for (int i = 0; i < shape.contexts(); ++i) {
    const uint32_t number = shape.numbers()[i];
    const uint64_t region = (kRegional >> number) & 1 ? salt(lane) : 0;
    lane.contexts[i] = static_cast<uint32_t>(
        scramble(values[number] + region + (number + 1) * uint64_t{0xD6E8FEB86659FD93u}) >> 32);
  }
}

}  // namespace shazip::mixing
