#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::cli {

/// One row of a bench. Rates are tokens of all sequences per second.
struct BenchRow {
  std::string model, precision, device, device_description, instruction_sets, kv_type;
  std::string weights;  ///< "file" or "synthetic"
  std::int64_t weight_bytes = 0, parameters = 0, threads = 0, batch = 1, context = 0;
  std::string test;  ///< "pp512"
  std::int64_t prompt_tokens = 0, gen_tokens = 0, depth = 0, repetitions = 0;
  std::vector<std::int64_t> samples_ns;
  std::vector<double> samples;       ///< (repetitions) tok/s
  std::string status = "ok", error;  ///< "failed" with the reason
};

enum class BenchFormat { kMarkdown, kCsv, kJson, kJsonl };

/// "md", "csv", "json", "jsonl"; Error{kUsage} for another name.
BenchFormat bench_format_from_name(std::string_view name);

/// What stands before the first row (the header of md and csv, `[` of json), one row, and what stands after the last.
std::string bench_head(BenchFormat format);
std::string bench_row(BenchFormat format, const BenchRow& row, bool first);
std::string bench_tail(BenchFormat format);

}  // namespace qbench::cli
