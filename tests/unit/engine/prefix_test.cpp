#include <doctest/doctest.h>

#include <atomic>

#include "base/error.h"
#include "small_session.h"

namespace qbench::test {
namespace {

using engine::Generation;

std::vector<std::int32_t> ids(std::int32_t from, std::int32_t count) {
  std::vector<std::int32_t> all;
  for (std::int32_t i = 0; i < count; ++i) all.push_back((from + 37 * i) % 128);
  return all;
}

std::vector<std::int32_t> joined(std::vector<std::int32_t> a, const std::vector<std::int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

engine::GenerateRequest reusing(std::vector<std::vector<std::int32_t>> prompts, std::int64_t count = 8) {
  engine::GenerateRequest request = ask(std::move(prompts), count);
  request.reuse_prefix = true;
  return request;
}

}  // namespace

TEST_CASE("prompts with a common beginning run it once and get the tokens that they get without reuse") {
  for (const char* name : {"qwen3", "qwen3moe", "llama-tied", "phi3", "qwen2-window"}) {
    CAPTURE(name);
    SmallSession reuse(name), plain(name);
    const auto system = ids(3, 32);  // two whole steps, so that what follows is fed in the same steps with and without reuse
    std::int64_t cached = 0;
    for (const std::int32_t user : {11, 50, 90}) {
      const auto prompt = joined(system, ids(user, 9));
      const Generation with = reuse.session->generate(reusing({prompt}))[0];
      const Generation without = plain.session->generate(ask({prompt}, 8))[0];
      CHECK(with.output_ids == without.output_ids);
      CHECK(with.cached_tokens == cached);
      CHECK(with.prompt_tokens == 41);
      CHECK(without.cached_tokens == 0);
      cached = 32;
    }
  }
}

TEST_CASE("the next turn of a conversation begins behind the answer before it") {
  SmallSession reuse("qwen3"), plain("qwen3");
  const auto first = ids(5, 13);
  const Generation answer = reuse.session->generate(reusing({first}, 10))[0];
  const auto second = joined(joined(first, answer.output_ids), ids(60, 5));
  const Generation with = reuse.session->generate(reusing({second}))[0];
  CHECK(with.cached_tokens == 22);  // the answer's last token was never fed
  CHECK(with.output_ids == plain.session->generate(ask({second}, 8))[0].output_ids);
}

TEST_CASE("the same prompt again runs its last token, whose logits are needed") {
  SmallSession small("qwen3");
  const auto prompt = ids(5, 20);
  const auto first = small.session->generate(reusing({prompt}))[0];
  const auto again = small.session->generate(reusing({prompt}))[0];
  CHECK(again.cached_tokens == 19);
  CHECK(again.output_ids == first.output_ids);
  const std::vector<std::int32_t> beginning(prompt.begin(), prompt.begin() + 7);
  CHECK(small.session->generate(reusing({beginning}))[0].cached_tokens == 6);
}

TEST_CASE("each sequence of a batch reuses what its own place in the cache holds") {
  SmallSession reuse("qwen3", 3), plain("qwen3", 3);
  const std::vector<std::vector<std::int32_t>> before{ids(1, 12), ids(2, 20), ids(3, 5)};
  reuse.session->generate(reusing(before));
  const std::vector<std::vector<std::int32_t>> after{joined(ids(1, 12), ids(77, 3)), joined(ids(2, 10), ids(88, 9)), ids(40, 6)};
  const auto with = reuse.session->generate(reusing(after));
  const auto without = plain.session->generate(ask(after, 8));
  const std::vector<std::int64_t> expected{12, 10, 0};
  for (std::size_t s = 0; s < 3; ++s) {
    CAPTURE(s);
    CHECK(with[s].cached_tokens == expected[s]);
    CHECK(with[s].output_ids == without[s].output_ids);
  }
}

TEST_CASE("whatever else writes into the cache leaves nothing to reuse") {
  SmallSession small("qwen3", 2);
  const auto prompt = ids(5, 20);
  const auto fresh = [&] { return small.session->generate(reusing({prompt}))[0].cached_tokens; };
  CHECK(fresh() == 0);
  CHECK(fresh() == 19);
  small.session->generate(ask({ids(9, 4)}, 2));  // a request that does not take part
  CHECK(fresh() == 0);
  small.session->feed(0, 0, ids(9, 4));
  CHECK(fresh() == 0);
  small.session->decode(std::vector<std::int32_t>{1}, 0, 1);
  CHECK(fresh() == 0);
  small.session->score(ids(9, 4), 0, [](std::int64_t, std::span<const float>) {});
  CHECK(fresh() == 0);
  small.session->forget_prefix();
  CHECK(fresh() == 0);
  std::atomic<bool> cancel{true};
  engine::GenerateRequest interrupted = reusing({ids(9, 4)});
  interrupted.cancel = &cancel;
  small.session->generate(interrupted);
  CHECK(fresh() == 0);
  CHECK_THROWS_AS(small.session->generate(reusing({{}})), Error);
}

TEST_CASE("a context that was filled to its end is reused up to its last position but one") {
  SmallSession reuse("qwen3", 1, 24), plain("qwen3", 1, 24);
  const auto prompt = ids(5, 20);
  const Generation full = reuse.session->generate(reusing({prompt}, 100))[0];
  REQUIRE(full.stop_reason == engine::StopReason::kContextFull);
  auto next = joined(prompt, full.output_ids);
  next.resize(24);
  const Generation with = reuse.session->generate(reusing({next}, 1))[0];
  CHECK(with.cached_tokens == 23);
  CHECK(with.output_ids == plain.session->generate(ask({next}, 1))[0].output_ids);
}

TEST_CASE("a cache with a window is refused by name") {
  SmallSession small("qwen3", 1, 128, 32);
  CHECK_THROWS_WITH_AS(small.session->generate(reusing({ids(1, 4)})), doctest::Contains("--kv-window"), Error);
}

}  // namespace qbench::test
