#include "quality/prompt/relevance.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "backend/cpu/cpu_backend.h"
#include "demo.h"
#include "formats/model_file.h"
#include "test_support.h"

namespace qbench::test {
namespace {

workload::Prompt prompt(const std::string& id, const std::string& text, const std::string& group = "") {
  workload::Prompt made;
  made.id = id;
  made.turns.push_back({text, 0});
  made.group = group;
  made.digest = id;
  return made;
}

std::vector<workload::Prompt> numbered(int count) {
  std::vector<workload::Prompt> pool;
  for (int i = 0; i < count; ++i) pool.push_back(prompt("p" + std::to_string(i), "text " + std::to_string(i)));
  return pool;
}

std::set<std::string> ids_of(const std::vector<const workload::Prompt*>& chosen) {
  std::set<std::string> ids;
  for (const workload::Prompt* one : chosen) ids.insert(one->id);
  return ids;
}

}  // namespace

TEST_CASE("the first rank scores 10, the last 0, the middle 5, and equal prompts share their ranks") {
  double rank = 0.0;
  CHECK(quality::relevance_score(std::vector<double>{-1.0, -2.0, -3.0}, rank) == 10.0);
  CHECK(rank == 1.0);
  CHECK(quality::relevance_score(std::vector<double>{-9.0, -2.0, -3.0}, rank) == 0.0);
  CHECK(rank == 3.0);
  CHECK(quality::relevance_score(std::vector<double>{-2.5, -2.0, -3.0}, rank) == 5.0);
  CHECK(quality::relevance_score(std::vector<double>{-2.0, -2.0, -2.0}, rank) == 5.0);
  CHECK(rank == 2.0);
}

TEST_CASE("the other prompts are drawn from the seed, without the true one, its group and repetitions") {
  std::vector<workload::Prompt> pool = numbered(40);
  pool.push_back(prompt("again", "text 3"));
  pool.push_back(prompt("dense", "the same, shorter", "pair"));
  const workload::Prompt truth = prompt("p7", "text 7", "pair");
  const auto once = quality::choose_others(truth, pool, 20, 1);
  CHECK(once.size() == 20);
  CHECK(quality::choose_others(truth, pool, 20, 1) == once);
  CHECK(quality::choose_others(truth, pool, 20, 2) != once);
  const std::set<std::string> all = ids_of(quality::choose_others(truth, pool, 1000, 1));
  CHECK(all.size() == 39);
  for (const char* absent : {"p7", "again", "dense"}) CHECK_FALSE(all.contains(absent));
}

TEST_CASE("what does not fit the context is left out, and nothing to rank is no score") {
  const auto device = backend::make_cpu_backend();
  const auto file = formats::open_model_file(fixtures_dir() / "engine" / "qwen3");
  const auto decoder = model::load_model(*file, *device, {});
  engine::SessionOptions options;
  options.context = 16;
  engine::Session session(*decoder, options);
  const quality::RelevanceCandidate truth{"truth", {1, 2, 3, 4}}, fits{"fits", {1, 2, 9, 4, 5}};
  const quality::RelevanceCandidate large{"large", std::vector<std::int32_t>(14, 7)};
  const std::vector<std::int32_t> answer{11, 12, 13, 14, 15, 16};
  const std::vector<quality::RelevanceCandidate> both{fits, large}, only_large{large};
  const auto result = quality::measure_relevance(session, truth, both, answer, 4);
  REQUIRE(result);
  CHECK(result->prompts == 2);
  CHECK(result->answer_tokens == 4);
  CHECK(result->best_other == "fits");
  CHECK(result->cost.passes == 2);
  CHECK(result->cost.tokens_reused == 2);
  CHECK((result->score == 10.0) == (result->log_p > result->best_other_log_p));
  CHECK_FALSE(quality::measure_relevance(session, truth, only_large, answer, 4));
  CHECK_FALSE(quality::measure_relevance(session, truth, both, {}, 4));
  CHECK(quality::measure_relevance(session, large, both, answer, 4)->answer_tokens == 3);
}

TEST_CASE("an answer that repeats its prompt ranks that prompt first of 21, and another prompt's answer does not") {
  const auto demo = load_demo("relevance of an answer");
  if (!demo) return;
  std::vector<workload::Prompt> pool = quality::shipped_prompts();
  REQUIRE(pool.size() >= 16);
  for (int i = 0; i < 8; ++i)
    pool.push_back(prompt("extra-" + std::to_string(i), "Write a function that adds " + std::to_string(i) + " to a number."));
  const workload::Prompt truth = prompt("recipe", "List the ingredients of a lentil soup with carrots, cumin and lemon.");
  engine::SessionOptions options;
  options.context = 1024;
  engine::Session session(*demo->model, options);
  const quality::RelevanceScorer scorer(*demo->tokenizer, text::PromptStyle::kTemplate, demo->source, pool);
  const auto ids = demo->ask(truth.turns.front().text);
  const auto right =
      scorer.score(session, truth, std::nullopt, ids, demo->encode("List the ingredients of a lentil soup with carrots, cumin and lemon."));
  REQUIRE(right);
  CHECK(right->prompts == 21);
  CHECK(right->rank == 1.0);
  CHECK(right->score == 10.0);
  CHECK(right->log_p > right->best_other_log_p);
  const auto again =
      scorer.score(session, truth, std::nullopt, ids, demo->encode("List the ingredients of a lentil soup with carrots, cumin and lemon."));
  CHECK(again->log_p == right->log_p);
  const auto wrong = scorer.score(session, truth, std::nullopt, ids, demo->encode(pool.front().turns.front().text));
  REQUIRE(wrong);
  CHECK(wrong->score < 10.0);
}

}  // namespace qbench::test
