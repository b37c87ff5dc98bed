#include "run/score_pass.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "record/judged_answers.h"
#include "run/repair_prompt.h"
#include "workload/thinking.h"

using namespace qbench;
using record::TaskStatus;

namespace {

/// A model that answers with the request in words ("sample seed 1 turn 1"), and a judge that passes what a test says is right.
struct Fake {
  run::ScoreJob job;
  std::vector<run::ScoreRequest> asked;
  std::vector<std::string> judged;
  std::vector<record::TaskRecord> tasks;
  std::vector<record::QualityRecord> qualities;
  std::map<std::string, TaskStatus> verdicts;  ///< by answer; others are wrong
  std::vector<run::AnswerScorer*> scorers;
  std::size_t jobs = 2;
  bool thinks = false;
  std::optional<std::string> ask_fails_at;  ///< words in the last turn
  std::atomic<bool> cancel{false};
  std::optional<std::size_t> cancel_after;  ///< requests
  std::mutex mutex;

  run::ScoreReply ask(const run::ScoreRequest& request) {
    asked.push_back(request);
    run::ScoreReply reply;
    if (cancel_after && asked.size() > *cancel_after) {
      cancel = true;
      reply.cancelled = true;
      return reply;
    }
    if (ask_fails_at && request.prompt.turns.back().text.find(*ask_fails_at) != std::string::npos) {
      reply.failure = record::Failure{"context", "no room"};
      return reply;
    }
    const std::string text = "seed " + std::to_string(request.seed) + " turn " + std::to_string(request.turn);
    reply.answer = {{text}, {{1, 2, 3}}};
    reply.answer.cost = {10 * request.turn, 3, thinks ? std::optional<std::int64_t>(2) : std::nullopt, std::nullopt, 1};
    return reply;
  }
  quality::Verdict judge(const std::string& answer) {
    const std::lock_guard lock(mutex);
    judged.push_back(answer);
    if (answer == "throw") throw std::runtime_error("the judge broke");
    quality::Verdict verdict;
    const auto known = verdicts.find(answer);
    verdict.status = known == verdicts.end() ? TaskStatus::kWrong : known->second;
    verdict.detail = verdict.status == TaskStatus::kPass ? "" : "case 1: not " + answer;
    verdict.seconds = 0.25;
    return verdict;
  }
  bool run() {
    run::ScorePass::Context context;
    context.ask = [this](const run::ScoreRequest& request) { return ask(request); };
    context.judge = [this](const workload::Task&, const std::string& answer) { return run::JudgedCode{judge(answer), "bare code"}; };
    context.written_by = [](std::size_t) { return nullptr; };
    context.send_task = [this](const record::TaskRecord& task) { tasks.push_back(task); };
    context.send_quality = [this](const record::QualityRecord& quality) { qualities.push_back(quality); };
    context.scorers = scorers;
    context.sandbox_level = "bwrap";
    context.jobs = jobs;
    context.cancel = &cancel;
    return run::ScorePass(std::move(context), job).run();
  }
};

run::ScoreCell cell(const std::string& id, std::size_t turns = 1) {
  run::ScoreCell cell;
  cell.cell.key.model = "m";
  cell.cell.key.prompt_id = id;
  cell.cell.key.turn = static_cast<std::int64_t>(turns);
  cell.cell.prompt.id = id;
  cell.cell.prompt.turns.resize(turns);
  cell.cell.prompt.task.emplace();
  cell.cell.prompt.task->id = "task-" + id;
  cell.cell.prompt.task->paths = {"solution.py"};
  cell.cell.settings.seed = 7;
  std::vector<run::Answer> answers;
  for (std::size_t turn = 0; turn < turns; ++turn)
    answers.push_back({{"written " + id}, {{5, 6}}, {20, 2, std::nullopt, std::nullopt, 0.5}});
  cell.written = run::written_answer(std::move(answers));
  return cell;
}

class FixedScorer final : public run::AnswerScorer {
 public:
  explicit FixedScorer(bool breaks) : breaks_(breaks) {}
  std::string_view name() const override { return breaks_ ? "broken" : "fixed"; }
  record::QualityRecord score(const run::ScoredAnswer& answer) override {
    if (breaks_) throw std::runtime_error("no tool");
    record::QualityRecord record;
    record.values = {{"stars", answer.verdict != nullptr ? 5.0 : 1.0, answer.written->turns.back().texts.front()}};
    return record;
  }

 private:
  bool breaks_;
};

}  // namespace

