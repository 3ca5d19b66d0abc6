// Threads that wait for a step: they spin for some microseconds, yield, then sleep, so a busy machine is not made busier.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace shazip {

// Where the threads of one team meet. All of them call wait_for_team.
struct alignas(128) Barrier {
  std::atomic<uint32_t> arrived{0};
  alignas(64) std::atomic<uint32_t> generation{0};
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
