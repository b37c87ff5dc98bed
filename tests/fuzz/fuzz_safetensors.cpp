#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "formats/hf_config.h"
#include "formats/safetensors_model.h"

using namespace qbench;
using namespace qbench::formats;

namespace {

/// The config that the seeds fit; `architecture` picks which names are tried.
ModelConfig config_for(const char* architecture) {
  const nlohmann::json config = {{"model_type", architecture}, {"hidden_size", 32},        {"num_hidden_layers", 1},
                                 {"num_attention_heads", 2},   {"num_key_value_heads", 1}, {"head_dim", 16},
                                 {"intermediate_size", 32},    {"vocab_size", 24},         {"max_position_embeddings", 64},
                                 {"num_experts", 2},           {"num_experts_per_tok", 1}, {"moe_intermediate_size", 16}};
  bool states_tie = false;
  return read_hf_config(config, "fuzz", &states_tie);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<ModelConfig> configs{config_for("llama"), config_for("qwen2"), config_for("qwen3_moe"), config_for("phi3")};
  try {
    std::vector<SafetensorsFile> files;
    files.push_back(parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz"));
    for (ModelConfig config : configs) {
      try {
        const TensorTable table = assemble_hf_tensors(files, false, config, "fuzz");
        std::byte touched{};
        for (const TensorEntry& entry : table.entries()) {
          if (entry.data != nullptr) touched ^= entry.data[0] ^ entry.data[entry.bytes - 1];
        }
        asm volatile("" : : "r"(&touched) : "memory");  // the reads must happen
      } catch (const Error&) {
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
