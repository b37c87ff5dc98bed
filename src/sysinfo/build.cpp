#include "sysinfo/build.h"

#include <string_view>

#include "qb_git_state.h"  // written by build_info.cmake at each build

namespace qbench::sysinfo {
namespace {

BuildInfo make_build_info() {
  BuildInfo info;
  info.version = QB_VERSION;
  info.git_sha = QB_GIT_SHA;
  info.git_dirty = QB_GIT_DIRTY;
  info.type = QB_BUILD_TYPE;
  info.compiler = QB_COMPILER;
  info.flags = QB_BUILD_FLAGS;
  info.sanitizers = QB_SANITIZERS;
#ifndef NDEBUG
  info.assertions = true;
#endif
  return info;
}

}  // namespace

const BuildInfo& build_info() {
  static const BuildInfo info = make_build_info();
  return info;
}

}  // namespace qbench::sysinfo
