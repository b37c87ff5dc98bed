#include "catalog/hub_cache.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text_file.h"

namespace qbench::catalog {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "models--";

bool is_part(std::string_view text) noexcept {
  if (text.empty() || text == "." || text == "..") return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

/// The commit that refs/main holds; empty when there is no such file or it holds anything but a folder's name.
std::string read_main_ref(const fs::path& folder) {
  const fs::path file = folder / "refs" / "main";
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return {};
  std::string revision = read_text_file(file, 4096);
  while (!revision.empty() && (revision.back() == '\n' || revision.back() == '\r' || revision.back() == ' ')) revision.pop_back();
  return is_part(revision) ? revision : std::string();
}

std::string newest_snapshot(const fs::path& snapshots) {
  std::pair<fs::file_time_type, std::string> newest{fs::file_time_type::min(), ""};
  std::error_code failed;
  for (fs::directory_iterator at(snapshots, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code ignored;
    if (!at->is_directory(ignored)) continue;
    newest = std::max(newest, {fs::last_write_time(at->path(), ignored), at->path().filename().string()});
  }
  const bool missing = failed == std::errc::no_such_file_or_directory || failed == std::errc::not_a_directory;
  if (failed && !missing) throw Error(ErrorCode::kIo, "cannot list the folder: " + failed.message(), snapshots.string());
  return newest.second;
}

}  // namespace

bool is_hub_id(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  return text.size() <= 200 && slash != std::string_view::npos && is_part(text.substr(0, slash)) && is_part(text.substr(slash + 1));
}

fs::path hub_folder(const fs::path& hub_cache, std::string_view hub_id) {
  const std::size_t slash = hub_id.find('/');
  return hub_cache / (std::string(kPrefix) + std::string(hub_id.substr(0, slash)) + "--" + std::string(hub_id.substr(slash + 1)));
}

std::optional<HubSnapshot> find_snapshot(const fs::path& hub_cache, std::string_view hub_id) {
  const fs::path folder = hub_folder(hub_cache, hub_id);
  const fs::path snapshots = folder / "snapshots";
  std::error_code ignored;
  std::string revision = read_main_ref(folder);
  if (revision.empty() || !fs::is_directory(snapshots / revision, ignored)) revision = newest_snapshot(snapshots);
  if (revision.empty()) return std::nullopt;
  return HubSnapshot{snapshots / revision, std::string(hub_id), revision};
}

std::optional<HubSnapshot> snapshot_of_path(const fs::path& folder) {
  std::error_code ignored;
  fs::path path = fs::absolute(folder, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "dir/"
  if (path.parent_path().filename() != "snapshots") return std::nullopt;
  const std::string repository = path.parent_path().parent_path().filename().string();
  if (!repository.starts_with(kPrefix)) return std::nullopt;
  const std::string name = repository.substr(kPrefix.size());
  const std::size_t dashes = name.find("--");
  if (dashes == std::string::npos) return std::nullopt;
  std::string hub_id = name.substr(0, dashes) + "/" + name.substr(dashes + 2);
  if (!is_hub_id(hub_id)) return std::nullopt;
  return HubSnapshot{path, std::move(hub_id), path.filename().string()};
}

}  // namespace qbench::catalog