TEST_CASE("the text pass's answer is judged first, and nothing is asked when it passes") {
  Fake fake;
  fake.job.cells = {cell("a")};
  fake.verdicts["written a"] = TaskStatus::kPass;
  CHECK(fake.run());
  CHECK(fake.asked.empty());
  REQUIRE(fake.tasks.size() == 1);
  const record::TaskRecord& task = fake.tasks[0];
  CHECK(task.status == TaskStatus::kPass);
  CHECK(task.task_id == "task-a");
  CHECK(task.sandbox_level == "bwrap");
  CHECK(task.judge == "outside");
  CHECK(task.rule == "bare code");
  CHECK(task.answer_tokens == 2);
  CHECK(task.generation_s == 0.5);
  CHECK(task.judge_s.has_value());
  CHECK_FALSE(task.answer.has_value());  // it stands in the sample
  CHECK(task.answer_digest->size() == 64);
}

TEST_CASE("further answers have seeds of their own and keep their text") {
  Fake fake;
  fake.job.cells = {cell("a", 2)};
  fake.job.options.n_samples = 3;
  CHECK(fake.run());
  REQUIRE(fake.asked.size() == 4);  // two turns each
  CHECK(fake.asked[0].seed == 8);
  CHECK(fake.asked[1].answers.size() == 1);
  CHECK(fake.asked[2].seed == 9);
  REQUIRE(fake.tasks.size() == 3);
  CHECK(fake.tasks[1].answer == "seed 8 turn 2");
  CHECK(fake.tasks[1].generation_s == 2.0);
  CHECK(fake.tasks[2].sample == 2);
}

TEST_CASE("an attempt costs what all its turns took, the text pass's and further ones alike; a repair costs its own request") {
  Fake fake;
  fake.thinks = true;
  fake.job.cells = {cell("a", 3)};
  for (run::Answer& turn : fake.job.cells[0].written->turns) turn.cost.thinking_tokens = 7;
  fake.job.cells[0].written = run::written_answer(fake.job.cells[0].written->turns);
  fake.job.options.n_samples = 2;
  fake.job.options.max_iterations = 2;
  CHECK(fake.run());
  const auto attempt = [&](std::int64_t sample, std::int64_t iteration) {
    for (const record::TaskRecord& task : fake.tasks)
      if (task.sample == sample && task.iteration == iteration) return task;
    FAIL("no such attempt");
    return record::TaskRecord();
  };
  CHECK(attempt(0, 1).answer_tokens == 6);
  CHECK(attempt(0, 1).thinking_tokens == 21);
  CHECK(attempt(0, 1).generation_s == 1.5);
  CHECK(attempt(0, 1).prompt_tokens == 20);
  CHECK(attempt(1, 1).answer_tokens == 9);
  CHECK(attempt(1, 1).thinking_tokens == 6);
  CHECK(attempt(1, 1).generation_s == 3.0);
  CHECK(attempt(1, 1).prompt_tokens == 30);
  CHECK(attempt(1, 2).answer_tokens == 3);
  CHECK(attempt(1, 2).generation_s == 1.0);
}

TEST_CASE("a draft in a thought that the prompt opened and nothing closed is not judged as the answer") {
  Fake fake;
  fake.job.cells = {cell("a"), cell("b")};
  fake.job.cells[0].written->turns.back().cost.thinking_end = "open";
  fake.job.cells[1].written->turns.back().cost.thinking_end = "model";
  CHECK(fake.run());
  CHECK(std::count(fake.judged.begin(), fake.judged.end(), "<think>\nwritten a") == 1);
  CHECK(std::count(fake.judged.begin(), fake.judged.end(), "written b") == 1);
  for (const record::TaskRecord& task : fake.tasks) CHECK(task.detail.ends_with("its thought never ended") == (task.task_id == "task-a"));
}

TEST_CASE("a repair of a staged prompt is written with the last stage's tokens and temperature, and sees all stages") {
  run::ScoreCell staged = cell("a", 3);
  staged.cell.prompt.turns[0].stage = workload::TurnStage{"look", 1, 1, 50, 0.8};
  staged.cell.prompt.turns[1].stage = workload::TurnStage{"try", 1, 1, 60, 0.7};
  staged.cell.prompt.turns[2].stage = workload::TurnStage{"say", 1, 1, 70, 0.5};
  const run::RepairConversation repair = run::repair_conversation(staged.cell.prompt, staged.written->turns, TaskStatus::kWrong, "case 1");
  REQUIRE(repair.prompt.turns.size() == 4);
  staged.cell.prompt = repair.prompt;
  staged.cell.pass = workload::Pass::kText;
  CHECK(run::most_tokens(staged.cell, 4) == 70);
  CHECK(repair.prompt.turns.back().stage->temperature == 0.5);
  for (std::int64_t earlier = 1; earlier <= 3; ++earlier) CHECK(workload::sees_turn(repair.prompt, 4, earlier));
}

