#include "sandbox/attacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <thread>

#include "base/units.h"
#include "sandbox/attack.h"
#include "sandbox/traps.h"

namespace qbench::sandbox {

namespace {

constexpr const char* kPython = "/usr/bin/python3";
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::int64_t kProcesses = 32;
const std::vector<End> kTime{End::kCpuTimeout, End::kWallTimeout};  // on a busy machine the clock may be first

/// Small limits, so that what runs into one does it soon.
Limits attack_limits() {
  return {.cpu_s = 0.7,
          .wall_s = 4,
          .memory_bytes = 128 * kMiB,
          .processes = kProcesses,
          .file_bytes = 16 * kMiB,
          .output_bytes = 256 << 10,
          .scratch_bytes = 16 * kMiB};
}

/// Parameters of one attack beside the traps, as JSON members: `"variant": "shared"`.
Job attack_job(const Traps& traps, std::string_view program, const std::string& parameters) {
  Job job;
  job.argv = {
      kPython, "-I", "-S", "/task/attack.py",
      fmt::format(R"({{"mark": "{}", "secret_file": "{}", "open_folder": "{}", "socket_file": "{}", "abstract_socket": "{}", "port": {}, )"
                  R"("victim": {}, "memory_bytes": {}{}{}}})",
                  traps.mark(), traps.secret_file().string(), traps.open_folder().string(), traps.socket_file().string(),
                  traps.abstract_socket(), traps.port(), traps.victim(), attack_limits().memory_bytes, parameters.empty() ? "" : ", ",
                  parameters)};
  job.files = {{"attack.py", std::string(attacks::prologue()) + std::string(program), false}};
  job.limits = attack_limits();
  return job;
}

std::string end_name(const Outcome& outcome) {
  switch (outcome.end) {
    case End::kExited:
      return fmt::format("ended by itself, exit status {}", outcome.exit_code);
    case End::kNotStarted:
      return "could not be started: " + outcome.detail;
    default:
      return outcome.detail;
  }
}

/// The rest of the first line that begins with `word`.
std::string line_after(const std::string& text, const std::string& word) {
  const std::size_t at = text.find(word);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + word.size();
  return text.substr(begin, std::min(text.find('\n', begin), begin + 200) - begin);
}

/// The largest number behind `word`, or the sum of all.
std::uint64_t number_after(const std::string& text, const std::string& word, bool sum = false) {
  std::uint64_t result = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
    at += word.size();
    std::uint64_t value = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), value);
    result = sum ? result + value : std::max(result, value);
  }
  return result;
}

/// What every attack is judged by; nothing when it got hold of nothing.
std::string find_hole(Traps& traps, const Outcome& outcome) {
  const std::string seen = traps.look();
  if (!seen.empty()) return seen;
  for (const std::string* text : {&outcome.output, &outcome.error_output}) {
    if (text->find(traps.secret()) != std::string::npos) return "read the secret";
    const std::string told = line_after(*text, "SUCCEEDED " + traps.mark());
    if (!told.empty()) return "got through:" + told;
  }
  if (outcome.end == End::kNotStarted) return end_name(outcome);
  if (outcome.output.find("BEGAN " + traps.mark()) == std::string::npos) return "the attack did not run: " + end_name(outcome);
  for (const char* fault : {"SyntaxError", "NameError", "AttributeError", "TypeError", "ImportError", "KeyError"}) {
    if (outcome.error_output.find(fault) != std::string::npos ||
        outcome.output.find(std::string("failed: ") + fault) != std::string::npos) {
      return std::string("the attack itself is wrong: ") + fault;
    }
  }
  return {};
}

using Check = std::function<std::string(const Outcome&)>;  ///< what is wrong with the outcome, or nothing

Check must_end(std::vector<End> ends) {
  return [ends = std::move(ends)](const Outcome& outcome) {
    return std::find(ends.begin(), ends.end(), outcome.end) != ends.end() ? std::string()
                                                                          : "not stopped by the limit: " + end_name(outcome);
  };
}

/// At most so much may have been in use at once; one block more may have been under way.
Check at_most(const std::string& word, std::uint64_t limit, bool sum = false) {
  return [=](const Outcome& outcome) {
    const std::uint64_t reached = number_after(outcome.output, word, sum);
    return reached <= limit ? std::string() : fmt::format("reached {} where {} is the limit", reached, limit);
  };
}

class List {
 public:
  explicit List(std::shared_ptr<Traps> traps) : traps_(std::move(traps)) {}

  void add(const char* group, std::string name, std::string_view program, const std::string& parameters = {}, const Check& check = {}) {
    attacks_.push_back({group, std::move(name), [traps = traps_, program, parameters, check](const Sandbox& sandbox) {
                          const Outcome outcome = sandbox.run(attack_job(*traps, program, parameters));
                          std::string hole = find_hole(*traps, outcome);
                          if (hole.empty() && check) hole = check(outcome);
                          return Finding{hole.empty(), hole.empty() ? end_name(outcome) : hole};
                        }});
  }

  /// Judged by how many processes there were at once, counted outside while it runs.
  void add_counted(const char* group, std::string name, std::string_view program) {
    attacks_.push_back(
        {group, std::move(name), [traps = traps_, program](const Sandbox& sandbox) {
           std::atomic<bool> done{false};
           std::atomic<int> most{0};
           std::thread counter([&] {
             for (; !done; std::this_thread::sleep_for(std::chrono::milliseconds(20))) most = std::max<int>(most, traps->count_processes());
           });
           const Outcome outcome = sandbox.run(attack_job(*traps, program, {}));
           done = true;
           counter.join();
           std::string hole = find_hole(*traps, outcome);
           constexpr int kOwn = 4;  // guard, bubblewrap and keeper name the attack too
           if (hole.empty() && most > kProcesses + kOwn)
             hole = fmt::format("{} processes at once where {} is the limit", most.load(), kProcesses);
           return Finding{hole.empty(), hole.empty() ? fmt::format("{} processes at most; {}", most.load(), end_name(outcome)) : hole};
         }});
  }

