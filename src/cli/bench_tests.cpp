#include "cli/bench_tests.h"

#include "base/clock.h"

namespace qbench::cli {
namespace {

/// The prompt goes to every sequence, one after the other: the device sees full chunks.
void run_prompt(engine::Session& session, const BenchTest& test, const std::vector<std::int32_t>& ids) {
  for (std::int64_t s = 0; s < session.sequences(); ++s) session.feed(s, test.depth, ids);
}

}  // namespace

std::string BenchTest::name() const {
  std::string name = prompt_tokens > 0 ? "pp" + std::to_string(prompt_tokens) : "tg" + std::to_string(gen_tokens);
  if (depth > 0) name += "@d" + std::to_string(depth);
  return name;
}

std::vector<BenchTest> make_bench_tests(const std::vector<std::int64_t>& prompts, const std::vector<std::int64_t>& gens,
                                        const std::vector<std::int64_t>& depths) {
  std::vector<BenchTest> tests;
  for (const std::int64_t depth : depths) {
    for (const std::int64_t n : prompts) {
      if (n > 0) tests.push_back({.prompt_tokens = n, .depth = depth});
    }
    for (const std::int64_t n : gens) {
      if (n > 0) tests.push_back({.gen_tokens = n, .depth = depth});
    }
  }
  return tests;
}

std::vector<std::int32_t> BenchTokens::sequence(std::int64_t count, bool at_start) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  for (std::int32_t& id : ids) id = next();
  if (at_start && bos_ && !ids.empty()) ids.front() = *bos_;
  return ids;
}

std::vector<std::int64_t> run_bench_test(engine::Session& session, const BenchTest& test, std::int64_t repetitions, BenchTokens& tokens) {
  if (test.depth > 0) {
    const std::vector<std::int32_t> before = tokens.sequence(test.depth, true);
    for (std::int64_t s = 0; s < session.sequences(); ++s) session.feed(s, 0, before);
  }
  std::vector<std::int64_t> durations_ns;
  for (std::int64_t run = 0; run <= repetitions; ++run) {
    const bool is_prompt = test.prompt_tokens > 0;
    const std::vector<std::int32_t> ids =
        tokens.sequence(is_prompt ? test.prompt_tokens : test.gen_tokens * session.sequences(), test.depth == 0);
    const std::int64_t start_ns = now_ns();
    if (is_prompt) {
      run_prompt(session, test, ids);
    } else {
      session.decode(ids, test.depth, test.gen_tokens);
    }
    const std::int64_t duration_ns = now_ns() - start_ns;
    if (run > 0) durations_ns.push_back(duration_ns);
  }
  return durations_ns;
}

engine::Pass bench_pass(engine::Session& session, const BenchTest& test, const std::vector<std::int32_t>& before, std::vector<std::int32_t> ids) {
  for (std::int64_t s = 0; s < session.sequences() && !before.empty(); ++s) session.feed(s, 0, before);
  const bool is_prompt = test.prompt_tokens > 0;
  return engine::single_phase_pass(is_prompt ? "prefill" : "decode", test.tokens() * session.sequences(),
                                   [&session, test, is_prompt, ids = std::move(ids)] {
                                     if (is_prompt) {
                                       run_prompt(session, test, ids);
                                     } else {
                                       session.decode(ids, test.depth, test.gen_tokens);
                                     }
                                   });
}

}  // namespace qbench::cli
