#include "cli/cmd_models.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/plural.h"
#include "base/units.h"
#include "catalog/catalog.h"
#include "cli/devices.h"
#include "cli/model_options.h"
#include "cli/number_options.h"
#include "cli/output.h"
#include "model/weight_plan.h"
#include "run/engine_settings.h"
#include "run/kv_growth.h"
#include "run/opened_model.h"
#include "run/step_sizes.h"
#include "tensor/dtype.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kExamples = R"(Examples:
  qbench models list
  qbench models inspect -m model.gguf
  qbench models plan -m synthetic:qwen2.5-coder-32b-instruct --precision q4_k_m --memory 24
  qbench models memory -m qwen2.5-coder-0.5b --kv-type fp8     KV caches allocated here, beside the formula
  qbench models plan -m qwen3-30b-a3b --kv-type q8_0 --context 32768 --batch 4 --json)";

struct ModelsCommand {
  ModelOptions model;
  std::optional<double> memory_gb;
  bool json = false;
  CLI::App* list = nullptr;
  CLI::App* inspect = nullptr;
  CLI::App* plan = nullptr;
  CLI::App* memory = nullptr;
};

/// Where the weights are, if they are on this machine.
std::string local_path(const catalog::Catalog& catalog, const catalog::CatalogEntry& entry) {
  const catalog::ResolvedModel found = catalog::look_for_model(catalog, entry.name);
  return found.ref ? found.ref->path.string() : std::string();
}

int list_models(const ModelsCommand& options) {
  const catalog::Catalog catalog = catalog::Catalog::load_default();
  ordered_json all = ordered_json::array();
  for (const catalog::CatalogEntry& entry : catalog.entries()) {
    const model::WeightTotals totals = model::total_weights(entry.shape, model::WeightPrecision::kBF16);
    const std::string path = local_path(catalog, entry);
    all.push_back({{"name", entry.name},
                   {"aliases", entry.aliases},
                   {"hub_id", entry.hub_id},
                   {"architecture", formats::name_of(entry.shape.architecture)},
                   {"kind", catalog::name_of(entry.kind)},
                   {"thinking", catalog::name_of(entry.thinking)},
                   {"licence", entry.licence},
                   {"parameters", totals.parameters},
                   {"bf16_bytes", totals.bytes},
                   {"context", entry.shape.context},
                   {"path", path.empty() ? ordered_json() : ordered_json(path)},
                   {"download", entry.download_command}});
  }
  if (options.json) {
    write_output_json(all);
    return kExitFine;
  }
  std::string text = fmt::format("{:<34}{:>9}{:>11}{:>9}  {:<9} {}\n", "name", "billions", "BF16", "context", "kind", "here");
  for (const ordered_json& m : all) {
    text += fmt::format("{:<34}{:>9.2f}{:>11}{:>9}  {:<9} {}\n", m["name"].get<std::string>(), m["parameters"].get<double>() / 1e9,
                        format_bytes(m["bf16_bytes"].get<std::uint64_t>()), m["context"].get<std::int64_t>(), m["kind"].get<std::string>(),
                        m["path"].is_null() ? "-" : "yes");
  }
  write_output(text + "Any of them runs without its weights as synthetic:<name>.\n");
  return kExitFine;
}

ordered_json config_json(const formats::ModelConfig& c) {
  ordered_json json{{"architecture", formats::name_of(c.architecture)},
                    {"hidden", c.hidden},
                    {"layers", c.layers},
                    {"heads", c.heads},
                    {"kv_heads", c.kv_heads},
                    {"head_dim", c.head_dim},
                    {"ffn", c.ffn},
                    {"vocab", c.vocab},
                    {"context", c.context},
                    {"rms_eps", c.rms_eps},
                    {"rope_theta", c.rope_theta},
                    {"tied_head", c.tied_head},
                    {"qkv_bias", c.qkv_bias},
                    {"qk_norm", c.qk_norm},
                    {"eos_ids", c.eos_ids}};
  if (c.rope_scaling.kind != formats::RopeScaling::Kind::kNone) {
    json["rope_scaling"] = {{"kind", c.rope_scaling.kind == formats::RopeScaling::Kind::kYarn ? "yarn" : "linear"},
                            {"factor", c.rope_scaling.factor}};
  }
  std::int64_t sliding = 0;
  for (const std::int64_t window : c.sliding_window) sliding += window > 0 ? 1 : 0;
  if (sliding > 0) json["sliding_window_layers"] = sliding;
  if (c.experts > 0) {
    json["experts"] = {{"count", c.experts}, {"used", c.experts_used}, {"ffn", c.expert_ffn}, {"renormalize", c.renormalize_experts}};
  }
  return json;
}

