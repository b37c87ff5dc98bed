#include "sysinfo/host.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/digest.h"
#include "sysinfo/system_files.h"

namespace qbench::sysinfo {
namespace {

std::string hash_of_hostname() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return sha256_hex(std::string_view(name.data())).substr(0, 16);
}

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

std::string read_os(const Roots& roots) {
  const std::string content = read_file(roots.root / "etc/os-release").value_or("");
  for (const std::string_view line : split(content, '\n')) {
    if (line.starts_with("PRETTY_NAME=")) return unquoted(trim(line.substr(12)));
  }
  return {};
}

std::string guess_container(const Roots& roots) {
  std::error_code ignored;
  const auto exists = [&](const char* path) { return std::filesystem::exists(roots.root / path, ignored); };
  const std::string version = read_file(roots.proc / "version").value_or("");
  const std::string cgroup = read_file(roots.proc / "self/cgroup").value_or("") + read_file(roots.proc / "1/cgroup").value_or("");
  const auto in_cgroup = [&](const char* word) { return cgroup.find(word) != std::string::npos; };
  if (exists("var/run/secrets/kubernetes.io") || in_cgroup("kubepods")) return "kubernetes";
  if (exists("run/.containerenv")) return "podman";
  if (exists(".dockerenv") || in_cgroup("/docker")) return "docker";
  if (in_cgroup("/lxc") || exists("dev/lxd")) return "lxc";
  if (const auto named = read_word(roots.root / "run/systemd/container"); named && !named->empty()) return *named;
  if (version.find("gVisor") != std::string::npos) return "gvisor";
  if (version.find("microsoft") != std::string::npos || version.find("WSL") != std::string::npos) return "wsl";
  return "none";
}

struct StatLine {
  std::string name;
  int parent = 0;
  std::int64_t ticks = 0;
};

/// /proc/PID/stat; the name may hold spaces and parentheses, so fields are counted from its last closing one.
std::optional<StatLine> parse_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const auto fields = split(trim(text.substr(close + 1)), ' ');
  if (fields.size() < 13) return std::nullopt;
  const auto parent = to_int(fields[1]), user = to_int(fields[11]), system = to_int(fields[12]);
  if (!parent || !user || !system) return std::nullopt;
  return StatLine{std::string(text.substr(open + 1, close - open - 1)), static_cast<int>(*parent), *user + *system};
}

std::map<int, StatLine> read_processes(const Roots& roots) {
  std::map<int, StatLine> processes;
  std::error_code failed;
  for (auto entry = std::filesystem::directory_iterator(roots.proc, failed); !failed && entry != std::filesystem::directory_iterator();
       entry.increment(failed)) {
    const auto pid = to_int(entry->path().filename().native());
    if (!pid || *pid <= 0 || *pid > 0x7fffffff) continue;
    const auto content = read_file(entry->path() / "stat");
    if (!content) continue;  // it has ended meanwhile
    if (auto line = parse_stat(*content)) processes.emplace(static_cast<int>(*pid), std::move(*line));
  }
  return processes;
}

/// This process and all above it: the shell that waits for it is no disturbance.
std::set<int> own_line(const std::map<int, StatLine>& processes) {
  std::set<int> line;
  for (int pid = ::getpid(); pid > 0 && line.insert(pid).second;) {
    const auto found = processes.find(pid);
    pid = found == processes.end() ? 0 : found->second.parent;
  }
  return line;
}

}  // namespace

std::optional<double> read_load_average(const Roots& roots) {
  const auto content = read_word(roots.proc / "loadavg");
  if (!content) return std::nullopt;
  return to_double(split(*content, ' ').front());
}

HostInfo read_host_info(const Roots& roots) {
  HostInfo host;
  host.host_hash = hash_of_hostname();
  utsname names{};
  if (::uname(&names) == 0) host.kernel = std::string(names.sysname) + " " + names.release;
  host.os = read_os(roots);
  host.container = guess_container(roots);
  const std::string cpuinfo = read_file(roots.proc / "cpuinfo").value_or("");
  const auto flags = split(value_of(cpuinfo, "flags").value_or(""), ' ');
  host.virtual_machine = std::find(flags.begin(), flags.end(), "hypervisor") != flags.end();
  host.load_average_1m = read_load_average(roots);
  return host;
}

std::vector<BusyProcess> find_busy_processes(int window_ms, double least_cores, const Roots& roots) {
  const auto before = read_processes(roots);
  const std::int64_t start = now_ns();
  std::this_thread::sleep_for(std::chrono::milliseconds(window_ms));
  const auto after = read_processes(roots);
  const double seconds = static_cast<double>(now_ns() - start) * 1e-9;
  const double ticks_per_second = static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  const std::set<int> own = own_line(after);
  std::vector<BusyProcess> busy;
  for (const auto& [pid, line] : after) {
    const auto earlier = before.find(pid);
    if (earlier == before.end() || own.contains(pid)) continue;
    const double cores = static_cast<double>(line.ticks - earlier->second.ticks) / ticks_per_second / seconds;
    if (cores >= least_cores) busy.push_back({pid, line.name, cores});
  }
  std::sort(busy.begin(), busy.end(), [](const BusyProcess& a, const BusyProcess& b) { return a.cores > b.cores; });
  return busy;
}

}  // namespace qbench::sysinfo
