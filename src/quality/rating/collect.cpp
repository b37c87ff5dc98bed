#include "quality/rating/collect.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/ascii.h"
#include "quality/rating/analyzers.h"

namespace qbench::quality {
namespace {

constexpr const char* kCode = "/task/code/";
constexpr const char* kTool = "/task/tool/";

sandbox::File own(const char* path, std::string_view text) { return {path, std::string(text), false}; }

std::vector<sandbox::File> python_reader() {
  return {own("python_facts.py", python_facts_py()), own("python_risks.py", python_risks_py()),
          own("python_service.py", python_service_py()), own("python_modules.py", python_modules_py())};
}

std::vector<std::string> argv_of(std::vector<std::string> words, const std::vector<std::string>& paths) {
  words.insert(words.end(), paths.begin(), paths.end());
  return words;
}

/// Facts of a reader's output; `use` says why there are none.
std::optional<Facts> facts_of(const ToolRun& run, ToolUse& use) {
  use.problem = run.problem;
  if (!run.ran) return std::nullopt;
  std::optional<Facts> facts = run.exit_code == 0 ? read_facts(run.output) : std::nullopt;
  if (!facts) {
    const std::size_t end = run.error_output.find_last_not_of('\n');
    const std::size_t begin = end == std::string::npos ? std::string::npos : run.error_output.rfind('\n', end);
    const std::string last =
        end == std::string::npos ? "no output" : run.error_output.substr(begin == std::string::npos ? 0 : begin + 1, 160);
    use.problem = "failed: " + last;
    return std::nullopt;
  }
  use.version = facts->tool_version;
  return facts;
}

std::optional<Facts> read_typescript(const Toolbox& tools, std::span<const workload::CodeFile> code, ToolUse& use) {
  const ToolPaths& paths = tools.options().tools;
  const std::vector<std::string> files = paths_ending(code, {".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs"});
  return facts_of(tools.run(argv_of({paths.node, std::string(kTool) + "typescript_facts.js", paths.typescript, kCode,
                                     std::string(kTool) + "ambient.d.ts"},
                                    files),
                            code, {own("typescript_facts.js", typescript_facts_js()), own("ambient.d.ts", ambient_d_ts())}, "",
                            paths.typescript, "node-typescript"),
                  use);
}

std::optional<Facts> read_cpp(const Toolbox& tools, std::span<const workload::CodeFile> code, ToolUse& use) {
  const ToolPaths& paths = tools.options().tools;
  const std::vector<std::string> files = paths_ending(code, {".cpp", ".cc", ".cxx", ".h", ".hpp", ".hh", ".c"});
  return facts_of(tools.run(argv_of({paths.python, std::string(kTool) + "cpp_facts.py", kCode}, files), code,
                            {own("cpp_facts.py", cpp_facts_py())}, "", paths.python, "python3"),
                  use);
}

void run_mypy(const Toolbox& tools, const RatingInput& input, Collected& into) {
  const ToolPaths& paths = tools.options().tools;
  ToolUse use{"mypy", "", ""};
  const ToolRun run = tools.run(argv_of({paths.mypy, "--no-site-packages", "--ignore-missing-imports", "--follow-imports=silent",
                                         "--check-untyped-defs", "--no-error-summary", "--show-column-numbers", "--show-error-codes",
                                         "--hide-error-context", "--no-color-output", "--no-incremental", "--cache-dir=/dev/null"},
                                        paths_ending(input.code, {".py"}, kCode)),
                                input.code, {}, "", paths.mypy, "mypy");
  use.problem = run.problem;
  if (run.ran && run.exit_code > 1) use.problem = "failed: " + (run.error_output + run.output).substr(0, 160);
  if (use.problem.empty()) {
    use.version = tools.version(paths.mypy);
    into.evidence.diagnostics = read_mypy(run.output);
  } else {
    into.evidence.types_problem = "mypy " + use.problem;
  }
  into.tools.push_back(std::move(use));
}

bool in_test(const Facts& facts, const SecurityFinding& finding) {
  for (const SourceFacts& file : facts.files) {
    if (file.path == finding.file && file.is_test) return true;
  }
  return std::any_of(facts.functions.begin(), facts.functions.end(), [&](const FunctionFacts& one) {
    return one.is_test && one.file == finding.file && one.start <= finding.line && finding.line <= one.end_line;
  });
}

void run_bandit(const Toolbox& tools, const RatingInput& input, Collected& into) {
  const ToolPaths& paths = tools.options().tools;
  ToolUse use{"bandit", "", ""};
  const ToolRun run = tools.run(argv_of({paths.bandit, "-q", "-f", "json"}, paths_ending(input.code, {".py"}, kCode)), input.code, {}, "",
                                paths.bandit, "bandit");
  use.problem = run.problem;
  std::optional<std::vector<SecurityFinding>> found = run.ran ? read_bandit(run.output) : std::nullopt;
  if (run.ran && !found) use.problem = "failed: " + run.error_output.substr(0, 160);
  if (found) {
    std::vector<SecurityFinding>& all = *found;
    all.erase(std::remove_if(all.begin(), all.end(),
                             [&](const SecurityFinding& one) { return one.rule == "B101" || in_test(into.evidence.facts, one); }),
              all.end());
    use.version = tools.version(paths.bandit);
    into.evidence.security = std::move(found);
  } else {
    into.evidence.security_problem = "bandit " + use.problem;
  }
  into.tools.push_back(std::move(use));
}

void run_coverage(const Toolbox& tools, const RatingInput& input, Collected& into) {
  const ToolPaths& paths = tools.options().tools;
  const Facts& facts = into.evidence.facts;
  nlohmann::json asked{{"main_file", main_file(facts)}, {"test_files", nlohmann::json::array()}};
  for (const SourceFacts& file : facts.files) {
    const bool has = std::any_of(facts.functions.begin(), facts.functions.end(), [&](const FunctionFacts& one) {
      return one.file == file.path && one.is_test && one.name.rfind("test", 0) == 0;
    });
    if (has) asked["test_files"].push_back(file.path);
  }
  ToolUse use{"coverage", "", ""};
  ToolRun run = tools.run(argv_of({paths.python, std::string(kTool) + "coverage_run.py", kCode}, paths_ending(input.code, {".py"})),
                          input.code, {own("coverage_run.py", coverage_run_py())}, asked.dump(), paths.coverage_module, "python3-coverage");
  std::error_code failed;
  if (run.ran && !std::filesystem::exists(paths.pytest_module, failed)) run.problem = "not installed (Debian package python3-pytest)";
  use.problem = run.problem;
  if (run.problem.empty()) into.evidence.coverage = read_coverage(run.output);
  if (run.problem.empty() && !into.evidence.coverage) use.problem = "failed: " + run.error_output.substr(0, 160);
  if (into.evidence.coverage) {
    use.version = into.evidence.coverage->version + ", pytest " + into.evidence.coverage->pytest_version;
  } else {
    into.evidence.coverage_problem = "coverage " + use.problem;
  }
  into.tools.push_back(std::move(use));
}

/// Compiles each source file, and each header that no source file includes.
std::vector<std::string> units_to_compile(const Facts& facts) {
  std::vector<std::string> units, headers;
  for (const SourceFacts& file : facts.files) {
    const bool header = file.path.find(".h") != std::string::npos;
    (header ? headers : units).push_back(kCode + file.path);
  }
  for (const std::string& header : headers) {
    const std::string name = header.substr(header.rfind('/') + 1);
    const bool included = std::any_of(facts.imports.begin(), facts.imports.end(),
                                      [&name](const Spot& one) { return one.text.substr(one.text.rfind('/') + 1) == name; });
    if (!included || units.empty()) units.push_back(header);
  }
  return units;
}

void run_gxx(const Toolbox& tools, const RatingInput& input, Collected& into) {
  const ToolPaths& paths = tools.options().tools;
  ToolUse use{"g++", "", ""};
  Facts& facts = into.evidence.facts;
  const ToolRun run = tools.run(argv_of({paths.gxx, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-pragma-once-outside-header",
                                         "-fdiagnostics-format=json", "-I", kCode, "-x", "c++"},
                                        units_to_compile(facts)),
                                input.code, {}, "", paths.gxx, "g++");
  use.problem = run.problem;
  if (!run.ran) {
    into.evidence.types_problem = "g++ " + use.problem;
    into.tools.push_back(std::move(use));
    return;
  }
  use.version = tools.version(paths.gxx);
  std::optional<std::string> missing;
  std::vector<Spot> found = read_gcc(run.error_output, missing);
  const bool library = missing && std::any_of(facts.imports.begin(), facts.imports.end(),
                                              [&](const Spot& one) { return one.kind == "known" && one.text == *missing; });
  if (library) {
    into.evidence.types_problem = "g++ could not read on: <" + *missing + "> is not installed";
    use.problem = "<" + *missing + "> is not installed";
  } else {
    for (const Spot& one : found) {
      if (!one.flag) continue;
      for (SourceFacts& file : facts.files) {
        if (file.path == one.file && !file.parse_error) {
          file.parse_error = one.text;
          file.parse_error_line = one.line;
        }
      }
    }
    into.evidence.diagnostics = std::move(found);
  }
  into.tools.push_back(std::move(use));
}

void read_prompt(const RatingInput& input, Evidence& evidence) {
  evidence.asked = names_asked(input.prompt);
  for (const std::string& name : input.asked) {
    if (std::find(evidence.asked.begin(), evidence.asked.end(), name) == evidence.asked.end()) evidence.asked.push_back(name);
  }
  for (FunctionFacts& one : evidence.facts.functions) {
    one.unused = one.unused && std::find(evidence.asked.begin(), evidence.asked.end(), one.name) == evidence.asked.end();
  }
  for (const std::string& name : evidence.asked) {
    const bool there = std::any_of(evidence.facts.files.begin(), evidence.facts.files.end(), [&name](const SourceFacts& file) {
      return has_name(file.code, name) || has_name(file.path, name);  // a comment that names it has it not
    });
    if (!there) evidence.absent.push_back(name);
  }
  if (input.correctness && input.correctness->status == record::TaskStatus::kPass) {
    for (const std::string& name : std::exchange(evidence.absent, {})) std::erase(evidence.asked, name);
  }
  evidence.tests_asked = asks_for_tests(input.prompt);
  evidence.has_tests = evidence.facts.has_tests();
  if (evidence.language != "cpp") return;
  evidence.has_tests = std::any_of(evidence.facts.files.begin(), evidence.facts.files.end(), [](const SourceFacts& file) {
    return has_name(file.code, "assert") || has_name(file.code, "TEST") || has_name(file.code, "TEST_CASE") ||
           has_name(file.code, "EXPECT_EQ");
  });
}

}  // namespace

std::string rated_language(std::string_view language, std::span<const workload::CodeFile> code) {
  const std::string name = ascii_lower(language);
  if (name == "python" || name == "py" || name == "python3") return "python";
  if (name == "typescript" || name == "ts" || name == "tsx" || name == "javascript" || name == "js" || name == "jsx") return "typescript";
  if (name == "cpp" || name == "c++" || name == "cxx" || name == "cc") return "cpp";
  if (!name.empty()) return {};
  if (!paths_ending(code, {".py"}).empty()) return "python";
  if (!paths_ending(code, {".ts", ".tsx", ".js", ".jsx"}).empty()) return "typescript";
  return paths_ending(code, {".cpp", ".cc", ".h", ".hpp"}).empty() ? "" : "cpp";
}

std::optional<Facts> read_python(const Toolbox& tools, std::span<const workload::CodeFile> code, ToolUse& use) {
  const ToolPaths& paths = tools.options().tools;
  use.name = "python ast";
  return facts_of(tools.run(argv_of({paths.python, "-B", std::string(kTool) + "python_facts.py", kCode}, paths_ending(code, {".py"})), code,
                            python_reader(), "", paths.python, "python3"),
                  use);
}

std::string main_file(const Facts& facts) {
  const SourceFacts* best = nullptr;
  const auto rank = [&facts](const SourceFacts& file) {
    const bool has_routes =
        std::any_of(facts.routes.begin(), facts.routes.end(), [&file](const RouteFacts& route) { return route.file == file.path; });
    const bool named = file.path == "main.py" || file.path == "app.py" || file.path == "app/main.py";
    return (file.is_test ? -1'000'000'000 : 0) + (named && has_routes ? 400'000'000 : 0) + (has_routes || named ? 200'000'000 : 0) +
           (file.main_guard ? 100'000'000 : 0) + file.code_lines;
  };
  for (const SourceFacts& file : facts.files) {
    if (best == nullptr || rank(file) > rank(*best)) best = &file;
  }
  return best == nullptr || best->is_test ? std::string() : best->path;
}

Collected collect_evidence(const Toolbox& tools, const RatingInput& input, const std::string& language) {
  Collected out;
  out.evidence.language = language;
  out.evidence.unfinished = input.unfinished;
  out.evidence.correctness = input.correctness;
  ToolUse reader{language == "typescript" ? "tsc" : language == "cpp" ? "lexer" : "python ast", "", ""};
  std::optional<Facts> facts = language == "python" ? read_python(tools, input.code, reader)
                               : language == "cpp"  ? read_cpp(tools, input.code, reader)
                                                    : read_typescript(tools, input.code, reader);
  out.tools.push_back(reader);
  if (!facts || facts->files.empty()) {
    out.problem = facts ? "the answer has no file in " + language : reader.name + " " + reader.problem;
    return out;
  }
  out.evidence.facts = std::move(*facts);
  read_prompt(input, out.evidence);
  if (language == "typescript") {
    out.evidence.diagnostics = out.evidence.facts.diagnostics;
  } else if (language == "cpp") {
    run_gxx(tools, input, out);
  }
  if (language != "python" || out.evidence.facts.unparsed() != nullptr) return out;
  run_mypy(tools, input, out);
  run_bandit(tools, input, out);
  if (out.evidence.has_tests) run_coverage(tools, input, out);
  return out;
}

}  // namespace qbench::quality
