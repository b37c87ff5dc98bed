#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "quality/judge/code_block.h"

namespace qbench::quality {

using NameSet = std::unordered_set<std::string>;

/// What a piece of code has at its top level, read line by line; no parser, since cut-off code is read too.
struct CodeShape {
  NameSet functions;        ///< functions, classes, types; of C++ macros too
  NameSet imports;          ///< names that import lines bring
  NameSet constants;        ///< assigned at the top level
  bool statements = false;  ///< the top level has other lines than definitions, imports and comments
  bool elided = false;      ///< parts are left out: "# ... rest as before", a header without a body
  bool transcript = false;  ///< lines of an interpreter's session (>>>)
  bool only_tests = false;  ///< all it defines are tests
  bool defines(const std::string& name) const { return functions.contains(name) || constants.contains(name); }
};
CodeShape shape_of(std::string_view text, std::string_view language);

/// Languages whose definitions shape_of finds; of others it says what TypeScript would have there.
bool is_read(std::string_view language);

/// All words of the text.
NameSet words_of(std::string_view text);

/// Whether the line, at the left margin, reads as code of that language and not as a sentence.
bool reads_as_code(std::string_view line, std::string_view language);

/// Stretches of code in an answer without fences, as blocks. A stretch begins at a line that only code begins with (import, def, #include,
/// export ...) and goes on to the last line that reads as code.
std::vector<CodeBlock> find_bare_code(std::string_view text, std::string_view language);

/// Without the indentation that all lines share, blank ones aside.
std::string dedent(std::string_view text);

/// Python that was cut off or goes over into prose: without the last stretch at the left margin when that defines nothing the rest mentions
/// and none of `wanted`.
std::string without_cut_tail(std::string_view text, std::string_view language, const std::vector<std::string>& wanted);

}  // namespace qbench::quality
