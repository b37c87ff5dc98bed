#include "quality/prompt/prompt_ab.h"

#include <doctest/doctest.h>

namespace qbench::test {
namespace {

using quality::AbAnswer;
using quality::AbPair;
using quality::AbVerdict;
using record::TaskStatus;

AbAnswer answer(bool passed, std::int64_t prompt = 100, std::int64_t output = 50, double seconds = 2.0) {
  return {passed ? TaskStatus::kPass : TaskStatus::kWrong, prompt, output, seconds};
}

std::vector<AbPair> pairs_of(std::size_t count, const AbAnswer& a, const AbAnswer& b) {
  std::vector<AbPair> pairs;
  for (std::size_t i = 0; i < count; ++i) pairs.push_back({"t" + std::to_string(i), 0, a, b});
  return pairs;
}

/// With other tasks than those that are there.
void append(std::vector<AbPair>& to, std::vector<AbPair> more) {
  for (AbPair& pair : more) {
    pair.task_id = "t" + std::to_string(to.size());
    to.push_back(std::move(pair));
  }
}

}  // namespace

TEST_CASE("the prompt that passes where the other fails wins by McNemar's exact test, whatever it costs") {
  auto pairs = pairs_of(6, answer(false), answer(true, 300));
  append(pairs, pairs_of(10, answer(true), answer(true, 300)));
  const auto result = quality::compare_prompts(pairs);
  CHECK(result.verdict == AbVerdict::kB);
  CHECK(result.mcnemar_p == doctest::Approx(2.0 / 64.0));
  CHECK(result.only_b == 6);
  CHECK(result.a_passed == 10);
  CHECK(result.b_passed == 16);
  CHECK(result.reason.find("B succeeds more often") != std::string::npos);
  for (auto& pair : pairs) std::swap(pair.a, pair.b);
  CHECK(quality::compare_prompts(pairs).verdict == AbVerdict::kA);
}

TEST_CASE("five disagreements show nothing: then fewer tokens decide, where their ratio's interval excludes one") {
  auto pairs = pairs_of(5, answer(false, 100), answer(true, 50));
  append(pairs, pairs_of(5, answer(true, 100), answer(true, 50)));
  const auto result = quality::compare_prompts(pairs);
  CHECK(result.mcnemar_p == doctest::Approx(2.0 / 32.0));
  CHECK(result.verdict == AbVerdict::kB);
  CHECK(*result.total_tokens.ratio == doctest::Approx(100.0 / 150.0));
  CHECK(*result.prompt_tokens.ratio == doctest::Approx(0.5));
  CHECK(result.tokens_per_s.a == doctest::Approx(25.0));
  CHECK(result.reason.find("B is cheaper") != std::string::npos);
}

TEST_CASE("equal prompts are undecided, and so are too few pairs") {
  CHECK(quality::compare_prompts(pairs_of(20, answer(true), answer(true))).verdict == AbVerdict::kUndecided);
  CHECK(quality::compare_prompts(pairs_of(20, answer(false, 100), answer(false, 10))).verdict == AbVerdict::kUndecided);
  const auto few = quality::compare_prompts(pairs_of(5, answer(true, 100), answer(true, 10)));
  CHECK(few.verdict == AbVerdict::kUndecided);
  CHECK_FALSE(few.total_tokens.interval);
  CHECK(few.reason.find("too few") != std::string::npos);
  CHECK(quality::compare_prompts({}).reason == "no pair could be judged");
  const auto one = quality::compare_prompts(pairs_of(1, answer(true), answer(false)));
  CHECK(one.reason.find("; 1 pair disagrees (") != std::string::npos);
  CHECK(one.reason.find("1 pair is too few") != std::string::npos);
}

TEST_CASE("samples of one task among several are one observation: repeating them proves nothing") {
  std::vector<AbPair> pairs;
  for (const std::string task : {"one", "two"}) {
    for (std::int64_t sample = 0; sample < 10; ++sample) pairs.push_back({task, sample, answer(false, 100), answer(true, 50)});
  }
  const auto result = quality::compare_prompts(pairs);
  CHECK(result.tasks == 2);
  CHECK(result.only_b == 20);
  CHECK(result.better_b == 2);
  CHECK(result.mcnemar_p == doctest::Approx(0.5));
  CHECK(result.verdict == AbVerdict::kUndecided);
  CHECK_FALSE(result.total_tokens.interval);
  CHECK(result.reason.find("2 of 2 tasks differ") != std::string::npos);
  for (AbPair& pair : pairs) pair.task_id = "one";
  const auto alone = quality::compare_prompts(pairs);
  CHECK(alone.mcnemar_p < 0.05);
  CHECK(alone.reason.find("at this task") != std::string::npos);
}

TEST_CASE("what the harness could not judge is left out and counted, never a failure of a prompt") {
  auto pairs = pairs_of(6, answer(true), answer(true));
  pairs[0].a.status = TaskStatus::kHarnessError;
  const auto result = quality::compare_prompts(pairs);
  CHECK(result.pairs == 5);
  CHECK(result.left_out == 1);
  CHECK(result.a_passed == 5);
}

}  // namespace qbench::test
