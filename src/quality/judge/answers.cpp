#include "quality/judge/answers.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/ascii.h"
#include "base/error.h"
#include "base/json.h"
#include "workload/names.h"
#include "workload/packed_file.h"

namespace qbench::quality {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{2} << 30;
constexpr std::size_t kMaxAnswers = 1000000;

[[noreturn]] void fail(const std::string& message, const std::string& where) { throw Error(ErrorCode::kConfig, message, where); }

std::string file_spelling(std::string_view id) {
  std::string text = ascii_lower(id);
  std::replace(text.begin(), text.end(), '/', '-');
  return text;
}

/// Every name of every task, and whose it is.
class Names {
 public:
  explicit Names(const workload::Suite& suite) {
    for (std::size_t i = 0; i < suite.prompts.size(); ++i) {
      const workload::Prompt& prompt = suite.prompts[i];
      if (!prompt.task) continue;
      known_.push_back(prompt.task->id);
      add(prompt.task->id, i);
      add(file_spelling(prompt.task->id), i);
      add(prompt.id, i);
      const std::size_t slash = prompt.task->id.rfind('/');
      if (slash != std::string::npos) add(prompt.task->id.substr(slash + 1), i);
    }
  }

  std::size_t find(const std::string& name, const std::string& where) const {
    for (const std::string& tried : {name, file_spelling(name)}) {
      const auto found = by_name_.find(tried);
      if (found != by_name_.end() && found->second) return *found->second;
    }
    const std::string near = workload::nearest(name, known_);
    fail("the suite has no task '" + workload::printable(name) + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"), where);
  }

 private:
  /// A name that two tasks share is nobody's.
  void add(const std::string& name, std::size_t index) {
    const auto [at, fresh] = by_name_.emplace(name, index);
    if (!fresh && at->second != index) at->second.reset();
  }

  std::map<std::string, std::optional<std::size_t>> by_name_;
  std::vector<std::string> known_;
};

/// The line with each byte that is no UTF-8 replaced by U+FFFD; well-formed text is as it was.
std::string repaired(std::string_view line) {
  std::string text = dump_json(json(std::string(line)));
  return parse_json(text, "line").get<std::string>();
}

Answer read_answer(const std::string& line, const Names& names, const std::string& where) {
  const JsonLimits limits{.depth = 64, .unique_keys = false, .one_line = true};
  Answer answer;
  std::string text = line;
  if (const auto problem = find_json_problem(text, limits)) {
    text = repaired(line);
    answer.is_text = text == line;
    if (answer.is_text || find_json_problem(text, limits)) fail(*problem, where);
  }
  const json value = parse_json(text, where, limits);
  if (!value.is_object()) fail("expected an object with 'task_id' and 'completion', got " + workload::describe_value(value), where);
  const auto id = value.find("task_id"), completion = value.find("completion");
  if (id == value.end() || !(id->is_string() || id->is_number_unsigned())) fail("has no 'task_id' that is a string or a number", where);
  if (completion == value.end() || !completion->is_string()) fail("has no 'completion' that is a string", where);
  answer.prompt = names.find(id->is_string() ? id->get<std::string>() : std::to_string(id->get<std::uint64_t>()), where);
  answer.completion = completion->get<std::string>();
  return answer;
}

}  // namespace

std::vector<Answer> read_answers(const std::filesystem::path& path, const workload::Suite& suite) {
  const std::string text = workload::read_packed_file(path, kMaxFileBytes);
  const Names names(suite);
  std::vector<Answer> answers;
  std::map<std::size_t, std::int64_t> samples;
  std::size_t number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string line = text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.find_first_not_of(" \r\t") == std::string::npos) continue;
    if (answers.size() == kMaxAnswers) fail("has more than " + std::to_string(kMaxAnswers) + " answers", path.string());
    answers.push_back(read_answer(line, names, path.string() + ": line " + std::to_string(number)));
    answers.back().sample = samples[answers.back().prompt]++;
  }
  if (answers.empty()) fail("has no answers", path.string());
  return answers;
}

}  // namespace qbench::quality
