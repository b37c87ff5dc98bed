// Makes a program slower by a set share: LD_PRELOAD=libslow_process.so SLOW_PROCESS_RATIO=0.2 PROGRAM... takes 1.2 times as long.
//
// Each time a thread reads a clock it first spins for that share of the processor time that it has used since it last did so. Every stretch that
// lies between two stamps of one thread is therefore longer by the share, whatever it computed. Processor time, not time on the wall: a thread
// that waits is not slowed, and on a busy machine the share stays what it is. Work of threads that read no clock is not slowed: measure with one.
#include <dlfcn.h>

#include <cstdlib>
#include <ctime>

namespace {

using ClockGettime = int (*)(clockid_t, timespec*);

struct Real {
  ClockGettime clock_gettime;
  double ratio;
};

const Real& real() {
  static const Real found = [] {
    const char* text = std::getenv("SLOW_PROCESS_RATIO");
    return Real{reinterpret_cast<ClockGettime>(dlsym(RTLD_NEXT, "clock_gettime")), text != nullptr ? std::strtod(text, nullptr) : 0.0};
  }();
  return found;
}

double processor_seconds() {
  timespec t{};
  real().clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

thread_local double used_before = 0;

}  // namespace

extern "C" __attribute__((visibility("default"))) int clock_gettime(clockid_t id, timespec* time) noexcept {
  if (real().ratio > 0) {
    const double now = processor_seconds(), until = now + real().ratio * (now - used_before);
    double spun = now;
    while (spun < until) spun = processor_seconds();
    used_before = spun;
  }
  return real().clock_gettime(id, time);
}
