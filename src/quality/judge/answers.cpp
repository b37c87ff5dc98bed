#include "quality/judge/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/error.h"
#include "base/json.h"
#include "base/special_numbers.h"
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

struct Repaired {
  std::string text;
  bool is_text = true;  ///< nothing was lost: only control characters had to be written as JSON writes them
};

/// Whether the escape at `at` (of the backslash) is half a surrogate pair; `length`: of the pair or of the escape.
bool is_half_pair(std::string_view line, std::size_t at, std::size_t& length) {
  const auto unit = [&](std::size_t from) -> unsigned {
    unsigned value = 0;
    if (line.size() < from + 6 || line[from] != '\\' || line[from + 1] != 'u') return 0;
    const auto [end, error] = std::from_chars(line.data() + from + 2, line.data() + from + 6, value, 16);
    return error == std::errc() && end == line.data() + from + 6 ? value : 0;
  };
  const unsigned first = unit(at), second = unit(at + 6);
  const bool high = first >= 0xd800 && first <= 0xdbff, low = first >= 0xdc00 && first <= 0xdfff;
  const bool pair = high && second >= 0xdc00 && second <= 0xdfff;
  length = pair ? 12 : high || low ? 6 : 2;
  return (high || low) && !pair;
}

/// The line as JSON can have it: bytes that are no UTF-8 and halves of surrogate pairs (which Python writes without a word) become U+FFFD,
/// raw control characters inside strings their escapes.
Repaired repaired(const std::string& line) {
  const std::string utf8 = parse_json(dump_json(json(line)), "line").get<std::string>();
  Repaired out{{}, utf8 == line};
  bool inside = false;
  for (std::size_t at = 0; at < utf8.size(); ++at) {
    const char c = utf8[at];
    std::size_t length = 1;
    if (c == '"') inside = !inside;
    if (inside && c == '\\') {
      if (is_half_pair(utf8, at, length)) {
        out.is_text = false;
        out.text += "\\ufffd";
      } else {
        out.text += utf8.substr(at, length);
      }
      at += length - 1;
    } else if (inside && static_cast<unsigned char>(c) < 0x20) {
      out.text += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.text += c;
    }
  }
  return out;
}

Answer read_answer(const std::string& line, const Names& names, const std::string& where) {
  const JsonLimits limits{.depth = 64, .unique_keys = false, .one_line = true};
  Answer answer;
  std::string text = null_special_numbers(line);  // a score beside the completion may be one
  if (const auto problem = find_json_problem(text, limits)) {
    Repaired better = repaired(text);
    if (find_json_problem(better.text, limits)) fail(*problem, where);
    answer.is_text = better.is_text;
    text = std::move(better.text);
  }
  const json value = parse_json(text, where, limits);
  if (!value.is_object()) fail("expected an object with 'task_id' and 'completion', got " + workload::describe_value(value), where);
  const auto id = value.find("task_id");
  const auto completion = value.find(value.contains("completion") ? "completion" : "solution");  // as EvalPlus writes samples
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
