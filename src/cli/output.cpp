#include "cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace qbench::cli {

void write_output(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EPIPE) {
      throw OutputClosed{};
    } else if (errno != EINTR && errno != EAGAIN) {
      throw Error(ErrorCode::kUsage, std::string("cannot write to standard output: ") + std::strerror(errno));
    }
  }
}

void write_output_json(const nlohmann::ordered_json& document) {
  write_output(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

}  // namespace qbench::cli
