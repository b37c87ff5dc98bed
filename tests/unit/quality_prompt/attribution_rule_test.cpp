#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "quality/prompt/attribution.h"

/// How often the rule calls a section relevant, by simulation: costs are drawn, no model runs.
namespace qbench::test {
namespace {

using quality::SectionAttribution;

constexpr std::int64_t kSpans = 16;

/// Starts of random spans of `length` in `total` tokens, none of them `section`.
std::vector<std::int64_t> draw_starts(Random& random, std::int64_t total, std::int64_t length, std::int64_t section) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(total - length + 1));
  std::iota(places.begin(), places.end(), std::int64_t{0});
  for (std::size_t i = 0; i + 1 < places.size(); ++i) std::swap(places[i], places[i + random.next_below(places.size() - i)]);
  std::erase(places, section);
  places.resize(std::min(places.size(), static_cast<std::size_t>(kSpans)));
  return places;
}

/// What each token costs; a span costs the sum of its own.
SectionAttribution judged(Random& random, const std::vector<double>& tokens, std::int64_t begin, std::int64_t length) {
  const auto cost = [&](std::int64_t first) { return std::accumulate(tokens.begin() + first, tokens.begin() + first + length, 0.0); };
  SectionAttribution section;
  section.span = {begin, begin + length};
  section.cost_nats = cost(begin);
  const auto starts = draw_starts(random, static_cast<std::int64_t>(tokens.size()), length, begin);
  std::vector<double> costs;
  for (const std::int64_t start : starts) costs.push_back(cost(start));
  quality::judge_section(section, starts, costs);
  return section;
}

struct Prompt {
  std::int64_t tokens, section;
};

}  // namespace

TEST_CASE("of sections that carry nothing about one in twenty is called relevant, however long they are") {
  constexpr int kTrials = 3000;
  for (const Prompt& prompt : {Prompt{90, 22}, Prompt{90, 10}, Prompt{200, 20}, Prompt{400, 50}, Prompt{60, 30}, Prompt{60, 45}}) {
    CAPTURE(prompt.tokens);
    CAPTURE(prompt.section);
    Random random(7, 0);
    int relevant = 0, above_deviation = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      std::vector<double> tokens(static_cast<std::size_t>(prompt.tokens));
      for (double& one : tokens) one = random.next_normal();
      const std::int64_t places = prompt.tokens / prompt.section;
      const std::int64_t begin = prompt.section * static_cast<std::int64_t>(random.next_below(static_cast<std::uint64_t>(places)));
      const SectionAttribution section = judged(random, tokens, begin, prompt.section);
      relevant += section.relevant;
      above_deviation += section.cost_nats > section.random_deviation_nats;
    }
    // Three standard errors of 3,000 trials at 5 % are 1.2 points.
    CHECK(relevant > kTrials * 3 / 100);
    CHECK(relevant < kTrials * 9 / 100);
    CHECK(above_deviation > kTrials * 15 / 100);
  }
}

TEST_CASE("noise that spans do not share is called relevant no more often") {
  constexpr int kTrials = 3000;
  for (const Prompt& prompt : {Prompt{90, 22}, Prompt{90, 10}, Prompt{60, 30}}) {
    Random random(8, 0);
    int relevant = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      SectionAttribution section;
      section.span = {0, prompt.section};
      section.cost_nats = random.next_normal();
      const auto starts = draw_starts(random, prompt.tokens, prompt.section, 0);
      std::vector<double> costs;
      for (std::size_t i = 0; i < starts.size(); ++i) costs.push_back(random.next_normal());
      quality::judge_section(section, starts, costs);
      relevant += section.relevant;
    }
    CHECK(relevant < kTrials * 7 / 100);
  }
}

TEST_CASE("sections that matter are relevant: all alike, one of four, one of two, a long one") {
  constexpr int kTrials = 500;
  struct Case {
    std::int64_t section, begin;  // of 88 tokens
    std::int64_t from, to;        // tokens that matter
    int least;                    // trials of 500
  };
  for (const Case& one : {Case{22, 22, 0, 88, 500}, Case{22, 22, 22, 44, 400}, Case{22, 66, 66, 88, 450}, Case{44, 0, 0, 44, 400},
                          Case{66, 0, 0, 66, 475}, Case{80, 0, 0, 88, 500}}) {
    CAPTURE(one.section);
    CAPTURE(one.from);
    CAPTURE(one.to);
    Random random(9, 0);
    int relevant = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      std::vector<double> tokens(88);
      for (double& token : tokens) token = 0.1 * random.next_normal();
      for (std::int64_t i = one.from; i < one.to; ++i) tokens[static_cast<std::size_t>(i)] += 1.0;
      relevant += judged(random, tokens, one.begin, one.section).relevant;
    }
    CHECK(relevant >= one.least);
  }
}

TEST_CASE("what the rule says of a section is what its formula says") {
  SectionAttribution section;
  section.span = {10, 14};
  section.cost_nats = 8.0;
  const std::vector<std::int64_t> starts{0, 2, 20};  // the first two share half of their tokens: 1/2 of one pair in three
  const std::vector<double> costs{1.0, 3.0, 2.0};
  quality::judge_section(section, starts, costs);
  CHECK(section.random_spans == 3);
  CHECK(section.random_mean_nats == doctest::Approx(2.0));
  CHECK(section.random_deviation_nats == doctest::Approx(1.0));
  CHECK(section.random_overlap_ratio == doctest::Approx(1.0 / 6.0));
  CHECK(section.spread_nats == doctest::Approx(2.9199855803537242 / std::sqrt(5.0 / 6.0)));
  CHECK(section.relevant);
  section.cost_nats = 3.1;
  quality::judge_section(section, starts, costs);
  CHECK_FALSE(section.relevant);
  section.cost_nats = 0.0;
  quality::judge_section(section, {}, {});
  CHECK(section.spread_nats == 0.0);
  CHECK_FALSE(section.relevant);  // above 0, not at it
}

}  // namespace qbench::test
