#include "sysinfo/system_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace qbench::sysinfo {

std::optional<std::string> read_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string content;
  char buffer[1 << 14];
  ssize_t n = 0;
  while (content.size() < (std::size_t{16} << 20) && ((n = ::read(fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))) {
    if (n > 0) content.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  if (n < 0) return std::nullopt;
  return content;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<std::string> read_word(const std::filesystem::path& path) {
  const auto content = read_file(path);
  if (!content) return std::nullopt;
  return std::string(trim(*content));
}

std::optional<std::int64_t> to_int(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> to_double(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> read_int(const std::filesystem::path& path) {
  const auto word = read_word(path);
  return word ? to_int(*word) : std::nullopt;
}

std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key)) continue;
    std::string_view rest = line.substr(key.size());
    if (rest.empty() || (rest.front() != ' ' && rest.front() != '\t' && rest.front() != ':')) continue;
    rest = trim(rest);
    if (rest.starts_with(':')) rest = trim(rest.substr(1));
    return rest;
  }
  return std::nullopt;
}

namespace {

/// `path` of the control group below `mount`, then its parents up to the mount.
std::vector<std::filesystem::path> folders_up(const std::filesystem::path& mount, std::string_view path) {
  std::vector<std::filesystem::path> folders;
  std::filesystem::path relative = std::filesystem::path(path).relative_path().lexically_normal();
  // A path that begins with ".." lies outside the namespace: only the root is visible.
  if (!relative.empty() && *relative.begin() == "..") relative.clear();
  for (; !relative.empty() && relative != "."; relative = relative.parent_path()) folders.push_back(mount / relative);
  folders.push_back(mount);
  return folders;
}

}  // namespace

CgroupPaths cgroup_paths(std::string_view controller, const Roots& roots) {
  const std::filesystem::path mount = roots.sys / "fs/cgroup";
  std::string_view unified = "/";
  const std::string content = read_file(roots.proc / "self/cgroup").value_or("");
  for (const std::string_view line : split(content, '\n')) {
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    const std::string_view path = line.substr(parts[0].size() + parts[1].size() + 2);
    if (parts[1].empty()) {
      unified = path;
      continue;
    }
    const auto controllers = split(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), controller) == controllers.end()) continue;
    std::error_code ignored;
    for (const auto& folder : {mount / parts[1], mount / controller}) {
      if (std::filesystem::is_directory(folder, ignored)) return {false, folders_up(folder, path)};
    }
  }
  return {true, folders_up(mount, unified)};
}

}  // namespace qbench::sysinfo
