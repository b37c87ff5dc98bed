#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/json.h"
#include "quality/judge/driver_texts.h"
#include "quality/judge/judging.h"
#include "quality/judge/values.h"

namespace qbench::quality {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using record::TaskStatus;

constexpr std::size_t kMaxDetail = 1000;

bool is_script(const std::string& language) { return language == "typescript" || language == "javascript"; }

/// What a case is made of: a call is one step.
json steps_of(const json& one) { return one.contains("steps") ? one["steps"] : json::array({one}); }

/// The steps as the answer's side sees them: what is expected stays here.
ordered_json asked(const json& steps) {
  ordered_json out = ordered_json::array();
  for (const json& step : steps) {
    ordered_json kept;
    for (const char* key : {"new", "call", "get", "args", "as"}) {
      if (step.contains(key)) kept[key] = step[key];
    }
    kept["wanted"] = step.contains("returns") || step.contains("raises");
    out.push_back(std::move(kept));
  }
  return out;
}

std::string name_of_step(const json& step) {
  for (const char* key : {"call", "new", "get"}) {
    if (step.contains(key)) return step[key].get<std::string>();
  }
  return {};
}

std::string shown_step(const json& step) {
  std::string text = name_of_step(step);
  if (!step.contains("args")) return text;
  std::string args = dump_json(step["args"]);
  if (args.size() > 120) args = one_line(args, 120);
  return text + "(" + args.substr(1, args.ends_with(']') ? args.size() - 2 : std::string::npos) + ")";
}

std::string text_of(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? one_line(at->get_ref<const std::string&>()) : std::string();
}

bool names_class(const json& names, const std::string& wanted) {
  return names.is_array() && std::any_of(names.begin(), names.end(), [&](const json& name) {
           if (!name.is_string()) return false;
           const auto& text = name.get_ref<const std::string&>();
           return text == wanted || text.ends_with("::" + wanted);
         });
}

/// Judges one step by what came back for it.
std::optional<Failure> judge_step(const json& step, const json& result, const ValueRules& rules) {
  const std::string where = shown_step(step) + ": ";
  const auto wrong = [&](const std::string& what) { return Failure{TaskStatus::kWrong, where + what}; };
  if (!result.is_object()) return wrong("sent something that is no result");
  const bool raised = result.contains("e");
  if (step.contains("raises")) {
    const std::string name = step["raises"].get<std::string>();
    if (!raised) return wrong("expected " + name + ", got " + (result.contains("v") ? shown_value(result["v"]) : text_of(result, "x")));
    return names_class(result["e"], name) ? std::nullopt : std::optional(wrong("expected " + name + ", got " + shown_value(result["e"])));
  }
  if (raised) {
    const json& names = result["e"];
    const std::string name =
        names.is_array() && !names.empty() && names[0].is_string() ? one_line(names[0].get<std::string>(), 80) : "an error";
    const bool memory = name == "MemoryError" || name == "std::bad_alloc";
    return Failure{memory ? TaskStatus::kOom : TaskStatus::kException, where + name + ": " + text_of(result, "m")};
  }
  if (result.contains("x")) return wrong(text_of(result, "x") + " is no value");
  if (!result.contains("v")) return wrong("sent something that is no result");
  if (!step.contains("returns")) return std::nullopt;
  ValueRules own = rules;
  own.unordered = step.value("unordered", false);
  if (const auto difference = find_difference(step["returns"], result["v"], own)) return wrong(*difference);
  return std::nullopt;
}

/// The driver's word for a case whose own process ended before it answered.
Failure failure_of_dead(const json& reply, Driver& driver) {
  const int signal = reply.contains("signal") && reply["signal"].is_number_integer() ? reply["signal"].get<int>() : 0;
  const sandbox::Outcome& outcome = driver.end();
  using sandbox::End;
  const bool limit = outcome.end != End::kExited && outcome.end != End::kSignal;
  if (limit) return failure_of(outcome, "the answer");
  const TaskStatus status = signal == SIGSYS    ? TaskStatus::kSandboxViolation
                            : signal == SIGXCPU ? TaskStatus::kCpuTimeout
                            : signal == SIGXFSZ ? TaskStatus::kOutputLimit
                                                : TaskStatus::kCrash;
  return {status, "the answer ended " + text_of(reply, "died") + " before it answered"};
}

class CaseRun {
 public:
  explicit CaseRun(const Judging& judging) : judging_(judging), rules_(value_rules(judging.task.language, judging.task.tolerance)) {}

