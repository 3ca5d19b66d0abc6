// The bytes coded so far, lane by lane, and the match models that find repetitions in them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "slots.hpp"
#include "start.hpp"
#include "strings.hpp"

namespace shazip::mixing {

// A ring of bytes for each lane, all in one array.
class History {
 public:
  History(int lanes, int bits) {
    int lane_bits = 0;
    while ((1 << lane_bits) < lanes) ++lane_bits;
    bits_ = std::max(1, bits - lane_bits);
    mask_ = (1u << bits_) - 1;
    bytes_ = zeroed<uint8_t>(static_cast<size_t>(lanes) << bits_);
  }

  uint32_t mask() const { return mask_; }
  // The first byte of the ring that a place lies in.
  const uint8_t* ring(uint32_t place) const { return bytes_.get() + (place & ~mask_); }
  uint8_t at(uint32_t place) const { return bytes_[place]; }
  uint32_t place(uint32_t lane, uint32_t count) const { return (lane << bits_) | (count & mask_); }
  uint32_t lane(uint32_t place) const { return place >> bits_; }
  uint32_t moved(uint32_t place, uint32_t by) const {
    return (place & ~mask_) | ((place + by) & mask_);
  }
  void put(uint32_t place, uint8_t byte) { bytes_[place] = byte; }

  // How many bytes there are from `place` to where its lane, which has had `count`, writes next.
  uint32_t known(uint32_t place, uint32_t count) const { return (count - place) & mask_; }

  // How many bytes before `a` and before `b` agree, at most `limit`.
  uint32_t common(uint32_t a, uint32_t b, uint32_t limit) const {
    uint32_t length = 0;
    while (length < limit && at(moved(a, ~length)) == at(moved(b, ~length))) ++length;
    return length;
  }

 private:
  int bits_;
  uint32_t mask_;
  Zeroed<uint8_t> bytes_;
};

// One lane's place in the history that its next symbol is expected from.
struct Match {
  bool active = false;
  uint32_t place = 0;
  uint32_t length = 0;  // bytes that agreed since the last miss, 65535 at most
  uint32_t misses = 0;
  uint16_t expected = 0;  // symbol: the first of the parse of what follows
  uint8_t known = 0;      // bytes that follow, as many as a symbol may have
  uint8_t following[kLongestString] = {};

  int cell() const;      // which adaptive probability tells how far to trust it
  int strength() const;  // 1..7, selects weights
};

// Where a lane is in its ring, and how many bytes it has had.
struct Head {
  uint32_t next;  // place
  uint32_t count;
};

constexpr uint32_t kMaxMisses =
    8;  // a match survives so many: tables and logs repeat with small changes
constexpr uint32_t kVerified = 32;    // bytes compared with a candidate
constexpr uint32_t kSettled = 16;     // a match this long has recovered from its misses
constexpr uint32_t kReplaceable = 8;  // a shorter match gives way to a better candidate

// Finds matches of at least `minimum` bytes by a hash of them.
class MatchModel {
 public:
  MatchModel(int minimum, int history_bits) : minimum_(minimum), shift_(64 - (history_bits - 2)) {
    last_ = zeroed<uint32_t>(size_t{1} << (history_bits - 2));
  }

  // Moves the match over the coded string and looks for a better one, at places passed with the
  // same salt only. `known(place)` returns the number of bytes of its lane that follow.
  template <typename Known>
  void update(Match& match, const History& history, const Head& head, const std::string& string,
              uint64_t salt, Known known);

 private:
  template <typename Known>
  void look_up(Match& match, const History& history, const Head& head, uint64_t salt, Known known);

  int minimum_;
  int shift_;
  Zeroed<uint32_t> last_;  // 1 + the place after the last occurrence, 0: none
};

// A shorter symbol that agrees with the known bytes is no miss.
inline void follow(Match& match, const History& history, const std::string& string) {
  const auto size = static_cast<uint32_t>(string.size());
  if (std::equal(match.following, match.following + std::min<uint32_t>(size, match.known),
                 string.begin(), [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); })) {
    match.length = std::min(match.length + size, 65535u);
    if (match.length >= kSettled) match.misses = 0;
  } else {
    match.length = 0;
    ++match.misses;
  }
  match.place = history.moved(match.place, size);
  match.active = match.misses <= kMaxMisses;
}

template <typename Known>
void MatchModel::update(Match& match, const History& history, const Head& head,
                        const std::string& string, uint64_t salt, Known known) {
  if (match.active) {
    follow(match, history, string);
    match.active = match.active && known(match.place) > 0;
  }
  if (head.count >= static_cast<uint32_t>(minimum_)) look_up(match, history, head, salt, known);
  if (!match.active) return;
  match.known = static_cast<uint8_t>(std::min<uint32_t>(known(match.place), kLongestString));
  for (uint32_t i = 0; i < match.known; ++i)
    match.following[i] = history.at(history.moved(match.place, i));
}

template <typename Known>
void MatchModel::look_up(Match& match, const History& history, const Head& head, uint64_t salt,
                         Known known) {
  uint64_t h = salt;
  for (int i = 1; i <= minimum_; ++i)
    h = (h + history.at(history.moved(head.next, 0u - i)) + 1) * 0x9E3779B97F4A7C15u;
  uint32_t& last = last_[scramble(h) >> shift_];
  if (last != 0 && (!match.active || match.length < kReplaceable) && known(last - 1) > 0) {
    const uint32_t length =
        history.common(last - 1, head.next, std::min({kVerified, head.count, history.mask()}));
    if (length >= static_cast<uint32_t>(minimum_)) {
      match.active = true;
      match.place = last - 1;
      match.length = length;
      match.misses = 0;
    }
  }
  last = head.next + 1;
}

}  // namespace shazip::mixing
