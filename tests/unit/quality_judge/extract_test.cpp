#include "quality/judge/extract.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/text_file.h"
#include "test_support.h"

using namespace qbench;
using quality::extract_code;
using quality::ExtractedCode;

namespace {

/// A file of tests/fixtures/quality/extract: lines `key: value`, then sections that begin with `%%% title`.
struct Example {
  workload::Task task;
  std::string answer, rule;
  bool unfinished = false;
  std::map<std::string, std::string> files;
};

std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (text.at(i + 1) == '\\') {
      out += text[++i];
    } else {
      REQUIRE(text.at(i + 1) == 'x');
      out += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
      i += 3;
    }
  }
  return out;
}

Example read_example(const std::filesystem::path& path) {
  Example example;
  std::string text = read_text_file(path);
  bool escapes = false;
  std::size_t at = 0;
  while (!text.substr(at).starts_with("%%% ")) {
    const std::size_t end = text.find('\n', at), colon = text.find(": ", at);
    REQUIRE(colon < end);
    const std::string key = text.substr(at, colon - at), value = text.substr(colon + 2, end - colon - 2);
    at = end + 1;
    if (key == "language") example.task.language = value;
    if (key == "entry") example.task.entry_point = value;
    if (key == "rule") example.rule = value;
    if (key == "cases") example.task.cases = value;
    if (key == "unfinished") example.unfinished = true;
    if (key == "escapes") escapes = true;
    for (std::size_t i = 0; key == "paths" && i <= value.size();) {
      const std::size_t blank = std::min(value.find(' ', i), value.size());
      example.task.paths.push_back(value.substr(i, blank - i));
      i = blank + 1;
    }
  }
  while (at < text.size()) {
    const std::size_t line = text.find('\n', at), next = text.find("\n%%% ", line);
    const std::string title = text.substr(at + 4, line - at - 4);
    std::string body = text.substr(line + 1, next == std::string::npos ? std::string::npos : next - line - 1);
    at = next == std::string::npos ? text.size() : next + 1;
    if (title == "prefix") example.task.prefix = body;
    if (title == "test") example.task.test = body;
    if (title == "answer") example.answer = escapes ? unescape(body) : body;
    if (title.starts_with("file ")) example.files[title.substr(5)] = body;
  }
  return example;
}

/// Blank lines are the joiner's business, line ends at the end of a file too.
std::string without_blank_lines(std::string text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find('\n', i), text.size());
    std::string line = text.substr(i, end - i);
    line.erase(line.find_last_not_of(" \t") + 1);
    if (!line.empty()) out += line + "\n";
    i = end + 1;
  }
  return out;
}

workload::Task python_task() {
  workload::Task task;
  task.language = "python";
  task.entry_point = "solve";
  task.paths = {"solution.py"};
  return task;
}

std::string repeated(const std::string& piece, std::size_t bytes) {
  std::string text;
  text.reserve(bytes + piece.size());
  while (text.size() < bytes) text += piece;
  return text;
}

}  // namespace

TEST_CASE("code is found in every answer of the corpus, all of it and nothing else") {
  std::size_t examples = 0;
  std::set<std::string> rules;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixtures_dir() / "quality" / "extract")) {
    const std::string file = entry.path().filename().string();
    CAPTURE(file);
    const Example example = read_example(entry.path());
    const ExtractedCode found = extract_code(example.answer, example.task);
    std::map<std::string, std::string> files;
    for (const workload::CodeFile& one : found.files) files[one.path] = without_blank_lines(one.text);
    std::map<std::string, std::string> expected;
    for (const auto& [path, text] : example.files) {
      std::string wanted = text;
      if (const std::size_t nul = wanted.find("@NUL@"); nul != std::string::npos) wanted.replace(nul, 5, 1, '\0');
      expected[path] = without_blank_lines(wanted);
    }
    CHECK(files == expected);
    for (const auto& [path, text] : expected) CHECK(files[path] == text);
    CHECK(found.unfinished == example.unfinished);
    if (!example.rule.empty()) CHECK(found.rule == example.rule);
    CHECK(found.rule.empty() == found.files.empty());
    rules.insert(found.rule);
    ++examples;
  }
  CHECK(examples >= 60);
  CHECK(rules.size() == 7);  // all rules, and none for answers without code
}

TEST_CASE("hostile answers of megabytes are read in a few passes, whatever they repeat") {
  for (const char* piece : {"`",
                            "```\n",
                            "```python\n",
                            "```python\nx = 1\n",
                            "~~~",
                            "> ",
                            "- ```python\n",
                            "<think>",
                            "<think>\n",
                            "</think>\n",
                            "<|im_end|>x",
                            "<|fim_prefix|>",
                            "\"\"\"\n",
                            "def solve():\n",
                            "```python\ndef solve(): pass\n```\n",
                            "\xE2\x80\x8B",
                            "\n",
                            "(",
                            "{\n",
                            "# ... \n",
                            "```markdown\n",
                            "import solve\n",
                            "solve `solve = 1` ",
                            "    return 1\n",
                            "[PYTHON]"}) {
    CAPTURE(piece);
    const bool backticks = piece[0] == '`';
    const std::string answer = repeated(piece, std::size_t{backticks ? 10U : 1U} << 20);
    const ExtractedCode found = extract_code(answer, python_task());
    std::size_t bytes = 0;
    for (const workload::CodeFile& file : found.files) bytes += file.text.size();
    CHECK(bytes <= answer.size() + (std::size_t{1} << 20));
    workload::Task body = python_task();
    body.prefix = "def solve():\n";
    CHECK(extract_code(answer, body).files.size() <= 1);
  }
}

TEST_CASE("any bytes are taken: malformed UTF-8, control characters, answers cut anywhere") {
  const std::string answer =
      "<think>a</think>\n**solution.py**\n```python title=\"x\"\r\nimport os\n\xFF\xFE\ndef solve(a):\n    return "
      "'\\x00\x01'\n```\n<|im_end|>";
  workload::Task several = python_task();
  several.paths = {"a/b.py", "c.py"};
  several.cases = "[{\"call\": 3}, [[[[[1]]]]], {\"steps\": {\"new\": \"A\"}}";
  for (std::size_t size = 0; size <= answer.size(); ++size) {
    extract_code(std::string_view(answer).substr(0, size), python_task());
    extract_code(std::string_view(answer).substr(size), several);
  }
  const ExtractedCode found = extract_code(answer, python_task());
  REQUIRE(found.files.size() == 1);
  CHECK(found.files[0].text.find("\xFF\xFE") != std::string::npos);
}

TEST_CASE("paths that leave the task's folder are never taken from an answer") {
  workload::Task task = python_task();
  task.entry_point.clear();
  task.paths = {"a.py", "b.py"};
  const ExtractedCode found = extract_code(
      "### a.py\n```python\ndef f(): pass\n```\n### ../../etc/x.py\n```python\ndef g(): pass\n```\n### /etc/y.py\n```python\ndef h(): "
      "pass\n```\n",
      task);
  for (const workload::CodeFile& file : found.files) CHECK((file.path == "a.py" || file.path == "etc/x.py" || file.path == "b.py"));
  CHECK(!found.files.empty());
}