  std::vector<Attack> take() { return std::move(attacks_); }

 private:
  std::shared_ptr<Traps> traps_;
  std::vector<Attack> attacks_;
};

std::string variant(const char* name) { return fmt::format(R"("variant": "{}")", name); }

void add_files(List& list) {
  list.add("files", "read files outside", attacks::read_files());
  list.add("files", "links to what is outside", attacks::links());
  list.add("files", "write outside its folder", attacks::write_files());
  list.add("files", "the caller's environment", attacks::environment());
  list.add("files", "inherited descriptors", attacks::descriptors());
  list.add("files", "devices, graphics and disks", attacks::devices());
  list.add("files", "/proc: memory, descriptors, settings", attacks::proc());
  for (const char* way : {"posix", "libc", "posix_spawn", "execv"}) {
    list.add("files", fmt::format("the same from a shell, by {}", way), attacks::other_programs(), variant(way));
  }
}

void add_network(List& list) {
  list.add("network", "sockets of every family", attacks::network());
  list.add("network", "abstract and named local sockets", attacks::local_sockets());
}

void add_processes(List& list) {
  list.add("processes", "signals to its parent and to others", attacks::kill_others());
  list.add("processes", "a grandchild that outlives it", attacks::grandchild(), R"("hang": false)");
  list.add("processes", "a grandchild, and it hangs", attacks::grandchild(), R"("hang": true)", must_end({End::kWallTimeout}));
  list.add("processes", "a report forged to the outside", attacks::forged_report());
  list.add("processes", "setuid programs, users, limits", attacks::privileges());
  list.add("processes", "typing into the terminal", attacks::terminal());
}

void add_limits(List& list) {
  list.add("limits", "every signal ignored, every exception caught", attacks::ignore_signals(), variant("signals"), must_end(kTime));
  list.add("limits", "alarms switched off", attacks::ignore_signals(), variant("alarm"), must_end(kTime));
  list.add("limits", "many threads that compute", attacks::threads(), {}, must_end(kTime));
  list.add("limits", "children that nobody waits for", attacks::unwaited(), {}, must_end(kTime));
  list.add_counted("limits", "fork bomb", attacks::fork_bomb());
  for (const char* way : {"asleep", "stopped", "reading", "closed"}) {
    list.add("limits", fmt::format("waits for ever ({})", way), attacks::hang(), variant(way), must_end({End::kWallTimeout}));
  }
  list.add("limits", "output without end", attacks::output(), {}, must_end({End::kOutputLimit}));
}

void add_memory(List& list) {
  const std::uint64_t limit = attack_limits().memory_bytes, block = 32 * kMiB;
  for (const char* way : {"private", "shared", "hidden", "anonymous_files", "system_v", "huge"}) {
    list.add("memory", fmt::format("memory bomb ({})", way), attacks::memory(), variant(way), at_most("REACHED ", limit + block));
  }
  list.add("memory", "memory bomb (processes)", attacks::memory(), variant("processes"), at_most("HELD ", limit + block, true));
  list.add("memory", "fills every folder", attacks::memory(), variant("files"), at_most("REACHED ", 40 * kMiB));
  list.add("memory", "files without content", attacks::empty_files(), {}, at_most("MADE ", 100000));
}

void add_calls(List& list) {
  for (const char* call : {"ptrace",
                           "process_vm_readv",
                           "process_vm_writev",
                           "pidfd_getfd",
                           "kcmp",
                           "mount",
                           "umount2",
                           "pivot_root",
                           "chroot",
                           "move_mount",
                           "open_tree",
                           "fsopen",
                           "fsmount",
                           "mount_setattr",
                           "open_by_handle_at",
                           "unshare",
                           "setns",
                           "clone",
                           "bpf",
                           "perf_event_open",
                           "userfaultfd",
                           "add_key",
                           "request_key",
                           "keyctl",
                           "kexec_load",
                           "init_module",
                           "finit_module",
                           "delete_module",
                           "clock_settime",
                           "settimeofday",
                           "clock_adjtime",
                           "adjtimex",
                           "swapon",
                           "reboot",
                           "syslog",
                           "sethostname",
                           "acct",
                           "quotactl"}) {
    list.add("system calls", call, attacks::system_call(), fmt::format(R"("call": "{}")", call), must_end({End::kViolation}));
  }
  for (const char* call :
       {"clone3", "io_uring_setup", "memfd_create", "memfd_secret", "shmget", "fanotify_init", "seccomp", "name_to_handle_at", "mbind"}) {
    list.add("system calls", fmt::format("{} (does not exist inside)", call), attacks::system_call(), fmt::format(R"("call": "{}")", call));
  }
#ifdef __x86_64__
  list.add("system calls", "32-bit calls", attacks::other_abi(), variant("int80"), must_end({End::kViolation}));
  list.add("system calls", "x32 calls", attacks::other_abi(), variant("x32"), must_end({End::kViolation}));
#endif
}

}  // namespace

std::vector<Attack> sandbox_attacks(const std::shared_ptr<Traps>& traps) {
  List list(traps);
  add_files(list);
  add_network(list);
  add_processes(list);
  add_limits(list);
  add_memory(list);
  add_calls(list);
  return list.take();
}

}  // namespace qbench::sandbox
