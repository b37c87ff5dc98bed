#include "quality/prompt/prompt_lines.h"

#include <algorithm>
#include <array>
#include <optional>

namespace qbench::quality {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_word_byte(char c) { return is_digit(c) || is_upper(c) || is_lower(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Bytes of a list's mark and the blanks behind it; 0 where there is none.
std::size_t item_mark(std::string_view text) {
  std::size_t length = 0;
  if (text.starts_with("\u2022")) {
    length = 3;
  } else if (!text.empty() && (text[0] == '-' || text[0] == '*' || text[0] == '+')) {
    length = 1;
  } else {
    while (length < text.size() && length < 3 && is_digit(text[length])) ++length;
    if (length == 0 || length == text.size() || (text[length] != '.' && text[length] != ')')) return 0;
    ++length;
  }
  if (length == text.size() || !is_space(text[length])) return 0;
  while (length < text.size() && is_space(text[length])) ++length;
  return length;
}

std::string_view without_colon(std::string_view text) {
  text = trim(text);
  if (text.ends_with(':')) text.remove_suffix(1);
  return trim(text);
}

/// `<context>` and `</context>`.
std::optional<std::string_view> tag(std::string_view text) {
  if (text.size() < 3 || text.front() != '<' || text.back() != '>') return std::nullopt;
  const std::string_view inner = text.substr(1, text.size() - 2);
  const std::string_view name = inner.starts_with('/') ? inner.substr(1) : inner;
  if (name.empty() || !std::all_of(name.begin(), name.end(), [](char c) { return is_lower(c) || c == '_' || c == '-'; }))
    return std::nullopt;
  return inner;
}

/// `**Title**`, `**Title:**`, `**Title:** and what it says`: the title.
std::optional<std::string_view> bold_title(std::string_view text) {
  if (!text.starts_with("**") && !text.starts_with("__")) return std::nullopt;
  const std::size_t end = text.find(text.substr(0, 2), 2);
  if (end == std::string_view::npos || end == 2) return std::nullopt;
  const std::string_view inner = text.substr(2, end - 2), rest = trim(text.substr(end + 2));
  if (!rest.empty() && rest != ":" && !trim(inner).ends_with(':') && !rest.starts_with(':')) return std::nullopt;
  return without_colon(inner);
}

constexpr std::size_t kMostCapitals = 6;  // words of a title in capitals

bool is_capitals(std::string_view text) {
  if (text.size() < 4 || std::any_of(text.begin(), text.end(), [](char c) { return is_lower(c) || c == '.' || c == '`'; })) return false;
  return std::count(text.begin(), text.end(), ' ') < static_cast<std::ptrdiff_t>(kMostCapitals) &&
         std::count_if(text.begin(), text.end(), is_upper) >= 4;
}

/// The title of a line that is a heading: `# x`, a bold one, `<tag>`, one in capitals, and any line that ends in a colon.
void read_heading(std::string_view text, PromptLine& line) {
  std::optional<std::string_view> title;
  if (text.front() == '#') {
    const std::size_t hashes = std::min(text.find_first_not_of('#'), text.size());
    if (hashes <= 6 && hashes < text.size() && is_space(text[hashes])) title = without_colon(text.substr(hashes));
  } else if (const auto inner = tag(text)) {
    line.closes_title = inner->starts_with('/');
    title = *inner;
  } else if (const auto bold = bold_title(text)) {
    title = bold;
  } else if (text.ends_with(':') || is_capitals(text)) {
    title = without_colon(text);
  }
  if (!title) return;
  line.kind = LineKind::kHeading;
  line.title = *title;
}

}  // namespace

std::vector<PromptLine> split_lines(std::string_view text) {
  std::vector<PromptLine> lines;
  std::string_view fence;  // what opened the block that we are in
  for (std::size_t begin = 0; begin < text.size() || (begin == 0 && text.empty());) {
    const std::size_t newline = std::min(text.find('\n', begin), text.size());
    PromptLine line;
    line.span = {begin, newline > begin && newline < text.size() && text[newline - 1] == '\r' ? newline - 1 : newline};
    const std::string_view whole = text.substr(begin, line.span.size());
    const std::string_view body = trim(whole);
    line.body = body.empty() ? line.span.end : begin + static_cast<std::size_t>(body.data() - whole.data());
    const bool marks = body.starts_with("```") || body.starts_with("~~~");
    if (!fence.empty()) {
      const bool closes = marks && body.starts_with(fence) && body.find_first_not_of(body[0]) == std::string_view::npos;
      line.kind = closes ? LineKind::kFence : LineKind::kCode;
      if (closes) fence = {};
    } else if (marks) {
      line.kind = LineKind::kFence;
      fence = body.substr(0, std::min(body.find_first_not_of(body[0]), body.size()));
    } else if (body.empty()) {
      line.kind = LineKind::kBlank;
    } else if (const std::size_t mark = item_mark(body); mark > 0) {
      line.kind = LineKind::kItem;
      line.body += mark;
    } else {
      read_heading(body, line);
    }
    lines.push_back(std::move(line));
    if (newline == text.size()) break;
    begin = newline + 1;
  }
  return lines;
}

bool has_open_fence(std::string_view text) {
  const std::vector<PromptLine> lines = split_lines(text);
  return std::count_if(lines.begin(), lines.end(), [](const PromptLine& line) { return line.kind == LineKind::kFence; }) % 2 != 0;
}

std::vector<PromptWord> split_words(std::string_view text) {
  std::vector<PromptWord> words;
  std::size_t line = 1;
  bool in_code = false;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_word_byte(text[i])) {
      if (text[i] == '\n') ++line;
      in_code = text[i] != '\n' && in_code != (text[i] == '`');
      ++i;
      continue;
    }
    PromptWord word{{i, i}, line, {}, in_code};
    const auto joins = [&](std::size_t at) {
      return (text[at] == '-' || text[at] == '\'' || text[at] == '.') && at + 1 < text.size() && is_word_byte(text[at + 1]);
    };
    for (; i < text.size() && (is_word_byte(text[i]) || joins(i)); ++i)
      word.lower += is_upper(text[i]) ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    word.span.end = i;
    words.push_back(std::move(word));
  }
  return words;
}

