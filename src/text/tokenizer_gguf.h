#pragma once

#include <memory>

#include "text/tokenizer_pipeline.h"

namespace qbench::text {

/// Builds a tokenizer from a GGUF's tokenizer.ggml keys: model "gpt2" (byte-level BPE, patterns by the name in tokenizer.ggml.pre) or
/// "llama" (SentencePiece BPE by scores).
///
/// Control, unknown and user-defined tokens are recognised in the text; control and unknown ones are special. Unused tokens at the end (the
/// converter's filling up to the model's rows) are no part of the vocabulary. Where a GGUF leaves out what the checkpoint's tokenizer.json
/// says, the latter is followed where it is known: NFC for qwen2, and for Phi-3 (told by its tokens) special tokens that take the white
/// space behind them along. Errors: kFormat, kUnsupported (naming model or pre-tokenizer).
std::unique_ptr<Tokenizer> tokenizer_from_gguf(const formats::TokenizerSource& source);

}  // namespace qbench::text
