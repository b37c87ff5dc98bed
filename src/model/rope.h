#pragma once

#include "backend/backend.h"
#include "formats/model_config.h"

namespace qbench::model {

/// Inverse frequencies in double for plain, linear and YaRN RoPE (arXiv 2309.00071, parameters as in HF's modeling_rope_utils.py).
backend::Rope make_rope(const formats::ModelConfig& config);

}  // namespace qbench::model
