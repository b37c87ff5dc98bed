#include "cli/sandbox_report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "sandbox/sandbox.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;
using sandbox::Sandbox;

struct Tool {
  const char* name;
  std::vector<std::string> argv;
  std::string file;  ///< there when the tool is
};

const std::vector<Tool>& tools() {
  static const std::vector<Tool> kTools{
      {"python3", {"/usr/bin/python3", "--version"}, "/usr/bin/python3"},
      {"node", {"/usr/bin/node", "--version"}, "/usr/bin/node"},
      {"tsc", {"/usr/bin/tsc", "--version"}, "/usr/bin/tsc"},
      {"g++", {"/usr/bin/g++", "--version"}, "/usr/bin/g++"},
      {"mypy", {"/usr/bin/mypy", "--version"}, "/usr/bin/mypy"},
      {"bandit", {"/usr/bin/bandit", "--version"}, "/usr/bin/bandit"},
      {"coverage", {"/usr/bin/python3-coverage", "--version"}, "/usr/bin/python3-coverage"},
      {"pytest", {"/usr/bin/python3", "-c", "import pytest; print(pytest.__version__)"}, "/usr/lib/python3/dist-packages/pytest"},
      {"fastapi", {"/usr/bin/python3", "-c", "import fastapi; print(fastapi.__version__)"}, "/usr/lib/python3/dist-packages/fastapi"}};
  return kTools;
}

/// Digits and dots of the first word that looks like a version; the first line where there is none.
std::string version_in(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  for (std::size_t at = 0; (at = line.find_first_of("0123456789", at)) != std::string::npos;) {
    const std::size_t end = std::min(line.find_first_not_of("0123456789.", at), line.size());
    if (line.find('.', at) < end) return line.substr(at, end - at);
    at = end;
  }
  return line;
}

ordered_json tool_json(const Sandbox* room, const Tool& tool) {
  ordered_json entry{{"name", tool.name}, {"version", nullptr}, {"missing", ""}};
  if (::access(tool.file.c_str(), F_OK) != 0) {
    entry["missing"] = "not installed";
  } else if (room != nullptr) {
    sandbox::Job job;
    job.argv = tool.argv;
    const sandbox::Outcome outcome = room->run(job);
    if (outcome.end == sandbox::End::kExited && outcome.exit_code == 0) {
      entry["version"] = version_in(outcome.output);
    } else {
      entry["missing"] = "does not run inside: " + outcome.detail;
    }
  }
  return entry;
}

/// Side by side: some take half a second to say their version.
ordered_json tools_json(const Sandbox* room) {
  std::vector<ordered_json> entries(tools().size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < entries.size(); ++i) threads.emplace_back([&, i] { entries[i] = tool_json(room, tools()[i]); });
  for (std::thread& thread : threads) thread.join();
  return entries;
}

}  // namespace

ordered_json sandbox_json() {
  std::string why;
  const std::unique_ptr<Sandbox> room = Sandbox::open_or_say({}, why);
  return {{"level", room ? ordered_json(sandbox::name_of(room->level())) : ordered_json()},
          {"description", room ? room->description() : ""},
          {"missing", room ? "" : why},
          {"tools", tools_json(room.get())}};
}

std::string sandbox_text(const ordered_json& report) {
  const bool here = report["level"].is_string();
  std::string text = fmt::format("\n{:<14}{}\n", "sandbox", (here ? report["description"] : report["missing"]).get<std::string>());
  std::string found, missing;
  for (const ordered_json& tool : report["tools"]) {
    const std::string name = tool["name"], reason = tool["missing"];
    if (!reason.empty()) {
      missing += fmt::format("{:<14}{}: {}\n", "", name, reason);
    } else {
      found += (found.empty() ? "" : ", ") + name + (tool["version"].is_string() ? " " + tool["version"].get<std::string>() : "");
    }
  }
  return text + fmt::format("{:<14}{}\n", "", found) + missing;
}

}  // namespace qbench::cli
