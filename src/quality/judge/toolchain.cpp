#include "quality/judge/toolchain.h"

#include <unistd.h>

#include <filesystem>
#include <vector>

namespace qbench::quality {

std::optional<std::string> Toolchain::missing_for(std::string_view language) const {
  std::vector<std::string> needed;
  if (language == "python") {
    needed = {python};
  } else if (language == "typescript" || language == "javascript") {
    needed = {node, typescript, shell};
  } else if (language == "cpp") {
    needed = {gxx, shell};
  } else {
    return "there is no judge for the language '" + std::string(language) + "'; there are python, javascript, typescript and cpp";
  }
  for (const std::string& path : needed) {
    std::error_code ignored;
    const char* install = "; scripts/setup.sh --quality installs it";
    if (!std::filesystem::exists(path, ignored)) return path + " is missing" + install;
    if (path != typescript && ::access(path.c_str(), X_OK) != 0) return path + " cannot be executed" + install;
  }
  return std::nullopt;
}

}  // namespace qbench::quality
