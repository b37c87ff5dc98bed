#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workload/settings.h"

namespace qbench::run {

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
  std::int64_t timeout_s = 0;  ///< most seconds that one model may take, loading included; 0: no limit
  bool stream = false;         ///< the text pass hands its text over while it is written

  bool operator==(const RunOptions&) const = default;
};

/// Paths that exist are made absolute, so that a run can be resumed from another folder.
RunOptions with_absolute_paths(RunOptions options);

nlohmann::ordered_json to_json(const RunOptions& options);
/// Error{kConfig} with `where` for anything but what to_json wrote.
RunOptions run_options_from_json(const nlohmann::json& object, std::string_view where);

}  // namespace qbench::run
