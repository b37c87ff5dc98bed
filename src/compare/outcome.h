#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compare/verdict.h"

/// The outcome of a comparison or a gate as plain data: what every format of it is made from.
namespace qbench::compare {

using Facts = std::vector<std::pair<std::string, std::string>>;

/// Where one side comes from.
struct Source {
  std::string path;  ///< as it was given; of a gate's base side the history file
  std::string run_id, started_utc;
  Facts machine;  ///< columns of machine and build
};

enum class RowState : std::uint8_t { kMeasured, kThrottled, kFailed, kSkipped, kAbsent };
std::string_view name_of(RowState state) noexcept;  ///< "measured", "throttled", "failed", "skipped", "absent"

/// One cell that a side or both have.
struct CellOutcome {
  std::string model, precision, prompt, device;  ///< prompt: "suite/prompt_id", " turn 2" where it has turns; device: "cpu" or "cuda"
  std::string pass;
  std::string settings;            ///< what else tells it from other cells of the model: "batch 4, kv fp8"; may be empty
  std::string device_description;  ///< processor or GPU of NEW (of BASE where NEW has no such row)
  RowState base_state = RowState::kAbsent, new_state = RowState::kAbsent;  ///< of a gate, base_state says whether the history knows the key
  std::string failure;                                                     ///< of NEW's row: "memory: does not fit"; empty where it worked
  std::vector<std::string> notes;                                          ///< one line each: settings that differ, other machine
  std::optional<double> measured_s;                                        ///< seconds that NEW's timed repetitions took
  std::vector<Judgement> judgements;                                       ///< digests first
  std::string name() const;                                                ///< "model precision prompt device", settings in parentheses
};

/// NEW against BASE, or against a history.
struct Comparison {
  bool is_gate = false;
  bool is_paired = false;  ///< processes of two builds in turn: base is the baseline, fresh the candidate
  Source base, fresh;
  std::vector<CellOutcome> cells;
  std::vector<std::string> notes;  ///< about the whole: machines that differ, files without sessions
  std::size_t count(Verdict verdict) const;
  bool any_failed() const;  ///< a row of NEW failed, whatever BASE's did
};

/// A gate that had no metric to judge: text rows alone, or a gate file that gates nothing. No pass.
bool is_nothing_judged(const Comparison& comparison);

/// 0 fine, 1 something is worse, 3 a model failed, 4 with `strict` where something is suspect, unclear or missing on one side only, or where a
/// gate judged nothing;
/// several: 3, 1, 4.
int exit_code(const std::vector<Comparison>& comparisons, bool strict);

}  // namespace qbench::compare
