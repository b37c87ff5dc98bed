#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/plural.h"
#include "base/units.h"
#include "record/columns.h"
#include "report/model_sections.h"
#include "report/row_choice.h"
#include "report/sparkline.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using record::CellRecord;
using record::MetricId;
using record::MetricInfo;
using record::SampleRecord;
using record::Statistic;

/// Bytes also in units for people: `142606336 (142.6 MB)`.
std::string value_text(const MetricInfo& info, const std::optional<double>& value) {
  if (info.unit != "bytes" || !value || !(*value >= 1000.0 && *value < 1e18)) return metric_text(value);
  return fmt::format("{} ({})", metric_text(value), format_bytes(static_cast<std::uint64_t>(*value)));
}

/// The metric over the timed repetitions, in their order.
std::string over_repetitions(const MetricInfo& info, const Samples& timed) {
  std::vector<std::optional<double>> values;
  for (const SampleRecord* sample : timed) values.push_back(sample->metrics[info.id]);
  return values.size() > 1 ? sparkline(values) : std::string();
}

std::string metrics_table(const CellRecord& cell, const Samples& timed) {
  constexpr Statistic kShown[] = {Statistic::kMedian, Statistic::kMin, Statistic::kMax, Statistic::kMean, Statistic::kStddev};
  MarkdownTable table({"metric", "unit", "better", "median", "min", "max", "mean", "std. dev.", "repetitions"},
                      {false, false, false, true, true, true, true, true, false});
  for (const MetricInfo& info : record::metric_catalog()) {
    const bool pooled = info.main_statistic() == Statistic::kNone;
    std::vector<std::string> row{fmt::format("`{}`", info.name), std::string(info.unit), std::string(name_of(info.better))};
    bool any = false;
    for (const Statistic statistic : kShown) {
      const bool has_column = std::find(info.statistics.begin(), info.statistics.end(), statistic) != info.statistics.end();
      const auto value =
          pooled && statistic == Statistic::kMedian ? cell.metrics.at(info.id, Statistic::kNone) : cell.metrics.at(info.id, statistic);
      any = any || value.has_value();
      row.push_back(has_column || (pooled && statistic == Statistic::kMedian) ? value_text(info, value) : std::string());
    }
    row.push_back(over_repetitions(info, timed));
    if (any) table.add(std::move(row));
  }
  if (table.empty()) return {};
  const std::string disturbed = cell.disturbances ? "Disturbed: " + *cell.disturbances + ".\n\n" : std::string();
  return table.text() + "\n`itl_p..`: one value over all gaps of the cell, in the first column; so are roofline and task metrics, of which a cell has one value.\n\n" + disturbed;
}

/// `Gaps between tokens ...: (blocks), 4.1 to 9.8 ms.`
std::string gaps_line(const SampleRecord& sample) {
  std::vector<std::optional<double>> gaps;
  if (sample.sequences.empty()) return {};
  const auto& stamps = sample.sequences.front().token_ns;
  for (std::size_t i = 1; i < stamps.size(); ++i) gaps.emplace_back(ms_from_ns(static_cast<double>(stamps[i]) - static_cast<double>(stamps[i - 1])));
  if (gaps.size() < 2) return {};
  const auto [least, most] = std::minmax_element(gaps.begin(), gaps.end());
  return fmt::format("Gaps between its tokens, first to last{}: {} ({} to {} ms)\n\n", gaps.size() > 48 ? ", means of stretches" : "", sparkline(gaps, 48), metric_text(*least), metric_text(*most));
}

std::string phases_table(const SampleRecord& sample) {
  const double total = *sample.metrics[MetricId::kE2eMs];
  MarkdownTable table({"phase", "ms", "share"}, {false, true, true});
  const auto add = [&](std::string_view name, double ms) {
    table.add({std::string(name), metric_text(ms), total > 0 ? fmt::format("{:.1f} %", 100 * ms / total) : "–"});
  };
  for (const PhaseTime& phase : phase_times(sample)) add(phase.name, phase.ms);
  add("**end to end**", total);
  if (const auto& outside = sample.metrics[MetricId::kDetokenizeMs]) add("outside: turn the ids into text", *outside);
  return fmt::format("Breakdown by phase of repetition {}, the one with the middle end-to-end time:\n\n", sample.repetition + 1) +
         table.text() + "\n";
}

