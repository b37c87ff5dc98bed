#include "desk.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "record/csv.h"

namespace qbench::test {

using nlohmann::json;

std::string summary(double rate, const Fields& more) {
  Fields fields{{"schema_version", "3"},
                {"run_id", "20261120_032200-nightly"},
                {"started_utc", "2026-11-20T03:22:00Z"},
                {"status", "ok"},
                {"model", "smol"},
                {"model_name", "SmolLM2-135M-Instruct"},
                {"precision", "q4_1"},
                {"precision_requested", "auto"},
                {"suite", "smoke"},
                {"prompt_id", "is-prime"},
                {"turn", "1"},
                {"pass", "speed"},
                {"batch", "1"},
                {"device_effective", "cpu"},
                {"device_description", "Some CPU"},
                {"n_sessions", "3"},
                {"n_samples", "18"},
                {"output_digest", "abcdef"},
                {"output_digests", "1"},
                {"kv_bytes", "1048576"},
                {"model_fingerprint", "sha256:1"},
                {"cpu_model", "Some CPU"},
                {"container", "none"},
                {"build_git_sha", "c0ffee"}};
  fields["decode_tok_per_s_median"] = std::to_string(rate);
  fields["decode_tok_per_s_by_session"] = std::to_string(rate) + " " + std::to_string(rate * 1.002) + " " + std::to_string(rate * 0.998);
  fields["e2e_ms_median"] = "1000";
  fields["e2e_ms_by_session"] = "1000 1001 999";
  for (const auto& [name, value] : more) fields[name] = value;
  std::vector<std::string> header{"schema_version"}, row{fields["schema_version"]};
  fields.erase("schema_version");
  for (const auto& [name, value] : fields) {
    header.push_back(name);
    row.push_back(value);
  }
  return record::csv_line(header) + record::csv_line(row);
}

std::string Desk::file(const std::string& name, const std::string& content) const {
  write_file(dir.path() / name, content);
  return name;
}

Outcome Desk::run(const std::vector<std::string>& arguments) const {
  RunOptions options;
  options.folder = dir.path();
  options.environment = {{"QBENCH_DATA_DIR", (fixtures_dir().parent_path().parent_path()).string()}};
  return test::qbench(arguments, options);
}

Outcome Desk::gate(int night, double rate, const std::vector<std::string>& more, const Fields& fields) const {
  std::vector<std::string> arguments{"compare", "--gate", gates(), "--history", "h.sqlite", night_file(night, rate, fields)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(arguments);
}

std::string Desk::night_file(int night, double rate, const Fields& fields) const {
  const std::string two = (night < 10 ? "0" : "") + std::to_string(night);
  Fields all = fields;
  all["run_id"] = "night" + two;
  all["started_utc"] = "2026-10-" + two + "T03:22:00Z";
  return file("night" + two + ".csv", summary(rate, all));
}

std::string Desk::gates() { return (fixtures_dir().parent_path().parent_path() / "configs" / "gates" / "nightly.json").string(); }

void check_refused(const Outcome& outcome, const std::string& words) {
  CAPTURE(outcome.err);
  CAPTURE(outcome.out);
  CHECK(outcome.status == 2);
  CHECK(outcome.signal == 0);
  CHECK(outcome.err.find(words) != std::string::npos);
  CHECK(count_lines(outcome.err) == 1);
}

std::size_t longest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

const json& judgement(const json& document, const std::string& metric) {
  for (const json& one : document["comparisons"][0]["cells"][0]["judgements"]) {
    if (one["metric"] == metric) return one;
  }
  FAIL("no judgement of " << metric);
  throw;
}

}  // namespace qbench::test
