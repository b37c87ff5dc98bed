#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/pass_study.h"
#include "engine/session.h"

namespace qbench::cli {

/// One line of a bench: a prompt of so many tokens, or so many tokens one at a time, after `depth` tokens that are already in the cache.
struct BenchTest {
  std::int64_t prompt_tokens = 0;  ///< 0 in a generation test
  std::int64_t gen_tokens = 0;     ///< 0 in a prompt test
  std::int64_t depth = 0;

  std::string name() const;  ///< "pp512", "tg32", "tg32@d4096"
  std::int64_t tokens() const { return prompt_tokens + gen_tokens; }
  std::int64_t positions() const { return depth + tokens(); }
};

/// For each depth: the prompt tests, then the generation tests, in the order given. Lengths of 0 are left out.
std::vector<BenchTest> make_bench_tests(const std::vector<std::int64_t>& prompts, const std::vector<std::int64_t>& gens,
                                        const std::vector<std::int64_t>& depths);

/// Seeded ids from 0 to below `vocab`, with `bos` first where the model's tokenizer puts one.
class BenchTokens {
 public:
  BenchTokens(std::int64_t vocab, std::optional<std::int32_t> bos, std::uint64_t seed) : vocab_(vocab), bos_(bos), random_(seed) {}
  std::vector<std::int32_t> sequence(std::int64_t count, bool at_start);
  std::int32_t next() { return static_cast<std::int32_t>(random_.next_below(static_cast<std::uint64_t>(vocab_))); }

 private:
  std::int64_t vocab_;
  std::optional<std::int32_t> bos_;
  Random random_;
};

/// Runs a test once per repetition after one unmeasured run of the same shape, in all sequences of the session. Nanoseconds per repetition.
/// As in llama-bench neither tokenising nor sampling is timed, except that a device that feeds itself picks each token greedily as part of the
/// step; the tokens at `depth` are fed once, untimed.
std::vector<std::int64_t> run_bench_test(engine::Session& session, const BenchTest& test, std::int64_t repetitions, BenchTokens& tokens);

/// The test as a pass of a study: `before` is fed first, once and untimed, then each pass takes the same ids.
engine::Pass bench_pass(engine::Session& session, const BenchTest& test, const std::vector<std::int32_t>& before, std::vector<std::int32_t> ids);

}  // namespace qbench::cli