/// What was sent: stored with the first repetition of the cell that has it.
const SampleRecord* sample_with_prompt(const CellRecord& cell, const Samples& samples) {
  for (const SampleRecord* sample : samples) {
    if (sample->cell == cell.cell && sample->prompt_text) return sample;
  }
  return nullptr;
}

/// `, closed at its budget by 24 forced tokens`
std::string thought_end_text(const record::SequenceRecord& sequence) {
  const std::string end = sequence.thinking_end.value_or("");
  if (end == "open") return " that never ended";
  if (end != "budget" && end != "timeout") return {};
  return fmt::format(", closed at its {} by {} forced tokens", end, sequence.forced_tokens.value_or(0));
}

/// What of the prompt came from the KV cache, and what that saved.
std::string prefix_text(const Samples& timed) {
  const SampleRecord* sample = middle_repetition(timed);
  if (sample == nullptr || !sample->metrics[MetricId::kPrefixCachedTokens]) return {};
  std::string text = fmt::format("Prefix cache: {} of {} prompt tokens were not prefilled", metric_text(sample->metrics[MetricId::kPrefixCachedTokens]),
                                 metric_text(sample->metrics[MetricId::kPromptTokens]));
  if (const auto& saved = sample->metrics[MetricId::kPrefixSavedMs]) text += fmt::format(", which saved about {} ms", metric_text(*saved));
  return text + fmt::format("; first token after {} ms.\n\n", metric_text(sample->metrics[MetricId::kTtftMs]));
}

std::string output_text(const Samples& timed) {
  const SampleRecord* first = timed.empty() ? nullptr : timed.front();
  if (first == nullptr || first->sequences.empty() || !first->sequences.front().text) return {};
  const auto& sequence = first->sequences.front();
  std::string about = fmt::format("Output, {} tokens, stopped by {}", sequence.token_ns.size(), markdown_text(sequence.stop_reason));
  if (sequence.thinking_tokens) about += fmt::format(", {} of them thinking{}", *sequence.thinking_tokens, thought_end_text(sequence));
  if (timed.size() > 1) about += fmt::format(" (first of {} repetitions; all are in samples.jsonl)", timed.size());
  if (first->sequences.size() > 1) about += fmt::format(" (first of {} sequences)", first->sequences.size());
  return about + ":\n\n" + code_block(*sequence.text) + "\n";
}

std::string repetitions_text(const CellRecord& cell) {
  if (cell.n_samples == 0) return {};
  std::string text = fmt::format("{} in {}", plural(cell.n_samples, "timed repetition"), plural(cell.n_sessions, "session"));
  if (!cell.settings.stop_rule.empty()) text += fmt::format(", ended by the rule `{}`", cell.settings.stop_rule);
  if (cell.n_discarded > 0) text += fmt::format("; {} left out, taken at lowered clocks", cell.n_discarded);
  return text + fmt::format("; {} before them.\n\n", cell.n_warmup);
}

/// What the phases must move and compute against what the machine reached when it was asked.
std::string roofline_text(const CellRecord& cell) {
  const record::RooflineFacts& r = cell.roofline;
  if (!r.read_limit_gb_per_s || !r.matmul_limit_tflop_per_s) return {};
  std::string text = fmt::format("Roofline, against {:.4g} GB/s read and {:.4g} TFLOP/s multiplied here:", *r.read_limit_gb_per_s, *r.matmul_limit_tflop_per_s);
  const auto add = [&](const char* phase, const std::string& bound, MetricId ratio, MetricId rate, MetricId products) {
    const auto share = cell.metrics.at(ratio, Statistic::kNone);
    if (!share || bound.empty()) return;
    text += fmt::format(" {} is bound by {} and reaches {:.0f} % of it ({:.4g} GB/s, {:.4g} TFLOP/s).", phase, bound, *share * 100,
                        cell.metrics.at(rate, Statistic::kNone).value_or(0), cell.metrics.at(products, Statistic::kNone).value_or(0));
  };
  add("Prefill", record::prefill_bound(r), MetricId::kPrefillRooflineRatio, MetricId::kPrefillGbPerS, MetricId::kPrefillTflopPerS);
  add("Decode", record::decode_bound(r), MetricId::kDecodeRooflineRatio, MetricId::kDecodeGbPerS, MetricId::kDecodeTflopPerS);
  return text + "\n\n";
}

