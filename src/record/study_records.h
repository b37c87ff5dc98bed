#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "record/records.h"

/// Where a cell's time goes (--breakdown) and what each optimisation is worth (--ablate). Passes of their own, beside the timed repetitions.
namespace qbench::record {

/// All calls of one step in the instrumented passes of a phase.
struct StepRecord {
  std::string step;                     ///< "attention", "norm+qkv+rope+append", ...
  std::int64_t calls = 0;
  std::optional<std::int64_t> time_ns;  ///< nothing on an emulated device
  std::int64_t bytes = 0;               ///< that the step must read and write once
  std::int64_t flops = 0;
  std::int64_t launches = 0;            ///< kernels, or parallel regions of the CPU
};

/// One phase, fused as it is measured or taken apart.
struct BreakdownPhase {
  std::string phase;  ///< "prefill", "decode"
  bool fused = true;
  std::string paths;                 ///< what the instrumented passes ran, in the words of CellSettings
  std::int64_t passes = 0;           ///< instrumented ones, and as many plain ones between them
  std::int64_t tokens = 0;           ///< of one pass: fed or generated, all sequences
  std::vector<std::int64_t> plain_ns;  ///< the phase without instrumentation, each pass; empty on an emulated device
  std::vector<std::int64_t> timed_ns;  ///< with it
  std::vector<StepRecord> steps;     ///< sums over the instrumented passes, in the order of their first call

  /// Sum of timed_ns, and what of it no step accounts for: rows and rest add up to the total.
  std::optional<std::int64_t> total_ns() const;
  std::optional<std::int64_t> rest_ns() const;
  /// Median of timed_ns over median of plain_ns, less 1.
  std::optional<double> overhead_ratio() const;
};

/// Best rates that were measured on the machine in the same process.
struct MachineLimitRecord {
  std::optional<double> read_gbps, copy_gbps, matmul_tflops;
  std::optional<std::string> matmul_by = {};  ///< whose product that was: "cuBLASLt 13.0.2", "own kernel", "q8_0"
};

struct BreakdownRecord {
  CellKey cell;
  Status status = Status::kOk;
  Failure failure;
  std::string started_utc;
  MachineLimitRecord limits;
  std::vector<BreakdownPhase> phases;
};

/// One phase with one path left out, or with none (`off` empty): the baseline that is measured between the others. What failed is one row
/// without a phase.
struct AblationRow {
  std::string off;
  std::string paths;
  std::string phase;
  std::int64_t tokens = 0;           ///< of one repetition
  std::vector<std::int64_t> time_ns;  ///< each repetition, in the order in which all rows were repeated together; empty on an emulated device
  Status status = Status::kOk;
  Failure failure;
};

struct AblationRecord {
  CellKey cell;
  std::string started_utc;
  std::vector<AblationRow> rows;
};

/// What was asked for and could not be measured: "--breakdown", "--ablate", "--ablate graph", and why.
struct StudyFailure {
  std::string what;
  Failure failure;
};
std::vector<StudyFailure> study_failures(const BreakdownRecord& record);
std::vector<StudyFailure> study_failures(const AblationRecord& record);
/// A study that could not be measured at all.
BreakdownRecord failed_breakdown(const CellKey& cell, std::string started_utc, const Failure& failure);
AblationRecord failed_ablation(const CellKey& cell, std::string started_utc, const Failure& failure);

}  // namespace qbench::record
