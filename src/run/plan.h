#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/memory_plan.h"
#include "catalog/resolve.h"
#include "record/records.h"
#include "run/device_factory.h"
#include "run/run_options.h"
#include "workload/cells.h"
#include "workload/profile.h"
#include "workload/suite.h"

namespace qbench::run {

/// One cell of one model. In the text pass a prompt of several turns is one cell here and one row for each turn.
struct PlannedCell {
  record::CellKey key;  ///< of turn 1
  workload::Cell cell;
  std::int64_t turns = 1;          ///< requests: the speed pass runs the first turn, the text pass all
  std::int64_t prompt_tokens = 0;  ///< of all its turns
  std::int64_t repair_tokens = 0;  ///< with --max-iterations: that the error and the next answer add
  bool counted = false;            ///< with the model's tokenizer; else declared by the suite
  std::optional<workload::Prompt> staged;  ///< the text pass's prompt as a pipeline of stages, in place of the suite's
  /// Tokens of the longest answers to all its turns.
  std::int64_t answer_tokens() const;
  /// Positions that prompts and longest answers take.
  std::int64_t positions() const { return prompt_tokens + answer_tokens() + repair_tokens; }
};

/// One model of the run.
struct ModelPlan {
  std::string label;
  std::optional<catalog::ModelRef> ref;    ///< absent when it was not found
  std::optional<record::Failure> failure;  ///< why it will not be run: not found, broken, does not fit
  record::ModelFacts facts;                ///< what is known before loading
  workload::EffectiveSettings engine;      ///< precision, kv_type, batch, mmap, mlock: the same for all its cells
  std::int64_t context = 0;                ///< positions per sequence of the session
  std::optional<catalog::MemoryPlan> memory;
  std::vector<std::string> notes;  ///< what the person should know, one line each
  std::vector<PlannedCell> cells;
};

struct RunPlan {
  RunOptions options;
  workload::Suite suite;  ///< only the prompts that were chosen
  std::optional<workload::Profile> profile;
  std::string device;  ///< "cpu": what will run, or what was asked for where it is not there
  std::vector<ModelPlan> models;
  std::string sandbox_level;  ///< of what holds the answers that --score judges and rates; empty without --score
};

/// Reads suite, profile and every model's headers. Whatever is wrong with one model becomes its `failure`; Error{kUsage} or {kConfig} when
/// nothing could start: options, suite, profile, catalogue.
RunPlan make_plan(const RunOptions& options, const DeviceFactory& devices);

/// What the cell asks.
const workload::Prompt& prompt_of(const PlannedCell& planned, const workload::Suite& suite);

/// Keys of all rows of a planned cell, turn by turn.
std::vector<record::CellKey> row_keys(const PlannedCell& planned);

record::Pass record_pass(workload::Pass pass) noexcept;

}  // namespace qbench::run
