#include "sandbox/sandbox.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include "base/environment.h"
#include "base/error.h"
#include "sandbox/arguments.h"
#include "sandbox/cgroup.h"
#include "sandbox/filter.h"
#include "sandbox/keeper_image.h"
#include "sandbox/obstacles.h"
#include "sandbox/order.h"
#include "sandbox/proc_files.h"
#include "sandbox/pump.h"

namespace qbench::sandbox {

namespace {

constexpr int kArgumentsDescriptor = kOrderDescriptor + 1, kFirstRoomDescriptor = kArgumentsDescriptor + 1;

/// A program with its pump in a thread of its own.
class PumpedProcess final : public Process {
 public:
  explicit PumpedProcess(std::unique_ptr<Pump> pump) : pump_(std::move(pump)), thread_([this] { pump_->loop(); }) {}
  ~PumpedProcess() override {
    if (!thread_.joinable()) return;
    pump_->kill();
    thread_.join();
  }
  bool send(std::string_view line) override { return pump_->send(line); }
  std::optional<std::string> receive(std::size_t max_bytes) override { return pump_->receive(max_bytes); }
  Outcome finish(bool kill) override {
    if (!thread_.joinable()) return outcome_;
    kill ? pump_->kill() : pump_->close_input();
    thread_.join();
    return outcome_ = pump_->take_outcome();
  }

 private:
  std::unique_ptr<Pump> pump_;
  std::thread thread_;
  Outcome outcome_;
};

class OpenSandbox final : public Sandbox {
 public:
  OpenSandbox(Level level, BwrapFeatures features, std::optional<ControlGroups> groups, std::string filter, std::string no_groups = {})
      : level_(level),
        features_(std::move(features)),
        groups_(std::move(groups)),
        filter_(std::move(filter)),
        no_groups_(std::move(no_groups)) {}

  Level level() const override { return level_; }
  std::string description() const override;

  Outcome run(const Job& job) const override {
    Pump pump(prepare(job), job.limits, job.input, true);
    pump.loop();
    return pump.take_outcome();
  }

  std::unique_ptr<Process> start(const Job& job) const override {
    return std::make_unique<PumpedProcess>(std::make_unique<Pump>(prepare(job), job.limits, std::string(), false));
  }

 private:
  Prepared prepare(const Job& job) const {
    check_job(job);
    Prepared prepared = level_ == Level::kRlimits ? prepare_bare(job) : prepare_room(job);
    if (groups_) {
      prepared.group = groups_->make(job.limits);
      if (!prepared.group)
        throw Error(ErrorCode::kIo, "a control group cannot be made any more, but could when the sandbox was opened", "sandbox");
      prepared.plan.group_files = prepared.group->join_files();
    }
    return prepared;
  }

  /// Adds a file that the child gets as its next descriptor.
  static void hand_over(Prepared& prepared, Descriptor file) {
    prepared.plan.descriptors.push_back(file.get());
    prepared.kept.push_back(std::move(file));
  }

  Prepared prepare_room(const Job& job) const {
    Prepared prepared;
    prepared.plan.descriptors.assign(kStatusDescriptor + 1, -1);
    hand_over(prepared, make_memory_file("qbench-order", make_order(job.limits, filter_, 0)));
    Room room = make_room(job, features_, kFirstRoomDescriptor);
    std::string options;
    for (const std::string& word : room.options) options.append(word).push_back('\0');
    hand_over(prepared, make_memory_file("qbench-arguments", options));
    for (Descriptor& file : room.files) hand_over(prepared, std::move(file));
    run_keeper(prepared);
    prepared.plan.argv = {kKeeperPath, "--guard", features_.program, "--args", std::to_string(kArgumentsDescriptor), "--", kKeeperPath};
    prepared.plan.argv.insert(prepared.plan.argv.end(), job.argv.begin(), job.argv.end());
    return prepared;
  }

  Prepared prepare_bare(const Job& job) const {
    Prepared prepared;
    prepared.folder = std::make_unique<TaskFolder>(job);
    prepared.plan.descriptors.assign(kStatusDescriptor + 1, -1);
    const std::int64_t others = count_tasks(::geteuid() == 0 ? kNobody : ::geteuid());
    hand_over(prepared, make_memory_file("qbench-order", make_order(job.limits, filter_, others + kOtherSandboxes)));
    run_keeper(prepared);
    prepared.plan.argv = {kKeeperPath};
    for (const std::string& word : job.argv) prepared.plan.argv.push_back(prepared.folder->real_path(word));
    for (const auto& [name, value] : job_environment(job, "/tmp")) {
      prepared.plan.environment.push_back(name + "=" + prepared.folder->real_path(value));
    }
    prepared.plan.folder = prepared.folder->temporary();
    return prepared;
  }

  /// qbench's child is a keeper at every level: with --guard outside of namespaces, which then starts bubblewrap, or that of the program.
  static void run_keeper(Prepared& prepared) {
    Descriptor keeper = make_memory_file("qbench-keeper", keeper_image());
    prepared.plan.program_descriptor = keeper.get();
    prepared.plan.death_signal = SIGTERM;
    prepared.kept.push_back(std::move(keeper));
  }

  static constexpr std::int64_t kOtherSandboxes = 512;  // tasks of others of the same user that may come while this one runs

