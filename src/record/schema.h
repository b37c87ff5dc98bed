#pragma once

namespace qbench::record {

/// Version of run.json, samples.jsonl and summary.csv together. Readers refuse
/// what is newer or older than they know with Error{kFormat} that names both versions; a
/// change of the schema raises it and keeps a reader for the one before.
inline constexpr int kSchemaVersion = 4;
/// The oldest version that is still read: 1 lacks the policy of the KV cache and the memory by purpose, which are then not known; 1 and 2 lack
/// sessions (they have one), the state of the machine in each row, the roofline and the results of tasks; 1 to 3 lack how a task was judged and
/// what else was found out about answers.
inline constexpr int kOldestSchemaVersion = 1;

}  // namespace qbench::record
