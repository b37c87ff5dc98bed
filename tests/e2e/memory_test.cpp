#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

namespace {

json parse(const Outcome& outcome) {
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  return parse_json(outcome.out, "standard output");
}

void write_ids(const Workplace& place) {
  json ids = json::array();
  for (int i = 0; i < 200; ++i) ids.push_back((i * 37 + i * i) % 250);
  write_file(place.path() / "ids.json", ids.dump());
}

}  // namespace

TEST_CASE("perplexity says what other KV caches cost beside the full one") {
  const Workplace place;
  write_ids(place);
  for (const std::string device : {"cpu", "cuda-emulated"}) {
    if (device != "cpu" && place.qbench({"models", "memory", "-m", place.model(), "--device", device}).status != 0) {
      report_skip("perplexity --compare-kv on cuda-emulated", "this build does not have it");
      continue;
    }
    CAPTURE(device);
    const json result = parse(place.qbench({"perplexity", "-m", place.model(), "--token-ids", "ids.json", "--method", "all", "--device", device, "--kv-type", "f32",
                                            "--compare-kv", "f32,f16,fp8,window:20,sinks:4+20,fp8/sinks:4+20", "--json"}));
    CHECK(result.at("kv_policy") == "full");
    const json& rows = result.at("comparison");
    REQUIRE(rows.size() == 7);
    for (const std::size_t same : {0, 1}) {  // the full cache beside itself
      CHECK(rows[same].at("mean_kl_nats") == 0.0);
      CHECK(rows[same].at("perplexity_difference") == 0.0);
      CHECK(rows[same].at("same_top_ratio") == 1.0);
    }
    CHECK(rows[0].at("perplexity") == result.at("perplexity"));
    const auto kl = [&](std::size_t i) { return rows[i].at("mean_kl_nats").get<double>(); };
    const auto bytes = [&](std::size_t i) { return rows[i].at("kv_bytes").get<std::int64_t>(); };
    CHECK(kl(2) > 0.0);
    CHECK(kl(2) < kl(3));
    CHECK(kl(4) > 0.0);
    CHECK(kl(5) > 0.0);
    CHECK(bytes(2) < bytes(1));
    CHECK(bytes(3) < bytes(2));
    CHECK(bytes(4) < bytes(1) / 2);  // 20 + 63 of 200 positions
    CHECK(bytes(6) < bytes(5));
    CHECK(rows[6].at("kv_policy") == "sinks 4 + window 20");
    CHECK(rows[6].at("kv_type") == "fp8");
  }
  const Outcome table = place.qbench({"perplexity", "-m", place.model(), "--token-ids", "ids.json", "--method", "all", "--compare-kv", "window:20"});
  CHECK(table.status == 0);
  CHECK(table.out.find("f16, window 20") != std::string::npos);
  CHECK(table.out.find("mean KL") != std::string::npos);
}

TEST_CASE("a KV policy and a memory limit stand in the rows and in the report") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--suite", "two", "--prompts", "first", "--pass", "speed", "-r", "1", "--kv-type", "fp8",
                                                                 "--kv-window", "32", "--kv-sinks", "4", "--vram-limit", "1GiB", "--vram-headroom", "1MB"}));
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  const Results results = read_results(place.results());
  const auto cell = [&](const std::string& column) { return results.cell("tiny", "first", "speed", column); };
  CHECK(cell("kv_type") == "fp8");
  CHECK(cell("kv_policy") == "sinks 4 + window 32");
  CHECK(cell("vram_limit_bytes") == "1073741824");
  CHECK(cell("vram_headroom_bytes") == "1000000");
  for (const std::string column : {"weight_bytes", "kv_bytes", "activation_bytes", "workspace_bytes", "peak_allocated_bytes", "context_bytes",
                                   "free_before_load_bytes", "free_after_load_bytes", "memory_free_bytes"}) {
    CAPTURE(column);
    CHECK_FALSE(cell(column).empty());
  }
  CHECK(std::stoll(cell("peak_allocated_bytes")) >= std::stoll(cell("kv_bytes")) + std::stoll(cell("activation_bytes")));
  std::string report;
  for (const auto& entry : std::filesystem::directory_iterator(results.folder)) {
    if (entry.path().extension() == ".md") report = read_file(entry.path());
  }
  CHECK(report.find("## Memory") != std::string::npos);
  CHECK(report.find("sinks 4 + window 32") != std::string::npos);
}

TEST_CASE("a plan that the limit does not allow is a row that says by how much, and so says the dry run") {
  const Workplace place;
  const std::vector<std::string> options{"--suite", "two", "--prompts", "first", "--vram-limit", "100kB"};
  std::vector<std::string> dry = options;
  dry.push_back("--dry-run");
  const Outcome planned = place.qbench(place.run(place.model(), dry));
  CHECK(planned.status == 3);
  CHECK(planned.out.find("--vram-limit 100.0 kB") != std::string::npos);
  CHECK(planned.out.find(" short") != std::string::npos);
  const Outcome outcome = place.qbench(place.run(place.model(), options));
  CHECK(outcome.status == 3);
  const Results results = read_results(place.results());
  CHECK(results.cell("tiny", "first", "speed", "status") == "failed");
  CHECK(results.cell("tiny", "first", "speed", "error_code") == "memory");
  CHECK(results.cell("tiny", "first", "speed", "error").find(" short") != std::string::npos);
}

