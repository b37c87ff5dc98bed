#include "run/repair_prompt.h"

#include <fmt/format.h>

namespace qbench::run {
namespace {

constexpr std::size_t kMostDetailBytes = 1200;

std::string_view in_words(record::TaskStatus status) {
  using enum record::TaskStatus;
  switch (status) {
    case kPass:
    case kHarnessError:
      return "";
    case kWrong:
      return "a result is wrong";
    case kException:
      return "an error was raised";
    case kCompileError:
      return "it does not compile or load";
    case kCpuTimeout:
    case kWallTimeout:
      return "it took too long";
    case kOom:
      return "it used too much memory";
    case kOutputLimit:
      return "it printed too much";
    case kCrash:
      return "it crashed";
    case kSandboxViolation:
      return "it tried something that is not allowed";
  }
  return "";
}

/// At most so many bytes, cut between code points.
std::string shortened(const std::string& text) {
  if (text.size() <= kMostDetailBytes) return text;
  std::size_t end = kMostDetailBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + " ...";
}

}  // namespace

std::string repair_words(const workload::Task& task, record::TaskStatus status, const std::string& detail) {
  std::string words = fmt::format("I ran your code against tests and it did not pass: {}.\n", in_words(status));
  if (!detail.empty()) words += "\n" + shortened(detail) + "\n";
  words += task.paths.size() > 1 ? "\nFind the mistake and answer with all files, corrected and complete, each in a fenced code block with "
                                   "its path on the line before it."
                                 : "\nFind the mistake and answer with the whole corrected code in one fenced code block.";
  return words;
}

RepairConversation repair_conversation(const workload::Prompt& prompt, const std::vector<Answer>& turns, record::TaskStatus status,
                                       const std::string& detail) {
  RepairConversation repair{prompt, {}, static_cast<std::int64_t>(prompt.turns.size()) + 1};
  for (const Answer& answer : turns) repair.answers.push_back({{answer.texts.front()}, {answer.ids.front()}});
  workload::Turn turn;
  turn.text = repair_words(*prompt.task, status, detail);
  turn.prompt_tokens = kRepairTokens;
  turn.stage = prompt.turns.back().stage;  // written like the answer that it mends
  repair.prompt.turns.push_back(std::move(turn));
  return repair;
}

}  // namespace qbench::run
