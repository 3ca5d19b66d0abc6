// Threads that wait for a step: they spin for some microseconds, yield, then sleep, so a busy
// machine is not made busier.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace shazip {

class Pool {
 public:
  static constexpr int kMaxThreads = 4095;
  using Job = void (*)(void* context, int rank);
  using Afterwork = bool (*)(void* context, int rank);

  // Throws std::invalid_argument for fewer than 1 or more than kMaxThreads.
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }
  // How many forks lie between this process and the first: threads of the one before are not here.
  static uint64_t forks();

  // How many ranks are worth calling now: all threads, but fewer for a while after waiting for them
  // took more than they saved, which it does where other work has their processors.
  int ranks();
  // Always so many, or as many as are worth it again after 0; for tests.
  void fix_ranks(int ranks);

  // Calls job(context, rank) for each rank < ranks <= threads(), rank 0 on the calling thread, and
  // returns when all have returned. One call at a time: others wait. After a fork the child starts
  // its own threads. Then, until the next call of any job, all but rank 0 call after(after_context,
  // rank), if given, as long as it returns true. The caller continues meanwhile, and calls settle()
  // before it changes anything that `after` uses.
  void run(int ranks, Job job, void* context, Afterwork after = nullptr,
           void* after_context = nullptr);
  // Returns when all threads have finished such work; it must end by itself.
  void settle();

 private:
  struct Crew;
  Crew* hire();
  void judge(int ranks, int64_t took, int64_t lost);

  int threads_;
  std::atomic<int> fixed_{0};
  std::atomic<int> worth_;             // ranks
  std::atomic<int64_t> more_from_{0};  // when to try more of them
  int64_t saved_;  // nanoseconds, less those lost; one call at a time changes it
  std::mutex hiring_;
  Crew* crew_ = nullptr;
  uint64_t forks_ = 0;
};

}  // namespace shazip
