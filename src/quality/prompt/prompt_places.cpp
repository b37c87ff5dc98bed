#include "quality/prompt/prompt_places.h"

#include <algorithm>

#include "quality/prompt/token_map.h"

namespace qbench::quality {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

std::optional<PlacedPrompt> place_parts(const text::Tokenizer& tokenizer, std::string_view rendered,
                                        std::span<const std::int32_t> prompt_ids, std::string_view user_text) {
  std::string_view text = user_text;
  std::size_t at = rendered.rfind(text);
  if (at == std::string_view::npos) {  // many templates trim what the user says
    text = trimmed(user_text);
    at = rendered.rfind(text);
  }
  if (at == std::string_view::npos || text.empty()) return std::nullopt;
  TokenMap map(tokenizer, rendered, false);
  if (!std::equal(map.ids().begin(), map.ids().end(), prompt_ids.begin(), prompt_ids.end())) map = TokenMap(tokenizer, rendered, true);
  PlacedPrompt placed;
  placed.exact = map.exact();
  placed.input.prompt_ids.assign(prompt_ids.begin(), prompt_ids.end());
  placed.input.user_text = map.tokens_of({at, at + text.size()});
  if (map.size() != static_cast<std::int64_t>(prompt_ids.size()) || placed.input.user_text.size() < 1) return std::nullopt;
  placed.sections = find_sections(text);
  const auto cut = static_cast<std::size_t>(text.data() - user_text.data());
  const auto lines = static_cast<std::size_t>(std::count(user_text.begin(), user_text.begin() + static_cast<std::ptrdiff_t>(cut), '\n'));
  for (Section& section : placed.sections) {
    placed.input.sections.push_back(map.tokens_of({at + section.span.begin, at + section.span.end}));
    section.span.begin += cut;
    section.span.end += cut;
    section.first_line += lines;
    section.last_line += lines;
  }
  return placed;
}

}  // namespace qbench::quality
