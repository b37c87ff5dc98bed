#pragma once

#include "record/records.h"

/// Records with every field set to something of its own.
namespace qbench::test {

inline record::CellKey example_key() { return {"smol", "smoke", "fizzbuzz", 2, record::Pass::kText, "cpu", "auto", "bf16", 2, 4096, 4, 512, 4}; }

inline record::ModelFacts example_model() {
  record::ModelFacts m;
  m.label = "smol";
  m.path = "/models/a, b/smol \"x\".gguf";
  m.name = "SmolLM2-135M-Instruct";
  m.kind = "instruct";
  m.architecture = "llama";
  m.parameters = 134515008;
  m.format = "gguf";
  m.precision = "q4_1";
  m.conversion = "none";
  m.weights = "file";
  m.weight_bytes = 98000000;
  m.decode_read_bytes = 97000000;
  m.context_trained = 8192;
  m.vocab = 49152;
  m.model_fingerprint = "sha256:abc";
  m.tokenizer_fingerprint = "sha256:def";
  m.template_fingerprint = "sha256:123";
  return m;
}

inline record::TelemetrySeries example_telemetry() {
  record::TelemetrySeries t;
  t.interval_ns = 50'000'000;
  t.time_ns = {-5, 100'000'000, 200'000'000};
  t.rss_bytes = {1, 2, 3};
  t.cpu_time_ns = {0, 150'000'000, 350'000'000};
  t.dropped = 4;
  return t;
}

inline record::LoadRecord example_load() {
  record::LoadRecord l;
  l.model = example_model();
  l.device = "cpu";
  l.status = record::Status::kFailed;
  l.failure = {"memory", "needs 3 GB"};
  l.started_utc = "2026-11-21T03:22:00Z";
  l.open_ns = 11;
  l.pack_ns = 22;
  l.load_ns = 44;
  l.telemetry = example_telemetry();
  return l;
}

inline record::SampleRecord example_sample() {
  record::SampleRecord s;
  s.cell = example_key();
  s.session = 2;
  s.repetition = 3;
  s.phase = record::Phase::kWarmup;
  s.status = record::Status::kFailed;
  s.failure = {"device", "line one\nline \"two\""};
  s.started_utc = "2026-11-21T03:22:01Z";
  s.t0_ns = 9'007'199'254'740'993;  // no double holds this
  s.rendered_ns = 1000;
  s.tokenized_ns = 2000;
  s.prefill_start_ns = 2500;
  s.detokenize_ns = 77;
  s.prompt_text = "<|im_start|>user\n\u4f60\u597d\t\"quoted\" \\ back";
  s.prompt_digest = "feed";
  s.peak_rss_bytes = 123456789012;
  record::SequenceRecord q;
  q.prompt_tokens = 12;
  q.token_ns = {3000, 9'007'199'254'740'993};
  q.output_ids = {151643, -1};
  q.output_digest = "beef";
  q.stop_reason = "eos";
  q.text = "print(1)";
  q.output_chars = 8;
  q.output_bytes = 8;
  q.thinking_tokens = 1;
  q.discarded_tokens = 3;
  s.sequences = {q, record::SequenceRecord{}};
  s.telemetry = example_telemetry();
  s.metrics[record::MetricId::kTtftMs] = 0.1;
  s.metrics[record::MetricId::kDecodeTokPerS] = 1e300;
  s.metrics[record::MetricId::kPeakBytes] = 123456789012.0;
  return s;
}

inline record::CellRecord example_cell() {
  record::CellRecord c;
  c.cell = example_key();
  c.session = 2;
  c.status = record::Status::kOk;
  c.started_utc = "2026-11-21T03:22:02Z";
  c.model = example_model();
  c.settings.device_description = "AMD EPYC";
  c.settings.instruction_sets = "avx512 (vnni, bf16)";
  c.settings.attention_path = "flash (tiled, online softmax)";
  c.settings.paths = "flash, fused, repacked, simd";
  c.settings.prompt_source = "text";
  c.settings.prompt_fingerprint = "0123";
  c.settings.sampling_json = R"({"seed":1,"temperature":0.7})";
  c.settings.gen_tokens = 128;
  c.settings.ignore_eos = false;
  c.settings.kv_bytes = 94371840;
  c.settings.memory_free_bytes = 20000000000;
  c.settings.stop_rule = "ci";
  c.n_sessions = 3;
  c.n_discarded = 1;
  c.n_samples = 5;
  c.n_failed = 1;
  c.n_warmup = 2;
  c.stop_reason = "max_tokens";
  c.output_digest = "beef";
  c.output_digests = 1;
  c.load_average_1m = 0.25;
  c.state.gpu_uuid = "GPU-1";
  c.state.runtime = "CUDA 12.8";
  c.state.gpu_power_limit_mw = 310'500;
  c.state.gpu_clock_reasons = 4;
  c.state.gpu_ecc = true;
  c.state.gpu_ecc_pending = false;
  c.state.governor = "powersave";
  c.roofline = {3'000'000'000, 9'000'000'000'000, 2'000'000'000, 4'000'000'000, 3000.0, 900.0};
  c.sessions.resize(3);
  c.sessions[0][record::MetricId::kTtftMs] = 12.0;
  c.sessions[1][record::MetricId::kTtftMs] = 12.5;
  c.sessions[1][record::MetricId::kRenderMs] = 1.0;  // is not judged, so not written
  c.metrics.set(record::MetricId::kTtftMs, record::Statistic::kMedian, 12.5);
  c.metrics.set(record::MetricId::kTtftMs, record::Statistic::kStddev, 0.125);
  c.metrics.set(record::MetricId::kItlP50Ms, record::Statistic::kNone, 3.25);
  c.metrics.set(record::MetricId::kOutputTokens, record::Statistic::kMedian, 128);
  return c;
}

inline record::TaskRecord example_task() {
  record::TaskRecord t;
  t.cell = example_key();
  t.session = 1;
  t.task_id = "he/12";
  t.sample = 2;
  t.status = record::TaskStatus::kCpuTimeout;
  t.seconds = 4.5;
  t.detail = "assert 3 of 7";
  t.iteration = 3;
  t.sandbox_level = "bwrap";
  t.judge = "outside";
  t.cases_passed = 3;
  t.cases_total = 7;
  t.prompt_tokens = 90;
  t.answer_tokens = 120;
  t.generation_s = 2.5;
  t.judge_s = 5.25;
  t.thinking_tokens = 80;
  t.behaviour = "cafe";
  t.rule = "fenced";
  t.answer = "def f():\n    return \"\u00e4\"";
  t.answer_digest = "beef";
  return t;
}

inline record::QualityRecord example_quality() {
  record::QualityRecord q;
  q.cell = example_key();
  q.session = 1;
  q.sample = 2;
  q.iteration = 1;
  q.source = "rating";
  q.values = {{"completeness", 7.5, "3 of 4 functions"}, {"security_findings", std::nullopt, "bandit is not installed"}};
  q.words = {{"readiness", "High"}};
  q.strengths = {"lines 3 to 9: errors are handled"};
  q.limitations = {"line 12: no type"};
  q.tools = {{"mypy", "1.0.1", ""}, {"bandit", "", "not installed"}};
  return q;
}

inline record::RunRecord example_run() {
  record::RunRecord r;
  r.run_id = "20261121_032200-smoke";
  r.started_utc = "2026-11-21T03:22:00Z";
  r.finished_utc = "2026-11-21T03:25:00Z";
  r.argv = {"qbench", "run", "--models", "a b"};
  r.configuration_json = R"({"suite":"smoke","repetitions":5})";
  r.build = {"0.1.0", "0123456789abcdef0123456789abcdef01234567", true, "Release", "GNU 12.2.0", "-O3", "address"};
  r.machine.host_hash = "00ff";
  r.machine.cpu_model = "AMD EPYC";
  r.machine.cores_physical = 2;
  r.machine.cores_logical = 4;
  r.machine.sockets = 1;
  r.machine.cores_usable = 2;
  r.machine.cpu_quota_cores = 1.5;
  r.machine.governor = "performance";
  r.machine.turbo = false;
  r.machine.memory_total_bytes = 25276502016;
  r.machine.memory_available_bytes = 24000000000;
  r.machine.memory_limit_bytes = 8000000000;
  r.machine.swap_used_bytes = 1;
  r.machine.page_bytes = 4096;
  r.machine.huge_pages = "madvise";
  r.machine.kernel = "Linux 6.1.0";
  r.machine.os = "Debian GNU/Linux 12";
  r.machine.container = "docker";
  r.machine.load_average_1m = 0.5;
  r.machine.gpus = "none";
  r.machine.gpu_driver = "550";
  r.models = {example_model()};
  r.prompts = {{"smoke", "fizzbuzz", "0123"}};
  r.disturbances = {"turbo: boost clocks are on"};
  return r;
}

}  // namespace qbench::test
