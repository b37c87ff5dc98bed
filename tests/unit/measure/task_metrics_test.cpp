#include "measure/task_metrics.h"

#include <doctest/doctest.h>

#include <vector>

#include "record/judged_answers.h"

using namespace qbench;
using record::MetricId;
using record::TaskRecord;
using record::TaskStatus;

namespace {

record::CellKey key(const std::string& prompt = "two-sum") {
  record::CellKey k;
  k.model = "m";
  k.suite = "s";
  k.prompt_id = prompt;
  k.pass = record::Pass::kText;
  k.device = "cpu";
  return k;
}

TaskRecord attempt(std::int64_t sample, std::int64_t iteration, TaskStatus status, const std::string& prompt = "two-sum") {
  TaskRecord task;
  task.cell = key(prompt);
  task.task_id = prompt;
  task.sample = sample;
  task.iteration = iteration;
  task.status = status;
  task.sandbox_level = "bwrap";
  task.judge = "outside";
  task.generation_s = 1.0;
  task.judge_s = 0.5;
  return task;
}

record::CellRecord row() {
  record::CellRecord cell;
  cell.cell = key();
  cell.judging.pass_ks = {1, 3};
  cell.sessions.resize(1);
  return cell;
}

std::optional<double> value(const record::CellRecord& cell, MetricId id) { return cell.metrics.at(id, record::Statistic::kNone); }

}  // namespace

TEST_CASE("attempts are grouped by answer, and one that is judged again replaces what followed it") {
  const std::vector<TaskRecord> tasks{attempt(0, 1, TaskStatus::kWrong), attempt(1, 1, TaskStatus::kPass),  attempt(0, 2, TaskStatus::kCrash),
                                      attempt(0, 1, TaskStatus::kWrong), attempt(0, 2, TaskStatus::kPass), attempt(0, 1, TaskStatus::kPass, "other")};
  const auto answers = record::judged_answers(tasks);
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].iterations() == 2);
  CHECK(answers[0].passed());
  CHECK_FALSE(answers[0].passed_at_once());
  CHECK(&answers[0].first() == &tasks[3]);
  CHECK(answers[1].passed_at_once());
  CHECK(answers[2].first().task_id == "other");
}

TEST_CASE("a row's task metrics count its own answers, after the last repair and at the first attempt") {
  record::CellRecord cell = row();
  const std::vector<TaskRecord> tasks{attempt(0, 1, TaskStatus::kWrong),     attempt(0, 2, TaskStatus::kPass), attempt(1, 1, TaskStatus::kPass),
                                      attempt(2, 1, TaskStatus::kException), attempt(2, 2, TaskStatus::kWrong), attempt(2, 3, TaskStatus::kWrong),
                                      attempt(3, 1, TaskStatus::kHarnessError), attempt(0, 1, TaskStatus::kPass, "other")};
  measure::add_task_metrics(cell, tasks, {});
  CHECK(value(cell, MetricId::kTasksJudged) == 3.0);
  CHECK(value(cell, MetricId::kHarnessErrors) == 1.0);
  CHECK(value(cell, MetricId::kSuccessRatio).value() == doctest::Approx(2.0 / 3));
  CHECK(value(cell, MetricId::kFirstAttemptSuccessRatio).value() == doctest::Approx(1.0 / 3));
  CHECK(value(cell, MetricId::kPassAt1Ratio).value() == doctest::Approx(1.0 / 3));
  CHECK(value(cell, MetricId::kPassAtKRatio) == 1.0);  // one of all three passed
  CHECK(value(cell, MetricId::kMeanIterations) == 2.0);
  CHECK(value(cell, MetricId::kTasksPerHour).value() == doctest::Approx(3600.0 * 3 / 9.0));  // six attempts of 1.5 s
  CHECK(cell.sessions[0][MetricId::kSuccessRatio].value() == doctest::Approx(2.0 / 3));
  CHECK(cell.judging.sandbox_level == "bwrap");
  CHECK(cell.judging.judge == "outside");
}

TEST_CASE("with nothing but harness errors there is no success ratio, not a zero") {
  record::CellRecord cell = row();
  measure::add_task_metrics(cell, std::vector<TaskRecord>{attempt(0, 1, TaskStatus::kHarnessError)}, {});
  CHECK_FALSE(value(cell, MetricId::kSuccessRatio).has_value());
  CHECK(value(cell, MetricId::kTasksJudged) == 0.0);
  CHECK(value(cell, MetricId::kHarnessErrors) == 1.0);
}

