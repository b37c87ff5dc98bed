#include "cli/cmd_sandbox.h"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/output.h"
#include "cli/sandbox_options.h"
#include "quality/judge/judge_attacks.h"
#include "sandbox/attack.h"
#include "sandbox/cost.h"
#include "sandbox/traps.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;
using sandbox::Attack;
using sandbox::Finding;
using sandbox::Sandbox;

struct SelftestOptions {
  SandboxOptions sandbox;
  std::string only;
  bool json = false;
};

constexpr int kCostPairs = 21;
constexpr const char* kExamples = R"(Examples:
  qbench sandbox selftest
  qbench sandbox selftest --only memory
  qbench sandbox selftest --sandbox rlimits --unsafe     what goes without namespaces is shown as holes
  qbench sandbox selftest --json | python3 -m json.tool
Each attack is a program that tries to do what generated code must not. What it got hold of is seen outside: in a file, a socket, a process, a
secret. Exit status: 0 all contained, 1 a hole, 2 the sandbox cannot be made here.)";

std::vector<Attack> all_attacks(const std::shared_ptr<sandbox::Traps>& traps) {
  std::vector<Attack> attacks = sandbox::sandbox_attacks(traps);
  for (Attack& attack : quality::judge_attacks()) attacks.push_back(std::move(attack));
  return attacks;
}

void check_python() {
  if (::access("/usr/bin/python3", X_OK) == 0) return;
  throw Error(ErrorCode::kConfig,
              "the attacks are Python programs, and /usr/bin/python3 is not installed: scripts/setup.sh --quality installs it", "sandbox");
}

struct Judged {
  const Attack* attack;
  Finding finding;
  double seconds;
};

std::string text_line(const Judged& judged) {
  return fmt::format("{:<10} {:<13} {:<46} {}\n", judged.finding.contained ? "contained" : "HOLE", judged.attack->group,
                     judged.attack->name, judged.finding.detail);
}

ordered_json judged_json(const Judged& judged) {
  return {{"group", judged.attack->group},
          {"name", judged.attack->name},
          {"contained", judged.finding.contained},
          {"detail", judged.finding.detail},
          {"seconds", judged.seconds}};
}

ordered_json document(const Sandbox& room, const std::vector<Judged>& all, std::int64_t holes, const sandbox::Cost& cost) {
  ordered_json attacks = ordered_json::array();
  for (const Judged& judged : all) attacks.push_back(judged_json(judged));
  return {{"sandbox_level", sandbox::name_of(room.level())},
          {"description", room.description()},
          {"attacks", attacks},
          {"holes", holes},
          {"cost", cost.pairs == 0 ? ordered_json()
                                   : ordered_json{{"inside_ms", cost.inside_ms}, {"outside_ms", cost.outside_ms}, {"pairs", cost.pairs}}}};
}

std::string cost_text(const sandbox::Cost& cost) {
  if (cost.pairs == 0) return "What a run inside takes was not measured: " + cost.problem + ".";
  return fmt::format(
      "A run inside takes {:.1f} ms more than outside ({:.1f} against {:.1f} ms for an empty Python program, medians of {}).",
      cost.inside_ms - cost.outside_ms, cost.inside_ms, cost.outside_ms, cost.pairs);
}

int selftest(const SelftestOptions& options) {
  check_python();
  const std::unique_ptr<Sandbox> room = Sandbox::open(sandbox_options(options.sandbox));
  const auto traps = std::make_shared<sandbox::Traps>();
  std::vector<Attack> attacks = all_attacks(traps);
  std::erase_if(attacks, [&](const Attack& attack) {
    return attack.group.find(options.only) == std::string::npos && attack.name.find(options.only) == std::string::npos;
  });
  if (attacks.empty()) throw Error(ErrorCode::kUsage, "'" + options.only + "' is in no attack's group or name", "--only");

  if (!options.json) write_output("sandbox: " + room->description() + "\n\n");
  std::vector<Judged> all;
  for (const Attack& attack : attacks) {
    const std::int64_t start = now_ns();
    Finding finding = attack.run(*room);
    all.push_back({&attack, std::move(finding), static_cast<double>(now_ns() - start) * 1e-9});
    if (!options.json) write_output(text_line(all.back()));
  }
  const auto holes = std::count_if(all.begin(), all.end(), [](const Judged& judged) { return !judged.finding.contained; });
  const sandbox::Cost cost = sandbox::measure_cost(*room, kCostPairs);
  if (options.json) {
    write_output_json(document(*room, all, holes, cost));
  } else {
    write_output(
        fmt::format("\n{} attacks, {}. {}\n", all.size(), holes == 0 ? "all contained" : fmt::format("{} HOLES", holes), cost_text(cost)));
  }
  return holes == 0 ? kExitFine : kExitRegression;
}

}  // namespace

Command add_sandbox(CLI::App& root) {
  const auto options = std::make_shared<SelftestOptions>();
  CLI::App* command = root.add_subcommand("sandbox", "The sandbox that generated code runs in");
  command->require_subcommand(1);
  CLI::App* selftest_command = command->add_subcommand("selftest", "Attack it, and say what got through");
  add_sandbox_options(*selftest_command, options->sandbox);
  selftest_command->add_option("--only", options->only, "Only attacks with this text in their group or name");
  selftest_command->add_flag("--json", options->json, "One JSON document");
  selftest_command->footer(kExamples);
  return {"sandbox", [options](Invocation&) { return selftest(*options); }};
}

}  // namespace qbench::cli