std::string pass_section(const CellRecord& cell, const Samples& samples) {
  const Samples timed = timed_samples(cell, samples);
  std::string out =
      fmt::format("#### pass={}{}{}\n\n", name_of(cell.cell.pass), cell.cell.turn > 1 ? fmt::format(", turn {}", cell.cell.turn) : "",
                  cell.settings.stage ? ", stage " + markdown_text(*cell.settings.stage) : "");
  if (cell.status != record::Status::kOk) {
    out += fmt::format("**{}** ({}): the reason stands under Failures.\n\n", name_of(cell.status), markdown_text(cell.failure.code));
  }
  out += output_text(timed);
  out += repetitions_text(cell);
  out += prefix_text(timed);
  out += metrics_table(cell, timed);
  out += roofline_text(cell);
  if (const SampleRecord* middle = middle_repetition(timed)) out += phases_table(*middle) + gaps_line(*middle);
  if (!cell.output_digest.empty()) {
    out += fmt::format("Digest of the output ids: `{}`{}\n\n", cell.output_digest,
                       cell.output_digests.value_or(1) > 1 ? fmt::format("; the repetitions gave {} different ones", *cell.output_digests)
                       : cell.n_samples > 1                ? std::string(", the same in all timed repetitions")
                                                           : std::string());
  }
  return out;
}

/// What the stage was drawn with, as its row's settings have it.
std::optional<double> temperature_of(const CellRecord& cell) {
  const auto sampling = nlohmann::json::parse(cell.settings.sampling_json, nullptr, false);
  if (!sampling.is_object() || !sampling.contains("temperature") || !sampling["temperature"].is_number()) return std::nullopt;
  return sampling["temperature"].get<double>();
}

/// The stages of a pipeline side by side; empty where the prompt was not asked in stages.
std::string stages_table(const Cells& cells) {
  MarkdownTable table({"stage", "temperature", "prompt tokens", "at most", "tokens", "thinking", "answer", "time s", "TTFT ms",
                       "decode tok/s", "stopped by"},
                      {false, true, true, true, true, true, true, true, true, true, false});
  double tokens = 0, seconds = 0;
  for (const CellRecord* cell : cells) {
    if (!cell->settings.stage) continue;
    const auto median = [&](MetricId id) { return cell->metrics.at(id, Statistic::kMedian); };
    const auto e2e_ms = median(MetricId::kE2eMs);
    tokens += median(MetricId::kOutputTokens).value_or(0);
    seconds += e2e_ms.value_or(0) / 1000;
    table.add({markdown_text(*cell->settings.stage), metric_text(temperature_of(*cell)), metric_text(median(MetricId::kPromptTokens)),
               cell->settings.gen_tokens ? fmt::format("{}", *cell->settings.gen_tokens) : std::string(),
               metric_text(median(MetricId::kOutputTokens)), metric_text(median(MetricId::kThinkingTokens)),
               metric_text(median(MetricId::kAnswerTokens)), metric_text(e2e_ms ? std::optional(*e2e_ms / 1000) : std::nullopt),
               metric_text(median(MetricId::kTtftMs)), metric_text(median(MetricId::kDecodeTokPerS)), markdown_text(cell->stop_reason)});
  }
  if (table.empty()) return {};
  table.add({"**all stages**", "", "", "", metric_text(tokens), "", "", metric_text(seconds), "", "", ""});
  return "Asked in stages; the last one's output is the answer:\n\n" + table.text() + "\n";
}

}  // namespace

std::string prompt_section(const Cells& cells, const Samples& samples) {
  if (cells.empty()) return {};
  const CellRecord& first = *cells.front();
  std::string out = fmt::format("### {} / {}\n\n", markdown_text(first.cell.suite), markdown_text(first.cell.prompt_id));
  out += stages_table(cells);
  std::string shown;  // the prompt that was printed last: passes usually share it
  for (const CellRecord* cell : cells) {
    if (const SampleRecord* sample = sample_with_prompt(*cell, samples); sample != nullptr && *sample->prompt_text != shown) {
      shown = *sample->prompt_text;
      out += "Prompt as sent:\n\n" + code_block(shown) + "\n";
    } else if (cell->settings.prompt_source == "synthetic" && shown.empty()) {
      shown = "synthetic";
      out += "Prompt: seeded token ids (there is no tokenizer).\n\n";
    }
    out += pass_section(*cell, samples);
  }
  return out;
}

}  // namespace qbench::report
