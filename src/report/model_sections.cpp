#include "report/model_sections.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/json.h"
#include "base/units.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using record::CellRecord;
using record::MetricId;
using record::Statistic;

std::string bytes_text(const std::optional<std::int64_t>& bytes) {
  return bytes && *bytes >= 0 ? format_bytes(static_cast<std::uint64_t>(*bytes)) : std::string();
}

std::string count_text(const std::optional<std::int64_t>& value) { return value ? fmt::format("{}", *value) : std::string(); }

/// `134.5 M (134515008)`
std::string parameters_text(const std::optional<std::int64_t>& value) {
  if (!value || *value < 1'000'000) return count_text(value);
  const auto parameters = static_cast<double>(*value);
  return *value < 1'000'000'000 ? fmt::format("{:.1f} M ({})", parameters / 1e6, *value)
                                : fmt::format("{:.2f} B ({})", parameters / 1e9, *value);
}

/// `temperature=0.7, top_p=0.9` of a compact JSON object.
std::string sampling_text(const std::string& json_text) {
  if (json_text.empty()) return {};
  const nlohmann::ordered_json object = nlohmann::ordered_json::parse(json_text, nullptr, false);
  if (!object.is_object()) return json_text;
  std::string text;
  for (const auto& [key, value] : object.items()) text += (text.empty() ? "" : ", ") + key + "=" + dump_json(value);
  return text;
}

/// `fizzbuzz (speed)`, `fizzbuzz, turn 2 (text)`
std::string row_name(const CellRecord& cell) {
  const std::string turn = cell.cell.turn > 1 ? fmt::format(", turn {}", cell.cell.turn) : std::string();
  return fmt::format("{}{} ({})", cell.cell.prompt_id.empty() ? "all prompts" : cell.cell.prompt_id, turn, name_of(cell.cell.pass));
}

/// Rows that have one reason for not having worked.
struct FailedRows {
  record::Status status;
  record::Failure failure;
  bool loading = false;
  std::vector<std::string> rows;
};

std::vector<FailedRows> failed_rows(const Cells& cells, const Loads& loads) {
  std::vector<FailedRows> all;
  const auto entry = [&all](record::Status status, const record::Failure& failure) -> FailedRows& {
    for (FailedRows& one : all) {
      if (one.status == status && one.failure == failure) return one;
    }
    return all.emplace_back(FailedRows{status, failure, false, {}});
  };
  for (const record::LoadRecord* load : loads) {
    if (load->status != record::Status::kOk) entry(load->status, load->failure).loading = true;
  }
  for (const CellRecord* cell : cells) {
    if (cell->status != record::Status::kOk) entry(cell->status, cell->failure).rows.push_back(row_name(*cell));
  }
  return all;
}

std::string switch_text(const std::optional<bool>& value) { return value ? (*value ? "on" : "off") : std::string(); }

/// The distinct values that the cells have for something, joined: usually one.
template <class Get>
std::string distinct(const Cells& cells, Get&& get) {
  std::string joined;
  std::set<std::string> seen;
  for (const CellRecord* cell : cells) {
    const std::string value = get(*cell);
    if (value.empty() || !seen.insert(value).second) continue;
    joined += (joined.empty() ? "" : "; ") + value;
  }
  return joined;
}

}  // namespace

std::string results_section(const Cells& cells) {
  MarkdownTable table({"prompt", "pass", "status", "n", "prompt tokens", "output tokens", "TTFT ms", "ITL mean ms", "ITL p95 ms",
                       "prefill tok/s", "decode tok/s", "end-to-end tok/s", "time s", "stopped by"},
                      {false, false, false, true, true, true, true, true, true, true, true, true, true, false});
  for (const CellRecord* cell : cells) {
    const auto median = [&](MetricId id) { return metric_text(cell->metrics.at(id, Statistic::kMedian)); };
    const auto e2e = cell->metrics.at(MetricId::kE2eMs, Statistic::kMedian);
    const std::string turn = cell->cell.turn > 1 ? fmt::format(", turn {}", cell->cell.turn) : std::string();
    table.add({markdown_text(cell->cell.prompt_id) + turn, std::string(name_of(cell->cell.pass)), std::string(name_of(cell->status)),
               fmt::format("{}", cell->n_samples), median(MetricId::kPromptTokens), median(MetricId::kOutputTokens),
               median(MetricId::kTtftMs), median(MetricId::kItlMeanMs),
               metric_text(cell->metrics.at(MetricId::kItlP95Ms, Statistic::kNone)), median(MetricId::kPrefillTokPerS),
               median(MetricId::kDecodeTokPerS), median(MetricId::kE2eTokPerS),
               metric_text(e2e ? std::optional(*e2e / 1000) : std::nullopt), markdown_text(cell->stop_reason)});
  }
  if (table.empty()) return {};
  return "## Results\n\n" + table.text() +
         "\nMedians over the n timed repetitions; – means not measured or undefined. `pass=speed`: greedy, fixed length, EOS ignored: the "
         "rows to "
         "compare. `pass=text`: sampled, EOS honoured: what the model wrote. Formulas: `results/README.md` of the project.\n\n";
}