  Verdict run() {
    const json cases = parse_json(judging_.task.cases, "cases of task " + judging_.task.id);
    verdict_.status = TaskStatus::kPass;
    verdict_.cases_total = static_cast<std::int64_t>(cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto failure = cases[i].contains("stdout") ? run_program(cases[i]) : run_steps(cases[i]);
      if (!failure) {
        ++verdict_.cases_passed;
        continue;
      }
      const bool stop = failure->status != TaskStatus::kWrong && failure->status != TaskStatus::kException;
      if (verdict_.status == TaskStatus::kPass || stop) note(*failure, i);
      if (stop || gone_) break;
    }
    leave();
    if (verdict_.status != TaskStatus::kHarnessError) verdict_.behaviour = sha256_hex(seen_ + std::string(name_of(verdict_.status)));
    return verdict_;
  }

 private:
  void note(const Failure& failure, std::size_t index) {
    verdict_.status = failure.status;
    const bool built = failure.status != TaskStatus::kCompileError && failure.status != TaskStatus::kHarnessError;
    verdict_.detail = one_line(built ? fmt::format("case {}: {}", index + 1, failure.detail) : failure.detail, kMaxDetail);
  }

  void leave() {
    if (!driver_) return;
    if (!gone_ && !driver_->leave() && verdict_.status == TaskStatus::kPass) {
      verdict_.status = driver_->failure().status;
      verdict_.detail = driver_->failure().detail;
    }
    verdict_.seconds += driver_->end().cpu_s;
  }

  /// Files of the job that runs the answer: `callable` has the driver in it, else it is the answer's own program.
  std::optional<Failure> prepare(bool callable, sandbox::Job& job) {
    const std::string& language = judging_.task.language;
    job.limits = judging_.limits;
    if (language == "python") return prepare_python(callable, job);
    return is_script(language) ? prepare_script(callable, job) : prepare_cpp(callable, job);
  }

  std::optional<Failure> prepare_python(bool callable, sandbox::Job& job) {
    if (callable) {
      job.argv = {judging_.tools.python, "-I", "-S", "-B", "/task/driver.py"};
      job.files.push_back({"driver.py", std::string(literals_py()) + std::string(driver_py()), false});
    } else {
      job.argv = {judging_.tools.python, "-E", "-s", "-S", "-B", "/task/answer/" + judging_.task.paths.front()};
    }
    return add_answer(judging_.code, job.files);
  }

  std::optional<Failure> prepare_script(bool callable, sandbox::Job& job) {
    Built built = build_script(judging_, judging_.code);
    if (built.failure) return built.failure;
    job.files = std::move(built.files);
    if (callable) {
      job.argv = {judging_.tools.shell, "-c", "exec \"$0\" \"$1\" 3>&1 1>&2", judging_.tools.node, "/task/driver.js"};
      job.files.push_back({"driver.js", std::string(driver_js()), false});
    } else {
      job.argv = {judging_.tools.node, "/task/answer/" + script_path(judging_.task.paths.front())};
    }
    return std::nullopt;
  }

  std::optional<Failure> prepare_cpp(bool callable, sandbox::Job& job) {
    std::vector<sandbox::File> files;
    if (auto failure = add_answer(judging_.code, files)) return failure;
    std::vector<std::string> sources;
    std::string main = "#include \"driver.h\"\n#define main qb_answer_main\n";
    for (const workload::CodeFile& file : judging_.code) {
      if (!file.path.ends_with(".cpp") && !file.path.ends_with(".cc")) continue;
      sources.push_back("answer/" + file.path);
      main += "#include \"answer/" + file.path + "\"\n";
    }
    if (callable) {
      files.push_back({"driver.h", std::string(driver_h()), false});
      files.push_back({"driver_values.h", std::string(driver_values_h()), false});
      for (const workload::CodeFile& file : judging_.task.harness) files.push_back({file.path, file.text, false});
      files.push_back({"main.cpp", main + "#undef main\n#include \"adapter.cpp\"\nint main() { return qb::serve(); }\n", false});
      sources = {"main.cpp"};
    }
    Built built = build_cpp(judging_, std::move(files), sources, "c++20");
    job.argv = {"/task/program"};
    job.files = std::move(built.files);
    return built.failure;
  }

