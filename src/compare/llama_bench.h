#pragma once

#include <filesystem>

#include "record/result_set.h"

namespace qbench::compare {

/// Reads what llama-bench (`-o json`, `-o jsonl`) or `qbench bench` (`--format json`, `jsonl`) printed, as rows of the speed pass: suite
/// "bench", prompt_id "pp512", "tg128", with a depth "tg128@d4096". Prompt tests give prefill_tok_per_s, generation tests decode_tok_per_s,
/// each the median of the repetitions; tests that mix both have neither. All repetitions are of one process, so they are one session.
/// llama-bench's averages and deviations are not read: stddev_ns overflows above 1.9 s. Error{kFormat} naming file and row.
record::ResultSet read_bench_rows(const std::filesystem::path& path);

/// record::read_result_set, or read_bench_rows where the file is one of those.
record::ResultSet read_results(const std::filesystem::path& path);

}  // namespace qbench::compare
