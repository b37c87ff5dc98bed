#pragma once

#include <string>
#include <string_view>

#include "record/records.h"

/// The fields of each record, named once: an archive that writes and an archive that reads both walk them (record_json.cpp). Here those of
/// samples.jsonl; json_fields_run.h has those of run.json, json_fields_study.h those of --breakdown and --ablate.
namespace qbench::record {

/// A JSON object text in one line with sorted keys, so that equal settings are equal texts; "" stays "". QB_CHECK: valid JSON.
std::string canonical_json(std::string_view text);

/// Text that is itself JSON and stands in the file as JSON.
template <class S>
struct JsonText {
  S& text;
};

/// A field that older files lack: it keeps its default then.
template <class T>
struct SinceVersion3 {
  T& value;
};

/// The same since version 4.
template <class T>
struct SinceVersion4 {
  T& value;
};

/// Values of the sessions; only those that the catalogue marks by_session are written.
template <class V>
struct SessionValues {
  V& sessions;
};

/// An enum written as its word.
template <class E, class Parse>
struct Word {
  E& value;
  Parse parse;
};

template <class A, class T>
concept FieldsOf = std::same_as<std::remove_const_t<A>, T>;

template <class Archive>
void fields(Archive& a, FieldsOf<Failure> auto& r) {
  a("code", r.code);
  a("message", r.message);
}

template <class Archive>
void fields(Archive& a, FieldsOf<CellKey> auto& r) {
  a("model", r.model);
  a("suite", r.suite);
  a("prompt_id", r.prompt_id);
  a("turn", r.turn);
  a("pass", Word{r.pass, pass_from_name});
  a("device", r.device);
  a("precision", r.precision);
  a("kv_type", r.kv_type);
  a("batch", r.batch);
  a("context", r.context);
  a("threads", r.threads);
  a("kv_window", r.kv_window);
  a("kv_sinks", r.kv_sinks);
}

template <class Archive>
void fields(Archive& a, FieldsOf<ModelFacts> auto& r) {
  a("label", r.label);
  a("path", r.path);
  a("name", r.name);
  a("kind", r.kind);
  a("architecture", r.architecture);
  a("parameters", r.parameters);
  a("format", r.format);
  a("precision", r.precision);
  a("conversion", r.conversion);
  a("weights", r.weights);
  a("weight_bytes", r.weight_bytes);
  a("decode_read_bytes", r.decode_read_bytes);
  a("context_trained", r.context_trained);
  a("vocab", r.vocab);
  a("model_fingerprint", r.model_fingerprint);
  a("tokenizer_fingerprint", r.tokenizer_fingerprint);
  a("template_fingerprint", r.template_fingerprint);
}

template <class Archive>
void fields(Archive& a, FieldsOf<CellSettings> auto& r) {
  a("device_description", r.device_description);
  a("instruction_sets", r.instruction_sets);
  a("attention_path", r.attention_path);
  a("paths", r.paths);
  a("prompt_source", r.prompt_source);
  a("prompt_fingerprint", r.prompt_fingerprint);
  a("sampling", JsonText{r.sampling_json});
  a("gen_tokens", r.gen_tokens);
  a("ignore_eos", r.ignore_eos);
  a("kv_bytes", r.kv_bytes);
  a("memory_free_bytes", r.memory_free_bytes);
  a("stop_rule", r.stop_rule);
  a("activation_bytes", r.memory.activation_bytes);
  a("workspace_bytes", r.memory.workspace_bytes);
  a("peak_allocated_bytes", r.memory.peak_bytes);
  a("context_bytes", r.memory.context_bytes);
  a("free_before_load_bytes", r.memory.free_before_load_bytes);
  a("free_after_load_bytes", r.memory.free_after_load_bytes);
  a("vram_limit_bytes", r.memory.limit_bytes);
  a("vram_headroom_bytes", r.memory.headroom_bytes);
  a("stage", r.stage);
  a("prefix_cache", r.prefix_cache);
}

template <class Archive>
void fields(Archive& a, FieldsOf<GpuSeries> auto& r) {
  a("utilization_percent", r.utilization_percent);
  a("sm_clock_mhz", r.sm_clock_mhz);
  a("memory_clock_mhz", r.memory_clock_mhz);
  a("power_mw", r.power_mw);
  a("temperature_c", r.temperature_c);
  a("used_bytes", r.used_bytes);
  a("clock_reasons", r.clock_reasons);
  a("energy_mj", r.energy_mj);
}

template <class Archive>
void fields(Archive& a, FieldsOf<TelemetrySeries> auto& r) {
  a("interval_ns", r.interval_ns);
  a("time_ns", r.time_ns);
  a("rss_bytes", r.rss_bytes);
  a("cpu_time_ns", r.cpu_time_ns);
  a("dropped", r.dropped);
  a("gpu", r.gpu);
}

template <class Archive>
void fields(Archive& a, FieldsOf<LoadRecord> auto& r) {
  a("model", r.model);
  a("device", r.device);
  a("status", Word{r.status, status_from_name});
  a("failure", r.failure);
  a("started_utc", r.started_utc);
  a("open_ns", r.open_ns);
  a("pack_ns", r.pack_ns);
  a("load_ns", r.load_ns);
  a("telemetry", r.telemetry);
  a("session", SinceVersion3{r.session});
}

template <class Archive>
void fields(Archive& a, FieldsOf<SequenceRecord> auto& r) {
  a("prompt_tokens", r.prompt_tokens);
  a("stop_reason", r.stop_reason);
  a("output_digest", r.output_digest);
  a("thinking_tokens", r.thinking_tokens);
  a("thinking_end", r.thinking_end);
  a("forced_tokens", r.forced_tokens);
  a("prefix_cached_tokens", r.prefix_cached_tokens);
  a("discarded_tokens", r.discarded_tokens);
  a("output_chars", r.output_chars);
  a("output_bytes", r.output_bytes);
  a("text", r.text);
  a("output_ids", r.output_ids);
  a("token_ns", r.token_ns);
}

template <class Archive>
void fields(Archive& a, FieldsOf<SampleRecord> auto& r) {
  a("cell", r.cell);
  a("session", SinceVersion3{r.session});
  a("repetition", r.repetition);
  a("phase", Word{r.phase, phase_from_name});
  a("status", Word{r.status, status_from_name});
  a("failure", r.failure);
  a("started_utc", r.started_utc);
  a("metrics", r.metrics);
  a("t0_ns", r.t0_ns);
  a("rendered_ns", r.rendered_ns);
  a("tokenized_ns", r.tokenized_ns);
  a("prefill_start_ns", r.prefill_start_ns);
  a("detokenize_ns", r.detokenize_ns);
  a("peak_rss_bytes", r.peak_rss_bytes);
  a("stage", r.stage);
  a("prefix_saved_ns", r.prefix_saved_ns);
  a("prompt_digest", r.prompt_digest);
  a("prompt_text", r.prompt_text);
  a("sequences", r.sequences);
  a("telemetry", r.telemetry);
}

template <class Archive>
void fields(Archive& a, FieldsOf<MachineState> auto& r) {
  a("gpu_uuid", r.gpu_uuid);
  a("gpu_vbios", r.gpu_vbios);
  a("runtime", r.runtime);
  a("gpu_sm_clock_mhz", r.gpu_sm_clock_mhz);
  a("gpu_sm_clock_max_mhz", r.gpu_sm_clock_max_mhz);
  a("gpu_memory_clock_mhz", r.gpu_memory_clock_mhz);
  a("gpu_memory_clock_max_mhz", r.gpu_memory_clock_max_mhz);
  a("gpu_power_limit_mw", r.gpu_power_limit_mw);
  a("gpu_power_limit_default_mw", r.gpu_power_limit_default_mw);
  a("gpu_clock_reasons", r.gpu_clock_reasons);
  a("gpu_temperature_c", r.gpu_temperature_c);
  a("gpu_ecc", r.gpu_ecc);
  a("gpu_ecc_pending", r.gpu_ecc_pending);
  a("gpu_mig", r.gpu_mig);
  a("gpu_persistence", r.gpu_persistence);
  a("gpu_foreign_processes", r.gpu_foreign_processes);
  a("gpu_foreign_bytes", r.gpu_foreign_bytes);
  a("cpu_clock_mhz", r.cpu_clock_mhz);
  a("cpu_clock_max_mhz", r.cpu_clock_max_mhz);
  a("governor", r.governor);
  a("memory_available_bytes", r.memory_available_bytes);
}

template <class Archive>
void fields(Archive& a, FieldsOf<RooflineFacts> auto& r) {
  a("prefill_bytes", r.prefill_bytes);
  a("prefill_flops", r.prefill_flops);
  a("decode_bytes", r.decode_bytes);
  a("decode_flops", r.decode_flops);
  a("read_limit_gb_per_s", r.read_limit_gb_per_s);
  a("matmul_limit_tflop_per_s", r.matmul_limit_tflop_per_s);
}

template <class Archive>
void fields(Archive& a, FieldsOf<TaskRecord> auto& r) {
  a("cell", r.cell);
  a("session", r.session);
  a("task_id", r.task_id);
  a("sample", r.sample);
  a("status", Word{r.status, task_status_from_name});
  a("seconds", r.seconds);
  a("detail", r.detail);
  a("iteration", SinceVersion4{r.iteration});
  a("sandbox_level", r.sandbox_level);
  a("judge", r.judge);
  a("cases_passed", r.cases_passed);
  a("cases_total", r.cases_total);
  a("prompt_tokens", r.prompt_tokens);
  a("answer_tokens", r.answer_tokens);
  a("generation_s", r.generation_s);
  a("judge_s", r.judge_s);
  a("thinking_tokens", r.thinking_tokens);
  a("behaviour", r.behaviour);
  a("rule", r.rule);
  a("answer_digest", r.answer_digest);
  a("answer", r.answer);
}

template <class Archive>
void fields(Archive& a, FieldsOf<QualityValue> auto& r) {
  a("name", r.name);
  a("value", r.value);
  a("evidence", r.evidence);
}

template <class Archive>
void fields(Archive& a, FieldsOf<QualityWord> auto& r) {
  a("name", r.name);
  a("text", r.text);
}

template <class Archive>
void fields(Archive& a, FieldsOf<QualityTool> auto& r) {
  a("name", r.name);
  a("version", r.version);
  a("problem", r.problem);
}

template <class Archive>
void fields(Archive& a, FieldsOf<QualityRecord> auto& r) {
  a("cell", r.cell);
  a("session", r.session);
  a("sample", r.sample);
  a("iteration", r.iteration);
  a("source", r.source);
  a("status", Word{r.status, status_from_name});
  a("failure", r.failure);
  a("values", r.values);
  a("words", r.words);
  a("strengths", r.strengths);
  a("limitations", r.limitations);
  a("tools", r.tools);
}

template <class Archive>
void fields(Archive& a, FieldsOf<JudgingFacts> auto& r) {
  a("sandbox_level", r.sandbox_level);
  a("judge", r.judge);
  a("pass_ks", r.pass_ks);
}

template <class Archive>
void fields(Archive& a, FieldsOf<CellRecord> auto& r) {
  a("cell", r.cell);
  a("session", SinceVersion3{r.session});
  a("status", Word{r.status, status_from_name});
  a("failure", r.failure);
  a("started_utc", r.started_utc);
  a("model", r.model);
  a("settings", r.settings);
  a("n_sessions", SinceVersion3{r.n_sessions});
  a("n_samples", r.n_samples);
  a("n_failed", r.n_failed);
  a("n_discarded", SinceVersion3{r.n_discarded});
  a("n_warmup", r.n_warmup);
  a("stop_reason", r.stop_reason);
  a("output_digest", r.output_digest);
  a("output_digests", r.output_digests);
  a("load_average_1m", r.load_average_1m);
  a("disturbances", r.disturbances);
  a("state", SinceVersion3{r.state});
  a("roofline", SinceVersion3{r.roofline});
  a("judging", SinceVersion4{r.judging});
  a("sessions", SessionValues{r.sessions});
  a("metrics", r.metrics);
}

}  // namespace qbench::record
