#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workload/settings.h"

namespace qbench::workload {

/// A named set of settings (configs/profiles/<name>.json).
struct Profile {
  std::string name;  ///< "throughput"; the file's name without .json
  std::string title;
  std::string description;
  Settings settings;  ///< keys that act
  /// Keys that wait for later work, with their value as JSON text: shown by --dry-run, otherwise without effect.
  std::vector<std::pair<std::string, std::string>> not_yet;
  std::filesystem::path path;
  std::string digest;  ///< SHA-256 over the settings that act
};

/// Reads a profile. Error{kConfig} naming file and key: unreadable, unknown key, bad value, a key under `not_yet` that acts already.
Profile load_profile(const std::filesystem::path& path);

/// What --profile takes: a path when it exists or looks like one (has a slash or ends in .json), else a name below
/// data_dir()/configs/profiles.
Profile find_profile(std::string_view name_or_path);

/// Names of the profiles below data_dir()/configs/profiles, sorted.
std::vector<std::string> list_profiles();

/// A profile is written for a class of model and machine; its `threads` and `context` are upper limits. Lowers them to what there is:
/// `cores` the process may use, `checkpoint_context` positions the model states (0: not known, left alone). Values given on the command
/// line are not limits: do not pass them through here.
Settings limit_to_machine(const Settings& profile, std::int64_t cores, std::int64_t checkpoint_context);

}  // namespace qbench::workload
