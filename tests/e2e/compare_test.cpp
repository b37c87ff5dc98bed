#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "desk.h"
#include "record/csv.h"
#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

namespace fs = std::filesystem;

TEST_CASE("compare tells worse, better and same apart, by exit code and in every format") {
  const Desk desk;
  const std::string base = desk.file("base.csv", summary(100)), slow = desk.file("slow.csv", summary(80)),
                    same = desk.file("same.csv", summary(100.1));
  const Outcome worse = desk.run({"compare", base, slow, "--md", "out.md", "--csv", "out.csv", "--json", "out.json", "--junit", "out.xml"});
  CHECK(worse.status == 1);
  CHECK(worse.out.find("1 worse") != std::string::npos);
  CHECK(worse.out.find("-20.0 %") != std::string::npos);
  CHECK(worse.out.find("every new session is") != std::string::npos);
  CHECK(worse.out.find('\x1b') == std::string::npos);  // no terminal, no colour
  CHECK(longest_line(worse.out) <= 80);
  CHECK(read_file(desk.dir.path() / "out.md").find("| decode_tok_per_s | 100 | 80 |") != std::string::npos);
  const auto table = record::parse_csv(read_file(desk.dir.path() / "out.csv"), "out.csv");
  CHECK(table.rows.size() >= 10);
  const json document = json::parse(read_file(desk.dir.path() / "out.json"));
  CHECK(judgement(document, "decode_tok_per_s")["verdict"] == "worse");
  CHECK(judgement(document, "decode_tok_per_s")["ratio"] == doctest::Approx(0.8));
  CHECK(judgement(document, "output_digest")["verdict"] == "same");
  CHECK(document["comparisons"][0]["counts"]["worse"] == 1);
  CHECK(read_file(desk.dir.path() / "out.xml").find("<failure") != std::string::npos);

  CHECK(desk.run({"compare", base, same}).status == 0);
  const Outcome better = desk.run({"compare", slow, base, "--format", "json"});
  CHECK(better.status == 0);
  CHECK(judgement(json::parse(better.out), "decode_tok_per_s")["verdict"] == "better");
  const Outcome both = desk.run({"compare", base, same, slow, "--format", "csv"});
  CHECK(both.status == 1);
  CHECK(both.out.find("same.csv") != std::string::npos);
  CHECK(desk.run({"compare", base, slow, "--delta", "30%"}).status == 0);
  CHECK(desk.run({"compare", base, desk.file("near.csv", summary(95)), "--delta", "0.03"}).status == 1);
}

TEST_CASE("unlike machines, one session and a failed model each get their verdict and exit code") {
  const Desk desk;
  const std::string base = desk.file("base.csv", summary(100));
  const Outcome unlike =
      desk.run({"compare", base, desk.file("b.csv", summary(50, {{"cpu_model", "Another"}, {"device_description", "Another"}}))});
  CHECK(unlike.status == 0);
  CHECK(unlike.out.find("unlike machines: cpu_model: Some CPU against Another") != std::string::npos);
  CHECK(unlike.out.find("unclear (machines)") != std::string::npos);
  const Fields one{
      {"n_sessions", "1"}, {"decode_tok_per_s_by_session", "50"}, {"decode_tok_per_s_median", "50"}, {"e2e_ms_by_session", "1000"}};
  const std::string single = desk.file("single.csv", summary(50, one));
  const Outcome unclear = desk.run({"compare", base, single});
  CHECK(unclear.status == 0);
  CHECK(unclear.out.find("unclear (one session)") != std::string::npos);
  CHECK(unclear.out.find("-50.0 %") != std::string::npos);
  CHECK(desk.run({"compare", base, single, "--strict"}).status == 4);
  const std::string failed =
      desk.file("failed.csv", summary(50, {{"status", "failed"}, {"error_code", "memory"}, {"error", "needs 99 GB"}}));
  const Outcome broken = desk.run({"compare", base, failed, "--strict"});
  CHECK(broken.status == 3);
  CHECK(broken.out.find("needs 99 GB") != std::string::npos);
  CHECK(desk.run({"compare", failed, failed}).status == 3);  // whatever BASE did
  const Outcome other_work = desk.run({"compare", desk.file("b1.csv", summary(100, {{"threads", "2"}, {"host_hash", "a"}})),
                                       desk.file("b2.csv", summary(50, {{"threads", "4"}, {"host_hash", "a"}}))});
  CHECK(other_work.status == 0);
  CHECK(other_work.out.find("threads: 2 against 4") != std::string::npos);
  const Outcome other_host = desk.run({"compare", "b1.csv", desk.file("b3.csv", summary(50, {{"threads", "2"}, {"host_hash", "b"}}))});
  CHECK(other_host.status == 0);
  CHECK(other_host.out.find("unlike machines: host_hash: a against b") != std::string::npos);
  CHECK(desk.run({"compare", base, desk.file("throttled.csv", summary(50, {{"status", "throttled"}}))}).out.find("unclear (throttled)") !=
        std::string::npos);
}