/// What the checkpoint recommends for sampling.
ordered_json generation_json(const formats::GenerationDefaults& defaults) {
  ordered_json json = ordered_json::object();
  if (defaults.temperature >= 0.0) json["temperature"] = defaults.temperature;
  if (defaults.top_p >= 0.0) json["top_p"] = defaults.top_p;
  if (defaults.top_k >= 0) json["top_k"] = defaults.top_k;
  if (defaults.repetition_penalty >= 0.0) json["repetition_penalty"] = defaults.repetition_penalty;
  return json;
}

ordered_json inspected(const run::OpenedFiles& files) {
  ordered_json json{
      {"model", files.ref.label},           {"name", files.facts.name},
      {"path", files.facts.path},           {"kind", files.facts.kind},
      {"format", files.facts.format},       {"parameters", files.facts.parameters ? ordered_json(*files.facts.parameters) : ordered_json()},
      {"config", config_json(files.config)}};
  if (files.file) {
    json["precision"] = files.file->precision_name();
    json["file_bytes"] = files.file->file_bytes();
    json["fingerprint"] = files.file->fingerprint();
    std::map<std::string, std::pair<std::int64_t, std::uint64_t>> types;
    for (const formats::TensorEntry& tensor : files.file->tensors()) {
      auto& [count, bytes] = types[std::string(tensor::name_of(tensor.dtype))];
      ++count;
      bytes += tensor.bytes;
    }
    for (const auto& [name, sum] : types) json["tensors"][name] = {{"count", sum.first}, {"bytes", sum.second}};
  }
  if (files.file) {
    const ordered_json recommended = generation_json(files.file->generation_defaults());
    if (!recommended.empty()) json["generation_config"] = recommended;  // shown, never applied: settings come from the person
  }
  json["tokenizer"] = files.text_side.kind != formats::TokenizerSource::Kind::kNone;
  json["chat_template"] = !files.text_side.chat_template.empty();
  return json;
}

