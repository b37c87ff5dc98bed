#include "cli/bench_format.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/units.h"
#include "record/csv.h"
#include "record/metric_catalog.h"
#include "record/record_json.h"
#include "report/study_sections.h"
#include "report/text.h"
#include "stats/summary.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;

template <class T>
ordered_json number(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json word(const std::string& value) { return value.empty() ? ordered_json(nullptr) : ordered_json(value); }

std::string digits(const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : std::string(); }

ordered_json to_json(const BenchRow& row) {
  const stats::Summary summary = stats::summarize(row.samples);
  ordered_json object{{"model", row.model},
          {"test", word(row.test)},
          {"tok_per_s_median", number(summary.median)},
          {"tok_per_s_mean", number(summary.mean)},
          {"tok_per_s_stddev", number(summary.stddev)},
          {"tok_per_s_min", number(summary.min)},
          {"tok_per_s_max", number(summary.max)},
          {"samples", row.samples},
          {"samples_ns", row.samples_ns},
          {"prompt_tokens", number(row.prompt_tokens)},
          {"gen_tokens", number(row.gen_tokens)},
          {"depth", number(row.depth)},
          {"repetitions", number(row.repetitions)},
          {"batch", number(row.batch)},
          {"threads", number(row.threads)},
          {"precision", word(row.precision)},
          {"kv_type", word(row.kv_type)},
          {"context", number(row.context)},
          {"weights", word(row.weights)},
          {"weight_bytes", number(row.weight_bytes)},
          {"decode_read_bytes", number(row.decode_read_bytes)},
          {"kv_bytes", number(row.kv_bytes)},
          {"load_ms", row.load_ns ? ordered_json(static_cast<double>(*row.load_ns) / 1e6) : ordered_json()},
          {"parameters", number(row.parameters)},
          {"device", word(row.device)},
          {"device_description", word(row.device_description)},
          {"instruction_sets", word(row.instruction_sets)},
          {"paths", word(row.paths)},
          {"status", row.status},
          {"error", word(row.error)}};
  if (row.breakdown) object["breakdown"] = ordered_json::parse(record::to_json_line(*row.breakdown));
  if (row.ablation) object["ablation"] = ordered_json::parse(record::to_json_line(*row.ablation));
  return object;
}

/// The fields of a CSV record, in the order of the JSON keys; lists become space-separated numbers.
std::vector<std::string> csv_fields(const ordered_json& row, bool header) {
  std::vector<std::string> fields;
  for (const auto& [key, value] : row.items()) {
    std::string text = key;
    if (!header) {
      text.clear();
      if (value.is_string()) text = value.get<std::string>();
      if (value.is_number_float()) text = record::format_value(value.get<double>());
      if (value.is_number_integer()) text = value.dump();
      if (value.is_array()) {
        for (const auto& element : value) {
          if (!text.empty()) text += ' ';
          text += element.is_number_float() ? record::format_value(element.get<double>()) : element.dump();
        }
      }
    }
    fields.push_back(std::move(text));
  }
  return fields;
}

std::string markdown_row(const BenchRow& row) {
  const stats::Summary summary = stats::summarize(row.samples);
  const std::string rate = row.status != "ok" ? "failed: " + report::markdown_text(row.error)
                           : summary.stddev   ? fmt::format("{:.2f} ± {:.2f}", *summary.median, *summary.stddev)
                           : summary.median   ? fmt::format("{:.2f}", *summary.median)
                                              : std::string();
  const std::string weights = row.weight_bytes ? format_bytes(static_cast<std::uint64_t>(*row.weight_bytes)) : std::string();
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", report::markdown_text(row.model), row.precision, weights, row.device,
                     digits(row.threads), digits(row.batch), row.test, rate);
}

std::string dump(const ordered_json& value) { return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace); }

}  // namespace

BenchFormat bench_format_from_name(std::string_view name) {
  if (name == "md") return BenchFormat::kMarkdown;
  if (name == "csv") return BenchFormat::kCsv;
  if (name == "json") return BenchFormat::kJson;
  if (name == "jsonl") return BenchFormat::kJsonl;
  throw Error(ErrorCode::kUsage, fmt::format("'{}' is no format; expected md, csv, json or jsonl", name), "--format");
}

std::string bench_head(BenchFormat format) {
  switch (format) {
    case BenchFormat::kMarkdown:
      return "| model | precision | weights | device | threads | batch | test | tok/s (median ± sd) |\n| --- | --- | ---: | --- | ---: | "
             "---: | --- | ---: |\n";
    case BenchFormat::kCsv:
      return record::csv_line(csv_fields(to_json({}), true));
    case BenchFormat::kJson:
      return "[";
    case BenchFormat::kJsonl:
      return "";
  }
  return "";
}

std::string bench_row(BenchFormat format, const BenchRow& row, bool first) {
  switch (format) {
    case BenchFormat::kMarkdown:
      return markdown_row(row);
    case BenchFormat::kCsv:
      return record::csv_line(csv_fields(to_json(row), false));
    case BenchFormat::kJson:
      return (first ? "\n  " : ",\n  ") + dump(to_json(row));
    case BenchFormat::kJsonl:
      return dump(to_json(row)) + "\n";
  }
  return "";
}

std::string bench_studies(BenchFormat format, const BenchRow& row) {
  if (format != BenchFormat::kMarkdown) return "";
  std::string text;
  const std::string name = report::markdown_text(row.model) + ", " + row.test;
  if (row.breakdown) text += fmt::format("\n{}: where time goes\n\n{}", name, report::breakdown_tables(*row.breakdown));
  if (row.ablation) text += fmt::format("\n{}: what each optimisation is worth\n\n{}", name, report::ablation_tables(*row.ablation));
  return text;
}

std::string bench_tail(BenchFormat format) { return format == BenchFormat::kJson ? "\n]\n" : ""; }

}  // namespace qbench::cli
