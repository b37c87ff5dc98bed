#include "report/row_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "record/columns.h"

namespace qbench::report {

using record::CellRecord;
using record::MetricId;
using record::SampleRecord;

std::vector<const SampleRecord*> timed_samples(const CellRecord& cell, const std::vector<const SampleRecord*>& samples) {
  std::vector<const SampleRecord*> timed;
  for (const SampleRecord* sample : samples) {
    if (sample->phase == record::Phase::kTimed && sample->status == record::Status::kOk && sample->cell == cell.cell) timed.push_back(sample);
  }
  return timed;
}

const SampleRecord* middle_repetition(std::vector<const SampleRecord*> timed) {
  std::erase_if(timed, [](const SampleRecord* s) { return !s->metrics[MetricId::kE2eMs]; });
  if (timed.empty()) return nullptr;
  std::sort(timed.begin(), timed.end(),
            [](const SampleRecord* a, const SampleRecord* b) { return *a->metrics[MetricId::kE2eMs] < *b->metrics[MetricId::kE2eMs]; });
  return timed[(timed.size() - 1) / 2];
}

std::vector<PhaseTime> phase_times(const SampleRecord& sample) {
  const auto total = sample.metrics[MetricId::kE2eMs];
  if (!total) return {};
  std::vector<PhaseTime> phases;
  double named = 0;
  const auto add = [&](std::string_view name, MetricId id) {
    const auto& ms = sample.metrics[id];
    if (!ms) return;
    named += *ms;
    phases.push_back({name, *ms});
  };
  add("render the chat template", MetricId::kRenderMs);
  add("tokenize the prompt", MetricId::kTokenizeMs);
  add("prefill, first token", MetricId::kPrefillMs);
  add("decode, further tokens", MetricId::kDecodeMs);
  phases.push_back({"not attributed", *total - named});
  return phases;
}

std::vector<std::pair<std::string, std::string>> shared_facts(const record::RunRecord& run, const std::vector<const CellRecord*>& cells) {
  std::vector<std::pair<std::string, std::string>> facts;
  if (cells.empty()) return facts;
  for (const record::Column& column : record::summary_columns()) {
    if (column.fact == nullptr) continue;
    const std::string text = column.fact(run, *cells.front());
    const bool shared = std::all_of(cells.begin(), cells.end(), [&](const CellRecord* cell) { return column.fact(run, *cell) == text; });
    if (shared && !text.empty()) facts.emplace_back(column.name, text);
  }
  return facts;
}

MetricOrder metric_order() {
  MetricOrder order;
  order.ids = {MetricId::kDecodeTokPerS, MetricId::kPrefillTokPerS, MetricId::kE2eTokPerS, MetricId::kTtftMs,       MetricId::kItlMeanMs,
               MetricId::kItlP95Ms,      MetricId::kE2eMs,          MetricId::kPeakBytes,  MetricId::kPromptTokens, MetricId::kOutputTokens};
  order.first = order.ids.size();
  for (const record::MetricInfo& info : record::metric_catalog()) {
    if (std::find(order.ids.begin(), order.ids.end(), info.id) == order.ids.end()) order.ids.push_back(info.id);
  }
  return order;
}

const std::optional<double>& row_value(const CellRecord& cell, MetricId id) { return cell.metrics.at(id, record::info_of(id).main_statistic()); }

std::string prompt_name(const record::CellKey& key) {
  return key.turn > 1 ? fmt::format("{}, turn {}", key.prompt_id, key.turn) : key.prompt_id;
}

bool same_request(const record::CellKey& a, const record::CellKey& b) {
  return a.suite == b.suite && a.prompt_id == b.prompt_id && a.turn == b.turn && a.pass == b.pass;
}

std::string row_difference(const CellRecord& cell, const std::vector<CellRecord>& cells) {
  std::string label;
  const auto add = [&](auto&& text_of) {
    const std::string own = text_of(cell.cell);
    const bool differs = std::any_of(cells.begin(), cells.end(), [&](const CellRecord& other) {
      return other.cell.model == cell.cell.model && same_request(other.cell, cell.cell) && text_of(other.cell) != own;
    });
    if (differs) label += ", " + own;
  };
  add([](const record::CellKey& key) { return key.device; });
  add([](const record::CellKey& key) { return key.precision; });
  add([](const record::CellKey& key) { return "KV " + key.kv_type; });
  add([](const record::CellKey& key) { return "KV " + record::kv_policy_text(key); });
  add([](const record::CellKey& key) { return "batch " + std::to_string(key.batch); });
  add([](const record::CellKey& key) { return "context " + std::to_string(key.context); });
  add([](const record::CellKey& key) { return std::to_string(key.threads) + " threads"; });
  return label;
}

std::vector<std::string> model_labels(const record::RunRecord& run, const record::SampleFileContent& content) {
  std::vector<std::string> labels;
  const auto add = [&](const std::string& label) {
    if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(label);
  };
  for (const auto& model : run.models) add(model.label);
  for (const auto& load : content.loads) add(load.model.label);
  for (const auto& cell : content.cells) add(cell.cell.model);
  return labels;
}

}  // namespace qbench::report
