#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace qbench::test {

/// Folder of the committed fixtures: tests/fixtures.
std::filesystem::path fixtures_dir();

/// Folder of the shared test data ($QBENCH_SHARED_DATA, else ../shared/data beside the checkout), or nothing where there is none.
std::optional<std::filesystem::path> shared_data_dir();

/// Says on stdout that a test case was skipped, with its reason, in the form that scripts/test.sh counts: `[skipped] name: reason`.
void report_skip(const std::string& name, const std::string& reason);

/// A new empty folder below the system's temporary folder, removed with its contents when the object goes.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace qbench::test