TEST_CASE("results that cannot be read are one line and exit code 2, for compare and for history") {
  const Desk desk;
  const std::string good = desk.file("good.csv", summary(100));
  const std::string row = summary(100).substr(summary(100).find("\r\n") + 2);
  const std::pair<std::string, std::string> cases[] = {
      {summary(100, {{"schema_version", "9"}}), "schema_version 9"},
      {summary(100).substr(0, summary(100).size() - 40), "fields, the header has"},
      {summary(100).substr(0, summary(100).size() - 2), "cut off"},
      {summary(100) + row, "row 2 has the key of row 1"},
      {summary(100, {{"ttft_s_median", "0.5"}}), "in another unit"},
      {summary(100, {{"decode_tok_per_s_median", "nan"}}), "'nan' is no finite number"},
      {summary(100, {{"decode_tok_per_s_by_session", "100 inf 100"}}), "'inf' is no finite number"},
      {summary(100, {{"decode_tok_per_s_by_session", "100 100"}}), "n_sessions is 3"},
      {summary(100, {{"decode_tok_per_s_median", "-5"}}), "'-5' is below 0 (line 2)"},
      {summary(100, {{"decode_tok_per_s_median", "200"}}), "outside its own sessions"},
      {summary(100, {{"success_ratio", "1.7"}}), "'1.7' is not between 0 and 1"},
      {summary(100, {{"peak_megabytes", "5"}}), "column 'peak_megabytes' is in another unit"},
      {summary(100).substr(0, summary(100).find("\r\n") + 2), "holds no rows"},
      {"", "empty"},
      {"a,b\r\n1,2\r\n", "no summary.csv of qbench"},
      {std::string("\x00\xff\xfe binary", 10), "'??? binary'"},
  };
  for (const auto& [content, words] : cases) {
    CAPTURE(words);
    const std::string bad = desk.file("bad.csv", content);
    check_refused(desk.run({"compare", good, bad}), words);
    check_refused(desk.run({"compare", bad, good}), words);
    check_refused(desk.run({"compare", "--gate", Desk::gates(), "--history", "h.sqlite", bad}), words);
    check_refused(desk.run({"history", "add", "--file", "h.sqlite", bad}), words);
  }
  CHECK_FALSE(fs::exists(desk.dir.path() / "h.sqlite"));  // nothing was begun
  check_refused(desk.run({"compare", good, "nowhere.csv"}), "no such file");
  fs::create_directory(desk.dir.path() / "empty");
  check_refused(desk.run({"compare", good, "empty"}), "run.json");
}

