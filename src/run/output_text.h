#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session.h"
#include "record/records.h"
#include "text/tokenizer.h"

namespace qbench::run {

/// What one sequence wrote.
struct OutputText {
  std::string text;        ///< special tokens left out; a stop string and what follows it are cut off
  std::int64_t chars = 0;  ///< Unicode code points of the text
};

/// Turns the ids of every sequence into text, token by token as a stream does. `detokenize_ns` becomes the time it took.
std::vector<OutputText> decode_outputs(std::span<const engine::Generation> generations, const text::Tokenizer& tokenizer,
                                       std::span<const std::string> stop, std::optional<std::int64_t>& detokenize_ns);

/// Tokens up to and including `</think>`; all of them when the answer never came; nothing where the model does not think: the vocabulary
/// has no such token, or neither prompt nor output opened a thought.
std::optional<std::int64_t> count_thinking_tokens(std::span<const std::int32_t> output, std::string_view prompt,
                                                  const text::Tokenizer& tokenizer);

/// What the record says of a generation's thought: its tokens (of one that was watched, its forced close whole), what ended it, and how many
/// tokens closed it. Nothing is set where the model does not think.
void add_thinking_facts(const engine::Generation& generation, std::string_view prompt, const text::Tokenizer& tokenizer,
                        record::SequenceRecord& record);

/// What is judged and rated of an output. Where the prompt opened the thought, as templates of thinking models do, its text has no <think>:
/// one is put in front, so that drafts in a thought are never taken for the answer, also where that thought was cut off. thinking_end: as
/// recorded.
std::string text_to_judge(const std::string& text, const std::optional<std::string>& thinking_end);
/// The same of a generation that nothing was recorded of yet; `text`: its own, `prompt`: as rendered.
std::string text_to_judge(const std::string& text, const engine::Generation& generation, std::string_view prompt,
                          const text::Tokenizer& tokenizer);

/// Stamps, ids and text of one sequence as the record holds them. `text` may be nullptr (no tokenizer): the ids are digested all the same.
record::SequenceRecord sequence_record(const engine::Generation& generation, std::int64_t t0_ns, const OutputText* text, bool keep_text);

}  // namespace qbench::run
