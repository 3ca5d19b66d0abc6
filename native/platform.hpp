// System calls that Windows lacks: forks, and signals that a thread can leave to others.
#pragma once

#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif

namespace shazip {

#if defined(_WIN32)

inline void after_fork(void (*)()) {}
class SignalsBlocked {
 public:
  SignalsBlocked() {}
};

#else

// Calls `child` in every child process that this one forks from now on.
inline void after_fork(void (*child)()) { pthread_atfork(nullptr, nullptr, child); }

// While it lives the calling thread and the threads that it starts take no signals.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

#endif

}  // namespace shazip