  std::optional<Failure> start() {
    sandbox::Job job;
    if (auto failure = prepare(true, job)) return failure;
    job.limits = interactive(job.limits);
    driver_ = std::make_unique<Driver>(judging_.sandbox.start(job));
    ordered_json setup{{"mode", "cases"}, {"paths", ordered_json::array()}};
    for (const std::string& path : judging_.task.paths) setup["paths"].push_back(script_path(path));
    const auto reply = driver_->ask(std::move(setup));
    if (!reply) return driver_->failure();
    if (reply->contains("compile")) return Failure{TaskStatus::kCompileError, text_of(*reply, "compile")};
    return std::nullopt;
  }

  std::optional<Failure> run_steps(const json& one) {
    if (!driver_) {
      if (auto failure = start()) {
        gone_ = true;
        return failure;
      }
    }
    const json steps = steps_of(one);
    const auto reply = driver_->ask({{"steps", asked(steps)}});
    if (!reply) {
      gone_ = true;
      return driver_->failure();
    }
    if (reply->contains("died")) {
      gone_ = true;
      return failure_of_dead(*reply, *driver_);
    }
    const auto results = reply->find("steps");
    if (results == reply->end() || !results->is_array() || results->size() != steps.size())
      return Failure{TaskStatus::kWrong, "sent another number of results than was asked for"};
    for (const json& result : *results) see(result);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (auto failure = judge_step(steps[i], (*results)[i], rules_)) return failure;
    }
    return std::nullopt;
  }

  std::optional<Failure> run_program(const json& one) {
    if (!program_) {
      program_.emplace();
      if (auto failure = prepare(false, *program_)) {
        gone_ = true;
        return failure;
      }
    }
    sandbox::Job job = *program_;
    job.input = one.value("stdin", std::string());
    for (const json& argument : one.value("argv", json::array())) job.argv.push_back(argument.get<std::string>());
    const sandbox::Outcome outcome = judging_.sandbox.run(job);
    verdict_.seconds += outcome.cpu_s;
    if (outcome.end != sandbox::End::kExited) return failure_of(outcome, "the program");
    if (outcome.exit_code != 0) {
      if (auto failure = uncaught(outcome)) return failure;
    }
    const auto trimmed = [](std::string text) {
      while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
      return text;
    };
    const std::string expected = trimmed(one["stdout"].get<std::string>()), printed = trimmed(outcome.output);
    seen_ += dump_json(json(printed)) + "\n";
    if (expected == printed) return std::nullopt;
    return Failure{TaskStatus::kWrong, "expected the output " + shown_value(expected) + ", got " + shown_value(printed)};
  }

  /// What ended the program beside itself: an exception that nobody caught, or source that never ran. An exit code alone is no failure:
  /// what a program prints is its result.
  static std::optional<Failure> uncaught(const sandbox::Outcome& outcome) {
    Failure failure = failure_of(outcome, "the program");
    const auto says = [&](const char* words) { return outcome.error_output.find(words) != std::string::npos; };
    const bool traced = says("Traceback (most recent call last)") || says("\n    at ");
    if (failure.status == TaskStatus::kOom) return failure;
    if (!traced && !says("SyntaxError: ")) return std::nullopt;
    failure.status = traced ? TaskStatus::kException : TaskStatus::kCompileError;
    return failure;
  }

  /// Messages of exceptions name lines and addresses: only the class tells what the answer did.
  void see(const json& result) {
    for (const char* key : {"v", "e", "x"}) {
      if (result.is_object() && result.contains(key)) seen_ += std::string(key) + dump_json(result[key]);
    }
    seen_ += "\n";
  }

  std::string script_path(const std::string& path) const {
    if (!is_script(judging_.task.language)) return path;
    const std::size_t dot = path.rfind('.');
    return path.substr(0, dot) + ".js";
  }

  const Judging& judging_;
  ValueRules rules_;
  Verdict verdict_;
  std::unique_ptr<Driver> driver_;
  std::optional<sandbox::Job> program_;
  std::string seen_;   ///< what came back
  bool gone_ = false;  ///< the answer runs no more, or never did
};

}  // namespace

Verdict judge_cases(const Judging& judging) { return CaseRun(judging).run(); }

}  // namespace qbench::quality
