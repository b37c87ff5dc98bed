#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "quality/judge/driver_texts.h"
#include "quality/judge/judging.h"
#include "quality/judge/literal.h"
#include "quality/judge/wanted_names.h"

namespace qbench::quality {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using record::TaskStatus;

constexpr std::size_t kMaxTestLine = std::size_t{32} << 20;

std::string text_of(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

/// The literal of a tuple, as arguments are written: without the comma that ends it.
std::string shown_arguments(std::string literal) {
  if (literal.ends_with(", )")) literal.replace(literal.size() - 3, 3, ")");
  return one_line(literal, 120);
}

/// The test has time of its own: what it costs is not the answer's to pay.
sandbox::Limits test_limits(const Judging& judging) {
  sandbox::Limits limits;
  limits.cpu_s = judging.test_cpu_s;
  limits.wall_s = judging.limits.wall_s + judging.test_cpu_s;
  limits.memory_bytes = std::uint64_t{1} << 30;
  limits.output_bytes = std::uint64_t{256} << 20;
  return limits;
}

/// Both sides and the lines between them.
class PythonTest {
 public:
  explicit PythonTest(const Judging& judging) : judging_(judging) {}

  Verdict run() {
    Verdict verdict = verdict_of(judge());
    if (answer_) verdict.seconds = answer_->end().cpu_s;
    if (test_ && !test_done_) verdict.test_seconds = test_->finish(true).cpu_s;
    verdict.cases_total = 1;
    verdict.cases_passed = verdict.status == TaskStatus::kPass ? 1 : 0;
    return verdict;
  }

 private:
  Failure judge() {
    start_test();
    if (auto failure = start_answer()) return *failure;
    for (auto message = next_of_test(); message; message = next_of_test()) {
      if (message->contains("ready")) continue;
      if (message->contains("end")) return conclude(*message);
      const auto reply = relay(*message);
      if (!reply) return failure_;
      if (!test_->send(dump_json(*reply))) break;
    }
    return test_broke();
  }

  void start_test() {
    sandbox::Job job;
    job.argv = {judging_.tools.python, "-I", "-S", "-B", "/task/test_driver.py"};
    job.files = {{"test_driver.py", std::string(literals_py()) + std::string(test_driver_py()), false},
                 {"lib/qb_evalplus.py", std::string(qb_evalplus_py()), false},
                 {"lib/numpy.py", std::string(numpy_stand_in_py()), false}};
    job.limits = test_limits(judging_);
    test_ = judging_.sandbox.start(job);
    const workload::Task& task = judging_.task;
    const bool alone = task.prefix.empty() && !task.reference.empty();  // MBPP's tests rely on names of the reference
    test_->send(dump_json(json{{"entry", task.entry_point},
                               {"names", wanted_names(task)},
                               {"prefix", task.prefix},
                               {"imports", alone ? task.reference.front().text : std::string()},
                               {"test", task.test}}));
  }

  std::optional<Failure> start_answer() {
    sandbox::Job job;
    job.argv = {judging_.tools.python, "-I", "-S", "-B", "/task/driver.py"};
    job.files.push_back({"driver.py", std::string(literals_py()) + std::string(driver_py()), false});
    if (auto failure = add_answer(judging_.code, job.files)) return failure;
    job.limits = interactive(judging_.limits);
    answer_ = std::make_unique<Driver>(judging_.sandbox.start(job));
    ordered_json paths = ordered_json::array();
    for (const workload::CodeFile& file : judging_.code) paths.push_back(file.path);
    const auto reply =
        answer_->ask({{"mode", "session"}, {"paths", paths}, {"prefix", judging_.task.prefix}, {"entry", judging_.task.entry_point}});
    if (!reply) return answer_->failure();
    if (reply->contains("compile")) return Failure{TaskStatus::kCompileError, one_line(text_of(*reply, "compile"))};
    if (reply->contains("load")) return exception_of(*reply, "load");
    if (!reply->contains("ok")) return Failure{TaskStatus::kWrong, "the answer sent a result that was not asked for"};
    return std::nullopt;
  }

  static Failure exception_of(const json& reply, const char* key) {
    const json& names = reply.at(key);
    const std::string name = names.is_array() && !names.empty() && names[0].is_string() ? names[0].get<std::string>() : "an error";
    const TaskStatus status = name == "MemoryError" ? TaskStatus::kOom : TaskStatus::kException;
    return {status, one_line(name + ": " + text_of(reply, "m"))};
  }

  std::optional<json> next_of_test() {
    const auto line = test_->receive(kMaxTestLine);
    if (!line || find_json_problem(*line)) return std::nullopt;
    return parse_json(*line, "test");
  }

  /// Hands a call of the test to the answer and returns what goes back; nothing (and failure_) when that decides the matter.
  std::optional<json> relay(const json& call) {
    last_call_ = text_of(call, "f") + shown_arguments(text_of(call, "a"));
    const auto reply = answer_->ask(ordered_json(call));
    if (!reply) return decide(answer_->failure());
    if (reply->contains("x")) return decide({TaskStatus::kWrong, last_call_ + ": " + one_line(text_of(*reply, "x")) + " is no value"});
    json handed = json::object();
    for (const char* key : {"r", "a"}) {
      if (!reply->contains(key)) continue;
      const std::string text = text_of(*reply, key);
      bytes_from_answer_ = std::max(bytes_from_answer_, text.size());
      if (const auto problem = find_literal_problem(text))
        return decide({TaskStatus::kWrong, last_call_ + ": sent something that is no value: " + *problem});
      handed[key] = text;
    }
    if (reply->contains("e")) return hand_error(*reply);
    if (reply->contains("m")) handed["m"] = one_line(text_of(*reply, "m"));
    for (const char* key : {"h", "c", "t"}) {
      if (!reply->contains(key)) continue;
      if (!(*reply)[key].is_number_unsigned() && !(*reply)[key].is_boolean())
        return decide({TaskStatus::kWrong, "sent something that is no result"});
      handed[key] = (*reply)[key];
    }
    if (!handed.contains("r") && !handed.contains("h") && !handed.contains("c"))
      return decide({TaskStatus::kWrong, "sent something that is no result"});
    return handed;
  }

  std::optional<json> hand_error(const json& reply) {
    json names = json::array();
    if (reply["e"].is_array()) {
      for (const json& name : reply["e"]) {
        if (name.is_string() && names.size() < 32) names.push_back(one_line(name.get<std::string>(), 100));
      }
    }
    if (names.empty()) names.push_back("Exception");
    raised_memory_ = names[0] == "MemoryError";
    return json{{"e", std::move(names)}, {"m", one_line(text_of(reply, "m"), 600)}};
  }

  std::optional<json> decide(Failure failure) {
    failure_ = std::move(failure);
    return std::nullopt;
  }

  Failure conclude(const json& end) {
    const std::string how = text_of(end, "end"), detail = one_line(text_of(end, "detail"), 400);
    if (how == "broken") return {TaskStatus::kHarnessError, "the suite's test does not run: " + detail};
    if (how == "exception") return {raised_memory_ ? TaskStatus::kOom : TaskStatus::kException, detail};
    if (how == "wrong") return {TaskStatus::kWrong, detail};
    if (how != "pass") return {TaskStatus::kHarnessError, "the test's side sent something unknown"};
    if (end.value("calls", 0) == 0) return {TaskStatus::kHarnessError, "the suite's test never calls the answer"};
    if (!answer_->leave()) return answer_->failure();
    return {TaskStatus::kPass, {}};
  }

  /// The test's side ended without a word. A reference has shown that the test ends, so a test that runs into a limit after a call was led
  /// there by what came back (a number to count to): the answer's end, as it would be in one process.
  Failure test_broke() {
    test_done_ = true;
    const sandbox::Outcome outcome = test_->finish(false);
    Failure failure = failure_of(outcome, "the suite's test");
    constexpr std::size_t kHuge = std::size_t{1} << 16;
    using sandbox::End;
    const bool limit = outcome.end == End::kCpuTimeout || outcome.end == End::kWallTimeout || outcome.end == End::kOom;
    if (bytes_from_answer_ > kHuge) {
      failure.status = TaskStatus::kOutputLimit;
    } else if (!limit || last_call_.empty() || judging_.task.reference.empty()) {
      failure.status = TaskStatus::kHarnessError;
    }
    if (!last_call_.empty()) failure.detail = one_line(failure.detail + " after " + last_call_);
    return failure;
  }

  const Judging& judging_;
  std::unique_ptr<sandbox::Process> test_;
  std::unique_ptr<Driver> answer_;
  Failure failure_;
  std::string last_call_;
  std::size_t bytes_from_answer_ = 0;
  bool test_done_ = false, raised_memory_ = false;
};

}  // namespace

Verdict judge_python_test(const Judging& judging) { return PythonTest(judging).run(); }

}  // namespace qbench::quality
