#include "quality/judge/complete_prefix.h"

#include <algorithm>

#include "quality/judge/code_shape.h"
#include "quality/judge/lines.h"

namespace qbench::quality {
namespace {

bool names_entry(std::string_view line, const workload::Task& task) {
  const CodeShape shape = shape_of(line, task.language);
  return shape.functions.contains(task.entry_point);
}

/// Offset in the prefix of the line that begins the entry point (of its decorators too); the prefix's size where there is none.
std::size_t entry_line(const workload::Task& task) {
  std::size_t begin = task.prefix.size();
  for (LineReader lines(task.prefix); lines.next();)
    if (names_entry(lines.line(), task)) begin = lines.begin();  // the last: a prefix may overload
  return begin;
}

/// The blanks that the body's lines begin with: those of the prefix's last line with words, one step deeper where that is the header.
std::string body_indent(const workload::Task& task) {
  std::string indent;
  bool header = true;
  for (LineReader lines(std::string_view(task.prefix).substr(entry_line(task))); lines.next();) {
    const std::string_view line = lines.line();
    if (trim(line).empty()) continue;
    if (indent_of(line) > 0 && indent.empty() && !header) indent = line.substr(0, indent_of(line));
    header = false;
  }
  return indent.empty() ? "    " : indent;
}

/// Moves `from __future__` lines to the front, where Python wants them.
std::string with_future_first(std::string code) {
  std::string future, rest;
  for (LineReader lines(code); lines.next();)
    (lines.line().starts_with("from __future__") ? future : rest).append(lines.line()).append("\n");
  return future.empty() ? code : future + rest;
}

/// The body with its lines indented by at least `indent`.
std::string indented(std::string_view body, const std::string& indent) {
  std::string_view first;
  std::size_t second = std::string_view::npos;
  for (LineReader lines(body); lines.next();) {
    if (trim(lines.line()).empty()) continue;
    if (first.empty())
      first = lines.line();
    else {
      second = indent_of(lines.line());
      break;
    }
  }
  if (indent_of(first) > 0) return std::string(body);  // it has its own indentation
  const bool opens = trim(first).ends_with(':') || trim(first).ends_with('{');
  const bool lost =
      second != std::string_view::npos && second >= indent.size() * (opens ? 2 : 1);  // only the first line's was trimmed away
  std::string out;
  bool done = false;
  for (LineReader lines(body); lines.next();) {
    const std::string_view line = lines.line();
    const bool blank = trim(line).empty();
    if (!blank && !(lost && done)) out += indent;
    done = done || !blank;
    out.append(line).append("\n");
  }
  return out;
}

/// The end of a body that a base model wrote on from: the first line at the margin, helpers that the body uses aside.
std::string_view python_body(std::string_view text, const workload::Task& task) {
  std::size_t end = text.size();
  bool in_helper = false, keep = true;
  NameSet words;
  bool first = true;
  for (LineReader lines(text); lines.next();) {
    const std::string_view line = lines.line();
    if (trim(line).empty()) continue;
    const bool margin = indent_of(line) == 0 && std::string_view(")]}").find(line[0]) == std::string_view::npos;
    if (!margin || first) {
      first = false;
      if (keep) end = lines.after();
      continue;
    }
    if (!in_helper) words = words_of(text.substr(0, lines.begin())), in_helper = true;
    const CodeShape shape = shape_of(line, "python");
    const bool defines = !shape.functions.empty() && !shape.functions.contains(task.entry_point);
    keep = line[0] == '@' || (defines && words.contains(*shape.functions.begin()));
    if (!keep) break;
    end = lines.after();
  }
  return text.substr(0, end);
}

/// Without the last bracket at the margin and what follows: the test begins with that bracket. A main of the answer's own goes too: the
/// test has one.
std::string_view before_last_bracket(std::string_view code) {
  std::size_t last = std::string_view::npos;
  for (LineReader lines(code); lines.next();) {
    if (last != std::string_view::npos && lines.line().starts_with("int main(")) break;
    if (lines.line().starts_with('}')) last = lines.begin();
  }
  return code.substr(0, last);
}

}  // namespace

bool has_entry(std::string_view code, const workload::Task& task) {
  const CodeShape shape = shape_of(code, task.language);
  if (is_read(task.language)) return shape.defines(task.entry_point);
  const std::string_view head = trim_left(code);
  return head.find(task.entry_point) < std::min<std::size_t>(head.find('{'), 2000) && head.starts_with(trim_left(task.prefix).substr(0, 2));
}

std::string complete_prefix(std::string_view code, const workload::Task& task, bool fenced) {
  const bool open_test = trim_left(task.test).starts_with('}');
  std::string body(code);
  if (has_entry(dedent(code), task)) {
    body = dedent(code);
    if (!is_read(task.language)) return open_test ? std::string(before_last_bracket(body)) : body;
    std::string program = task.prefix.substr(0, entry_line(task)) + body;
    if (!program.ends_with('\n')) program += "\n";
    if (open_test) program = before_last_bracket(program);
    return task.language == "python" ? with_future_first(std::move(program)) : program;
  }
  if (task.language == "python") {
    if (!fenced) body = python_body(code, task);
    while (body.starts_with('\n')) body.erase(0, 1);
    body = indented(body, body_indent(task));
  } else if (open_test) {
    body = before_last_bracket(body);
  }
  std::string program = task.prefix;
  if (task.language == "python" && !program.ends_with('\n')) program += "\n";
  program += body;
  if (!program.ends_with('\n')) program += "\n";
  return program;
}

}  // namespace qbench::quality