/// `key: value` lines, one level of nesting on one line.
std::string plain(const ordered_json& json) {
  std::string text;
  for (const auto& [key, value] : json.items()) {
    if (key == "config" || key == "tensors") {
      text += key + "\n";
      for (const auto& [inner, v] : value.items())
        text += fmt::format("  {:<22}{}\n", inner, v.is_string() ? v.get<std::string>() : v.dump());
    } else {
      text += fmt::format("{:<24}{}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return text;
}

int inspect_model(const ModelsCommand& options, Invocation& invocation) {
  const run::OpenedFiles files = run::open_files(resolve_single_model(options.model, invocation));
  const ordered_json json = inspected(files);
  if (options.json) {
    write_output_json(json);
  } else {
    write_output(plain(json));
  }
  return kExitFine;
}

/// A model of the catalogue can be planned without being here: its shape is known.
run::OpenedFiles files_to_plan(const ModelsCommand& options, Invocation& invocation) {
  const catalog::ResolvedModel found = look_for_single_model(options.model, invocation);
  if (found.ref) return run::open_files(*found.ref);
  const catalog::Catalog catalog = catalog::Catalog::load_default();
  const bool known = found.error->code() == ErrorCode::kNotFound && catalog.find(invocation.model) != nullptr;
  if (!known) throw *found.error;
  return run::open_files(catalog::resolve_model(catalog, "synthetic:" + invocation.model));
}

ordered_json plan_json(const catalog::MemoryPlan& plan) {
  ordered_json json{{"weight_bytes", plan.weight_bytes},
                    {"workspace_bytes", plan.workspace_bytes},
                    {"load_bytes", plan.load_bytes},
                    {"kv_type", plan.kv_type},
                    {"kv_bytes_per_position", plan.kv_bytes_per_position},
                    {"context", plan.context},
                    {"sequences", plan.sequences},
                    {"kv_bytes", plan.kv_bytes},
                    {"needed_bytes", plan.needed_bytes},
                    {"available_bytes", plan.available_bytes},
                    {"fits", plan.fits},
                    {"missing_bytes", plan.missing_bytes},
                    {"longest_context", plan.longest_context},
                    {"contexts", ordered_json::array()}};
  for (const catalog::KvAtContext& at : plan.table) {
    json["contexts"].push_back({{"context", at.context},
                                {"kv_bytes", at.bytes},
                                {"sequences_that_fit", at.sequences_that_fit},
                                {"within_checkpoint", at.within_checkpoint}});
  }
  return json;
}

std::string plan_text(const std::string& label, const std::string& precision, const catalog::MemoryPlan& plan) {
  std::string text = fmt::format("{}, {}: {}\n", label, precision, plan.fits ? "fits" : "does not fit");
  text += "  " + catalog::describe(plan) + "\n";
  text += fmt::format("  KV cache {}: {} bytes a position; the longest context of one sequence here is {}\n", plan.kv_type,
                      plan.kv_bytes_per_position, plan.longest_context);
  text += fmt::format("  {:>10}{:>12}{:>22}\n", "context", "KV cache", "sequences that fit");
  for (const catalog::KvAtContext& at : plan.table) {
    text += fmt::format("  {:>10}{:>12}{:>22}{}\n", at.context, format_bytes(at.bytes), at.sequences_that_fit,
                        at.within_checkpoint ? "" : "  longer than the checkpoint states");
  }
  return text;
}

std::uint64_t memory_to_plan(const ModelsCommand& options) {
  if (options.memory_gb) return static_cast<std::uint64_t>(*options.memory_gb * kGB);
  const Devices devices;
  const run::DeviceRequest request = options.model.device_request();
  devices.resolve(request);
  const std::optional<std::uint64_t> bytes = devices.free_memory_bytes(request);
  if (!bytes) throw Error(ErrorCode::kDevice, "how much memory is free is not known here; give --memory", "models plan");
  return *bytes;
}

int plan_model(const ModelsCommand& options, Invocation& invocation) {
  check_load_options(options.model);
  if (options.memory_gb && !(*options.memory_gb > 0.0 && *options.memory_gb <= 1e6)) {
    throw Error(ErrorCode::kUsage, fmt::format("must be above 0 and at most 1000000, not {}", *options.memory_gb), "--memory");
  }
  const run::OpenedFiles files = files_to_plan(options, invocation);
  workload::EffectiveSettings settings = run::effective_settings(options.model.engine);
  if (options.memory_gb && !options.model.engine.vram_headroom) settings.vram_headroom = "0";  // so many GB were asked for
  run::check_context(settings.context, files.config.context, files.ref.label);
  const run::DeviceRequest request = options.model.device_request();
  const std::uint64_t memory = memory_to_plan(options);
  const backend::DeviceKind kind = run::kind_of_device(options.memory_gb ? request.device : Devices().resolve(request));
  const catalog::MemoryPlan plan = run::plan_memory(files, settings, settings.context, memory, kind);
  if (options.json) {
    ordered_json json{{"model", files.ref.label}, {"precision", settings.precision}};
    json.update(plan_json(plan));
    write_output_json(json);
  } else {
    write_output(plan_text(files.ref.label, settings.precision, plan));
  }
  return kExitFine;
}

/// Positions at which the growth of the KV cache is measured, unless --context asks for its own.
const std::vector<std::int64_t> kGrowthContexts{1024, 4096, 10240, 32768};

int measure_memory(const ModelsCommand& options, Invocation& invocation) {
  check_load_options(options.model);
  const run::OpenedFiles files = files_to_plan(options, invocation);
  const workload::EffectiveSettings settings = run::effective_settings(options.model.engine);
  const Devices devices;
  run::DeviceRequest request = options.model.device_request();
  const std::string device_name = devices.resolve(request);
  const std::optional<std::uint64_t> free_bytes = devices.free_memory_bytes(request);
  if (!free_bytes) throw Error(ErrorCode::kDevice, "how much memory is free is not known here", "models memory");
  const workload::MemoryBudget budget = workload::memory_budget(settings, *free_bytes);
  request.memory_limit_bytes = budget.limit_bytes.value_or(0);
  const auto device = devices.make(request);
  const std::vector<std::int64_t> contexts = settings.context > 0 ? std::vector<std::int64_t>{settings.context} : kGrowthContexts;
  const auto rows = run::measure_kv_growth(*device, files.config, settings, contexts, budget.available_bytes);
  const bool cpu = device_name == "cpu";
  ordered_json json{{"model", files.ref.label},
                    {"device", device_name},
                    {"kv_type", settings.kv_type},
                    {"sequences", settings.batch},
                    {"available_bytes", budget.available_bytes},
                    {"taken_is", cpu ? "growth of the process's resident size" : "what the device has less"},
                    {"contexts", ordered_json::array()}};
  std::string text = fmt::format("{}, KV cache {}, {}, on {}\n  {:>10}{:>14}{:>14}{:>14}\n", files.ref.label, settings.kv_type,
                                 plural(settings.batch, "sequence"), device_name, "context", "formula", "allocated", "taken");
  for (const run::KvGrowth& row : rows) {
    ordered_json entry{{"context", row.context}, {"formula_bytes", row.formula_bytes}, {"fits", row.allocated}};
    text += fmt::format("  {:>10}{:>14}", row.context, format_bytes(row.formula_bytes));
    if (row.allocated) {
      entry["allocated_bytes"] = row.device_bytes;
      entry["taken_bytes"] = row.taken_bytes;
      text += fmt::format("{:>14}{:>14}", format_bytes(row.device_bytes), format_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, row.taken_bytes))));
    } else {
      entry["missing_bytes"] = row.missing_bytes;
      text += fmt::format("  does not fit: {} short", format_bytes(row.missing_bytes));
    }
    text += row.context > files.config.context ? "  longer than the checkpoint states\n" : "\n";
    json["contexts"].push_back(std::move(entry));
  }
  text += cpu ? "Taken: growth of the process's resident size.\n" : "Taken: what the device has less.\n";
  if (options.json) {
    write_output_json(json);
  } else {
    write_output(text);
  }
  return kExitFine;
}

}  // namespace

