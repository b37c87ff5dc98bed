#include <doctest/doctest.h>
#include <sys/stat.h>

#include <string>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/text_file.h"
#include "test_support.h"

using namespace qbench;
namespace fs = std::filesystem;

namespace {

/// Code of the error that both ways of reading a file give.
ErrorCode refusal(const fs::path& path) {
  ErrorCode mapped = ErrorCode::kInterrupted, read = ErrorCode::kInterrupted;
  try {
    const MappedFile file(path);
  } catch (const Error& error) {
    mapped = error.code();
  }
  try {
    read_text_file(path);
  } catch (const Error& error) {
    read = error.code();
  }
  CHECK(mapped == read);
  return mapped;
}

}  // namespace

TEST_CASE("a pipe without a writer, a device and a folder are errors at once, where a file is expected") {
  const test::TempDir dir;
  const fs::path pipe = dir.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refusal(pipe) == ErrorCode::kIo);
  CHECK(refusal("/dev/zero") == ErrorCode::kIo);
  CHECK(refusal(dir.path()) == ErrorCode::kIo);
  CHECK(refusal(dir.path() / "nothing") == ErrorCode::kNotFound);
  CHECK(refusal(dir.path() / std::string(5000, 'x')) == ErrorCode::kIo);
}

TEST_CASE("a file comes back as it was written, mapped, read and as text, and a limit is a limit") {
  const test::TempDir dir;
  const fs::path path = dir.path() / "file";
  const std::string content = std::string(100'000, 'a') + std::string("\0\r\n", 3);
  write_text_file_atomic(path, content);
  CHECK(read_text_file(path) == content);
  CHECK_THROWS_AS(read_text_file(path, 1000), Error);
  for (const bool mmap : {true, false}) {
    const MappedFile file(path, {.mmap = mmap});
    CHECK(std::string_view(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()) == content);
  }
}

TEST_CASE("a file that cannot be written leaves nothing half-written behind") {
  const test::TempDir dir;
  fs::create_directory(dir.path() / "taken");
  CHECK_THROWS_AS(write_text_file_atomic(dir.path() / "taken", "x"), Error);
  CHECK(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("bytes that were announced are read unchanged, whatever part of a file or of other memory they are") {
  const test::TempDir dir;
  const std::string text(70'000, 'x');
  write_text_file_atomic(dir.path() / "file", text);
  const MappedFile file(dir.path() / "file");
  will_read(file.bytes().subspan(4'097, 50'000));
  will_read({});
  will_read(std::as_bytes(std::span(text)).subspan(1));
  CHECK(std::equal(file.bytes().begin(), file.bytes().end(), std::as_bytes(std::span(text)).begin()));
}