TEST_CASE("models memory allocates caches and puts what they take beside the formula") {
  const Workplace place;
  const json result = parse(place.qbench({"models", "memory", "-m", place.model(), "--json"}));
  REQUIRE(result.at("contexts").size() == 4);
  const std::int64_t contexts[] = {1024, 4096, 10240, 32768};
  for (std::size_t i = 0; i < 4; ++i) {
    const json& row = result.at("contexts")[i];
    CHECK(row.at("context") == contexts[i]);
    CHECK(row.at("fits") == true);
    CHECK(row.at("allocated_bytes") == row.at("formula_bytes"));
  }
  const json small = parse(place.qbench({"models", "memory", "-m", place.model(), "--vram-limit", "2MB", "--json"}));
  const json& last = small.at("contexts")[3];
  CHECK(last.at("fits") == false);
  CHECK(last.at("missing_bytes") == last.at("formula_bytes").get<std::int64_t>() - 2'000'000);
  const json window = parse(place.qbench({"models", "memory", "-m", place.model(), "--kv-window", "256", "--json"}));
  CHECK(window.at("contexts")[3].at("allocated_bytes") == window.at("contexts")[0].at("allocated_bytes"));
}

TEST_CASE("every KV type takes what the formula says, on every device") {
  const Workplace place;
  for (const std::string device : {"cpu", "cuda-emulated"}) {
    if (device != "cpu" && place.qbench({"models", "memory", "-m", place.model(), "--device", device}).status != 0) {
      report_skip("models memory on cuda-emulated", "this build does not have it");
      continue;
    }
    for (const std::string type : {"f32", "bf16", "f16", "fp8"}) {
      CAPTURE(device);
      CAPTURE(type);
      const json result = parse(place.qbench({"models", "memory", "-m", place.model(), "--device", device, "--kv-type", type, "--context", "77", "--json"}));
      REQUIRE(result.at("contexts").size() == 1);
      const json& row = result.at("contexts")[0];
      CHECK(row.at("context") == 77);
      CHECK(row.at("allocated_bytes") == row.at("formula_bytes"));
    }
  }
  for (const std::string option : {"--threads", "--isa", "--precision"}) {
    const Outcome outcome = place.qbench({"models", "memory", "-m", place.model(), option, "1"});
    CAPTURE(option);
    CHECK(outcome.status == 2);  // nothing there depends on it
  }
}

TEST_CASE("perplexity counts all caches that it compares before it loads anything") {
  const Workplace place;
  write_ids(place);
  // Each full cache of 200 positions takes 2 layers x 2 KV heads x 208 positions x 2 x 16 numbers x 4 bytes: 106 kB.
  const std::vector<std::string> one{"perplexity", "-m", place.model(), "--token-ids", "ids.json", "--method", "all", "--kv-type", "f32", "--vram-headroom", "0", "--vram-limit"};
  std::vector<std::string> refused = one;
  refused.push_back("1kB");
  const std::string words = place.qbench(refused).err;
  const std::size_t at = words.find("1.0 kB available");
  CAPTURE(words);
  CHECK(at != std::string::npos);
  CHECK(words.find("other KV caches") == std::string::npos);
  std::vector<std::string> compared = refused;
  compared.insert(compared.end(), {"--compare-kv", "f32,f32,f16"});
  const Outcome outcome = place.qbench(compared);
  CHECK(outcome.status != 0);
  CHECK(outcome.err.find("KV 106.5 kB, other KV caches 266.2 kB") != std::string::npos);
  CAPTURE(outcome.err);
}

TEST_CASE("a window that holds the whole context is said to be none") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--suite", "two", "--prompts", "first", "--pass", "speed", "-r", "1", "--kv-window", "100000"}));
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(outcome.err.find("--kv-window 100000: the context has 256 positions") != std::string::npos);
  CHECK(read_results(place.results()).cell("tiny", "first", "speed", "kv_policy") == "full");
}

TEST_CASE("wrong windows, sinks, limits and caches to compare are refused in one line that names the option") {
  const Workplace place;
  write_ids(place);
  const struct {
    std::vector<std::string> arguments;
    std::string words;
  } cases[] = {
      {{"--kv-window", "0"}, "--kv-window"},
      {{"--kv-window", "-5"}, "--kv-window"},
      {{"--kv-window", "many"}, "--kv-window"},
      {{"--kv-sinks", "4"}, "--kv-window"},
      {{"--kv-window", "4", "--kv-sinks", "4"}, "--kv-sinks: must be below"},
      {{"--kv-window", "4", "--kv-sinks", "-1"}, "--kv-sinks"},
      {{"--vram-limit", "0"}, "--vram-limit"},
      {{"--vram-limit", "-1GiB"}, "--vram-limit"},
      {{"--vram-limit", "12GiBs"}, "--vram-limit: expected bytes above 0, as in 12GiB, 500MB or 4096, got '12GiBs'"},
      {{"--vram-headroom", "100%"}, "--vram-headroom"},
      {{"--vram-headroom", "lots"}, "--vram-headroom"},
      {{"--kv-type", "fp7"}, "fp8"},
      {{"--compare-kv", "fp7"}, "--compare-kv"},
      {{"--compare-kv", ""}, "--compare-kv"},
      {{"--compare-kv", "window:0"}, "--compare-kv"},
      {{"--compare-kv", "window:x"}, "--compare-kv"},
      {{"--compare-kv", "sinks:4"}, "sinks:S+N"},
      {{"--compare-kv", "sinks:9+4"}, "--compare-kv"},
      {{"--compare-kv", "fp8/q8_0"}, "type/policy"},
      {{"--compare-kv", "fp8", "--kv-window", "9"}, "--compare-kv"},
  };
  for (const auto& one : cases) {
    std::vector<std::string> arguments{"perplexity", "-m", place.model(), "--token-ids", "ids.json", "--method", "all"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const Outcome outcome = place.qbench(arguments);
    CAPTURE(one.arguments[0]);
    CAPTURE(one.arguments[1]);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find(one.words) != std::string::npos);
    CHECK(count_lines(outcome.err) == 1);
  }
}
