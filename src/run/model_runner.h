#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "run/display.h"
#include "run/job.h"
#include "run/plan.h"
#include "run/process.h"
#include "run/run_log.h"
#include "run/score_job.h"

namespace qbench::run {

/// Runs one model's cells in worker processes. A worker that dies costs the cell that it was at; the cells after it get a new worker,
/// unless the model did not load, its time is up, or two workers in a row died without finishing a cell.
class ModelRunner {
 public:
  struct Context {
    RunLog* log;
    Display* display;
    std::function<void(std::string_view)> show_text;  ///< streamed text; may be empty
    const RunOptions* options;
    std::int64_t session = 0;
    const RunPlan* plan = nullptr;
    bool score = false;  ///< the scoring pass follows the cells of this session
  };
  ModelRunner(const Context& context, const ModelPlan& model) : context_(context), model_(&model) {}

  /// Records rows for all cells, also failed ones. False when a signal interrupted the run; what was measured is recorded then too.
  bool run(std::vector<JobCell> cells);
  /// Failed rows for cells that are not run.
  void fail_cells(const std::vector<JobCell>& cells, const record::Failure& failure);

 private:
  struct Outcome {
    bool done = false, interrupted = false, load_failed = false, timed_out = false;
    std::size_t finished = 0;            ///< cells whose rows are complete
    std::optional<std::size_t> current;  ///< cell that the worker was at when it ended
    std::optional<record::CellKey> studied;  ///< cell with a row whose studies were not all there
    bool owes_breakdown = false, owes_ablation = false;
  };
  bool time_is_up() const;
  Outcome run_worker_process(const std::vector<JobCell>& cells);
  void handle(const std::vector<JobCell>& cells, std::string_view line, Outcome& outcome);
  void on_sample(const std::vector<JobCell>& cells, record::SampleRecord sample, const Outcome& outcome);
  record::CellRecord complete(record::CellRecord row) const;
  void on_row(record::CellRecord row, const std::vector<JobCell>& cells, Outcome& outcome);
  void end_rows(const JobCell& cell, const record::Failure& failure);
  void end_studies(const Outcome& outcome, const record::Failure& failure);
  /// What is left of the scoring pass when the worker has run `cells`; nullptr: nothing.
  std::shared_ptr<const ScoreJob> score_job(const std::vector<JobCell>& cells) const;
  void on_task(const record::TaskRecord& task);
  /// Puts what was found out into the rows of the text pass.
  void settle_scores();
  /// A worker died in the scoring pass: what it owed is the harness's fault.
  void end_scores(const record::Failure& failure);
  void say_failures(const record::CellKey& key, const std::vector<record::StudyFailure>& failures) const;
  record::CellRecord bare_row(const record::CellKey& key) const;

  Context context_;
  const ModelPlan* model_;
  std::optional<record::LoadRecord> load_;  // of the worker that runs
  std::optional<ModelReady> ready_;
  std::optional<record::Failure> death_;  // of the worker that ended
  std::int64_t cell_tokens_ = 0;  ///< that the cell's requests have brought
  std::int64_t start_ns_ = 0;             // of the model's first worker
};

}  // namespace qbench::run