std::string failures_section(const Cells& cells, const Loads& loads) {
  std::string out;
  for (const FailedRows& failed : failed_rows(cells, loads)) {
    std::string rows;
    for (const std::string& row : failed.rows) rows += (rows.empty() ? "" : ", ") + row;
    const std::string what = failed.loading ? fmt::format("loading {}", name_of(failed.status)) : std::string(name_of(failed.status));
    out +=
        fmt::format("- **{}** ({}){}{}: {}\n", what, markdown_text(failed.failure.code),
                    rows.empty() ? "" : (failed.loading ? ", and so " : ", "), markdown_text(rows), markdown_text(failed.failure.message));
  }
  return out.empty() ? out : "## Failures\n\n" + out + "\n";
}

std::string model_section(const record::ModelFacts& model) {
  FactTable facts;
  facts.add("asked for as", model.label);
  facts.add("weights", model.weights == "synthetic" ? "synthetic: seeded random numbers at the real shape" : model.path);
  facts.add("architecture", model.architecture);
  facts.add("prompted as", model.kind);
  facts.add("parameters", parameters_text(model.parameters));
  facts.add("format", model.format);
  facts.add("precision on the device", model.precision);
  facts.add("conversion at loading", model.conversion);
  facts.add("weights on the device", bytes_text(model.weight_bytes));
  facts.add("read per token (batch 1)", bytes_text(model.decode_read_bytes));
  facts.add("trained context", count_text(model.context_trained));
  facts.add("vocabulary", count_text(model.vocab));
  facts.add("fingerprint of the model", model.model_fingerprint);
  facts.add("fingerprint of the tokenizer", model.tokenizer_fingerprint);
  facts.add("fingerprint of the chat template", model.template_fingerprint);
  return "## Model\n\n" + facts.text() + "\n";
}

std::string settings_section(const Cells& cells, const record::RunRecord& run) {
  if (cells.empty()) return {};
  FactTable facts;
  facts.add("device", distinct(cells, [](const auto& c) { return c.cell.device; }));
  facts.add("processor or GPU", distinct(cells, [](const auto& c) { return c.settings.device_description; }));
  facts.add("instruction sets", distinct(cells, [](const auto& c) { return c.settings.instruction_sets; }));
  facts.add("attention", distinct(cells, [](const auto& c) { return c.settings.attention_path; }));
  facts.add("paths", distinct(cells, [](const auto& c) { return c.settings.paths.value_or(""); }));
  facts.add("threads", distinct(cells, [](const auto& c) { return fmt::format("{}", c.cell.threads); }));
  facts.add("context (tokens)", distinct(cells, [](const auto& c) { return fmt::format("{}", c.cell.context); }));
  facts.add("sequences at once", distinct(cells, [](const auto& c) { return fmt::format("{}", c.cell.batch); }));
  facts.add("KV cache", distinct(cells, [](const auto& c) {
              const std::string policy = c.cell.kv_window ? ", " + kv_policy_text(c.cell) : std::string();
              return c.cell.kv_type + policy + (c.settings.kv_bytes ? ", " + bytes_text(c.settings.kv_bytes) : std::string());
            }));
  for (const record::Pass pass : {record::Pass::kSpeed, record::Pass::kText}) {
    facts.add(fmt::format("sampling, {} pass", name_of(pass)), distinct(cells, [pass](const auto& c) {
                return c.cell.pass == pass ? sampling_text(c.settings.sampling_json) : std::string();
              }));
    facts.add(fmt::format("most tokens, {} pass", name_of(pass)),
              distinct(cells, [pass](const auto& c) { return c.cell.pass == pass ? count_text(c.settings.gen_tokens) : std::string(); }));
  }
  facts.add("repetitions end by", distinct(cells, [](const auto& c) { return c.settings.stop_rule; }));
  std::string command;
  for (const std::string& word : run.argv) command += (command.empty() ? "" : " ") + word;
  return "## Settings\n\n" + facts.text() + (command.empty() ? "" : "\n" + code_block(command, "sh")) + "\n";
}

