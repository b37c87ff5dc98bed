// First process of a sandbox: starts the program behind limits and the filter, waits for it, ends all that it left behind, and reports.
// Statically linked and put into the library as bytes (keeper_image.cpp), since inside there is nothing of qbench's.
//   keeper PROGRAM [ARGUMENT...]            descriptors as keeper_protocol.h says; the environment is the program's
//   keeper --guard PROGRAM [ARGUMENT...]    outside: runs bubblewrap, and ends all that it made when qbench is gone, even half-made
//   sandboxes
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "sandbox/keeper_protocol.h"

extern char** environ;

namespace {

using namespace qbench::sandbox;

constexpr std::size_t kMaxFilterBytes = 64 << 10;
alignas(sock_filter) unsigned char filter_bytes[kMaxFilterBytes];

/// False when nobody listens any more.
bool report(const Report& message) {
  ssize_t n = 0;
  do {
    n = ::send(kStatusDescriptor, &message, sizeof message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n == sizeof message;
}

[[noreturn]] void fail(KeeperStep step) {
  Report message{};
  message.kind = ReportKind::kFailed;
  message.step = step;
  message.value = errno;
  report(message);
  ::_exit(127);
}

bool read_fully(int fd, void* into, std::size_t bytes) {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = ::read(fd, static_cast<char*>(into) + done, bytes - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

Order read_order() {
  Order order{};
  if (!read_fully(kOrderDescriptor, &order, sizeof order) || order.limit_count > kOrderLimits || order.filter_bytes > sizeof filter_bytes ||
      !read_fully(kOrderDescriptor, filter_bytes, order.filter_bytes)) {
    errno = EPROTO;
    fail(KeeperStep::kOrder);
  }
  return order;
}

void apply_limits(const Order& order) {
  for (std::uint32_t i = 0; i < order.limit_count; ++i) {
    const OrderLimit& wanted = order.limits[i];
    const auto resource = static_cast<__rlimit_resource_t>(wanted.resource);
    rlimit now{};
    if (::getrlimit(resource, &now) != 0) fail(KeeperStep::kLimits);
    // A machine's own limit may be lower than ours; raising it is not ours to do.
    const rlimit value{wanted.soft < now.rlim_max ? wanted.soft : now.rlim_max, wanted.hard < now.rlim_max ? wanted.hard : now.rlim_max};
    if (::setrlimit(resource, &value) != 0) fail(KeeperStep::kLimits);
  }
}

/// The last thing before exec: the filter forbids nothing that exec needs.
void apply_filter(const Order& order) {
  if (order.filter_bytes == 0) return;
  sock_fprog program{};
  program.len = static_cast<unsigned short>(order.filter_bytes / sizeof(sock_filter));
  program.filter = reinterpret_cast<sock_filter*>(filter_bytes);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(KeeperStep::kFilter);
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) fail(KeeperStep::kFilter);
}

/// A program starts with default signals whatever qbench ignores or blocks.
void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Starts the program; returns once exec has succeeded (the pipe's end is closed by exec) or reports why it did not.
pid_t start(const Order& order, char** argv) {
  int started[2];
  if (::pipe2(started, O_CLOEXEC) != 0) fail(KeeperStep::kFork);
  const pid_t child = ::fork();
  if (child < 0) fail(KeeperStep::kFork);
  if (child == 0) {
    ::close(started[0]);
    reset_signals();
    apply_limits(order);
    apply_filter(order);
    ::execve(argv[0], argv, environ);
    fail(KeeperStep::kExecute);
  }
  ::close(started[1]);
  char byte;
  while (::read(started[0], &byte, 1) < 0 && errno == EINTR) {
  }
  ::close(started[0]);
  return child;
}

/// Kills the children that /proc names; theirs become ours then, since the keeper is a subreaper. Whether there were any.
bool kill_children() {
  const int list = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (list < 0) return false;
  char text[4096];
  const ssize_t n = ::read(list, text, sizeof text - 1);
  ::close(list);
  if (n <= 0) return false;
  text[n] = '\0';
  bool any = false;
  for (char* at = text; *at != '\0';) {
    char* end = nullptr;
    const long pid = std::strtol(at, &end, 10);
    if (end == at) break;
    any |= pid > 1 && ::kill(static_cast<pid_t>(pid), SIGKILL) == 0;
    at = end;
  }
  return any;
}

/// Ends what the program left behind. As first process of a process namespace, all others are in it; else they are our descendants.
void kill_rest() {
  if (::getpid() == 1) {
    ::kill(-1, SIGKILL);
    return;
  }
  kill_children();
}

struct End {
  int status = 0;
  std::uint32_t violations = 0;
};

End wait_for(pid_t program) {
  End end;
  bool ended = false;
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, ended && ::getpid() != 1 ? WNOHANG : 0);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return end;  // nobody is left
    if (pid == 0) {           // after the program's end, outside a namespace of our own: more may have become ours meanwhile
      if (!kill_children()) return end;
      ::usleep(1000);
      continue;
    }
    if (pid == program) {
      end.status = status;
      ended = true;
      kill_rest();
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
      ++end.violations;
    }
  }
}

std::uint64_t nanoseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_usec) * 1'000u;
}

/// Outside a process namespace the keeper is asked to end by SIGTERM (also when qbench is gone): its descendants first.
void on_terminate(int) {
  // A killed one's children are ours by the time that it can be waited for.
  while (kill_children() && ::waitpid(-1, nullptr, 0) > 0) {
  }
  ::_exit(128 + SIGTERM);
}

/// Without a namespace of its own: orphans below become children of the keeper, and SIGTERM means to end them all.
void become_subreaper() {
  ::setsid();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct sigaction action {};
  action.sa_handler = on_terminate;
  ::sigaction(SIGTERM, &action, nullptr);
  sigset_t terminate;
  ::sigemptyset(&terminate);
  ::sigaddset(&terminate, SIGTERM);
  ::sigprocmask(SIG_UNBLOCK, &terminate, nullptr);
}

/// Bubblewrap's first child waits for bubblewrap before anything ties their lives together: killed at that moment, it would leave one that
/// waits for ever. Whatever is orphaned below the guard becomes its child.
int guard(char** argv) {
  become_subreaper();
  const pid_t child = ::fork();
  if (child == 0) {
    ::execve(argv[0], argv, environ);
    static constexpr char kWords[] = "cannot be executed\n";
    return ::write(STDERR_FILENO, kWords, sizeof kWords - 1) < 0 ? 126 : 127;
  }
  ::syscall(SYS_close_range, 0, ~0u, 0);
  while (child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  on_terminate(SIGTERM);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 127;
  if (argc > 2 && std::strcmp(argv[1], "--guard") == 0) return guard(argv + 2);
  ::prctl(PR_SET_DUMPABLE, 0);  // neither /proc/1/mem nor its descriptors are the program's to open
  ::fcntl(kStatusDescriptor, F_SETFD, FD_CLOEXEC);
  ::syscall(SYS_close_range, kOrderDescriptor + 1, ~0u, 0);
  const Order order = read_order();
  ::close(kOrderDescriptor);
  if (::getpid() == 1) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // of bubblewrap; what happened before is seen where the start is reported
  } else {
    become_subreaper();
  }

  const pid_t program = start(order, argv + 1);
  for (int fd = 0; fd < kStatusDescriptor; ++fd) ::close(fd);  // the ends of its pipes are the program's alone
  Report message{};
  message.kind = ReportKind::kStarted;
  if (!report(message)) {  // qbench is gone, or gave up before it knew of this process
    if (::getpid() != 1) on_terminate(SIGTERM);
    return 0;
  }
  const End end = wait_for(program);
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  message.kind = ReportKind::kEnded;
  message.value = end.status;
  message.violations = end.violations;
  message.cpu_ns = nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime);
  message.peak_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  report(message);
  return 0;
}
