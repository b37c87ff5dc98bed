#pragma once

namespace qbench::record {

/// Version of run.json, samples.jsonl and summary.csv together. Readers refuse any other with Error{kFormat} that names both versions; a
/// change of the schema raises it and keeps a reader for the one before.
inline constexpr int kSchemaVersion = 1;

}  // namespace qbench::record
