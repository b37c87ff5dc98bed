#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "history/history.h"

/// Histories to and from CSV files.
namespace qbench::history {

/// What Apache Otava reads: otava.yaml, and per series a CSV <series id>.csv with time, run_id, commit, the key's columns and one column
/// per metric. Otava wants a number in every field, so a metric that some nights lack gets a file of its own, <series id>.<metric>.csv,
/// with the nights that have it. Excluded nights (throttled) are left out. Returns the files, otava.yaml first. Error{kUsage}: no series
/// matches; Error{kIo}.
std::vector<std::filesystem::path> export_for_otava(const History& history, const std::filesystem::path& folder,
                                                    std::string_view series_filter);

/// A CSV made elsewhere: a header row, one row a night and series. Columns: `time` (parse_utc); optional `run_id` and `commit`; columns of
/// a series' key (`model`, `prompt_id`, `device_effective`, ...), where `model` must be in the file or in `facts`; metrics by their name
/// ("ttft_ms") or column
/// ("ttft_ms_median"); `rename` maps a column of the file to one of these ("tps" to "decode_tok_per_s"). Empty fields are not measured.
/// Error{kFormat} with the line or column: a column that is none of these, no time column, no metric, a time that is none, a number that is
/// none (NaN too), two rows of one series and time.
std::vector<NightInput> read_history_csv(const std::filesystem::path& path, const std::vector<std::pair<std::string, std::string>>& facts,
                                         const std::vector<std::pair<std::string, std::string>>& rename);

}  // namespace qbench::history
