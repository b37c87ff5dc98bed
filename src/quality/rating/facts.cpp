#include "quality/rating/facts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "quality/rating/json_read.h"

namespace qbench::quality {
namespace {

using nlohmann::json;

Spot spot_of(const json& row, const char* kind, const char* text, const char* flag) {
  return {text_of(row, "file"), number_of(row, "line"),   text_of(row, kind),
          text_of(row, text),   text_of(row, "function"), flag_of(row, flag)};
}

std::vector<Spot> spots(const json& root, const char* list, const char* kind, const char* text, const char* flag = "") {
  std::vector<Spot> out;
  for (const json& row : list_of(root, list)) out.push_back(spot_of(row, kind, text, flag));
  return out;
}

SourceFacts source_of(const json& row) {
  SourceFacts file;
  file.path = text_of(row, "path");
  file.lines = number_of(row, "lines");
  file.code_lines = number_of(row, "code_lines");
  file.comment_lines = number_of(row, "comment_lines");
  file.loose_lines = number_of(row, "loose_lines");
  file.head_comment = flag_of(row, "head_comment");
  file.is_test = flag_of(row, "is_test");
  file.has_tests = flag_of(row, "has_tests");
  file.main_guard = flag_of(row, "main_guard");
  file.code = text_of(row, "code");
  if (const auto error = row.find("parse_error"); error != row.end() && error->is_object()) {
    file.parse_error = text_of(*error, "message");
    file.parse_error_line = number_of(*error, "line");
  }
  return file;
}

FunctionFacts function_of(const json& row) {
  FunctionFacts one;
  one.file = text_of(row, "file");
  one.name = text_of(row, "name");
  one.owner = text_of(row, "owner");
  one.line = number_of(row, "line");
  one.start = number_of(row, "start");
  one.end_line = number_of(row, "end_line");
  one.lines = number_of(row, "lines");
  one.complexity = number_of(row, "complexity");
  one.slots = number_of(row, "slots");
  one.typed = number_of(row, "typed");
  one.is_public = flag_of(row, "public");
  one.is_async = flag_of(row, "is_async");
  one.nested = flag_of(row, "nested");
  one.is_test = flag_of(row, "is_test");
  one.unused = flag_of(row, "unused");
  one.body = text_of(row, "body");
  one.doc = text_of(row, "doc");
  return one;
}

ClassFacts class_of(const json& row) {
  ClassFacts one;
  one.file = text_of(row, "file");
  one.name = text_of(row, "name");
  one.line = number_of(row, "line");
  one.end_line = number_of(row, "end_line");
  one.is_public = flag_of(row, "public");
  one.nested = flag_of(row, "nested");
  one.is_test = flag_of(row, "is_test");
  one.doc = text_of(row, "doc");
  for (const json& base : list_of(row, "bases")) one.bases.push_back(base.is_string() ? base.get<std::string>() : std::string());
  return one;
}

RouteFacts route_of(const json& row) {
  RouteFacts one{text_of(row, "file"),
                 text_of(row, "method"),
                 text_of(row, "path"),
                 text_of(row, "function"),
                 number_of(row, "line"),
                 flag_of(row, "is_async"),
                 flag_of(row, "upload"),
                 flag_of(row, "has_try"),
                 {},
                 {}};
  for (const json& name : list_of(row, "checked")) one.checked.push_back(name.is_string() ? name.get<std::string>() : std::string());
  for (const json& parameter : list_of(row, "parameters"))
    one.parameters.push_back(text_of(parameter, "name") + ": " + text_of(parameter, "annotation") + " = " + text_of(parameter, "default"));
  return one;
}

constexpr std::string_view kFolder = "/task/code/";

std::string answer_path(std::string_view path) {
  const std::size_t at = path.find(kFolder);
  return std::string(at == std::string_view::npos ? path : path.substr(at + kFolder.size()));
}

/// `a.py:3:1: error: message  [code]`
std::optional<Spot> mypy_line(std::string_view line) {
  const std::size_t level = line.find(": error: ");
  const std::size_t code = line.rfind("  [");
  if (level == std::string_view::npos || code == std::string_view::npos || code < level || line.back() != ']') return std::nullopt;
  const std::string_view place = line.substr(0, level);
  const std::size_t column = place.rfind(':');
  const std::size_t row = column == std::string_view::npos || column == 0 ? std::string_view::npos : place.rfind(':', column - 1);
  if (row == std::string_view::npos) return std::nullopt;
  Spot spot;
  spot.file = answer_path(place.substr(0, row));
  spot.line = digits_of(place.substr(row + 1, column - row - 1));
  spot.kind = std::string(line.substr(code + 3, line.size() - code - 4));
  spot.text = std::string(line.substr(level + 9, code - level - 9));
  spot.flag = true;
  return spot;
}

}  // namespace

const SourceFacts* Facts::unparsed() const {
  const auto found = std::find_if(files.begin(), files.end(), [](const SourceFacts& file) { return file.parse_error.has_value(); });
  return found == files.end() ? nullptr : &*found;
}

std::int64_t Facts::code_lines() const {
  std::int64_t sum = 0;
  for (const SourceFacts& file : files) sum += file.is_test ? 0 : file.code_lines;
  return sum;
}

bool Facts::has_tests() const {
  return std::any_of(functions.begin(), functions.end(),
                     [](const FunctionFacts& one) { return one.is_test && one.body == "ok" && one.name.rfind("test", 0) == 0; }) ||
         std::any_of(files.begin(), files.end(), [](const SourceFacts& file) { return file.has_tests; });
}

std::optional<Facts> read_facts(std::string_view json_text) {
  const json root = json::parse(json_text, nullptr, false);
  if (!root.is_object() || !root.contains("files")) return std::nullopt;
  Facts facts;
  for (const json& row : list_of(root, "files")) facts.files.push_back(source_of(row));
  for (const json& row : list_of(root, "functions")) facts.functions.push_back(function_of(row));
  for (const json& row : list_of(root, "classes")) facts.classes.push_back(class_of(row));
  for (const json& row : list_of(root, "routes")) facts.routes.push_back(route_of(row));
  facts.findings = spots(root, "findings", "kind", "text");
  facts.imports = spots(root, "imports", "where", "module");
  facts.risks = spots(root, "risks", "kind", "what", "handled");
  facts.undefined = spots(root, "undefined", "kind", "name");
  facts.features = spots(root, "features", "kind", "text");
  facts.raises = spots(root, "raises", "kind", "name");
  facts.blocking = spots(root, "blocking", "kind", "what", "at_startup");
  facts.loads = spots(root, "loads", "where", "what");
  facts.diagnostics = spots(root, "diagnostics", "code", "message");
  for (Spot& one : facts.diagnostics) one.flag = true;
  facts.tool_version = text_of(root, "tool");
  mark_documented(facts);
  return facts;
}

std::vector<Spot> read_mypy(std::string_view output) {
  std::vector<Spot> found;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    if (auto spot = mypy_line(output.substr(0, end)); spot && spot->kind != "import" && spot->kind != "import-untyped")
      found.push_back(std::move(*spot));
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  return found;
}

std::vector<Spot> read_gcc(std::string_view output, std::optional<std::string>& missing_header) {
  std::vector<Spot> found;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    const json list = json::parse(output.substr(0, end), nullptr, false);
    output.remove_prefix(std::min(end + 1, output.size()));
    if (!list.is_array()) continue;
    for (const json& row : list) {
      const std::string kind = text_of(row, "kind");
      if (kind != "error" && kind != "fatal error" && kind != "warning") continue;
      Spot spot;
      spot.text = text_of(row, "message");
      spot.kind = kind == "warning" ? text_of(row, "option") : "error";
      spot.flag = kind != "warning";
      const json& places = list_of(row, "locations");
      if (!places.empty()) {
        const json& caret = object_of(places.front(), "caret");
        spot.file = answer_path(text_of(caret, "file"));
        spot.line = number_of(caret, "line");
      }
      if (kind == "fatal error" && spot.text.find("No such file or directory") != std::string::npos)
        missing_header = spot.text.substr(0, spot.text.find(':'));
      found.push_back(std::move(spot));
    }
  }
  return found;
}

