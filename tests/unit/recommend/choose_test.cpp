#include "recommend/choose.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "recommend_examples.h"

using namespace qbench;
using namespace qbench::recommend;

namespace {

TaskNeeds needs() {
  TaskNeeds out;
  out.digest = "digest-unseen";
  out.prompt_tokens = 100;
  out.complexity.score = 3;
  return out;
}

Choice chosen(const Evidence& evidence, const std::string& constraints = {}, Preference preference = Preference::kBalanced) {
  return choose(evidence, predict(evidence, needs()), constraints.empty() ? std::vector<Constraint>{} : parse_constraints(constraints),
                preference);
}

/// A fast model that passes half, a slow one (4 times as long) that passes nine tenths.
Evidence fast_and_slow(int tasks) {
  record::ResultSet set;
  test::add_model(set, "fast", 10, tasks, tasks / 2);
  test::add_model(set, "slow", 40, tasks, tasks * 9 / 10);
  return gather_evidence({set}, {});
}

std::string first(const Evidence& evidence, const Choice& choice) { return evidence.candidates[choice.ranked.front().candidate].model; }

bool holds(const std::vector<std::string>& lines, std::string_view words) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(words) != std::string::npos; });
}

}  // namespace

TEST_CASE("the preference decides between a fast and a good model") {
  const Evidence evidence = fast_and_slow(60);
  CHECK(first(evidence, chosen(evidence)) == "fast");  // 2 s / 0.5 is less than 8 s / 0.9
  CHECK(first(evidence, chosen(evidence, "", Preference::kQuality)) == "slow");
  CHECK(first(evidence, chosen(evidence, "", Preference::kSpeed)) == "fast");
  CHECK(*chosen(evidence, "", Preference::kQuality).confidence > 0.99);
}

TEST_CASE("constraints rule candidates out, with the predicted value as the reason") {
  const Evidence evidence = fast_and_slow(60);
  const Choice choice = chosen(evidence, "success>80%");
  CHECK(first(evidence, choice) == "slow");
  CHECK(holds(choice.reasons, "fast on cpu (Some CPU), bf16 breaks success>80%: predicted 50 %"));
  const Choice none = chosen(evidence, "success>80%,tok_per_s>50");
  CHECK_FALSE(none.chosen());
  CHECK(none.reasons.size() == 2);
}

TEST_CASE("two alike models win about half of the resamples each") {
  record::ResultSet set;
  for (int i = 0; i < 40; ++i) {
    set.rows.push_back(test::judged_row("one", "task" + std::to_string(i), 200, 100, 10, i % 2 == 0));
    set.rows.push_back(test::judged_row("two", "task" + std::to_string(i), 200, 100, 10, i % 2 == 1));
  }
  const Evidence evidence = gather_evidence({set}, {});
  const Choice choice = chosen(evidence, "", Preference::kQuality);
  CHECK(*choice.confidence > 0.35);
  CHECK(*choice.confidence < 0.65);
  CHECK(holds(choice.caveats, "of the resamples only"));
}

TEST_CASE("without judged tasks the choice is by speed and says so") {
  const Evidence evidence = gather_evidence({test::set_of({test::row("slow", "p", record::Pass::kText, 100, 100, 40),
                                                           test::row("fast", "p", record::Pass::kText, 100, 100, 10)})},
                                            {});
  TaskNeeds task = needs();
  task.output_tokens = 100;
  const Choice choice = choose(evidence, predict(evidence, task), {}, Preference::kBalanced);
  CHECK(first(evidence, choice) == "fast");
  CHECK(holds(choice.caveats, "by speed alone"));
  CHECK_FALSE(chosen(evidence, "success>10%").chosen());
}

TEST_CASE("a model that no task was judged of ranks behind those that have some, and nothing measured chooses nothing") {
  record::ResultSet set;
  test::add_model(set, "judged", 40, 10, 1);
  set.rows.push_back(test::row("unknown", "p", record::Pass::kText, 100, 10, 1));
  set.rows.back().metric(record::MetricId::kOutputTokens).value = 200;
  const Evidence evidence = gather_evidence({set}, {});
  CHECK(first(evidence, chosen(evidence)) == "judged");
  CHECK_FALSE(chosen(Evidence{}).chosen());
  CHECK(chosen(Evidence{}).ranked.empty());
}

TEST_CASE("a choice that passed nothing is said to be none that works") {
  record::ResultSet set;
  test::add_model(set, "hopeless", 10, 30, 0);
  const Evidence evidence = gather_evidence({set}, {});
  const Choice choice = chosen(evidence);
  CHECK(choice.chosen());
  CHECK(holds(choice.caveats, "it passed no task"));
  CHECK_FALSE(holds(choice.reasons, "working code"));
}
