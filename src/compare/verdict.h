#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/metric_catalog.h"

/// What is said about a metric of one cell in two results, or in one result against its history.
namespace qbench::compare {

enum class Verdict : std::uint8_t {
  kSame,
  kBetter,
  kWorse,    ///< a regression: the only verdict that makes the exit code 1
  kSuspect,  ///< a first excess over the history's band: the next night decides
  kUnclear,  ///< judged, but the data do not carry a verdict
  kMissing,  ///< not there, on one side or both
};
inline constexpr std::size_t kVerdictCount = 6;

/// Why; stands beside each verdict in every format.
enum class Reason : std::uint8_t {
  kWithinDelta,      ///< same: every ratio of a new to a base session lies within delta
  kSessionsApart,    ///< better, worse: every new session lies beyond every base session, and the medians by more than delta
  kOverlap,          ///< unclear: neither of the two
  kFewSessions,      ///< unclear: fewer than three sessions on a side
  kEqual,            ///< same: bytes, tokens or digests that are equal or differ by less than their tolerance
  kDiffers,          ///< better, worse, unclear: bytes, tokens or digests that differ
  kSameOutput,       ///< same: the output ids are identical, so that no task can end differently
  kPairedTasks,      ///< same, better, worse, unclear: exact McNemar test on the tasks that both ran
  kNoValue,          ///< missing: a side has no value
  kNoPartner,        ///< missing: a side has no such row
  kFailed,           ///< missing: the row failed or was skipped
  kThrottled,        ///< unclear: too many samples at lowered clocks
  kUnlikeMachines,   ///< unclear: other or unknown hardware, another host, driver or limits
  kUnlikeWork,       ///< unclear: other weights, tokenizer, template, prompt, number of tokens, settings or kind of build
  kNoRatio,          ///< unclear: the base value is 0
  kWithinBand,       ///< same: gate
  kImproved,         ///< better: beyond the band on the good side
  kFirstExcess,      ///< suspect
  kConfirmedExcess,  ///< worse: the second night in a row
  kNoBaseline,       ///< unclear: fewer accepted nights than a warning needs
  kShortBaseline,    ///< unclear: in excess, but fewer accepted nights than a failure needs
  kNoisy,            ///< unclear: the nights scatter too much
  kClocks,           ///< unclear: slower in time but not in clock cycles
  kPairsWithin,      ///< same: the interval of the pairs' ratio lies within delta
  kPairsBeyond,      ///< better, worse: that interval lies wholly beyond delta
  kPairsStraddle,    ///< unclear: that interval holds delta's edge
  kFewPairs,         ///< unclear: fewer than ten pairs
  kSameNight,        ///< suspect: in excess, as a suspect of the same night was; the next night decides
};

std::string_view name_of(Verdict verdict) noexcept;  ///< "same", "better", ...
std::string_view name_of(Reason reason) noexcept;    ///< "within_delta", "sessions_apart", ...

/// One metric, judged.
struct Judgement {
  std::string metric;  ///< name in the catalogue, a column of bytes ("kv_bytes"), "output_digest" or "tasks"
  std::string unit;    ///< empty for texts
  record::Better better = record::Better::kNeither;
  Verdict verdict = Verdict::kMissing;
  Reason reason = Reason::kNoValue;
  std::string sentence;                             ///< the reason in words, with its numbers; no line break
  std::optional<double> base, fresh;                ///< BASE's value or the history's median; NEW's value
  std::optional<double> ratio;                      ///< fresh / base; of pairs the median of theirs
  std::optional<double> ratio_low, ratio_high;      ///< of pairs: 95 % interval of that ratio
  std::optional<double> delta;                      ///< tolerance of a comparison, of the ratio
  std::optional<double> band;                       ///< of a gate: how far the ratio may lie from 1
  std::vector<double> base_sessions, new_sessions;  ///< of a gate: base_sessions are the accepted nights, oldest first; of pairs: their values in order
  std::string base_text, new_text;                  ///< of digests
};

}  // namespace qbench::compare
