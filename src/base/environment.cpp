#include "base/environment.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace qbench {
namespace fs = std::filesystem;
namespace {

fs::path home_dir() { return environment_variable("HOME").value_or("/tmp"); }

bool holds_data(const fs::path& dir) {
  std::error_code ignored;
  return fs::is_directory(dir / "prompts", ignored) && fs::is_directory(dir / "configs", ignored);
}

}  // namespace

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::vector<std::string> environment_with(const std::string& name, const std::string& value) {
  std::vector<std::string> all{name + "=" + value};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(name + "=")) all.emplace_back(*entry);
  }
  return all;
}

fs::path cache_dir() {
  if (const auto xdg = environment_variable("XDG_CACHE_HOME")) return fs::path(*xdg) / "qbench";
  return home_dir() / ".cache" / "qbench";
}

fs::path hf_hub_cache_dir() {
  if (const auto v = environment_variable("HF_HUB_CACHE")) return *v;
  if (const auto v = environment_variable("HUGGINGFACE_HUB_CACHE")) return *v;
  if (const auto v = environment_variable("HF_HOME")) return fs::path(*v) / "hub";
  if (const auto v = environment_variable("XDG_CACHE_HOME")) return fs::path(*v) / "huggingface" / "hub";
  return home_dir() / ".cache" / "huggingface" / "hub";
}

std::string nvml_library() { return environment_variable("QBENCH_NVML_LIBRARY").value_or("libnvidia-ml.so.1"); }

fs::path executable_path() {
  std::error_code failed;
  fs::path path = fs::read_symlink("/proc/self/exe", failed);
  if (failed) throw Error(ErrorCode::kIo, "cannot read /proc/self/exe: " + failed.message());
  return path;
}

std::optional<fs::path> find_data_dir() {
  if (const auto set = environment_variable("QBENCH_DATA_DIR")) {
    if (holds_data(*set)) return *set;
    throw Error(ErrorCode::kConfig, "QBENCH_DATA_DIR is '" + *set + "', which has no prompts/ and configs/; expected the folder that holds both");
  }
  const fs::path binary_dir = executable_path().parent_path();
  const fs::path installed = binary_dir.parent_path() / "share" / "qbench";
  if (holds_data(installed)) return installed;
  for (fs::path dir = binary_dir; dir.has_relative_path(); dir = dir.parent_path()) {
    if (holds_data(dir)) return dir;
  }
  return std::nullopt;
}

fs::path data_dir() {
  if (const auto found = find_data_dir()) return *found;
  const fs::path binary_dir = executable_path().parent_path();
  throw Error(ErrorCode::kConfig, "found no prompts/ and configs/ in " + (binary_dir.parent_path() / "share" / "qbench").string() + " or in a folder above " +
                                      binary_dir.string() + "; set QBENCH_DATA_DIR to the folder that holds both");
}

}  // namespace qbench
