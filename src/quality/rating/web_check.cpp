#include "quality/rating/web_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "quality/rating/analyzers.h"
#include "quality/rating/collect.h"
#include "quality/rating/json_read.h"
#include "quality/rating/tools.h"

namespace qbench::quality {
namespace {

using nlohmann::json;
using Files = std::span<const workload::CodeFile>;

/// What task.checks asks for.
struct Wanted {
  std::string model;  ///< name of the model that must stand in the code; empty: any
};

struct Answer {
  std::int64_t status = 0;  ///< 0: an exception left the application, `text` names it
  std::string text;
};

/// What service_run.py saw.
struct Started {
  bool known = false;   ///< the machine could start it at all
  std::string unknown;  ///< why not
  std::string error, error_type;
  bool started = false;
  std::vector<std::string> upload_routes;
  std::int64_t loads_at_start = 0, loads_after_one = 0, loads_after_two = 0, runs = 0;
  std::optional<Answer> good, text_as_image, text, nothing, failing_model;
  double cpu_s = 0;
  record::TaskStatus status = record::TaskStatus::kPass;
};

std::string line_of(const Spot& one) { return fmt::format("line {}", one.line); }

/// Letters that a text of the answer cannot foretell.
std::string make_nonce() {
  std::random_device device;
  std::string nonce = "qb-";
  for (int i = 0; i < 4; ++i) nonce += fmt::format("{:08x}", device());
  return nonce + " ";
}

std::optional<Answer> answer_of(const json& root, const char* key) {
  const auto found = root.find(key);
  if (found == root.end() || !found->is_object()) return std::nullopt;
  return Answer{number_of(*found, "status"), text_of(*found, "text")};
}

record::TaskStatus status_of(const sandbox::Outcome& outcome) {
  switch (outcome.end) {
    case sandbox::End::kCpuTimeout:
      return record::TaskStatus::kCpuTimeout;
    case sandbox::End::kWallTimeout:
      return record::TaskStatus::kWallTimeout;
    case sandbox::End::kOom:
      return record::TaskStatus::kOom;
    case sandbox::End::kOutputLimit:
      return record::TaskStatus::kOutputLimit;
    case sandbox::End::kViolation:
      return record::TaskStatus::kSandboxViolation;
    case sandbox::End::kNotStarted:
      return record::TaskStatus::kHarnessError;
    case sandbox::End::kExited:
    case sandbox::End::kSignal:
      break;
  }
  return record::TaskStatus::kCrash;
}

void read_started(Started& out, const json& root) {
  if (const std::string missing = text_of(root, "missing"); !missing.empty()) {
    out.unknown = fmt::format("{} is not installed (Debian packages python3-fastapi, python3-httpx)", missing);
    return;
  }
  out.error = text_of(root, "error");
  out.error_type = text_of(root, "error_type");
  if (flag_of(root, "no_multipart") && out.error.find("multipart") != std::string::npos) {
    out.unknown = "python3-multipart is not installed (Debian package python3-multipart)";
    return;
  }
  out.known = true;
  out.started = flag_of(root, "started");
  for (const json& route : list_of(root, "upload_routes"))
    out.upload_routes.push_back(route.is_string() ? route.get<std::string>() : std::string());
  out.loads_at_start = number_of(root, "loads_at_start");
  out.loads_after_one = number_of(root, "loads_after_one");
  out.loads_after_two = number_of(root, "loads_after_two");
  out.runs = number_of(root, "runs");
  out.good = answer_of(root, "good");
  out.text_as_image = answer_of(root, "text_as_image");
  out.text = answer_of(root, "text");
  out.nothing = answer_of(root, "nothing");
  out.failing_model = answer_of(root, "failing_model");
}

Started start_service(const Toolbox& tools, Files code, const Facts& facts, ToolUse& use) {
  Started out;
  use.name = "fastapi";
  const std::string nonce = make_nonce();
  const json asked{{"nonce", nonce}, {"main_file", main_file(facts)}};
  const ToolPaths& paths = tools.options().tools;
  std::vector<std::string> argv{paths.python, "-B", "/task/tool/service_run.py", "/task/code/"};
  std::vector<sandbox::File> own{
      {"service_run.py", std::string(service_run_py()), false},   {"stub_objects.py", std::string(stub_objects_py()), false},
      {"stub_tensors.py", std::string(stub_tensors_py()), false}, {"stub_models.py", std::string(stub_models_py()), false},
      {"stub_modules.py", std::string(stub_modules_py()), false}, {"python_modules.py", std::string(python_modules_py()), false}};
  const ToolRun run = tools.run(std::move(argv), code, std::move(own), asked.dump(), paths.python, "python3");
  out.cpu_s = run.cpu_s;
  if (!run.problem.empty()) {
    out.status = status_of(run.outcome);
    out.known = out.status != record::TaskStatus::kHarnessError && run.outcome.end != sandbox::End::kExited;
    (out.known ? out.error : out.unknown) = run.problem;
    use.problem = out.known ? "" : run.problem;
    return out;
  }
  const std::size_t at = run.output.find(nonce);
  const json root = at == std::string::npos ? json() : json::parse(run.output.substr(at + nonce.size()), nullptr, false);
  if (!root.is_object()) {
    out.known = true;
    out.status = record::TaskStatus::kCrash;
    out.error = "the program ended before it answered: " + run.error_output.substr(0, 120);
    return out;
  }
  read_started(out, root);
  use.version = text_of(root, "fastapi");
  use.problem = out.unknown;
  return out;
}

Check passed(std::string name, std::string evidence) { return {std::move(name), CheckResult::kPassed, std::move(evidence)}; }
Check failed(std::string name, std::string evidence) { return {std::move(name), CheckResult::kFailed, std::move(evidence)}; }
Check decided(std::string name, bool good, std::string evidence) {
  return good ? passed(std::move(name), std::move(evidence)) : failed(std::move(name), std::move(evidence));
}

Check imports_check(const Facts& facts) {
  std::string unknown;
  for (const Spot& one : facts.imports) {
    if (one.kind == "unknown") unknown += fmt::format("{}{} (line {})", unknown.empty() ? "" : ", ", one.text, one.line);
  }
  return decided("imports resolve", unknown.empty(),
                 unknown.empty() ? fmt::format("{} imports, all of known packages or the answer's files", facts.imports.size())
                                 : "not known: " + unknown);
}

bool takes_image(const RouteFacts& route) {
  if (route.upload) return true;
  return std::any_of(route.parameters.begin(), route.parameters.end(), [](const std::string& parameter) {
    for (const char* word : {"image", "url", "base64", "b64", "Image", "file", "Request"}) {
      if (parameter.find(word) != std::string::npos) return true;
    }
    return false;
  });
}

std::vector<const RouteFacts*> image_routes(const Facts& facts) {
  std::vector<const RouteFacts*> found;
  for (const RouteFacts& route : facts.routes) {
    if ((route.method == "post" || route.method == "put" || route.method == "get") && takes_image(route)) found.push_back(&route);
  }
  return found;
}

Check endpoint_check(const Facts& facts, const Started& started) {
  const std::vector<const RouteFacts*> routes = image_routes(facts);
  if (!routes.empty()) {
    const RouteFacts& route = *routes.front();
    return passed("endpoint for images", fmt::format("{} {} in line {} takes {}", route.method, route.path, route.line,
                                                     route.parameters.empty() ? "a request" : route.parameters.front()));
  }
  if (!started.upload_routes.empty()) return passed("endpoint for images", started.upload_routes.front());
  return failed("endpoint for images", fmt::format("{} endpoints, none takes an image", facts.routes.size()));
}

Check model_check(Files code, const Wanted& wanted, const Facts& facts) {
  const auto file = std::find_if(code.begin(), code.end(),
                                 [&](const workload::CodeFile& one) { return one.text.find(wanted.model) != std::string::npos; });
  if (facts.loads.empty()) return failed("the model asked for", "no model is loaded anywhere");
  return decided(
      "the model asked for", file != code.end(),
      file != code.end() ? fmt::format("{} stands in {}", wanted.model, file->path) : wanted.model + " stands nowhere in the code");
}

Check loaded_once_check(const Facts& facts, const Started& started) {
  const std::string name = "model loaded once";
  if (started.started && started.good && started.good->status == 200) {
    const bool once = started.loads_after_two == started.loads_after_one;
    return decided(name, once,
                   fmt::format("{} loads at the start, {} after one request, {} after two", started.loads_at_start, started.loads_after_one,
                               started.loads_after_two));
  }
  for (const Spot& one : facts.loads) {
    if (one.kind == "request")
      return failed(name, fmt::format("{} in {}, {}, is called with each request", one.text,
                                      one.function.empty() ? "the module" : one.function + "()", line_of(one)));
  }
  if (facts.loads.empty()) return failed(name, "no model is loaded anywhere");
  return passed(name, fmt::format("{} in {}: {}", facts.loads.front().text, line_of(facts.loads.front()), facts.loads.front().kind));
}

Check errors_check(const Facts& facts, const Started& started) {
  const std::string name = "errors handled";
  if (started.failing_model && started.good && started.good->status == 200) {
    const Answer& answer = *started.failing_model;
    const bool handled = answer.status >= 400;
    return decided(name, handled,
                   handled              ? fmt::format("a model that fails gives status {}", answer.status)
                   : answer.status == 0 ? "a model that fails leaves the application: " + answer.text
                                        : fmt::format("a model that fails gives status {}", answer.status));
  }
  for (const RouteFacts* route : image_routes(facts)) {
    std::int64_t handled = 0, all = 0;
    for (const Spot& risk : facts.risks) {
      handled += risk.flag ? 1 : 0;
      ++all;
    }
    const bool good = all > 0 ? handled * 2 >= all : route->has_try;
    return decided(name, good,
                   fmt::format("{} of {} operations that can fail are handled; {}() in line {} has {} try", handled, all, route->function,
                               route->line, route->has_try ? "a" : "no"));
  }
  return failed(name, "no endpoint whose errors could be handled");
}

Check validation_check(const Facts& facts, const Started& started) {
  const std::string name = "input validated";
  if (started.text_as_image && started.text && started.good && started.good->status == 200) {
    const auto refused = [](const Answer& answer) { return answer.status >= 400 && answer.status < 500; };
    const bool good = refused(*started.text_as_image) || refused(*started.text);
    return decided(name, good,
                   fmt::format("text sent as an image gives {}, a text file {}",
                               started.text_as_image->status == 0 ? "an exception" : std::to_string(started.text_as_image->status),
                               started.text->status == 0 ? "an exception" : std::to_string(started.text->status)));
  }
  for (const RouteFacts* route : image_routes(facts)) {
    std::string names;
    for (const std::string& one : route->checked) names += (names.empty() ? "" : ", ") + one;
    return decided(name, !names.empty(),
                   names.empty() ? fmt::format("{}() in line {} tests none of its parameters", route->function, route->line)
                                 : fmt::format("{}() in line {} tests {}", route->function, route->line, names));
  }
  return failed(name, "no endpoint whose input could be tested");
}

Check blocking_check(const Facts& facts) {
  const std::string name = "no blocking call in async";
  for (const Spot& one : facts.blocking) {
    if (!one.flag) return failed(name, fmt::format("{}() waits for {} in line {}", one.function, one.text, one.line));
  }
  return passed(name, "no async function calls what blocks");
}

/// Starts and answers. Where the machine cannot tell, it is unknown.
Check start_check(const Started& started, record::TaskStatus& status) {
  const std::string name = "starts and answers";
  if (!started.known) return {name, CheckResult::kUnknown, "not started: " + started.unknown};
  if (!started.error.empty()) {
    status = started.status == record::TaskStatus::kPass ? record::TaskStatus::kException : started.status;
    return failed(name, started.error);
  }
  if (started.upload_routes.empty()) return {name, CheckResult::kUnknown, "it starts; no endpoint was found that an image can be sent to"};
  if (!started.good) return failed(name, "no answer");
  if (started.good->status == 401 || started.good->status == 403)
    return {name, CheckResult::kUnknown, fmt::format("it starts and wants credentials (status {})", started.good->status)};
  const bool good = started.good->status >= 200 && started.good->status < 300;
  if (started.good->status == 0) status = record::TaskStatus::kException;
  if (good && started.runs == 0) return failed(name, "it answers without running the model");
  return decided(name, good,
                 fmt::format("{} gives {}: {}", started.upload_routes.front(),
                             started.good->status == 0 ? "an exception" : std::to_string(started.good->status), started.good->text));
}

Wanted wanted_of(const workload::Task& task) {
  const json checks = json::parse(task.checks, nullptr, false);
  return {text_of(checks, "model")};
}

void conclude(CheckReport& report, record::TaskStatus failure) {
  const Check* first = nullptr;
  std::string unknown;
  for (const Check& check : report.checks) {
    const bool graver = first == nullptr || score_limit_of_check(check.name) < score_limit_of_check(first->name);
    if (check.result == CheckResult::kFailed && graver) first = &check;
    if (check.result == CheckResult::kUnknown) unknown += (unknown.empty() ? "" : "; ") + check.name + ": " + check.evidence;
  }
  const auto total = static_cast<std::int64_t>(report.checks.size());
  if (first != nullptr) {
    report.status = failure;
    report.first_failure = first->name + ": " + first->evidence;
    report.detail = fmt::format("{} of {} checks passed; {}", report.passed(), total, report.first_failure);
    return;
  }
  report.status = record::TaskStatus::kPass;
  report.detail = fmt::format("{} of {} checks passed{}", report.passed(), total, unknown.empty() ? "" : "; not known: " + unknown);
}

}  // namespace

double score_limit_of_check(std::string_view name) {
  if (name == "model loaded once" || name == "errors handled") return 6.9;
  return name == "input validated" || name == "no blocking call in async" ? 8.4 : 4.9;
}

std::int64_t CheckReport::passed() const {
  return std::count_if(checks.begin(), checks.end(), [](const Check& check) { return check.result == CheckResult::kPassed; });
}

Correctness CheckReport::correctness() const {
  const auto known = std::count_if(checks.begin(), checks.end(), [](const Check& check) { return check.result != CheckResult::kUnknown; });
  return {status, passed(), known, "checks", first_failure, score_limit_of_check(first_failure.substr(0, first_failure.find(':')))};
}

CheckReport check_web_service(const sandbox::Sandbox& sandbox, const RaterOptions& options, const workload::Task& task, Files code) {
  CheckReport report;
  const Toolbox tools(sandbox, options);
  if (paths_ending(code, {".py"}).empty()) {
    report.status = record::TaskStatus::kCompileError;
    report.detail = "the answer has no Python file";
    report.checks.push_back(failed("parses", report.detail));
    return report;
  }
  std::uint64_t bytes = 0;
  for (const workload::CodeFile& file : code) bytes += file.text.size();
  if (bytes > options.max_code_bytes) {
    report.status = record::TaskStatus::kCompileError;
    report.detail = fmt::format("{} bytes of code: more than {} are not read", bytes, options.max_code_bytes);
    report.checks.push_back(failed("parses", report.detail));
    return report;
  }
  ToolUse reader;
  const std::optional<Facts> facts = read_python(tools, code, reader);
  report.tools.push_back(reader);
  if (!facts) {
    report.detail = reader.name + " " + reader.problem;
    return report;
  }
  if (const SourceFacts* broken = facts->unparsed()) {
    report.status = record::TaskStatus::kCompileError;
    report.detail = fmt::format("{} does not parse: {} (line {})", broken->path, *broken->parse_error, broken->parse_error_line);
    report.checks.push_back(failed("parses", report.detail));
    return report;
  }
  const Wanted wanted = wanted_of(task);
  ToolUse starter;
  const Started started = start_service(tools, code, *facts, starter);
  report.tools.push_back(starter);
  report.seconds = started.cpu_s;
  record::TaskStatus failure = record::TaskStatus::kWrong;
  report.checks = {passed("parses", fmt::format("{} code lines", facts->code_lines())), imports_check(*facts),
                   endpoint_check(*facts, started)};
  if (!wanted.model.empty()) report.checks.push_back(model_check(code, wanted, *facts));
  for (Check& check : std::vector<Check>{loaded_once_check(*facts, started), errors_check(*facts, started),
                                         validation_check(*facts, started), blocking_check(*facts)}) {
    report.checks.push_back(std::move(check));
  }
  report.checks.push_back(start_check(started, failure));
  conclude(report, failure);
  return report;
}

}  // namespace qbench::quality
