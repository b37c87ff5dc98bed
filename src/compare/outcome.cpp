#include "compare/outcome.h"

#include <algorithm>

namespace qbench::compare {
namespace {

/// Verdicts that say "look at this" where nothing was proven. A metric that neither side has is no news.
bool is_inconclusive(const Judgement& judgement) {
  if (judgement.verdict == Verdict::kMissing) {
    const bool base = judgement.base.has_value() || !judgement.base_text.empty(),
               fresh = judgement.fresh.has_value() || !judgement.new_text.empty();
    return judgement.reason != Reason::kNoValue || base != fresh;
  }
  return judgement.verdict == Verdict::kSuspect || judgement.verdict == Verdict::kUnclear;
}

}  // namespace

std::string_view name_of(Verdict verdict) noexcept {
  static constexpr std::array<std::string_view, kVerdictCount> kNames{"same", "better", "worse", "suspect", "unclear", "missing"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::string_view name_of(Reason reason) noexcept {
  static constexpr std::string_view kNames[] = {
      "within_delta", "sessions_apart", "overlap",          "few_sessions", "equal",           "differs",     "same_output", "paired_tasks",
      "no_value",     "no_partner",     "failed",           "throttled",    "unlike_machines", "unlike_work", "no_ratio",    "within_band",
      "improved",     "first_excess",   "confirmed_excess", "no_baseline",  "short_baseline",  "noisy",       "clocks",
      "pairs_within", "pairs_beyond",   "pairs_straddle",   "few_pairs",    "same_night"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string_view name_of(RowState state) noexcept {
  static constexpr std::string_view kNames[] = {"measured", "throttled", "failed", "skipped", "absent"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string CellOutcome::name() const {
  std::string text = model + " " + precision + " " + prompt + " " + device;
  if (pass != "speed") text += " " + pass;
  if (!settings.empty()) text += " (" + settings + ")";
  return text;
}

std::size_t Comparison::count(Verdict verdict) const {
  std::size_t n = 0;
  for (const CellOutcome& cell : cells) {
    n += static_cast<std::size_t>(
        std::count_if(cell.judgements.begin(), cell.judgements.end(), [&](const Judgement& j) { return j.verdict == verdict; }));
  }
  return n;
}

bool Comparison::any_failed() const {
  return std::any_of(cells.begin(), cells.end(), [](const CellOutcome& cell) { return cell.new_state == RowState::kFailed; });
}

bool is_nothing_judged(const Comparison& comparison) {
  if (!comparison.is_gate) return false;
  return std::none_of(comparison.cells.begin(), comparison.cells.end(), [](const CellOutcome& cell) {
    return std::any_of(cell.judgements.begin(), cell.judgements.end(), [](const Judgement& judgement) {
      return judgement.verdict != Verdict::kMissing && judgement.metric != "output_digest";
    });
  });
}

int exit_code(const std::vector<Comparison>& comparisons, bool strict) {
  bool failed = false, worse = false, inconclusive = false;
  for (const Comparison& comparison : comparisons) {
    failed = failed || comparison.any_failed();
    worse = worse || comparison.count(Verdict::kWorse) > 0;
    inconclusive = inconclusive || is_nothing_judged(comparison);
    for (const CellOutcome& cell : comparison.cells) {
      inconclusive = inconclusive || std::any_of(cell.judgements.begin(), cell.judgements.end(), is_inconclusive);
    }
  }
  if (failed) return 3;
  if (worse) return 1;
  return strict && inconclusive ? 4 : 0;
}

}  // namespace qbench::compare
