#include <doctest/doctest.h>
#include <signal.h>

#include <fstream>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;

namespace {

/// Arguments of a run that goes on until something stops it.
std::vector<std::string> long_run(const Workplace& place, const std::string& models, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = place.run(models, {"--suite", "two", "--prompts", "first", "--pass", "speed", "-r", "9000"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::size_t samples_so_far(const Workplace& place) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(place.results(), none)) return count_lines(read_file(entry.path() / "samples.jsonl"));
  return 0;
}

/// Waits until the run has measured something and returns its worker.
pid_t wait_for_worker(const Workplace& place, const Program& program) {
  REQUIRE(wait_until([&] { return samples_so_far(place) >= 5; }));
  const std::vector<pid_t> workers = program.children();
  REQUIRE(workers.size() == 1);
  return workers.front();
}

void expect_dead_worker_row(int signal, const std::string& code, const std::string& words) {
  const Workplace place;
  Program program(long_run(place, "synthetic:slow," + place.model()), place.options());
  REQUIRE(wait_until([&] { return samples_so_far(place) >= 2; }));
  // The first model's worker dies; a second prompt would get a new one, but there is none, so the other model follows.
  ::kill(wait_for_worker(place, program), signal);
  REQUIRE(wait_until([&] { return read_file(only_folder(place.results()) / "summary.csv").find("failed") != std::string::npos; }));
  REQUIRE(wait_until([&] { return program.children().size() == 1; }));
  program.send(SIGTERM);
  const Outcome outcome = program.wait();
  CHECK(outcome.status == 143);
  const Results results = read_results(place.results());
  const record::CellRecord& dead = results.content.cells.front();
  CHECK(dead.status == record::Status::kFailed);
  CHECK(dead.failure.code == code);
  CHECK_MESSAGE(dead.failure.message.find(words) != std::string::npos, dead.failure.message);
  CHECK(dead.n_samples > 0);  // what was measured before counts
}

}  // namespace

TEST_CASE("a worker that is killed becomes a row with its reason, and the next model runs") { expect_dead_worker_row(SIGKILL, "killed", "signal 9 (SIGKILL)"); }

TEST_CASE("a worker that crashes becomes a row with its reason") { expect_dead_worker_row(SIGSEGV, "crash", "signal 11 (SIGSEGV)"); }

TEST_CASE("a model that is not there is a failed row with the places where it was looked for, and exit 3; the others are measured") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run("nowhere," + place.model(), {"--suite", "two", "--pass", "speed"}));
  CHECK(outcome.status == 3);
  const Results results = read_results(place.results());
  CHECK(results.cell("nowhere", "first", "speed", "status") == "failed");
  CHECK(results.cell("nowhere", "first", "speed", "error").find("not found") != std::string::npos);
  CHECK(results.cell("tiny", "first", "speed", "status") == "ok");
  CHECK(outcome.err.find("not found") != std::string::npos);
}

TEST_CASE("a damaged file is a failed row and exit 3") {
  const Workplace place;
  const std::string whole = read_file(place.model());
  write_file(place.path() / "damaged.gguf", whole.substr(0, whole.size() / 2));
  const Outcome outcome = place.qbench(place.run((place.path() / "damaged.gguf").string() + "," + place.model(), {"--suite", "two"}));
  CHECK(outcome.status == 3);
  const Results results = read_results(place.results());
  CHECK(results.cell("damaged", "first", "text", "status") == "failed");
  CHECK_FALSE(results.cell("damaged", "first", "text", "error").empty());
  CHECK(results.cell("tiny", "first", "text", "status") == "ok");
}

TEST_CASE("a model that cannot fit is a failed row that says what it needs and what is free, before anything is loaded") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run("synthetic:giant", {"--suite", "two"}));
  CHECK(outcome.status == 3);
  const Results results = read_results(place.results());
  const std::string error = results.content.cells.front().failure.message;
  CHECK_MESSAGE(error.find("does not fit") != std::string::npos, error);
  CHECK(error.find("needs") != std::string::npos);
  CHECK(results.content.loads.empty());
}

TEST_CASE("a prompt longer than the context is a failed row and exit 3") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--prompt", std::string(300, 'x'), "--pass", "speed", "--gen-tokens", "2"}));
  CHECK(outcome.status == 3);
  const Results results = read_results(place.results());
  CHECK(results.content.cells.front().failure.code == "context");
}

