#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What an analyzer read in the files of an answer. Lines count from 1; 0 is no line.
namespace qbench::quality {

struct SourceFacts {
  std::string path;
  std::int64_t lines = 0, code_lines = 0, comment_lines = 0;
  std::int64_t loose_lines = 0;  ///< code outside of functions and classes, imports and constants left out
  bool head_comment = false, is_test = false, has_tests = false, main_guard = false;
  std::optional<std::string> parse_error;
  std::int64_t parse_error_line = 0;
  std::string code;  ///< its text without comments and docstrings, spaces not kept
};

struct FunctionFacts {
  std::string file, name, owner;  ///< owner: its class
  std::int64_t line = 0, start = 0, end_line = 0, lines = 0, complexity = 1;
  std::int64_t slots = 0, typed = 0;
  bool documented = false;  ///< mark_documented()
  bool is_public = false, is_async = false, nested = false, is_test = false;
  bool unused = false;                                   ///< nothing in the answer names it, and nobody outside could mean it
  std::string body, doc;                                 ///< "ok", or what stands for one; docstring or comment right before, its beginning
  bool is_rated() const { return !is_test && !unused; }  ///< what counts for the KPIs
  bool dunder() const { return name.size() > 4 && name.rfind("__", 0) == 0; }
};

struct ClassFacts {
  std::string file, name;
  std::int64_t line = 0, end_line = 0;
  bool documented = false, is_public = false, nested = false, is_test = false;
  std::vector<std::string> bases;
  std::string doc;
};

/// Something with a place: a finding, an import, an undefined name, a habit, a route.
struct Spot {
  std::string file;
  std::int64_t line = 0;
  std::string kind, text;
  std::string function;
  bool flag = false;  ///< risks: handled; blocking: at startup only
};

struct RouteFacts {
  std::string file, method, path, function;
  std::int64_t line = 0;
  bool is_async = false, upload = false, has_try = false;
  std::vector<std::string> checked;     ///< parameters that are tested or have a model
  std::vector<std::string> parameters;  ///< "file: UploadFile = File(...)"
};

struct Facts {
  std::vector<SourceFacts> files;
  std::vector<FunctionFacts> functions;
  std::vector<ClassFacts> classes;
  std::vector<Spot> findings;     ///< kind: "marker", "bare_except", ...
  std::vector<Spot> imports;      ///< kind: "stdlib", "known", "answer", "unknown"; text: module
  std::vector<Spot> risks;        ///< kind: "io", ...; text: "open()"; flag: handled
  std::vector<Spot> undefined;    ///< text: name
  std::vector<Spot> features;     ///< kind: "logging", ...
  std::vector<Spot> raises;       ///< text: what is raised
  std::vector<Spot> blocking;     ///< in async functions
  std::vector<Spot> loads;        ///< of models; kind: "module", "startup", "cached", "once", "init", "function", "request"
  std::vector<Spot> diagnostics;  ///< of a type checker or compiler; kind: its code; flag: an error
  std::vector<RouteFacts> routes;
  std::string tool_version;

  /// The first file that does not parse.
  const SourceFacts* unparsed() const;
  std::int64_t code_lines() const;
  bool has_tests() const;
};

/// Whether a docstring or comment says more than the name beneath it: a word of three letters or more that is neither a part of the name
/// nor filler ("the", "function", ...).
bool says_more(std::string_view doc, std::string_view name);
/// Sets `documented`: its doc says more than its name, and is not what another function or class before it says already.
void mark_documented(Facts& facts);

/// What python_facts.py and its siblings print. Nothing when it is not that. Fields of the wrong type are as if absent.
std::optional<Facts> read_facts(std::string_view json_text);

/// mypy's lines `/task/code/a.py:3:1: error: message  [code]`; imports that it cannot follow are left out.
std::vector<Spot> read_mypy(std::string_view output);

/// g++'s -fdiagnostics-format=json: one array for each file. `missing_header`: a header of a library that is not here.
std::vector<Spot> read_gcc(std::string_view output, std::optional<std::string>& missing_header);

struct SecurityFinding {
  std::string file, rule, severity, text;  ///< "B602", "HIGH", ...
  std::int64_t line = 0;
};
/// Nothing when it is not bandit's report.
std::optional<std::vector<SecurityFinding>> read_bandit(std::string_view output);

/// What coverage_run.py prints.
struct CoverageFacts {
  std::int64_t passed = 0, failed = 0, errors = 0;
  int exit_code = 0;
  std::string last_line, version, pytest_version;
  struct File {
    std::string path;
    std::vector<std::int64_t> executed, missing;
  };
  std::vector<File> files;
};
std::optional<CoverageFacts> read_coverage(std::string_view output);

}  // namespace qbench::quality
