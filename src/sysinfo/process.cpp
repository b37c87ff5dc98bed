#include "sysinfo/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <span>
#include <string_view>
#include <utility>

#include "sysinfo/system_files.h"

namespace qbench::sysinfo {
namespace {

/// The n-th number (from 0) of a text of words between spaces; no allocation.
std::optional<std::int64_t> nth_number(std::string_view text, int n) {
  for (; n >= 0; --n) {
    const std::size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    if (n == 0) break;
    text.remove_prefix(std::min(text.find_first_of(" \n"), text.size()));
  }
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

std::string_view read_at_start(int fd, std::span<char> buffer) {
  if (fd < 0) return {};
  const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
  return n > 0 ? std::string_view(buffer.data(), static_cast<std::size_t>(n)) : std::string_view();
}

}  // namespace

ProcessProbe::ProcessProbe(const Roots& roots)
    : statm_(::open((roots.proc / "self/statm").c_str(), O_RDONLY | O_CLOEXEC)), page_bytes_(std::max(1L, ::sysconf(_SC_PAGESIZE))) {}

ProcessProbe::~ProcessProbe() {
  if (statm_ >= 0) ::close(statm_);
}

ProcessProbe::ProcessProbe(ProcessProbe&& other) noexcept : statm_(std::exchange(other.statm_, -1)), page_bytes_(other.page_bytes_) {}

ProcessProbe& ProcessProbe::operator=(ProcessProbe&& other) noexcept {
  std::swap(statm_, other.statm_);
  std::swap(page_bytes_, other.page_bytes_);
  return *this;
}

std::optional<std::int64_t> ProcessProbe::rss_bytes() const noexcept {
  char buffer[256];
  const auto pages = nth_number(read_at_start(statm_, buffer), 1);
  return pages ? std::optional(*pages * page_bytes_) : std::nullopt;
}

std::int64_t process_cpu_time_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::optional<std::int64_t> peak_rss_bytes(const Roots& roots) {
  const std::string status = read_file(roots.proc / "self/status").value_or("");
  if (const auto value = value_of(status, "VmHWM")) {
    if (const auto kib = to_int(split(*value, ' ').front()); kib && *kib >= 0) return *kib * 1024;
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return std::nullopt;
  return std::int64_t{usage.ru_maxrss} * 1024;
}

bool reset_peak_rss(const Roots& roots) {
  const int fd = ::open((roots.proc / "self/clear_refs").c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::write(fd, "5", 1) == 1;
  ::close(fd);
  return done;
}

}  // namespace qbench::sysinfo
