#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

namespace {

json parse(const Outcome& outcome) {
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  return json::parse(outcome.out);
}

}  // namespace

TEST_CASE("every command explains itself with examples") {
  for (const std::string command : {"run", "bench", "models", "generate", "tokenize", "render", "perplexity", "doctor", "prompts"}) {
    CAPTURE(command);
    const Outcome outcome = qbench::test::qbench({command, "--help"});
    CHECK(outcome.status == 0);
    CHECK(outcome.out.find("Examples:") != std::string::npos);
    CHECK(outcome.out.find("qbench " + command) != std::string::npos);
  }
  CHECK(qbench::test::qbench({"--help"}).out.find("perplexity") != std::string::npos);
  CHECK(qbench::test::qbench({"--version"}).out.starts_with("qbench "));
}

TEST_CASE("wrong command lines are exit 2 with one line that names the option") {
  const Workplace place;
  const std::string model = place.model();
  struct Case {
    std::vector<std::string> arguments;
    std::string words;
  };
  const std::vector<Case> cases{
      {{}, "subcommand"},
      {{"fly"}, "no command"},
      {{"run"}, "--models"},
      {{"models"}, "list, inspect, plan and memory"},
      {{"models", "show"}, "show"},
      {{"run", "-m", model, "--threads", "0"}, "--threads"},
      {{"run", "-m", model, "--threads", "-1"}, "--threads"},
      {{"run", "-m", model, "--context", "0"}, "--context"},
      {{"run", "-m", model, "--batch", "999999999999"}, "--batch"},
      {{"run", "-m", model, "--repetitions", "0"}, "--repetitions"},
      {{"run", "-m", model, "--temperature", "-1"}, "--temperature"},
      {{"run", "-m", model, "--temperature", "warm"}, "--temperature"},
      {{"run", "-m", model, "--top-p", "1.5"}, "--top-p"},
      {{"run", "-m", model, "--pass", "fast"}, "--pass"},
      {{"run", "-m", model, "--kv-type", "q9"}, "--kv-type"},
      {{"run", "-m", model, "--precision", "int3"}, "--precision"},
      {{"run", "-m", model, "--suite", "two", "--device", "tpu"}, "--device"},
      {{"run", "-m", model, "--suite", "two", "--isa", "mmx"}, "--isa"},
      {{"run", "-m", model, "--suite", "none"}, "none"},
      {{"run", "-m", model, "--suite", "two", "--prompts", "third"}, "--prompts"},
      {{"run", "-m", model, "--suite", "two", "--prompt", "x"}, "--prompt"},
      {{"run", "-m", model, "--prompt-file", "missing.txt"}, "missing.txt"},
      {{"run", "-m", model, "--suite", "two", "--profile", "none"}, "none"},
      {{"run", "-m", model, "--no-such-flag"}, "--no-such-flag"},
      {{"run", "-m", model + ",,"}, "--models"},
      {{"run", "--resume", "nowhere"}, "--resume"},
      {{"bench", "-m", model, "--prompt-tokens", "0", "--gen-tokens", "0"}, "--prompt-tokens"},
      {{"bench", "-m", model, "--prompt-tokens", "5,x"}, "--prompt-tokens"},
      {{"bench", "-m", model, "-r", "0"}, "--repetitions"},
      {{"bench", "-m", model, "--format", "xml"}, "--format"},
      {{"generate", "-m", model}, "--prompt"},
      {{"generate", "-m", model, "--token-ids", "missing.json"}, "--token-ids"},
      {{"generate", "-m", model, "--prompt", "x", "--max-new-tokens", "0"}, "--max-new-tokens"},
      {{"perplexity", "-m", model}, "--file"},
      {{"perplexity", "-m", model, "--file", "missing"}, "missing"},
      {{"perplexity", "-m", model, "--token-ids", "x.json", "--method", "guess"}, "--method"},
      {{"tokenize", "-m", model}, "TEXT"},
      {{"tokenize", "-m", model, "--decode", "x"}, "--ids-file"},
      {{"render", "--variables", "x.json"}, "--template"},
      {{"tokenize", "-m", model, "-m", place.model("other"), "x"}, "one model"},
  };
  for (const Case& wrong : cases) {
    std::string line;
    for (const std::string& argument : wrong.arguments) line += argument + " ";
    CAPTURE(line);
    const Outcome outcome = place.qbench(wrong.arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find(wrong.words) != std::string::npos);
    CHECK(count_lines(outcome.err) == 1);
    CHECK(outcome.out.empty());
  }
  CHECK_FALSE(std::filesystem::exists(place.path() / "results"));
}

