#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace qbench::cli {

/// What main knows about a command that is running, so that a failure gets the right exit code.
struct Invocation {
  std::vector<std::string> argv;
  std::string model;  ///< model that is being worked on; empty before the first one: a failure then means that nothing could start
};

/// One command: its flags have been added to the parser; `run` is called when the command line named it. Returns the exit code.
struct Command {
  std::string name;
  std::function<int(Invocation&)> run;
};

inline constexpr int kExitFine = 0;
inline constexpr int kExitRegression = 1;
inline constexpr int kExitNothingStarted = 2;  ///< usage, configuration, unreadable suite or folder
inline constexpr int kExitModelFailed = 3;     ///< anything about one model, "not found" included
inline constexpr int kExitInconclusive = 4;    ///< with --strict

}  // namespace qbench::cli
