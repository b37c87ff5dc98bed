#include "quality/judge/extract.h"

#include <algorithm>
#include <optional>

#include "quality/judge/answer_text.h"
#include "quality/judge/choose_code.h"
#include "quality/judge/code_block.h"
#include "quality/judge/code_shape.h"
#include "quality/judge/complete_prefix.h"
#include "quality/judge/lines.h"
#include "quality/judge/wanted_names.h"

namespace qbench::quality {
namespace {

/// What the rules look at: the answer without thoughts and tokens, and its blocks.
struct Answer {
  std::string_view text;
  std::vector<CodeBlock> blocks;  ///< fenced
  const workload::Task& task;
  std::vector<std::string> wanted;
};

using Files = std::vector<workload::CodeFile>;

std::string only_path(const workload::Task& task) {
  if (!task.paths.empty()) return task.paths.front();
  return task.language == "typescript" ? "solution.ts" : task.language == "cpp" ? "solution.cpp" : "solution.py";
}

Files one_file(const Answer& answer, std::string code) {
  if (trim(code).empty()) return {};
  return {{only_path(answer.task), std::move(code)}};
}

bool usable(const Answer& answer) {
  return std::any_of(answer.blocks.begin(), answer.blocks.end(), [&](const CodeBlock& block) { return may_hold(block, answer.task); });
}

Files several_files(const Answer& answer) { return answer.task.paths.size() > 1 ? assign_files(answer.blocks, answer.task) : Files{}; }

Files fenced_completion(const Answer& answer) {
  if (answer.task.prefix.empty() || !usable(answer)) return {};
  std::string code = join_blocks(answer.blocks, answer.task, answer.wanted);
  if (trim(code).empty()) return {};
  if (!has_entry(code, answer.task))  // a body: as it stood, since joining takes shared indentation away
    for (const CodeBlock& block : answer.blocks)
      if (may_hold(block, answer.task) && dedent(block.text) == code) code = block.text;
  return one_file(answer, complete_prefix(code, answer.task, true));
}

Files fenced_file(const Answer& answer) {
  if (!answer.task.prefix.empty() || !usable(answer)) return {};
  std::string code = join_blocks(answer.blocks, answer.task, answer.wanted);
  Files files = one_file(answer, code);
  if (files.empty() || answer.task.paths.empty()) return files;
  for (workload::CodeFile& file : imported_files(answer.blocks, answer.task, code)) files.push_back(std::move(file));
  return files;
}

Files bare_body(const Answer& answer) {
  const workload::Task& task = answer.task;
  if (task.prefix.empty() || !answer.blocks.empty()) return {};
  std::size_t begin = answer.text.size();
  bool indented = false;
  for (LineReader lines(answer.text); lines.next();) {  // sentences before the body are skipped
    if (trim(lines.line()).empty() || !reads_as_code(lines.line(), task.language)) continue;
    begin = lines.begin();
    indented = indent_of(lines.line()) > 0;
    break;
  }
  const std::string_view body = answer.text.substr(begin);
  const bool whole = indented ? has_entry(dedent(body), task) : has_entry(body, task);
  if (trim(body).empty() || whole) return {};
  return one_file(answer, complete_prefix(body, task, false));
}

Files bare_code(const Answer& answer) {
  if (!answer.blocks.empty()) return {};
  const std::vector<CodeBlock> blocks = find_bare_code(answer.text, answer.task.language);
  std::string code = join_blocks(blocks, answer.task, answer.wanted);
  if (trim(code).empty()) return {};
  return one_file(answer, answer.task.prefix.empty() ? std::move(code) : complete_prefix(code, answer.task, false));
}

/// Code between single or triple backticks inside a line.
Files inline_code(const Answer& answer) {
  std::vector<CodeBlock> blocks;
  for (std::size_t at = answer.text.find('`'); at != std::string_view::npos && blocks.size() < 200;) {
    std::size_t begin = at;
    while (begin < answer.text.size() && answer.text[begin] == '`') ++begin;
    const std::size_t close = answer.text.find('`', begin);
    if (close == std::string_view::npos) break;
    std::string_view code = answer.text.substr(begin, close - begin);
    if (const std::string_view tag = leading_word(code); begin - at >= 3 && language_of_tag(tag) == answer.task.language)
      code = trim_left(code.substr(tag.size()));
    CodeBlock block{.language = answer.task.language, .name = {}, .intro = {}, .text = std::string(code), .closed = true};
    const CodeShape shape = shape_of(code, answer.task.language);
    if (std::any_of(answer.wanted.begin(), answer.wanted.end(), [&](const std::string& name) { return shape.defines(name); }))
      blocks.push_back(std::move(block));
    at = close;
    while (at < answer.text.size() && answer.text[at] == '`') ++at;
    at = answer.text.find('`', at);
  }
  std::string code = join_blocks(blocks, answer.task, answer.wanted);
  if (trim(code).empty()) return {};
  return one_file(answer, answer.task.prefix.empty() ? std::move(code) : complete_prefix(code, answer.task, true));
}

struct Rule {
  std::string_view name;
  Files (*apply)(const Answer&);
};

/// In this order; the first that finds code has found it. The text has gone through clean_answer, blocks are those of find_blocks; which of
/// several blocks make a file is join_blocks' and assign_files' to say.
constexpr Rule kRules[] = {
    {"several files", several_files},          // tasks with several paths: by file name, by module, in order
    {"fenced completion", fenced_completion},  // the task has a prefix: a fenced whole function or body
    {"fenced", fenced_file},                   // any other task: the file that the blocks make, and named files that it imports
    {"bare body", bare_body},                  // no fences, the task has a prefix: the text goes on where that ends
    {"bare code", bare_code},                  // no fences: from the first line that only code begins with
    {"inline code", inline_code},              // a one-line function in backticks
};

}  // namespace

ExtractedCode extract_code(std::string_view answer, const workload::Task& task) {
  const AnswerText clean = clean_answer(answer);
  Answer parts{.text = clean.text, .blocks = find_blocks(clean.text), .task = task, .wanted = wanted_names(task)};
  ExtractedCode result;
  result.unfinished =
      clean.unfinished || std::any_of(parts.blocks.begin(), parts.blocks.end(), [](const CodeBlock& block) { return !block.closed; });
  for (const Rule& rule : kRules) {
    result.files = rule.apply(parts);
    if (result.files.empty()) continue;
    result.rule = rule.name;
    break;
  }
  return result;
}

}  // namespace qbench::quality
