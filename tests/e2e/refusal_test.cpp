#include <doctest/doctest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

namespace {

void check_refused(const Outcome& outcome, int status, const std::string& words) {
  CAPTURE(outcome.err);
  CHECK(outcome.status == status);
  CHECK(outcome.err.find(words) != std::string::npos);
  CHECK(count_lines(outcome.err) == 1);
}

}  // namespace

TEST_CASE("a precision that loading would refuse is refused by the plans too") {
  const Workplace place;
  const std::string words = "the K types are for synthetic weights";
  check_refused(place.qbench({"models", "plan", "-m", place.model(), "--precision", "q4_k_m"}), 3, words);
  check_refused(place.qbench({"generate", "-m", place.model(), "--prompt", "x", "--precision", "q4_k_m"}), 3, words);
  const Outcome dry = place.qbench(place.run(place.model(), {"--suite", "two", "--precision", "q4_k_m", "--dry-run"}));
  CHECK(dry.status == 3);
  CHECK(dry.out.find(words) != std::string::npos);
}

TEST_CASE("a context longer than the checkpoint's is refused, before anything is loaded and while planning") {
  const Workplace place;
  const std::string words = "--context 300 is more than the model's 256 positions";
  check_refused(place.qbench({"models", "plan", "-m", place.model(), "--context", "300"}), 3, words);
  check_refused(place.qbench({"generate", "-m", place.model(), "--prompt", "x", "--context", "300"}), 3, words);
}

TEST_CASE("pipes, devices and folders in place of files are said at once") {
  const Workplace place;
  const std::string pipe = (place.path() / "pipe.gguf").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  check_refused(place.qbench({"models", "inspect", "-m", pipe}), 3, "not a regular file");
  check_refused(place.qbench({"tokenize", "-m", pipe, "x"}), 3, "not a regular file");
  check_refused(place.qbench({"run", "-m", place.model(), "--prompt-file", pipe}), 2, "not a regular file");
  check_refused(place.qbench({"run", "-m", place.model(), "--suite", "two", "--profile", "/dev/zero"}), 2, "not a regular file");
  check_refused(place.qbench({"generate", "-m", place.model(), "--token-ids", pipe}), 2, "not valid JSON");
  check_refused(place.qbench({"generate", "-m", place.model(), "--token-ids", place.path().string()}), 2, "cannot read");
}

TEST_CASE("a name that is too long for the system is a model that is not there") {
  const Workplace place;
  const std::string name(5000, 'x');
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"tokenize", "-m", name, "x"}, {"models", "inspect", "-m", name}, {"generate", "-m", name, "--prompt", "x"}}) {
    check_refused(place.qbench(arguments), 3, "not found");
  }
}

TEST_CASE("a number that cannot be is refused as it was given, and the help of the command is named") {
  const Workplace place;
  struct Case {
    std::string option, value, words;
  };
  for (const Case& wrong : {Case{"--temperature", "nan", "expected a finite number, got 'nan'"}, Case{"--temperature", "-inf", "got '-inf'"},
                            Case{"--temperature", "1e400", "got '1e400'"}, Case{"--top-p", "nan", "got 'nan'"},
                            Case{"--threads", "99999999999999999999", "too large for a whole number here, got '99999999999999999999'"},
                            Case{"--threads", "0x2", "got '0x2'"}, Case{"--repetitions", "2.5", "expected a whole number, got '2.5'"}}) {
    CAPTURE(wrong.value);
    const Outcome outcome = place.qbench({"run", "-m", place.model(), wrong.option, wrong.value});
    check_refused(outcome, 2, wrong.option + ": ");
    check_refused(outcome, 2, wrong.words);
    check_refused(outcome, 2, "(see qbench run --help)");
  }
  check_refused(place.qbench({"run", "-m", place.model(), "--threads", "010000"}), 2, "got 10000");  // ten thousand, not octal
  check_refused(place.qbench({"models", "list", "--jsn"}), 2, "(see qbench models list --help)");
  check_refused(place.qbench({"run", "-m", place.model(), "--thinking", "--no-thinking"}), 2, "excludes");
}

TEST_CASE("a profile that is broken JSON is said with file, line and column") {
  const Workplace place;
  write_file(place.path() / "broken.json", "{\n  \"settings\": {\n    \"top_k\": 1,,\n");
  const Outcome outcome = place.qbench({"run", "-m", place.model(), "--suite", "two", "--profile", "./broken.json"});
  check_refused(outcome, 2, "broken.json: not valid JSON at line 3, column 16: unexpected ','");
  CHECK(outcome.err.find("json.exception") == std::string::npos);
}