  Level level_;
  BwrapFeatures features_;
  std::optional<ControlGroups> groups_;
  std::string filter_;
  std::string no_groups_;  ///< why there is no control group, where that was tried
};

std::string OpenSandbox::description() const {
  std::string text(name_of(level_));
  if (groups_) text += " (control groups of " + groups_->version() + ")";
  if (level_ != Level::kRlimits) {
    text += ", " + features_.program;
    if (!no_groups_.empty()) text += ", without a control group (" + no_groups_ + ")";
    if (!features_.proc) text += ", without /proc inside (it cannot be mounted here)";
  }
  return text;
}

/// The program in $PATH or where distributions put it; empty when it is nowhere.
std::string find_bwrap() {
  std::istringstream folders(environment_variable("PATH").value_or("") + ":/usr/bin:/bin:/usr/local/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string path = folder + "/bwrap";
    if (folder.starts_with("/") && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

Job probe_job() {
  Job job;
  job.argv = {"/usr/bin/true"};
  job.limits.wall_s = 60;  // a busy machine that is late is no reason for a weaker sandbox
  return job;
}

bool works(const Sandbox& room, std::string& why) {
  const Outcome outcome = room.run(probe_job());
  if (outcome.end == End::kExited && outcome.exit_code == 0) return true;
  why = outcome.detail;
  return false;
}

/// The most of bubblewrap that works: first with everything, then without what some containers refuse. Nothing: `why` says what is missing.
std::optional<BwrapFeatures> probe_bwrap(const std::string& filter, std::string& why) {
  BwrapFeatures features;
  features.program = find_bwrap();
  if (features.program.empty()) {
    why = std::string(
              "bubblewrap (bwrap) is not installed, and generated code runs in nothing less: scripts/setup.sh --quality installs it (") +
          kUnsafeAdvice + ")";
    return std::nullopt;
  }
  std::string first_reason;
  for (const bool proc : {true, false}) {
    for (const bool disable_userns : {true, false}) {
      features.proc = proc;
      features.disable_userns = disable_userns;
      std::string reason;
      if (works(OpenSandbox(Level::kBwrap, features, std::nullopt, filter), reason)) return features;
      if (first_reason.empty()) first_reason = reason;
    }
  }
  why = "bubblewrap does not work here: " + first_reason + ". " + namespace_advice() + " (" + kUnsafeAdvice + ")";
  return std::nullopt;
}

std::unique_ptr<Sandbox> open_bare(const std::string& filter, bool unsafe, std::string& why) {
  if (!unsafe) {
    why = "the level rlimits leaves this machine's files open to generated code: it needs --unsafe beside --sandbox=rlimits";
    return nullptr;
  }
  TaskFolder::remove_left_behind();
  auto bare = std::make_unique<OpenSandbox>(Level::kRlimits, BwrapFeatures{}, std::nullopt, filter);
  if (works(*bare, why)) return bare;
  why = "programs cannot be started with limits and filter here: " + why;
  return nullptr;
}

}  // namespace

std::string_view name_of(Level level) noexcept {
  switch (level) {
    case Level::kBwrapCgroup:
      return "bwrap+cgroup";
    case Level::kBwrap:
      return "bwrap";
    case Level::kRlimits:
      return "rlimits";
  }
  return "?";
}

Options options_of(std::string_view level, bool unsafe) {
  if (unsafe && level != name_of(Level::kRlimits))
    throw Error(ErrorCode::kUsage, "goes with --sandbox=rlimits only: the other levels leave nothing of this machine open", "--unsafe");
  if (level.empty()) return {};
  for (const Level one : {Level::kBwrapCgroup, Level::kBwrap, Level::kRlimits}) {
    if (level == name_of(one)) return {.level = one, .unsafe = unsafe};
  }
  throw Error(ErrorCode::kUsage, "'" + std::string(level) + "' is no level; there are bwrap+cgroup, bwrap and rlimits", "--sandbox");
}

std::unique_ptr<Sandbox> Sandbox::open(const Options& options) {
  std::string why;
  std::unique_ptr<Sandbox> sandbox = open_or_say(options, why);
  if (sandbox == nullptr) throw Error(ErrorCode::kConfig, why, "sandbox");
  return sandbox;
}

std::unique_ptr<Sandbox> Sandbox::open_or_say(const Options& options, std::string& why) {
  const std::string filter = make_filter();
  if (options.level == Level::kRlimits) return open_bare(filter, options.unsafe, why);
  const std::optional<BwrapFeatures> features = probe_bwrap(filter, why);
  if (!features) return nullptr;
  if (options.level != Level::kBwrap) {
    if (std::optional<ControlGroups> groups = ControlGroups::find(why)) {
      auto room = std::make_unique<OpenSandbox>(Level::kBwrapCgroup, *features, std::move(groups), filter);
      if (works(*room, why)) return room;
    }
    if (options.level == Level::kBwrapCgroup) {
      why = "no control group of its own for the sandbox: " + why + ". --sandbox=bwrap goes without";
      return nullptr;
    }
  }
  return std::make_unique<OpenSandbox>(Level::kBwrap, *features, std::nullopt, filter, why);
}

}  // namespace qbench::sandbox
