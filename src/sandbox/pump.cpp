#include "sandbox/pump.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/clock.h"
#include "base/units.h"
#include "sandbox/process_tree.h"

namespace qbench::sandbox {

namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kLookEvery = 20 * kMillisecond;    // what memory can grow by between two looks: some 50 MB a processor
constexpr std::int64_t kPatience = 5'000 * kMillisecond;  // for a killed sandbox to be gone
constexpr std::uint64_t kMostFiles = 50'000;              // in a /tmp that is a tmpfs
constexpr double kSecond = 1e-9;
constexpr std::uint64_t kMaxErrorBytes = std::uint64_t{16} << 20;  // of standard error, which is kept to the end
constexpr double kOwnCpu = 0.1;  // seconds: more than building a sandbox ever took

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, std::min<std::size_t>(text.find('\n'), 300));
  while (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

const char* step_name(KeeperStep step) {
  switch (step) {
    case KeeperStep::kOrder:
      return "reading the order";
    case KeeperStep::kLimits:
      return "setting limits";
    case KeeperStep::kFilter:
      return "loading the seccomp filter";
    case KeeperStep::kFork:
      return "making a process";
    case KeeperStep::kExecute:
      return "executing the program";
  }
  return "starting";
}

}  // namespace

Pump::Pump(Prepared prepared, const Limits& limits, std::string input, bool close_input)
    : limits_(limits), prepared_(std::move(prepared)), input_(std::move(input)), close_input_(close_input) {
  PipeEnds ends = make_pipe();
  wake_read_ = std::move(ends.read);
  wake_write_ = std::move(ends.write);
  set_nonblocking(wake_write_.get());
  set_nonblocking(wake_read_.get());
  PipeEnds in = make_pipe(), out = make_pipe(), err = make_pipe();
  auto [ours, theirs] = make_report_socket();
  input_end_ = std::move(in.write);
  output_.end = std::move(out.read);
  error_.end = std::move(err.read);
  report_ = std::move(ours);
  theirs_.push_back(std::move(in.read));
  theirs_.push_back(std::move(out.write));
  theirs_.push_back(std::move(err.write));
  theirs_.push_back(std::move(theirs));
  static_assert(kStatusDescriptor == 3);
  for (std::size_t i = 0; i < theirs_.size(); ++i) prepared_.plan.descriptors[i] = theirs_[i].get();
}

Pump::~Pump() = default;

void Pump::wake() {
  const char byte = 0;
  if (::write(wake_write_.get(), &byte, 1) < 0) return;  // full: it is being woken already
}

void Pump::loop() {
  if (start()) run_until_gone();
  conclude();
  prepared_.group.reset();
  prepared_.folder.reset();
  const std::lock_guard lock(mutex_);
  done_ = true;
  changed_.notify_all();
}

bool Pump::start() {
  started_ns_ = now_ns();
  Spawned spawned = spawn(prepared_.plan);
  prepared_.kept.clear();
  theirs_.clear();
  child_ = spawned.pid;
  if (child_ < 0) {
    outcome_.end = End::kNotStarted;
    outcome_.detail = std::move(spawned.error);
    return false;
  }
  for (const int fd : {report_.get(), input_end_.get(), output_.end.get(), error_.end.get()}) set_nonblocking(fd);
  if (prepared_.group == nullptr) tree_ = std::make_unique<ProcessTree>(child_);
  next_look_ns_ = started_ns_ + kLookEvery;
  return true;
}

void Pump::run_until_gone() {
  while (!gone_) {
    poll_once();
    check_limits();
  }
  reap();
  const std::lock_guard lock(mutex_);
  read_stream(output_, limits_.output_bytes,
              "standard output");  // what is still in the pipes; outside namespaces a survivor may hold them open, and is not waited for
  read_stream(error_, std::min(limits_.output_bytes, kMaxErrorBytes), "standard error");
  input_end_.close();
}

