#include "compare/sentences.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compare/pair_rule.h"
#include "compare/session_rule.h"
#include "record/metric_catalog.h"

namespace qbench::compare {
namespace {

std::string percent(double ratio) { return fmt::format("{:.1f} %", 100 * ratio); }
std::string change(double ratio) { return fmt::format("{:+.1f} %", 100 * (ratio - 1)); }

std::string both_values(const Judgement& j) {
  if (!j.base || !j.fresh) return {};
  std::string text = value_text(*j.base, j.unit) + " to " + value_text(*j.fresh, j.unit);
  if (j.ratio) text += " (" + change(*j.ratio) + ")";
  return text;
}

std::string delta_text(const Judgement& j) { return "delta " + percent(j.delta.value_or(0)); }
std::string band_text(const Judgement& j) { return j.band ? "band " + percent(*j.band) : std::string("no band"); }

std::string sessions_text(std::size_t n) { return n == 1 ? "one session" : fmt::format("{} sessions", n); }

std::string nights_text(const Judgement& j) {
  return j.base_sessions.size() == 1 ? "one accepted night" : fmt::format("{} accepted nights", j.base_sessions.size());
}

std::string missing_text(const Judgement& j) {
  const bool base = j.base.has_value() || !j.base_text.empty(), fresh = j.fresh.has_value() || !j.new_text.empty();
  if (!base && !fresh) return "neither side has a value";
  return base ? "NEW has no value" : "BASE has no value";
}

/// "ratio of 10 pairs 0.833 [0.812, 0.851]".
std::string pairs_text(const Judgement& j) {
  std::string text = j.base_sessions.size() == 1 ? "ratio of one pair" : fmt::format("ratio of {} pairs", j.base_sessions.size());
  text += fmt::format(" {:.3f}", j.ratio.value_or(1));
  return j.ratio_low && j.ratio_high ? text + fmt::format(" [{:.3f}, {:.3f}]", *j.ratio_low, *j.ratio_high) : text;
}

std::string gate_sentence(const Judgement& j) {
  const std::string values = both_values(j);
  switch (j.reason) {
    case Reason::kWithinBand:
      return fmt::format("{} within the {}", values, band_text(j));
    case Reason::kImproved:
      return fmt::format("{}: better than the {}; rebaseline if it is to stay", values, band_text(j));
    case Reason::kFirstExcess:
      return fmt::format("{} is beyond the {} for the first time; the next night decides", values, band_text(j));
    case Reason::kSameNight:
      return fmt::format("{} is beyond the {}, as a run of the same night (12 h) was; another night decides", values, band_text(j));
    case Reason::kConfirmedExcess:
      return fmt::format("{} is beyond the {}, as the night before was", values, band_text(j));
    case Reason::kNoBaseline:
      return fmt::format("{}: too few for a baseline", nights_text(j));
    case Reason::kShortBaseline:
      return fmt::format("{} is beyond the {}, but {} only warn", values, band_text(j), nights_text(j));
    case Reason::kNoisy:
      return fmt::format("{}: the nights scatter too much for a verdict ({})", values, band_text(j));
    case Reason::kClocks:
      return fmt::format("{} in time, but within the {} in clock cycles: the device ran slower, not the code", values, band_text(j));
    default:
      return values;
  }
}

}  // namespace

void describe_metric(Judgement& judgement, const std::string& metric) {
  judgement.metric = metric;
  if (const auto id = record::metric_from_name(metric)) {
    judgement.unit = record::info_of(*id).unit;
    judgement.better = record::info_of(*id).better;
  } else {
    judgement.unit = "bytes";
    judgement.better = record::Better::kLower;
  }
}

std::string value_text(double value, const std::string& unit) {
  const std::string suffix = unit.empty() || unit == "1" ? "" : " " + unit;
  if (unit == "bytes") {
    // Small differences of exact counts must not vanish in rounding.
    return std::abs(value) < 1e6
               ? fmt::format("{:.0f} B", value)
               : fmt::format("{:.4g} {}", std::abs(value) < 1e9 ? value / 1e6 : value / 1e9, std::abs(value) < 1e9 ? "MB" : "GB");
  }
  if (value == std::trunc(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}{}", value, suffix);
  return fmt::format("{:.{}f}{}", value, std::abs(value) >= 1000 ? 0 : std::abs(value) >= 100 ? 1 : std::abs(value) >= 10 ? 2 : 3, suffix);
}

std::string sentence_of(const Judgement& j, const std::string& detail) {
  const std::string values = both_values(j);
  switch (j.reason) {
    case Reason::kWithinDelta:
      return fmt::format("{}: every ratio of a new to a base session lies within {}", values, delta_text(j));
    case Reason::kSessionsApart:
      return fmt::format("{}: every new session is {} than every base one, medians apart by more than {}", values,
                         j.verdict == Verdict::kWorse ? "worse" : "better", delta_text(j));
    case Reason::kOverlap:
      return fmt::format("{}: neither apart nor all within {}", values, delta_text(j));
    case Reason::kFewSessions:
      return fmt::format("{}: {} in BASE, {} in NEW, a verdict needs {} on both sides", values, sessions_text(j.base_sessions.size()),
                         sessions_text(j.new_sessions.size()), kFewestSessions);
    case Reason::kEqual:
      return j.base_text.empty() ? fmt::format("{}, {}", values, delta_text(j)) : std::string("the same output ids");
    case Reason::kDiffers:
      return j.base_text.empty() ? fmt::format("{}, more than {}", values, delta_text(j))
                                 : fmt::format("other output ids: {:.12} to {:.12}", j.base_text, j.new_text);
    case Reason::kSameOutput:
      return "the output ids are identical, so no task can end differently";
    case Reason::kPairedTasks:
      return detail;
    case Reason::kNoValue:
      return missing_text(j);
    case Reason::kThrottled:
      return values + (values.empty() ? "" : ": ") + "too many samples were taken at lowered clocks";
    case Reason::kUnlikeMachines:
      return fmt::format("{}{}other machine: {}", values, values.empty() ? "" : "; ", detail);
    case Reason::kUnlikeWork:
      return fmt::format("{}{}not the same work: {}", values, values.empty() ? "" : "; ", detail);
    case Reason::kNoRatio:
      return fmt::format("{}: the base value is 0", values);
    case Reason::kNoPartner:
    case Reason::kFailed:
      return detail;
    case Reason::kPairsWithin:
      return fmt::format("{}: the interval lies within {}", pairs_text(j), delta_text(j));
    case Reason::kPairsBeyond:
      return fmt::format("{}: the interval lies beyond {} on the {} side", pairs_text(j), delta_text(j), name_of(j.verdict));
    case Reason::kPairsStraddle:
      return fmt::format("{}: the interval holds an edge of {}; more pairs make it narrower", pairs_text(j), delta_text(j));
    case Reason::kFewPairs:
      return fmt::format("{}: a verdict needs {}", pairs_text(j), kFewestPairs);
    default:
      return gate_sentence(j);
  }
}

std::string short_text(const Judgement& j) {
  const auto with = [&](std::string_view words) { return fmt::format("{} ({})", name_of(j.verdict), words); };
  switch (j.reason) {
    case Reason::kOverlap:
      return with("overlap");
    case Reason::kFewSessions:
      return with(std::min(j.base_sessions.size(), j.new_sessions.size()) == 1 ? "one session" : "two sessions");
    case Reason::kDiffers:
      return j.verdict == Verdict::kUnclear ? with("differs") : std::string(name_of(j.verdict));
    case Reason::kThrottled:
      return with("throttled");
    case Reason::kUnlikeMachines:
      return with("machines");
    case Reason::kUnlikeWork:
      return with("other work");
    case Reason::kNoRatio:
      return with("base is 0");
    case Reason::kFailed:
      return with("failed");
    case Reason::kNoPartner:
      return with("no such row");
    case Reason::kPairedTasks:
      return j.verdict == Verdict::kUnclear ? with("p too high") : std::string(name_of(j.verdict));
    case Reason::kConfirmedExcess:
      return with("confirmed");
    case Reason::kFirstExcess:
      return with("first night");
    case Reason::kSameNight:
      return with("same night");
    case Reason::kNoBaseline:
      return with("no baseline");
    case Reason::kShortBaseline:
      return with("few nights");
    case Reason::kNoisy:
      return with("noisy");
    case Reason::kClocks:
      return with("clocks");
    case Reason::kFewPairs:
      return with("few pairs");
    default:
      return std::string(name_of(j.verdict));
  }
}

std::vector<MetricRule> in_display_order(const Rules& rules) {
  const auto place = [](const MetricRule& rule) {
    const auto id = record::metric_from_name(rule.metric);
    return id ? static_cast<std::size_t>(*id) : record::kMetricCount;
  };
  std::vector<MetricRule> ordered = rules.metrics;
  std::stable_sort(ordered.begin(), ordered.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return ordered;
}

}  // namespace qbench::compare
