#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qbench::quality {

/// A piece of an answer that was set apart as code.
struct CodeBlock {
  std::string language;  ///< of language_of_tag; empty: not said
  std::string name;      ///< file name that the info string, the line before or the first line's comment gives; may be empty
  std::string intro;     ///< the words before it, at most 400 bytes
  std::string text;
  bool closed = true;
};

/// "python", "typescript", "javascript", "cpp", "c"; "markdown"; "shell", "output", "data" for what is never the code; else the tag in
/// lower case.
std::string language_of_tag(std::string_view tag);

/// The blocks of an answer, in order: fences of three or more backticks or tildes, also indented, quoted, in lists, nested, begun at the
/// end of a sentence or never closed; without any, what stands between tags such as [PYTHON] and [/PYTHON]. Never throws, linear in the
/// text.
std::vector<CodeBlock> find_blocks(std::string_view text);

/// The file name that a line such as "### `inventory/models.py`", "File: solution.ts" or "# solution.py" holds; empty: none.
std::string file_name_in(std::string_view line);

}  // namespace qbench::quality
