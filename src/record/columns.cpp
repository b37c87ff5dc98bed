#include "record/columns.h"

#include <fmt/format.h>

#include <vector>

#include "record/json_fields.h"

namespace qbench::record {
namespace {

std::string text(std::int64_t value) { return fmt::format("{}", value); }
std::string text(const std::optional<std::int64_t>& value) { return value ? fmt::format("{}", *value) : std::string(); }
std::string text(const std::optional<double>& value) { return format_value(value); }
std::string text(const std::optional<bool>& value) { return value ? (*value ? "true" : "false") : std::string(); }

// A fact of the run (r) or the cell (c) as text. Function pointers, so that the table is one line a column.
#define QB_FACT(expression)                                    \
  [](const RunRecord& r, const CellRecord& c) -> std::string { \
    (void)r, (void)c;                                          \
    return expression;                                         \
  }

struct Fact {
  const char* name;
  const char* unit;
  const char* meaning;
  std::string (*get)(const RunRecord&, const CellRecord&);
};

constexpr Fact kRowFacts[] = {
    {"schema_version", "", "version of this file's schema; readers refuse another", QB_FACT(text(std::int64_t{kSchemaVersion}))},
    {"run_id", "", "the run's folder: UTC stamp and label", QB_FACT(r.run_id)},
    {"started_utc", "", "when the cell began, ISO 8601 UTC", QB_FACT(c.started_utc)},
    {"status", "", "ok, failed or skipped", QB_FACT(std::string(name_of(c.status)))},
    {"error_code", "", "kind of failure or reason of the skip: usage, memory, context, crash, killed, ...", QB_FACT(c.failure.code)},
    {"error", "", "the failure in one line", QB_FACT(c.failure.message)},
    {"model", "", "label: what --models said", QB_FACT(c.cell.model)},
    {"model_name", "", "the model's own name", QB_FACT(c.model.name)},
    {"model_path", "", "file or folder of the weights", QB_FACT(c.model.path)},
    {"model_kind", "", "how it is prompted: instruct, code, thinking, base", QB_FACT(c.model.kind)},
    {"architecture", "", "llama, qwen2, qwen3, qwen3_moe, phi3", QB_FACT(c.model.architecture)},
    {"parameters", "count", "numbers in the weights", QB_FACT(text(c.model.parameters))},
    {"format", "", "gguf, safetensors, synthetic", QB_FACT(c.model.format)},
    {"precision_requested", "", "what --precision said", QB_FACT(c.cell.precision)},
    {"precision", "", "of the weights on the device", QB_FACT(c.model.precision)},
    {"conversion", "", "what loading did to the weights", QB_FACT(c.model.conversion)},
    {"weights", "", "file, or synthetic: seeded random numbers at the real shape", QB_FACT(c.model.weights)},
    {"prompt", "", "text, or synthetic: seeded ids where there is no tokenizer", QB_FACT(c.settings.prompt_source)},
    {"suite", "", "the suite of prompts", QB_FACT(c.cell.suite)},
    {"prompt_id", "", "the prompt in the suite", QB_FACT(c.cell.prompt_id)},
    {"turn", "count", "of a prompt with several turns, from 1", QB_FACT(text(c.cell.turn))},
    {"pass", "", "speed: greedy, fixed length, EOS ignored; text: sampled, EOS honoured", QB_FACT(std::string(name_of(c.cell.pass)))},
    {"batch", "sequences", "sequences at once", QB_FACT(text(c.cell.batch))},
    {"context", "tokens", "positions per sequence", QB_FACT(text(c.cell.context))},
    {"kv_type", "", "type of the KV cache", QB_FACT(c.cell.kv_type)},
    {"kv_policy", "", "which positions the KV cache keeps: full, window N, sinks S + window N", QB_FACT(kv_policy_text(c.cell))},
    {"threads", "count", "host threads that compute", QB_FACT(text(c.cell.threads))},
    {"device_effective", "", "the device that ran it: a fallback shows here", QB_FACT(c.cell.device)},
    {"device_description", "", "processor or GPU model", QB_FACT(c.settings.device_description)},
    {"instruction_sets", "", "instruction sets in use", QB_FACT(c.settings.instruction_sets)},
    {"attention_path", "", "how attention is computed", QB_FACT(c.settings.attention_path)},
    {"paths", "", "ways that ran, as --ablate can leave them out", QB_FACT(c.settings.paths.value_or(""))},
    {"sampling", "", "sampling parameters as JSON", QB_FACT(canonical_json(c.settings.sampling_json))},
    {"gen_tokens", "tokens", "most tokens to generate", QB_FACT(text(c.settings.gen_tokens))},
    {"ignore_eos", "", "true: goes on past the end-of-sequence token", QB_FACT(text(c.settings.ignore_eos))},
    {"stop_reason", "", "why generation ended: max_tokens, eos, stop_string, context_full, interrupted; mixed where it differs",
     QB_FACT(c.stop_reason)},
    {"n_samples", "count", "timed repetitions that the statistics are over", QB_FACT(text(c.n_samples))},
    {"n_failed", "count", "timed repetitions that failed", QB_FACT(text(c.n_failed))},
    {"n_warmup", "count", "repetitions before them, in no statistic", QB_FACT(text(c.n_warmup))},
    {"stop_rule", "", "what ended the repetitions", QB_FACT(c.settings.stop_rule)},
    {"output_digest", "",
     "SHA-256 of the output ids (little-endian int32) of the first timed repetition; of the sequences' digests, one a line, with several",
     QB_FACT(c.output_digest)},
    {"output_digests", "count", "different digests among the timed repetitions; 1: reproducible", QB_FACT(text(c.output_digests))},
    {"disturbances", "", "what the GPU's telemetry shows of the timed repetitions: throttling, clocks that moved; empty: nothing",
     QB_FACT(c.disturbances.value_or(""))},
    {"weight_bytes", "bytes", "weights on the device", QB_FACT(text(c.model.weight_bytes))},
    {"decode_read_bytes", "bytes", "weights read per token at batch 1: no embedding rows, active experts only",
     QB_FACT(text(c.model.decode_read_bytes))},
    {"kv_bytes", "bytes", "KV cache of all sequences", QB_FACT(text(c.settings.kv_bytes))},
    {"activation_bytes", "bytes", "residual stream, Q, logits and the like of the largest step", QB_FACT(text(c.settings.memory.activation_bytes))},
    {"workspace_bytes", "bytes", "what kernels work in, when the cell ended", QB_FACT(text(c.settings.memory.workspace_bytes))},
    {"peak_allocated_bytes", "bytes", "largest sum of weights, KV cache, activations and workspace since the device was opened",
     QB_FACT(text(c.settings.memory.peak_bytes))},
    {"context_bytes", "bytes",
     "what the process holds beyond these; CUDA: of the device's memory, since before the load (the driver's context, code); CPU: of its "
     "resident size (program, libraries, tokenizer)",
     QB_FACT(text(c.settings.memory.context_bytes))},
    {"free_before_load_bytes", "bytes", "free memory of the device before the model was opened",
     QB_FACT(text(c.settings.memory.free_before_load_bytes))},
    {"free_after_load_bytes", "bytes", "free memory of the device when weights and KV cache were there",
     QB_FACT(text(c.settings.memory.free_after_load_bytes))},
    {"memory_free_bytes", "bytes", "free memory of the device when the cell ended", QB_FACT(text(c.settings.memory_free_bytes))},
    {"vram_limit_bytes", "bytes", "--vram-limit; empty: none", QB_FACT(text(c.settings.memory.limit_bytes))},
    {"vram_headroom_bytes", "bytes", "--vram-headroom of what was free before the load", QB_FACT(text(c.settings.memory.headroom_bytes))},
};

constexpr Fact kEnvironmentFacts[] = {
    {"model_fingerprint", "", "digest of the weights, and of what it was taken", QB_FACT(c.model.model_fingerprint)},
    {"tokenizer_fingerprint", "", "digest of the tokenizer", QB_FACT(c.model.tokenizer_fingerprint)},
    {"template_fingerprint", "", "digest of the chat template", QB_FACT(c.model.template_fingerprint)},
    {"prompt_fingerprint", "", "digest of the prompt", QB_FACT(c.settings.prompt_fingerprint)},
    {"host_hash", "", "first 16 hex digits of the hostname's SHA-256", QB_FACT(r.machine.host_hash)},
    {"cpu_model", "", "processor", QB_FACT(r.machine.cpu_model)},
    {"cores_usable", "count", "physical cores in the affinity mask", QB_FACT(text(r.machine.cores_usable))},
    {"cpu_quota_cores", "cores", "processor time per time that the cgroup allows; empty: no limit",
     QB_FACT(text(r.machine.cpu_quota_cores))},
    {"governor", "", "clock governor; empty: not visible", QB_FACT(r.machine.governor)},
    {"load_average_1m", "count", "runnable processes, mean of a minute, when the cell ended", QB_FACT(text(c.load_average_1m))},
    {"memory_total_bytes", "bytes", "memory of the machine", QB_FACT(text(r.machine.memory_total_bytes))},
    {"memory_available_bytes", "bytes", "available when the run began", QB_FACT(text(r.machine.memory_available_bytes))},
    {"kernel", "", "operating system's kernel", QB_FACT(r.machine.kernel)},
    {"container", "", "kind of container, or none", QB_FACT(r.machine.container)},
    {"gpus", "", "GPUs, or why there are none", QB_FACT(r.machine.gpus)},
    {"gpu_driver", "", "version of the GPU driver", QB_FACT(r.machine.gpu_driver)},
    {"build_version", "", "qbench's version", QB_FACT(r.build.version)},
    {"build_git_sha", "", "commit that was built", QB_FACT(r.build.git_sha)},
    {"build_git_dirty", "", "true: tracked files differed from that commit", QB_FACT(text(r.build.git_dirty))},
    {"build_type", "", "CMake build type, and sanitizers",
     QB_FACT(r.build.type + (r.build.sanitizers.empty() ? "" : "+" + r.build.sanitizers))},
    {"build_compiler", "", "compiler", QB_FACT(r.build.compiler)},
    {"build_flags", "", "compile flags", QB_FACT(r.build.flags)},
};
#undef QB_FACT

Column fact_column(const Fact& fact) { return {fact.name, fact.unit, fact.meaning, fact.get, MetricId::kCount, Statistic::kNone}; }

std::vector<Column> make_columns() {
  std::vector<Column> columns;
  for (const Fact& fact : kRowFacts) columns.push_back(fact_column(fact));
  for (const MetricInfo& info : metric_catalog()) {
    for (const Statistic statistic : info.statistics) {
      columns.push_back({column_name(info.id, statistic), std::string(info.unit), std::string(info.formula), nullptr, info.id, statistic});
    }
  }
  for (const Fact& fact : kEnvironmentFacts) columns.push_back(fact_column(fact));
  return columns;
}

void append_fact_rows(std::string& out, std::span<const Fact> facts) {
  for (const Fact& fact : facts) out += fmt::format("| `{}` | {} | {} |\n", fact.name, fact.unit, fact.meaning);
}

std::string statistics_text(const MetricInfo& info) {
  if (info.scope == MetricScope::kCellGaps) return "none: pooled over the cell";
  std::string names;
  for (const Statistic statistic : info.statistics) names.append(names.empty() ? "" : ", ").append(name_of(statistic));
  return names;
}

}  // namespace

std::span<const Column> summary_columns() {
  static const std::vector<Column> columns = make_columns();
  return columns;
}

std::string cell_text(const Column& column, const RunRecord& run, const CellRecord& cell) {
  if (column.fact != nullptr) return column.fact(run, cell);
  return format_value(cell.metrics.at(column.metric, column.statistic));
}

std::string columns_markdown() {
  std::string out = "### What the row is\n\n| column | unit | meaning |\n|---|---|---|\n";
  append_fact_rows(out, kRowFacts);
  out +=
      "\n### Metrics\n\n| metric | statistics (columns `<metric>_<statistic>`) | unit | better | of each | formula "
      "|\n|---|---|---|---|---|---|\n";
  for (const MetricInfo& info : metric_catalog()) {
    const std::string_view scope = info.scope == MetricScope::kCellGaps ? "cell" : name_of(info.scope);
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", info.name, statistics_text(info), info.unit, name_of(info.better), scope,
                       info.formula);
  }
  out += "\n### Fingerprints, machine, build\n\n| column | unit | meaning |\n|---|---|---|\n";
  append_fact_rows(out, kEnvironmentFacts);
  return out;
}

}  // namespace qbench::record
