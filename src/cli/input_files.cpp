#include "cli/input_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace qbench::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::size_t kMaxInputBytes = std::size_t{1} << 30;
constexpr int kMaxJsonDepth = 64;

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

/// Nesting of a JSON text outside its strings; a parser that recurses is called only when it is small.
int json_depth(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

ordered_json parse(std::string_view option, const fs::path& path, std::string_view text, const std::string& place) {
  if (json_depth(text) > kMaxJsonDepth) fail(option, path, place + "nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
  ordered_json value = ordered_json::parse(text, nullptr, false);
  if (value.is_discarded()) fail(option, path, place + "not valid JSON");
  return value;
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