TEST_CASE("values that others found out become the row's mean where the catalogue has their name") {
  record::CellRecord cell = row();
  record::QualityRecord rating;
  rating.cell = key();
  rating.source = "rating";
  rating.values = {{"completeness", 4.0, ""}, {"stars", std::nullopt, "no tool"}, {"ttft_ms", 1.0, ""}, {"unheard_of", 2.0, ""}};
  std::vector<record::QualityRecord> qualities{rating, rating, rating, rating};
  qualities[1].values[0].value = 8.0;  // again: replaces the first
  qualities[2].sample = 1;
  qualities[3].cell = key("other");
  measure::add_task_metrics(cell, {}, qualities);
  CHECK(value(cell, MetricId::kCompleteness) == 6.0);
  CHECK_FALSE(value(cell, MetricId::kStars).has_value());
  CHECK_FALSE(cell.metrics.at(MetricId::kTtftMs, record::Statistic::kMedian).has_value());
  CHECK_FALSE(value(cell, MetricId::kTasksJudged).has_value());
}

TEST_CASE("rows judged at different levels say so") {
  record::CellRecord cell = row();
  std::vector<TaskRecord> tasks{attempt(0, 1, TaskStatus::kPass), attempt(1, 1, TaskStatus::kPass)};
  tasks[1].sandbox_level = "rlimits";
  measure::add_task_metrics(cell, tasks, {});
  CHECK(cell.judging.sandbox_level == "mixed");
}

TEST_CASE("answers to a task agree by what they did, harness errors and answers of unknown behaviour apart") {
  const auto behaves = [](std::int64_t sample, TaskStatus status, std::optional<std::string> behaviour) {
    TaskRecord task = attempt(sample, 1, status);
    task.behaviour = std::move(behaviour);
    return task;
  };
  record::CellRecord cell = row();
  std::vector<TaskRecord> tasks{behaves(0, TaskStatus::kPass, "a"), behaves(1, TaskStatus::kWrong, "b"), behaves(2, TaskStatus::kPass, "a"),
                                behaves(3, TaskStatus::kHarnessError, std::nullopt), behaves(4, TaskStatus::kPass, "a")};
  measure::add_task_metrics(cell, tasks, {});
  CHECK(value(cell, MetricId::kSelfConsistencyRatio) == 0.75);
  record::CellRecord broken = row();  // what does not compile did nothing that another answer did too
  measure::add_task_metrics(
      broken, std::vector<TaskRecord>{behaves(0, TaskStatus::kCompileError, "c"), behaves(1, TaskStatus::kCompileError, "c")}, {});
  CHECK(value(broken, MetricId::kSelfConsistencyRatio) == 0.5);
  record::CellRecord older = row();
  measure::add_task_metrics(older, std::vector<TaskRecord>{behaves(0, TaskStatus::kPass, std::nullopt), behaves(1, TaskStatus::kPass, std::nullopt)}, {});
  CHECK_FALSE(value(older, MetricId::kSelfConsistencyRatio).has_value());
  record::CellRecord alone = row();
  measure::add_task_metrics(alone, std::vector<TaskRecord>{behaves(0, TaskStatus::kPass, "a")}, {});
  CHECK_FALSE(value(alone, MetricId::kSelfConsistencyRatio).has_value());
}

TEST_CASE("thinking efficiency is passes per thousand thinking tokens of all attempts, and nothing where none thought") {
  const auto thinks = [](std::int64_t sample, std::int64_t iteration, TaskStatus status, std::optional<std::int64_t> tokens) {
    TaskRecord task = attempt(sample, iteration, status);
    task.thinking_tokens = tokens;
    return task;
  };
  record::CellRecord cell = row();
  const std::vector<TaskRecord> tasks{thinks(0, 1, TaskStatus::kWrong, 300), thinks(0, 2, TaskStatus::kPass, 200), thinks(1, 1, TaskStatus::kPass, 500)};
  measure::add_task_metrics(cell, tasks, {});
  CHECK(value(cell, MetricId::kThinkingEfficiency) == 2.0);
  // One that answered without a thought took no tokens of it.
  record::CellRecord mixed = row();
  measure::add_task_metrics(
      mixed, std::vector<TaskRecord>{thinks(0, 1, TaskStatus::kPass, 500), thinks(1, 1, TaskStatus::kPass, std::nullopt)}, {});
  CHECK(value(mixed, MetricId::kThinkingEfficiency) == 4.0);
  record::CellRecord other = row();
  measure::add_task_metrics(other, std::vector<TaskRecord>{thinks(0, 1, TaskStatus::kPass, std::nullopt)}, {});
  CHECK_FALSE(value(other, MetricId::kThinkingEfficiency).has_value());
}
