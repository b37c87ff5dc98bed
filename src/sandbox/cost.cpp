#include "sandbox/cost.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "sandbox/descriptor.h"
#include "sandbox/spawn.h"

namespace qbench::sandbox {

namespace {

const std::vector<std::string> kProgram{"/usr/bin/python3", "-I", "-S", "-c", "pass"};

double run_outside_ms() {
  const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  SpawnPlan plan;
  plan.program = kProgram.front();
  plan.argv = kProgram;
  plan.descriptors = {nothing.get(), nothing.get(), nothing.get()};
  plan.death_signal = SIGKILL;
  const std::int64_t start = now_ns();
  const pid_t child = spawn(plan).pid;
  if (child < 0) throw Error(ErrorCode::kConfig, kProgram.front() + " does not run outside", "sandbox");
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return static_cast<double>(now_ns() - start) * 1e-6;
}

double run_inside_ms(const Sandbox& sandbox) {
  Job job;
  job.argv = kProgram;
  const std::int64_t start = now_ns();
  const Outcome outcome = sandbox.run(job);
  if (outcome.end != End::kExited || outcome.exit_code != 0) {
    throw Error(ErrorCode::kConfig, kProgram.front() + " does not run inside: " + outcome.detail, "sandbox");
  }
  return static_cast<double>(now_ns() - start) * 1e-6;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

Cost measure_cost(const Sandbox& sandbox, int pairs) {
  std::vector<double> inside, outside;
  for (int i = 0; i < pairs; ++i) {
    inside.push_back(run_inside_ms(sandbox));
    outside.push_back(run_outside_ms());
  }
  return {median(inside), median(outside), pairs};
}

}  // namespace qbench::sandbox
