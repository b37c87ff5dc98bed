#include "sandbox/traps.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/text_file.h"
#include "sandbox/proc_files.h"
#include "sandbox/spawn.h"

namespace qbench::sandbox {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSecretVariable = "QBENCH_SELFTEST_SECRET";
constexpr int kInheritedDescriptor = 200;
/// Where an attack may have left a file with its mark, beside the open folder.
constexpr const char* kElsewhere[] = {"/var/tmp", "/dev/shm", "/usr/lib", "/usr/bin", "/etc", "/",
                                      "/dev",     "/root",    "/home",    "/run",     "/tmp"};

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorCode::kIo, std::string("cannot set the traps of the self-test: ") + what + ": " + std::strerror(errno), "sandbox");
}

std::string random_word() {
  unsigned char bytes[12];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) fail("random bytes");
  std::string word;
  for (const unsigned char byte : bytes) word += fmt::format("{:02x}", byte);
  return word;
}

Descriptor listen_at(const sockaddr* address, socklen_t length) {
  Descriptor listener(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener || ::bind(listener.get(), address, length) != 0 || ::listen(listener.get(), 16) != 0) fail("a listening socket");
  return listener;
}

sockaddr_un local_address(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), std::min(name.size(), sizeof address.sun_path - 1));
  return address;
}

bool was_reached(const Descriptor& listener) {
  bool any = false;
  for (Descriptor connection; (connection = Descriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));) any = true;
  return any;
}

}  // namespace

Traps::Traps() : mark_(random_word()), secret_(random_word()) {
  std::string folder = (fs::temp_directory_path() / "qbench-selftest-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) fail("a folder");
  folder_ = folder;
  fs::create_directory(open_folder());
  write_text_file_atomic(secret_file(), secret_ + "\n");
  // Anybody may read and write them: what keeps an attack away is the sandbox alone.
  if (::chmod(folder.c_str(), 0755) != 0 || ::chmod(open_folder().c_str(), 0777) != 0 || ::chmod(secret_file().c_str(), 0666) != 0)
    fail("a folder");
  ::setenv(kSecretVariable, secret_.c_str(), 1);
  const Descriptor file(::open(secret_file().c_str(), O_RDONLY | O_CLOEXEC));
  inherited_ = Descriptor(::fcntl(file.get(), F_DUPFD, kInheritedDescriptor));  // not closed by exec
  if (!inherited_) fail("a descriptor");
  open_sockets();
  start_victim();
}

Traps::~Traps() {
  end_victim();
  ::unsetenv(kSecretVariable);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  for (const char* place : kElsewhere) fs::remove(fs::path(place) / mark_, ignored);
}

void Traps::open_sockets() {
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  tcp_ = listen_at(reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback);
  socklen_t length = sizeof loopback;
  if (::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&loopback), &length) != 0) fail("a listening socket");
  port_ = ntohs(loopback.sin_port);

  const std::string name = std::string(1, '\0') + abstract_socket();
  const sockaddr_un abstract = local_address(name);
  abstract_ =
      listen_at(reinterpret_cast<const sockaddr*>(&abstract), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
  const sockaddr_un named = local_address(socket_file().string());
  file_socket_ = listen_at(reinterpret_cast<const sockaddr*>(&named), sizeof named);
  if (::chmod(socket_file().c_str(), 0777) != 0) fail("a listening socket");
}

void Traps::start_victim() {
  const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("a pair of sockets");
  victim_line_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  SpawnPlan plan;
  plan.program = "/usr/bin/cat";
  plan.argv = {plan.program};
  plan.environment = {std::string(kSecretVariable) + "=" + secret_};
  plan.descriptors = {theirs.get(), theirs.get(), nothing.get()};
  plan.death_signal = SIGKILL;
  victim_ = spawn(plan).pid;
  if (victim_ < 0) fail("a process");
  ::setpgid(victim_, victim_);
}

void Traps::end_victim() {
  if (victim_ <= 0) return;
  ::kill(victim_, SIGKILL);
  while (::waitpid(victim_, nullptr, 0) < 0 && errno == EINTR) {
  }
  victim_ = -1;
}

/// A signal that was sent may still be on its way on a busy machine, and would be taken for the next attack's: the victim is asked to
/// answer, which it can only do once it has met what was sent before.
bool Traps::victim_was_hit() const {
  if (::send(victim_line_.get(), "x", 1, MSG_NOSIGNAL) != 1) return true;
  for (;;) {
    int status = 0;
    if (::waitpid(victim_, &status, WNOHANG | WUNTRACED) == victim_) return true;
    pollfd answer{victim_line_.get(), POLLIN, 0};
    if (::poll(&answer, 1, 20) <= 0) continue;
    char byte = 0;
    return ::recv(victim_line_.get(), &byte, 1, 0) != 1;
  }
}

std::string Traps::look() {
  std::string found;
  const auto add = [&found](const std::string& what) { found += (found.empty() ? "" : ", ") + what; };
  if (was_reached(tcp_)) add("reached a port of this machine");
  if (was_reached(abstract_)) add("reached an abstract socket");
  if (was_reached(file_socket_)) add("reached a socket in the file system");
  if (victim_was_hit()) {
    add("sent a signal to a process outside");
    end_victim();
    start_victim();
  }
  std::error_code ignored;
  std::vector<fs::path> places{open_folder()};
  places.insert(places.end(), std::begin(kElsewhere), std::end(kElsewhere));
  for (const fs::path& place : places) {
    if (fs::remove(place / mark_, ignored)) add("wrote a file below " + place.string());
  }
  if (!fs::exists(secret_file()) || read_text_file(secret_file()) != secret_ + "\n") {
    add("changed or removed a file outside");
    fs::create_directories(open_folder(), ignored);
    write_text_file_atomic(secret_file(), secret_ + "\n");
    ::chmod(secret_file().c_str(), 0666);
  }
  if (const int left = count_processes(); left > 0) add(fmt::format("left {} processes running", left));
  return found;
}

int Traps::count_processes() const {
  int count = 0;
  for (const pid_t pid : list_processes()) {
    if (read_small_file(fmt::format("/proc/{}/cmdline", pid).c_str()).find(mark_) != std::string::npos) ++count;
  }
  return count;
}

}  // namespace qbench::sandbox
