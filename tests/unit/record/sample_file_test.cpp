#include "record/sample_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/text_file.h"
#include "record_examples.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::record;

namespace {

SampleRecord numbered(std::int64_t repetition) {
  SampleRecord sample = test::example_sample();
  sample.repetition = repetition;
  return sample;
}

}  // namespace

TEST_CASE("what was appended is in the file before the writer is closed") {
  const test::TempDir folder;
  const auto path = folder.path() / "samples.jsonl";
  SampleFile file(path, {.sync = true});
  file.append(test::example_load());
  file.append(numbered(0));
  file.append(numbered(1));
  file.append(test::example_cell());
  const SampleFileContent content = read_sample_file(path);
  CHECK(content.loads.size() == 1);
  REQUIRE(content.samples.size() == 2);
  CHECK(content.samples[1].repetition == 1);
  CHECK(content.cells.size() == 1);
  CHECK_FALSE(content.truncated_tail);
}

TEST_CASE("a file cut off at any byte loses its last line only, and says so") {
  const test::TempDir folder;
  const auto path = folder.path() / "samples.jsonl";
  const std::string line = to_json_line(numbered(1)) + "\n";
  const std::string first = to_json_line(numbered(0)) + "\n";
  for (std::size_t keep = 0; keep <= line.size(); keep += keep + 40 < line.size() ? 37 : 1) {
    write_text_file_atomic(path, first + line.substr(0, keep));
    const SampleFileContent content = read_sample_file(path);
    const bool whole = keep == line.size();
    REQUIRE(content.samples.size() == (whole ? 2 : 1));
    CHECK(content.truncated_tail == (keep > 0 && !whole));
  }
}

TEST_CASE("appending after a killed run cuts its half line off and goes on") {
  const test::TempDir folder;
  const auto path = folder.path() / "samples.jsonl";
  const std::string first = to_json_line(numbered(0)) + "\n";
  for (const std::size_t half : {std::size_t{1}, std::size_t{500}, std::size_t{100'000}}) {
    write_text_file_atomic(path, first + std::string(half, 'x'));
    SampleFile(path).append(numbered(1));
    const SampleFileContent content = read_sample_file(path);
    REQUIRE(content.samples.size() == 2);
    CHECK(content.samples[1].repetition == 1);
    CHECK_FALSE(content.truncated_tail);
  }
  write_text_file_atomic(path, "half a line and nothing before it");
  SampleFile(path).append(numbered(5));
  CHECK(read_sample_file(path).samples.at(0).repetition == 5);
}

TEST_CASE("a bad line in the middle is an error with its number, not a loss in silence") {
  const test::TempDir folder;
  const auto path = folder.path() / "samples.jsonl";
  write_text_file_atomic(path, to_json_line(numbered(0)) + "\n{\"kind\":\n" + to_json_line(numbered(1)) + "\n");
  CHECK_THROWS_WITH_AS(read_sample_file(path), doctest::Contains("samples.jsonl:2"), Error);
}

TEST_CASE("a folder that does not exist or is a file is said at once") {
  const test::TempDir folder;
  CHECK_THROWS_WITH_AS(SampleFile(folder.path() / "absent" / "samples.jsonl"), doctest::Contains("No such file or directory"), Error);
  write_text_file_atomic(folder.path() / "plain", "");
  CHECK_THROWS_WITH_AS(SampleFile(folder.path() / "plain" / "samples.jsonl"), doctest::Contains("Not a directory"), Error);
  CHECK_THROWS_AS(read_sample_file(folder.path() / "absent.jsonl"), Error);
}

TEST_CASE("a full disk is an error of the append that met it") {
  if (::access("/dev/full", W_OK) != 0) {
    test::report_skip("full disk", "there is no /dev/full here");
    return;
  }
  SampleFile file("/dev/full");
  try {
    file.append(numbered(0));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kIo);
    CHECK(std::string(error.what()).find("No space left on device") != std::string::npos);
  }
}

TEST_CASE("a line that the disk took only half of is taken back") {
  const test::TempDir folder;
  const auto path = folder.path() / "samples.jsonl";
  SampleFile(path).append(numbered(0));
  const auto whole = std::filesystem::file_size(path);
  // In a process of its own: a limit on the file's size makes the second write stop in its middle.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{whole + 100, whole + 100};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int result = 1;
    try {
      SampleFile(path).append(numbered(1));
    } catch (const Error& error) {
      result = error.code() == ErrorCode::kIo ? 0 : 2;
    }
    ::_exit(result);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(std::filesystem::file_size(path) == whole);
  CHECK(read_sample_file(path).samples.size() == 1);
}

TEST_CASE("of a cell that was written twice the last record counts, in the first one's place") {
  CellRecord a = test::example_cell(), b = test::example_cell();
  b.cell.prompt_id = "other";
  CellRecord again = a;
  a.status = Status::kFailed;
  const auto latest = latest_cells({a, b, again});
  REQUIRE(latest.size() == 2);
  CHECK(latest[0].cell == a.cell);
  CHECK(latest[0].status == Status::kOk);
  CHECK(latest[1].cell == b.cell);
}
