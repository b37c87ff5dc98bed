#include "cli/input_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "text/utf8.h"

namespace qbench::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::size_t kMaxInputBytes = std::size_t{1} << 30;

[[noreturn]] void fail(std::string_view option, const fs::path& path, const std::string& message) {
  throw Error(ErrorCode::kUsage, path.string() + ": " + message, std::string(option));
}

/// Closes a file that was opened; standard input stays.
struct InputDescriptor {
  int fd;
  ~InputDescriptor() {
    if (fd > STDERR_FILENO) ::close(fd);
  }
};

/// Of a key that stands twice the last one counts.
ordered_json parse(std::string_view option, const fs::path& path, std::string_view text, const std::string& place) {
  const auto problem = find_json_problem(text, {.unique_keys = false, .one_line = !place.empty()});
  if (problem) fail(option, path, place + *problem);
  return ordered_json::parse(text);
}

}  // namespace

std::string read_input(std::string_view option, const fs::path& path) {
  // A pipe is read like a file, but one without a writer is not waited for: it opens at once and is empty.
  const InputDescriptor input{path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (input.fd < 0) fail(option, path, std::string("cannot read: ") + std::strerror(errno));
  if (path != "-") ::fcntl(input.fd, F_SETFL, ::fcntl(input.fd, F_GETFL) & ~O_NONBLOCK);
  std::string content;
  std::string buffer(1 << 16, '\0');
  for (;;) {
    const ssize_t n = ::read(input.fd, buffer.data(), buffer.size());
    if (n == 0) return content;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(option, path, std::string("cannot read: ") + std::strerror(errno));
    content.append(buffer, 0, static_cast<std::size_t>(n));
    if (content.size() > kMaxInputBytes) fail(option, path, "larger than 1 GiB");
  }
}

std::string read_text_input(std::string_view option, const fs::path& path) {
  std::string content = read_input(option, path);
  check_utf8(option, path.string(), content);
  return content;
}

void check_utf8(std::string_view option, const std::string& name, std::string_view text) {
  const std::size_t valid = text::valid_utf8_prefix(text);
  if (valid == text.size()) return;
  throw Error(ErrorCode::kUsage,
              fmt::format("{}: not valid UTF-8: byte 0x{:02x} at offset {}", name, static_cast<unsigned char>(text[valid]), valid),
              std::string(option));
}

std::vector<std::int32_t> read_ids(std::string_view option, const fs::path& path) {
  const ordered_json value = parse(option, path, read_input(option, path), "");
  if (!value.is_array()) fail(option, path, std::string("expected one JSON array of token ids, found ") + value.type_name());
  std::vector<std::int32_t> ids;
  ids.reserve(value.size());
  for (const auto& element : value) {
    if (!element.is_number_integer() || element.get<std::int64_t>() < 0 ||
        element.get<std::int64_t>() > std::numeric_limits<std::int32_t>::max()) {
      fail(option, path, "entry " + std::to_string(ids.size()) + " is " + element.dump().substr(0, 40) + ", expected a token id");
    }
    ids.push_back(element.get<std::int32_t>());
  }
  return ids;
}

ordered_json read_json_object(std::string_view option, const fs::path& path) {
  ordered_json value = parse(option, path, read_input(option, path), "");
  if (!value.is_object()) fail(option, path, std::string("expected one JSON object, found ") + value.type_name());
  return value;
}

std::vector<std::string> read_json_strings(std::string_view option, const fs::path& path) {
  const std::string content = read_input(option, path);
  std::vector<std::string> texts;
  std::string_view rest = content;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string place = "line " + std::to_string(line) + ": ";
    ordered_json value = parse(option, path, rest.substr(0, end), place);
    if (!value.is_string()) fail(option, path, place + "expected a JSON string, found " + value.type_name());
    texts.push_back(std::move(value.get_ref<std::string&>()));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return texts;
}

}  // namespace qbench::cli
