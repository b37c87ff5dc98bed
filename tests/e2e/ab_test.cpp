#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "record/csv.h"
#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

/// A summary.csv of one row of the speed pass.
std::string summary(double rate, const std::string& version = "3") {
  const std::vector<std::pair<std::string, std::string>> fields{{"schema_version", version}, {"run_id", "x"}, {"started_utc", "2026-11-20T03:22:00Z"}, {"status", "ok"}, {"model", "smol"},
      {"model_name", "SmolLM2-135M"}, {"precision", "q4_1"}, {"precision_requested", "auto"}, {"suite", "smoke"}, {"prompt_id", "is-prime"}, {"turn", "1"}, {"pass", "speed"},
      {"batch", "1"}, {"device_effective", "cpu"}, {"n_sessions", "1"}, {"output_digest", "abcdef"}, {"output_digests", "1"}, {"kv_bytes", "1048576"},
      {"decode_tok_per_s_median", std::to_string(rate)}, {"decode_tok_per_s_by_session", std::to_string(rate)}};
  std::vector<std::string> header, row;
  for (const auto& [name, value] : fields) {
    header.push_back(name);
    row.push_back(value);
  }
  return record::csv_line(header) + record::csv_line(row);
}

/// Programs that take the place of builds: each call logs its letter and leaves the next of the tables that were made for it.
struct Bench {
  TempDir dir;

  fs::path path() const { return dir.path(); }
  std::string log() const { return read_file(path() / "log"); }

  /// A program that serves `rate`, a little more from call to call; `at_call` runs first, with the number of the call from 0 in $n.
  std::string program(const std::string& letter, double rate, const std::string& at_call = "", const std::string& version = "3") const {
    const fs::path tables = path() / ("tables-" + letter);
    const int period = letter == "A" ? 3 : 4;  // so that the ratios of A and B vary
    for (int i = 0; i < 40; ++i) write_file(tables / (std::to_string(i) + ".csv"), summary(rate * (1 + 0.001 * (i % period)), version));
    const fs::path file = path() / ("build-" + letter);
    write_file(file, "#!/bin/sh\nprintf " + letter + " >>'" + (path() / "log").string() + "'\necho \"$*\" >>'" + (path() / ("arguments-" + letter)).string() +
                         "'\ncount='" + (tables / "count").string() + "'\nn=0\n[ -f \"$count\" ] && n=$(cat \"$count\")\necho $((n + 1)) >\"$count\"\n" +
                         "while [ $# -gt 0 ]; do [ \"$1\" = --output-dir ] && out=$2; shift; done\n" + at_call + "\nmkdir -p \"$out/run\"\ncp '" + tables.string() +
                         "'/$n.csv \"$out/run/summary.csv\"\n");
    ::chmod(file.c_str(), 0755);
    return file.string();
  }

  RunOptions options() const {
    fs::create_directories(path() / "tmp");
    RunOptions options;
    options.folder = path();
    options.environment = {{"QBENCH_DATA_DIR", fixtures_dir().parent_path().parent_path().string()}, {"TMPDIR", (path() / "tmp").string()}};
    return options;
  }
  static std::vector<std::string> arguments(const std::string& base, const std::string& candidate, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"ab", "--base", base, "--cand", candidate, "-m", "model.gguf"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome ab(const std::string& base, const std::string& candidate, const std::vector<std::string>& more = {}) const {
    return test::qbench(arguments(base, candidate, more), options());
  }
};

std::size_t longest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

json decode_in(const std::string& text) {
  const json document = json::parse(text);
  for (const json& one : document["comparisons"][0]["cells"][0]["judgements"]) {
    if (one["metric"] == "decode_tok_per_s") return one;
  }
  FAIL("no decode_tok_per_s");
  throw;
}

}  // namespace

