#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "base/error.h"

namespace qbench::test {

/// Runs `work` in a child: "fine" when it returns false, else how it ended; "sanitizer" also when ThreadSanitizer saw a race.
inline std::string in_child(bool (*work)()) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    std::freopen("/dev/null", "w", stdout);
    std::signal(SIGSEGV, SIG_DFL);  // doctest's handler would run the parent's report
    std::signal(SIGABRT, SIG_DFL);
    try {
      _exit(work() ? 3 : 0);
    } catch (const Error&) {
      _exit(4);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "signal";
  switch (WEXITSTATUS(status)) {
    case 0:
      return "fine";
    case 3:
      return "wrong result";
    case 4:
      return "error";
    default:
      return "sanitizer";
  }
}

}  // namespace qbench::test
