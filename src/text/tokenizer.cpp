#include "text/tokenizer.h"

#include "base/error.h"
#include "text/tokenizer_gguf.h"
#include "text/tokenizer_json.h"

namespace qbench::text {

std::unique_ptr<Tokenizer> make_tokenizer(const formats::TokenizerSource& source) {
  switch (source.kind) {
    case formats::TokenizerSource::Kind::kHuggingFace:
      return tokenizer_from_json(source);
    case formats::TokenizerSource::Kind::kGguf:
      return tokenizer_from_gguf(source);
    case formats::TokenizerSource::Kind::kNone:
      break;
  }
  throw Error(ErrorCode::kNotFound, "there is no tokenizer: neither tokenizer.json nor a GGUF with tokenizer.ggml keys", source.where);
}

}  // namespace qbench::text
