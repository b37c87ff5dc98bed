#include "cli/output.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace qbench::cli {

namespace {

/// 0, or why the bytes could not be written.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

void write_output(std::string_view bytes) {
  const int reason = write_all(STDOUT_FILENO, bytes);
  if (reason == EPIPE) throw OutputClosed{};
  if (reason != 0) throw Error(ErrorCode::kUsage, std::string("cannot write to standard output: ") + std::strerror(reason));
}

int try_write_output(std::string_view bytes) { return write_all(STDOUT_FILENO, bytes); }

void write_stderr(std::string_view bytes) { write_all(STDERR_FILENO, bytes); }

void write_output_json(const nlohmann::ordered_json& document) {
  write_output(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

std::size_t terminal_columns(int fd, std::size_t fewest, std::size_t otherwise) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= fewest ? size.ws_col : otherwise;
}

}  // namespace qbench::cli
