#include "quality/prompt/prompt_lines.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "base/ascii.h"
#include "text/utf8.h"

namespace qbench::quality {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_upper(c) || is_lower(c); }

constexpr std::string_view kApostrophe = "\u2019", kWideColon = "\uFF1A", kListComma = "\u3001";

struct Range {
  char32_t first, last;
};
bool within(std::span<const Range> ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) { return c >= range.first && c <= range.last; });
}
/// Kana, Chinese characters and their compatibility forms.
constexpr auto kIdeographs =
    std::to_array<Range>({{0x3040, 0x30FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x3FFFF}});
/// Above ASCII: signs of Latin-1, general punctuation, arrows to symbols, CJK punctuation, full-width ASCII punctuation.
constexpr auto kPunctuation = std::to_array<Range>({{0x80, 0xA9},
                                                    {0xAB, 0xB4},
                                                    {0xB6, 0xB9},
                                                    {0xBB, 0xBF},
                                                    {0x2000, 0x206F},
                                                    {0x2190, 0x2BFF},
                                                    {0x3000, 0x303F},
                                                    {0xFF01, 0xFF0F},
                                                    {0xFF1A, 0xFF20},
                                                    {0xFF3B, 0xFF40},
                                                    {0xFF5B, 0xFF65}});

bool is_word_character(char32_t c) {
  if (c < 0x80) return is_digit(static_cast<char>(c)) || is_letter(static_cast<char>(c)) || c == '_';
  return !within(kPunctuation, c);
}

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
    if (length > 0 && text.substr(length).starts_with(kListComma)) return length + kListComma.size();
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
  if (text.ends_with(kWideColon)) text.remove_suffix(kWideColon.size());
  return trim(text);
}

/// Bytes of `<name>`, `<name key="value">` or, with `closing`, `</name>` at the front; 0 where there is none. The name goes to `name`.
std::size_t tag_length(std::string_view text, bool closing, std::string& name) {
  const std::size_t first = closing ? 2 : 1;
  if (text.size() <= first || text[0] != '<' || (closing && text[1] != '/') || !is_letter(text[first])) return 0;
  std::size_t end = first;
  while (end < text.size() && (is_letter(text[end]) || is_digit(text[end]) || text[end] == '_' || text[end] == '-')) ++end;
  const std::size_t close = text.find('>', end);
  if (close == std::string_view::npos || text.substr(end, close - end).find('<') != std::string_view::npos) return 0;
  if (close > end && (closing || text[end] != ' ' || text.substr(end, close - end).find('=') == std::string_view::npos)) return 0;
  name = ascii_lower(text.substr(first, end - first));
  return close + 1;
}

