#pragma once

#include <span>

#include "compare/verdict.h"

/// Verdicts on plain numbers, without a model of their noise.
namespace qbench::compare {

inline constexpr std::size_t kFewestSessions = 3;

struct RuleResult {
  Verdict verdict = Verdict::kUnclear;
  Reason reason = Reason::kOverlap;
};

/// Values of sessions, one a fresh process, at least one on each side, all finite; `better` is not kNeither. Fewer than kFewestSessions on
/// a side: unclear. Every new one worse than every base one and the medians apart by more than `delta` of BASE's: worse; better likewise.
/// Every ratio of a new to a base one within 1 +- delta: same. Else, and with a median of BASE of 0 that NEW does not share, unclear.
RuleResult judge_sessions(std::span<const double> base, std::span<const double> fresh, record::Better better, double delta);

/// Bytes and the like, which one session settles: same within `delta`, else better or worse.
RuleResult judge_counted(double base, double fresh, record::Better better, double delta);

/// Tasks that both sides ran, exact McNemar: worse or better where p is below `max_p`, same where none differs, else unclear.
RuleResult judge_tasks(std::int64_t lost, std::int64_t gained, double max_p);

}  // namespace qbench::compare
