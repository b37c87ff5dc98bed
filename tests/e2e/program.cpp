#include "program.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace qbench::test {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!more.contains(text.substr(0, text.find('=')))) all.push_back(text);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

fs::path temporary_file(const char* what) {
  static std::atomic<int> count{0};
  return fs::temp_directory_path() / ("qbench-e2e-" + std::to_string(::getpid()) + "-" + std::to_string(count++) + "-" + what);
}

void redirect(const char* path, int to) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || ::dup2(fd, to) < 0) ::_exit(126);
}

/// A standard output that nobody reads.
void redirect_to_closed_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) ::_exit(126);
  ::close(ends[0]);
  ::dup2(ends[1], STDOUT_FILENO);
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, const RunOptions& options) : out_(temporary_file("out")), err_(temporary_file("err")) {
  std::vector<std::string> argv{QB_BINARY};
  if (!options.hidden.empty()) argv = {"/usr/bin/bwrap", "--dev-bind", "/", "/"};
  for (const fs::path& path : options.hidden) {
    if (fs::is_directory(path))
      argv.insert(argv.end(), {"--tmpfs", path.string()});
    else
      argv.insert(argv.end(), {"--ro-bind", "/dev/null", fs::canonical(path).string()});
  }
  if (!options.hidden.empty()) argv.push_back(QB_BINARY);
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = environment_with(options.environment);
  const std::vector<char*> argv_pointers = pointers(argv), environment_pointers = pointers(environment);
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ > 0) return;
  redirect("/dev/null", STDIN_FILENO);
  redirect(out_.c_str(), STDOUT_FILENO);
  redirect(err_.c_str(), STDERR_FILENO);
  if (options.close_stdout) redirect_to_closed_pipe();
  if (options.full_stdout) redirect("/dev/full", STDOUT_FILENO);
  if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(126);
  if (options.largest_file) {
    const rlimit limit{*options.largest_file, *options.largest_file};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ::execve(argv_pointers.front(), argv_pointers.data(), environment_pointers.data());
  ::_exit(127);
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove(out_, ignored);
  fs::remove(err_, ignored);
}

std::vector<pid_t> Program::children() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
  std::vector<pid_t> all;
  for (pid_t child = 0; in >> child;) all.push_back(child);
  return all;
}

void Program::send(int signal) const { ::kill(pid_, signal); }

Outcome Program::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  Outcome outcome;
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  outcome.out = read_file(out_);
  outcome.err = read_file(err_);
  return outcome;
}

Outcome qbench(const std::vector<std::string>& arguments, const RunOptions& options) { return Program(arguments, options).wait(); }

bool wait_until(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (std::chrono::steady_clock::now() < deadline) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

void write_file(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

fs::path only_folder(const fs::path& dir) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  REQUIRE(folders.size() == 1);
  return folders.front();
}

std::size_t count_lines(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace qbench::test
