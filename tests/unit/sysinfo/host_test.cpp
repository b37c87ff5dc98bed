#include "sysinfo/host.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "fake_system.h"

using namespace qbench;
using namespace qbench::sysinfo;

TEST_CASE("system, virtual machine and load are read from their files") {
  test::FakeSystem fake;
  fake.write("root/etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  fake.write("proc/cpuinfo", "flags\t: fpu hypervisor avx\n");
  fake.write("proc/loadavg", "1.25 0.50 0.10 2/95 4711\n");
  const HostInfo host = read_host_info(fake.roots());
  CHECK(host.os == "Debian GNU/Linux 12 (bookworm)");
  CHECK(host.virtual_machine);
  CHECK(host.load_average_1m == 1.25);
  CHECK(host.container == "none");
  CHECK(host.host_hash.size() == 16);
  CHECK(host.kernel.starts_with("Linux "));
}

TEST_CASE("containers are told by what they leave") {
  const auto container = [](const char* path, const char* content) {
    test::FakeSystem fake;
    fake.write(path, content);
    return read_host_info(fake.roots()).container;
  };
  CHECK(container("root/.dockerenv", "") == "docker");
  CHECK(container("root/run/.containerenv", "") == "podman");
  CHECK(container("proc/self/cgroup", "0::/kubepods/besteffort/pod1\n") == "kubernetes");
  CHECK(container("proc/1/cgroup", "0::/lxc/box\n") == "lxc");
  CHECK(container("root/run/systemd/container", "systemd-nspawn\n") == "systemd-nspawn");
  CHECK(container("proc/version", "Linux version 4.4.0 (gVisor)\n") == "gvisor");
  CHECK(container("proc/version", "Linux version 5.15-microsoft-standard-WSL2\n") == "wsl");
  CHECK(container("proc/version", "Linux version 6.1.0\n") == "none");
}

TEST_CASE("a load average that is not there or no number is nothing") {
  test::FakeSystem fake;
  CHECK_FALSE(read_load_average(fake.roots()).has_value());
  fake.write("proc/loadavg", "high\n");
  CHECK_FALSE(read_load_average(fake.roots()).has_value());
}

TEST_CASE("a busy process is found, an idle one and this one are not") {
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const auto start = [&](bool busy) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      (void)!::write(ready[1], "x", 1);
      volatile unsigned counter = 0;
      while (busy) counter = counter + 1;
      while (true) ::pause();
    }
    return pid;
  };
  const pid_t busy = start(true), idle = start(false);
  char buffer[2];
  REQUIRE(::read(ready[0], buffer, 1) == 1);
  REQUIRE(::read(ready[0], buffer, 1) == 1);
  // Anything above nothing counts: how much processor time it gets on a loaded machine is not this test's business.
  const auto found = find_busy_processes(300, 0.001);
  ::kill(busy, SIGKILL);
  ::kill(idle, SIGKILL);
  ::waitpid(busy, nullptr, 0);
  ::waitpid(idle, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  const auto has = [&](pid_t pid) { return std::any_of(found.begin(), found.end(), [pid](const BusyProcess& p) { return p.pid == pid; }); };
  CHECK(has(busy));
  CHECK_FALSE(has(idle));
  CHECK_FALSE(has(::getpid()));
  CHECK(std::is_sorted(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.cores > b.cores; }));
}

TEST_CASE("process names with spaces and parentheses do not shift the fields") {
  test::FakeSystem fake;
  fake.write("proc/4711/stat", "4711 (a) b (c)) R 1 1 1 0 -1 0 0 0 0 0 100 50 0 0 20 0 1 0 1 1 1\n");
  fake.write("proc/4712/stat", "4712 (broken\n");
  fake.write("proc/self/stat", "1 (x) R\n");
  // Nothing was used between the two looks, so with a threshold of 0 every readable process is listed with 0 cores.
  const auto found = find_busy_processes(1, 0.0, fake.roots());
  REQUIRE(found.size() == 1);
  CHECK(found[0].pid == 4711);
  CHECK(found[0].name == "a) b (c)");
  CHECK(found[0].cores == 0.0);
}
