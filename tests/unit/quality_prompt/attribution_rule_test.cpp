#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
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

/// Sections one behind the other, each of `length` tokens, judged together. `tokens`: what each costs; a span costs the sum of its own.
std::vector<SectionAttribution> judged(Random& random, const std::vector<double>& tokens, std::int64_t begin, std::int64_t length,
                                       int count = 1) {
  const auto cost = [&](std::int64_t first) { return std::accumulate(tokens.begin() + first, tokens.begin() + first + length, 0.0); };
  std::vector<SectionAttribution> sections;
  std::vector<quality::SpanCosts> spans;
  for (int i = 0; i < count; ++i, begin += length) {
    sections.emplace_back();
    sections.back().span = {begin, begin + length};
    sections.back().cost_nats = cost(begin);
    spans.push_back({draw_starts(random, static_cast<std::int64_t>(tokens.size()), length, begin), {}});
    for (const std::int64_t start : spans.back().starts) spans.back().nats.push_back(cost(start));
  }
  quality::judge_sections(sections, spans);
  return sections;
}

void judge(SectionAttribution& section, quality::SpanCosts spans) { quality::judge_sections(std::span(&section, 1), std::span(&spans, 1)); }

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
      const SectionAttribution section = judged(random, tokens, begin, prompt.section).front();
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
      quality::SpanCosts spans{draw_starts(random, prompt.tokens, prompt.section, 0), {}};
      for (std::size_t i = 0; i < spans.starts.size(); ++i) spans.nats.push_back(random.next_normal());
      judge(section, spans);
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
      relevant += judged(random, tokens, one.begin, one.section).front().relevant;
    }
    CHECK(relevant >= one.least);
  }
}

TEST_CASE("what the rule says of a section is what its formula says") {
  SectionAttribution section;
  section.span = {10, 14};
  section.cost_nats = 8.0;
  // The first two share half of their tokens: 1/2 of one pair in three.
  const quality::SpanCosts spans{{0, 2, 20}, {1.0, 3.0, 2.0}};
  judge(section, spans);
  CHECK(section.random_spans == 3);
  CHECK(section.random_mean_nats == doctest::Approx(2.0));
  CHECK(section.random_deviation_nats == doctest::Approx(1.0));
  CHECK(section.random_overlap_ratio == doctest::Approx(1.0 / 6.0));
  CHECK(section.spread_nats == doctest::Approx(2.9199855803537242 / std::sqrt(5.0 / 6.0)));
  CHECK(section.relevant);
  section.relevant = false;
  section.cost_nats = 3.1;
  judge(section, spans);
  CHECK_FALSE(section.relevant);
  section.cost_nats = 0.0;
  judge(section, {});
  CHECK(section.spread_nats == 0.0);
  CHECK_FALSE(section.relevant);  // above 0, not at it
}

TEST_CASE("what matters much does not hide what matters a little, and lets nothing else through") {
  constexpr int kTrials = 1000;
  Random random(10, 0);
  std::vector<int> relevant(8);
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> tokens(240);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::size_t section = i / 30;
      tokens[i] = 0.2 * random.next_normal() + (section < 2 ? 1.4 : section == 2 || section == 6 ? 0.3 : 0.0);
    }
    const auto sections = judged(random, tokens, 0, 30, 8);
    for (std::size_t i = 0; i < sections.size(); ++i) relevant[i] += sections[i].relevant;
  }
  for (const std::size_t i : {0U, 1U}) CHECK(relevant[i] > kTrials * 99 / 100);
  for (const std::size_t i : {2U, 6U}) CHECK(relevant[i] > kTrials * 90 / 100);
  for (const std::size_t i : {3U, 4U, 5U, 7U}) CHECK(relevant[i] < kTrials * 9 / 100);
}

TEST_CASE("spans that touch a relevant section leave the others' spread only where enough remain") {
  std::vector<SectionAttribution> sections(2);
  sections[0].span = {0, 10};
  sections[0].cost_nats = 100.0;
  sections[1].span = {10, 20};
  sections[1].cost_nats = 5.0;
  const quality::SpanCosts few{{3, 5, 7, 21, 31, 41}, {60.0, 50.0, 30.0, 0.0, 1.0, -1.0}};
  quality::SpanCosts enough = few;
  enough.starts.push_back(51);
  enough.nats.push_back(0.0);
  const std::vector<quality::SpanCosts> first{{{31, 41}, {0.0, 1.0}}, few}, second{{{31, 41}, {0.0, 1.0}}, enough};
  quality::judge_sections(sections, first);
  CHECK(sections[0].relevant);
  CHECK_FALSE(sections[1].relevant);
  CHECK(sections[1].random_spans == 6);
  sections[0].relevant = false;
  quality::judge_sections(sections, second);
  CHECK(sections[1].relevant);
  CHECK(sections[1].random_spans == static_cast<std::int64_t>(quality::kLeastSpans));
}

}  // namespace qbench::test
