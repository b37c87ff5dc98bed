#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qbench::quality {

/// The programs that judging uses, where Debian puts them: the sandbox shows the machine's own tree, so what is missing here is missing
/// there.
struct Toolchain {
  std::string python = "/usr/bin/python3";
  std::string node = "/usr/bin/node";
  std::string typescript = "/usr/share/nodejs/typescript/lib/typescript.js";  ///< the compiler's library
  std::string gxx = "/usr/bin/g++";
  std::string shell = "/bin/sh";

  /// What an answer in this language cannot be judged without and is not there or does not run, with what to install; nothing when all of
  /// it is. A language without a judge is told as such.
  std::optional<std::string> missing_for(std::string_view language) const;
};

}  // namespace qbench::quality
