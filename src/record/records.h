#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/metric_catalog.h"
#include "record/schema.h"

/// What a run leaves behind, as plain data. Times are nanoseconds, sizes bytes; an empty string or optional means not known or not
/// measured.
namespace qbench::record {

enum class Pass : std::uint8_t { kSpeed, kText };
/// kThrottled: the row has values, but too many of its samples were taken while power or heat lowered the clocks.
enum class Status : std::uint8_t { kOk, kFailed, kSkipped, kThrottled };
/// What a repetition was for. Summaries are taken over kTimed alone; kCold is the first request of a fresh worker process.
enum class Phase : std::uint8_t { kCold, kWarmup, kTimed };

std::string_view name_of(Pass pass) noexcept;      ///< "speed", "text"
std::string_view name_of(Status status) noexcept;  ///< "ok", "failed", "skipped", "throttled"
std::string_view name_of(Phase phase) noexcept;    ///< "cold", "warmup", "timed"
/// Throw Error{kFormat} on an unknown word.
Pass pass_from_name(std::string_view name);
Status status_from_name(std::string_view name);
Phase phase_from_name(std::string_view name);

/// Whether a row of this status was measured to its end and has values.
constexpr bool is_measured(Status status) noexcept { return status == Status::kOk || status == Status::kThrottled; }

/// Why a row has no values. code is name_of(ErrorCode), or "crash", "killed", "timeout" where a worker process ended without saying why.
struct Failure {
  std::string code;
  std::string message;
  bool operator==(const Failure&) const = default;
};

/// What tells one cell of a run from the others; equal keys are the same cell, also across an interruption (--resume).
struct CellKey {
  std::string model;  ///< label: what --models said, or the alias
  std::string suite;
  std::string prompt_id;
  std::int64_t turn = 1;  ///< of a prompt with several turns: each request has a row of its own, from 1
  Pass pass = Pass::kSpeed;
  std::string device;        ///< device_effective: "cpu", "cuda:0"
  std::string precision;     ///< what --precision asked for: "auto", "q8_0"
  std::string kv_type;       ///< "bf16", "f32", ...
  std::int64_t batch = 1;    ///< sequences at once
  std::int64_t context = 0;  ///< positions per sequence
  std::int64_t threads = 0;
  std::optional<std::int64_t> kv_window = {};  ///< latest positions that the KV cache keeps; nothing: all
  std::optional<std::int64_t> kv_sinks = {};   ///< first positions that it keeps beside them
  bool operator==(const CellKey&) const = default;
};

/// One line that names the cell:
/// `model/suite/prompt_id/turn=1/pass=speed/device=cpu/precision=auto/kv=bf16/batch=1/context=4096/threads=2`, and `/kv_policy=sinks 4 + window 512` where the cache does not keep everything.
std::string cell_id(const CellKey& key);

/// "full", "window 512", "sinks 4 + window 512".
std::string kv_policy_text(const CellKey& key);

/// What was measured, apart from how: the model as it was loaded.
struct ModelFacts {
  std::string label;         ///< as in CellKey
  std::string path;          ///< file or folder; empty for synthetic weights
  std::string name;          ///< display name: "SmolLM2-135M-Instruct"
  std::string kind;          ///< "instruct", "code", "thinking", "base"
  std::string architecture;  ///< "qwen3_moe"
  std::optional<std::int64_t> parameters;
  std::string format;                             ///< "gguf", "safetensors", "synthetic"
  std::string precision;                          ///< on the device: "bf16", "q4_k_m (synthetic)"
  std::string conversion;                         ///< "none", "bf16 to q8_0"
  std::string weights;                            ///< "file" or "synthetic"
  std::optional<std::int64_t> weight_bytes;       ///< on the device
  std::optional<std::int64_t> decode_read_bytes;  ///< weights read per token at batch 1
  std::optional<std::int64_t> context_trained;    ///< positions the checkpoint was trained for
  std::optional<std::int64_t> vocab;
  std::string model_fingerprint;  ///< "sha256:..." or what else was digested, said in words before the colon
  std::string tokenizer_fingerprint;
  std::string template_fingerprint;
};

/// Where memory went, beside ModelFacts::weight_bytes and CellSettings::kv_bytes. Of a CUDA device its own memory, on the CPU the host's.
struct MemoryFacts {
  std::optional<std::int64_t> activation_bytes;  ///< residual stream, Q, logits, ... of the largest step
  std::optional<std::int64_t> workspace_bytes;   ///< what kernels work in
  std::optional<std::int64_t> peak_bytes;        ///< largest sum of weights, KV cache, activations and workspace so far
  /// What the process holds beyond these. CUDA: what the device has less since before the load (the driver's context, the kernels' code). CPU:
  /// resident size of the process (program, libraries, tokenizer, pages of files).
  std::optional<std::int64_t> context_bytes;
  std::optional<std::int64_t> free_before_load_bytes, free_after_load_bytes;
  std::optional<std::int64_t> limit_bytes;     ///< --vram-limit
  std::optional<std::int64_t> headroom_bytes;  ///< --vram-headroom of what was free
};

/// How it was run, beyond the key.
struct CellSettings {
  std::string device_description;  ///< processor or GPU model
  std::string instruction_sets;
  std::string attention_path;
  std::optional<std::string> paths;        ///< ways that ran: "flash, fused, repacked, simd"; nothing in older files
  std::string prompt_source;               ///< "text" or "synthetic"
  std::string prompt_fingerprint;          ///< sha256 of the prompt file's text or of the synthetic ids
  std::string sampling_json;               ///< compact JSON object of the sampling parameters, seed included; "" where not known
  std::optional<std::int64_t> gen_tokens;  ///< most tokens to generate
  std::optional<bool> ignore_eos;
  std::optional<std::int64_t> kv_bytes;           ///< of all sequences
  std::optional<std::int64_t> memory_free_bytes;  ///< of the device, when the cell ended
  /// What ended the repetitions: "ci" (the median is known well enough), "max_reps", "max_time", "fixed" (as many as were asked for); of
  /// several sessions the one that knows least, in the order max_time, max_reps, fixed, ci. "fixed 5" in older files.
  std::string stop_rule;
  MemoryFacts memory;
  std::optional<std::string> stage;         ///< as in SampleRecord
  std::optional<std::string> prefix_cache;  ///< "on", "off": whether a prompt's beginning may come from the KV cache
};

/// A GPU's side of the telemetry.
struct GpuSeries {
  using Column = std::vector<std::optional<std::int64_t>>;  ///< one entry beside each of the process's; null where NVML did not tell
  Column utilization_percent;
  Column sm_clock_mhz;
  Column memory_clock_mhz;
  Column power_mw;
  Column temperature_c;
  Column used_bytes;
  Column clock_reasons;                   ///< bits of NVML's clock event reasons
  std::optional<std::int64_t> energy_mj;  ///< that the GPU's energy counter advanced between the first and the last entry
};

/// Process telemetry, one entry each 100 ms, as columns of equal length. Times count from the repetition's t0 (from the load's start in a
/// LoadRecord); negative before it.
struct TelemetrySeries {
  std::int64_t interval_ns = 100'000'000;
  std::vector<std::int64_t> time_ns;
  std::vector<std::int64_t> rss_bytes;
  std::vector<std::int64_t> cpu_time_ns;  ///< processor time that all threads have used since the first entry
  std::int64_t dropped = 0;               ///< entries that the preallocated memory could not hold
  std::optional<GpuSeries> gpu;           ///< of the GPU that computes; nothing without one
};

/// One load of a model in a worker process.
struct LoadRecord {
  ModelFacts model;
  std::string device;
  Status status = Status::kOk;
  Failure failure;
  std::string started_utc;   ///< ISO 8601
  std::int64_t open_ns = 0;  ///< opening and checking the files, tokenizer included
  std::int64_t pack_ns = 0;  ///< reading, converting, repacking, uploading the weights
  std::int64_t load_ns = 0;  ///< all from the first open to a model that can run
  TelemetrySeries telemetry;
  std::int64_t session = 0;  ///< of the run, from 0; 0 in older files
};

/// One sequence of a repetition. Stamps are nanoseconds after the repetition's t0.
struct SequenceRecord {
  std::int64_t prompt_tokens = 0;
  std::vector<std::int64_t> token_ns;        ///< (output tokens) when each token was known on the host
  std::vector<std::int32_t> output_ids;      ///< (output tokens), or empty where not kept
  std::string output_digest;                 ///< sha256_hex_of_ids of all ids; empty in some older files
  std::string stop_reason;                   ///< "max_tokens", "eos", ...
  std::optional<std::string> text;           ///< what the model wrote; text pass
  std::optional<std::int64_t> output_chars;  ///< Unicode code points of the text
  std::optional<std::int64_t> output_bytes;  ///< UTF-8 bytes of the text
  /// Tokens up to and including the end-of-thinking token, or the last token of a forced close; only where the model thinks. The rest are
  /// the answer.
  std::optional<std::int64_t> thinking_tokens;
  /// What ended the thought: "model", "budget" (--max-thinking-tokens), "timeout" (--thinking-timeout), "open": it never ended. Nothing
  /// where there was none.
  std::optional<std::string> thinking_end;
  std::optional<std::int64_t> forced_tokens;  ///< that the engine put there to close the thought; the last of thinking_tokens
  std::optional<std::int64_t> prefix_cached_tokens;  ///< of the prompt, found in the KV cache (--prefix-cache)
  std::optional<std::int64_t> discarded_tokens;  ///< computed on the device past the stop and dropped
};

/// One repetition of one cell.
struct SampleRecord {
  CellKey cell;
  std::int64_t session = 0;     ///< fresh worker process that measured all cells of the model, from 0; 0 in older files
  std::int64_t repetition = 0;  ///< counts from 0 within its phase and session
  Phase phase = Phase::kTimed;
  Status status = Status::kOk;  ///< kOk or kFailed
  Failure failure;
  std::string started_utc;
  std::int64_t t0_ns = 0;                    ///< now_ns() before rendering; all other stamps count from here
  std::optional<std::int64_t> rendered_ns;   ///< the prompt's text is ready; nothing for synthetic prompts
  std::optional<std::int64_t> tokenized_ns;  ///< the prompt's ids are ready
  std::optional<std::int64_t> prefill_start_ns;
  std::optional<std::int64_t> detokenize_ns;  ///< duration, not a stamp: turning the output ids into text, outside t0 to tn
  std::vector<SequenceRecord> sequences;      ///< one per sequence of the batch
  std::optional<std::string> prompt_text;     ///< as sent, rendered; at least in the first repetition of a cell
  std::string prompt_digest;                  ///< sha256 of the prompt ids
  std::optional<std::int64_t>
      peak_rss_bytes;  ///< largest resident size of the process during this repetition (sysinfo::reset_peak_rss before it)
  TelemetrySeries telemetry;
  std::optional<std::string> stage;           ///< of a staged prompt: "deep_exploration 2/3"
  std::optional<std::int64_t> prefix_saved_ns;  ///< estimate: prefix_cached_tokens times what a token took in requests that prefilled all
  MetricValues metrics;  ///< derived from the above by measure::sample_metrics
};

/// The machine when a row was finished: what may differ from one row to the next. Nothing where it cannot be read here.
struct MachineState {
  std::string gpu_uuid, gpu_vbios;
  std::string runtime;  ///< "CUDA 12.8"; empty on the CPU
  std::optional<std::int64_t> gpu_sm_clock_mhz, gpu_sm_clock_max_mhz, gpu_memory_clock_mhz, gpu_memory_clock_max_mhz;
  std::optional<std::int64_t> gpu_power_limit_mw, gpu_power_limit_default_mw;
  std::optional<std::int64_t> gpu_clock_reasons;  ///< bits of NVML's clock event reasons that the telemetry of the timed repetitions saw
  std::optional<std::int64_t> gpu_temperature_c;
  std::optional<bool> gpu_ecc, gpu_ecc_pending;  ///< now, and after the next reset
  std::optional<bool> gpu_mig;
  std::optional<bool> gpu_persistence;
  std::optional<std::int64_t> gpu_foreign_processes, gpu_foreign_bytes;  ///< other processes that hold a context on the GPU, and their memory
  std::optional<std::int64_t> cpu_clock_mhz, cpu_clock_max_mhz;          ///< mean of the cores now; the highest that one may reach
  std::string governor;
  std::optional<std::int64_t> memory_available_bytes;
};

/// What the phases of one repetition must move and compute, by the kernels' cost functions, and what the machine reaches at best.
struct RooflineFacts {
  std::optional<std::int64_t> prefill_bytes, prefill_flops;
  std::optional<std::int64_t> decode_bytes, decode_flops;  ///< of all tokens after the first
  std::optional<double> read_limit_gb_per_s, matmul_limit_tflop_per_s;  ///< measured in the worker process
};

/// How a row's answers were judged.
struct JudgingFacts {
  std::optional<std::string> sandbox_level;  ///< "mixed" where they differ, as below
  std::optional<std::string> judge;
  std::vector<std::int64_t> pass_ks;  ///< --k, ascending; the last one is that of pass_at_k_ratio
};

/// One cell, summarised: a row of summary.csv. Also written for cells that failed or were skipped, with the reason.
struct CellRecord {
  CellKey cell;
  std::int64_t session = 0;  ///< at whose end the row was written; it is of all sessions up to then
  Status status = Status::kOk;
  Failure failure;
  std::string started_utc;
  ModelFacts model;
  CellSettings settings;
  std::int64_t n_sessions = 1;                 ///< worker processes that measured it
  std::int64_t n_samples = 0;                  ///< timed repetitions that the statistics are over, of all sessions
  std::int64_t n_failed = 0;                   ///< timed repetitions that failed
  std::int64_t n_discarded = 0;                ///< timed repetitions that worked and are left out, because clocks were throttled
  std::int64_t n_warmup = 0;                   ///< repetitions run before them, the cold one included
  std::string stop_reason;                     ///< of all sequences of the timed repetitions; "mixed" where they differ
  std::string output_digest;                   ///< of the first timed repetition; empty without one
  std::optional<std::int64_t> output_digests;  ///< how many different ones the timed repetitions gave: 1 is reproducible
  std::optional<double> load_average_1m;       ///< when the cell ended
  std::optional<std::string> disturbances;     ///< what the telemetry of the timed repetitions shows: throttling, clocks that moved
  MachineState state;
  RooflineFacts roofline;
  JudgingFacts judging;
  /// Values of the sessions, in order, of the metrics that the catalogue marks by_session; at() of the main statistic in `metrics` is their
  /// median. Empty in older files and where nothing was measured.
  std::vector<MetricValues> sessions;
  MetricSummary metrics;
};

/// How a task (a piece of generated code that was run against its tests) ended.
enum class TaskStatus : std::uint8_t {
  kPass,
  kWrong,
  kException,
  kCompileError,
  kCpuTimeout,
  kWallTimeout,
  kOom,
  kOutputLimit,
  kCrash,
  kSandboxViolation,
  kHarnessError,  ///< the harness's fault: not counted against the model
};
std::string_view name_of(TaskStatus status) noexcept;  ///< "pass", "wrong", "exception", "compile_error", ...
TaskStatus task_status_from_name(std::string_view name);

/// One attempt at one sample of one task, judged. With a repair loop (--max-iterations) a sample has several, the last of which counts.
struct TaskRecord {
  CellKey cell;  ///< of the answer's turn: the prompt's last one
  std::int64_t session = 0;
  std::string task_id;
  std::int64_t sample = 0;  ///< several answers to the same task count from 0; 0 is the text pass's own
  TaskStatus status = TaskStatus::kPass;
  std::optional<double> seconds;  ///< processor time of the judged run
  std::string detail;             ///< one line: which test, which exception
  // Nothing of these in files before version 4.
  std::int64_t iteration = 1;                ///< 1: the first attempt, 2: the answer to its error, ...
  std::optional<std::string> sandbox_level;  ///< "bwrap+cgroup", "bwrap", "rlimits"
  std::optional<std::string> judge;          ///< "outside"; "inside": the tests ran in the candidate's process
  std::optional<std::int64_t> cases_passed, cases_total;
  std::optional<std::int64_t> prompt_tokens, answer_tokens;  ///< of its requests, thinking included; the prompt's of the last
  std::optional<double> generation_s, judge_s;               ///< time that generating and judging took
  std::optional<std::int64_t> thinking_tokens;  ///< of answer_tokens; nothing where the model does not think
  std::optional<std::string> behaviour;      ///< SHA-256: answers with the same one did the same with the task's inputs (quality::Verdict)
  std::optional<std::string> rule;           ///< how the code was found in the answer: quality::ExtractedCode
  std::optional<std::string> answer;         ///< its text; sample 0's first attempt is the text pass's and stands there
  std::optional<std::string> answer_digest;  ///< SHA-256 of the text
};

/// One thing that was found out about an answer, by number. Where the name is one of the catalogue's metrics (scope cell_tasks), the row has its
/// mean over the cell's answers.
struct QualityValue {
  std::string name;             ///< "completeness", "response_relevance"
  std::optional<double> value;  ///< nothing where it could not be known
  std::string evidence;         ///< what was counted; without a value: why there is none
};

/// The same in words: "readiness", "stars_reason", "best_use_case".
struct QualityWord {
  std::string name, text;
};

/// A program that was asked, or missed.
struct QualityTool {
  std::string name;     ///< "mypy"
  std::string version;  ///< empty when it did not run
  std::string problem;  ///< why it gave nothing; empty when it worked
};

/// What was found out about one answer, beside whether it passes its tests. Of equal cell, session, sample, iteration and source the last counts.
struct QualityRecord {
  CellKey cell;
  std::int64_t session = 0;
  std::int64_t sample = 0, iteration = 1;  ///< as in TaskRecord
  std::string source;                      ///< who found it out: "rating", "relevance", ...
  Status status = Status::kOk;             ///< kFailed: nothing was found out, see failure
  Failure failure;
  std::vector<QualityValue> values;
  std::vector<QualityWord> words;
  std::vector<std::string> strengths, limitations;  ///< sentences with line numbers, most weighty first
  std::vector<QualityTool> tools;
};

/// The program that measured.
struct BuildFacts {
  std::string version;  ///< "0.1.0"
  std::string git_sha;  ///< empty outside a checkout
  std::optional<bool> git_dirty;
  std::string type;      ///< "Release"
  std::string compiler;  ///< "GNU 12.2.0"
  std::string flags;
  std::string sanitizers;  ///< empty for none
};

/// The machine that measured. Filled by measure::machine_facts().
struct MachineFacts {
  std::string host_hash;  ///< first 16 hex digits of the hostname's sha256
  std::string cpu_model;
  std::optional<std::int64_t> cores_physical, cores_logical, sockets;
  std::optional<std::int64_t> cores_usable;  ///< physical cores in the affinity mask
  std::optional<double> cpu_quota_cores;     ///< cgroup limit
  std::string governor;
  std::optional<bool> turbo;
  std::optional<std::int64_t> memory_total_bytes, memory_available_bytes, memory_limit_bytes;
  std::optional<std::int64_t> swap_used_bytes;
  std::optional<std::int64_t> page_bytes;
  std::string huge_pages;  ///< transparent_hugepage/enabled: "always", "madvise", "never"
  std::string kernel;
  std::string os;
  std::string container;  ///< "none", "docker", "podman", "lxc", ...
  std::optional<double> load_average_1m;
  std::string gpus;  ///< "NVIDIA H100 NVL, 94 GB; ..." or why there is none
  std::string gpu_driver;
};

/// A prompt of the run and the digest of its text as the suite holds it, before any template.
struct PromptFacts {
  std::string suite;
  std::string prompt_id;
  std::string fingerprint;
};

/// run.json.
struct RunRecord {
  int schema_version = kSchemaVersion;
  std::string run_id;  ///< <UTC yyyymmdd_hhmmss>-<label>
  std::string started_utc;
  std::string finished_utc;  ///< empty while it runs or when it was interrupted
  std::vector<std::string> argv;
  std::string configuration_json;  ///< JSON object: all settings as they acted; "" is written as {}
  BuildFacts build;
  MachineFacts machine;
  std::vector<ModelFacts> models;
  std::vector<PromptFacts> prompts;
  std::vector<std::string> disturbances;  ///< what sysinfo found that disturbs a measurement, one line each
};

}  // namespace qbench::record
