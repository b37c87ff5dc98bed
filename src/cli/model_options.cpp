#include "cli/model_options.h"

#include <CLI/CLI.hpp>
#include <system_error>

#include "base/environment.h"
#include "base/error.h"
#include "cli/number_options.h"

namespace qbench::cli {
namespace {

std::string single_request(const ModelOptions& options) {
  std::vector<std::string> requests;
  for (const std::string& value : options.models) {
    for (std::string& request : catalog::split_models(value)) requests.push_back(std::move(request));
  }
  if (requests.empty()) throw Error(ErrorCode::kUsage, "no model given", "--models");
  if (requests.size() > 1) {
    throw Error(ErrorCode::kUsage, "this command takes one model, " + std::to_string(requests.size()) + " were given", "--models");
  }
  return requests.front();
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;  // a name too long for the system names no file
  return std::filesystem::exists(path, ignored);
}

/// A model that is named by its path needs no catalogue: a binary that was copied somewhere on its own still reads it.
catalog::Catalog catalog_for(const std::string& request) {
  if (is_there(request) && !find_data_dir()) return {};
  return catalog::Catalog::load_default();
}

}  // namespace

run::DeviceRequest ModelOptions::device_request() const { return {.device = device, .threads = engine.threads.value_or(0), .isa = isa}; }

void add_models_option(CLI::App& command, ModelOptions& options, bool required) {
  command
      .add_option("-m,--models", options.models,
                  "Models, comma-separated or repeated: a file, a folder, a hub id in the local cache, a catalogue name, "
                  "synthetic:<catalogue name>")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("M")
      ->required(required);
}

void add_cache_options(CLI::App& command, ModelOptions& options, bool models_required) {
  add_models_option(command, options, models_required);
  workload::Settings& engine = options.engine;
  const std::string group = "Model";
  command.add_option("--device", options.device, "auto, cpu, cuda, cuda:N or cuda-emulated; never another one than asked for")
      ->type_name("D")
      ->group(group);
  command.add_option("--kv-type", engine.kv_type, "Type of the KV cache: f32 (default with --precision f32), bf16, f16 (default), fp8 or q8_0")
      ->type_name("T")
      ->group(group);
  command.add_option("--kv-window", engine.kv_window, "Latest positions that the KV cache keeps; default: all")
      ->transform(whole_number())
      ->type_name("N")
      ->group(group);
  command.add_option("--kv-sinks", engine.kv_sinks, "First positions that it keeps beside the window (default none)")
      ->transform(whole_number())
      ->type_name("S")
      ->group(group);
  command
      .add_option("--vram-limit", engine.vram_limit,
                  "Most memory of the device to use, as in 12GiB or 500MB; on the CPU of the machine's memory (no limit)")
      ->type_name("BYTES")
      ->group(group);
  command.add_option("--vram-headroom", engine.vram_headroom, "Part of the free memory to leave alone, as in 10% or 2GiB (5%)")
      ->type_name("SHARE")
      ->group(group);
  command.add_option("--context", engine.context, "Positions per sequence")->transform(whole_number())->type_name("N")->group(group);
  command.add_option("--batch", engine.batch, "Sequences at once (default 1)")->transform(whole_number())->type_name("N")->group(group);
}

void add_load_options(CLI::App& command, ModelOptions& options, bool models_required) {
  add_cache_options(command, options, models_required);
  workload::Settings& engine = options.engine;
  const std::string group = "Model";
  command
      .add_option("--precision", engine.precision,
                  "auto (as in the file), f32, f16, bf16, q8_0, q4_0, int8, fp8; for synthetic weights also int4, q4_k_s, q4_k_m, q5_k_m, q6_k")
      ->type_name("P")
      ->group(group);
  command.add_option("--threads", engine.threads, "Host threads; default: the physical cores that the process may use")
      ->transform(whole_number())
      ->type_name("N")
      ->group(group);
  command
      .add_flag_callback(
          "--no-mmap", [&engine] { engine.mmap = false; }, "Read the weight files instead of mapping them")
      ->group(group);
  command
      .add_flag_callback(
          "--mlock", [&engine] { engine.mlock = true; },
          "Lock all memory of the process that runs the model: weight files, weights, KV cache (RLIMIT_MEMLOCK must allow it)")
      ->group(group);
  command.add_option("--isa", options.isa, "For checks: scalar, avx2 or avx512 instead of the best this processor has")
      ->type_name("I")
      ->group(group);
}

void add_ablate_option(CLI::App& command, std::vector<std::string>& names, const std::string& group) {
  CLI::Option* option = command
                            .add_option("--ablate", names,
                                        "Measure also with each of these left out: flash, fusion, repack, simd (CPU); flash, graph, fusion, pdl "
                                        "(CUDA; tf32 is not offered: F32 weights never meet tensor cores)")
                            ->delimiter(',')
                            ->expected(1)
                            ->allow_extra_args(false)
                            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                            ->type_name("P,...");
  if (!group.empty()) option->group(group);
}

void check_load_options(const ModelOptions& options) { workload::validate(options.engine); }

catalog::ResolvedModel look_for_single_model(const ModelOptions& options, Invocation& invocation) {
  const std::string request = single_request(options);
  const catalog::Catalog catalog = catalog_for(request);
  invocation.model = request;
  return catalog::look_for_model(catalog, request);
}

catalog::ModelRef resolve_single_model(const ModelOptions& options, Invocation& invocation) {
  const catalog::ResolvedModel found = look_for_single_model(options, invocation);
  if (found.error) throw *found.error;
  return *found.ref;
}

std::filesystem::path resolve_text_side(const ModelOptions& options, Invocation& invocation) {
  const std::string request = single_request(options);
  if (is_there(request)) {
    invocation.model = request;
    return request;
  }
  const catalog::ModelRef ref = resolve_single_model(options, invocation);
  if (ref.synthetic()) throw Error(ErrorCode::kUnsupported, "synthetic weights have no tokenizer and no chat template", request);
  return ref.path;
}

}  // namespace qbench::cli