TEST_CASE("the error goes back to the model until it passes or the iterations are used up") {
  Fake fake;
  fake.job.cells = {cell("a"), cell("b")};
  fake.job.options.max_iterations = 3;
  fake.verdicts["seed 1000010 turn 2"] = TaskStatus::kException;
  fake.verdicts["written b"] = TaskStatus::kPass;
  CHECK(fake.run());
  std::vector<record::TaskRecord> of_a;
  for (const auto& task : fake.tasks)
    if (task.task_id == "task-a") of_a.push_back(task);
  REQUIRE(of_a.size() == 3);
  CHECK(of_a[0].iteration == 1);
  CHECK(of_a[1].iteration == 2);
  CHECK(of_a[1].status == TaskStatus::kException);
  CHECK(of_a[2].iteration == 3);
  REQUIRE(fake.asked.size() == 2);
  CHECK(fake.asked[0].turn == 2);
  CHECK(fake.asked[0].answers.at(0).texts.at(0) == "written a");
  CHECK(fake.asked[0].prompt.turns.back().text.find("case 1: not written a") != std::string::npos);
  // The next repair follows the latest attempt, not all of them.
  CHECK(fake.asked[1].turn == 2);
  CHECK(fake.asked[1].answers.at(0).texts.at(0) == "seed 1000010 turn 2");
  CHECK(fake.asked[1].prompt.turns.back().text.find("an error was raised") != std::string::npos);
}

TEST_CASE("a harness error is not given back to the model, and a judge that breaks is one") {
  Fake fake;
  fake.job.cells = {cell("a"), cell("b")};
  fake.job.options.max_iterations = 3;
  fake.verdicts["written a"] = TaskStatus::kHarnessError;
  fake.job.cells[1].written->turns.back().texts.front() = "throw";
  CHECK(fake.run());
  CHECK(fake.asked.empty());
  REQUIRE(fake.tasks.size() == 2);
  CHECK(fake.tasks[1].status == TaskStatus::kHarnessError);
  CHECK(fake.tasks[1].detail.find("the judge broke") != std::string::npos);
}

TEST_CASE("an answer that could not be generated is a harness error, and a repair without room leaves the attempt before it") {
  Fake fake;
  fake.job.cells = {cell("a")};
  fake.job.options.max_iterations = 2;
  fake.ask_fails_at = "did not pass";
  CHECK(fake.run());
  REQUIRE(fake.tasks.size() == 1);
  CHECK(fake.tasks[0].status == TaskStatus::kWrong);
  Fake samples;
  samples.job.cells = {cell("a")};
  samples.job.options.n_samples = 2;
  samples.ask_fails_at = "";
  CHECK(samples.run());
  REQUIRE(samples.tasks.size() == 2);
  CHECK(samples.tasks[1].status == TaskStatus::kHarnessError);
  CHECK(samples.tasks[1].detail == "no answer: no room");
  CHECK_FALSE(samples.tasks[1].judge.has_value());
}

TEST_CASE("an interrupted pass has sent what was judged, and goes on after it without judging it again") {
  Fake fake;
  fake.jobs = 1;
  fake.job.cells = {cell("a"), cell("b")};
  fake.job.options = {.score = true, .n_samples = 2, .k = {1}, .max_iterations = 2};
  fake.cancel_after = 1;
  CHECK_FALSE(fake.run());
  REQUIRE(fake.tasks.size() == 2);  // the first attempt and its repair
  Fake resumed;
  resumed.job = fake.job;
  for (const auto& task : fake.tasks)
    if (task.iteration == 2) resumed.job.cells[0].attempts.push_back(task);
  CHECK(resumed.run());
  for (const std::string& answer : resumed.judged) CHECK(answer != "written a");
  CHECK(std::count_if(resumed.tasks.begin(), resumed.tasks.end(), [](const auto& task) { return task.task_id == "task-a"; }) ==
        2);  // the second answer and its repair
  // One that stopped between the attempts goes on with the answer that it had.
  Fake between;
  between.job = fake.job;
  between.job.cells.pop_back();
  between.job.options.n_samples = 1;
  between.job.cells[0].attempts = {fake.tasks[0]};
  CHECK(between.run());
  REQUIRE(between.tasks.size() == 1);
  CHECK(between.tasks[0].iteration == 2);
  CHECK(between.asked.at(0).answers.at(0).texts.at(0) == "written a");
}

