#include "quality/prompt/prompt_ab.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <map>

#include "base/plural.h"
#include "stats/exact_tests.h"
#include "stats/median_interval.h"
#include "stats/summary.h"

namespace qbench::quality {
namespace {

constexpr double kSignificance = 0.05;

/// Pairs by what counts as one observation.
using Units = std::vector<std::vector<const AbPair*>>;

Units units_of(const std::vector<const AbPair*>& pairs, std::int64_t& tasks) {
  std::map<std::string_view, std::vector<const AbPair*>> by_task;
  for (const AbPair* pair : pairs) by_task[pair->task_id].push_back(pair);
  tasks = static_cast<std::int64_t>(by_task.size());
  Units units;
  if (tasks > 1) {
    for (auto& [id, samples] : by_task) units.push_back(std::move(samples));
  } else {
    for (const AbPair* pair : pairs) units.push_back({pair});
  }
  return units;
}

AbQuantity compare(const Units& units, const std::function<double(const AbAnswer&)>& value) {
  std::vector<double> a, b, logs;
  for (const auto& unit : units) {
    std::vector<double> of_unit;
    for (const AbPair* pair : unit) {
      a.push_back(value(pair->a));
      b.push_back(value(pair->b));
      if (a.back() > 0.0 && b.back() > 0.0) of_unit.push_back(std::log(b.back() / a.back()));
    }
    if (!of_unit.empty()) logs.push_back(*stats::mean(of_unit));
  }
  AbQuantity quantity{*stats::median(a), *stats::median(b), {}, {}};
  if (logs.empty()) return quantity;
  quantity.ratio = std::exp(*stats::median(logs));
  if (const auto interval = stats::sign_test_median_interval(logs))
    quantity.interval = stats::Interval{std::exp(interval->low), std::exp(interval->high)};
  return quantity;
}

void decide(AbResult& result) {
  const bool clustered = result.tasks > 1 && result.pairs > result.tasks;
  const std::int64_t differing = result.better_a + result.better_b, units = clustered ? result.tasks : result.pairs;
  const std::string differ = clustered        ? fmt::format("{} of {} tasks differ", differing, result.tasks)
                             : differing == 1 ? std::string("1 pair disagrees")
                                              : plural(differing, "pair") + " disagree";
  const std::string success = fmt::format("A passes {} of {}, B {} of {}; {} (McNemar's exact p = {:.3g})", result.a_passed, result.pairs,
                                          result.b_passed, result.pairs, differ, result.mcnemar_p);
  if (result.mcnemar_p < kSignificance) {
    result.verdict = result.better_b > result.better_a ? AbVerdict::kB : AbVerdict::kA;
    const bool one_task = result.tasks == 1 && result.pairs > 1;
    result.reason = fmt::format("{}: {} succeeds more often{}", success, name_of(result.verdict), one_task ? " at this task" : "");
    return;
  }
  if (result.a_passed + result.b_passed == 0) {
    result.reason = success + ": neither passes any, and cheap answers that all fail are worth nothing";
    return;
  }
  const auto& tokens = result.total_tokens;
  if (!tokens.interval) {
    result.reason = success + fmt::format(": no difference shown, and {} {} too few to judge tokens by (6 are needed)",
                                          plural(units, clustered ? "task" : "pair"), units == 1 ? "is" : "are");
    return;
  }
  const std::string ratio = fmt::format("B takes {:.3g} times A's tokens (95 % interval {:.3g} to {:.3g})", *tokens.ratio,
                                        tokens.interval->low, tokens.interval->high);
  if (tokens.interval->high < 1.0 || tokens.interval->low > 1.0) {
    result.verdict = tokens.interval->high < 1.0 ? AbVerdict::kB : AbVerdict::kA;
    result.reason = fmt::format("{}: no difference in success shown; {}: {} is cheaper", success, ratio, name_of(result.verdict));
    return;
  }
  result.reason = fmt::format("{}: no difference in success shown; {}: none in tokens", success, ratio);
}

}  // namespace

std::string_view name_of(AbVerdict verdict) noexcept {
  switch (verdict) {
    case AbVerdict::kA:
      return "A";
    case AbVerdict::kB:
      return "B";
    case AbVerdict::kUndecided:
      return "undecided";
  }
  return "unknown";
}

AbResult compare_prompts(std::span<const AbPair> pairs) {
  AbResult result;
  std::vector<const AbPair*> judged;
  for (const AbPair& pair : pairs) {
    if (pair.a.status == record::TaskStatus::kHarnessError || pair.b.status == record::TaskStatus::kHarnessError) {
      ++result.left_out;
      continue;
    }
    judged.push_back(&pair);
    result.a_passed += pair.a.passed();
    result.b_passed += pair.b.passed();
    result.only_a += pair.a.passed() && !pair.b.passed();
    result.only_b += pair.b.passed() && !pair.a.passed();
  }
  result.pairs = static_cast<std::int64_t>(judged.size());
  if (judged.empty()) {
    result.reason = "no pair could be judged";
    return result;
  }
  const Units units = units_of(judged, result.tasks);
  for (const auto& unit : units) {
    std::int64_t lead = 0;  // of A
    for (const AbPair* pair : unit) lead += (pair->a.passed() ? 1 : 0) - (pair->b.passed() ? 1 : 0);
    result.better_a += lead > 0;
    result.better_b += lead < 0;
  }
  result.mcnemar_p = stats::mcnemar_exact_p(result.better_a, result.better_b);
  const auto number = [](std::int64_t count) { return static_cast<double>(count); };
  result.prompt_tokens = compare(units, [&](const AbAnswer& one) { return number(one.prompt_tokens); });
  result.output_tokens = compare(units, [&](const AbAnswer& one) { return number(one.output_tokens); });
  result.total_tokens = compare(units, [&](const AbAnswer& one) { return number(one.prompt_tokens + one.output_tokens); });
  result.seconds = compare(units, [](const AbAnswer& one) { return one.seconds; });
  result.tokens_per_s =
      compare(units, [&](const AbAnswer& one) { return one.seconds > 0.0 ? number(one.output_tokens) / one.seconds : 0.0; });
  decide(result);
  return result;
}

}  // namespace qbench::quality
