#include "quality/judge/code_key.h"

#include <algorithm>
#include <vector>

#include "base/digest.h"

namespace qbench::quality {
namespace {

/// The line as it counts; empty where it does not.
std::string counted(std::string_view line, bool python) {
  std::string text;
  for (const char c : line) text += c == '\t' ? "    " : c == '\r' ? "" : std::string(1, c);
  text.erase(std::min(text.find_last_not_of(' ') + 1, text.size()));
  const std::size_t start = std::min(text.find_first_not_of(' '), text.size());
  return text.compare(start, python ? 1 : 2, python ? "#" : "//") == 0 ? std::string() : text;
}

}  // namespace

std::string code_key(std::span<const workload::CodeFile> files) {
  std::vector<const workload::CodeFile*> ordered;
  for (const workload::CodeFile& file : files) ordered.push_back(&file);
  std::sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return a->path < b->path; });
  std::string all;
  bool any = false;
  for (const workload::CodeFile* file : ordered) {
    all += "file " + file->path + "\n";
    const bool python = file->path.ends_with(".py");
    for (std::string_view rest = file->text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string line = counted(rest.substr(0, end), python);
      if (!line.empty()) all += line + "\n";
      any = any || !line.empty();
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return any ? sha256_hex(all) : std::string();
}

}  // namespace qbench::quality
