#include "report/study_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "record/csv.h"
#include "record/metric_catalog.h"
#include "record/schema.h"
#include "report/text.h"
#include "stats/summary.h"

namespace qbench::report {
namespace {

using record::AblationRow;
using record::BreakdownPhase;

template <class Record>
std::vector<Record> latest(const std::vector<Record>& records) {
  std::vector<Record> kept;
  for (const Record& record : records) {
    const auto earlier = std::find_if(kept.begin(), kept.end(), [&](const Record& other) { return other.cell == record.cell; });
    if (earlier == kept.end()) {
      kept.push_back(record);
    } else {
      *earlier = record;
    }
  }
  return kept;
}

std::string number(const std::optional<double>& value) { return value ? metric_text(value) : std::string(); }
std::string percent(const std::optional<double>& ratio) { return ratio ? fmt::format("{:.1f} %", 100 * *ratio) : std::string(); }

std::optional<double> over(const std::optional<double>& value, const std::optional<double>& by) {
  if (!value || !by || *by <= 0.0) return std::nullopt;
  return *value / *by;
}

/// What the tables and the CSV say of one row; rates only where there are a time and something to rate.
struct StepRates {
  std::optional<double> share, gbps, read_ratio, tflops, matmul_ratio;
};
StepRates rates_of(std::optional<std::int64_t> time_ns, std::int64_t bytes, std::int64_t flops, const BreakdownPhase& phase,
                   const record::MachineLimitRecord& limits) {
  StepRates rates;
  const std::optional<std::int64_t> total = phase.total_ns();
  if (!time_ns || !total) return rates;
  rates.share = over(static_cast<double>(*time_ns), static_cast<double>(*total));
  if (*time_ns <= 0) return rates;
  if (bytes > 0) rates.gbps = static_cast<double>(bytes) / static_cast<double>(*time_ns);
  if (flops > 0) rates.tflops = static_cast<double>(flops) / static_cast<double>(*time_ns) * 1e-3;
  rates.read_ratio = over(rates.gbps, limits.read_gbps);
  rates.matmul_ratio = over(rates.tflops, limits.matmul_tflops);
  return rates;
}

std::optional<double> per_pass_ms(const std::optional<std::int64_t>& time_ns, const BreakdownPhase& phase) {
  if (!time_ns || phase.passes <= 0) return std::nullopt;
  return static_cast<double>(*time_ns) / static_cast<double>(phase.passes) * 1e-6;
}

std::string phase_table(const BreakdownPhase& phase, const record::MachineLimitRecord& limits) {
  MarkdownTable table({"step", "calls", "ms", "share", "MB", "GB/s", "of read", "GFLOP", "TFLOP/s", "of matmul"},
                      {false, true, true, true, true, true, true, true, true, true});
  const double passes = static_cast<double>(std::max<std::int64_t>(phase.passes, 1));
  const auto add = [&](const std::string& name, std::string calls, std::optional<std::int64_t> time_ns, std::int64_t bytes,
                       std::int64_t flops) {
    const StepRates rates = rates_of(time_ns, bytes, flops, phase, limits);
    const auto each = [&](std::int64_t sum, double unit) {
      return sum > 0 ? number(static_cast<double>(sum) / passes * unit) : std::string();
    };
    table.add({markdown_text(name), std::move(calls), number(per_pass_ms(time_ns, phase)), percent(rates.share), each(bytes, 1e-6),
               number(rates.gbps), percent(rates.read_ratio), each(flops, 1e-9), number(rates.tflops), percent(rates.matmul_ratio)});
  };
  std::int64_t bytes = 0;
  std::int64_t flops = 0;
  for (const record::StepRecord& step : phase.steps) {
    add(step.step, number(static_cast<double>(step.calls) / passes), step.time_ns, step.bytes, step.flops);
    bytes += step.bytes;
    flops += step.flops;
  }
  add("not attributed", "", phase.rest_ns(), 0, 0);
  add("total", "", phase.total_ns(), bytes, flops);
  return table.text();
}

const BreakdownPhase* fused_twin(const record::BreakdownRecord& record, const BreakdownPhase& phase) {
  for (const BreakdownPhase& other : record.phases) {
    if (other.fused && other.phase == phase.phase) return &other;
  }
  return nullptr;
}

std::string phase_heading(const record::BreakdownRecord& record, const BreakdownPhase& phase) {
  std::string text = fmt::format("{} of {} tokens, {} ({})", phase.phase, phase.tokens,
                                 phase.fused ? "as it runs" : "taken apart: unfused pass", phase.paths);
  const std::optional<double> ms = per_pass_ms(phase.total_ns(), phase);
  if (!ms) return text + ": no times, an emulated device has no speed.\n\n";
  text += fmt::format(": {} ms a pass, {} passes", metric_text(ms), phase.passes);
  if (phase.tokens > 0) text += fmt::format(", {} ms a token", metric_text(*ms / static_cast<double>(phase.tokens)));
  const BreakdownPhase* fused = phase.fused ? nullptr : fused_twin(record, phase);
  if (fused != nullptr) text += fmt::format(" (the fused pass takes {} ms)", metric_text(per_pass_ms(fused->total_ns(), *fused)));
  if (const auto overhead = phase.overhead_ratio())
    text += fmt::format("; instrumentation {:+.1f} % against the same pass without it", 100 * *overhead);
  return text + ".\n\n";
}

std::string limits_line(const record::MachineLimitRecord& limits) {
  std::string text;
  const auto add = [&](const std::optional<double>& value, const char* what, const char* unit) {
    if (!value) return;
    text += fmt::format("{}{} {} {}", text.empty() ? "Limits measured in this process: " : ", ", what, metric_text(value), unit);
  };
  add(limits.read_gbps, "read", "GB/s");
  add(limits.copy_gbps, "copy", "GB/s");
  add(limits.matmul_tflops, "matmul", "TFLOP/s");
  if (limits.matmul_tflops && limits.matmul_by) text += " (" + markdown_text(*limits.matmul_by) + ")";
  return text.empty() ? text : text + ".\n\n";
}

std::string cell_heading(const record::CellKey& cell) { return fmt::format("### {}\n\n", markdown_text(cell.prompt_id)); }

/// Repetition by repetition: how much longer the phase takes without the path.
std::vector<double> ratios_of(const AblationRow& row, const record::AblationRecord& record) {
  std::vector<double> ratios;
  for (const AblationRow& base : record.rows) {
    if (!base.off.empty() || base.phase != row.phase) continue;
    for (std::size_t i = 0; i < std::min(base.time_ns.size(), row.time_ns.size()); ++i) {
      if (base.time_ns[i] > 0) ratios.push_back(static_cast<double>(row.time_ns[i]) / static_cast<double>(base.time_ns[i]));
    }
  }
  return ratios;
}

stats::Summary milliseconds_of(const AblationRow& row) {
  std::vector<double> ms;
  for (const std::int64_t ns : row.time_ns) ms.push_back(static_cast<double>(ns) * 1e-6);
  return stats::summarize(ms);
}

std::vector<std::string> cell_fields(const record::CellKey& cell) {
  return {std::to_string(record::kSchemaVersion), cell.model, cell.suite, cell.prompt_id, std::string(name_of(cell.pass)), cell.device, cell.precision,
          cell.kv_type, kv_policy_text(cell), std::to_string(cell.batch), std::to_string(cell.context), std::to_string(cell.threads)};
}

std::string header_line(std::vector<std::string> more) {
  std::vector<std::string> fields{"schema_version", "model", "suite", "prompt_id", "pass", "device", "precision", "kv_type", "kv_policy", "batch", "context", "threads"};
  fields.insert(fields.end(), more.begin(), more.end());
  return record::csv_line(fields);
}

std::string csv_number(const std::optional<double>& value) { return value ? record::format_value(*value) : std::string(); }
std::string csv_integer(const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : std::string(); }

std::string row_line(std::vector<std::string> fields, std::vector<std::string> more) {
  fields.insert(fields.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return record::csv_line(fields);
}

}  // namespace

std::vector<record::BreakdownRecord> latest_breakdowns(const std::vector<record::BreakdownRecord>& records) { return latest(records); }
std::vector<record::AblationRecord> latest_ablations(const std::vector<record::AblationRecord>& records) { return latest(records); }

std::string breakdown_tables(const record::BreakdownRecord& record) {
  if (record.status != record::Status::kOk) return "failed: " + markdown_text(record.failure.message) + "\n\n";
  std::string text = limits_line(record.limits);
  for (const BreakdownPhase& phase : record.phases) text += phase_heading(record, phase) + phase_table(phase, record.limits) + "\n";
  return text;
}

std::string ablation_tables(const record::AblationRecord& record) {
  MarkdownTable table({"left out", "phase", "tokens", "ms", "takes × as long", "from", "to", "n", "what ran"},
                      {false, false, true, true, true, true, true, true, false});
  for (const AblationRow& row : record.rows) {
    const std::string name = row.off.empty() ? "nothing" : row.off;
    if (row.status != record::Status::kOk) {
      table.add({name, "", "", "", "", "", "", "", "failed: " + markdown_text(row.failure.message)});
      continue;
    }
    const stats::Summary ms = milliseconds_of(row);
    const stats::Summary ratio = stats::summarize(ratios_of(row, record));
    const auto shown = [&](const std::optional<double>& value) {
      return row.off.empty() || !value ? std::string() : fmt::format("{:.3f}", *value);
    };
    table.add({name, row.phase, std::to_string(row.tokens), number(ms.median), shown(ratio.median), shown(ratio.min), shown(ratio.max),
               ms.n > 0 ? std::to_string(ms.n) : std::string(), row.paths});
  }
  return table.text() + "\n";
}

std::string study_sections(const record::SampleFileContent& content, std::string_view model_label) {
  std::string breakdowns;
  for (const record::BreakdownRecord& record : latest(content.breakdowns)) {
    if (record.cell.model == model_label) breakdowns += cell_heading(record.cell) + breakdown_tables(record);
  }
  std::string ablations;
  for (const record::AblationRecord& record : latest(content.ablations)) {
    if (record.cell.model == model_label) ablations += cell_heading(record.cell) + ablation_tables(record);
  }
  std::string text;
  if (!breakdowns.empty()) {
    text += "## Where time goes\n\nPasses of their own beside the timed repetitions, instrumented and plain ones in turn. Bytes and flops are what "
            "each step must move and compute once; the steps and what no step accounts for add up to the total.\n\n" +
            breakdowns;
  }
  if (!ablations.empty()) {
    text += "## What each optimisation is worth\n\nThe same prompt with one of them left out, all of them measured in turn; the ratio is that of "
            "neighbouring repetitions, median, smallest and largest.\n\n" +
            ablations;
  }
  return text;
}

std::string breakdown_csv(const std::vector<record::BreakdownRecord>& records) {
  std::string out = header_line({"status", "error", "phase", "fused", "paths", "passes", "tokens", "step", "calls", "time_ns", "share_ratio",
                                 "bytes", "flops", "launches", "achieved_gb_per_s", "read_limit_ratio", "achieved_tflop_per_s",
                                 "matmul_limit_ratio", "overhead_ratio", "read_gb_per_s", "copy_gb_per_s", "matmul_tflop_per_s"});
  for (const record::BreakdownRecord& record : records) {
    if (record.status != record::Status::kOk) {
      std::vector<std::string> failed(22);
      failed[0] = name_of(record.status);
      failed[1] = record.failure.message;
      out += row_line(cell_fields(record.cell), failed);
    }
    for (const BreakdownPhase& phase : record.phases) {
      const auto add = [&](const record::StepRecord& step, bool counted) {
        const StepRates rates = rates_of(step.time_ns, step.bytes, step.flops, phase, record.limits);
        const auto count = [&](std::int64_t value) { return counted ? std::to_string(value) : std::string(); };
        out += row_line(cell_fields(record.cell),
                        {std::string(name_of(record.status)), "", phase.phase, phase.fused ? "true" : "false", phase.paths, std::to_string(phase.passes),
                         std::to_string(phase.tokens), step.step, count(step.calls), csv_integer(step.time_ns), csv_number(rates.share),
                         count(step.bytes), count(step.flops), count(step.launches), csv_number(rates.gbps), csv_number(rates.read_ratio),
                         csv_number(rates.tflops), csv_number(rates.matmul_ratio), csv_number(phase.overhead_ratio()),
                         csv_number(record.limits.read_gbps), csv_number(record.limits.copy_gbps), csv_number(record.limits.matmul_tflops)});
      };
      record::StepRecord total{"total", 0, phase.total_ns(), 0, 0, 0};
      for (const record::StepRecord& step : phase.steps) {
        add(step, true);
        total.calls += step.calls;
        total.bytes += step.bytes;
        total.flops += step.flops;
        total.launches += step.launches;
      }
      add({"not attributed", 0, phase.rest_ns(), 0, 0, 0}, false);
      add(total, true);
    }
  }
  return out;
}

std::string ablation_csv(const std::vector<record::AblationRecord>& records) {
  std::string out = header_line({"status", "error", "left_out", "paths", "phase", "tokens", "n", "median_ms", "ratio_median", "ratio_min", "ratio_max"});
  for (const record::AblationRecord& record : records) {
    for (const AblationRow& row : record.rows) {
      const stats::Summary ms = milliseconds_of(row);
      const stats::Summary ratio = stats::summarize(ratios_of(row, record));
      out += row_line(cell_fields(record.cell),
                      {std::string(name_of(row.status)), row.failure.message, row.off, row.paths, row.phase, std::to_string(row.tokens),
                       std::to_string(ms.n), csv_number(ms.median), csv_number(ratio.median), csv_number(ratio.min), csv_number(ratio.max)});
    }
  }
  return out;
}

}  // namespace qbench::report