void Pump::poll_once() {
  pollfd files[5] = {{report_.get(), POLLIN, 0}, {wake_read_.get(), POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLOUT, 0}};
  {
    const std::lock_guard lock(mutex_);
    files[2].fd = output_.end.get();
    files[3].fd = error_.end.get();
    if (!input_.empty()) files[4].fd = input_end_.get();
  }
  const std::int64_t wait_ns = std::max<std::int64_t>(next_look_ns_ - now_ns(), 0);
  const timespec timeout{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
  ::ppoll(files, 5, &timeout, nullptr);
  if (files[1].revents != 0) {
    char bytes[64];
    while (::read(wake_read_.get(), bytes, sizeof bytes) > 0) {
    }
  }
  {
    const std::lock_guard lock(mutex_);
    if (files[2].revents != 0) read_stream(output_, limits_.output_bytes, "standard output");
    if (files[3].revents != 0) read_stream(error_, std::min(limits_.output_bytes, kMaxErrorBytes), "standard error");
    write_input();
    if (asked_) stop(asked_->first, asked_->second);
  }
  if (files[0].revents != 0) read_reports();
}

/// Reads what is there; what is past the limit is the program's end.
void Pump::read_stream(Stream& stream, std::uint64_t limit, const char* name) {
  char piece[16384];
  while (stream.end) {
    const ssize_t n = ::read(stream.end.get(), piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      stream.end.close();
      stream.closed = true;
      break;
    }
    const auto bytes = static_cast<std::uint64_t>(n);
    const std::uint64_t room = limit - std::min(stream.total, limit);
    stream.text.append({piece, static_cast<std::size_t>(std::min(bytes, room))});
    stream.total += bytes;
    if (bytes <= room) continue;
    stop(End::kOutputLimit, fmt::format("wrote more than {} to {}", format_bytes(limit), name));
    break;  // whatever comes now is thrown away, a piece at a time
  }
  changed_.notify_all();
}

void Pump::write_input() {
  while (!input_.empty() && input_end_) {
    const ssize_t n = ::write(input_end_.get(), input_.view().data(), input_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {
      input_end_.close();
      input_refused_ = true;
      break;
    }
    input_.drop(static_cast<std::size_t>(n));
  }
  if (input_.empty() && close_input_) input_end_.close();
  changed_.notify_all();
}

void Pump::read_reports() {
  for (;;) {
    Report message{};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    iovec part{&message, sizeof message};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t n = ::recvmsg(report_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      gone_ = true;  // bubblewrap and the keeper have ended
      return;
    }
    if (n != sizeof message) continue;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS) continue;
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(c), sizeof sender);
      if (message.kind == ReportKind::kStarted) keeper_ = sender.pid;
    }
    if (message.kind == ReportKind::kStarted) program_started_ = true;
    if (message.kind == ReportKind::kFailed) failure_ = message;
    if (message.kind == ReportKind::kEnded) ending_ = message;
  }
}

void Pump::check_limits() {
  const std::int64_t now = now_ns();
  if (killed_ns_ != 0 && now - killed_ns_ > kPatience) gone_ = true;
  if (now < next_look_ns_) return;
  next_look_ns_ = now + kLookEvery;
  usage_ = prepared_.group ? prepared_.group->read() : tree_->read();
  peak_bytes_ = std::max(peak_bytes_, usage_.memory_bytes);
  const std::lock_guard lock(mutex_);
  if (stopped_ || ending_) return;
  const double wall_s = static_cast<double>(now - started_ns_) * kSecond;
  if (count_scratch_files() > kMostFiles) {
    stop(End::kOutputLimit, fmt::format("made more than {} files", kMostFiles));
  } else if (usage_.out_of_memory || usage_.memory_bytes > limits_.memory_bytes) {
    stop(End::kOom, fmt::format("used more than {} of memory", format_bytes(limits_.memory_bytes)));
  } else if (usage_.cpu_s > limits_.cpu_s) {
    stop(End::kCpuTimeout, fmt::format("used more than {:g} s of processor time", limits_.cpu_s));
  } else if (wall_s > limits_.wall_s) {
    stop(End::kWallTimeout, fmt::format("was not done after {:g} s ({:.2f} s of processor time)", limits_.wall_s, usage_.cpu_s));
  }
}

/// Files and folders of its /tmp: empty ones take none of its bytes, but the kernel's memory.
std::uint64_t Pump::count_scratch_files() const {
  struct statvfs scratch {};
  if (keeper_ <= 0 || keeper_ == child_ || ::statvfs(fmt::format("/proc/{}/root/tmp", keeper_).c_str(), &scratch) != 0) return 0;
  return scratch.f_files - scratch.f_ffree;
}

/// The first reason counts.
void Pump::stop(End end, std::string detail) {
  if (stopped_) return;
  stopped_ = end;
  outcome_.detail = std::move(detail);
  if (!gone_) kill_all();
}

/// The keeper as first process of its namespace takes all others with it; what waits for it ends then. Before it has said who it is, and
/// where there is no namespace, qbench's child is asked to end all below it.
void Pump::kill_all() {
  killed_ns_ = now_ns();
  if (keeper_ > 0 && keeper_ != child_) {
    ::kill(keeper_, SIGKILL);
  } else {
    ::kill(child_, SIGTERM);
  }
}

void Pump::reap() {
  const std::int64_t give_up = now_ns() + kPatience;
  int status = 0;
  for (;;) {
    const pid_t pid = ::waitpid(child_, &status, WNOHANG);
    if (pid == child_ || (pid < 0 && errno != EINTR)) break;
    if (now_ns() > give_up) ::kill(child_, SIGKILL);
    const timespec moment{0, kMillisecond / 5};
    ::nanosleep(&moment, nullptr);
  }
  if (prepared_.group == nullptr) return;
  usage_ = prepared_.group->read();  // after the last process: all that it used
}