std::string memory_section(const Cells& cells) {
  const CellRecord* last = nullptr;
  for (const CellRecord* cell : cells) {
    if (cell->settings.memory.peak_bytes) last = cell;
  }
  if (last == nullptr) return {};
  const record::MemoryFacts& memory = last->settings.memory;
  const bool cpu = last->cell.device == "cpu";
  FactTable facts;
  facts.add("weights", bytes_text(last->model.weight_bytes));
  facts.add("KV cache (" + last->cell.kv_type + ", " + kv_policy_text(last->cell) + ")", bytes_text(last->settings.kv_bytes));
  facts.add("activations", bytes_text(memory.activation_bytes));
  facts.add("workspace", bytes_text(memory.workspace_bytes));
  facts.add("largest sum of these", bytes_text(memory.peak_bytes));
  facts.add(cpu ? "process beyond these (resident: program, libraries, tokenizer)" : "context (driver, runtime, code)", bytes_text(memory.context_bytes));
  facts.add("free before loading", bytes_text(memory.free_before_load_bytes));
  facts.add("free after loading", bytes_text(memory.free_after_load_bytes));
  facts.add("free at the end", bytes_text(last->settings.memory_free_bytes));
  facts.add("--vram-limit", bytes_text(memory.limit_bytes));
  facts.add("headroom left alone", bytes_text(memory.headroom_bytes));
  return fmt::format("## Memory\n\n{}\n{}\n\n", facts.text(),
                     cpu ? "Of the host. Weights to workspace as allocated; what is free as the system says, other processes included."
                         : "Of the device. Weights to workspace as allocated; what is free as the driver says, other processes included.");
}

std::string loading_section(const Loads& loads, const Cells& cells) {
  MarkdownTable table({"load", "device", "total ms", "files opened ms", "read, converted, packed ms", "rest ms"},
                      {false, false, true, true, true, true});
  for (const record::LoadRecord* load : loads) {
    if (load->status != record::Status::kOk) continue;
    const auto ms = [](std::int64_t ns) { return metric_text(ms_from_ns(static_cast<double>(ns))); };
    table.add({markdown_text(load->started_utc), markdown_text(load->device), ms(load->load_ns), ms(load->open_ns), ms(load->pack_ns),
               ms(load->load_ns - load->open_ns - load->pack_ns)});
  }
  if (table.empty()) return {};
  std::string out = "## Loading (cold)\n\n" + table.text();
  for (const CellRecord* cell : cells) {
    const auto ttft = cell->metrics.at(MetricId::kFirstRequestTtftMs, Statistic::kMedian);
    const auto e2e = cell->metrics.at(MetricId::kFirstRequestE2eMs, Statistic::kMedian);
    if (!ttft) continue;
    out += fmt::format("\nFirst request after loading ({}, pass={}): first token after {} ms, all after {} ms.\n",
                       markdown_text(cell->cell.prompt_id), name_of(cell->cell.pass), metric_text(ttft), metric_text(e2e));
  }
  return out + "\n";
}

std::string machine_section(const record::RunRecord& run) {
  const record::MachineFacts& m = run.machine;
  FactTable facts;
  facts.add("processor", m.cpu_model);
  facts.add("cores (usable, physical, logical)",
            m.cores_usable ? fmt::format("{}, {}, {}", *m.cores_usable, m.cores_physical.value_or(0), m.cores_logical.value_or(0))
                           : std::string());
  facts.add("sockets", count_text(m.sockets));
  facts.add("control group's share of cores", m.cpu_quota_cores ? fmt::format("{:.3g}", *m.cpu_quota_cores) : std::string());
  facts.add("clock governor", m.governor);
  facts.add("boost clocks", switch_text(m.turbo));
  facts.add("memory", bytes_text(m.memory_total_bytes));
  facts.add("memory available at the start", bytes_text(m.memory_available_bytes));
  facts.add("control group's memory limit", bytes_text(m.memory_limit_bytes));
  facts.add("swap in use", m.swap_used_bytes.value_or(0) > 0 ? bytes_text(m.swap_used_bytes) : std::string());
  facts.add("transparent huge pages", m.huge_pages);
  facts.add("load average (1 min) at the start", m.load_average_1m ? fmt::format("{:.2f}", *m.load_average_1m) : std::string());
  facts.add("GPU", m.gpus);
  facts.add("GPU driver", m.gpu_driver);
  facts.add("system", m.os);
  facts.add("kernel", m.kernel);
  facts.add("container", m.container);
  facts.add("host (hash)", m.host_hash);
  facts.add("qbench", fmt::format("{} {}{}", run.build.version, run.build.git_sha.substr(0, 12),
                                  run.build.git_dirty.value_or(false) ? " (changed files)" : ""));
  facts.add("build", fmt::format("{}, {}, {}{}", run.build.type, run.build.compiler, run.build.flags,
                                 run.build.sanitizers.empty() ? "" : ", sanitizers " + run.build.sanitizers));
  std::string out = "## Machine\n\n" + facts.text() + "\n";
  if (!run.disturbances.empty()) {
    out += "What may have disturbed the measurement:\n\n";
    for (const std::string& line : run.disturbances) out += "- " + markdown_text(line) + "\n";
    out += "\n";
  }
  return out;
}

}  // namespace qbench::report
