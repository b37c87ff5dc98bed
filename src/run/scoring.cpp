#include "run/scoring.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "base/error.h"
#include "quality/judge/extract.h"
#include "quality/judge/judge.h"
#include "quality/prompt/attribution.h"
#include "quality/prompt/prompt_places.h"
#include "quality/prompt/relevance.h"
#include "quality/rating/rating_record.h"
#include "run/guard.h"
#include "run/interrupt.h"
#include "run/output_text.h"
#include "run/prompt_source.h"
#include "run/score_pass.h"
#include "sandbox/sandbox.h"

namespace qbench::run {
namespace {

constexpr std::string_view kRelevance = "relevance";
constexpr std::string_view kAttribution = "attribution";
constexpr std::size_t kAttributedTokens = 128;  // of the answer: each takes dozens of passes
constexpr std::int64_t kMostJobs = 8;

/// What the answer is measured against: what was sent for it, but of a staged prompt what would have been sent without stages, since only
/// that can be compared with other prompts and taken apart.
PreparedPrompt sent_prompt(const PromptSource& prompts, const ScoredAnswer& answer) {
  const workload::Prompt& prompt = answer.cell->plain_prompt();
  const std::vector<Answer>& turns = answer.written->turns;
  Conversation conversation{&prompt, 1, {}};
  if (!answer.cell->unstaged) conversation = {&prompt, static_cast<std::int64_t>(turns.size()), {turns.begin(), turns.end() - 1}};
  workload::EffectiveSettings settings = answer.cell->cell.settings;
  settings.batch = 1;
  return prompts.prepare(conversation, settings);
}

/// Response relevance (quality/prompt/relevance.h) of the last turn's answer.
class RelevanceAnswerScorer final : public AnswerScorer {
 public:
  RelevanceAnswerScorer(OpenedModel& opened, engine::Session& session, const ScoreJob& job) : session_(&session), prompts_(opened) {
    std::vector<workload::Prompt> pool;
    for (const ScoreCell& cell : job.cells) pool.push_back(cell.plain_prompt());
    for (workload::Prompt& prompt : quality::shipped_prompts()) pool.push_back(std::move(prompt));
    scorer_.emplace(*opened.tokenizer, opened.prompt_style, opened.text_side, std::move(pool));
  }
  std::string_view name() const override { return kRelevance; }

  record::QualityRecord score(const ScoredAnswer& answer) override {
    const PreparedPrompt sent = sent_prompt(prompts_, answer);
    const auto found = scorer_->score(*session_, answer.cell->plain_prompt(), answer.cell->cell.settings.enable_thinking, sent.ids.front(),
                                      answer.written->turns.back().ids.front());
    record::QualityRecord record;
    record::QualityValue value{"response_relevance", std::nullopt, "no other prompt fits beside the answer, or there is no answer"};
    if (found) {
      value.value = found->score;
      value.evidence =
          fmt::format("rank {} of {} prompts by the answer's first {} tokens; log p {:.1f}, of the best other ({}) {:.1f}", found->rank,
                      found->prompts, found->answer_tokens, found->log_p, found->best_other, found->best_other_log_p);
    }
    record.values.push_back(std::move(value));
    return record;
  }

 private:
  engine::Session* session_;
  PromptSource prompts_;
  std::optional<quality::RelevanceScorer> scorer_;
};

/// Context efficiency (quality/prompt/attribution.h) of the last turn's text for the beginning of its answer.
class AttributionAnswerScorer final : public AnswerScorer {
 public:
  AttributionAnswerScorer(OpenedModel& opened, engine::Session& session) : opened_(&opened), session_(&session), prompts_(opened) {}
  std::string_view name() const override { return kAttribution; }

  record::QualityRecord score(const ScoredAnswer& answer) override {
    const PreparedPrompt sent = sent_prompt(prompts_, answer);
    record::QualityRecord record;
    record::QualityValue value{std::string(record::info_of(record::MetricId::kContextEfficiencyRatio).name), std::nullopt, "there is no answer"};
    std::vector<std::int32_t> ids = answer.written->turns.back().ids.front();
    ids.resize(std::min(ids.size(), kAttributedTokens));
    auto placed = quality::place_parts(*opened_->tokenizer, sent.text, sent.ids.front(), answer.cell->plain_prompt().turns.back().text);
    if (!placed) value.evidence = "the chat template does not send the prompt's text as it stands";
    if (placed && !ids.empty()) {
      placed->input.answer_ids = std::move(ids);
      const quality::Attribution found = quality::attribute(*session_, placed->input, {}, [](std::int64_t) {
        if (InterruptGuard::requested().load()) throw Error(ErrorCode::kInterrupted, "interrupted");
      });
      value.value = found.context_efficiency_ratio();
      value.evidence = fmt::format("{} of {} tokens are in parts that the answer's first {} tokens need; {} passes, {} tokens", found.relevant_tokens, found.total_tokens,
                                   found.answer_tokens, found.cost.passes, found.cost.tokens_fed);
    }
    record.values.push_back(std::move(value));
    return record;
  }

