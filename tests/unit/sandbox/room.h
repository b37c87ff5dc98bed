#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "sandbox/sandbox.h"
#include "test_support.h"

namespace qbench::test {

inline std::vector<sandbox::Level> levels() { return {sandbox::Level::kBwrapCgroup, sandbox::Level::kBwrap, sandbox::Level::kRlimits}; }

/// A sandbox of this level, or nullptr with a visible skip where the machine has not what it needs.
inline std::unique_ptr<sandbox::Sandbox> room(sandbox::Level level) {
  try {
    return sandbox::Sandbox::open({.level = level, .unsafe = true});
  } catch (const Error& error) {
    report_skip("sandbox level " + std::string(sandbox::name_of(level)), error.what());
    return nullptr;
  }
}

/// Runs Python code from a file of the task.
inline sandbox::Job python(const std::string& code) {
  sandbox::Job job;
  job.argv = {"/usr/bin/python3", "-I", "-S", "/task/main.py"};
  job.files = {{"main.py", code, false}};
  return job;
}

}  // namespace qbench::test