LineIndex::LineIndex(std::string_view text) : starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(i + 1);
  }
}

std::size_t LineIndex::line_at(std::size_t offset) const {
  return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin());
}

std::vector<TextSpan> split_sentences(std::string_view text, TextSpan span) {
  std::vector<TextSpan> sentences;
  std::size_t begin = span.begin;
  const auto is_gap = [&](std::size_t at) { return is_space(text[at]) || text[at] == '\n' || text[at] == '\r'; };
  for (std::size_t i = span.begin; i < span.end; ++i) {
    if (text[i] != '.' && text[i] != '!' && text[i] != '?' && text[i] != ':') continue;
    std::size_t next = i + 1;
    while (next < span.end && is_gap(next)) ++next;
    if (next == i + 1 || next == span.end || is_lower(text[next])) continue;
    sentences.push_back({begin, next});  // with the gap: spans cover the text
    begin = next;
    i = next - 1;
  }
  if (begin < span.end) sentences.push_back({begin, span.end});
  return sentences;
}

std::size_t phrase_length(std::string_view phrase) { return 1 + static_cast<std::size_t>(std::count(phrase.begin(), phrase.end(), ' ')); }

bool phrase_at(const std::vector<PromptWord>& words, std::size_t at, std::string_view phrase) {
  while (true) {
    if (at >= words.size()) return false;
    const std::size_t space = std::min(phrase.find(' '), phrase.size());
    const std::string_view wanted = phrase.substr(0, space);
    const std::string_view found = words[at].lower;
    if (wanted.ends_with('*') ? !found.starts_with(wanted.substr(0, wanted.size() - 1)) : found != wanted) return false;
    if (space == phrase.size()) return true;
    phrase.remove_prefix(space + 1);
    ++at;
  }
}

}  // namespace qbench::quality
