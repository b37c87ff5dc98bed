#include "record/columns.h"

#include <fmt/format.h>

#include <vector>

#include "base/digest.h"
#include "record/json_fields.h"

namespace qbench::record {
namespace {

std::string text(std::int64_t value) { return fmt::format("{}", value); }
std::string text(const std::optional<std::int64_t>& value) { return value ? fmt::format("{}", *value) : std::string(); }
std::string text(const std::optional<double>& value) { return format_value(value); }
std::string text(const std::optional<bool>& value) { return value ? (*value ? "true" : "false") : std::string(); }

std::string watts(const std::optional<std::int64_t>& milliwatts) {
  return milliwatts ? format_value(static_cast<double>(*milliwatts) / 1000.0) : std::string();
}
std::string mask(const std::optional<std::int64_t>& bits) { return bits ? fmt::format("{:#x}", *bits) : std::string(); }
std::string switched(const std::optional<bool>& value) { return value ? (*value ? "on" : "off") : std::string(); }

std::string ecc_text(const MachineState& state) {
  const bool changes = state.gpu_ecc && state.gpu_ecc_pending && *state.gpu_ecc != *state.gpu_ecc_pending;
  return switched(state.gpu_ecc) + (changes ? ", " + switched(state.gpu_ecc_pending) + " after a reset" : std::string());
}

/// The limit that a phase meets first; empty where it is not known.
std::string bound_by(const std::optional<std::int64_t>& bytes, const std::optional<std::int64_t>& flops, const RooflineFacts& roofline) {
  if (!bytes || !flops || !roofline.read_limit_gb_per_s || !roofline.matmul_limit_tflop_per_s) return {};
  const double read_s = static_cast<double>(*bytes) / (*roofline.read_limit_gb_per_s * 1e9);
  const double compute_s = static_cast<double>(*flops) / (*roofline.matmul_limit_tflop_per_s * 1e12);
  return read_s >= compute_s ? "bandwidth" : "compute";
}

/// The state of the row; rows of older files have only what the run said of the machine.
std::string governor_of(const RunRecord& run, const CellRecord& cell) {
  return cell.state.governor.empty() ? run.machine.governor : cell.state.governor;
}

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
    {"schema_version", "", "version of this file's schema; readers refuse newer ones", QB_FACT(text(std::int64_t{kSchemaVersion}))},
    {"run_id", "", "the run's folder: UTC stamp and label", QB_FACT(r.run_id)},
    {"started_utc", "", "when the cell began, ISO 8601 UTC", QB_FACT(c.started_utc)},
    {"status", "", "ok, failed, skipped, or throttled: has values, but too many samples were taken at lowered clocks", QB_FACT(std::string(name_of(c.status)))},
    {"error_code", "", "kind of failure or reason of the skip: usage, memory, context, crash, killed, ...", QB_FACT(c.failure.code)},
    {"error", "", "the failure in one line", QB_FACT(c.failure.message)},
    {"model", "", "label: what --models said", QB_FACT(c.cell.model)},
    {"model_name", "", "the model's own name", QB_FACT(c.model.name)},
    {"model_path", "", "file or folder of the weights", QB_FACT(c.model.path)},
    {"model_kind", "", "how it is prompted: instruct, code, thinking, base", QB_FACT(c.model.kind)},
    {"architecture", "", "llama, qwen2, qwen3, qwen3_moe, phi3", QB_FACT(c.model.architecture)},
    {"parameters", "count", "numbers in the weights", QB_FACT(text(c.model.parameters))},
    {"context_trained", "tokens", "positions that the checkpoint was trained for; no request goes beyond",
     QB_FACT(text(c.model.context_trained))},
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
    {"sampling", "", "sampling parameters as JSON, with what acts on thoughts", QB_FACT(canonical_json(c.settings.sampling_json))},
    {"stage", "", "of a staged prompt (--stages): deep_exploration 2/3; empty: none", QB_FACT(c.settings.stage.value_or(""))},
    {"prefix_cache", "", "on: a prompt's beginning may come from the KV cache, off: all of it is prefilled", QB_FACT(c.settings.prefix_cache.value_or(""))},
    {"gen_tokens", "tokens", "most tokens to generate", QB_FACT(text(c.settings.gen_tokens))},
    {"ignore_eos", "", "true: goes on past the end-of-sequence token", QB_FACT(text(c.settings.ignore_eos))},
    {"stop_reason", "", "why generation ended: max_tokens, eos, stop_string, context_full, interrupted; mixed where it differs",
     QB_FACT(c.stop_reason)},
    {"n_sessions", "count", "fresh worker processes that measured it; the row's value of a metric is the median of theirs", QB_FACT(text(c.n_sessions))},
    {"n_samples", "count", "timed repetitions that the statistics are over", QB_FACT(text(c.n_samples))},
    {"n_failed", "count", "timed repetitions that failed", QB_FACT(text(c.n_failed))},
    {"n_discarded", "count", "timed repetitions that worked and are left out: taken while power or heat lowered the clocks", QB_FACT(text(c.n_discarded))},
    {"n_warmup", "count", "repetitions before them, in no statistic", QB_FACT(text(c.n_warmup))},
    {"stop_rule", "", "what ended the repetitions: ci, max_reps, max_time, fixed; of several sessions the one that knows least", QB_FACT(c.settings.stop_rule)},
    {"output_digest", "",
     "SHA-256 of the output ids (little-endian int32) of the first timed repetition; of the sequences' digests, one a line, with several",
     QB_FACT(c.output_digest)},
    {"output_digests", "count", "different digests among the timed repetitions; 1: reproducible", QB_FACT(text(c.output_digests))},
    {"disturbances", "", "what the GPU's telemetry shows of the timed repetitions: throttling, clocks that moved; empty: nothing",
     QB_FACT(c.disturbances.value_or(""))},
    {"sandbox_level", "", "what held the answers that were judged: bwrap+cgroup, bwrap, rlimits; scores of different levels are not comparable",
     QB_FACT(c.judging.sandbox_level.value_or(""))},
    {"judge", "", "outside: qbench compares what the answer's functions return; inside: the tests ran in the answer's process",
     QB_FACT(c.judging.judge.value_or(""))},
    {"pass_k", "count", "k of pass_at_k_ratio", QB_FACT(c.judging.pass_ks.empty() ? std::string() : text(c.judging.pass_ks.back()))},
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
    {"prefill_bytes", "bytes", "that the steps of one prefill must move, by their cost functions", QB_FACT(text(c.roofline.prefill_bytes))},
    {"prefill_flops", "flop", "that the steps of one prefill must compute", QB_FACT(text(c.roofline.prefill_flops))},
    {"decode_bytes", "bytes", "that the steps of one repetition's decode must move, all tokens after the first",
     QB_FACT(text(c.roofline.decode_bytes))},
    {"decode_flops", "flop", "that they must compute", QB_FACT(text(c.roofline.decode_flops))},
    {"read_limit_gb_per_s", "GB/s", "best rate of reading memory that the worker measured on this machine",
     QB_FACT(text(c.roofline.read_limit_gb_per_s))},
    {"matmul_limit_tflop_per_s", "TFLOP/s", "best rate of matrix products that the worker measured",
     QB_FACT(text(c.roofline.matmul_limit_tflop_per_s))},
    {"prefill_bound", "", "the limit that prefill meets first: bandwidth or compute",
     QB_FACT(prefill_bound(c.roofline))},
    {"decode_bound", "", "the limit that decode meets first", QB_FACT(decode_bound(c.roofline))},
};

constexpr Fact kEnvironmentFacts[] = {
    {"model_fingerprint", "", "digest of the weights, and of what it was taken", QB_FACT(c.model.model_fingerprint)},
    {"tokenizer_fingerprint", "", "digest of the tokenizer", QB_FACT(c.model.tokenizer_fingerprint)},
    {"template_fingerprint", "", "digest of the chat template", QB_FACT(c.model.template_fingerprint)},
    {"prompt_fingerprint", "", "digest of the prompt", QB_FACT(c.settings.prompt_fingerprint)},
    {"settings_digest", "", "SHA-256 of the settings that decide what a request computes", QB_FACT(settings_digest(c))},
    {"host_hash", "", "first 16 hex digits of the hostname's SHA-256", QB_FACT(r.machine.host_hash)},
    {"cpu_model", "", "processor", QB_FACT(r.machine.cpu_model)},
    {"cores_usable", "count", "physical cores in the affinity mask", QB_FACT(text(r.machine.cores_usable))},
    {"cpu_quota_cores", "cores", "processor time per time that the cgroup allows; empty: no limit",
     QB_FACT(text(r.machine.cpu_quota_cores))},
    {"governor", "", "clock governor when the cell ended; empty: not visible", QB_FACT(governor_of(r, c))},
    {"cpu_clock_mhz", "MHz", "mean of the cores when the cell ended", QB_FACT(text(c.state.cpu_clock_mhz))},
    {"cpu_clock_max_mhz", "MHz", "highest that a core may reach", QB_FACT(text(c.state.cpu_clock_max_mhz))},
    {"load_average_1m", "count", "runnable processes, mean of a minute, when the cell ended", QB_FACT(text(c.load_average_1m))},
    {"memory_total_bytes", "bytes", "memory of the machine", QB_FACT(text(r.machine.memory_total_bytes))},
    {"memory_available_bytes", "bytes", "available when the cell ended; when the run began in files before version 3",
     QB_FACT(text(c.state.memory_available_bytes ? c.state.memory_available_bytes : r.machine.memory_available_bytes))},
    {"kernel", "", "operating system's kernel", QB_FACT(r.machine.kernel)},
    {"container", "", "kind of container, or none", QB_FACT(r.machine.container)},
    {"gpus", "", "GPUs, or why there are none", QB_FACT(r.machine.gpus)},
    {"gpu_driver", "", "version of the GPU driver", QB_FACT(r.machine.gpu_driver)},
    {"runtime", "", "what the device's code runs on: CUDA 12.8", QB_FACT(c.state.runtime)},
    {"gpu_uuid", "", "the GPU that computed", QB_FACT(c.state.gpu_uuid)},
    {"gpu_vbios", "", "its firmware", QB_FACT(c.state.gpu_vbios)},
    {"gpu_sm_clock_now_mhz", "MHz", "clock of the multiprocessors when the cell ended", QB_FACT(text(c.state.gpu_sm_clock_mhz))},
    {"gpu_sm_clock_max_mhz", "MHz", "highest that they may reach", QB_FACT(text(c.state.gpu_sm_clock_max_mhz))},
    {"gpu_memory_clock_now_mhz", "MHz", "clock of the GPU's memory when the cell ended", QB_FACT(text(c.state.gpu_memory_clock_mhz))},
    {"gpu_memory_clock_max_mhz", "MHz", "highest that it may reach", QB_FACT(text(c.state.gpu_memory_clock_max_mhz))},
    {"gpu_power_limit_w", "W", "power limit in force", QB_FACT(watts(c.state.gpu_power_limit_mw))},
    {"gpu_power_limit_default_w", "W", "power limit that the board comes with", QB_FACT(watts(c.state.gpu_power_limit_default_mw))},
    {"gpu_throttle_mask", "", "bits of NVML's clock event reasons seen in the timed repetitions", QB_FACT(mask(c.state.gpu_clock_reasons))},
    {"gpu_temperature_now_c", "degC", "when the cell ended", QB_FACT(text(c.state.gpu_temperature_c))},
    {"gpu_ecc", "", "error correction of the GPU's memory: on, off, and what a reset will change", QB_FACT(ecc_text(c.state))},
    {"gpu_mig", "", "cut into instances: on, off; empty: cannot be", QB_FACT(switched(c.state.gpu_mig))},
    {"gpu_persistence", "", "driver stays loaded between processes: on, off", QB_FACT(switched(c.state.gpu_persistence))},
    {"gpu_foreign_processes", "count", "other processes on the GPU when the cell ended", QB_FACT(text(c.state.gpu_foreign_processes))},
    {"gpu_foreign_bytes", "bytes", "memory of the GPU that they hold", QB_FACT(text(c.state.gpu_foreign_bytes))},
    {"build_version", "", "qbench's version", QB_FACT(r.build.version)},
    {"build_git_sha", "", "commit that was built", QB_FACT(r.build.git_sha)},
    {"build_git_dirty", "", "true: tracked files differed from that commit", QB_FACT(text(r.build.git_dirty))},
    {"build_type", "", "CMake build type, and sanitizers",
     QB_FACT(r.build.type + (r.build.sanitizers.empty() ? "" : "+" + r.build.sanitizers))},
    {"build_compiler", "", "compiler", QB_FACT(r.build.compiler)},
    {"build_flags", "", "compile flags", QB_FACT(r.build.flags)},
};
#undef QB_FACT

Column fact_column(const Fact& fact) { return {fact.name, fact.unit, fact.meaning, fact.get, MetricId::kCount, Statistic::kNone, false}; }

std::vector<Column> make_columns() {
  std::vector<Column> columns;
  for (const Fact& fact : kRowFacts) columns.push_back(fact_column(fact));
  for (const MetricInfo& info : metric_catalog()) {
    for (const Statistic statistic : info.statistics) {
      columns.push_back({column_name(info.id, statistic), std::string(info.unit), std::string(info.formula), nullptr, info.id, statistic, false});
    }
    if (info.by_session) columns.push_back({by_session_column_name(info.id), "", std::string(info.formula), nullptr, info.id, Statistic::kNone, true});
  }
  for (const Fact& fact : kEnvironmentFacts) columns.push_back(fact_column(fact));
  return columns;
}

void append_fact_rows(std::string& out, std::span<const Fact> facts) {
  for (const Fact& fact : facts) out += fmt::format("| `{}` | {} | {} |\n", fact.name, fact.unit, fact.meaning);
}

std::string statistics_text(const MetricInfo& info) {
  std::string names;
  if (info.scope == MetricScope::kCellGaps) names = "none: pooled over the cell";
  if (info.scope == MetricScope::kRoofline) names = "none: one value";
  if (info.scope == MetricScope::kCellTasks) names = "none: median of the sessions";
  if (names.empty()) {
    for (const Statistic statistic : info.statistics) names.append(names.empty() ? "" : ", ").append(name_of(statistic));
  }
  return names + (info.by_session ? ", by_session" : "");
}

}  // namespace