TEST_CASE("options of compare that do not go together are refused") {
  const Desk desk;
  const std::string a = desk.file("a.csv", summary(100)), b = desk.file("b.csv", summary(100));
  check_refused(desk.run({"compare", a}), "give BASE and at least one NEW");
  check_refused(desk.run({"compare"}), "results is required");
  check_refused(desk.run({"compare", a, b, "--history", "h.sqlite", "--gate", Desk::gates()}), "with --history give one result");
  check_refused(desk.run({"compare", a, "--history", "h.sqlite"}), "--history needs --gate");
  check_refused(desk.run({"compare", a, b, "--price", "H100=2"}), "--price belongs to --across-gpus");
  check_refused(desk.run({"compare", "--across-gpus", a, "--strict"}), "--across-gpus only shows");
  check_refused(desk.run({"compare", a, b, "--delta", "-3%"}), "--delta: '-3%'");
  check_refused(desk.run({"compare", a, b, "--delta", "nan"}), "--delta: 'nan'");
  check_refused(desk.run({"compare", a, b, "--format", "pdf"}), "'pdf' is no format");
  check_refused(desk.run({"compare", a, b, "--gate", "nowhere.json"}), "nowhere.json");
  check_refused(desk.run({"compare", a, b, "--json", "no/such/folder/x.json"}), "no/such/folder");
}

TEST_CASE("a run compared with itself is unclear with one session, and its files give the same result as its folder") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model(), {"--suite", "two", "--pass", "speed"})).status == 0);
  const fs::path folder = only_folder(place.results());
  const Outcome by_folder = place.qbench({"compare", folder.string(), folder.string(), "--format", "json"});
  CHECK(by_folder.status == 0);
  const json document = json::parse(by_folder.out);
  CHECK(document["comparisons"][0]["cells"].size() == 2);
  CHECK(judgement(document, "output_digest")["verdict"] == "same");
  CHECK(judgement(document, "decode_tok_per_s")["reason"] == "few_sessions");
  CHECK(judgement(document, "kv_bytes")["verdict"] == "same");
  CHECK(document["comparisons"][0]["counts"]["worse"] == 0);
  for (const char* file : {"summary.csv", "run.json", "samples.jsonl"}) {
    const Outcome by_file = place.qbench({"compare", folder.string(), (folder / file).string(), "--format", "json"});
    CAPTURE(file);
    CHECK(json::parse(by_file.out)["comparisons"][0]["cells"] == document["comparisons"][0]["cells"]);
  }
  CHECK(place.qbench({"compare", folder.string(), folder.string(), "--strict"}).status == 4);
  CHECK(place.qbench({"history", "add", folder.string()}).status == 0);
  CHECK(fs::exists(place.path() / "results" / "history.sqlite"));
}

TEST_CASE("models across devices stand side by side, with what a token costs") {
  const Desk desk;
  const Fields l4{{"device_effective", "cuda:0"}, {"device_description", "NVIDIA L4"}, {"gpu_power_w_median", "70"}};
  const std::string cpu = desk.file("cpu.csv", summary(20)), gpu = desk.file("l4.csv", summary(100, l4));
  const Outcome table = desk.run({"compare", "--across-gpus", cpu, gpu, "--price", "L4=0.8"});
  CHECK(table.status == 0);
  CHECK(table.out.find("100.0 (5.00x)") != std::string::npos);
  CHECK(table.out.find("1.429") != std::string::npos);  // tokens a second per watt
  CHECK(table.out.find("0.450") != std::string::npos);  // million tokens per unit of money
  CHECK(longest_line(table.out) <= 80);
  CHECK(desk.run({"compare", "--across-gpus", cpu, gpu, "--format", "md"}).out.find("| 100.0 (5.00x) |") != std::string::npos);
  CHECK(record::parse_csv(desk.run({"compare", "--across-gpus", cpu, gpu, "--format", "csv"}).out, "out").rows.size() == 2);
  CHECK(json::parse(desk.run({"compare", "--across-gpus", cpu, gpu, "--format", "json"}).out)["lines"].size() == 1);
  CHECK(desk.run({"compare", "--across-gpus", cpu, gpu, "--format", "junit"}).out.find("<testsuite name=\"NVIDIA L4\"") != std::string::npos);
  CHECK(desk.run({"compare", "--across-gpus", cpu, gpu, "--format", "html"}).out.find("qbench across devices") != std::string::npos);
  Fields other_weights = l4;
  other_weights["model_fingerprint"] = "sha256:2";
  const Outcome unlike = desk.run({"compare", "--across-gpus", cpu, desk.file("other.csv", summary(100, other_weights))});
  CHECK(unlike.status == 0);
  CHECK(unlike.out.find("5.00x") == std::string::npos);
  CHECK(unlike.out.find("model_fingerprint:") != std::string::npos);
  CHECK(unlike.out.find("sha256:2") != std::string::npos);  // the note is wrapped, not cut
  CHECK(longest_line(unlike.out) <= 80);
  check_refused(desk.run({"compare", "--across-gpus", cpu, "--price", "A100=1"}), "'A100' is in no device's name");
  check_refused(desk.run({"compare", "--across-gpus", cpu, "--price", "A100"}), "expected a device and what an hour of it costs");
  const std::string published =
      (fixtures_dir().parent_path().parent_path() / "results" / "published" / "h100-nvl-transformers.csv").string();
  CHECK(desk.run({"compare", "--across-gpus", published}).out.find("53.1 (1.00x)") != std::string::npos);
}

