#include "record/sample_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text_file.h"

namespace qbench::record {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what, int error) {
  throw Error(ErrorCode::kIo, what + ": " + std::strerror(error), path.string());
}

/// Length of the file up to and with its last newline: what a killed run left after it is a half line.
off_t whole_lines_end(int fd, const std::filesystem::path& path, off_t size) {
  char buffer[1 << 14];
  for (off_t end = size; end > 0;) {
    const off_t begin = end > static_cast<off_t>(sizeof buffer) ? end - static_cast<off_t>(sizeof buffer) : 0;
    const ssize_t n = ::pread(fd, buffer, static_cast<std::size_t>(end - begin), begin);
    if (n != end - begin) fail(path, "cannot read", n < 0 ? errno : EIO);
    for (ssize_t i = n; i > 0; --i) {
      if (buffer[i - 1] == '\n') return begin + i;
    }
    end = begin;
  }
  return 0;
}

}  // namespace

SampleFile::SampleFile(const std::filesystem::path& path, const Options& options) : options_(options), path_(path) {
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path, "cannot open for appending", errno);
  try {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail(path, "cannot look at", errno);
    if (!S_ISREG(status.st_mode)) return;
    const off_t end = whole_lines_end(fd_, path, status.st_size);
    if (end < status.st_size && ::ftruncate(fd_, end) != 0) fail(path, "cannot cut off the half line at the end", errno);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

SampleFile::~SampleFile() {
  if (fd_ >= 0) ::close(fd_);
}

SampleFile::SampleFile(SampleFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), options_(other.options_), path_(std::move(other.path_)) {}

SampleFile& SampleFile::operator=(SampleFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(options_, other.options_);
  std::swap(path_, other.path_);
  return *this;
}

void SampleFile::append(const LoadRecord& record) { append_line(to_json_line(record)); }
void SampleFile::append(const SampleRecord& record) { append_line(to_json_line(record)); }
void SampleFile::append(const CellRecord& record) { append_line(to_json_line(record)); }
void SampleFile::append(const TaskRecord& record) { append_line(to_json_line(record)); }
void SampleFile::append(const QualityRecord& record) { append_line(to_json_line(record)); }
void SampleFile::append(const BreakdownRecord& record) { append_line(to_json_line(record)); }
void SampleFile::append(const AblationRecord& record) { append_line(to_json_line(record)); }

void SampleFile::append_line(std::string_view line) {
  QB_CHECK(line.find('\n') == std::string_view::npos);
  std::string bytes(line);
  bytes += '\n';
  struct stat before {};
  const bool regular = ::fstat(fd_, &before) == 0 && S_ISREG(before.st_mode);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : EIO;
      // Shrinking needs no space; should it fail too, the reader copes with a half line.
      if (regular && done > 0 && ::ftruncate(fd_, before.st_size) != 0)
        fail(path_, "cannot append, and a half line is left at the end", error);
      fail(path_, "cannot append", error);
    }
    done += static_cast<std::size_t>(n);
  }
  if (options_.sync && ::fsync(fd_) != 0 && errno != EINVAL) fail(path_, "cannot flush", errno);
}

SampleFileContent read_sample_file(const std::filesystem::path& path) {
  const std::string bytes = read_text_file(path, std::uint64_t{1} << 34);
  SampleFileContent content;
  std::string_view rest = bytes;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t newline = rest.find('\n');
    if (newline == std::string_view::npos) {
      content.truncated_tail = true;
      break;
    }
    const std::string where = path.string() + ":" + std::to_string(line);
    Line record = parse_json_line(rest.substr(0, newline), where);
    if (auto* load = std::get_if<LoadRecord>(&record)) content.loads.push_back(std::move(*load));
    if (auto* sample = std::get_if<SampleRecord>(&record)) content.samples.push_back(std::move(*sample));
    if (auto* cell = std::get_if<CellRecord>(&record)) content.cells.push_back(std::move(*cell));
    if (auto* task = std::get_if<TaskRecord>(&record)) content.tasks.push_back(std::move(*task));
    if (auto* quality = std::get_if<QualityRecord>(&record)) content.qualities.push_back(std::move(*quality));
    if (auto* breakdown = std::get_if<BreakdownRecord>(&record)) content.breakdowns.push_back(std::move(*breakdown));
    if (auto* ablation = std::get_if<AblationRecord>(&record)) content.ablations.push_back(std::move(*ablation));
    rest.remove_prefix(newline + 1);
  }
  return content;
}

namespace {

/// The same cell; or a row that failed before device, context and threads were known, and the same request measured later.
bool is_replaced_by(const CellRecord& row, const CellRecord& later) {
  if (row.cell == later.cell) return true;
  const CellKey& a = row.cell;
  const CellKey& b = later.cell;
  const bool same_request = a.model == b.model && a.suite == b.suite && a.prompt_id == b.prompt_id && a.turn == b.turn && a.pass == b.pass;
  return !is_measured(row.status) && same_request;
}

}  // namespace

std::vector<CellRecord> latest_cells(const std::vector<CellRecord>& cells) {
  std::vector<CellRecord> latest;
  for (const CellRecord& cell : cells) {
    const auto earlier = std::find_if(latest.begin(), latest.end(), [&](const CellRecord& row) { return is_replaced_by(row, cell); });
    if (earlier == latest.end()) {
      latest.push_back(cell);
    } else {
      *earlier = cell;
    }
  }
  return latest;
}

}  // namespace qbench::record
