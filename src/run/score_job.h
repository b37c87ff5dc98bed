#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "record/sample_file.h"
#include "run/job.h"
#include "run/plan.h"
#include "run/run_options.h"

namespace qbench::run {

/// Progress of a request of the scoring pass: it belongs to no cell of the job.
inline constexpr std::size_t kScoringCell = 1'000'000'000;

/// What was written in answer to one prompt of the text pass, and what it took.
struct WrittenAnswer {
  std::vector<Answer> turns;       ///< all of them; the last one is judged
  std::int64_t prompt_tokens = 0;  ///< of the last turn's request
  std::int64_t answer_tokens = 0;  ///< of all turns' requests, as the two below: stages cost what they all take
  double generation_s = 0;
  std::optional<std::int64_t> thinking_tokens = {};  ///< of answer_tokens
  std::optional<std::string> thinking_end = {};      ///< of the last turn (record::SequenceRecord)
};
/// From the answers to all turns and what each cost.
WrittenAnswer written_answer(std::vector<Answer> turns);

/// A cell of the text pass whose answers are scored.
struct ScoreCell {
  JobCell cell;                              ///< key of the last turn
  std::optional<workload::Prompt> unstaged;  ///< of a staged prompt: what it was before
  std::optional<std::size_t> written_by;     ///< index into Job::cells: the answer comes from there
  std::optional<WrittenAnswer> written;      ///< by an earlier process
  std::vector<record::TaskRecord> attempts;  ///< the last judged one of each answer that has some
  std::vector<std::string> sources;          ///< of the quality records that are there
  /// The prompt as it would be asked without stages.
  const workload::Prompt& plain_prompt() const { return unstaged ? *unstaged : cell.prompt; }
  const record::TaskRecord* attempt_of(std::int64_t sample) const;
};

/// What is left of the scoring pass of one model.
struct ScoreJob {
  ScoreOptions options;
  std::vector<ScoreCell> cells;
};

/// Whether the answer needs no further attempt: it passed, or has had all its iterations.
bool is_settled(const record::TaskRecord& last, const ScoreOptions& options);

/// What `content` lacks. `cells`: what the worker will run before it scores; a cell of the text pass that has no answer, there or in
/// `content`, is left out. `sources`: quality records that each cell should have.
ScoreJob remaining_scores(const ModelPlan& model, const workload::Suite& suite, const ScoreOptions& options,
                          const record::SampleFileContent& content, const std::vector<JobCell>& cells,
                          std::span<const std::string_view> sources);
/// Answers to tasks in it that have no verdict yet.
std::int64_t count_unjudged(const ScoreJob& job);

nlohmann::ordered_json to_json(const ScoreJob& job);
/// Inverse; nlohmann's exceptions and Error{kFormat}.
ScoreJob score_job_from_json(const nlohmann::json& object);

}  // namespace qbench::run
