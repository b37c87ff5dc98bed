#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/study_records.h"

namespace qbench::cli {

/// One row of a bench. Rates are tokens of all sequences per second. What is not known or was not measured is empty: in a row of a model that
/// failed all but its name and the reason.
struct BenchRow {
  std::string model, precision, device, device_description, instruction_sets, kv_type;
  std::string weights;  ///< "file" or "synthetic"
  std::optional<std::int64_t> weight_bytes, decode_read_bytes, kv_bytes, load_ns, parameters, threads, batch, context;
  std::string test;  ///< "pp512"
  std::optional<std::int64_t> prompt_tokens, gen_tokens, depth, repetitions;
  std::vector<std::int64_t> samples_ns;
  std::vector<double> samples;       ///< (repetitions) tok/s
  std::string status = "ok", error;  ///< "failed" with the reason
  std::string paths;                 ///< ways that ran: "flash, fused, repacked, simd"
  std::optional<record::BreakdownRecord> breakdown;
  std::optional<record::AblationRecord> ablation;
};

enum class BenchFormat { kMarkdown, kCsv, kJson, kJsonl };

/// "md", "csv", "json", "jsonl"; Error{kUsage} for another name.
BenchFormat bench_format_from_name(std::string_view name);

/// What stands before the first row (the header of md and csv, `[` of json), one row, and what stands after the last.
std::string bench_head(BenchFormat format);
std::string bench_row(BenchFormat format, const BenchRow& row, bool first);
std::string bench_tail(BenchFormat format);
/// Where the row's time goes and what its paths are worth, for behind the table of md; empty for other formats, whose rows hold it.
std::string bench_studies(BenchFormat format, const BenchRow& row);

}  // namespace qbench::cli
