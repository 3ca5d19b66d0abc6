#include "pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "platform.hpp"
#include "waiting.hpp"

namespace shazip {
namespace {

constexpr int kMaxRanks = Pool::kMaxThreads + 1;  // the low bits of a ticket; 0 closes

// Nanoseconds. A trial of more ranks may lose kTrial before it ends, for kPatience times its loss:
// so a machine that stays busy loses hardly more than 3 % to trials. Ranks may lose again the time
// that they saved, up to kSavings, so that rare losses end nothing. No single loss, such as that of
// a stopped process, counts for more.
constexpr int64_t kTrial = 500000;
constexpr int64_t kPatience = 40;
constexpr int64_t kSavings = 5000000;

std::atomic<uint64_t> fork_count{0};

void count_fork() { fork_count.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

// The threads and their shared fields. A ticket is a job's number and, in its low bits, its number
// of ranks, so that a thread without a rank never reads fields that the next job overwrites.
struct Pool::Crew {
  alignas(128) std::atomic<uint64_t> ticket{0};
  Job job = nullptr;
  void* context = nullptr;
  Afterwork after = nullptr;
  void* after_context = nullptr;
  alignas(128) std::atomic<int> unfinished{0};
  std::atomic<int> lingering{
      0};  // threads that `after` may still be called on; counted before they count as finished
  alignas(128) std::atomic<int> asleep{0};
  std::mutex mutex;
  std::condition_variable wake;
  std::mutex busy;  // one job at a time
  std::vector<std::thread> threads;

  void work(int rank) {
    uint64_t seen = 0;
    for (;;) {
      auto called = [&] { return ticket.load(std::memory_order_seq_cst) != seen; };
      if (!spin_until(called) && !yield_until(called)) sleep_until(called);
      seen = ticket.load(std::memory_order_acquire);
      const int ranks = static_cast<int>(seen % kMaxRanks);
      if (ranks == 0) return;  // closing
      if (rank >= ranks) continue;
      const Afterwork more = after;
      void* const more_context = after_context;
      job(context, rank);
      if (more) lingering.fetch_add(1, std::memory_order_relaxed);
      unfinished.fetch_sub(1, std::memory_order_release);
      if (!more) continue;
      while (!called() && more(more_context, rank)) {
      }
      lingering.fetch_sub(1, std::memory_order_release);
    }
  }

  template <typename Ready>
  void sleep_until(Ready ready) {
    std::unique_lock<std::mutex> lock(mutex);
    asleep.fetch_add(1, std::memory_order_seq_cst);
    wake.wait(lock, ready);
    asleep.fetch_sub(1, std::memory_order_relaxed);
  }

  void call(int ranks) {
    const uint64_t number = ticket.load(std::memory_order_relaxed) / kMaxRanks + 1;
    // Both sides are sequentially consistent: either this thread sees the sleeper or the sleeper
    // sees the ticket.
    ticket.store(number * kMaxRanks + static_cast<uint64_t>(ranks), std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_seq_cst) > 0) {
      {
        std::lock_guard<std::mutex> lock(mutex);
      }
      wake.notify_all();
    }
  }

  void dismiss() {
    call(0);
    for (std::thread& thread : threads) thread.join();
  }
};

Pool::Pool(int threads) : threads_(threads), worth_(threads), saved_(kTrial) {
  if (threads < 1 || threads > kMaxThreads) {
    throw std::invalid_argument("threads must be 1 to " + std::to_string(kMaxThreads) + ", not " +
                                std::to_string(threads));
  }
  static std::once_flag once;
  std::call_once(once, [] { after_fork(count_fork); });
}

Pool::~Pool() {
  if (!crew_) return;
  if (forks_ != fork_count.load(std::memory_order_relaxed))
    return;  // the threads are the parent's, and so is the crew
  crew_->dismiss();
  delete crew_;
}

// Threads start with the first job that needs them. Those of a parent process do not exist in its
// child: its crew is left where it is.
Pool::Crew* Pool::hire() {
  std::lock_guard<std::mutex> lock(hiring_);
  const uint64_t forks = fork_count.load(std::memory_order_relaxed);
  if (crew_ && forks_ == forks) return crew_;
  crew_ = nullptr;
  auto crew = std::make_unique<Crew>();
  const SignalsBlocked blocked;  // signals belong to the interpreter's threads
  try {
    for (int rank = 1; rank < threads_; ++rank) {
      crew->threads.emplace_back([crew = crew.get(), rank] { crew->work(rank); });
    }
  } catch (...) {
    crew->dismiss();
    throw;
  }
  forks_ = forks;
  return crew_ = crew.release();
}

uint64_t Pool::forks() { return fork_count.load(std::memory_order_relaxed); }

int Pool::ranks() {
  if (const int fixed = fixed_.load(std::memory_order_relaxed)) return fixed;
  const int worth = worth_.load(std::memory_order_relaxed);
  if (worth == threads_) return worth;
  const int64_t time = now();
  if (time < more_from_.load(std::memory_order_relaxed)) return worth;
  const int more = std::min(2 * worth, threads_);
  worth_.store(more, std::memory_order_relaxed);
  more_from_.store(time + kPatience * kTrial, std::memory_order_relaxed);
  return more;
}

void Pool::fix_ranks(int ranks) {
  fixed_.store(std::clamp(ranks, 0, threads_), std::memory_order_relaxed);
}

// `lost` is the time that the calling thread waited for the others. The rest of `took` saved time,
// as it would have done their work itself, at about half their rate.
void Pool::judge(int ranks, int64_t took, int64_t lost) {
  saved_ = std::clamp(saved_ + (ranks - 1) * (took - lost) / 2 - lost, -kSavings, kSavings);
  if (saved_ >= 0) return;
  more_from_.store(now() + kPatience * (kTrial - saved_), std::memory_order_relaxed);
  worth_.store(std::min(worth_.load(std::memory_order_relaxed), std::max(1, ranks / 2)),
               std::memory_order_relaxed);
  saved_ = kTrial;
}

void Pool::settle() {
  // Locked until the end, so that no new job makes others linger.
  std::lock_guard<std::mutex> lock(hiring_);
  if (!crew_ || forks_ != fork_count.load(std::memory_order_relaxed)) return;
  wait_until([&] { return crew_->lingering.load(std::memory_order_acquire) == 0; });
}

void Pool::run(int ranks, Job job, void* context, Afterwork after, void* after_context) {
  if (ranks <= 1) {
    job(context, 0);
    return;
  }
  Crew* crew = hire();
  std::lock_guard<std::mutex> lock(crew->busy);
  crew->job = job;
  crew->context = context;
  crew->after = after;
  crew->after_context = after_context;
  crew->unfinished.store(ranks - 1, std::memory_order_relaxed);
  const int64_t start = now();
  waited = 0;
  crew->call(ranks);
  job(context, 0);
  wait_until([&] { return crew->unfinished.load(std::memory_order_acquire) == 0; });
  judge(ranks, now() - start, waited);
}

}  // namespace shazip
