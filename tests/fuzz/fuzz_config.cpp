#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "formats/hf_config.h"
#include "formats/safetensors_model.h"

using namespace qbench;
using namespace qbench::formats;

/// One JSON text as each of the files that are JSON: config.json, generation_config.json, model.safetensors.index.json.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ModelConfig config;
  try {
    const nlohmann::json value = parse_json(text, "fuzz");
    try {
      bool states_tie = false;
      config = read_hf_config(value, "fuzz", &states_tie);
      validate(config, "fuzz");
    } catch (const Error&) {
    }
    try {
      read_hf_generation_config(value, "fuzz", config);
    } catch (const Error&) {
    }
    read_shard_index(value, "fuzz");
  } catch (const Error&) {
  }
  return 0;
}
