#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run/device_factory.h"
#include "run/display.h"
#include "run/plan.h"
#include "run/run_options.h"

namespace qbench::run {

/// A run as the command line asks for it.
struct RunRequest {
  RunOptions options;
  std::filesystem::path output_dir = "results";
  std::string label;                            ///< in the run-id; empty: the suite's name
  std::optional<std::filesystem::path> resume;  ///< folder of an interrupted run
  bool options_given = true;                    ///< false with `resume` alone: the options are those of run.json
  std::vector<std::string> argv;
  DisplayOptions display;
};

/// Where a run's words go.
struct RunOutput {
  std::function<void(std::string_view)> result;  ///< the table at the end, paths, streamed text: standard output
  std::function<void(std::string_view)> live;    ///< standard error
};

/// The main job: plans, runs one worker process per model, appends every repetition to samples.jsonl, writes the reports, prints the table.
/// Returns 0, 3 when a row failed, 128 + signal when interrupted. Errors before anything is loaded: kUsage, kConfig, kIo; later only kIo (a
/// disk that is full): what was measured until then is in the files.
int run_models(const RunRequest& request, const DeviceFactory& devices, const RunOutput& output);

/// The plan in words: models, memory estimates, cells, and the profile's keys that wait for later work. Returns 0, or 3 when a model cannot
/// run.
int print_plan(const RunPlan& plan, std::optional<std::uint64_t> free_bytes, const std::function<void(std::string_view)>& print);

}  // namespace qbench::run
