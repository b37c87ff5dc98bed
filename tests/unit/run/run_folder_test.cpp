#include <doctest/doctest.h>

#include <fstream>
#include <functional>

#include "base/error.h"
#include "run/run_folder.h"
#include "test_support.h"

using namespace qbench;

namespace {

record::RunRecord record_named(const std::string& id) {
  record::RunRecord run;
  run.run_id = id;
  return run;
}

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("no error");
  return ErrorCode::kUsage;
}

}  // namespace

TEST_CASE("a run's name is its time and a label that is safe in a path") {
  CHECK(run::make_run_id(0, "smoke") == "19700101_000000-smoke");
  CHECK(run::make_run_id(0, "a b/../c") == "19700101_000000-a-b-..-c");
  CHECK(run::make_run_id(0, "") == "19700101_000000-run");
}

TEST_CASE("a run's folder is not used twice, and not by two processes") {
  const test::TempDir dir;
  record::RunRecord first = record_named("r"), second = record_named("r");
  {
    const run::RunFolder folder = run::RunFolder::create(dir.path() / "results", first);
    CHECK(std::filesystem::exists(folder.run_json()));
    CHECK(std::filesystem::exists(folder.samples()));
    CHECK(run::RunFolder::create(dir.path() / "results", second).path() == dir.path() / "results" / "r-2");
    CHECK(second.run_id == "r-2");
    CHECK(code_of([&] { run::RunFolder::reopen(folder.path()); }) == ErrorCode::kUsage);
  }
  CHECK(run::RunFolder::reopen(dir.path() / "results" / "r").path() == dir.path() / "results" / "r");
}

TEST_CASE("what is no run's folder cannot be resumed") {
  const test::TempDir dir;
  CHECK(code_of([&] { run::RunFolder::reopen(dir.path() / "nowhere"); }) == ErrorCode::kUsage);
  CHECK(code_of([&] { run::RunFolder::reopen(dir.path()); }) == ErrorCode::kUsage);
}

TEST_CASE("a results folder below a file is an error at once") {
  const test::TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  record::RunRecord run = record_named("r");
  CHECK(code_of([&] { run::RunFolder::create(dir.path() / "file" / "results", run); }) == ErrorCode::kIo);
}