TEST_CASE("text that is no UTF-8 is refused with the offset of the byte") {
  const Workplace place;
  write_file(place.path() / "latin1.txt", "caf\xE9\n");
  const std::string words = "not valid UTF-8: byte 0xe9 at offset 3";
  check_refused(place.qbench({"tokenize", "-m", place.model(), "--file", "latin1.txt"}), 2, words);
  check_refused(place.qbench({"tokenize", "-m", place.model(), "caf\xE9"}), 2, words);
  check_refused(place.qbench({"generate", "-m", place.model(), "--prompt-file", "latin1.txt"}), 2, words);
  check_refused(place.qbench({"perplexity", "-m", place.model(), "--file", "latin1.txt"}), 2, words);
}

TEST_CASE("perplexity says which context is too short to score anything") {
  const Workplace place;
  write_file(place.path() / "ids.json", "[1, 2, 3, 4, 5, 6, 7, 8]");
  const std::vector<std::string> arguments{"perplexity", "-m", place.model(), "--token-ids", "ids.json", "--method"};
  const auto with = [&](const std::string& method, const std::string& context) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {method, "--context", context});
    return place.qbench(all);
  };
  check_refused(with("llama.cpp", "1"), 2, "--context: must be at least 4 for --method llama.cpp, not 1");
  check_refused(with("all", "1"), 2, "--context: must be at least 2 for --method all, not 1");
  CHECK(with("llama.cpp", "4").status == 0);
  CHECK(with("all", "2").status == 0);
}

TEST_CASE("a results folder that cannot be made is refused by --dry-run too, which leaves nothing behind") {
  const Workplace place;
  const auto dry = [&](const std::string& folder) {
    return place.qbench({"run", "-m", place.model(), "--suite", "two", "--dry-run", "--output-dir", folder});
  };
  check_refused(dry("/proc/nothing"), 2, "/proc/nothing: cannot make the results folder");
  write_file(place.path() / "file", "");
  check_refused(dry((place.path() / "file" / "results").string()), 2, "cannot make the results folder");
  const auto count = [&] { return std::distance(std::filesystem::directory_iterator(place.path()), {}); };
  const auto before = count();
  CHECK(dry((place.path() / "new" / "results").string()).status == 0);
  CHECK(count() == before);
}

TEST_CASE("--stop needs text, and finds special tokens, also where EOS is ignored") {
  const Workplace place;
  write_file(place.path() / "ids.json", "[1, 2, 3]");
  check_refused(place.qbench({"generate", "-m", "synthetic:small", "--token-ids", "ids.json", "--stop", "x"}), 2, "no tokenizer");
  CHECK(place.qbench(place.run("synthetic:small", {"--suite", "two", "--pass", "text", "--stop", "x"})).status == 3);
  // What the model writes in any case: the first special token of a long greedy answer.
  const std::vector<std::string> base{"generate", "-m", place.model(), "--prompt", "Say A.", "--temperature", "2", "--ignore-eos", "--max-new-tokens", "100", "--json"};
  const json free_run = json::parse(place.qbench(base).out);
  std::int32_t special = -1;
  for (const std::int32_t id : free_run.at("output_ids")) {
    if (id > 256 && special < 0) special = id;
  }
  REQUIRE(special > 256);
  std::vector<std::string> stopped = base;
  stopped.insert(stopped.end(), {"--stop", "<|extra_" + std::to_string(special) + "|>"});
  const json result = json::parse(place.qbench(stopped).out);
  CHECK(result.at("stop_reason") == "stop_string");
  CHECK(result.at("output_ids").back() == special);
  CHECK(result.at("output_ids").size() < 100);
}

TEST_CASE("a model that takes longer than --timeout is ended, its rows say so, and the next one runs") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run("synthetic:slow,nowhere", {"--suite", "two", "--pass", "speed", "-r", "9000", "--timeout", "2"}));
  CHECK(outcome.status == 3);
  const Results results = read_results(place.results());
  for (const std::string prompt : {"first", "second"}) CHECK(results.cell("slow-synthetic", prompt, "speed", "error_code") == "timeout");
  CHECK(results.cell("nowhere", "first", "speed", "error_code") == "not_found");
  CHECK(place.qbench({"run", "-m", place.model(), "--timeout", "0"}).status == 2);
}
