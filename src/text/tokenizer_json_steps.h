#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/token_decoder.h"

namespace qbench::text {

/// The parts of a tokenizer.json that say what happens around the model. `value` is the part, null when the file leaves it out. Each throws
/// Error{kUnsupported} naming a kind or option that is not done, Error{kFormat} on broken data.

Normalizer normalizer_from_json(const nlohmann::json& value, const std::string& where);

struct PreTokenizerPart {
  PreTokenizer steps;
  bool byte_level = false;  ///< words are looked up byte by byte, in GPT-2's alphabet
};
PreTokenizerPart pre_tokenizer_from_json(const nlohmann::json& value, const std::string& where);

TokenDecoder decoder_from_json(const nlohmann::json& value, const std::string& where);

/// Ids that post-processors write before and behind the text when special tokens are wanted.
struct PostProcessorPart {
  std::vector<std::int32_t> prefix, suffix;
};
PostProcessorPart post_processor_from_json(const nlohmann::json& value, const std::string& where);

/// GPT-2's own pattern, which ByteLevel applies unless the file says otherwise, in Oniguruma's syntax.
extern const std::string_view kGpt2Pattern;

}  // namespace qbench::text
