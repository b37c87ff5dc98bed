#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "formats/model_config.h"
#include "formats/model_file.h"

namespace qbench::formats {

/// Reads a parsed config.json, as hub checkpoints have it and as transformers 5 writes it (rope_parameters, layer_types,
/// num_local_experts). Absent fields take the defaults of transformers' configuration classes. `tied_head` is true when the file ties the
/// head, or leaves that open (`*states_tie` is then false). Throws Error{kFormat} on absent, mistyped or absurd fields, {kUnsupported} on
/// what the decoder does not compute. Source: transformers 5, configuration_{llama,qwen2,qwen3,qwen3_moe,phi3}.py and
/// modeling_rope_utils.py.
ModelConfig read_hf_config(const nlohmann::json& config, const std::string& where, bool* states_tie);

/// `rope_parameters` or `rope_scaling` with `rope_theta`; sets rope_theta, rope_scaling, and context where YaRN stretches it.
void read_hf_rope(const nlohmann::json& config, const std::string& where, ModelConfig& to);

/// Adds generation_config.json's EOS ids to the config's and returns the sampling settings that it recommends, which decide nothing: those
/// that are no numbers from 0 to 1e6 count as absent. Throws Error{kFormat} when the file is no object or its EOS is no id.
GenerationDefaults read_hf_generation_config(const nlohmann::json& generation, const std::string& where, ModelConfig& config);

}  // namespace qbench::formats