void Pump::conclude() {
  const std::lock_guard lock(mutex_);
  outcome_.wall_s = static_cast<double>(now_ns() - started_ns_) * kSecond;
  outcome_.cpu_s = usage_.cpu_s;
  outcome_.peak_bytes = peak_bytes_;
  if (ending_) {
    // The keeper's figure is without bubblewrap's own work, and without children that nobody waited for.
    const double waited_s = static_cast<double>(ending_->cpu_ns) * kSecond;
    outcome_.cpu_s = usage_.cpu_s > waited_s + kOwnCpu ? usage_.cpu_s : waited_s;
    outcome_.peak_bytes = std::max(peak_bytes_, ending_->peak_bytes);
  }
  outcome_.error_output = error_.text.take();
  if (child_ < 0) return;  // not started: `detail` says why
  if (stopped_) {
    outcome_.end = *stopped_;
    if (outcome_.end == End::kSignal) outcome_.signal = SIGKILL;
  } else if (ending_) {
    conclude_from_report();
  } else if (usage_.out_of_memory) {
    outcome_.end = End::kOom;
    outcome_.detail = fmt::format("used more than {} of memory", format_bytes(limits_.memory_bytes));
  } else if (program_started_) {
    outcome_.end = End::kSignal;
    outcome_.signal = SIGKILL;
    outcome_.detail = "was killed together with its sandbox, from outside or for the machine's memory";
  } else {
    outcome_.end = End::kNotStarted;
    outcome_.detail = failure_ ? fmt::format("{}: {}", step_name(failure_->step), std::strerror(failure_->value))
                               : fmt::format("the sandbox did not start: {}", first_line(outcome_.error_output));
  }
}

void Pump::conclude_from_report() {
  const int status = ending_->value;
  if (failure_) {
    outcome_.end = End::kNotStarted;
    outcome_.detail = fmt::format("{}: {}", step_name(failure_->step), std::strerror(failure_->value));
    return;
  }
  if (usage_.out_of_memory) {
    outcome_.end = End::kOom;
    outcome_.detail = fmt::format("used more than {} of memory", format_bytes(limits_.memory_bytes));
    return;
  }
  if (WIFEXITED(status)) {
    outcome_.exit_code = WEXITSTATUS(status);
    outcome_.end = ending_->violations > 0 ? End::kViolation : End::kExited;
    outcome_.detail = ending_->violations > 0 ? "a process of it made a system call that only an attack makes"
                                              : fmt::format("exit status {}", outcome_.exit_code);
    return;
  }
  outcome_.signal = WTERMSIG(status);
  const bool over_cpu = outcome_.signal == SIGXCPU || (outcome_.signal == SIGKILL && outcome_.cpu_s > limits_.cpu_s);
  outcome_.end = outcome_.signal == SIGSYS    ? End::kViolation
                 : over_cpu                   ? End::kCpuTimeout
                 : outcome_.signal == SIGXFSZ ? End::kOutputLimit
                                              : End::kSignal;
  outcome_.detail = outcome_.end == End::kViolation     ? "made a system call that only an attack makes"
                    : outcome_.end == End::kCpuTimeout  ? fmt::format("used more than {:g} s of processor time", limits_.cpu_s)
                    : outcome_.end == End::kOutputLimit ? fmt::format("wrote a file of more than {}", format_bytes(limits_.file_bytes))
                                                        : fmt::format("was ended by {}", signal_name(outcome_.signal));
}

bool Pump::send(std::string_view line) {
  std::unique_lock lock(mutex_);
  if (done_ || stopped_ || close_input_ || input_refused_) return false;
  input_.append(line);
  input_.append("\n");
  wake();
  changed_.wait(lock, [&] { return input_.empty() || input_refused_ || done_; });
  return input_.empty() && !input_refused_;  // it may have answered and ended before this thread ran again
}

std::optional<std::string> Pump::receive(std::size_t max_bytes) {
  std::unique_lock lock(mutex_);
  std::size_t searched = 0, end = std::string::npos;
  changed_.wait(lock, [&] {
    end = output_.text.view().find('\n', searched);
    searched = output_.text.size();
    return end != std::string::npos || done_ || output_.text.size() > max_bytes || output_.closed;
  });
  if (end == std::string::npos || end > max_bytes) {
    if (output_.text.size() > max_bytes && !done_) {
      asked_ = {End::kOutputLimit, fmt::format("wrote a line of more than {}", format_bytes(max_bytes))};
      wake();
    }
    return std::nullopt;
  }
  std::string line(output_.text.view().substr(0, end));
  output_.text.drop(end + 1);
  return line;
}

void Pump::close_input() {
  const std::lock_guard lock(mutex_);
  close_input_ = true;
  wake();
}

void Pump::kill() {
  const std::lock_guard lock(mutex_);
  if (!asked_) asked_ = {End::kSignal, "was ended by its judge"};
  wake();
}

void Pump::wait_until_done() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_; });
}

Outcome Pump::take_outcome() {
  const std::lock_guard lock(mutex_);
  outcome_.output = output_.text.take();
  return std::move(outcome_);
}

}  // namespace qbench::sandbox
