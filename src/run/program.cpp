#include "run/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "run/interrupt.h"
#include "run/oom_kills.h"

namespace qbench::run {
namespace {

constexpr std::int64_t kPatienceNs = 10'000'000'000;
constexpr std::size_t kLongestLastWords = 300;

[[noreturn]] void fail(const char* what, int reason) { throw Error(ErrorCode::kIo, std::string(what) + ": " + std::strerror(reason)); }

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// In the child between fork and exec: only async-signal-safe calls. Never returns; an errno goes through `status_fd`.
[[noreturn]] void become(const char* program, char* const* argv, char* const* envp, int error_fd, int status_fd, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(nothing, STDOUT_FILENO) >= 0 && ::dup2(error_fd, STDERR_FILENO) >= 0)
    ::execve(program, argv, envp);
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = ::write(status_fd, &reason, sizeof reason);
  ::_exit(127);
}

/// What a program says on its way, of which the last line that is not empty is kept.
class LastLine {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\n' && c != '\r') {
        if (line_.size() < kLongestLastWords) line_ += c;
      } else if (!line_.empty()) {
        last_ = std::move(line_);
        line_.clear();
      }
    }
  }
  std::string text() const { return line_.empty() ? last_ : line_; }

 private:
  std::string line_, last_;
};

/// A started program, ended where it is left alone.
class Child {
 public:
  Child(pid_t pid, int error_fd) : pid_(pid), errors_(error_fd), oom_kills_before_(count_oom_kills()) {}
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    collect();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ProcessEnd wait() {
    for (bool open = true; open;) {
      open = read_some();
      if (InterruptGuard::requested()) end_it();
    }
    ProcessEnd end;
    const int status = collect();
    end.exited = WIFEXITED(status);
    if (end.exited) end.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
    end.oom_killed = end.signal == SIGKILL && count_oom_kills() > oom_kills_before_;
    end.last_words = said_.text();
    return end;
  }

 private:
  /// False once nobody holds the other end: the program and all that it started have ended.
  bool read_some() {
    pollfd waiting{errors_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 200) <= 0) return true;
    std::array<char, 4096> buffer;
    const ssize_t n = ::read(errors_.get(), buffer.data(), buffer.size());
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    said_.add({buffer.data(), static_cast<std::size_t>(n)});
    return n > 0;
  }

  void end_it() {
    if (term_sent_ns_ == 0) {
      term_sent_ns_ = now_ns();
      ::kill(-pid_, SIGTERM);
    } else if (InterruptGuard::count() > 1 || now_ns() - term_sent_ns_ > kPatienceNs) {
      ::kill(-pid_, SIGKILL);
    }
  }

  int collect() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  pid_t pid_;
  Descriptor errors_;
  long oom_kills_before_;
  std::int64_t term_sent_ns_ = 0;
  LastLine said_;
};

}  // namespace

ProcessEnd run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  std::vector<std::string> words{program.string()}, variables = environment;
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::vector<char*> argv = pointers(words), envp = pointers(variables);
  int errors[2], status[2];
  if (::pipe2(errors, O_CLOEXEC) != 0) fail("cannot make a pipe", errno);
  Descriptor error_read(errors[0]), error_write(errors[1]);
  if (::pipe2(status, O_CLOEXEC) != 0) fail("cannot make a pipe", errno);
  Descriptor status_read(status[0]), status_write(status[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) fail("cannot start a process", errno);
  if (pid == 0) become(words.front().c_str(), argv.data(), envp.data(), error_write.get(), status_write.get(), parent);
  ::setpgid(pid, pid);  // as the child does: whoever comes first, kill finds the group
  const int kept = ::fcntl(error_read.get(), F_DUPFD_CLOEXEC, 3);
  Child child(pid, kept);
  error_read.close();
  error_write.close();
  status_write.close();
  int reason = 0;
  ssize_t n = 0;
  do n = ::read(status_read.get(), &reason, sizeof reason);
  while (n < 0 && errno == EINTR);
  if (n > 0) throw Error(ErrorCode::kIo, std::string("cannot execute it: ") + std::strerror(reason), program.string());
  return child.wait();
}

}  // namespace qbench::run
