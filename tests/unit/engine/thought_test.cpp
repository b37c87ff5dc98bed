#include "engine/thought.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "small_session.h"

namespace qbench::test {
namespace {

using engine::Generation;
using engine::Thought;
using engine::ThinkingRule;
using engine::ThoughtEnd;

constexpr std::int32_t kOpen = 120, kClose = 121;
const std::vector<std::int32_t> kClosing{7, 8, kClose, 9};

ThinkingRule rule(std::int64_t budget, bool opened = true) {
  ThinkingRule r;
  r.open_id = kOpen;
  r.close_id = kClose;
  r.opened = opened;
  r.closing = kClosing;
  r.max_tokens = budget;
  return r;
}

bool holds_closing(const Generation& g, std::int64_t at) {
  return std::equal(kClosing.begin(), kClosing.end(), g.output_ids.begin() + at, g.output_ids.begin() + at + static_cast<std::ptrdiff_t>(kClosing.size()));
}

}  // namespace

TEST_CASE("a thought that its model ends is left alone, and its tokens end with the closing one") {
  const ThinkingRule r = rule(10);
  Thought thought(&r);
  for (const std::int32_t id : {1, 2, kClose, 3, 4}) {
    CHECK_FALSE(thought.forced().has_value());
    thought.take(id, 0);
  }
  CHECK(thought.end() == ThoughtEnd::kModel);
  CHECK(thought.tokens() == 3);
  CHECK(thought.forced_tokens() == 0);
}

TEST_CASE("at its budget a thought is closed by the closing tokens one by one, and they count as its tokens") {
  const ThinkingRule r = rule(2);
  Thought thought(&r);
  thought.take(1, 0);
  CHECK_FALSE(thought.forced().has_value());
  thought.take(2, 0);
  for (const std::int32_t id : kClosing) {
    REQUIRE(thought.forced() == id);
    thought.take(id, 0);
  }
  CHECK_FALSE(thought.forced().has_value());
  thought.take(55, 0);
  CHECK(thought.end() == ThoughtEnd::kBudget);
  CHECK(thought.tokens() == 6);
  CHECK(thought.forced_tokens() == 4);
}

TEST_CASE("a model that closes its thought with the budget's last token is not closed again") {
  const ThinkingRule r = rule(2);
  Thought thought(&r);
  thought.take(1, 0);
  thought.take(kClose, 0);
  CHECK(thought.end() == ThoughtEnd::kModel);
  CHECK_FALSE(thought.forced().has_value());
}

TEST_CASE("without a thought in the prompt nothing is closed until the model opens one, whose opening counts") {
  const ThinkingRule r = rule(3, false);
  Thought thought(&r);
  for (const std::int32_t id : {1, 2, 3, 4}) thought.take(id, 0);
  CHECK(thought.end() == ThoughtEnd::kNone);
  CHECK(thought.tokens() == 0);
  Thought opens(&r);
  opens.take(kOpen, 0);
  opens.take(1, 0);
  CHECK_FALSE(opens.forced().has_value());
  opens.take(1, 0);
  CHECK(opens.forced() == kClosing.front());
}

TEST_CASE("the clock closes a thought once its time is over") {
  ThinkingRule r = rule(0);
  r.timeout_ns = 1000;
  Thought thought(&r);
  thought.take(1, 999);
  CHECK_FALSE(thought.forced().has_value());
  thought.take(2, 1000);
  CHECK(thought.forced() == kClosing.front());
  CHECK(thought.end() == ThoughtEnd::kTimeout);
}

TEST_CASE("the temperature changes with the end of the thought") {
  ThinkingRule r = rule(0, false);
  r.temperature = 0.9;
  r.output_temperature = 0.2;
  Thought thought(&r);
  CHECK(thought.temperature(0.7) == 0.9);  // the first token may open a thought
  thought.take(kOpen, 0);
  CHECK(thought.temperature(0.7) == 0.9);
  thought.take(kClose, 0);
  CHECK(thought.temperature(0.7) == 0.2);
  Thought silent(&r);
  silent.take(5, 0);
  CHECK(silent.temperature(0.7) == 0.2);
  r.output_temperature.reset();
  CHECK(silent.temperature(0.7) == 0.7);
  CHECK(Thought().temperature(0.7) == 0.7);
}

TEST_CASE("a generation goes on behind a forced close as if the model had written it") {
  SmallSession small("qwen3");
  engine::GenerateRequest request = ask({{1, 2, 3, 4, 5}}, 20);
  const auto free_run = small.session->generate(request)[0].output_ids;
  REQUIRE(std::find(free_run.begin(), free_run.end(), kClose) == free_run.end());
  request.thinking = rule(6);
  const Generation closed = small.session->generate(request)[0];
  CHECK(std::equal(free_run.begin(), free_run.begin() + 6, closed.output_ids.begin()));
  CHECK(holds_closing(closed, 6));
  CHECK(closed.thought_end == ThoughtEnd::kBudget);
  CHECK(closed.thought_tokens == 10);
  CHECK(closed.forced_tokens == 4);
  REQUIRE(closed.output_ids.size() == 20);
  CHECK(closed.token_ns.size() == 20);
  // What follows is what the model says after that text as a prompt.
  std::vector<std::int32_t> prompt{1, 2, 3, 4, 5};
  prompt.insert(prompt.end(), closed.output_ids.begin(), closed.output_ids.begin() + 10);
  const auto answer = small.session->generate(ask({prompt}, 10))[0].output_ids;
  CHECK(std::equal(answer.begin(), answer.end(), closed.output_ids.begin() + 10));
}

TEST_CASE("sequences of a batch reach their budgets at different steps and get what each gets alone") {
  const std::vector<std::vector<std::int32_t>> prompts{{1, 2, 3, 4, 5}, {90, 80, 70}, {7, 7, 7, 7, 7, 7, 7, 7}};
  SmallSession batched("qwen3moe", 3), single("qwen3moe");
  engine::GenerateRequest request = ask(prompts, 24);
  // The second one is closed by "its model": the closing id is one that it picks.
  const auto free_run = batched.session->generate(request);
  ThinkingRule r = rule(9);
  r.close_id = free_run[1].output_ids[4];
  r.closing = {3, r.close_id, 4};
  request.thinking = r;
  const auto together = batched.session->generate(request);
  for (std::size_t s = 0; s < prompts.size(); ++s) {
    CAPTURE(s);
    engine::GenerateRequest one = ask({prompts[s]}, 24);
    one.thinking = r;
    const Generation alone = single.session->generate(one)[0];
    CHECK(alone.output_ids == together[s].output_ids);
    CHECK(alone.thought_end == together[s].thought_end);
    CHECK(alone.thought_tokens == together[s].thought_tokens);
  }
  CHECK(together[1].thought_end == ThoughtEnd::kModel);
  CHECK(together[0].thought_end == ThoughtEnd::kBudget);
}

TEST_CASE("lengths end a generation also within a forced close") {
  SmallSession small("qwen3", 1, 16);
  engine::GenerateRequest request = ask({{1, 2, 3}}, 5);
  request.thinking = rule(3);
  const Generation cut = small.session->generate(request)[0];
  CHECK(cut.stop_reason == engine::StopReason::kMaxTokens);
  CHECK(cut.output_ids.size() == 5);
  CHECK(cut.forced_tokens == 2);
  CHECK(cut.thought_tokens == 5);
  request.max_new_tokens = 100;
  request.thinking = rule(12);
  const Generation full = small.session->generate(request)[0];
  CHECK(full.stop_reason == engine::StopReason::kContextFull);
  CHECK(full.output_ids.size() == 14);
  CHECK(full.forced_tokens == 2);
}

TEST_CASE("an answer at temperature 0 after a thought that was drawn is greedy, and forced tokens are remembered by penalties") {
  SmallSession small("qwen3");
  engine::GenerateRequest request = ask({{1, 2, 3, 4, 5}}, 16);
  request.sampling = {.temperature = 1.5, .seed = 5};
  request.thinking = rule(4);
  request.thinking->output_temperature = 0.0;
  const Generation drawn = small.session->generate(request)[0];
  std::vector<std::int32_t> prompt{1, 2, 3, 4, 5};
  prompt.insert(prompt.end(), drawn.output_ids.begin(), drawn.output_ids.begin() + 8);
  const auto greedy = small.session->generate(ask({prompt}, 8))[0].output_ids;
  CHECK(std::equal(greedy.begin(), greedy.end(), drawn.output_ids.begin() + 8));
  // With single tokens banned from coming twice, none of the forced ones comes again.
  request.sampling = {.no_repeat_ngram = 1};
  const Generation once = small.session->generate(request)[0];
  for (const std::int32_t id : kClosing) CHECK(std::count(once.output_ids.begin() + 8, once.output_ids.end(), id) == 0);
}

TEST_CASE("a time that is over at once closes after the first token") {
  SmallSession small("qwen3");
  engine::GenerateRequest request = ask({{1, 2, 3}}, 12);
  request.thinking = rule(0);
  request.thinking->timeout_ns = 1;
  const Generation g = small.session->generate(request)[0];
  CHECK(g.thought_end == ThoughtEnd::kTimeout);
  CHECK(holds_closing(g, 1));
  CHECK(g.thought_tokens == 5);
}

}  // namespace qbench::test