TEST_CASE("a speed cell that cannot reach its length fails instead of being compared at another one") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--prompt", "Say hello.", "--context", "24", "--gen-tokens", "20"}));
  CHECK(outcome.status == 3);
  const Results results = read_results(place.results());
  CHECK(results.cell("tiny", "prompt", "speed", "status") == "failed");
  CHECK(results.cell("tiny", "prompt", "speed", "error_code") == "context");
  CHECK(results.cell("tiny", "prompt", "text", "stop_reason") == "context_full");
}

TEST_CASE("a device that this build does not have is a failed row, never another device") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--suite", "two", "--device", "cuda:1"}));
  CHECK(outcome.status == 3);
  const Results results = read_results(place.results());
  CHECK(results.content.cells.front().failure.code == "device");
  CHECK(results.content.cells.front().cell.device == "cuda:1");
}

namespace {

/// Runs two prompts in both passes on the emulated device, whose n-th operation or allocation of each worker fails, with n growing until the
/// first cells are measured, one fails and all others are measured again. Returns that run's folder of results, or REQUIREs.
void expect_one_failed_row(const std::string& variable, std::int64_t step, std::int64_t most, const std::string& code, const std::string& words) {
  for (std::int64_t n = step; n < most; n += step) {
    CAPTURE(n);
    const Workplace place;
    RunOptions options = place.options();
    options.environment[variable] = std::to_string(n);
    const Outcome outcome = qbench::test::qbench(
        place.run(place.model(), {"--suite", "two", "--device", "cuda-emulated", "-r", "4", "--precision", "f32"}), options);
    if (outcome.err.find("has no emulated CUDA device") != std::string::npos) return report_skip("failing emulated devices", "no CUDA headers");
    const Results results = read_results(place.results());
    std::string pattern;
    for (const record::CellRecord& cell : results.content.cells) {
      pattern += cell.status == record::Status::kOk ? '.' : 'F';
      if (cell.status == record::Status::kOk) continue;
      CHECK(cell.failure.code == code);
      CHECK_MESSAGE(cell.failure.message.find(words) != std::string::npos, cell.failure.message);
      CHECK(cell.failure.message.find('\n') == std::string::npos);
    }
    REQUIRE(pattern.size() == 4);
    const bool one = pattern == "F..." || pattern == ".F..";
    if (!one) continue;
    CHECK(outcome.status == 3);
    CHECK(results.cell("tiny", "second", "text", "status") == "ok");
    return;
  }
  FAIL("no run lost a single row");
}

}  // namespace

TEST_CASE("a device that disappears costs the row it was measuring: a new worker measures the others") {
  expect_one_failed_row("QBENCH_EMULATED_LOSE_DEVICE", 60, 1200, "device", "the device is lost");
}

TEST_CASE("device memory that runs out in a request costs one row, and the next request of the same worker is measured") {
  expect_one_failed_row("QBENCH_EMULATED_FAIL_ALLOCATION", 4, 120, "memory", "bytes are free");
}

TEST_CASE("an interrupted run leaves valid files and is finished by --resume without losing a sample") {
  for (const int signal : {SIGINT, SIGTERM}) {
    CAPTURE(signal);
    const Workplace place;
    Program program(place.run(place.model(), {"--suite", "two", "--pass", "speed", "-r", "400"}), place.options());
    wait_for_worker(place, program);
    program.send(signal);
    const Outcome outcome = program.wait();
    CHECK(outcome.status == 128 + signal);
    const Results stopped = read_results(place.results());
    CHECK_FALSE(stopped.content.truncated_tail);
    CHECK(stopped.run.finished_utc.empty());
    CHECK(outcome.err.find("--resume") != std::string::npos);
    CHECK(stopped.summary.rows.size() >= 1);

    const Outcome resumed = place.qbench({"run", "--resume", stopped.folder.string()});
    REQUIRE_MESSAGE(resumed.status == 0, resumed.err);
    const Results whole = read_results(place.results());
    CHECK(whole.content.samples.size() > stopped.content.samples.size());
    CHECK(whole.summary.rows.size() == 2);
    CHECK(whole.cell("tiny", "first", "speed", "n_samples") == "400");
    CHECK(whole.cell("tiny", "second", "speed", "n_samples") == "400");
    CHECK_FALSE(whole.run.finished_utc.empty());
    std::size_t timed = 0;
    for (const auto& sample : whole.content.samples) timed += sample.phase == record::Phase::kTimed;
    CHECK(timed == 800);
  }
}