 private:
  OpenedModel* opened_;
  engine::Session* session_;
  PromptSource prompts_;
};

/// KPIs, stars, strengths and limitations (quality/rating/rating.h).
class RatingAnswerScorer final : public AnswerScorer {
 public:
  explicit RatingAnswerScorer(const sandbox::Sandbox& sandbox) : rater_(sandbox) {}
  std::string_view name() const override { return quality::kRatingSource; }

  record::QualityRecord score(const ScoredAnswer& answer) override {
    const std::string text = text_to_judge(answer.written->turns.back().texts.front(), answer.written->thinking_end);
    return quality::rating_record(quality::rate_prompt_answer(rater_, answer.cell->cell.prompt, text, answer.verdict));
  }

 private:
  quality::Rater rater_;
};

std::vector<std::unique_ptr<AnswerScorer>> make_scorers(const ScoreJob& job, OpenedModel& opened, engine::Session& session,
                                                        const sandbox::Sandbox* sandbox) {
  std::vector<std::unique_ptr<AnswerScorer>> scorers;
  if (sandbox != nullptr) scorers.push_back(std::make_unique<RatingAnswerScorer>(*sandbox));
  if (job.options.relevance && opened.tokenizer) scorers.push_back(std::make_unique<RelevanceAnswerScorer>(opened, session, job));
  if (job.options.attribution && opened.tokenizer) scorers.push_back(std::make_unique<AttributionAnswerScorer>(opened, session));
  return scorers;
}

std::size_t jobs_of(const ScoreOptions& options) {
  if (options.jobs > 0) return static_cast<std::size_t>(options.jobs);
  return static_cast<std::size_t>(std::clamp<std::int64_t>(std::thread::hardware_concurrency(), 1, kMostJobs));
}

}  // namespace

std::vector<std::string_view> scoring_sources(const ScoreOptions& options) {
  std::vector<std::string_view> sources{quality::kRatingSource};
  if (options.relevance) sources.push_back(kRelevance);
  if (options.attribution) sources.push_back(kAttribution);
  return sources;
}

void run_scoring(const ScoreJob& job, OpenedModel& opened, engine::Session& session, CellRunner& runner, MessageWriter& writer) {
  std::unique_ptr<sandbox::Sandbox> sandbox;
  std::unique_ptr<quality::Judge> judge;
  const auto no_sandbox = run_guarded([&] {
    sandbox = sandbox::Sandbox::open(sandbox_options(job.options));
    judge = std::make_unique<quality::Judge>(*sandbox, quality::JudgeOptions{});
  });
  const std::vector<std::unique_ptr<AnswerScorer>> scorers = make_scorers(job, opened, session, sandbox.get());
  ScorePass::Context context;
  context.ask = [&](const ScoreRequest& request) { return runner.ask(request); };
  context.judge = [&](const workload::Task& task, const std::string& answer) -> JudgedCode {
    if (judge) return {quality::judge_task(*judge, *sandbox, task, answer), quality::extract_code(answer, task).rule};
    JudgedCode failed;
    failed.verdict.detail = no_sandbox->message;
    return failed;
  };
  context.written_by = [&](std::size_t cell) { return runner.written(cell); };
  context.send_task = [&](const record::TaskRecord& task) { writer.send(task); };
  context.send_quality = [&](const record::QualityRecord& quality) { writer.send(quality); };
  for (const auto& scorer : scorers) context.scorers.push_back(scorer.get());
  context.sandbox_level = sandbox ? std::string(sandbox::name_of(sandbox->level())) : std::string();
  context.jobs = jobs_of(job.options);
  context.cancel = &InterruptGuard::requested();
  ScorePass(std::move(context), job).run();
}

}  // namespace qbench::run
