#include "workload/task_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text_file.h"
#include "workload/names.h"
#include "workload/task_cases.h"

namespace qbench::workload {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr std::size_t kMaxCodeBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxFiles = 64;

[[noreturn]] void fail(const std::string& message, const std::string& where) { throw Error(ErrorCode::kConfig, message, where); }

bool is_clean_path(std::string_view text) {
  const fs::path path(text);
  if (text.empty() || text.size() > 256 || path.is_absolute() || !is_clean_text(text)) return false;
  return std::all_of(path.begin(), path.end(), [](const fs::path& part) { return part != "." && part != ".." && !part.empty(); });
}

std::vector<std::string> read_paths(const json& value, const std::string& where) {
  if (!value.is_array() || value.empty() || value.size() > kMaxFiles)
    fail("'paths': expected a list of 1 to " + std::to_string(kMaxFiles) + " files, got " + describe_value(value), where);
  std::vector<std::string> paths;
  for (const json& item : value) {
    paths.push_back(read_string(item, "paths", where));
    if (!is_clean_path(paths.back())) fail("'paths': '" + printable(paths.back()) + "' is no path below the answer's folder", where);
    if (std::count(paths.begin(), paths.end(), paths.back()) > 1) fail("'paths': '" + paths.back() + "' stands twice", where);
  }
  return paths;
}

double read_tolerance(const json& value, const std::string& where) {
  if (!value.is_number() || !(value.get<double>() >= 0) || value.get<double>() >= 1)
    fail("'tolerance': expected a number from 0 to below 1, got " + describe_value(value), where);
  return value.get<double>();
}

std::string default_path(const std::string& language, const std::string& where) {
  const std::vector<std::pair<std::string, std::string>> known{
      {"python", "solution.py"}, {"typescript", "solution.ts"}, {"javascript", "solution.js"}, {"cpp", "solution.cpp"}};
  for (const auto& [name, path] : known) {
    if (name == language) return path;
  }
  fail("'language': '" + printable(language) + "' has no judge; tasks are in python, typescript, javascript or cpp", where);
}

std::string read_code(const fs::path& path) {
  try {
    return read_text_file(path, kMaxCodeBytes);
  } catch (const Error& error) {
    throw Error(ErrorCode::kConfig, error.what());
  }
}

/// The files of one answer: these, and no others, so that nothing lies there that is believed to be used.
std::vector<CodeFile> read_answer(const fs::path& folder, const std::vector<std::string>& paths) {
  std::vector<CodeFile> files;
  for (const std::string& path : paths) files.push_back({path, read_code(folder / path)});
  for (fs::recursive_directory_iterator at(folder), end; at != end; ++at) {
    if (at->path().filename() == "__pycache__") at.disable_recursion_pending();
    if (at->is_directory()) continue;
    const std::string relative = at->path().lexically_relative(folder).generic_string();
    if (std::find(paths.begin(), paths.end(), relative) == paths.end())
      fail("has a file '" + printable(relative) + "' that 'paths' of task.json does not name", folder.string());
  }
  return files;
}

std::vector<WrongAnswer> read_wrong(const fs::path& folder, const Task& task) {
  std::vector<fs::path> folders;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (!entry.is_directory()) fail("is no folder; each wrong answer has one", entry.path().string());
    folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  std::vector<WrongAnswer> wrong;
  for (const fs::path& one : folders) {
    wrong.push_back({one.filename().string(), read_answer(one, task.paths)});
    if (wrong.back().files == task.reference) fail("is the reference itself", one.string());
  }
  return wrong;
}

bool has_calls(const json& cases) {
  return std::any_of(cases.begin(), cases.end(), [](const json& one) { return one.contains("call") || one.contains("steps"); });
}

void read_task_json(Task& task, const fs::path& file) {
  const std::string where = file.string();
  const json root = read_config_json(file);
  if (!root.is_object()) fail("expected an object, got " + describe_value(root), where);
  for (const auto& [key, value] : root.items()) {
    if (key == "paths") {
      task.paths = read_paths(value, where);
    } else if (key == "tolerance") {
      task.tolerance = read_tolerance(value, where);
    } else if (key == "cases") {
      if (value.is_array() && value.empty()) continue;  // no tests: said of each answer, and the suite's other tasks are judged
      check_cases(value, task.language == "javascript" ? "typescript" : task.language, where);
      task.cases = dump_json(value);
    } else if (key == "checks") {
      if (!value.is_object()) fail("'checks': expected an object, got " + describe_value(value), where);
      task.kind = TaskKind::kChecks;
      task.checks = dump_json(value);
    } else {
      fail_unknown_key(key, {"paths", "tolerance", "cases", "checks"}, where);
    }
  }
  if (!task.cases.empty() && !task.checks.empty()) fail("has both 'cases' and 'checks'", where);
  if (task.paths.empty()) task.paths = {default_path(task.language, where)};
}

}  // namespace

std::string digest_of(const Task& task) {
  const auto list = [](const std::vector<CodeFile>& files) {
    json out = json::array();
    for (const CodeFile& file : files) out.push_back({file.path, file.text});
    return out;
  };
  json all = json::array({task.id, task.language, static_cast<int>(task.kind), task.entry_point, task.paths, task.cases, task.tolerance,
                          list(task.harness), task.prefix, task.test, task.checks, list(task.reference)});
  for (const WrongAnswer& wrong : task.wrong) all.push_back({wrong.name, list(wrong.files)});
  return sha256_hex(dump_json(all));
}

Task load_task(const fs::path& folder, const std::string& id, const std::string& language) {
  Task task;
  task.id = id;
  task.language = language;
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) fail("there is no folder of task '" + id + "'", folder.string());
  read_task_json(task, folder / "task.json");
  if (task.kind == TaskKind::kChecks && !fs::exists(folder / "reference", ignored)) {
    task.digest = digest_of(task);
    return task;
  }
  if (!fs::is_directory(folder / "reference", ignored))
    fail("has no reference: expected the right answer's files in reference/", folder.string());
  task.reference = read_answer(folder / "reference", task.paths);
  task.wrong = read_wrong(folder / "wrong", task);
  if (language == "cpp" && !task.cases.empty() && has_calls(parse_json(task.cases, "cases")))
    task.harness.push_back({"adapter.cpp", read_code(folder / "adapter.cpp")});
  task.digest = digest_of(task);
  return task;
}

}  // namespace qbench::workload
