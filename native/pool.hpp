// Threads that wait for a step: they spin for some microseconds, yield, then sleep, so a busy machine is not made busier.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace shazip {

// How often a thread has come to its team's meetings. Each has its own, in cache lines of its own, and looks at the others': so a
// meeting takes one line's way from core to core.
struct alignas(128) Barrier {
  std::atomic<uint32_t> meetings{0};
};

class Pool {
 public:
  using Job = void (*)(void* context, int rank);

  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // Calls job(context, rank) for each rank < ranks <= threads(), rank 0 on the calling thread, and returns when all have returned.
  // One call at a time: others wait. After a fork the child starts its own threads.
  void run(int ranks, Job job, void* context);

 private:
  struct Crew;
  Crew* hire();

  int threads_;
  std::mutex hiring_;
  Crew* crew_ = nullptr;
  uint64_t forks_ = 0;
};

}  // namespace shazip
