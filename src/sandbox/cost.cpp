#include "sandbox/cost.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "sandbox/descriptor.h"
#include "sandbox/spawn.h"

namespace qbench::sandbox {

namespace {

const std::vector<std::string> kProgram{"/usr/bin/python3", "-I", "-S", "-c", "pass"};

std::optional<double> run_outside_ms(std::string& problem) {
  const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  SpawnPlan plan;
  plan.program = kProgram.front();
  plan.argv = kProgram;
  plan.descriptors = {nothing.get(), nothing.get(), nothing.get()};
  plan.death_signal = SIGKILL;
  const std::int64_t start = now_ns();
  const pid_t child = spawn(plan).pid;
  if (child < 0) {
    problem = kProgram.front() + " does not run outside";
    return std::nullopt;
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return static_cast<double>(now_ns() - start) * 1e-6;
}

std::optional<double> run_inside_ms(const Sandbox& sandbox, std::string& problem) {
  Job job;
  job.argv = kProgram;
  const std::int64_t start = now_ns();
  const Outcome outcome = sandbox.run(job);
  if (outcome.end != End::kExited || outcome.exit_code != 0) {
    problem = kProgram.front() + " does not run inside: " + outcome.detail;
    return std::nullopt;
  }
  return static_cast<double>(now_ns() - start) * 1e-6;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

Cost measure_cost(const Sandbox& sandbox, int pairs) {
  Cost cost;
  std::vector<double> inside, outside;
  for (; cost.pairs < pairs; ++cost.pairs) {
    const auto in = run_inside_ms(sandbox, cost.problem);
    const auto out = in ? run_outside_ms(cost.problem) : std::nullopt;
    if (!out) break;
    inside.push_back(*in);
    outside.push_back(*out);
  }
  if (cost.pairs == 0) return cost;
  cost.inside_ms = median(std::move(inside));
  cost.outside_ms = median(std::move(outside));
  return cost;
}

}  // namespace qbench::sandbox
