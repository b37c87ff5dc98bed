#include "quality/judge/wanted_names.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "quality/judge/code_shape.h"
#include "quality/judge/lines.h"

namespace qbench::quality {
namespace {

/// "inventory.service:restock" names the module of a function.
void read_case_names(const nlohmann::json& value, std::vector<std::pair<std::string, std::string>>& names, int depth) {
  if (depth > 4) return;
  if (value.is_array())
    for (const auto& one : value) read_case_names(one, names, depth + 1);
  if (!value.is_object()) return;
  for (const char* key : {"call", "new"}) {
    const auto at = value.find(key);
    if (at == value.end() || !at->is_string()) continue;
    const std::string call = at->get<std::string>();
    const std::size_t colon = call.find(':');
    const std::string name = colon == std::string::npos ? call : call.substr(colon + 1);
    if (name.find('.') == std::string::npos)
      names.emplace_back(colon == std::string::npos ? "" : call.substr(0, colon), name);  // a dot: a method
  }
  if (const auto steps = value.find("steps"); steps != value.end()) read_case_names(*steps, names, depth + 1);
}

/// What the reference defines and the suite's test calls, in the reference's order: no key of MBPP's says it.
std::vector<std::string> tested_names(const workload::Task& task) {
  const NameSet called = words_of(task.test);
  std::vector<std::string> names;
  for (LineReader lines(task.reference.front().text); lines.next();) {
    if (lines.line().empty() || lines.line()[0] == ' ' || lines.line()[0] == '\t') continue;
    for (const std::string& name : shape_of(lines.line(), task.language).functions)
      if (called.contains(name) && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> case_names(const workload::Task& task) {
  std::vector<std::pair<std::string, std::string>> names;
  const nlohmann::json cases = nlohmann::json::parse(task.cases, nullptr, false);
  if (!cases.is_discarded()) read_case_names(cases, names, 0);
  return names;
}

std::vector<std::string> wanted_names(const workload::Task& task) {
  if (!task.entry_point.empty()) return {task.entry_point};
  if (task.kind == workload::TaskKind::kPythonTest && !task.reference.empty()) return tested_names(task);
  std::vector<std::string> names;
  for (auto& [module, name] : case_names(task))
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  return names;
}

}  // namespace qbench::quality
