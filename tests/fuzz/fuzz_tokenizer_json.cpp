#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

using namespace qbench;
using namespace qbench::text;

namespace {

/// What must hold for every tokenizer that could be made, whatever the text.
void use(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text);
  for (const auto id : ids) {
    if (id < 0 || id >= tokenizer.vocab_size()) __builtin_trap();
  }
  StreamDecoder decoder(tokenizer);
  std::string streamed;
  for (const auto id : ids) streamed += decoder.push(id);
  streamed += decoder.finish();
  if (streamed != replace_invalid_utf8(tokenizer.decode(ids, true))) __builtin_trap();
  tokenizer.fingerprint();
}

}  // namespace

/// A tokenizer.json, and behind the first zero byte the text to encode with it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = all.find('\0');
  formats::TokenizerSource source;
  source.kind = formats::TokenizerSource::Kind::kHuggingFace;
  source.where = "fuzz";
  source.tokenizer_json = std::string(all.substr(0, zero));
  source.tokenizer_config_json = R"({"eos_token": "b", "added_tokens_decoder": {"40": {"content": "<e>", "lstrip": true}}})";
  const std::string_view text = zero == all.npos ? "Hello it's 12 \xE2\x96\x81 \xC3\xA9"
                                                   "e\xCC\x81<a> \xFF\n"
                                                 : all.substr(zero + 1);
  try {
    use(*make_tokenizer(source), text);
  } catch (const Error&) {
  }
  return 0;
}