TEST_CASE("a repair of a further answer follows that answer's own turns, also after an interruption") {
  const auto repairs = [](const Fake& fake) {
    std::vector<std::vector<std::string>> seen;
    for (const run::ScoreRequest& request : fake.asked) {
      if (request.prompt.turns.back().text.find("did not pass") == std::string::npos) continue;
      seen.emplace_back();
      for (const run::Answer& answer : request.answers) seen.back().push_back(answer.texts.front());
    }
    std::sort(seen.rbegin(), seen.rend());  // the text pass's first
    return seen;
  };
  const std::vector<std::string> first{"written a", "written a"}, second{"seed 8 turn 1", "seed 8 turn 2"};
  Fake fake;
  fake.job.cells = {cell("a", 2)};
  fake.job.options = {.score = true, .n_samples = 2, .k = {1}, .max_iterations = 2};
  CHECK(fake.run());
  CHECK(repairs(fake) == std::vector{first, second});
  Fake resumed;
  resumed.job = fake.job;
  for (const record::TaskRecord& task : fake.tasks)
    if (task.iteration == 1) resumed.job.cells[0].attempts.push_back(task);
  CHECK(resumed.run());
  CHECK(repairs(resumed) == std::vector{first, second});
  // What is written again replaces what was there: each answer counts once, with its repair.
  std::vector<record::TaskRecord> all;
  for (const record::TaskRecord& task : fake.tasks)
    if (task.iteration == 1) all.push_back(task);
  all.insert(all.end(), resumed.tasks.begin(), resumed.tasks.end());
  const std::vector<record::JudgedAnswer> answers = record::judged_answers(all);
  REQUIRE(answers.size() == 2);
  for (const record::JudgedAnswer& answer : answers) CHECK(answer.iterations() == 2);
}

TEST_CASE("each prompt's first answer is scored once, with or without a task, and a scorer that breaks says why") {
  Fake fake;
  fake.job.cells = {cell("a"), cell("b"), cell("c")};
  fake.job.cells[1].cell.prompt.task.reset();
  fake.job.cells[2].sources = {"fixed"};
  fake.job.options.n_samples = 2;
  FixedScorer fixed(false), broken(true);
  fake.scorers = {&fixed, &broken};
  CHECK(fake.run());
  REQUIRE(fake.qualities.size() == 5);
  CHECK(fake.qualities[0].cell.prompt_id == "a");
  CHECK(fake.qualities[0].values.at(0).value == 5.0);
  CHECK(fake.qualities[1].status == record::Status::kFailed);
  CHECK(fake.qualities[1].failure.message.find("no tool") != std::string::npos);
  const auto of_b = std::find_if(fake.qualities.begin(), fake.qualities.end(), [](const auto& one) { return one.cell.prompt_id == "b"; });
  REQUIRE(of_b != fake.qualities.end());
  CHECK(of_b->values.at(0).value == 1.0);  // nothing judged it
}

TEST_CASE("a score job and its tasks come through JSON as they are") {
  run::ScoreJob job;
  job.options = {
      .score = true, .n_samples = 5, .k = {1, 5}, .max_iterations = 2, .jobs = 3, .sandbox = "bwrap", .unsafe = true, .relevance = false};
  run::ScoreCell one = cell("a", 2);
  one.cell.pass = workload::Pass::kText;
  one.cell.key.pass = record::Pass::kText;
  one.cell.prompt.task->reference = {{"solution.py", "def f():\n    return \"\xC3\xA4\"\n"}};
  one.cell.prompt.task->kind = workload::TaskKind::kPythonTest;
  one.cell.prompt.task->tolerance = 1e-9;
  one.cell.prompt.group = "wordings";
  one.unstaged = one.cell.prompt;
  one.unstaged->turns = {{"as it was", 3}};
  one.written->turns.back().cost = {4, 9, 5, "model", 0.25};
  one.written = run::written_answer(one.written->turns);
  record::TaskRecord attempt;
  attempt.sample = 4;
  attempt.iteration = 2;
  attempt.answer = "said";
  one.attempts = {attempt};
  one.sources = {"rating"};
  run::ScoreCell two = cell("b");
  two.written.reset();
  two.written_by = 3;
  job.cells = {one, two};
  const run::ScoreJob read = run::score_job_from_json(nlohmann::json::parse(run::to_json(job).dump()));
  CHECK(run::to_json(read).dump() == run::to_json(job).dump());
  CHECK(read.options == job.options);
  CHECK(read.cells.at(0).cell.prompt.task->reference == one.cell.prompt.task->reference);
  CHECK(read.cells.at(0).cell.prompt.group == "wordings");
  CHECK(read.cells.at(0).plain_prompt().turns.at(0).text == "as it was");
  CHECK(read.cells.at(1).plain_prompt().turns.at(0).text.empty());
  CHECK(read.cells.at(0).written->thinking_tokens == 5);
  CHECK(read.cells.at(0).written->thinking_end == "model");
  CHECK(read.cells.at(0).written->answer_tokens == 11);
  CHECK(read.cells.at(0).written->generation_s == 0.75);
  CHECK(read.cells.at(0).attempt_of(4)->answer == "said");
  CHECK(read.cells.at(0).attempt_of(0) == nullptr);
  CHECK(read.cells.at(1).written_by == 3);
  CHECK(run::count_unjudged(read) == 9);
}
