#include "test_support.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace qbench::test {

namespace {

/// The checkout: $QBENCH_SOURCE_DIR where the program was carried to another machine, else the one that it was built in.
std::filesystem::path source_dir() {
  const char* env = std::getenv("QBENCH_SOURCE_DIR");
  return env != nullptr ? env : QB_SOURCE_DIR;
}

}  // namespace

std::filesystem::path fixtures_dir() { return source_dir() / "tests" / "fixtures"; }

std::optional<std::filesystem::path> shared_data_dir() {
  const char* env = std::getenv("QBENCH_SHARED_DATA");
  std::filesystem::path dir = env != nullptr ? std::filesystem::path(env) : source_dir() / ".." / "shared" / "data";
  if (std::filesystem::is_directory(dir)) return dir;
  return std::nullopt;
}

void report_skip(const std::string& name, const std::string& reason) {
  std::printf("[skipped] %s: %s\n", name.c_str(), reason.c_str());
  std::fflush(stdout);
}

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "qbench-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace qbench::test
