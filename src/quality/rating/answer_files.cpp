#include "quality/rating/answer_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "quality/judge/answer_text.h"
#include "quality/judge/choose_code.h"
#include "quality/judge/code_block.h"
#include "quality/judge/code_shape.h"
#include "quality/judge/extract.h"

namespace qbench::quality {
namespace {

/// "tests/test_parser.py" -> "test_parser.py"; a block of tests without a name has one that pytest finds.
std::string test_file_name(const CodeBlock& block, const std::string& ending, std::size_t number) {
  const std::string name = block.name.substr(block.name.rfind('/') + 1);
  const bool clean = !name.empty() && name.size() < 100 && name[0] != '.' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
  return clean && name.ends_with(ending) ? name
         : number == 0                   ? "test_answer" + ending
                                         : fmt::format("test_answer_{}{}", number + 1, ending);
}

bool named_as_test(const std::string& name) {
  const std::string base = name.substr(name.rfind('/') + 1);
  return base.starts_with("test_") || base.find("_test.") != std::string::npos || base.find(".test.") != std::string::npos ||
         base.find(".spec.") != std::string::npos || base == "conftest.py";
}

/// JSX is read only in .tsx files; where the task names no file, the text decides.
void name_jsx(const workload::Task& task, std::vector<workload::CodeFile>& files) {
  if (task.language != "typescript" || !task.paths.empty()) return;
  for (workload::CodeFile& file : files) {
    const bool closes = file.text.find("/>") != std::string::npos || file.text.find("</") != std::string::npos;
    if (closes && file.path.ends_with(".ts")) file.path += "x";
  }
}

bool is_clean_path(const std::string& path) {
  if (path.empty() || path.size() > 100 || path[0] == '/' || path.find("..") != std::string::npos || path.find("//") != std::string::npos)
    return false;
  return std::all_of(path.begin(), path.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-' || c == '/'; });
}

bool has_ending_of(const std::string& path, const std::string& language) {
  const std::string ending = path.substr(std::min(path.size(), path.rfind('.')));
  if (language == "python") return ending == ".py";
  if (language == "typescript") return ending == ".ts" || ending == ".tsx" || ending == ".js" || ending == ".jsx";
  return language == "cpp" && (ending == ".cpp" || ending == ".cc" || ending == ".h" || ending == ".hpp");
}

/// Blocks with a file name each; of one name the last.
std::vector<workload::CodeFile> named_files(const std::vector<CodeBlock>& blocks, const workload::Task& task) {
  std::vector<workload::CodeFile> files;
  for (const CodeBlock& block : blocks) {
    if (!may_hold(block, task) || !is_clean_path(block.name) || !has_ending_of(block.name, task.language) || named_as_test(block.name))
      continue;
    const auto same =
        std::find_if(files.begin(), files.end(), [&block](const workload::CodeFile& file) { return file.path == block.name; });
    if (same != files.end()) {
      same->text = block.text;
    } else if (files.size() < 32) {
      files.push_back({block.name, block.text});
    }
  }
  return files;
}

}  // namespace

std::string language_shown(const std::string& answer) {
  constexpr std::array<std::string_view, 5> kNoCode{"", "shell", "output", "data", "markdown"};
  const AnswerText clean = clean_answer(answer);
  for (const CodeBlock& block : find_blocks(clean.text)) {
    if (std::find(kNoCode.begin(), kNoCode.end(), block.language) == kNoCode.end()) return block.language;
  }
  return {};
}

AnswerFiles answer_files(const std::string& answer, const workload::Task& task) {
  const bool free = task.prefix.empty() && (task.kind == workload::TaskKind::kChecks || (task.paths.empty() && task.cases.empty()));
  const ExtractedCode extracted = extract_code(answer, task);
  AnswerFiles result{extracted.files, extracted.unfinished};
  if (free) {
    const AnswerText clean = clean_answer(answer);
    std::vector<workload::CodeFile> named = named_files(find_blocks(clean.text), task);
    if (named.size() > 1) result.files = std::move(named);
  }
  name_jsx(task, result.files);
  return result;
}

void add_own_tests(const std::string& answer, const workload::Task& task, std::vector<workload::CodeFile>& files) {
  if (files.empty() || (task.language != "python" && task.language != "typescript")) return;
  const std::string ending = task.language == "python" ? ".py" : ".ts";
  const AnswerText clean = clean_answer(answer);
  std::size_t unnamed = 0;
  for (const CodeBlock& block : find_blocks(clean.text)) {
    if (!may_hold(block, task) || files.size() > 32) continue;
    if (!named_as_test(block.name) && !shape_of(block.text, task.language).only_tests) continue;
    std::string name = test_file_name(block, ending, unnamed);
    unnamed += name.starts_with("test_answer") ? 1 : 0;
    const bool taken = std::any_of(files.begin(), files.end(), [&](const workload::CodeFile& file) {
      return file.path == name || file.text.find(block.text) != std::string::npos;
    });
    if (!taken) files.push_back({std::move(name), block.text});
  }
}

}  // namespace qbench::quality
