#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "quality/prompt/attribution.h"
#include "quality/prompt/sections.h"
#include "text/tokenizer.h"

namespace qbench::quality {

/// A prompt as it is sent, with the places of the user's text and of its parts among the tokens.
struct PlacedPrompt {
  AttributionInput input;         ///< without an answer
  std::vector<Section> sections;  ///< beside input.sections; lines and spans are those of the user's text
  bool exact = true;              ///< false: the tokenizer changes the text, places are estimated (see TokenMap::exact)
};

/// `rendered` is what was encoded as `prompt_ids`; the user's text is looked for from its end, as it stands or trimmed. Nothing where the
/// chat template sends it otherwise, or where it has no token of its own.
std::optional<PlacedPrompt> place_parts(const text::Tokenizer& tokenizer, std::string_view rendered,
                                        std::span<const std::int32_t> prompt_ids, std::string_view user_text);

}  // namespace qbench::quality
