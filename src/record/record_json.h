#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "record/study_records.h"

namespace qbench::record {

/// A line of samples.jsonl: `kind` is "load", "sample", "cell", "task", "quality", "breakdown" or "ablation".
using Line = std::variant<LoadRecord, SampleRecord, CellRecord, TaskRecord, QualityRecord, BreakdownRecord, AblationRecord>;

/// One line of JSON without the newline, with `kind` and `schema_version`. 64-bit integers are JSON integers (readers must not go through
/// double); undefined values are null; text that is not UTF-8 has its bad bytes replaced by U+FFFD.
std::string to_json_line(const LoadRecord& record);
std::string to_json_line(const SampleRecord& record);
std::string to_json_line(const CellRecord& record);
std::string to_json_line(const TaskRecord& record);
std::string to_json_line(const QualityRecord& record);
std::string to_json_line(const BreakdownRecord& record);
std::string to_json_line(const AblationRecord& record);

/// Inverse. `where` names the file and line in errors. Error{kFormat}: not JSON, another schema_version, an unknown kind, a field of the
/// wrong type, telemetry columns of different lengths. Unknown fields are ignored.
Line parse_json_line(std::string_view text, std::string_view where);

/// run.json, indented.
std::string to_json(const RunRecord& record);
RunRecord parse_run_json(std::string_view text, std::string_view where);
/// Written atomically; Error{kIo}.
void write_run_json(const std::filesystem::path& path, const RunRecord& record);
RunRecord read_run_json(const std::filesystem::path& path);

}  // namespace qbench::record
