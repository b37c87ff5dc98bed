#include "sandbox/descriptor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

namespace qbench::sandbox {

namespace {

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorCode::kIo, std::string("cannot make ") + what + ": " + std::strerror(errno), "sandbox");
}

}  // namespace

PipeEnds make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("a pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::pair<Descriptor, Descriptor> make_report_socket() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("a pair of sockets");
  std::pair<Descriptor, Descriptor> both{Descriptor(ends[0]), Descriptor(ends[1])};
  const int yes = 1;
  if (::setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) fail("a pair of sockets");
  return both;
}

Descriptor make_memory_file(const char* name, std::span<const unsigned char> content) {
  Descriptor file(::memfd_create(name, MFD_CLOEXEC));
  if (!file) fail("a file in memory");
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t n = ::pwrite(file.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("a file in memory");
    done += static_cast<std::size_t>(n);
  }
  return file;
}

Descriptor make_memory_file(const char* name, std::string_view content) {
  return make_memory_file(name, std::span(reinterpret_cast<const unsigned char*>(content.data()), content.size()));
}

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace qbench::sandbox
