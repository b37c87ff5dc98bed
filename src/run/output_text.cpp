#include "run/output_text.h"

#include <algorithm>

#include "base/clock.h"
#include "base/digest.h"
#include "measure/sample_metrics.h"
#include "text/thinking.h"

namespace qbench::run {
namespace {

std::int64_t count_code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

void cut_at_stop(std::string& text, std::span<const std::string> stop) {
  std::size_t end = text.size();
  for (const std::string& word : stop) end = std::min(end, text.find(word));
  text.resize(std::min(end, text.size()));
}

}  // namespace

std::vector<OutputText> decode_outputs(std::span<const engine::Generation> generations, const text::Tokenizer& tokenizer,
                                       std::span<const std::string> stop, std::optional<std::int64_t>& detokenize_ns) {
  const std::int64_t start_ns = now_ns();
  std::vector<OutputText> texts;
  for (const engine::Generation& generation : generations) {
    text::StreamDecoder decoder(tokenizer);
    OutputText output;
    for (const std::int32_t id : generation.output_ids) output.text += decoder.push(id);
    output.text += decoder.finish();
    texts.push_back(std::move(output));
  }
  detokenize_ns = now_ns() - start_ns;
  for (OutputText& output : texts) {
    cut_at_stop(output.text, stop);
    output.chars = count_code_points(output.text);
  }
  return texts;
}

std::optional<std::int64_t> count_thinking_tokens(std::span<const std::int32_t> output, std::string_view prompt,
                                                  const text::Tokenizer& tokenizer) {
  const auto close = tokenizer.id_of("</think>");
  if (!close) return std::nullopt;
  const auto open = tokenizer.id_of("<think>");
  const auto closed = std::find(output.begin(), output.end(), *close);
  const bool opened = text::opens_thinking(prompt) || (open && std::find(output.begin(), closed, *open) != closed);
  if (!opened && closed == output.end()) return std::nullopt;
  return closed - output.begin() + (closed == output.end() ? 0 : 1);
}

void add_thinking_facts(const engine::Generation& generation, std::string_view prompt, const text::Tokenizer& tokenizer,
                        record::SequenceRecord& record) {
  record.thinking_tokens = count_thinking_tokens(generation.output_ids, prompt, tokenizer);
  if (!record.thinking_tokens) return;
  const bool watched = generation.thought_end != engine::ThoughtEnd::kNone;
  if (watched) {
    record.thinking_tokens = generation.thought_tokens;
    record.forced_tokens = generation.forced_tokens;
    record.thinking_end = name_of(generation.thought_end);
    return;
  }
  const auto close = tokenizer.id_of("</think>").value();
  const bool closed = std::find(generation.output_ids.begin(), generation.output_ids.end(), close) != generation.output_ids.end();
  record.thinking_end = name_of(closed ? engine::ThoughtEnd::kModel : engine::ThoughtEnd::kOpen);
}

std::string text_to_judge(const std::string& text, const std::optional<std::string>& thinking_end) {
  if (!thinking_end || text.find("<think>") != std::string::npos) return text;
  // A vocabulary whose tags are special tokens shows neither of them in the text: then nothing can be told apart.
  const bool ends_here = *thinking_end == name_of(engine::ThoughtEnd::kOpen) || text.find("</think>") != std::string::npos;
  return ends_here ? "<think>\n" + text : text;
}

std::string text_to_judge(const std::string& text, const engine::Generation& generation, std::string_view prompt,
                          const text::Tokenizer& tokenizer) {
  record::SequenceRecord record;
  add_thinking_facts(generation, prompt, tokenizer, record);
  return text_to_judge(text, record.thinking_end);
}

record::SequenceRecord sequence_record(const engine::Generation& generation, std::int64_t t0_ns, const OutputText* text, bool keep_text) {
  record::SequenceRecord record;
  record.prompt_tokens = generation.prompt_tokens;
  record.token_ns = measure::offsets_from(t0_ns, generation.token_ns);
  record.output_ids = generation.output_ids;
  record.stop_reason = engine::name_of(generation.stop_reason);
  record.discarded_tokens = generation.discarded_tokens;
  record.output_digest = sha256_hex_of_ids(generation.output_ids);
  if (text == nullptr) return record;
  record.output_chars = text->chars;
  record.output_bytes = static_cast<std::int64_t>(text->text.size());
  if (keep_text) record.text = text->text;
  return record;
}

}  // namespace qbench::run
