#include "quality/prompt/analysis.h"

namespace qbench::quality {
namespace {

/// `length` tells what a span takes.
template <typename Length>
PromptCounts count(const PromptAnalysis& prompt, std::int64_t total, const Length& length) {
  PromptCounts counts;
  counts.total = total;
  for (const Section& section : prompt.sections) {
    counts.by_section.push_back(length(section.span));
    counts.by_kind[static_cast<std::size_t>(section.kind)] += counts.by_section.back();
  }
  for (const Duplicate& duplicate : prompt.duplicates) {
    for (std::size_t i = 1; i < duplicate.places.size(); ++i) counts.duplicated += length(duplicate.places[i].span);
  }
  for (const Boilerplate& one : prompt.boilerplate) counts.boilerplate += length(one.span);
  return counts;
}

}  // namespace

PromptAnalysis analyse_prompt(std::string text) {
  PromptAnalysis prompt;
  prompt.text = std::move(text);
  prompt.bytes = static_cast<std::int64_t>(prompt.text.size());
  prompt.lines = static_cast<std::int64_t>(split_lines(prompt.text).size());
  prompt.words = static_cast<std::int64_t>(split_words(prompt.text).size());
  prompt.requirements = count_requirements(prompt.text);
  prompt.sections = find_sections(prompt.text);
  prompt.duplicates = find_duplicates(prompt.text);
  prompt.boilerplate = find_boilerplate(prompt.text);
  return prompt;
}

std::optional<double> PromptCounts::share(std::int64_t part) const {
  if (total == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(total);
}

PromptCounts count_tokens(const PromptAnalysis& prompt, const text::Tokenizer& tokenizer) {
  const TokenMap map(tokenizer, prompt.text, false);
  PromptCounts counts = count(prompt, map.size(), [&](TextSpan span) { return map.tokens_of(span).size(); });
  counts.exact = map.exact();
  return counts;
}

PromptCounts count_bytes(const PromptAnalysis& prompt) {
  return count(prompt, prompt.bytes, [](TextSpan span) { return static_cast<std::int64_t>(span.size()); });
}

}  // namespace qbench::quality
