#include "workload/task_cases.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "workload/names.h"
#include "workload/task_values.h"

namespace qbench::workload {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;

constexpr std::size_t kMaxCases = 1000;
constexpr std::size_t kMaxSteps = 1000;
constexpr std::size_t kMaxText = std::size_t{1} << 20;

[[noreturn]] void fail(const std::string& message, const std::string& where) { throw Error(ErrorCode::kConfig, message, where); }

bool is_identifier(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.size() <= 128 && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || digit(c); });
}

bool is_chain(std::string_view text, std::string_view separator) {
  for (std::size_t start = 0;;) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    if (!is_identifier(text.substr(start, end - start))) return false;
    if (end == text.size()) return true;
    start = end + separator.size();
  }
}

/// "two_sum", "cart.add", "inventory.service:restock", in TypeScript "inventory/service:restock".
bool is_target(std::string_view text, std::string_view language) {
  const std::size_t colon = text.find(':');
  if (language == "cpp") return is_identifier(text);
  if (colon == std::string_view::npos) return is_chain(text, ".");
  return is_chain(text.substr(0, colon), language == "python" ? "." : "/") && is_chain(text.substr(colon + 1), ".");
}

void check_keys(const json& object, const Names& known, const std::string& where) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) fail_unknown_key(key, known, where);
  }
}

void check_target(const json& value, std::string_view key, std::string_view language, const std::string& where) {
  const std::string target = read_string(value, key, where, 256);
  if (!is_target(target, language)) fail("'" + std::string(key) + "': '" + printable(target) + "' names nothing that can be called", where);
}

void check_args(const json& step, const Names& made, const std::string& where) {
  if (!step.contains("args") || !step["args"].is_array()) fail("'args': expected a list of arguments", where);
  check_value(step["args"], made, where + ": args");
}

/// True when it says what should come out.
bool check_expectation(const json& step, std::string_view language, const std::string& where) {
  if (step.contains("returns") && step.contains("raises")) fail("has both 'returns' and 'raises'", where);
  if (step.contains("returns")) check_value(step["returns"], {}, where + ": returns");
  if (step.contains("raises")) {
    const std::string name = read_string(step["raises"], "raises", where, 128);
    if (!is_chain(name, language == "cpp" ? "::" : ".")) fail("'raises': '" + printable(name) + "' is no name of an exception", where);
  }
  if (step.contains("unordered")) {
    const bool list = step.contains("returns") && step["returns"].is_array();
    if (!step["unordered"].is_boolean() || !list) fail("'unordered': expected true or false beside 'returns' with a list", where);
  }
  return step.contains("returns") || step.contains("raises");
}

/// What a step does: the one of the three keys that it has.
std::string action_of(const json& step, const std::string& where) {
  std::string found;
  for (const char* action : {"new", "call", "get"}) {
    if (!step.contains(action)) continue;
    if (!found.empty()) fail("has both '" + found + "' and '" + action + "'", where);
    found = action;
  }
  if (found.empty()) fail("has none of 'new', 'call' and 'get'", where);
  return found;
}

bool check_step(const json& step, std::string_view language, Names& made, const std::string& where) {
  if (!step.is_object()) fail("expected an object, got " + describe_value(step), where);
  const std::string action = action_of(step, where);
  if (action == "new") {
    check_keys(step, {"new", "args", "as", "raises"}, where);
  } else if (action == "call") {
    check_keys(step, {"call", "args", "as", "returns", "raises", "unordered"}, where);
  } else {
    check_keys(step, {"get", "returns", "unordered"}, where);
  }
  if (language == "cpp" && action != "call")
    fail("'" + action + "': C++ tasks call free functions only; adapter.cpp can wrap a class", where);
  check_target(step[action], action, language, where);
  if (action != "get") check_args(step, made, where);
  const bool tests = check_expectation(step, language, where);
  if (step.contains("as")) {
    if (language == "cpp") fail("'as': C++ tasks keep no objects; adapter.cpp can", where);
    made.push_back(read_string(step["as"], "as", where, 128));
    if (!is_identifier(made.back())) fail("'as': '" + printable(made.back()) + "' is no name", where);
  }
  return tests;
}

void check_steps(const json& steps, std::string_view language, const std::string& where) {
  if (!steps.is_array() || steps.empty() || steps.size() > kMaxSteps)
    fail("'steps': expected a list of 1 to " + std::to_string(kMaxSteps) + " steps, got " + describe_value(steps), where);
  Names made;
  bool tests = false;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (check_step(steps[i], language, made, where + ": step " + std::to_string(i + 1))) tests = true;
  }
  if (!tests) fail("tests nothing: no step has 'returns' or 'raises'", where);
}

void check_program(const json& one, const std::string& where) {
  check_keys(one, {"stdin", "argv", "stdout"}, where);
  if (!one.contains("stdout")) fail("tests nothing: a program's case needs 'stdout'", where);
  for (const char* key : {"stdin", "stdout"}) {
    if (one.contains(key)) read_string(one[key], key, where, kMaxText);
  }
  if (!one.contains("argv")) return;
  if (!one["argv"].is_array() || one["argv"].size() > 100) fail("'argv': expected a list of at most 100 strings", where);
  for (const json& argument : one["argv"]) {
    if (read_string(argument, "argv", where).find('\0') != std::string::npos) fail("'argv': an argument holds a NUL", where);
  }
}

void check_case(const json& one, std::string_view language, const std::string& where) {
  if (!one.is_object()) fail("expected an object, got " + describe_value(one), where);
  if (one.contains("call")) {
    check_keys(one, {"call", "args", "returns", "raises", "unordered"}, where);
    check_target(one["call"], "call", language, where);
    check_args(one, {}, where);
    if (!check_expectation(one, language, where)) fail("tests nothing: has neither 'returns' nor 'raises'", where);
  } else if (one.contains("steps")) {
    check_keys(one, {"steps"}, where);
    check_steps(one["steps"], language, where);
  } else if (one.contains("stdin") || one.contains("stdout") || one.contains("argv")) {
    check_program(one, where);
  } else {
    fail("is no case: expected 'call', 'steps' or 'stdout'", where);
  }
}

}  // namespace

void check_cases(const json& cases, std::string_view language, const std::string& where) {
  if (!cases.is_array() || cases.empty() || cases.size() > kMaxCases) {
    fail("'cases': expected a list of 1 to " + std::to_string(kMaxCases) + " cases, got " +
             (cases.is_array() ? std::to_string(cases.size()) : describe_value(cases)),
         where);
  }
  for (std::size_t i = 0; i < cases.size(); ++i) check_case(cases[i], language, where + ": case " + std::to_string(i + 1));
}

}  // namespace qbench::workload