TEST_CASE("ab runs two builds in turn, forwards and backwards, and judges the pairs") {
  const Bench bench;
  const Outcome outcome = bench.ab(bench.program("A", 100), bench.program("B", 80), {"--json", "ab.json", "--junit", "ab.xml", "--", "--suite", "smoke", "-r", "3"});
  CHECK_MESSAGE(outcome.status == 1, outcome.err);
  CHECK(bench.log() == "ABABBAABBAABBAABBAABBA");  // the first two do not count
  const std::string arguments = read_file(bench.path() / "arguments-B");
  CHECK(arguments.find("run --pass speed --quiet --output-dir ") == 0);
  CHECK(arguments.find("--models model.gguf --suite smoke -r 3\n") != std::string::npos);
  CHECK(longest_line(outcome.out) <= 80);
  for (const char* words : {"Baseline Candidate  ratio  95 % interval", "10 of 10 pairs", "0.800", "0.799 to 0.80", "worse", "output_digest"}) {
    CAPTURE(words);
    CAPTURE(outcome.out);
    CHECK(outcome.out.find(words) != std::string::npos);
  }
  CHECK(count_lines(outcome.err) == 10);
  const json decode = decode_in(read_file(bench.path() / "ab.json"));
  CHECK(decode["verdict"] == "worse");
  CHECK(decode["reason"] == "pairs_beyond");
  CHECK(decode["delta"] == 0.08);
  CHECK(decode["base_sessions"].size() == 10);
  CHECK(decode["ratio_interval"].size() == 2);
  CHECK(read_file(bench.path() / "ab.xml").find("<failure") != std::string::npos);
  CHECK(fs::is_empty(bench.path() / "tmp"));
}

TEST_CASE("ab ends with 0 where nothing is worse, with 4 with --strict where something is unclear") {
  const Bench bench;
  const std::string base = bench.program("A", 100), near = bench.program("B", 92.593);  // the time of 8 % more: the edge of the CPU's delta
  const Outcome same = bench.ab(base, base, {"--format", "md", "-q", "--strict"});
  CHECK_MESSAGE(same.status == 0, same.out);
  CHECK(same.err.empty());
  CHECK(same.out.find("| decode_tok_per_s | ") != std::string::npos);
  fs::remove(bench.path() / "tables-A" / "count");
  const Outcome unclear = bench.ab(base, near, {"--format", "json", "--strict"});
  CHECK(unclear.status == 4);
  CHECK(decode_in(unclear.out)["reason"] == "pairs_straddle");
  fs::remove(bench.path() / "tables-A" / "count");
  fs::remove(bench.path() / "tables-B" / "count");
  CHECK(bench.ab(base, near, {"--delta", "3%"}).status == 1);
}

TEST_CASE("a process that fails, crashes or leaves nothing is one line and exit status 3, and the pairs before it are shown") {
  const auto failing = [](const std::string& at_call) {
    const Bench bench;
    Outcome outcome = bench.ab(bench.program("A", 100), bench.program("B", 100, at_call), {"-q"});
    CHECK_MESSAGE(outcome.status == 3, outcome.err);
    CHECK_MESSAGE(count_lines(outcome.err) == 1, outcome.err);
    CHECK(fs::is_empty(bench.path() / "tmp"));
    return outcome;
  };
  const Outcome failed = failing("if [ $n = 3 ]; then echo 'model.gguf: does not fit' >&2; exit 3; fi");
  CHECK(failed.err.find("(pair 3) ended with exit status 3 before it was done; its last line was: model.gguf: does not fit") != std::string::npos);
  CHECK(failed.err.find("candidate ") != std::string::npos);
  CHECK(failed.out.find("2 of 10 pairs") != std::string::npos);
  CHECK(failed.out.find("a verdict needs 10") != std::string::npos);
  const Outcome crashed = failing("[ $n = 0 ] && kill -SEGV $$");
  CHECK(crashed.err.find("(warm-up) crashed with signal 11 (SIGSEGV)") != std::string::npos);
  CHECK(crashed.out.empty());
  CHECK(failing("exit 0").err.find("left no summary.csv") != std::string::npos);
  CHECK(failing("mkdir -p \"$out/run\"; echo nonsense >\"$out/run/summary.csv\"; exit 0").err.find("summary.csv") != std::string::npos);
}

