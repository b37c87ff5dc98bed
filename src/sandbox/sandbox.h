#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Runs untrusted programs and says how they ended. Judges nothing.
namespace qbench::sandbox {

/// What holds a program. Scores from different levels are not comparable, so every row names its level.
enum class Level {
  kBwrapCgroup,  ///< fresh namespaces, seccomp filter, rlimits, watched from outside, and a control group of its own
  kBwrap,        ///< the same without a writable control group
  kRlimits,      ///< seccomp filter, rlimits and the watcher only: the file system is the user's. Only with --sandbox=rlimits --unsafe
};
std::string_view name_of(Level level) noexcept;  ///< "bwrap+cgroup", "bwrap", "rlimits"

struct Limits {
  double cpu_s = 10;                                      ///< processor time of all processes together
  double wall_s = 30;                                     ///< from start to end
  std::uint64_t memory_bytes = std::uint64_t{512} << 20;  ///< of all processes together
  std::int64_t processes = 64;                            ///< threads count
  std::uint64_t file_bytes = std::uint64_t{16} << 20;     ///< the largest file it may write
  std::uint64_t output_bytes = std::uint64_t{1} << 20;    ///< of standard output, and of standard error
  std::uint64_t scratch_bytes = std::uint64_t{64} << 20;  ///< of /tmp, its working folder
};

/// A file below the read-only folder /task.
struct File {
  std::string path;  ///< relative, no "..", folders are made
  std::string content;
  bool executable = false;
};

struct Job {
  std::vector<std::string> argv;  ///< argv[0] is an absolute path inside
  std::vector<File> files;
  std::string input;  ///< what standard input holds; unused by start()
  Limits limits;
  std::vector<std::pair<std::string, std::string>> environment;  ///< beside PATH, LANG, HOME=/tmp and TMPDIR=/tmp
};

enum class End {
  kExited,
  kSignal,
  kCpuTimeout,
  kWallTimeout,
  kOom,
  kOutputLimit,
  kViolation,   ///< the seccomp filter killed it
  kNotStarted,  ///< the sandbox or the program could not be started: never the candidate's fault
};

struct Outcome {
  End end = End::kExited;
  int exit_code = 0;                 ///< of kExited
  int signal = 0;                    ///< of kSignal
  std::string output, error_output;  ///< at most Limits::output_bytes each
  double cpu_s = 0, wall_s = 0;
  std::uint64_t peak_bytes = 0;  ///< as the watcher saw it; 0 for very short runs
  std::string detail;            ///< one line: what happened, for a person
};

/// A running program that is spoken to line by line. Killed, with all its descendants, when this goes.
class Process {
 public:
  virtual ~Process() = default;
  /// Writes the line and a newline. False when the program has gone before that or does not read within its limits.
  virtual bool send(std::string_view line) = 0;
  /// The next line without its newline; nothing when the program ended, ran out of a limit, or wrote a line longer than `max_bytes`.
  virtual std::optional<std::string> receive(std::size_t max_bytes) = 0;
  /// Closes its standard input, waits for the end (within the limits) and says how it was; kills at once when `kill` is set.
  virtual Outcome finish(bool kill = false) = 0;
};

struct Options {
  std::optional<Level> level;  ///< absent: the best there is, kRlimits never
  bool unsafe = false;         ///< allows kRlimits
};

/// What --sandbox and --unsafe say; an empty `level`: none was given. Error{kUsage} for a name that is no level, and for --unsafe beside
/// any level but rlimits, where it would allow nothing.
Options options_of(std::string_view level, bool unsafe);

/// Safe to use from several threads at once.
class Sandbox {
 public:
  /// Error{kConfig} when the machine lacks what the level needs: what is missing and what to install or pass.
  static std::unique_ptr<Sandbox> open(const Options& options);
  /// The same, or nullptr and the reason.
  static std::unique_ptr<Sandbox> open_or_say(const Options& options, std::string& why);
  virtual ~Sandbox() = default;
  virtual Level level() const = 0;
  /// One line for a person: the level, what it is made of, what it lacks.
  virtual std::string description() const = 0;
  virtual Outcome run(const Job& job) const = 0;
  virtual std::unique_ptr<Process> start(const Job& job) const = 0;
};

}  // namespace qbench::sandbox
