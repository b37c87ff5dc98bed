#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/session.h"
#include "text/tokenizer.h"

namespace qbench::run {

/// What --stop asks for, as the engine can look for it.
struct StopWords {
  std::vector<std::string> texts;  ///< looked for in the text
  std::vector<std::int32_t> ids;   ///< of words that are one special token: these never show in the text
};

/// `tokenizer` nullptr: none. Error{kUsage} when there are words and no tokenizer, or when a word mixes a special token with other text.
StopWords split_stop_words(std::span<const std::string> words, const text::Tokenizer* tokenizer);

/// What ends a generation: the model's EOS ids unless they are ignored, and the words, which end it in either case.
void set_stops(engine::GenerateRequest& request, const StopWords& words, std::span<const std::int32_t> eos_ids, bool ignore_eos);

/// A generation that one of the words' ids ended is one that a stop string ended.
void name_stops(std::span<engine::Generation> generations, const StopWords& words);

}  // namespace qbench::run
