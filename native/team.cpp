#include "team.hpp"

#include <atomic>

#include "waiting.hpp"

namespace shazip {

void come_to_team(const Part& part) {
  std::atomic<uint32_t>& own = part.barrier[part.rank].meetings;
  own.store(own.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool team_is_there(const Part& part) {
  const uint32_t meeting = part.barrier[part.rank].meetings.load(std::memory_order_relaxed);
  for (int rank = 0; rank < part.size; ++rank) {
    // Another one may be a meeting ahead, no more.
    if (part.barrier[rank].meetings.load(std::memory_order_acquire) - meeting > 1) return false;
  }
  return true;
}

void wait_for_team(const Part& part) {
  wait_until([&] { return team_is_there(part); });
}

}  // namespace shazip
