#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.h"
#include "workload/settings.h"

namespace qbench::run {

/// --score and what goes with it.
struct ScoreOptions {
  bool score = false;
  std::int64_t n_samples = 1;         ///< answers to each task; the first one is the text pass's
  std::vector<std::int64_t> k = {1};  ///< of pass@k, ascending
  std::int64_t max_iterations = 1;    ///< attempts at each answer: the error goes back to the model
  std::int64_t jobs = 0;              ///< answers judged at once; 0: as many as there are cores, at most 8
  std::optional<std::string> sandbox = {};  ///< sandbox::name_of(level); nothing: the best there is
  bool unsafe = false;
  bool relevance = true;               ///< also ranks each prompt's first answer among other prompts
  bool attribution = false;            ///< also measures which parts of the prompt its first answer needs
  bool operator==(const ScoreOptions&) const = default;
};
/// Error{kUsage} when the level has no such name.
sandbox::Options sandbox_options(const ScoreOptions& options);

/// What decides what a run measures: everything that run.json keeps and --resume brings back.
struct RunOptions {
  std::vector<std::string> models;    ///< values of --models
  std::optional<std::string> suite;   ///< name or path; nothing of the three: the suite `codegen`
  std::optional<std::string> prompt;  ///< text
  std::optional<std::string> prompt_file;
  std::vector<std::string> prompt_ids;  ///< of the suite; empty: all
  std::optional<std::string> profile;   ///< name or path
  workload::Settings settings;          ///< from the command line
  std::string device = "auto";
  std::string isa;
  bool breakdown = false;            ///< where the time of each speed cell goes
  std::vector<std::string> ablate;   ///< paths that are left out one by one in each speed cell
  ScoreOptions scoring;              ///< of the answers of the text pass
  std::int64_t timeout_s = 0;  ///< most seconds that one model may take, loading included; 0: no limit
  bool stream = false;         ///< the text pass hands its text over while it is written

  bool operator==(const RunOptions&) const = default;
};

/// Paths that exist are made absolute, so that a run can be resumed from another folder.
RunOptions with_absolute_paths(RunOptions options);

nlohmann::ordered_json to_json(const ScoreOptions& options);
ScoreOptions score_options_from_json(const nlohmann::json& object, std::string_view where);
nlohmann::ordered_json to_json(const RunOptions& options);
/// Error{kConfig} with `where` for anything but what to_json wrote.
RunOptions run_options_from_json(const nlohmann::json& object, std::string_view where);

}  // namespace qbench::run
