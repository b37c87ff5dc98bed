#include "compare/llama_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/ascii.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text_file.h"
#include "stats/summary.h"

namespace qbench::compare {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using record::MetricId;

/// "llama 1B Q4_K - Medium" and "qwen2 7B BF16": what follows the size, as qbench writes it: "q4_k_m".
std::string precision_of(std::string type) {
  for (const auto& [words, letter] : {std::pair{" - Medium", "_m"}, {" - Small", "_s"}, {" - Large", "_l"}}) {
    if (type.ends_with(words)) type = type.substr(0, type.size() - std::string_view(words).size()) + letter;
  }
  const std::size_t space = type.find_last_of(' ');
  return space == std::string::npos ? std::string() : ascii_lower(type.substr(space + 1));
}

class RowReader {
 public:
  RowReader(const json& object, std::string where) : object_(object), where_(std::move(where)) {}

  record::ResultRow read() {
    if (!object_.is_object()) fail("expected an object");
    object_.contains("avg_ts") || object_.contains("samples_ts") ? read_llama_bench() : read_qbench();
    return std::move(row_);
  }
  const std::string& started() const { return started_; }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorCode::kFormat, message, where_); }

  std::string text(const char* key, bool needed = false) const {
    if (object_.contains(key) && object_[key].is_string()) return object_[key];
    if (object_.contains(key) && object_[key].is_number_integer()) return object_[key].dump();
    if (needed) fail(fmt::format("has no '{}'", key));
    return {};
  }
  std::int64_t count(const char* key) const {
    if (!object_.contains(key)) return 0;
    if (!object_[key].is_number_integer() || object_[key] < 0) fail(fmt::format("'{}': expected a whole number from 0 on", key));
    return object_[key].get<std::int64_t>();
  }
  std::vector<double> samples(const char* key) const {
    std::vector<double> values;
    if (!object_.contains(key) || !object_[key].is_array()) return values;
    for (const json& value : object_[key]) {
      if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>())) {
        fail(fmt::format("'{}': expected numbers above 0, found {}", key, value.dump().substr(0, 40)));
      }
      values.push_back(value.get<double>());
    }
    return values;
  }
  void fact(const char* name, std::string value) { row_.facts.emplace_back(name, std::move(value)); }

  void common(const std::string& test, const std::string& precision, const std::string& device, const std::string& description) {
    fact("suite", "bench");
    fact("prompt_id", test);
    fact("turn", "1");
    fact("pass", "speed");
    fact("precision", precision);
    fact("device_effective", device);
    fact("device_description", description);
  }

  void rate(std::int64_t prompt, std::int64_t gen, const std::vector<double>& values) {
    fact("n_samples", std::to_string(values.size()));
    if (values.empty() || (prompt > 0) == (gen > 0)) return;
    record::MetricResult& metric = row_.metric(prompt > 0 ? MetricId::kPrefillTokPerS : MetricId::kDecodeTokPerS);
    metric.value = stats::median(values);
    metric.sessions = {metric.value};
  }

  void read_llama_bench() {
    const std::int64_t prompt = count("n_prompt"), gen = count("n_gen"), depth = count("n_depth");
    std::string test = prompt > 0 ? fmt::format("pp{}", prompt) : "";
    if (gen > 0) test += fmt::format("{}tg{}", test.empty() ? "" : "+", gen);
    if (test.empty()) fail("n_prompt and n_gen are both 0");
    if (depth > 0) test += fmt::format("@d{}", depth);
    const std::string backends = ascii_lower(text("backends"));
    const bool offloads = !object_.contains("n_gpu_layers") || object_["n_gpu_layers"] != 0;
    const bool cuda = backends.find("cuda") != std::string::npos && offloads;
    fact("model", fs::path(text("model_filename", true)).stem().string());
    common(test, precision_of(text("model_type")), cuda ? "cuda:0" : "cpu", text(cuda ? "gpu_info" : "cpu_info"));
    fact("cpu_model", text("cpu_info"));
    fact("kv_type", text("type_k"));
    fact("threads", text("n_threads"));
    fact("batch", "1");
    fact("parameters", text("model_n_params"));
    fact("build_git_sha", text("build_commit"));
    started_ = text("test_time");
    std::vector<double> values = samples("samples_ts");
    if (values.empty()) {
      if (!object_.contains("avg_ts") || !object_["avg_ts"].is_number() || !(object_["avg_ts"].get<double>() > 0))
        fail("has neither samples_ts nor avg_ts");
      values.push_back(object_["avg_ts"].get<double>());
    }
    rate(prompt, gen, values);
  }

  void read_qbench() {
    fact("model", text("model", true));
    common(text("test"), text("precision"), text("device"), text("device_description"));
    for (const char* name :
         {"batch", "threads", "kv_type", "context", "weights", "parameters", "weight_bytes", "kv_bytes", "instruction_sets", "paths"}) {
      fact(name, text(name));
    }
    const std::string status = text("status", true);
    if (status != "ok") {
      row_.status = record::Status::kFailed;
      row_.failure = {"bench", text("error")};
      return;
    }
    rate(count("prompt_tokens"), count("gen_tokens"), samples("samples"));
  }

  const json& object_;
  std::string where_, started_;
  record::ResultRow row_;
};

/// The objects of a JSON array or of lines.
std::vector<json> objects_in(const fs::path& path) {
  const std::string content = read_text_file(path);
  const std::size_t first = content.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) throw Error(ErrorCode::kFormat, "is empty", path.string());
  if (content[first] == '[') return parse_json(content, path.string()).get<std::vector<json>>();
  std::vector<json> objects;
  std::size_t line = 0;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    ++line;
    const std::string_view text = std::string_view(content).substr(at, end - at);
    if (text.find_first_not_of(" \t\r") != std::string_view::npos) {
      objects.push_back(parse_json(text, fmt::format("{}: line {}", path.string(), line), {.one_line = true}));
    }
    at = end + 1;
  }
  return objects;
}

bool is_bench_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  const std::string extension = path.extension().string();
  return (extension == ".json" && path.filename() != "run.json") || (extension == ".jsonl" && path.filename() != "samples.jsonl");
}

}  // namespace

record::ResultSet read_bench_rows(const fs::path& path) {
  record::ResultSet set;
  set.path = path;
  std::set<std::string> keys;
  for (const json& object : objects_in(path)) {
    RowReader reader(object, fmt::format("{}: row {}", path.string(), set.rows.size() + 1));
    record::ResultRow row = reader.read();
    std::string key;
    for (const auto& [column, text] : row.key()) key += text + '\n';
    if (!keys.insert(key).second) {
      throw Error(ErrorCode::kFormat, fmt::format("row {} has the key of an earlier one ({})", set.rows.size() + 1, row.name()),
                  path.string());
    }
    if (set.started_utc.empty()) set.started_utc = reader.started();
    set.rows.push_back(std::move(row));
  }
  if (set.rows.empty()) throw Error(ErrorCode::kFormat, "holds no rows", path.string());
  for (const char* column : {"cpu_model", "build_git_sha"}) set.machine.emplace_back(column, set.rows.front().fact(column));
  return set;
}

record::ResultSet read_results(const fs::path& path) { return is_bench_file(path) ? read_bench_rows(path) : record::read_result_set(path); }

}  // namespace qbench::compare
