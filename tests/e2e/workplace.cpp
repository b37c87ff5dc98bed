#include "workplace.h"

#include <doctest/doctest.h>

#include "gguf_writer.h"
#include "record/record_json.h"

namespace qbench::test {
namespace fs = std::filesystem;
namespace {

constexpr const char* kShape = R"("architecture": "qwen2", "heads": 4, "kv_heads": 2, "head_dim": 16, "ffn": 96, "vocab": 320, "rms_eps": 1e-06, "rope_theta": 10000, "tied_head": true, "eos_ids": [319])";

/// One entry of the catalogue.
std::string entry(const std::string& name, const std::string& sizes) {
  return R"({"name": ")" + name + R"(", "label": ")" + name + R"(", "hub_id": "Test/)" + name +
         R"(", "kind": "instruct", "thinking": "never", "licence": "MIT", "tokenizer_size": 320, "shape": {)" + kShape + ", " + sizes + "}}";
}

void write_suites(const fs::path& data) {
  write_file(data / "prompts" / "two" / "suite.json", R"({"title": "Two", "description": "Two prompts.",
    "defaults": {"gen_tokens": 6, "max_new_tokens": 9, "repetitions": 3, "warmup": 1},
    "prompts": [{"id": "first", "turns": [{"text": "Say A.", "prompt_tokens": 6}]}, {"id": "second", "turns": [{"text": "Say B!", "prompt_tokens": 6}]}]})");
  write_file(data / "prompts" / "turns" / "suite.json", R"({"title": "Turns", "description": "A conversation.",
    "defaults": {"gen_tokens": 4, "max_new_tokens": 5, "repetitions": 2, "ignore_eos": true},
    "prompts": [{"id": "talk", "turns": [{"text": "Begin.", "prompt_tokens": 6}, {"text": "Go on.", "prompt_tokens": 6}]}]})");
}

}  // namespace

Workplace::Workplace() {
  const fs::path data = path() / "data";
  write_suites(data);
  write_file(data / "configs" / "profiles" / "calm.json",
             R"({"title": "Calm", "description": "For tests.", "settings": {"temperature": 0.5, "gen_tokens": 5}, "not_yet": {"dreaming": true}})");
  write_file(data / "configs" / "models.json", R"({"models": [)" + entry("small", R"("hidden": 64, "layers": 2, "context": 256)") + ", " +
                                                   entry("slow", R"("hidden": 512, "layers": 8, "context": 4096)") + ", " +
                                                   entry("long", R"("hidden": 64, "layers": 2, "context": 500000)") + ", " +
                                                   entry("giant", R"("hidden": 65536, "layers": 800, "context": 4096)") + "]}");
  write_file(data / "configs" / "thinking.json", R"({"closing": {"text": "\nEnd.\n</think>\n\n"}, "stages": [
    {"stage": "look", "max_tokens": 6, "temperature": 0.8, "instruction": "Look first."},
    {"stage": "try", "max_tokens": 9, "temperature": 0.7, "branching_factor": 2, "instruction": "Try {branch} of {branches}."},
    {"stage": "say", "max_tokens": 7, "temperature": 0.0, "instruction": "Say it."}]})");
  TinyModel thinker;
  thinker.seed = 3;
  thinker.thinks = true;
  thinker.context = 512;
  tiny_gguf(thinker).write(model("thinker"));
  for (const auto& [name, seed] : std::map<std::string, std::uint64_t>{{"tiny", 1}, {"other", 2}}) {
    TinyModel shape;
    shape.seed = seed;
    tiny_gguf(shape).write(model(name));
  }
}

RunOptions Workplace::options() const {
  RunOptions options;
  options.environment = {{"QBENCH_DATA_DIR", (path() / "data").string()}, {"XDG_CACHE_HOME", (path() / "cache").string()}, {"HF_HUB_CACHE", (path() / "hub").string()}};
  options.folder = path();
  return options;
}

std::vector<std::string> Workplace::run(const std::string& models, const std::vector<std::string>& more) const {
  std::vector<std::string> arguments{"run", "--models", models, "--output-dir", results().string(), "--threads", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string Results::cell(const std::string& model, const std::string& prompt, const std::string& pass, const std::string& column, const std::string& turn) const {
  const auto at = [&](const std::string& name) {
    const auto index = summary.column(name);
    REQUIRE_MESSAGE(index.has_value(), "no column " << name);
    return *index;
  };
  for (const auto& row : summary.rows) {
    if (row[at("model")] == model && row[at("prompt_id")] == prompt && row[at("pass")] == pass && row[at("turn")] == turn) return row[at(column)];
  }
  FAIL("no row " << model << " " << prompt << " " << pass);
  return {};
}

Results read_results(const fs::path& results) {
  Results read;
  read.folder = only_folder(results);
  read.run = record::read_run_json(read.folder / "run.json");
  read.content = record::read_sample_file(read.folder / "samples.jsonl");
  read.summary = record::read_summary_csv(read.folder / "summary.csv");
  return read;
}

}  // namespace qbench::test
