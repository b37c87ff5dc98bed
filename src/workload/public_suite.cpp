#include "workload/public_suite.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/special_numbers.h"
#include "workload/names.h"
#include "workload/packed_file.h"
#include "workload/suite_json.h"

namespace qbench::workload {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{512} << 20;
constexpr std::size_t kMaxTaskBytes = std::size_t{32} << 20;
constexpr std::size_t kMaxTasks = 20000;
constexpr std::size_t kMaxPromptBytes = std::size_t{1} << 20;

[[noreturn]] void fail(const std::string& message, const std::string& where) { throw Error(ErrorCode::kConfig, message, where); }

/// A task as it stands in the file.
struct Entry {
  json value;
  std::string text;  ///< as written: numbers beyond 64 bits are still whole in it, NaN and Infinity still there
  std::string where;
};

bool has(const Entry& entry, const char* key) { return entry.value.contains(key) && !entry.value[key].is_null(); }

std::string required(const Entry& entry, const char* key) {
  if (!has(entry, key)) fail("has no '" + std::string(key) + "'", entry.where);
  const std::string text = read_string(entry.value[key], key, entry.where, kMaxTaskBytes);
  if (!is_clean_text(text)) fail("'" + std::string(key) + "' is not UTF-8 text without NUL", entry.where);
  return text;
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \n\r\t") == std::string::npos; }

std::string required_full(const Entry& entry, const char* key) {
  const std::string text = required(entry, key);
  if (is_blank(text)) fail("'" + std::string(key) + "' is empty", entry.where);
  return text;
}

std::string optional_text(const Entry& entry, const char* key) { return has(entry, key) ? required(entry, key) : std::string(); }

/// Empty where the task has none: its answers cannot be judged, which is said of each (harness_error), and the suite's others can.
std::string tests_of(const Entry& entry, const char* key) {
  std::string tests = optional_text(entry, key);
  return is_blank(tests) ? std::string() : tests;
}

std::string lines_of(const Entry& entry, const char* key) {
  const json& list = entry.value[key];
  if (!list.is_array()) fail("'" + std::string(key) + "': expected a list of strings, got " + describe_value(list), entry.where);
  std::string text;
  for (const json& item : list) text += read_string(item, key, entry.where, kMaxPromptBytes) + "\n";
  return text;
}

/// "HumanEval/0", "MBPP/2", whatever kind of JSON it is.
std::string task_id_of(const Entry& entry, const std::string& family) {
  const json& id = entry.value["task_id"];
  if (id.is_number_unsigned()) return family + "/" + std::to_string(id.get<std::uint64_t>());
  return required_full(entry, "task_id");
}

/// A Python string literal: what JSON escapes, Python reads alike.
std::string python_literal(const std::string& text) { return dump_json(json(text)); }

constexpr const char* kAsk = "Answer with the whole code, imports included, in one fenced code block.";

std::string fenced(const std::string& language, const std::string& code) {
  return "```" + language + "\n" + code + (code.ends_with('\n') ? "" : "\n") + "```";
}

struct Read {
  Task task;
  std::string ask;
};

Read python_task(std::string id) {
  Read read;
  read.task.id = std::move(id);
  read.task.language = "python";
  read.task.kind = TaskKind::kPythonTest;
  read.task.paths = {"solution.py"};
  return read;
}

void set_reference(Task& task, std::string code) {
  if (!code.empty()) task.reference = {{task.paths.front(), std::move(code)}};
}

Read read_human_eval(const Entry& entry) {
  Read read = python_task(task_id_of(entry, "HumanEval"));
  read.task.prefix = required_full(entry, "prompt");
  read.task.entry_point = required_full(entry, "entry_point");
  read.task.test = tests_of(entry, "test");
  if (read.task.test.find("def check") != std::string::npos) read.task.test += "\n\ncheck(candidate)\n";
  const std::string solution = optional_text(entry, "canonical_solution");
  if (!solution.empty()) set_reference(read.task, read.task.prefix + solution);
  read.ask = "Complete this Python function. " + std::string(kAsk) + "\n\n" + fenced("python", read.task.prefix);
  return read;
}

/// The reference computes what is expected, in the test's sandbox.
Read read_evalplus(const Entry& entry) {
  Read read = python_task(task_id_of(entry, "MBPP"));  // only MbppPlus has numbers for ids, in its first release
  const std::string prompt = required_full(entry, "prompt"), solution = required_full(entry, "canonical_solution");
  read.task.entry_point = required_full(entry, "entry_point");
  for (const char* key : {"base_input", "plus_input"}) {
    const bool none = has(entry, key) && entry.value[key].is_object() && entry.value[key].empty();  // MbppPlus 0.1 writes {} for []
    if (has(entry, key) && !entry.value[key].is_array() && !none) fail("'" + std::string(key) + "': expected a list", entry.where);
  }
  const bool completes = solution.find("def " + read.task.entry_point + "(") == std::string::npos;
  if (completes) read.task.prefix = prompt;
  set_reference(read.task, completes ? prompt + solution : solution);
  if (!entry.value["base_input"].empty() || (has(entry, "plus_input") && !entry.value["plus_input"].empty())) {
    read.task.test = "from qb_evalplus import check_record\n\ncheck_record(candidate, " + python_literal(entry.text) + ", " +
                     python_literal(read.task.reference.front().text) + ")\n";
  }
  read.ask = completes ? "Complete this Python function. " + std::string(kAsk) + "\n\n" + fenced("python", prompt)
                       : "Write the Python function that this text describes. " + std::string(kAsk) + "\n\n" + prompt;
  return read;
}

Read read_mbpp(const Entry& entry) {
  Read read = python_task(task_id_of(entry, "MBPP"));
  const std::string list = lines_of(entry, "test_list");
  std::string setup = optional_text(entry, "test_setup_code");
  if (has(entry, "test_imports")) setup = lines_of(entry, "test_imports") + setup;
  const std::string whole = optional_text(entry, "test");  // MBPP+: more tests than it shows
  if (!is_blank(whole)) {
    read.task.test = whole;
  } else if (!is_blank(list)) {
    read.task.test = setup + "\n" + list;
  }
  set_reference(read.task, required_full(entry, "code"));
  read.ask = required_full(entry, has(entry, "text") ? "text" : "prompt") + "\n\nThe code has to pass these tests:\n\n" +
             fenced("python", list) + "\n\n" + kAsk;
  return read;
}

std::string language_of(const std::string& name, const std::string& where) {
  constexpr std::pair<const char*, const char*> kNames[] = {{"py", "python"}, {"js", "javascript"}, {"ts", "typescript"}};
  for (const auto& [short_name, language] : kNames) {
    if (name == short_name) return language;
  }
  if (!is_name(name)) fail("'language': '" + printable(name) + "' is no name of a language", where);
  return name;
}

/// The function that MultiPL-E's tests call, which no key names ("candidate = add;", "check(add)"); empty where it is not to be seen.
std::string tested_function(const std::string& prompt, const std::string& tests) {
  constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";
  for (const std::string_view before : {"candidate = ", "check("}) {
    for (std::size_t at = tests.find(before); at != std::string::npos; at = tests.find(before, at + 1)) {
      const std::size_t begin = at + before.size();
      const std::string name = tests.substr(begin, tests.find_first_not_of(kLetters, begin) - begin);
      if (!name.empty() && prompt.find(name + "(") != std::string::npos) return name;
    }
  }
  return {};
}

Read read_multipl_e(const Entry& entry) {
  Read read;
  read.task.id = required_full(entry, "name");
  read.task.language = language_of(required_full(entry, "language"), entry.where);
  read.task.kind = TaskKind::kInside;
  const std::string& language = read.task.language;
  read.task.paths = {language == "python"       ? "solution.py"
                     : language == "javascript" ? "solution.js"
                     : language == "typescript" ? "solution.ts"
                     : language == "cpp"        ? "solution.cpp"
                                                : "solution"};
  read.task.prefix = required_full(entry, "prompt");
  read.task.test = tests_of(entry, "tests");
  read.task.entry_point = tested_function(read.task.prefix, read.task.test);
  read.ask = "Complete this function. " + std::string(kAsk) + "\n\n" + fenced(language, read.task.prefix);
  return read;
}

Read read_entry(const Entry& entry) {
  if (!entry.value.is_object()) fail("expected an object, got " + describe_value(entry.value), entry.where);
  if (has(entry, "task_id") && has(entry, "base_input")) return read_evalplus(entry);
  if (has(entry, "task_id") && has(entry, "test_list")) return read_mbpp(entry);
  if (has(entry, "task_id") && has(entry, "entry_point")) return read_human_eval(entry);
  if (has(entry, "name") && has(entry, "language")) return read_multipl_e(entry);
  fail(
      "is no task of a known format: expected HumanEval's keys (task_id, prompt, entry_point, test), EvalPlus' (base_input), MBPP's "
      "(test_list) "
      "or MultiPL-E's (name, language, prompt, tests)",
      entry.where);
}

/// The id as a name: lower case, anything else a '-'.
std::string prompt_id_of(const std::string& task_id) {
  std::string id;
  for (const char c : task_id.substr(0, 64)) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool keeps = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '_' || lower == '.' || lower == '-';
    id += keeps ? lower : '-';
  }
  return is_name(id) ? id : "t" + id.substr(0, 63);
}

Prompt prompt_of(const Entry& entry) {
  Read read = read_entry(entry);
  read.task.digest = digest_of(read.task);
  if (read.ask.size() > kMaxPromptBytes) fail("the prompt has more than 1 MiB", entry.where);
  Prompt prompt;
  prompt.id = prompt_id_of(read.task.id);
  prompt.title = printable(read.task.id);
  prompt.language = read.task.language;
  prompt.turns.push_back({read.ask, estimate_prompt_tokens(read.ask)});
  prompt.task = std::move(read.task);
  return prompt;
}

/// The file's objects one by one: its lines, or the members of its list.
template <class Each>
void for_each_entry(const std::string& text, const fs::path& path, Each&& each) {
  const std::size_t first = text.find_first_not_of(" \n\r\t");
  const auto located = [&](const auto& action) {
    try {
      action();
    } catch (const Error& error) {
      throw Error(ErrorCode::kConfig, error.what());
    }
  };
  if (first != std::string::npos && text[first] == '[') {
    json list;
    located([&] { list = parse_json(text, path.string()); });
    for (std::size_t i = 0; i < list.size(); ++i)
      each(Entry{list[i], dump_json(list[i]), path.string() + ": task " + std::to_string(i + 1)});
    return;
  }
  std::size_t number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    start = end + 1;
    const std::string where = path.string() + ": line " + std::to_string(++number);
    if (line.find_first_not_of(" \r\t") == std::string::npos) continue;
    if (line.size() > kMaxTaskBytes) fail("has more than 32 MiB", where);
    json value;
    located([&] { value = parse_json(null_special_numbers(line), where, {.depth = 64, .unique_keys = true, .one_line = true}); });
    each(Entry{std::move(value), line, where});
  }
}

}  // namespace

