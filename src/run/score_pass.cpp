#include "run/score_pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/units.h"
#include "engine/thought.h"
#include "run/guard.h"
#include "run/output_text.h"
#include "run/repair_prompt.h"

namespace qbench::run {
namespace {

/// Repairs draw from another stream than further samples do.
constexpr std::int64_t kRepairSeeds = 1'000'003;

std::int64_t seed_of(const ScoreCell& cell, std::int64_t sample, std::int64_t iteration) {
  return cell.cell.settings.seed + sample + (iteration - 1) * kRepairSeeds;
}

void take_cost(const WrittenAnswer& written, record::TaskRecord& record) {
  record.prompt_tokens = written.prompt_tokens;
  record.answer_tokens = written.answer_tokens;
  record.thinking_tokens = written.thinking_tokens;
  record.generation_s = written.generation_s;
}

bool has_source(const ScoreCell& cell, std::string_view source) {
  return std::find(cell.sources.begin(), cell.sources.end(), source) != cell.sources.end();
}

}  // namespace

std::string ScorePass::Attempt::judged_text() const { return text_to_judge(turns.back().texts.front(), turns.back().cost.thinking_end); }

const WrittenAnswer* ScorePass::written_of(const ScoreCell& cell) const {
  return cell.written ? &*cell.written : cell.written_by ? context_.written_by(*cell.written_by) : nullptr;
}

void ScorePass::plan_answer(const ScoreCell& cell, std::int64_t sample, const WrittenAnswer& written) {
  const record::TaskRecord* last = cell.attempt_of(sample);
  if (last != nullptr && is_settled(*last, job_->options)) return;
  // Of a further answer only the last turn's text is kept: with turns or stages before it, it is written again (the same seed), since a
  // repair has to follow its own ones, not the text pass's.
  const bool goes_on = last != nullptr && (sample == 0 || written.turns.size() == 1);
  Attempt attempt;
  attempt.cell = &cell;
  attempt.sample = sample;
  if (goes_on) {  // where an interrupted run stopped
    attempt.iteration = last->iteration + 1;
    attempt.failed_as = last->status;
    attempt.failed_detail = last->detail;
    attempt.turns = written.turns;
    if (last->answer) attempt.turns.back() = {{*last->answer}, {{}}};
  } else if (sample == 0) {
    attempt.turns = written.turns;
    take_cost(written, attempt.record);
  }
  queue_.push_back(std::move(attempt));
}

void ScorePass::plan_attempts() {
  for (const ScoreCell& cell : job_->cells) {
    const WrittenAnswer* written = written_of(cell);
    if (written == nullptr || written->turns.empty() || !cell.cell.prompt.task) continue;
    for (std::int64_t sample = 0; sample < job_->options.n_samples; ++sample) plan_answer(cell, sample, *written);
  }
}

/// Further samples: every turn anew. A repair: one more turn.
ScoreReply ScorePass::ask_all_turns(Attempt& attempt) {
  const ScoreCell& cell = *attempt.cell;
  ScoreRequest request{&cell.cell, cell.cell.prompt, 1, {}, seed_of(cell, attempt.sample, attempt.iteration)};
  if (attempt.iteration > 1) {
    RepairConversation repair = repair_conversation(cell.cell.prompt, attempt.turns, attempt.failed_as, attempt.failed_detail);
    request.prompt = std::move(repair.prompt);
    request.answers = std::move(repair.answers);
    request.turn = repair.turn;
    ScoreReply reply = context_.ask(request);
    if (reply.failure || reply.cancelled) return reply;
    take_cost(written_answer({reply.answer}), attempt.record);
    attempt.turns.back() = reply.answer;
    return reply;
  }
  const auto turns = static_cast<std::int64_t>(request.prompt.turns.size());
  for (;; ++request.turn) {
    ScoreReply reply = context_.ask(request);
    if (reply.failure || reply.cancelled) return reply;
    request.answers.push_back(reply.answer);
    if (request.turn < turns) continue;
    attempt.turns = std::move(request.answers);
    take_cost(written_answer(attempt.turns), attempt.record);
    return reply;
  }
}

/// False when it was cancelled. An attempt that could not be written is settled here.
bool ScorePass::write(Attempt& attempt) {
  record::TaskRecord& record = attempt.record;
  record.cell = attempt.cell->cell.key;
  record.task_id = attempt.cell->cell.prompt.task->id;
  record.sample = attempt.sample;
  record.iteration = attempt.iteration;
  record.sandbox_level = context_.sandbox_level;
  if (context_.cancel->load()) return false;
  const bool is_there = attempt.iteration == 1 && !attempt.turns.empty();
  if (!is_there) {
    const ScoreReply reply = ask_all_turns(attempt);
    if (reply.cancelled) return false;
    if (reply.failure) {
      attempt.verdict = quality::Verdict{};
      attempt.verdict->detail = "no answer: " + reply.failure->message;
      return true;
    }
    record.answer = attempt.turns.back().texts.front();
  }
  record.answer_digest = sha256_hex(attempt.turns.back().texts.front());
  return true;
}

bool ScorePass::write_group(std::vector<Attempt>& group) {
  while (!queue_.empty() && group.size() < context_.jobs) {
    Attempt attempt = std::move(queue_.front());
    queue_.pop_front();
    if (!write(attempt)) return false;
    group.push_back(std::move(attempt));
  }
  return true;
}

void ScorePass::judge_group(std::vector<Attempt>& group) {
  std::vector<std::thread> threads;
  for (Attempt& attempt : group) {
    if (attempt.verdict) continue;
    threads.emplace_back([this, &attempt] {
      const std::int64_t start_ns = now_ns();
      const auto failure = run_guarded([&] {
        JudgedCode judged = context_.judge(*attempt.cell->cell.prompt.task, attempt.judged_text());
        attempt.verdict = std::move(judged.verdict);
        const bool cut_off = attempt.turns.back().cost.thinking_end == name_of(engine::ThoughtEnd::kOpen);
        if (cut_off && attempt.verdict->status != record::TaskStatus::kPass) attempt.verdict->detail += "; its thought never ended";
        if (!judged.rule.empty()) attempt.record.rule = std::move(judged.rule);
      });
      if (failure) {
        attempt.verdict = quality::Verdict{};
        attempt.verdict->detail = failure->message;
      }
      attempt.record.judge_s = s_from_ns(static_cast<double>(now_ns() - start_ns));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// Sends the attempt, and plans its repair where there is to be one.
void ScorePass::settle(Attempt& attempt) {
  record::TaskRecord& record = attempt.record;
  const quality::Verdict& verdict = *attempt.verdict;
  record.status = verdict.status;
  record.detail = verdict.detail;
  if (record.judge_s) {
    record.seconds = verdict.seconds;
    record.judge = verdict.judged_inside ? "inside" : "outside";
    if (!verdict.behaviour.empty()) record.behaviour = verdict.behaviour;
    record.cases_passed = verdict.cases_passed;
    record.cases_total = verdict.cases_total;
  }
  const bool repair_failed = attempt.iteration > 1 && !record.judge_s;
  if (repair_failed)  // the attempt before it stands: the conversation has no room for more, or the like
    log_warning(fmt::format("{}, answer {}: no repair {}: {}", record.task_id, attempt.sample, attempt.iteration, verdict.detail));
  else
    context_.send_task(record);
  if (attempt.sample == 0 && attempt.iteration == 1) score(*attempt.cell, record.judge_s ? &verdict : nullptr);
  if (repair_failed || is_settled(record, job_->options)) return;
  Attempt next;
  next.cell = attempt.cell;
  next.sample = attempt.sample;
  next.iteration = attempt.iteration + 1;
  next.turns = std::move(attempt.turns);
  next.failed_as = record.status;
  next.failed_detail = record.detail;
  queue_.push_front(std::move(next));
}

void ScorePass::score(const ScoreCell& cell, const quality::Verdict* verdict) {
  const WrittenAnswer* written = written_of(cell);
  if (written == nullptr || written->turns.empty()) return;
  for (AnswerScorer* scorer : context_.scorers) {
    if (has_source(cell, scorer->name()) || context_.cancel->load()) continue;
    record::QualityRecord quality;
    const auto failure = run_guarded([&] { quality = scorer->score({&cell, written, verdict}); });
    if (context_.cancel->load()) return;  // it may have been cut short
    quality.cell = cell.cell.key;
    quality.source = scorer->name();
    if (failure) {
      quality.status = record::Status::kFailed;
      quality.failure = *failure;
    }
    context_.send_quality(quality);
  }
}

bool ScorePass::run() {
  plan_attempts();
  std::vector<const ScoreCell*> judged;
  for (const Attempt& attempt : queue_)
    if (attempt.sample == 0 && attempt.iteration == 1) judged.push_back(attempt.cell);
  while (!queue_.empty()) {
    std::vector<Attempt> group;
    const bool going = write_group(group);
    judge_group(group);  // also when cancelled: what was written is judged
    for (Attempt& attempt : group) settle(attempt);
    if (!going || context_.cancel->load()) return false;
  }
  for (const ScoreCell& cell : job_->cells) {  // prompts without a task, and those that were judged before
    if (std::find(judged.begin(), judged.end(), &cell) == judged.end()) score(cell, nullptr);
    if (context_.cancel->load()) return false;
  }
  return true;
}

}  // namespace qbench::run
