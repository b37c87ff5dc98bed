#pragma once

#include <nlohmann/json_fwd.hpp>

#include "formats/tokenizer_source.h"

namespace qbench::run {

/// The special tokens that transformers hands to a chat template beside the caller's variables: bos_token, eos_token, unk_token, pad_token, as
/// far as the checkpoint names them (tokenizer_config.json, or the ids of a GGUF). Broken JSON is Error{kFormat}.
nlohmann::ordered_json special_token_variables(const formats::TokenizerSource& source);

}  // namespace qbench::run
