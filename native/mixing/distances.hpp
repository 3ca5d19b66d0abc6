// The distances at which the bytes of tables and pictures repeat: a field or pixel, and a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "history.hpp"

namespace shazip::mixing {

// What one region's lanes have shown.
class Distances {
 public:
  static constexpr uint32_t kFirstFar = 33, kEnd = 4096;         // near: 2..32, far: 33..4095
  static constexpr size_t kSize = kEnd * sizeof(uint16_t) + 64;  // bytes allocated

  uint32_t near() const { return near_; }
  uint32_t far() const { return far_; }

  // Learns from a byte that is not in the history yet; `head` is its lane's.
  void take(const History& history, const Head& head, uint8_t byte) {
    if (head.count == 0 || history.at(history.moved(head.next, ~0u)) == byte) return;
    if (samples_ < kEager || ++skipped_ == kSeldom) count(history, head, byte);
  }

 private:
  static constexpr uint32_t kEager = 256;  // samples before most bytes are skipped
  static constexpr uint32_t kSeldom = 16;  // one byte of so many is a sample then
  static constexpr uint32_t kChoice = 32;  // samples between two choices
  static constexpr uint32_t kMost = 2048;  // samples that are remembered; then all count half

  void count(const History& history, const Head& head, uint8_t byte) {
    skipped_ = 0;
    const uint32_t most = std::min({kEnd - 1, head.count, history.mask()});
    const uint32_t at = head.next & history.mask(), unbroken = std::min(most, at);
    const uint8_t* ring = history.ring(head.next);
    add(ring + at - unbroken, unbroken, unbroken, byte);
    add(ring + history.mask() + 1 - (most - unbroken), most - unbroken, most, byte);
    if (++samples_ % kChoice == 0) {
      near_ = best(2, kFirstFar, near_);
      far_ = best(kFirstFar, kEnd, far_);
    }
    if (samples_ == kMost) {
      samples_ /= 2;
      for (uint16_t& score : scores_) score /= 2;
    }
  }

  // Compares `count` bytes, the first of them `distance` bytes back. Their scores lie in the same
  // order, so that this is done with vectors.
  void add(const uint8_t* bytes, uint32_t count, uint32_t distance, uint8_t byte) {
    uint16_t* scores = scores_.data() + (kEnd - distance);
    for (uint32_t i = 0; i < count; ++i)
      scores[i] = static_cast<uint16_t>(scores[i] + (bytes[i] == byte));
  }

  uint32_t score(uint32_t distance) const { return scores_[kEnd - distance]; }

  // The nearest of those that repeat most, if it repeats clearly more than the old one.
  uint32_t best(uint32_t first, uint32_t end, uint32_t old) const {
    uint32_t best = first;
    for (uint32_t distance = first + 1; distance < end; ++distance)
      if (score(distance) > score(best)) best = distance;
    return score(best) > score(old) + score(old) / 8 ? best : old;
  }

  std::vector<uint16_t> scores_ = std::vector<uint16_t>(kEnd);  // of distance d at kEnd - d
  uint32_t samples_ = 0, skipped_ = 0;
  uint32_t near_ = 4, far_ = 64;
};

}  // namespace shazip::mixing
