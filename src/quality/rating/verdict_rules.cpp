#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/plural.h"
#include "quality/rating/evidence.h"

namespace qbench::quality {
namespace {

constexpr double kCorrectnessWeight = 4, kTestedPercent = 50;
constexpr std::array<double, 4> kStarScores{3.0, 5.0, 7.0, 8.5};  ///< from here on 2, 3, 4, 5 stars

struct Cap {
  double score;
  std::string why;
};

/// A judge's word, else that of its own tests, which must do more than import the code.
bool ran_and_passed(const Evidence& evidence, const KpiValues& kpis) {
  if (counts(evidence.correctness)) return evidence.correctness->status == record::TaskStatus::kPass;
  const std::optional<double>& reached = kpis[static_cast<std::size_t>(Kpi::kTestCoverage)].value;
  return evidence.coverage && evidence.coverage->passed > 0 && evidence.coverage->failed + evidence.coverage->errors == 0 && reached &&
         *reached >= kTestedPercent;
}

bool passes(const Evidence& evidence) { return counts(evidence.correctness) && evidence.correctness->status == record::TaskStatus::kPass; }

/// How many functions there are, where all of them are placeholders; 0 where one is not.
std::int64_t only_hollow(const Facts& facts) {
  std::int64_t hollow = 0;
  for (const FunctionFacts& one : facts.functions) {
    if (!one.is_rated()) continue;
    if (one.body == "ok") return 0;
    ++hollow;
  }
  return hollow;
}

/// What a score cannot rise above, the lowest first.
std::vector<Cap> caps_of(const Evidence& evidence, const KpiValues& kpis) {
  std::vector<Cap> caps;
  const Facts& facts = evidence.facts;
  if (const SourceFacts* broken = facts.unparsed()) {
    caps.push_back({2.9, fmt::format("{} does not {}{}: {}", broken->path, parse_verb(evidence),
                                     broken->parse_error_line > 0 ? fmt::format(" (line {})", broken->parse_error_line) : std::string(),
                                     *broken->parse_error)});
  }
  if (counts(evidence.correctness)) {
    const Correctness& verdict = *evidence.correctness;
    if (verdict.status == record::TaskStatus::kCompileError) caps.push_back({2.9, "it does not compile: " + verdict.detail});
    if (verdict.status != record::TaskStatus::kPass) caps.push_back({verdict.score_limit, correctness_text(evidence.correctness)});
  }
  if (evidence.unfinished) caps.push_back({4.9, "the answer was cut off"});
  if (const std::int64_t hollow = only_hollow(facts); hollow > 0 && !passes(evidence)) {
    caps.push_back(
        {2.9, hollow == 1 ? std::string("its only function does nothing") : fmt::format("none of its {} functions does anything", hollow)});
  }
  if (facts.unparsed() == nullptr && !kpis[static_cast<std::size_t>(Kpi::kCompleteness)].value && !passes(evidence))
    caps.push_back({6.9, "it was not run, and nothing in it can be counted as done"});
  if (!facts.undefined.empty())
    caps.push_back(
        {4.9, fmt::format("{} is used in line {} and defined nowhere", facts.undefined.front().text, facts.undefined.front().line)});
  if (const auto complete = kpis[static_cast<std::size_t>(Kpi::kCompleteness)].value;
      complete && *complete < 5 && facts.unparsed() == nullptr) {
    caps.push_back({4.9, fmt::format("completeness is {:g} of 10", *complete)});
  }
  for (const Spot& one : facts.imports) {
    if (one.kind == "unknown") {
      caps.push_back({6.9, fmt::format("nothing known by the name of {} can be imported (line {})", one.text, one.line)});
      break;
    }
  }
  if (evidence.coverage && evidence.coverage->failed + evidence.coverage->errors > 0) {
    caps.push_back({6.9, fmt::format("{} of its own tests fail", evidence.coverage->failed + evidence.coverage->errors)});
  }
  if (!ran_and_passed(evidence, kpis) && !(counts(evidence.correctness))) {
    caps.push_back({8.4, evidence.coverage && evidence.coverage->passed > 0
                             ? "its own tests reach less than half of its lines, so five stars are out of reach"
                             : "it was not run, so five stars are out of reach"});
  }
  std::stable_sort(caps.begin(), caps.end(), [](const Cap& a, const Cap& b) { return a.score < b.score; });
  return caps;
}

std::optional<double> correctness_part(const std::optional<Correctness>& verdict) {
  if (!counts(verdict)) return std::nullopt;
  if (verdict->status == record::TaskStatus::kPass) return 10.0;
  if (verdict->total <= 0) return 0.0;
  return (verdict->works() ? 10.0 : 5.0) * static_cast<double>(verdict->passed) / static_cast<double>(verdict->total);
}

int stars_of(double score) {
  int stars = 1;
  for (const double from : kStarScores) stars += score >= from ? 1 : 0;
  return stars;
}

/// What keeps the code from the next class, first reason found; empty where nothing does.
std::string held_back(const Evidence& evidence, const Rating& rating, double handling_percent, bool medium_findings_too) {
  const std::optional<double>& handling = rating.kpi(Kpi::kErrorHandling).value;
  if (handling && *handling < handling_percent)
    return fmt::format("error handling covers {:g} %, less than {:g} %", *handling, handling_percent);
  for (const SecurityFinding& one : evidence.security.value_or(std::vector<SecurityFinding>{})) {
    if (one.severity == "HIGH" || (medium_findings_too && one.severity == "MEDIUM"))
      return fmt::format("bandit reports {} ({}) in line {}", one.rule, one.severity, one.line);
  }
  return {};
}

void judge_readiness(const Evidence& evidence, Rating& rating) {
  const int stars = *rating.stars;
  if (stars <= 2) {
    rating.readiness = Readiness::kLow;
    rating.readiness_reason = fmt::format("{} of 5 stars: {}", stars, rating.stars_reason);
    return;
  }
  const std::string high =
      stars < 4 ? fmt::format("{} of 5 stars: {}", stars, rating.stars_reason) : held_back(evidence, rating, 60, false);
  if (!high.empty()) {
    rating.readiness = Readiness::kMedium;
    rating.readiness_reason = high;
    return;
  }
  const std::string very_high =
      stars < 5 ? fmt::format("{} of 5 stars: {}", stars, rating.stars_reason) : held_back(evidence, rating, 80, true);
  rating.readiness = very_high.empty() ? Readiness::kVeryHigh : Readiness::kHigh;
  rating.readiness_reason = very_high;
  if (very_high.empty()) {
    rating.readiness_reason = correctness_text(evidence.correctness);
    if (rating.readiness_reason.empty())
      rating.readiness_reason = fmt::format("its own {} tests pass", evidence.coverage ? evidence.coverage->passed : 0);
    if (const auto& handling = rating.kpi(Kpi::kErrorHandling).value)
      rating.readiness_reason += fmt::format(", error handling covers {:g} %", *handling);
  }
}

void name_use_case(const Evidence& evidence, Rating& rating) {
  const std::int64_t code = evidence.facts.code_lines();
  const bool service = !evidence.facts.routes.empty();
  const std::string what =
      service ? "a service of " + plural(evidence.facts.routes.size(), "endpoint") : fmt::format("{} code lines", code);
  if (rating.readiness == Readiness::kVeryHigh) {
    rating.best_use_case = fmt::format("production after review: {}, {}", what, rating.readiness_reason);
  } else if (rating.readiness == Readiness::kHigh) {
    rating.best_use_case = fmt::format("professional development: {}; to be done first: {}", what, rating.readiness_reason);
  } else if (rating.readiness == Readiness::kMedium) {
    rating.best_use_case = fmt::format("a draft or prototype: {}; {}", what, rating.readiness_reason);
  } else {
    rating.best_use_case = fmt::format("reading matter, not for use: {}", rating.stars_reason);
  }
}

}  // namespace

std::string_view name_of(Readiness readiness) noexcept {
  switch (readiness) {
    case Readiness::kLow:
      return "Low";
    case Readiness::kMedium:
      return "Medium";
    case Readiness::kHigh:
      return "High";
    case Readiness::kVeryHigh:
      break;
  }
  return "Very High";
}

bool counts(const std::optional<Correctness>& correctness) {
  return correctness && correctness->status != record::TaskStatus::kHarnessError;
}

std::string correctness_text(const std::optional<Correctness>& correctness) {
  if (!counts(correctness)) return {};
  const bool pass = correctness->status == record::TaskStatus::kPass;
  const std::string share = fmt::format("{} of {} {}", correctness->passed, correctness->total, correctness->unit);
  if (pass) return correctness->total > 0 ? "it passes " + share : "it passes its tests";
  const std::string text = correctness->total > 0 ? fmt::format("it passes only {} (status {})", share, name_of(correctness->status))
                                                  : fmt::format("it fails its tests (status {})", name_of(correctness->status));
  return correctness->detail.empty() ? text : text + ": " + correctness->detail;
}

void judge_rating(const Evidence& evidence, Rating& rating) {
  double sum = 0, weights = 0;
  std::vector<std::pair<double, std::string>> lost;  // points of the whole that a part costs
  const auto add = [&](std::optional<double> part, double weight, std::string_view title) {
    if (!part) return;
    sum += weight * *part;
    weights += weight;
    lost.emplace_back(weight * (10 - *part),
                      fmt::format("{} {:g} of 10", title, static_cast<double>(static_cast<std::int64_t>(*part * 10 + 0.5)) / 10));
  };
  add(correctness_part(evidence.correctness), kCorrectnessWeight, "correctness");
  for (const KpiInfo& info : kpi_catalog()) add(part_of_score(evidence, rating.kpis, info.kpi), info.weight, info.title);
  double score = weights > 0 ? sum / weights : 0;
  const std::vector<Cap> caps = caps_of(evidence, rating.kpis);
  std::stable_sort(lost.begin(), lost.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  const bool capped = !caps.empty() && caps.front().score < score;
  if (capped) score = caps.front().score;
  score = static_cast<double>(static_cast<std::int64_t>(score * 10 + 0.5)) / 10;
  rating.quality_score = score;
  rating.stars = stars_of(score);
  rating.works = counts(evidence.correctness) && evidence.correctness->works();
  rating.stars_reason = fmt::format("score {:g} of 10", score);
  // A limit that is not reached and yet forbids the next star is the reason all the same.
  if (capped || (!caps.empty() && stars_of(caps.front().score) <= *rating.stars)) {
    rating.stars_reason = caps.front().why;
  } else if (!lost.empty() && lost.front().first > 0.05) {
    rating.stars_reason += ", held down most by " + lost.front().second;
  }
  judge_readiness(evidence, rating);
  name_use_case(evidence, rating);
}

}  // namespace qbench::quality
