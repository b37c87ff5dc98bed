#pragma once

#include <string>

#include "measure/cell_summary.h"
#include "measure/sample_metrics.h"
#include "record/sample_file.h"

/// A small run of one model, put together as `qbench run` does it.
namespace qbench::test {

inline record::RunRecord small_run() {
  record::RunRecord run;
  run.run_id = "20261121_032200-test";
  run.started_utc = "2026-11-21T03:22:00Z";
  run.finished_utc = "2026-11-21T03:25:00Z";
  run.argv = {"qbench", "run", "--models", "smol"};
  run.build = {"0.1.0", "0123456789abcdef0123456789abcdef01234567", false, "Release", "GNU 12.2.0", "-O3", ""};
  run.machine.cpu_model = "AMD EPYC";
  run.machine.cores_usable = 2;
  run.machine.memory_total_bytes = 25'000'000'000;
  run.machine.gpus = "no GPU driver here";
  run.disturbances = {"turbo: boost clocks are on"};
  return run;
}

inline record::ModelFacts small_model(const std::string& label = "smol", const std::string& name = "SmolLM2-135M-Instruct") {
  record::ModelFacts model;
  model.label = label;
  model.name = name;
  model.path = "/models/smol.gguf";
  model.architecture = "llama";
  model.precision = "q4_1";
  model.weights = "file";
  model.weight_bytes = 98'000'000;
  return model;
}

/// A timed repetition: 8 prompt tokens, `tokens` output tokens 5 ms apart, the first after 20 ms.
inline record::SampleRecord small_sample(const record::CellKey& key, const std::string& text, int tokens = 4) {
  record::SampleRecord sample;
  sample.cell = key;
  sample.rendered_ns = 1'000'000;
  sample.tokenized_ns = 2'000'000;
  sample.prefill_start_ns = 3'000'000;
  sample.prompt_text = "<|im_start|>user\nwrite fizzbuzz<|im_end|>\n";
  sample.peak_rss_bytes = 300'000'000;
  record::SequenceRecord sequence;
  sequence.prompt_tokens = 8;
  for (int i = 0; i < tokens; ++i) sequence.token_ns.push_back(20'000'000 + 5'000'000 * i);
  sequence.stop_reason = "max_tokens";
  sequence.output_digest = "beef";
  sequence.text = text;
  sequence.output_chars = static_cast<std::int64_t>(text.size());
  sequence.output_bytes = static_cast<std::int64_t>(text.size());
  sample.sequences = {sequence};
  sample.metrics = measure::sample_metrics(sample);
  return sample;
}

inline record::CellRecord small_cell(const record::CellKey& key, const record::ModelFacts& model,
                                     const std::vector<record::SampleRecord>& samples, const record::LoadRecord* load) {
  record::CellRecord cell;
  cell.cell = key;
  cell.model = model;
  cell.started_utc = "2026-11-21T03:23:00Z";
  cell.settings.prompt_source = "text";
  cell.settings.attention_path = "flash (tiled, online softmax)";
  cell.settings.sampling_json = R"({"temperature":0})";
  cell.settings.memory_free_bytes = 20'000'000'000;
  cell.settings.stop_rule = "fixed 1";
  return measure::summarize_cell(cell, samples, load != nullptr ? std::span(load, 1) : std::span<const record::LoadRecord>());
}

inline record::CellKey small_key(record::Pass pass, const std::string& label = "smol") {
  record::CellKey key;
  key.model = label;
  key.suite = "smoke";
  key.prompt_id = "fizzbuzz";
  key.pass = pass;
  key.device = "cpu";
  key.kv_type = "bf16";
  key.context = 4096;
  key.threads = 2;
  return key;
}

/// One model, one prompt, both passes; the text pass wrote `text`.
inline record::SampleFileContent small_content(const std::string& text, const std::string& label = "smol",
                                               const std::string& name = "SmolLM2-135M-Instruct") {
  record::SampleFileContent content;
  record::LoadRecord load;
  load.model = small_model(label, name);
  load.device = "cpu";
  load.open_ns = 5'000'000;
  load.pack_ns = 70'000'000;
  load.load_ns = 80'000'000;
  content.loads.push_back(load);
  for (const record::Pass pass : {record::Pass::kSpeed, record::Pass::kText}) {
    content.samples.push_back(small_sample(small_key(pass, label), text));
    content.cells.push_back(small_cell(small_key(pass, label), load.model, content.samples, &content.loads.front()));
  }
  return content;
}

}  // namespace qbench::test
