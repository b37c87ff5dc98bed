#include "run/stop_words.h"

#include <algorithm>

#include "base/error.h"

namespace qbench::run {

StopWords split_stop_words(std::span<const std::string> words, const text::Tokenizer* tokenizer) {
  StopWords split;
  if (words.empty()) return split;
  if (tokenizer == nullptr)
    throw Error(ErrorCode::kUsage, "there is no tokenizer, so no text in which stop words could be found; leave --stop out", "--stop");
  for (const std::string& word : words) {
    const std::vector<std::int32_t> ids = tokenizer->encode(word, {.add_special = false});
    const auto special = std::find_if(ids.begin(), ids.end(), [&](std::int32_t id) { return tokenizer->is_special(id); });
    if (special == ids.end()) {
      split.texts.push_back(word);
    } else if (tokenizer->id_of(word) == *special) {
      split.ids.push_back(*special);
    } else {
      throw Error(ErrorCode::kUsage, "'" + word + "' mixes a special token with other text, which no output can hold; give the token alone",
                  "--stop");
    }
  }
  return split;
}

void set_stops(engine::GenerateRequest& request, const StopWords& words, std::span<const std::int32_t> eos_ids, bool ignore_eos) {
  request.stop = words.texts;
  request.eos_ids.clear();
  if (!ignore_eos) request.eos_ids.assign(eos_ids.begin(), eos_ids.end());
  request.eos_ids.insert(request.eos_ids.end(), words.ids.begin(), words.ids.end());
  request.ignore_eos = request.eos_ids.empty();
}

void name_stops(std::span<engine::Generation> generations, const StopWords& words) {
  for (engine::Generation& generation : generations) {
    if (generation.stop_reason != engine::StopReason::kEos) continue;
    const bool is_word = std::find(words.ids.begin(), words.ids.end(), generation.output_ids.back()) != words.ids.end();
    if (is_word) generation.stop_reason = engine::StopReason::kStopString;
  }
}

}  // namespace qbench::run
