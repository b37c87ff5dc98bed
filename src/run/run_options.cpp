#include "run/run_options.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "catalog/resolve.h"

namespace qbench::run {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

std::string absolute_if_exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) ? fs::absolute(path, ignored).lexically_normal().string() : path;
}

template <class T>
void read(const json& object, const char* key, std::string_view where, T& value) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  try {
    found->get_to(value);
  } catch (const json::exception&) {
    throw Error(ErrorCode::kConfig, std::string("key '") + key + "' has the wrong type (" + found->type_name() + ")", std::string(where));
  }
}

void read_optional(const json& object, const char* key, std::string_view where, std::optional<std::string>& value) {
  if (!object.contains(key)) return;
  value.emplace();
  read(object, key, where, *value);
}

}  // namespace

RunOptions with_absolute_paths(RunOptions options) {
  std::vector<std::string> models;
  for (const std::string& value : options.models) {
    for (const std::string& request : catalog::split_models(value)) models.push_back(absolute_if_exists(request));
  }
  options.models = std::move(models);
  if (options.prompt_file) options.prompt_file = absolute_if_exists(*options.prompt_file);
  for (std::optional<std::string>* name : {&options.suite, &options.profile}) {
    // A bare name is one of the data folder, also where a file of that name lies about.
    const bool is_path = *name && ((*name)->find('/') != std::string::npos || (*name)->ends_with(".json"));
    if (is_path) *name = absolute_if_exists(**name);
  }
  return options;
}

sandbox::Options sandbox_options(const ScoreOptions& options) { return sandbox::options_of(options.sandbox.value_or(""), options.unsafe); }

ordered_json to_json(const ScoreOptions& options) {
  ordered_json object{{"n_samples", options.n_samples}, {"k", options.k}, {"max_iterations", options.max_iterations}, {"jobs", options.jobs}};
  if (options.sandbox) object["sandbox"] = *options.sandbox;
  if (options.unsafe) object["unsafe"] = true;
  if (!options.relevance) object["relevance"] = false;
  if (options.attribution) object["attribution"] = true;
  return object;
}

ScoreOptions score_options_from_json(const json& object, std::string_view where) {
  if (!object.is_object()) throw Error(ErrorCode::kConfig, "expected an object with the options of --score", std::string(where));
  ScoreOptions options;
  options.score = true;
  read(object, "n_samples", where, options.n_samples);
  read(object, "k", where, options.k);
  read(object, "max_iterations", where, options.max_iterations);
  read(object, "jobs", where, options.jobs);
  read_optional(object, "sandbox", where, options.sandbox);
  read(object, "unsafe", where, options.unsafe);
  read(object, "relevance", where, options.relevance);
  read(object, "attribution", where, options.attribution);
  return options;
}

ordered_json to_json(const RunOptions& options) {
  ordered_json object{{"models", options.models}};
  if (options.suite) object["suite"] = *options.suite;
  if (options.prompt) object["prompt"] = *options.prompt;
  if (options.prompt_file) object["prompt_file"] = *options.prompt_file;
  if (!options.prompt_ids.empty()) object["prompt_ids"] = options.prompt_ids;
  if (options.profile) object["profile"] = *options.profile;
  object["settings"] = workload::to_json(options.settings);
  object["device"] = options.device;
  if (!options.isa.empty()) object["isa"] = options.isa;
  if (options.breakdown) object["breakdown"] = true;
  if (!options.ablate.empty()) object["ablate"] = options.ablate;
  if (options.scoring.score) object["score"] = to_json(options.scoring);
  if (options.timeout_s > 0) object["timeout_s"] = options.timeout_s;
  if (options.stream) object["stream"] = true;
  return object;
}

RunOptions run_options_from_json(const json& object, std::string_view where) {
  if (!object.is_object()) throw Error(ErrorCode::kConfig, "expected an object with the run's options", std::string(where));
  RunOptions options;
  read(object, "models", where, options.models);
  read_optional(object, "suite", where, options.suite);
  read_optional(object, "prompt", where, options.prompt);
  read_optional(object, "prompt_file", where, options.prompt_file);
  read(object, "prompt_ids", where, options.prompt_ids);
  read_optional(object, "profile", where, options.profile);
  if (const auto settings = object.find("settings"); settings != object.end())
    options.settings = workload::settings_from_json(*settings, where);
  read(object, "device", where, options.device);
  read(object, "isa", where, options.isa);
  read(object, "breakdown", where, options.breakdown);
  read(object, "ablate", where, options.ablate);
  if (const auto score = object.find("score"); score != object.end()) options.scoring = score_options_from_json(*score, where);
  read(object, "timeout_s", where, options.timeout_s);
  read(object, "stream", where, options.stream);
  return options;
}

}  // namespace qbench::run
