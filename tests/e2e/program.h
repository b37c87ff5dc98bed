#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qbench::test {

/// The built binary, run as a person would.
struct RunOptions {
  std::map<std::string, std::string> environment;  ///< added to this process's
  std::filesystem::path folder;                    ///< working folder; empty: this process's
  std::optional<std::size_t> largest_file;         ///< bytes: a disk that fills up (RLIMIT_FSIZE)
  std::vector<std::filesystem::path>
      hidden;  ///< folders that are empty for it and files that are no programs, as where a package is missing (bubblewrap does that)
  bool close_stdout = false;                       ///< whoever read it has gone
  bool full_stdout = false;                        ///< it goes to a disk that is full
};

struct Outcome {
  int status = 0;   ///< exit status; 128 + n is not made up: see `signal`
  int signal = 0;   ///< that ended it, 0: none
  std::string out, err;
};

/// A running qbench.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, const RunOptions& options = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  pid_t pid() const { return pid_; }
  /// Its child processes now.
  std::vector<pid_t> children() const;
  void send(int signal) const;
  Outcome wait();

 private:
  pid_t pid_ = -1;
  std::filesystem::path out_, err_;
};

Outcome qbench(const std::vector<std::string>& arguments, const RunOptions& options = {});

/// Polls until `done` or a minute has gone; says which.
bool wait_until(const std::function<bool()>& done);

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& content);
/// The only folder in `dir`.
std::filesystem::path only_folder(const std::filesystem::path& dir);
std::size_t count_lines(const std::string& text);

}  // namespace qbench::test
