#include "sandbox/spawn.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace qbench::sandbox {

namespace {

/// The plan in plain pointers. The child shares qbench's memory until exec: it writes `error` and `step` and nothing else.
struct RawPlan {
  const char* program;
  int program_descriptor;
  char* const* argv;
  char* const* environment;
  const int* descriptors;
  int descriptor_count;
  const int* group_files;
  std::size_t group_count;
  const char* folder;
  int death_signal;
  bool drop;
  pid_t parent;
  int error = 0;
  const char* step = "";
};

[[noreturn]] void give_up(RawPlan& plan, const char* step) {
  plan.error = errno;
  plan.step = step;
  ::_exit(127);
}

/// Numbers 0..n-1 are the plan's descriptors; first all above that range, so that none is overwritten before it was copied.
void arrange_descriptors(RawPlan& plan, int* moved) {
  for (int i = 0; i < plan.descriptor_count; ++i) {
    moved[i] = ::fcntl(plan.descriptors[i], F_DUPFD, plan.descriptor_count + 1);
    if (moved[i] < 0) give_up(plan, "fcntl");
  }
  if (plan.program_descriptor >= 0) {
    plan.program_descriptor = ::fcntl(plan.program_descriptor, F_DUPFD, plan.descriptor_count + 1);
    if (plan.program_descriptor < 0) give_up(plan, "fcntl");
  }
  for (int i = 0; i < plan.descriptor_count; ++i) {
    if (::dup2(moved[i], i) < 0) give_up(plan, "dup2");
  }
  if (plan.program_descriptor >= 0) {
    if (::dup2(plan.program_descriptor, plan.descriptor_count) < 0) give_up(plan, "dup2");
    plan.program_descriptor = plan.descriptor_count;
    ::fcntl(plan.program_descriptor, F_SETFD, FD_CLOEXEC);
  }
  const int first = plan.descriptor_count + (plan.program_descriptor >= 0 ? 1 : 0);
  if (::syscall(SYS_close_range, first, ~0u, 0) == 0) return;
  for (int fd = first; fd < 65536; ++fd) ::close(fd);  // Linux before 5.9
}

/// By system calls: the C library's functions would change every thread of the memory they run in, which is qbench's here.
void drop_privileges(RawPlan& plan) {
  if (::syscall(SYS_setgroups, 0, nullptr) != 0) give_up(plan, "setgroups");
  if (::syscall(SYS_setresgid, kNobody, kNobody, kNobody) != 0) give_up(plan, "setresgid");
  if (::syscall(SYS_setresuid, kNobody, kNobody, kNobody) != 0) give_up(plan, "setresuid");
}

[[noreturn]] void run_child(RawPlan& plan, int* moved) {
  for (std::size_t i = 0; i < plan.group_count; ++i) {
    if (::write(plan.group_files[i], "0", 1) != 1) give_up(plan, "joining the control group");
  }
  // When memory runs out on the machine, this goes first.
  const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0 && ::write(score, "1000", 4) != 4) errno = 0;
  arrange_descriptors(plan, moved);
  if (::chdir(plan.folder) != 0) give_up(plan, "chdir");
  ::umask(022);
  if (plan.drop) drop_privileges(plan);
  if (::prctl(PR_SET_PDEATHSIG, plan.death_signal, 0, 0, 0) != 0) give_up(plan, "prctl");
  if (::getppid() != plan.parent) ::_exit(127);  // qbench ended before it could be watched
  if (plan.program_descriptor >= 0) {
    ::syscall(SYS_execveat, plan.program_descriptor, "", plan.argv, plan.environment, AT_EMPTY_PATH);
  } else {
    ::execve(plan.program, plan.argv, plan.environment);
  }
  give_up(plan, "exec");
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

/// vfork: the child runs on this thread's memory while the thread waits, so a process of any size starts one in the same time.
[[gnu::noinline]] pid_t fork_and_run(RawPlan& plan, int* moved) {
  const pid_t child = ::vfork();
  if (child == 0) run_child(plan, moved);
  return child;
}

}  // namespace

Spawned spawn(const SpawnPlan& plan) {
  const std::vector<char*> argv = pointers(plan.argv), environment = pointers(plan.environment);
  std::vector<int> moved(plan.descriptors.size());
  RawPlan raw{plan.program.c_str(),
              plan.program.empty() ? plan.program_descriptor : -1,
              argv.data(),
              environment.data(),
              plan.descriptors.data(),
              static_cast<int>(plan.descriptors.size()),
              plan.group_files.data(),
              plan.group_files.size(),
              plan.folder.c_str(),
              plan.death_signal,
              ::geteuid() == 0,
              ::getpid()};
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of qbench's may run in the child
  const pid_t child = fork_and_run(raw, moved.data());
  const int reason = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return {-1, std::string("cannot start a process: ") + std::strerror(reason)};
  if (raw.error == 0) return {child, {}};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {-1, "cannot start " + plan.argv.front() + ": " + raw.step + ": " + std::strerror(raw.error)};
}

}  // namespace qbench::sandbox
