#include <doctest/doctest.h>

#include "run/progress_so_far.h"

using namespace qbench;

namespace {

run::PlannedCell planned(workload::Pass pass, std::int64_t turns = 1) {
  run::PlannedCell cell;
  cell.key.model = "m";
  cell.key.suite = "s";
  cell.key.prompt_id = "p";
  cell.key.pass = run::record_pass(pass);
  cell.cell.pass = pass;
  cell.cell.repetitions = pass == workload::Pass::kSpeed ? 3 : 1;
  cell.cell.warmup = 1;
  cell.cell.settings.gen_tokens = 10;
  cell.cell.settings.max_new_tokens = 100;
  cell.turns = turns;
  return cell;
}

workload::Prompt prompt(std::size_t turns = 1) {
  workload::Prompt p;
  p.id = "p";
  p.turns.resize(turns);
  return p;
}

record::SampleRecord sample(record::CellKey key, std::int64_t repetition, record::Status status = record::Status::kOk, record::Phase phase = record::Phase::kTimed) {
  record::SampleRecord s;
  s.cell = std::move(key);
  s.repetition = repetition;
  s.status = status;
  s.phase = phase;
  record::SequenceRecord& sequence = s.sequences.emplace_back();
  sequence.output_ids = {1, 2};
  sequence.text = "said";
  return s;
}

record::CellRecord row(record::CellKey key, record::Status status = record::Status::kOk) {
  record::CellRecord r;
  r.cell = std::move(key);
  r.status = status;
  return r;
}

}  // namespace

TEST_CASE("a new run has everything before it") {
  const auto work = run::remaining_work(planned(workload::Pass::kSpeed), prompt(), {});
  REQUIRE(work.has_value());
  CHECK(work->first_repetition == 0);
  CHECK(run::planned_tokens(*work) == 40);
}

TEST_CASE("an interrupted speed cell goes on after the repetitions that worked") {
  const auto cell = planned(workload::Pass::kSpeed);
  record::SampleFileContent content;
  content.samples = {sample(cell.key, 0, record::Status::kOk, record::Phase::kCold), sample(cell.key, 0), sample(cell.key, 1, record::Status::kFailed), sample(cell.key, 1)};
  const auto work = run::remaining_work(cell, prompt(), content);
  REQUIRE(work.has_value());
  CHECK(work->first_repetition == 2);
  run::forget_replaced_samples({*work}, content);
  CHECK(content.samples.size() == 3);  // the failed one would fail the row again
}

TEST_CASE("a cell is complete when its repetitions are there and its last row is ok") {
  const auto cell = planned(workload::Pass::kSpeed);
  record::SampleFileContent content;
  for (int i = 0; i < 3; ++i) content.samples.push_back(sample(cell.key, i));
  CHECK(run::remaining_work(cell, prompt(), content).has_value());  // the row was never written
  content.cells = {row(cell.key, record::Status::kFailed), row(cell.key)};
  CHECK_FALSE(run::remaining_work(cell, prompt(), content).has_value());
  content.cells.push_back(row(cell.key, record::Status::kFailed));
  CHECK(run::remaining_work(cell, prompt(), content).has_value());
}

TEST_CASE("samples of another setting do not count") {
  const auto cell = planned(workload::Pass::kSpeed);
  record::CellKey other = cell.key;
  other.threads = 99;
  record::SampleFileContent content;
  for (int i = 0; i < 3; ++i) content.samples.push_back(sample(other, i));
  content.cells = {row(other)};
  CHECK(run::remaining_work(cell, prompt(), content)->first_repetition == 0);
}

TEST_CASE("a conversation goes on after the turns whose rows are ok, with the recorded answers") {
  const auto cell = planned(workload::Pass::kText, 3);
  const auto keys = run::row_keys(cell);
  CHECK(keys[2].turn == 3);
  record::SampleFileContent content;
  content.samples = {sample(keys[0], 0), sample(keys[1], 0)};
  content.cells = {row(keys[0])};
  const auto work = run::remaining_work(cell, prompt(3), content);
  REQUIRE(work.has_value());
  REQUIRE(work->answers.size() == 1);
  CHECK(work->answers[0].texts == std::vector<std::string>{"said"});
  CHECK(run::planned_tokens(*work) == 200);
  run::forget_replaced_samples({*work}, content);
  REQUIRE(content.samples.size() == 1);  // turn 2 is asked again
  CHECK(content.samples[0].cell.turn == 1);
}

TEST_CASE("of several records of a row the last one stands, also when the first failed before the context was known") {
  record::CellKey early, late;
  early.model = late.model = "m";
  late.context = 512;
  record::CellKey other;
  other.model = "n";
  const auto rows = run::latest_rows({row(early, record::Status::kFailed), row(other), row(late)});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].cell.context == 512);
  CHECK(rows[0].status == record::Status::kOk);
}
