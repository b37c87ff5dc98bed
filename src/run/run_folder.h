#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "record/records.h"
#include "record/sample_file.h"

namespace qbench::run {

/// results/<run-id>: made, locked against a second writer, and known to be writable before anything is loaded. Move-only.
class RunFolder {
 public:
  /// A new folder with its run.json. Where the run's id is taken, "-2", "-3", ... is added to it. Error{kIo} with the system's reason: not
  /// writable, disk full.
  static RunFolder create(const std::filesystem::path& output_dir, record::RunRecord& run);
  /// The folder of an interrupted run. Error{kUsage}: no such folder, no run.json in it, another process is writing it; Error{kIo}.
  static RunFolder reopen(const std::filesystem::path& path);
  ~RunFolder();
  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path run_json() const { return path_ / "run.json"; }
  std::filesystem::path samples() const { return path_ / "samples.jsonl"; }

 private:
  RunFolder(std::filesystem::path path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  std::filesystem::path path_;
  int lock_fd_ = -1;
};

/// `<UTC yyyymmdd_hhmmss>-<label>`; bytes of the label outside [A-Za-z0-9._-] become '-'.
std::string make_run_id(std::int64_t wall_ns, std::string_view label);

}  // namespace qbench::run
