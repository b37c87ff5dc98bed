#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "catalog/resolve.h"
#include "cli/command.h"
#include "run/device_factory.h"
#include "workload/settings.h"

namespace CLI {
class App;
}

namespace qbench::cli {

/// The flags that commands share which name or load a model.
struct ModelOptions {
  std::vector<std::string> models;  ///< values of --models as they were written; split by catalog::split_models
  std::string device = "auto";
  std::string isa;
  workload::Settings engine;  ///< context, batch, threads, kv_type, precision, mmap, mlock, as far as given

  run::DeviceRequest device_request() const;
};

/// Adds --models alone (tokenize, render, models). `required`: false where another flag can stand in for it.
void add_models_option(CLI::App& command, ModelOptions& options, bool required);

/// Adds --models and what decides what a KV cache takes: --device, --kv-type, --kv-window, --kv-sinks, --vram-limit, --vram-headroom, --context,
/// --batch.
void add_cache_options(CLI::App& command, ModelOptions& options, bool models_required = true);

/// Adds --models and what decides how a model is loaded: --device, --precision, --kv-type, --context, --threads, --batch, --no-mmap,
/// --mlock, --isa.
void add_load_options(CLI::App& command, ModelOptions& options, bool models_required = true);

/// Adds --ablate: names of paths, which run::check_ablation judges.
void add_ablate_option(CLI::App& command, std::vector<std::string>& names, const std::string& group);

/// Error{kUsage} naming option, range and value for what cannot be.
void check_load_options(const ModelOptions& options);

/// The one model of commands that take a single one, or why it is not there; `invocation` learns its name first. Error{kUsage} when there
/// is none or several.
catalog::ResolvedModel look_for_single_model(const ModelOptions& options, Invocation& invocation);

/// The one model of commands that take a single one, found; `invocation` learns its name first. Error{kUsage} when there is none or
/// several, Error{kNotFound} when it is not there.
catalog::ModelRef resolve_single_model(const ModelOptions& options, Invocation& invocation);

/// File or folder of a model of which only the text side is needed: an existing path as it is, else what the catalogue and the hub cache
/// say. Error{kUnsupported} for synthetic weights, which have no text side; else as above.
std::filesystem::path resolve_text_side(const ModelOptions& options, Invocation& invocation);

}  // namespace qbench::cli
