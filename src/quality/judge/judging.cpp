#include "quality/judge/judging.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "base/json.h"

namespace qbench::quality {
namespace {

using nlohmann::json;
using record::TaskStatus;
using sandbox::End;

// EvalPlus asks for lists of a million numbers: 12 MB as a literal.
constexpr std::size_t kMaxLine = std::size_t{40} << 20;
constexpr std::size_t kMaxNameBytes = 255;  // of Linux' file systems
constexpr std::uint64_t kInteractiveBytes = std::uint64_t{256} << 20;  // of a hundred such lists

std::string fresh_nonce() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

TaskStatus status_of(End end) {
  switch (end) {
    case End::kExited:
    case End::kSignal:
      return TaskStatus::kCrash;
    case End::kCpuTimeout:
      return TaskStatus::kCpuTimeout;
    case End::kWallTimeout:
      return TaskStatus::kWallTimeout;
    case End::kOom:
      return TaskStatus::kOom;
    case End::kOutputLimit:
      return TaskStatus::kOutputLimit;
    case End::kViolation:
      return TaskStatus::kSandboxViolation;
    case End::kNotStarted:
      return TaskStatus::kHarnessError;
  }
  return TaskStatus::kHarnessError;
}

/// Bytes of the control character that the text begins with, as a terminal obeys them: those of ASCII, U+0080 to U+009F, and what turns
/// the direction of writing (U+202A to U+202E, U+2066 to U+2069). 0: it begins with none.
std::size_t control_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
  if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) < 0xa0) return 2;
  const bool turns = byte(0) == 0xe2 &&
                     ((byte(1) == 0x80 && byte(2) >= 0xaa && byte(2) <= 0xae) || (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9));
  return turns ? 3 : 0;
}

/// The last line that the program wrote to standard error.
std::string last_words(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return {};
  const std::size_t newline = text.rfind('\n', end);
  const std::size_t start = newline == std::string::npos ? 0 : newline + 1;
  return one_line(std::string_view(text).substr(start, end + 1 - start), 200);
}

}  // namespace

std::string one_line(std::string_view text, std::size_t max_bytes) {
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (line.size() >= max_bytes) {
      while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80) line.pop_back();
      if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xc0) line.pop_back();
      return line + "...";
    }
    const std::size_t control = control_bytes(text.substr(i));
    if (control == 0) {
      line += text[i];
    } else {
      if (!line.empty() && line.back() != ' ') line += ' ';
      i += control - 1;
    }
  }
  return line;
}

Failure failure_of(const sandbox::Outcome& outcome, const std::string& who) {
  Failure failure{status_of(outcome.end), {}};
  const std::string words = last_words(outcome.error_output);
  if (outcome.end == End::kExited) {
    failure.detail = fmt::format("{} ended with exit code {} before it had done its work", who, outcome.exit_code);
  } else {
    failure.detail = who + " " + (outcome.detail.empty() ? "was stopped" : outcome.detail);
  }
  // Interpreters that hit a limit of memory end themselves, each in its own words.
  if (failure.status == TaskStatus::kCrash &&
      (outcome.error_output.find("heap out of memory") != std::string::npos || words.starts_with("MemoryError")))
    failure.status = TaskStatus::kOom;
  if (!words.empty() && failure.status == TaskStatus::kCrash) failure.detail += ": " + words;
  failure.detail = one_line(failure.detail);
  return failure;
}

Verdict verdict_of(Failure failure) {
  Verdict verdict;
  verdict.status = failure.status;
  verdict.detail = std::move(failure.detail);
  return verdict;
}

std::optional<Failure> add_answer(std::span<const workload::CodeFile> code, std::vector<sandbox::File>& files) {
  std::set<std::string> folders, names;
  for (const workload::CodeFile& file : code) {
    const std::filesystem::path path(file.path);
    const bool lost = std::any_of(path.begin(), path.end(), [](const auto& part) {
      return part == ".." || part == "." || part.empty() || part.native().size() > kMaxNameBytes;
    });
    if (file.path.empty() || file.path.size() > 256 || path.is_absolute() || lost || file.path.find('\0') != std::string::npos)
      return Failure{TaskStatus::kCompileError, "the answer names a file that lies nowhere: '" + one_line(file.path, 80) + "'"};
    names.insert(path.string());
    for (auto folder = path.parent_path(); !folder.empty(); folder = folder.parent_path()) folders.insert(folder.string());
    files.push_back({"answer/" + file.path, file.text, false});
  }
  for (const std::string& name : names) {
    if (folders.contains(name))
      return Failure{TaskStatus::kCompileError, "the answer has '" + one_line(name, 80) + "' both as a file and as a folder"};
  }
  return std::nullopt;
}

sandbox::Limits interactive(sandbox::Limits limits) {
  limits.output_bytes = std::max(limits.output_bytes, kInteractiveBytes);
  return limits;
}

Driver::Driver(std::unique_ptr<sandbox::Process> process) : process_(std::move(process)) {}

const sandbox::Outcome& Driver::end(bool kill) {
  if (!outcome_) outcome_ = process_->finish(kill);
  return *outcome_;
}

std::optional<json> Driver::fail(TaskStatus status, std::string detail) {
  end();
  failure_ = {status, std::move(detail)};
  return std::nullopt;
}

std::optional<json> Driver::ask(nlohmann::ordered_json request) {
  const std::string nonce = fresh_nonce();
  request["n"] = nonce;
  std::optional<std::string> line;
  if (process_->send(dump_json(json(request)))) line = process_->receive(kMaxLine);
  if (!line) {
    failure_ = failure_of(end(false), "the answer");
    return std::nullopt;
  }
  if (find_json_problem(*line, {.depth = 128, .unique_keys = true, .one_line = true}))
    return fail(TaskStatus::kWrong, "the answer wrote into the channel of results something that is no result");
  json reply = parse_json(*line, "reply", {.depth = 128, .unique_keys = true, .one_line = true});
  const auto echoed = reply.is_object() ? reply.find("n") : reply.end();
  if (!reply.is_object() || echoed == reply.end() || *echoed != nonce)
    return fail(TaskStatus::kWrong, "the answer sent a result that was not asked for");
  return reply;
}

bool Driver::leave() {
  const auto reply = ask({{"bye", true}});
  if (!reply) return false;
  if (!reply->contains("bye")) {
    fail(TaskStatus::kWrong, "the answer sent a result that was not asked for");
    return false;
  }
  end();
  return true;
}

}  // namespace qbench::quality
