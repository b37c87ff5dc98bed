#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "record/record_json.h"

namespace qbench::record {

/// Appends lines to samples.jsonl. Each append is one write of the whole line, so a killed run leaves at most one half line at the end, and
/// has reached the system when append returns. Move-only.
class SampleFile {
 public:
  struct Options {
    bool sync = false;  ///< fsync after each line: survives a power cut too
  };

  /// Creates the file or goes on after its last whole line: a half line that a killed run left is cut off. Error{kIo} with the system's
  /// reason at once when the folder is not writable.
  explicit SampleFile(const std::filesystem::path& path) : SampleFile(path, Options{}) {}
  SampleFile(const std::filesystem::path& path, const Options& options);
  ~SampleFile();
  SampleFile(SampleFile&& other) noexcept;
  SampleFile& operator=(SampleFile&& other) noexcept;

  /// Error{kIo}: "no space left on device" and the like, at once; a line that was written in part is taken back, so the file stays valid.
  void append(const LoadRecord& record);
  void append(const SampleRecord& record);
  void append(const CellRecord& record);
  void append(const TaskRecord& record);
  void append(const QualityRecord& record);
  void append(const BreakdownRecord& record);
  void append(const AblationRecord& record);
  /// A line that to_json_line made, for example in a worker process; no newline in it.
  void append_line(std::string_view line);

 private:
  int fd_ = -1;
  Options options_;
  std::filesystem::path path_;
};

/// What samples.jsonl holds.
struct SampleFileContent {
  std::vector<LoadRecord> loads;
  std::vector<SampleRecord> samples;
  std::vector<CellRecord> cells;  ///< in file order; of equal keys the last one counts (a resumed run writes a cell again)
  std::vector<TaskRecord> tasks;            ///< in file order; of equal cell, session, task and sample the last one counts
  std::vector<QualityRecord> qualities;     ///< in file order
  std::vector<BreakdownRecord> breakdowns;  ///< as cells
  std::vector<AblationRecord> ablations;    ///< likewise
  bool truncated_tail = false;    ///< the last line was cut off (the run was killed while it wrote) and is left out
};

/// Reads the whole file. A last line without its newline is left out and sets truncated_tail; any other bad line is Error{kFormat} with
/// the line's number. Error{kNotFound}, Error{kIo}.
SampleFileContent read_sample_file(const std::filesystem::path& path);

/// The last record of each cell, in the order in which the cells first appear. A row that failed gives way to any later one of the same
/// request (model, suite, prompt, turn, pass): it may have failed before device and context were known.
std::vector<CellRecord> latest_cells(const std::vector<CellRecord>& cells);

}  // namespace qbench::record