/// Takes a tag off the front and one off the end.
void read_tags(std::string_view& body, PromptLine& line) {
  const std::size_t length = tag_length(body, false, line.opens);
  body = trim(body.substr(length));
  const std::size_t last = body.ends_with('>') ? body.rfind("</") : std::string_view::npos;
  if (last != std::string_view::npos && tag_length(body.substr(last), true, line.closes) == body.size() - last)
    body = trim(body.substr(0, last));
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

constexpr int kLowestLevel = 7;

/// The title of a line that is a heading: `# x`, a bold one, one in capitals, and any line that ends in a colon.
void read_heading(std::string_view text, PromptLine& line) {
  std::optional<std::string_view> title;
  line.level = kLowestLevel;
  if (text.front() == '#') {
    const std::size_t hashes = std::min(text.find_first_not_of('#'), text.size());
    if (hashes <= 6 && hashes < text.size() && is_space(text[hashes])) {
      title = without_colon(text.substr(hashes));
      line.level = static_cast<int>(hashes);
    }
  } else if (const auto bold = bold_title(text)) {
    title = bold;
  } else if (text.ends_with(':') || text.ends_with(kWideColon) || is_capitals(text)) {
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
    std::string_view body = trim(whole);
    line.body = body.empty() ? line.span.end : begin + static_cast<std::size_t>(body.data() - whole.data());
    line.indent = line.body - begin;
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
    } else if (read_tags(body, line); body.empty()) {  // nothing but tags
      line.kind = LineKind::kHeading;
      line.title = line.opens;
    } else if (const std::size_t mark = item_mark(body); mark > 0) {
      line.kind = LineKind::kItem;
      line.body = begin + static_cast<std::size_t>(body.data() - whole.data()) + mark;
    } else {
      line.body = begin + static_cast<std::size_t>(body.data() - whole.data());
      if (line.opens.empty()) read_heading(body, line);  // `<format>JSON</format>` is no heading in capitals
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
  const auto character = [&](std::size_t at, std::size_t& end) {
    end = at;
    return at < text.size() ? text::next_code_point(text, end) : U' ';
  };
  for (std::size_t i = 0, next = 0; i < text.size(); i = next) {
    const char32_t c = character(i, next);
    if (!is_word_character(c)) {
      if (c == '\n') ++line;
      in_code = c != '\n' && in_code != (c == '`');
      continue;
    }
    PromptWord word{{i, next}, line, {}, in_code, within(kIdeographs, c)};
    for (std::size_t at = i; !word.ideograph; at = word.span.end) {
      std::size_t end = 0, behind = 0;
      const char32_t joint = character(at, end);
      const bool joins = joint == '-' || joint == '\'' || joint == '.' || joint == 0x2019;
      const char32_t follows = joins ? character(end, behind) : joint;
      if (!is_word_character(follows) || within(kIdeographs, follows)) break;
      word.span.end = end;
    }
    word.lower = ascii_lower(text.substr(i, word.span.size()));
    if (const std::size_t typographic = word.lower.find(kApostrophe); typographic != std::string::npos)
      word.lower.replace(typographic, kApostrophe.size(), "'");
    next = word.span.end;
    words.push_back(std::move(word));
  }
  return words;
}

std::size_t count_words(const std::vector<PromptWord>& words) {
  const auto ideographs =
      static_cast<std::size_t>(std::count_if(words.begin(), words.end(), [](const PromptWord& word) { return word.ideograph; }));
  return words.size() - ideographs / 2;
}

std::size_t find_colon(std::string_view text, std::size_t& length) {
  const std::size_t narrow = text.find(':'), wide = text.find(kWideColon);
  length = wide < narrow ? kWideColon.size() : 1;
  return std::min(narrow, wide);
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
    std::size_t end = i + 1;
    bool wide = false;
    for (const std::string_view mark : {"\u3002", "\uFF01", "\uFF1F"}) {
      if (text.substr(i, span.end - i).starts_with(mark)) {
        wide = true;
        end = i + mark.size();
      }
    }
    if (!wide && text[i] != '.' && text[i] != '!' && text[i] != '?' && text[i] != ':') continue;
    std::size_t next = end;
    while (next < span.end && is_gap(next)) ++next;
    if (next == span.end || (!wide && (next == end || is_lower(text[next])))) continue;
    sentences.push_back({begin, next});  // with the gap: spans cover the text
    begin = next;
    i = next - 1;
  }
  if (begin < span.end) sentences.push_back({begin, span.end});
  return sentences;
}

namespace {

/// Takes the first word off a phrase.
std::string_view take_word(std::string_view& phrase) {
  std::size_t end = 0;
  if (static_cast<unsigned char>(phrase.front()) < 0x80 || !within(kIdeographs, text::next_code_point(phrase, end)))
    end = std::min(phrase.find(' '), phrase.size());
  const std::string_view word = phrase.substr(0, end);
  phrase.remove_prefix(end);
  if (phrase.starts_with(' ')) phrase.remove_prefix(1);
  return word;
}

}  // namespace

std::size_t phrase_length(std::string_view phrase) {
  std::size_t words = 0;
  for (; !phrase.empty(); ++words) take_word(phrase);
  return words;
}

bool phrase_at(const std::vector<PromptWord>& words, std::size_t at, std::string_view phrase) {
  for (; !phrase.empty(); ++at) {
    if (at >= words.size()) return false;
    const std::string_view wanted = take_word(phrase), found = words[at].lower;
    if (wanted.ends_with('*') ? !found.starts_with(wanted.substr(0, wanted.size() - 1)) : found != wanted) return false;
  }
  return true;
}

}  // namespace qbench::quality