std::string prefill_bound(const RooflineFacts& roofline) { return bound_by(roofline.prefill_bytes, roofline.prefill_flops, roofline); }
std::string decode_bound(const RooflineFacts& roofline) { return bound_by(roofline.decode_bytes, roofline.decode_flops, roofline); }

std::span<const std::string_view> key_columns() {
  static constexpr std::string_view kNames[] = {"model",   "suite",   "prompt_id", "turn",    "pass",
                                                "batch",   "context", "kv_type",   "kv_policy", "threads",
                                                "device_effective", "precision_requested"};
  return kNames;
}

std::string settings_digest(const CellRecord& cell) {
  const CellKey& k = cell.cell;
  return sha256_hex(fmt::format("suite={}\nprompt={}\npass={}\nsampling={}\ngen_tokens={}\nignore_eos={}\nbatch={}\ncontext={}\nkv={}\npolicy={}\n"
                                "threads={}\nprecision={}\n",
                                k.suite, cell.settings.prompt_source, name_of(k.pass), canonical_json(cell.settings.sampling_json),
                                text(cell.settings.gen_tokens), text(cell.settings.ignore_eos), k.batch, k.context, k.kv_type,
                                kv_policy_text(k), k.threads, k.precision) +
                    (cell.settings.prefix_cache == "on" ? "prefix_cache=on\n" : "") + (cell.settings.stage ? "stage=" + *cell.settings.stage + "\n" : ""));
}

