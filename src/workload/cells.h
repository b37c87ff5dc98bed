#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "workload/suite.h"

namespace qbench::workload {

/// One model, one prompt, one pass: the unit that becomes a row.
struct Cell {
  std::size_t model_index = 0;   ///< into the run's list of models
  std::size_t prompt_index = 0;  ///< into Suite::prompts
  std::string prompt_id;
  Pass pass = Pass::kSpeed;
  std::int64_t repetitions = 1;  ///< measured ones; the text pass has one; 0: by the stopping rule
  std::int64_t warmup = 0;       ///< requests before them; below 0: until they are stable
  EffectiveSettings settings;    ///< built-in, under suite, under prompt, under profile, under command line

  /// "<prompt id>/<pass>": the same in every run of the suite, unique per model; what --resume looks for.
  std::string key() const;
  /// Tokens that one request of this cell generates at most, per turn.
  std::int64_t new_tokens_per_turn() const { return pass == Pass::kSpeed ? settings.gen_tokens : settings.max_new_tokens; }
};

/// Settings of one prompt: built-in values, suite and prompt over them, `profile` over those, `command_line` over all.
EffectiveSettings settings_for(const Prompt& prompt, const Settings& profile, const Settings& command_line);

/// All cells, in the order in which they run: model by model; of a model all speed cells in the suite's order, then all text cells.
/// A pure function of its arguments. `models` may be 0 (no cells).
std::vector<Cell> make_cells(std::size_t models, const Suite& suite, const Settings& profile, const Settings& command_line);

}  // namespace qbench::workload