TEST_CASE("what is wrong with a model is exit 3 in every command") {
  const Workplace place;
  write_file(place.path() / "ids.json", "[1, 2, 3]");
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"tokenize", "-m", "nowhere", "x"},
           {"generate", "-m", "nowhere", "--prompt", "x"},
           {"generate", "-m", "synthetic:giant", "--token-ids", "ids.json"},
           {"generate", "-m", place.model(), "--token-ids", "ids.json", "--device", "cuda"},
           {"perplexity", "-m", "nowhere", "--token-ids", "ids.json"},
           {"bench", "-m", "nowhere", "-p", "4", "-n", "0"},
           {"models", "inspect", "-m", "nowhere"}}) {
    CAPTURE(arguments[0]);
    const Outcome outcome = place.qbench(arguments);
    CHECK(outcome.status == 3);
    CHECK(count_lines(outcome.err) == 1);
  }
}

TEST_CASE("tokenize gives ids, takes them back, and reads lines of JSON") {
  const Workplace place;
  const std::string model = place.model();
  const json ids = parse(place.qbench({"tokenize", "-m", model, "--json", "Say A."}));
  REQUIRE(ids.is_array());
  write_file(place.path() / "ids.json", ids.dump());
  CHECK(place.qbench({"tokenize", "-m", model, "--decode", "--ids-file", "ids.json"}).out == "Say A.");
  write_file(place.path() / "texts.jsonl", "\"Say A.\"\n\"\"\n\"\\u00e9\\n\"\n");
  const Outcome lines = place.qbench({"tokenize", "-m", model, "--jsonl", "texts.jsonl"});
  CHECK(count_lines(lines.out) == 3);
  CHECK(json::parse(lines.out.substr(0, lines.out.find('\n'))) == ids);
  write_file(place.path() / "broken.jsonl", "\"fine\"\n{}\n");
  const Outcome broken = place.qbench({"tokenize", "-m", model, "--jsonl", "broken.jsonl"});
  CHECK(broken.status == 2);
  CHECK(broken.err.find("line 2") != std::string::npos);
}

TEST_CASE("render prints the prompt and nothing else") {
  const Workplace place;
  write_file(place.path() / "t.jinja", "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}");
  write_file(place.path() / "v.json", R"({"messages": [{"role": "user", "content": "hi"}]})");
  const Outcome outcome = place.qbench({"render", "--template", "t.jinja", "--variables", "v.json"});
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "<user>hi");
  write_file(place.path() / "bad.jinja", "line one\n{% teleport %}");
  const Outcome bad = place.qbench({"render", "--template", "bad.jinja", "--variables", "v.json"});
  CHECK(bad.status == 2);
  CHECK(bad.err.find("teleport") != std::string::npos);
  CHECK(bad.err.find("line 2") != std::string::npos);
  write_file(place.path() / "raises.jinja", "{{ raise_exception('no such role') }}");
  CHECK(place.qbench({"render", "--template", "raises.jinja", "--variables", "v.json"}).status == 2);
}

TEST_CASE("generate says ids, text, stop reason and timings, the same ones for the same seed") {
  const Workplace place;
  const std::vector<std::string> arguments{"generate", "-m", place.model(), "--prompt", "Say A.", "--max-new-tokens", "5", "--ignore-eos", "--seed", "7", "--json"};
  const json first = parse(place.qbench(arguments));
  CHECK(first.at("output_ids").size() == 5);
  CHECK(first.at("text").is_string());
  CHECK(first.at("stop_reason") == "max_tokens");
  CHECK(first.at("timings").at("ttft_ms").get<double>() > 0.0);
  std::vector<std::string> threaded = arguments;
  threaded.insert(threaded.end(), {"--threads", "2"});
  CHECK(parse(place.qbench(threaded)).at("output_ids") == first.at("output_ids"));
  std::vector<std::string> reseeded = arguments;
  reseeded[9] = "8";
  CHECK(parse(place.qbench(reseeded)).at("output_ids") != first.at("output_ids"));
  write_file(place.path() / "ids.json", first.at("prompt_ids").dump());
  const json by_ids = parse(place.qbench({"generate", "-m", place.model(), "--token-ids", "ids.json", "--max-new-tokens", "5", "--ignore-eos", "--seed", "7", "--json"}));
  CHECK(by_ids.at("output_ids") == first.at("output_ids"));
}

TEST_CASE("perplexity over every token equals what the dumped logits say") {
  const Workplace place;
  json ids = json::array();
  for (int i = 0; i < 40; ++i) ids.push_back((i * 37) % 250);
  write_file(place.path() / "ids.json", ids.dump());
  const json result = parse(place.qbench({"perplexity", "-m", place.model(), "--token-ids", "ids.json", "--method", "all", "--dump-logits", "l.npy", "--json"}));
  CHECK(result.at("tokens_scored") == 39);
  const std::string npy = read_file(place.path() / "l.npy");
  CHECK(npy.substr(1, 5) == "NUMPY");
  CHECK(npy.find("'shape': (40, 320)") != std::string::npos);
  REQUIRE(npy.size() == 128 + 40 * 320 * sizeof(float));
  double loss = 0.0;
  for (std::size_t row = 0; row + 1 < 40; ++row) {
    std::vector<float> logits(320);
    std::memcpy(logits.data(), npy.data() + 128 + row * 320 * sizeof(float), 320 * sizeof(float));
    double sum = 0.0;
    for (const float x : logits) sum += std::exp(static_cast<double>(x));
    loss += std::log(sum) - static_cast<double>(logits[ids[row + 1].get<std::size_t>()]);
  }
  CHECK(result.at("perplexity").get<double>() == doctest::Approx(std::exp(loss / 39)).epsilon(1e-6));
  const json chunked = parse(place.qbench({"perplexity", "-m", place.model(), "--token-ids", "ids.json", "--context", "16", "--json"}));
  CHECK(chunked.at("chunks") == 2);
  CHECK(chunked.at("tokens_scored") == 14);
  CHECK(place.qbench({"perplexity", "-m", place.model(), "--token-ids", "ids.json", "--context", "32", "--json"}).status == 2);  // too few
}

