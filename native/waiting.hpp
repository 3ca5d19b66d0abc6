// How a thread waits for others: it spins for some microseconds, yields, then sleeps. Not for
// kernels, because these functions are inline.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace shazip {

// The number of meetings that a thread has come to. Each thread has a counter in cache lines of its
// own and reads the others', so a meeting costs one transfer of a line between cores.
struct alignas(128) Barrier {
  std::atomic<uint32_t> meetings{0};
};

constexpr int kGlances =
    50;  // without a pause: a meeting is often a matter of a tenth of a microsecond
constexpr int kSpins = 400;   // of some 40 cycles each: about 5 microseconds
constexpr int kYields = 200;  // of half a microsecond each, unless another thread has work

// Nanoseconds, for ranks that do not seem to run.
inline thread_local int64_t waited = 0;

inline void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // `yield` does nothing on most cores
#endif
}

// Returns true once `ready` does; false if that takes longer than is good to spin.
template <typename Ready>
bool spin_until(Ready ready) {
  for (int i = 0; i < kGlances; ++i) {
    if (ready()) return true;
  }
  for (int i = 0; i < kSpins; ++i) {
    if (ready()) return true;
    pause_briefly();
  }
  return false;
}

template <typename Ready>
bool yield_until(Ready ready) {
  for (int i = 0; i < kYields; ++i) {
    if (ready()) return true;
    std::this_thread::yield();
  }
  return ready();
}

inline int64_t now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

template <typename Ready>
void wait_until(Ready ready) {
  if (spin_until(ready)) return;
  const int64_t start = now();
  while (!yield_until(ready)) {
    // Others of this step run, but not on a core of their own: sleep a little rather than fight for
    // it.
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  waited += now() - start;
}

}  // namespace shazip