TEST_CASE("the monitor raises alerts by limits and says what bounds a row") {
  const Desk desk;
  const Fields poor{{"success_ratio", "0.8"}, {"success_ratio_by_session", "0.8 0.8 0.8"}, {"context_use_ratio_max", "0.97"}};
  const Outcome alerts = desk.run({"compare", "--monitor", desk.file("poor.csv", summary(100, poor))});
  CHECK(alerts.status == 0);
  CHECK(alerts.out.find("1 alerts") != std::string::npos);
  CHECK(alerts.out.find("critical: smol q4_1 smoke/is-prime cpu") != std::string::npos);
  CHECK(alerts.out.find("context: smol") != std::string::npos);
  CHECK(longest_line(alerts.out) <= 80);
  CHECK(desk.run({"compare", "--monitor", "poor.csv", "--strict", "--junit", "alerts.xml"}).status == 4);
  CHECK(read_file(desk.dir.path() / "alerts.xml").find("CriticalAlert") != std::string::npos);
  desk.file("broken.csv", summary(100, {{"status", "failed"}, {"error_code", "memory"}, {"error", "needs 99 GB"}}));
  const Outcome broken = desk.run({"compare", "--monitor", "broken.csv"});
  CHECK(broken.status == 3);
  CHECK(broken.out.find("the row failed") != std::string::npos);
  CHECK(desk.run({"compare", "--monitor", desk.file("fine.csv", summary(100)), "--strict"}).status == 0);
  CHECK(desk.run({"compare", "--monitor", desk.file("fine.csv", summary(100))}).out.find("0 alerts") != std::string::npos);
  desk.file("limits.json", R"({"everywhere": {"decode_tok_per_s": {"min": 150}}})");
  const json document = json::parse(desk.run({"compare", "--thresholds", "limits.json", "fine.csv", "--format", "json"}).out);
  CHECK(document["alerts"][0]["metric"] == "decode_tok_per_s");
  CHECK(document["alerts"][0]["limit"] == 150);
  desk.file("limits.json", R"({"everywhere": {"tok_s": {"min": 150}}})");
  check_refused(desk.run({"compare", "--thresholds", "limits.json", "fine.csv"}), "no such metric");
}

TEST_CASE("the help of compare and history shows examples") {
  const Desk desk;
  for (const std::string command : {"compare", "history"}) {
    const Outcome help = desk.run({command, "--help"});
    CHECK(help.status == 0);
    CHECK(help.out.find("Examples:") != std::string::npos);
    CHECK(help.out.find("qbench " + command + " ") != std::string::npos);
  }
  CHECK(desk.run({"history", "add", "--help"}).out.find("--file") != std::string::npos);
  check_refused(desk.run({"history"}), "subcommand");
}