TEST_CASE("bench names its tests as llama-bench does, in four formats, and goes on after a model that fails") {
  const Workplace place;
  const std::vector<std::string> shape{"--prompt-tokens", "8,16", "--gen-tokens", "4", "--depth", "0,32", "-r", "2"};
  const auto bench = [&](const std::string& models, const std::string& format) {
    std::vector<std::string> arguments{"bench", "-m", models, "--format", format};
    arguments.insert(arguments.end(), shape.begin(), shape.end());
    return place.qbench(arguments);
  };
  const json rows = parse(bench(place.model(), "json"));
  std::vector<std::string> names;
  for (const json& row : rows) {
    names.push_back(row.at("test"));
    CHECK(row.at("samples").size() == 2);
    CHECK(row.at("tok_per_s_median").get<double>() > 0.0);
    CHECK(row.at("threads").get<int>() >= 1);
  }
  CHECK(names == std::vector<std::string>{"pp8", "pp16", "tg4", "pp8@d32", "pp16@d32", "tg4@d32"});
  CHECK(count_lines(bench(place.model(), "jsonl").out) == 6);
  CHECK(count_lines(bench(place.model(), "md").out) == 8);
  const Outcome csv = bench("nowhere," + place.model(), "csv");
  CHECK(csv.status == 3);
  const record::CsvTable table = record::parse_csv(csv.out, "bench");
  REQUIRE(table.rows.size() == 7);
  CHECK(table.rows[0][*table.column("status")] == "failed");
  CHECK(table.rows[1][*table.column("status")] == "ok");
}

TEST_CASE("bench measures the tests that fit a model, and those that do not are rows with their names") {
  const Workplace place;
  const Outcome outcome = place.qbench({"bench", "-m", place.model(), "-p", "300,8", "-n", "4", "-d", "0,253", "-r", "2", "-o", "json"});
  CHECK(outcome.status == 3);
  CHECK(count_lines(outcome.err) == 4);
  const json rows = json::parse(outcome.out);
  std::string seen;
  for (const json& row : rows) {
    const std::string name = row.at("test");
    seen += name + " " + row.at("status").get<std::string>() + ", ";
    if (row.at("status") == "ok") {
      CHECK(row.at("error").is_null());
      continue;
    }
    CHECK(row.at("error") == "tiny: " + name + " needs " +
                                 std::to_string(row.at("depth").get<int>() + row.at("prompt_tokens").get<int>() + row.at("gen_tokens").get<int>()) +
                                 " positions, the model has 256");
    CHECK(row.at("repetitions").is_null());
    CHECK(row.at("tok_per_s_median").is_null());
  }
  CHECK(seen == "pp300 failed, pp8 ok, tg4 ok, pp300@d253 failed, pp8@d253 failed, tg4@d253 failed, ");
  // Where nothing fits, nothing is loaded.
  const Outcome none = place.qbench({"bench", "-m", place.model(), "-p", "300", "-n", "0", "-o", "jsonl"});
  CHECK(none.status == 3);
  CHECK(json::parse(none.out).at("threads").is_null());
}

TEST_CASE("models and doctor answer in JSON") {
  const Workplace place;
  CHECK(parse(place.qbench({"models", "list", "--json"})).size() == 4);
  CHECK(parse(place.qbench({"models", "inspect", "-m", place.model(), "--json"})).at("config").at("layers") == 2);
  const json plan = parse(place.qbench({"models", "plan", "-m", "synthetic:giant", "--json"}));
  CHECK(plan.at("fits") == false);
  CHECK(plan.at("contexts").is_array());
  const json doctor = parse(place.qbench({"doctor", "--json"}));
  CHECK(doctor.contains("cpu"));
  CHECK(doctor["cuda"]["missing"].get<std::string>().empty() == !doctor["cuda"]["devices"].empty());
  CHECK_FALSE(doctor.contains("limits"));
  const json limits = parse(place.qbench({"doctor", "--limits", "--json"}))["limits"];
  CHECK(limits.size() == 1 + doctor["cuda"]["devices"].size());
  CHECK(limits[0]["device"] == "cpu");
  CHECK(limits[0]["error"].is_null());
  CHECK(doctor["cuda"]["products"].is_string());
}
