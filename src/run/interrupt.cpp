#include "run/interrupt.h"

#include <signal.h>

namespace qbench::run {
namespace {

// A signal handler can reach nothing but file-level state; these are lock-free, which makes them safe there.
std::atomic<bool> g_requested{false};
std::atomic<int> g_signal{0};
std::atomic<int> g_count{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

extern "C" void note_signal(int signal) {
  int none = 0;
  g_signal.compare_exchange_strong(none, signal);
  g_count.fetch_add(1);
  g_requested.store(true);
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;  // without SA_RESTART: poll and read return, so that the flag is looked at
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard(Role role) {
  g_requested = false;
  g_signal = 0;
  g_count = 0;
  set_handler(SIGTERM, note_signal);
  set_handler(SIGINT, role == Role::kParent ? note_signal : SIG_IGN);
}

InterruptGuard::~InterruptGuard() {
  set_handler(SIGTERM, SIG_DFL);
  set_handler(SIGINT, SIG_DFL);
}

const std::atomic<bool>& InterruptGuard::requested() { return g_requested; }
int InterruptGuard::signal() { return g_signal; }
int InterruptGuard::count() { return g_count; }

}  // namespace qbench::run