TEST_CASE("builds of unlike schema are not compared") {
  const Bench bench;
  const Outcome outcome = bench.ab(bench.program("A", 100, "", "2"), bench.program("B", 100), {"-q"});
  CHECK(outcome.status == 3);
  CHECK(count_lines(outcome.err) == 1);
  CHECK(outcome.err.find("writes schema version 2, candidate") != std::string::npos);
  CHECK(bench.log() == "AB");
}

TEST_CASE("an interrupted ab ends what it runs and shows the pairs that are complete") {
  const Bench bench;
  Program program(Bench::arguments(bench.program("A", 100), bench.program("B", 80, "[ $n = 4 ] && exec sleep 300"), {"--json", "ab.json"}), bench.options());
  REQUIRE(wait_until([&] { return fs::exists(bench.path() / "log") && bench.log().size() == 9; }));  // AB, AB BA AB, then B of the fourth pair waits
  const json kept = decode_in(read_file(bench.path() / "ab.json"));
  CHECK(kept["base_sessions"].size() == 3);
  program.send(SIGINT);
  const Outcome outcome = program.wait();
  CHECK(outcome.status == 130);
  CHECK(outcome.out.find("3 of 10 pairs") != std::string::npos);
  CHECK(outcome.err.find("interrupted after 3 of 10 pairs") != std::string::npos);
  CHECK(fs::is_empty(bench.path() / "tmp"));
}

TEST_CASE("ab refuses what it cannot start with") {
  const Bench bench;
  const std::string base = bench.program("A", 100);
  write_file(bench.path() / "no-program", "text");
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& words) {
    const Outcome outcome = test::qbench(arguments, bench.options());
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(count_lines(outcome.err) == 1);
    CHECK(outcome.err.find(words) != std::string::npos);
  };
  refused(Bench::arguments(base, "nowhere/qbench"), "--cand: 'nowhere/qbench' is no program");
  refused(Bench::arguments("no-program", base), "--base: 'no-program' is no program");
  refused(Bench::arguments(base, base, {"--pairs", "9"}), "--pairs: must be from 10 to 1000, not 9");
  refused(Bench::arguments(base, base, {"--format", "csv"}), "'csv' is no format here");
  refused(Bench::arguments(base, base, {"--delta", "-3%"}), "--delta");
  refused(Bench::arguments(base, base, {"--gate", "nowhere.json"}), "nowhere.json");
  refused(Bench::arguments(base, base, {"--json", "nowhere/ab.json"}), "nowhere/ab.json");
  refused({"ab", "--base", base, "-m", "model.gguf"}, "--cand");
  CHECK(!fs::exists(bench.path() / "log"));
}

TEST_CASE("ab compares the program with itself on a real model") {
  const Workplace place;
  const Outcome outcome = place.qbench({"ab", "--base", QB_BINARY, "--cand", QB_BINARY, "-m", place.model(), "--format", "json", "-q", "--", "--prompt", "Say A.", "-r", "1", "--warmup", "0",
                                        "--gen-tokens", "3", "--threads", "1"});
  REQUIRE_MESSAGE((outcome.status == 0 || outcome.status == 1), outcome.err);  // rates of so little work may say anything
  const json document = json::parse(outcome.out);
  std::map<std::string, std::string> verdicts;
  for (const json& one : document["comparisons"][0]["cells"][0]["judgements"]) verdicts[one["metric"]] = one["verdict"];
  for (const char* metric : {"output_digest", "weight_bytes", "kv_bytes"}) CHECK_MESSAGE(verdicts[metric] == "same", metric);
  CHECK(verdicts.contains("decode_tok_per_s"));
}
