#pragma once

#include <optional>
#include <string>

namespace qbench::sysinfo {

/// The binary that runs. The git fields are taken at build time, each time something is built.
struct BuildInfo {
  std::string version;            ///< "0.1.0"
  std::string git_sha;            ///< 40 hex digits; empty when built outside a checkout
  std::optional<bool> git_dirty;  ///< tracked files differed from that commit
  std::string type;               ///< CMAKE_BUILD_TYPE
  std::string compiler;           ///< "GNU 12.2.0"
  std::string flags;              ///< compile flags of the build type
  std::string sanitizers;         ///< "address,undefined"; empty: none
  bool assertions = false;        ///< built without NDEBUG
};

const BuildInfo& build_info();

}  // namespace qbench::sysinfo