std::span<const Column> summary_columns() {
  static const std::vector<Column> columns = make_columns();
  return columns;
}

std::string cell_text(const Column& column, const RunRecord& run, const CellRecord& cell) {
  if (column.fact != nullptr) return column.fact(run, cell);
  if (!column.by_session) return format_value(cell.metrics.at(column.metric, column.statistic));
  std::string values;
  bool any = false;
  for (const MetricValues& session : cell.sessions) {
    const std::string value = format_value(session[column.metric]);
    any = any || !value.empty();
    values.append(values.empty() ? "" : " ").append(value.empty() ? "-" : value);
  }
  return any ? values : std::string();
}

std::string columns_markdown() {
  std::string out = "### What the row is\n\n| column | unit | meaning |\n|---|---|---|\n";
  append_fact_rows(out, kRowFacts);
  out +=
      "\n### Metrics\n\n| metric | statistics (columns `<metric>_<statistic>`) | unit | better | of each | formula "
      "|\n|---|---|---|---|---|---|\n";
  for (const MetricInfo& info : metric_catalog()) {
    const bool of_cell = info.scope != MetricScope::kLoad && info.scope != MetricScope::kRepetition;
    const std::string_view scope = of_cell ? "cell" : name_of(info.scope);
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", info.name, statistics_text(info), info.unit, name_of(info.better), scope,
                       info.formula);
  }
  out += "\n### Fingerprints, machine, build\n\n| column | unit | meaning |\n|---|---|---|\n";
  append_fact_rows(out, kEnvironmentFacts);
  return out;
}

}  // namespace qbench::record