TEST_CASE("a run that was killed takes its worker with it, and is resumed over a half-written line") {
  const Workplace place;
  std::size_t lines = 0;
  {
    Program program(place.run(place.model(), {"--suite", "two", "--pass", "speed", "-r", "400"}), place.options());
    const pid_t worker = wait_for_worker(place, program);
    program.send(SIGKILL);
    CHECK(program.wait().signal == SIGKILL);
    CHECK(wait_until([&] { return ::kill(worker, 0) != 0; }));
  }
  const std::filesystem::path folder = only_folder(place.results());
  lines = count_lines(read_file(folder / "samples.jsonl"));
  std::ofstream(folder / "samples.jsonl", std::ios::app) << R"({"kind":"sample","schema_ver)";
  const Outcome resumed = place.qbench({"run", "--resume", folder.string()});
  REQUIRE_MESSAGE(resumed.status == 0, resumed.err);
  const Results whole = read_results(place.results());
  CHECK_FALSE(whole.content.truncated_tail);
  CHECK(count_lines(read_file(folder / "samples.jsonl")) > lines);
  CHECK(whole.cell("tiny", "first", "speed", "n_samples") == "400");
}

TEST_CASE("a finished run that is resumed measures nothing again") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model(), {"--suite", "turns"})).status == 0);
  const Results before = read_results(place.results());
  CHECK(place.qbench({"run", "--resume", before.folder.string()}).status == 0);
  CHECK(read_results(place.results()).content.samples.size() == before.content.samples.size());
}

TEST_CASE("resuming retries what failed") {
  const Workplace place;
  const std::filesystem::path late = place.path() / "late.gguf";
  CHECK(place.qbench(place.run(late.string(), {"--suite", "two"})).status == 3);
  std::filesystem::copy_file(place.model(), late);
  const Outcome outcome = place.qbench({"run", "--resume", only_folder(place.results()).string()});
  CHECK_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  for (const auto& row : results.summary.rows) CHECK(row[*results.summary.column("status")] == "ok");
}

TEST_CASE("resuming with other settings, changed prompts or changed weights is refused") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model(), {"--suite", "two", "-r", "2"})).status == 0);
  const std::string folder = only_folder(place.results()).string();
  const Outcome other = place.qbench({"run", "--models", place.model(), "--suite", "two", "-r", "3", "--threads", "1", "--resume", folder});
  CHECK(other.status == 2);
  CHECK(other.err.find("settings") != std::string::npos);
  CHECK(place.qbench({"run", "--models", place.model(), "--suite", "two", "-r", "2", "--threads", "1", "--resume", folder}).status == 0);

  const std::filesystem::path suite = place.path() / "data" / "prompts" / "two" / "suite.json";
  const std::string text = read_file(suite);
  std::string changed = text;
  changed.replace(changed.find("Say A."), 6, "Say C.");
  write_file(suite, changed);
  CHECK(place.qbench({"run", "--resume", folder}).status == 2);
  write_file(suite, text);
}

TEST_CASE("a results folder that cannot be written is said at once") {
  const Workplace place;
  write_file(place.path() / "file", "no folder");
  const Outcome outcome = place.qbench({"run", "--models", place.model(), "--suite", "two", "--output-dir", (place.path() / "file" / "results").string()});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("cannot make the results folder") != std::string::npos);
}

TEST_CASE("a disk that fills up is said at once, and what was measured stays valid") {
  const Workplace place;
  RunOptions options = place.options();
  options.largest_file = 40'000;
  const Outcome outcome = qbench::test::qbench(long_run(place, place.model()), options);
  CHECK(outcome.status == 3);  // 2 is what could not start
  CHECK(outcome.err.find("--resume") != std::string::npos);
  CHECK_MESSAGE(outcome.err.find("samples.jsonl") != std::string::npos, outcome.err);
  const record::SampleFileContent content = record::read_sample_file(only_folder(place.results()) / "samples.jsonl");
  CHECK_FALSE(content.truncated_tail);
  CHECK(content.samples.size() > 3);
}
