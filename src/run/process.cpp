#include "run/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "run/oom_kills.h"

namespace qbench::run {
namespace {

constexpr std::size_t kLongestLastWords = 300;

/// A pipe whose ends close themselves.
struct Pipe {
  int read_fd = -1, write_fd = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw Error(ErrorCode::kIo, std::string("cannot make a pipe for the worker: ") + std::strerror(errno));
    read_fd = ends[0];
    write_fd = ends[1];
  }
  ~Pipe() {
    close_end(read_fd);
    close_end(write_fd);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  static void close_end(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  static int take(int& fd) {
    const int taken = fd;
    fd = -1;
    return taken;
  }
};

struct ChildFds {
  int job, messages, errors, status;
};

/// In the child between fork and exec: only async-signal-safe calls. Never returns; an errno goes through the status pipe.
[[noreturn]] void become_worker(const ChildFds& fds, pid_t parent, char* const* arguments) {
  // Duplicates out of the range 0 to 3 first, so that no dup2 overwrites a source.
  const int job = ::fcntl(fds.job, F_DUPFD, 10), messages = ::fcntl(fds.messages, F_DUPFD, 10), errors = ::fcntl(fds.errors, F_DUPFD, 10);
  const int status = ::fcntl(fds.status, F_DUPFD_CLOEXEC, 10);
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // The worker holds the weights: where memory runs out it is the one to go, not the parent that keeps the results.
  const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) [[maybe_unused]]
    const ssize_t written = ::write(score, "500", 3);
  bool ready = job >= 0 && messages >= 0 && errors >= 0 && status >= 0;
  ready = ready && ::dup2(job, STDIN_FILENO) >= 0 && ::dup2(errors, STDOUT_FILENO) >= 0 && ::dup2(errors, STDERR_FILENO) >= 0 &&
          ::dup2(messages, WorkerProcess::kMessageFd) >= 0;
  if (ready) {
    for (const int fd : {job, messages, errors}) ::close(fd);
    ::execv("/proc/self/exe", arguments);
  }
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = ::write(status, &reason, sizeof reason);
  ::_exit(127);
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return "signal " + std::to_string(signal) + (name != nullptr ? std::string(" (SIG") + name + ")" : std::string());
}

}  // namespace

std::string describe(const ProcessEnd& end, std::string_view who) {
  std::string text(who);
  if (end.exited) {
    text += " ended with exit status " + std::to_string(end.exit_code) + " before it was done";
  } else if (end.signal == SIGKILL) {
    text += " was killed by " + signal_name(end.signal) +
           (end.oom_killed ? ": out of memory (the system's count of out-of-memory kills rose)"
                           : ": by another process, or for want of memory");
  } else if (end.signal == SIGABRT) {
    text += " aborted";
  } else {
    text += " crashed with " + signal_name(end.signal);
  }
  if (!end.last_words.empty()) text += "; its last line was: " + end.last_words;
  return text;
}

WorkerProcess::WorkerProcess(const std::vector<std::string>& arguments, std::string_view job)
    : job_(job), oom_kills_before_(count_oom_kills()) {
  std::string self = "qbench";
  std::vector<std::string> copies = arguments;
  std::vector<char*> argv{self.data()};
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  Pipe job_pipe, message_pipe, error_pipe, status_pipe;
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw Error(ErrorCode::kIo, std::string("cannot start the worker process: ") + std::strerror(errno));
  if (pid_ == 0) become_worker({job_pipe.read_fd, message_pipe.write_fd, error_pipe.write_fd, status_pipe.write_fd}, parent, argv.data());
  Pipe::close_end(status_pipe.write_fd);
  int reason = 0;
  ssize_t n = 0;
  do n = ::read(status_pipe.read_fd, &reason, sizeof reason);
  while (n < 0 && errno == EINTR);
  if (n > 0) {
    ::waitpid(pid_, nullptr, 0);
    throw Error(ErrorCode::kIo, std::string("cannot execute the worker process: ") + std::strerror(reason));
  }
  job_fd_ = Pipe::take(job_pipe.write_fd);
  messages_.fd = Pipe::take(message_pipe.read_fd);
  stderr_.fd = Pipe::take(error_pipe.read_fd);
  for (const int fd : {job_fd_, messages_.fd, stderr_.fd}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
}

WorkerProcess::~WorkerProcess() {
  for (int* fd : {&job_fd_, &messages_.fd, &stderr_.fd}) Pipe::close_end(*fd);
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

/// Writes what the pipe takes; a worker that no longer reads is noticed by its end, not here.
void WorkerProcess::send_job() {
  const ssize_t n = ::write(job_fd_, job_.data() + job_sent_, job_.size() - job_sent_);
  if (n > 0) job_sent_ += static_cast<std::size_t>(n);
  const bool gone = n < 0 && errno != EAGAIN && errno != EINTR;
  if (gone || job_sent_ == job_.size()) Pipe::close_end(job_fd_);
}

void WorkerProcess::read_some(Stream& stream, const std::function<void(std::string_view)>& on_line) {
  std::array<char, 1 << 16> buffer;
  const ssize_t n = ::read(stream.fd, buffer.data(), buffer.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    Pipe::close_end(stream.fd);
    return;
  }
  stream.pending.append(buffer.data(), static_cast<std::size_t>(n));
  std::size_t start = 0;
  for (std::size_t end; (end = stream.pending.find('\n', start)) != std::string::npos; start = end + 1) {
    on_line(std::string_view(stream.pending).substr(start, end - start));
  }
  stream.pending.erase(0, start);
}

bool WorkerProcess::pump(int timeout_ms, const std::function<void(std::string_view)>& on_message,
                         const std::function<void(std::string_view)>& on_stderr) {
  if (messages_.fd < 0 && stderr_.fd < 0) return false;
  // poll passes over negative descriptors.
  std::array<pollfd, 3> fds{{{messages_.fd, POLLIN, 0}, {stderr_.fd, POLLIN, 0}, {job_fd_, POLLOUT, 0}}};
  if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return true;
  if (fds[2].revents != 0) send_job();
  if (fds[1].revents != 0) {
    read_some(stderr_, [&](std::string_view line) {
      if (!line.empty()) last_words_ = line.substr(0, kLongestLastWords);
      on_stderr(line);
    });
  }
  if (fds[0].revents != 0) read_some(messages_, on_message);
  return messages_.fd >= 0 || stderr_.fd >= 0;
}

void WorkerProcess::send_signal(int signal) noexcept {
  if (pid_ > 0) ::kill(pid_, signal);
}

ProcessEnd WorkerProcess::wait() {
  QB_CHECK(pid_ > 0);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  ProcessEnd end;
  end.exited = WIFEXITED(status);
  if (end.exited) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.oom_killed = end.signal == SIGKILL && count_oom_kills() > oom_kills_before_;
  if (!stderr_.pending.empty()) last_words_ = stderr_.pending.substr(0, kLongestLastWords);
  end.last_words = last_words_;
  return end;
}

}  // namespace qbench::run
