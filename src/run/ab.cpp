#include "run/ab.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/environment.h"
#include "base/error.h"
#include "run/interrupt.h"
#include "run/program.h"

namespace qbench::run {
namespace {

namespace fs = std::filesystem;

/// A folder that is removed with what is in it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& whose) {
    std::string name = (fs::temp_directory_path() / ("qbench-ab-" + whose + "-XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) throw Error(ErrorCode::kIo, std::string("cannot make a temporary folder: ") + std::strerror(errno), name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// summary.csv in the only folder below `results`.
fs::path summary_in(const fs::path& results, const std::string& who) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(results, failed)) {
    if (fs::exists(entry.path() / "summary.csv", failed)) return entry.path() / "summary.csv";
  }
  throw Error(ErrorCode::kFormat, who + " left no summary.csv in its --output-dir");
}

class Builds {
 public:
  explicit Builds(const AbRequest& request) : request_(request) {
    environment_ = environment_with("QBENCH_DATA_DIR", data_dir().string());
  }

  /// Results of one fresh process; nothing when a signal came.
  std::optional<record::ResultSet> measure(bool candidate, const std::string& which) {
    if (InterruptGuard::requested()) return std::nullopt;
    const fs::path& program = candidate ? request_.candidate : request_.base;
    const std::string side = candidate ? "candidate" : "base";
    const std::string who = fmt::format("{} {} ({})", side, program.string(), which);
    const ScratchFolder scratch(side);  // what cannot be read is named by its path
    std::vector<std::string> arguments{"run", "--pass", "speed", "--quiet", "--output-dir", scratch.path().string()};
    arguments.insert(arguments.end(), request_.arguments.begin(), request_.arguments.end());
    const ProcessEnd end = run_program(program, arguments, environment_);
    if (InterruptGuard::requested()) return std::nullopt;
    if (!end.exited || end.exit_code != 0) throw Error(ErrorCode::kDevice, describe(end, who));
    record::ResultSet results = record::read_result_set(summary_in(scratch.path(), who));
    results.path = program;
    return results;
  }

  /// A pair in the given order; nothing when a signal came.
  std::optional<compare::RunPair> measure_pair(bool candidate_first, const std::string& which) {
    auto first = measure(candidate_first, which);
    if (!first) return std::nullopt;
    auto second = measure(!candidate_first, which);
    if (!second) return std::nullopt;
    if (candidate_first) std::swap(first, second);
    return compare::RunPair{std::move(*first), std::move(*second)};
  }

 private:
  const AbRequest& request_;
  std::vector<std::string> environment_;
};

void check_schema(const compare::RunPair& pair) {
  if (pair.base.schema_version == pair.candidate.schema_version) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("base {} writes schema version {}, candidate {} version {}; compare builds that write the same one", pair.base.path.string(),
                          pair.base.schema_version, pair.candidate.path.string(), pair.candidate.schema_version));
}

}  // namespace

void measure_pairs(const AbRequest& request, std::vector<compare::RunPair>& pairs, const std::function<void()>& on_pair) {
  Builds builds(request);
  // Reads the weights into the page cache, wakes clocks, and finds out what does not work before anything is measured.
  const auto unmeasured = builds.measure_pair(false, "warm-up");
  if (!unmeasured) return;
  check_schema(*unmeasured);
  for (std::size_t i = 0; i < request.pairs; ++i) {
    auto pair = builds.measure_pair(i % 2 == 1, fmt::format("pair {}", i + 1));
    if (!pair) return;
    check_schema(*pair);
    pairs.push_back(std::move(*pair));
    on_pair();
  }
}

}  // namespace qbench::run