bool is_public_suite(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz") || name.ends_with(".json.gz")) return true;
  if (!name.ends_with(".json") || name == "suite.json") return false;
  std::ifstream file(path, std::ios::binary);
  char first = 0;
  return file >> first && first == '[';
}

Suite read_public_suite(const fs::path& path) {
  Suite suite;
  suite.path = path;
  suite.name = path.filename().string();
  suite.name = suite.name.substr(0, suite.name.find(".json"));
  suite.title = suite.name;
  std::set<std::string> ids;
  const std::string text = read_packed_file(path, kMaxFileBytes);
  for_each_entry(text, path, [&](const Entry& entry) {
    if (suite.prompts.size() == kMaxTasks) fail("has more than " + std::to_string(kMaxTasks) + " tasks", path.string());
    suite.prompts.push_back(prompt_of(entry));
    if (!ids.insert(suite.prompts.back().id).second)
      fail("the task '" + printable(suite.prompts.back().task->id) + "' stands twice in the file", entry.where);
  });
  if (suite.prompts.empty()) fail("has no tasks", path.string());
  if (std::all_of(suite.prompts.begin(), suite.prompts.end(), [](const Prompt& prompt) { return prompt.task->test.empty(); }))
    fail("has no tests: none of its tasks has any", path.string());
  return suite;
}

}  // namespace qbench::workload
