#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quality/judge/judge.h"
#include "record/records.h"
#include "run/score_job.h"

namespace qbench::run {

/// What the scoring pass asks of the model: one request of the text pass, with another seed or the repair as a further turn.
struct ScoreRequest {
  const JobCell* cell = nullptr;
  workload::Prompt prompt;
  std::int64_t turn = 1;
  std::vector<Answer> answers;  ///< (turn - 1)
  std::int64_t seed = 0;
};

/// What came back. A failure is the machine's or the context's, never the answer's.
struct ScoreReply {
  Answer answer;
  std::optional<record::Failure> failure;
  bool cancelled = false;
};

/// A verdict, and how the code was found in the answer (quality::ExtractedCode::rule).
struct JudgedCode {
  quality::Verdict verdict;
  std::string rule;
};

/// An answer that is scored beside being judged.
struct ScoredAnswer {
  const ScoreCell* cell = nullptr;
  const WrittenAnswer* written = nullptr;     ///< sample 0, first attempt
  const quality::Verdict* verdict = nullptr;  ///< nullptr without a task, or when nothing could be judged
};

/// Something that is found out about each prompt's first answer: rating, relevance, ... Its record's source is its name.
class AnswerScorer {
 public:
  virtual ~AnswerScorer() = default;
  virtual std::string_view name() const = 0;
  /// Values and reasons; key, sample, source and status are the caller's. Errors become a record that failed.
  virtual record::QualityRecord score(const ScoredAnswer& answer) = 0;
};

/// The scoring pass of one model, after all its timed cells: answers, judges, repairs, scores. Judging never runs beside a request.
class ScorePass {
 public:
  struct Context {
    std::function<ScoreReply(const ScoreRequest&)> ask;
    /// From `jobs` threads at once.
    std::function<JudgedCode(const workload::Task&, const std::string& answer)> judge;
    std::function<const WrittenAnswer*(std::size_t cell)> written_by;  ///< of a cell of this process; nullptr: it has none
    std::function<void(const record::TaskRecord&)> send_task;
    std::function<void(const record::QualityRecord&)> send_quality;
    std::vector<AnswerScorer*> scorers;
    std::string sandbox_level;
    std::size_t jobs = 1;
    const std::atomic<bool>* cancel = nullptr;
  };
  ScorePass(Context context, const ScoreJob& job) : context_(std::move(context)), job_(&job) {}

  /// False when it was cancelled; what was judged has been sent.
  bool run();

 private:
  /// One answer on its way.
  struct Attempt {
    const ScoreCell* cell = nullptr;
    std::int64_t sample = 0, iteration = 1;
    std::vector<Answer> turns;  ///< answers to all turns; the last one is judged. Empty: is to be asked for
    /// Of the attempt before, for a repair.
    record::TaskStatus failed_as = record::TaskStatus::kPass;
    std::string failed_detail;
    /// The latest answer (text_to_judge).
    std::string judged_text() const;
    record::TaskRecord record;
    std::optional<quality::Verdict> verdict;
  };
  void plan_attempts();
  void plan_answer(const ScoreCell& cell, std::int64_t sample, const WrittenAnswer& written);
  bool write_group(std::vector<Attempt>& group);
  bool write(Attempt& attempt);
  ScoreReply ask_all_turns(Attempt& attempt);
  void judge_group(std::vector<Attempt>& group);
  void settle(Attempt& attempt);
  void score(const ScoreCell& cell, const quality::Verdict* verdict);
  const WrittenAnswer* written_of(const ScoreCell& cell) const;

  Context context_;
  const ScoreJob* job_;
  std::deque<Attempt> queue_;
};

}  // namespace qbench::run
