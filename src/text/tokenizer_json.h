#pragma once

#include <memory>

#include "text/tokenizer_pipeline.h"

namespace qbench::text {

/// Builds a tokenizer from a tokenizer.json (model BPE) and the tokenizer_config.json beside it.
///
/// As transformers 5 does: what is written around a text is the post-processor's business alone (add_bos_token and add_eos_token of the
/// config do not count once there is a tokenizer.json); bos_token and eos_token are the config's; tokens that only the config lists
/// (added_tokens_decoder, and named special tokens that the vocabulary knows) are recognised too. truncation and padding are ignored.
/// Unlike the library, an added token whose id contradicts the vocabulary is an error and not a warning.
/// Errors: kFormat, kUnsupported (naming the kind or option).
std::unique_ptr<Tokenizer> tokenizer_from_json(const formats::TokenizerSource& source);

}  // namespace qbench::text