Command add_models(CLI::App& root) {
  const auto options = std::make_shared<ModelsCommand>();
  CLI::App* command = root.add_subcommand("models", "The catalogue, what a checkpoint holds, what fits into memory");
  command->require_subcommand(0, 1);  // that there is one is said below, with their names
  command->footer(kExamples);
  options->list = command->add_subcommand("list", "Models of the catalogue, and which are on this machine");
  options->inspect = command->add_subcommand("inspect", "Shape, types, tokenizer and fingerprint of one model");
  options->plan = command->add_subcommand("plan", "Weights, KV cache at 1K, 4K, 10K, 32K and full context, and what fits");
  options->memory = command->add_subcommand("memory", "Allocate KV caches of 1K, 4K, 10K and 32K positions, or of --context, and say what each takes");
  for (CLI::App* sub : {options->list, options->inspect, options->plan, options->memory}) {
    sub->add_flag("--json", options->json, "One JSON document");
    sub->footer(kExamples);
  }
  add_models_option(*options->inspect, options->model, true);
  add_load_options(*options->plan, options->model);
  add_cache_options(*options->memory, options->model);
  options->plan->add_option("--memory", options->memory_gb, "Plan for so many GB (1e9 bytes) instead of what is free here")
      ->transform(finite_number())
      ->type_name("GB");
  return {"models", [options](Invocation& invocation) {
            if (options->list->parsed()) return list_models(*options);
            if (options->inspect->parsed()) return inspect_model(*options, invocation);
            if (options->plan->parsed()) return plan_model(*options, invocation);
            if (options->memory->parsed()) return measure_memory(*options, invocation);
            throw Error(ErrorCode::kUsage, "give one of list, inspect, plan and memory", "models");
          }};
}

}  // namespace qbench::cli
