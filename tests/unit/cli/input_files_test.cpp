#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/input_files.h"
#include "cli/npy_writer.h"
#include "test_support.h"

using namespace qbench;

namespace {

class Files {
 public:
  std::filesystem::path write(const std::string& text) {
    const auto path = dir_.path() / std::to_string(count_++);
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  const std::filesystem::path& folder() const { return dir_.path(); }

 private:
  test::TempDir dir_;
  int count_ = 0;
};

void expect_usage(const std::function<void()>& action, const std::string& words) {
  try {
    action();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kUsage);
    CHECK_MESSAGE(std::string(error.what()).find(words) != std::string::npos, error.what());
  }
}

}  // namespace

TEST_CASE("an array of ids is read, anything else is an error that names the option") {
  Files files;
  CHECK(cli::read_ids("--token-ids", files.write("[0, 7, 2147483647]")) == std::vector<std::int32_t>{0, 7, 2147483647});
  CHECK(cli::read_ids("--token-ids", files.write("[]")).empty());
  for (const char* text : {"", "{}", "[1.5]", "[-1]", "[2147483648]", "[18446744073709551615]", "[\"1\"]", "[1", "[[1]]", "null"}) {
    CAPTURE(text);
    expect_usage([&] { cli::read_ids("--token-ids", files.write(text)); }, "--token-ids");
  }
  expect_usage([&] { cli::read_ids("--token-ids", files.folder() / "missing"); }, "missing");
  expect_usage([&] { cli::read_ids("--token-ids", files.folder()); }, "cannot read");
}

TEST_CASE("deep nesting is refused before it is parsed") {
  Files files;
  expect_usage([&] { cli::read_json_object("--variables", files.write(std::string(200'000, '['))); }, "nested deeper");
  const std::string brackets_in_text = R"({"a": ")" + std::string(1000, '[') + R"("})";
  CHECK(cli::read_json_object("--variables", files.write(brackets_in_text)).size() == 1);
}

TEST_CASE("an object keeps the order of its keys") {
  Files files;
  const auto object = cli::read_json_object("--variables", files.write(R"({"zebra": 1, "ant": {"y": 1, "b": 2}})"));
  CHECK(object.dump() == R"({"zebra":1,"ant":{"y":1,"b":2}})");
  expect_usage([&] { cli::read_json_object("--variables", files.write("[]")); }, "expected one JSON object");
}

TEST_CASE("lines of JSON strings are read with the number of the wrong one") {
  Files files;
  CHECK(cli::read_json_strings("--jsonl", files.write("\"a\"\n\"b\\nc\"")) == std::vector<std::string>{"a", "b\nc"});
  CHECK(cli::read_json_strings("--jsonl", files.write("\"a\"\r\n")).size() == 1);
  CHECK(cli::read_json_strings("--jsonl", files.write("")).empty());
  expect_usage([&] { cli::read_json_strings("--jsonl", files.write("\"a\"\n7\n")); }, "line 2");
  expect_usage([&] { cli::read_json_strings("--jsonl", files.write("\"a\"\n\n\"b\"\n")); }, "line 2");
}

TEST_CASE("a broken JSON file is said with line and column") {
  Files files;
  expect_usage([&] { cli::read_ids("--token-ids", files.write("[1,\n2,\n]")); }, "not valid JSON at line 3, column 1: unexpected ']'");
  expect_usage([&] { cli::read_json_strings("--jsonl", files.write("\"a\"\n\"b\n")); }, "line 2: not valid JSON at column 1: ");
}

TEST_CASE("text that is no UTF-8 is refused with the offset of the byte") {
  Files files;
  CHECK(cli::read_text_input("--file", files.write("caf\xC3\xA9\n")) == "caf\xC3\xA9\n");
  CHECK(cli::read_text_input("--file", files.write("")).empty());
  expect_usage([&] { cli::read_text_input("--file", files.write("caf\xE9\n")); }, "not valid UTF-8: byte 0xe9 at offset 3");
}

TEST_CASE("a NumPy file says its shape in a header of 128 bytes") {
  Files files;
  const auto path = files.folder() / "x.npy";
  cli::NpyWriter writer(path);
  const std::vector<float> row{1.0f, 2.0f, 3.0f};
  writer.append_row(row);
  writer.append_row(row);
  writer.finish();
  std::ifstream in(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(in)), {});
  REQUIRE(content.size() == 128 + 24);
  CHECK(content.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
  CHECK(content[8] == 118);
  CHECK(content.find("'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)") != std::string::npos);
  CHECK(content[127] == '\n');
  expect_usage([&] { cli::NpyWriter(files.folder() / "none" / "x.npy"); }, "cannot write");
}
