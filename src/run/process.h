#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::run {

/// How a worker process ended.
struct ProcessEnd {
  bool exited = false;  ///< by exit(); else by a signal
  int exit_code = 0;
  int signal = 0;
  bool oom_killed = false;  ///< the kernel's or the control group's count of out-of-memory kills rose while it ran
  std::string last_words;   ///< last line that it wrote to stderr
};

/// `worker killed by signal 9 (SIGKILL): out of memory ...`: for the row of the cell that it was at.
std::string describe(const ProcessEnd& end, std::string_view who = "the worker process");

/// A process of this same binary. It reads its job on standard input, writes lines to descriptor kMessageFd, and is killed when this
/// process dies. It has a process group of its own, so that Ctrl-C reaches only the parent.
class WorkerProcess {
 public:
  static constexpr int kMessageFd = 3;

  /// Starts `/proc/self/exe arguments...` and sends it `job`. Error{kIo} when it cannot be started (the message says why).
  WorkerProcess(const std::vector<std::string>& arguments, std::string_view job);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// Waits up to `timeout_ms` for output and hands over whole lines: `on_message` those of kMessageFd, `on_stderr` those of its stderr.
  /// False when the process has closed both, that is, has ended. A signal that arrives meanwhile ends the wait.
  bool pump(int timeout_ms, const std::function<void(std::string_view)>& on_message,
            const std::function<void(std::string_view)>& on_stderr);

  void send_signal(int signal) noexcept;
  /// Collects the ended process; call once, after pump returned false.
  ProcessEnd wait();
  pid_t pid() const { return pid_; }

 private:
  struct Stream {
    int fd = -1;
    std::string pending;
  };
  void send_job();
  void read_some(Stream& stream, const std::function<void(std::string_view)>& on_line);

  pid_t pid_ = -1;
  int job_fd_ = -1;
  std::string job_;
  std::size_t job_sent_ = 0;
  Stream messages_, stderr_;
  std::string last_words_;
  long oom_kills_before_ = 0;
};

}  // namespace qbench::run