std::optional<std::vector<SecurityFinding>> read_bandit(std::string_view output) {
  const json root = json::parse(output, nullptr, false);
  if (!root.is_object() || !root.contains("results")) return std::nullopt;
  std::vector<SecurityFinding> found;
  for (const json& row : list_of(root, "results")) {
    found.push_back({answer_path(text_of(row, "filename")), text_of(row, "test_id"), text_of(row, "issue_severity"),
                     text_of(row, "issue_text"), number_of(row, "line_number")});
  }
  return found;
}

std::optional<CoverageFacts> read_coverage(std::string_view output) {
  const json root = json::parse(output, nullptr, false);
  if (!root.is_object() || !root.contains("files")) return std::nullopt;
  CoverageFacts facts;
  facts.passed = number_of(root, "passed");
  facts.failed = number_of(root, "failed");
  facts.errors = number_of(root, "errors");
  facts.exit_code = static_cast<int>(std::clamp<std::int64_t>(number_of(root, "exit"), -255, 255));
  facts.last_line = text_of(root, "last");
  facts.version = text_of(root, "tool");
  facts.pytest_version = text_of(root, "pytest");
  for (const auto& [path, row] : object_of(root, "files").items()) {
    CoverageFacts::File file{path, {}, {}};
    for (const json& line : list_of(row, "executed")) file.executed.push_back(line.is_number_integer() ? line.get<std::int64_t>() : 0);
    for (const json& line : list_of(row, "missing")) file.missing.push_back(line.is_number_integer() ? line.get<std::int64_t>() : 0);
    facts.files.push_back(std::move(file));
  }
  return facts;
}

}  // namespace qbench::quality
