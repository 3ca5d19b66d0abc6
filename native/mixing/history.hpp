// What the frame has coded, lane by lane, and the match models that look for repetitions in it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "slots.hpp"
#include "start.hpp"

namespace shazip::mixing {

// A ring of symbols for each lane, all in one array.
class History {
 public:
  History(int lanes, int bits) {
    int lane_bits = 0;
    while ((1 << lane_bits) < lanes) ++lane_bits;
    bits_ = std::max(1, bits - lane_bits);
    mask_ = (1u << bits_) - 1;
    symbols_ = zeroed<uint8_t>(static_cast<size_t>(lanes) << bits_);
  }

  uint32_t mask() const { return mask_; }
  uint8_t at(uint32_t place) const { return symbols_[place]; }
  uint32_t place(uint32_t lane, uint32_t count) const { return (lane << bits_) | (count & mask_); }
  uint32_t lane(uint32_t place) const { return place >> bits_; }
  uint32_t moved(uint32_t place, uint32_t by) const {
    return (place & ~mask_) | ((place + by) & mask_);
  }
  void put(uint32_t place, uint8_t symbol) { symbols_[place] = symbol; }

  // How many symbols before `a` and before `b` agree, at most `limit`.
  uint32_t common(uint32_t a, uint32_t b, uint32_t limit) const {
    uint32_t length = 0;
    while (length < limit && at(moved(a, ~length)) == at(moved(b, ~length))) ++length;
    return length;
  }

 private:
  int bits_;
  uint32_t mask_;
  Zeroed<uint8_t> symbols_;
};

// One lane's place in the history that its next symbol is expected from.
struct Match {
  bool active = false;
  uint32_t place = 0;
  uint32_t length = 0;  // symbols that agreed since the last miss, 65535 at most
  uint32_t misses = 0;
  uint8_t expected = 0;

  int cell() const;      // which adaptive probability tells how far to trust it
  int strength() const;  // 1..7, selects weights
};

// Finds matches of at least `minimum` symbols by a hash of them.
class MatchModel {
 public:
  MatchModel(int minimum, int history_bits) : minimum_(minimum), shift_(64 - (history_bits - 2)) {
    last_ = zeroed<uint32_t>(size_t{1} << (history_bits - 2));
  }

  // Moves the match over the symbol that came; `next` is the place of the symbol after it, `count`
  // how many the lane has had. Only places that were passed with the same salt are found.
  // `is_head(place)` tells whether a place is where its lane writes next: what lies there is not a
  // continuation.
  template <typename IsHead>
  void update(Match& match, const History& history, uint32_t next, uint32_t count, uint8_t symbol,
              uint64_t salt, IsHead is_head) {
    if (match.active) follow(match, history, symbol, is_head);
    if (count >= static_cast<uint32_t>(minimum_))
      look_up(match, history, next, count, salt, is_head);
    if (match.active) match.expected = history.at(match.place);
  }

 private:
  template <typename IsHead>
  void follow(Match& match, const History& history, uint8_t symbol, IsHead is_head);
  template <typename IsHead>
  void look_up(Match& match, const History& history, uint32_t next, uint32_t count, uint64_t salt,
               IsHead is_head);

  int minimum_;
  int shift_;
  Zeroed<uint32_t> last_;  // 1 + the place after the last occurrence, 0: none
};

constexpr uint32_t kMaxMisses =
    8;  // a match survives so many: tables and logs repeat with small changes
constexpr uint32_t kVerified = 32;    // symbols compared with a candidate
constexpr uint32_t kSettled = 16;     // a match this long has recovered from its misses
constexpr uint32_t kReplaceable = 8;  // a shorter match gives way to a better candidate

template <typename IsHead>
void MatchModel::follow(Match& match, const History& history, uint8_t symbol, IsHead is_head) {
  if (match.expected == symbol) {
    match.length = std::min(match.length + 1, 65535u);
    if (match.length >= kSettled) match.misses = 0;
  } else {
    match.length = 0;
    ++match.misses;
  }
  match.place = history.moved(match.place, 1);
  match.active = match.misses <= kMaxMisses && !is_head(match.place);
}

template <typename IsHead>
void MatchModel::look_up(Match& match, const History& history, uint32_t next, uint32_t count,
                         uint64_t salt, IsHead is_head) {
  uint64_t h = salt;
  for (int i = 1; i <= minimum_; ++i)
    h = (h + history.at(history.moved(next, 0u - i)) + 1) * 0x9E3779B97F4A7C15u;
  uint32_t& last = last_[scramble(h) >> shift_];
  if (last != 0 && (!match.active || match.length < kReplaceable) && !is_head(last - 1)) {
    const uint32_t length =
        history.common(last - 1, next, std::min({kVerified, count, history.mask()}));
    if (length >= static_cast<uint32_t>(minimum_)) {
      match.active = true;
      match.place = last - 1;
      match.length = length;
      match.misses = 0;
    }
  }
  last = next + 1;
}

}  // namespace shazip::mixing
