#include "quality/prompt/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/check.h"
#include "base/plural.h"
#include "text/utf8.h"

namespace qbench::quality {
namespace {

using enum LintId;

constexpr auto kRules = std::to_array<LintRule>({
    {kAmbiguousWord, "ambiguous-word", "nothing that could be checked: say how much, how many or which"},
    {kMissingOutputFormat, "missing-output-format",
     "nothing says what the answer should look like: name files, a block of code, a signature or JSON"},
    {kMissingSuccessCriteria, "missing-success-criteria", "nothing says when the answer is right: name tests, expected results or limits"},
    {kContradictoryNumbers, "contradictory-numbers", "both cannot hold: keep one"},
    {kUnresolvedPlaceholder, "unresolved-placeholder", "the model sees it as it stands: fill it in"},
    {kTrailingWhitespace, "trailing-whitespace", "costs tokens, and splits words unlike text that the model has seen"},
    {kLookalike, "non-ascii-lookalike", "looks like an ASCII character and is another: rare tokens, code that does not compile"},
    {kInvisibleCharacter, "invisible-character", "cannot be seen, and is tokenized all the same"},
    {kOpenFence, "open-fence", "a block of code that never closes takes in what follows"},
    {kTooLongForContext, "too-long-for-context", "the prompt does not fit the model's context"},
    {kNoRoomForAnswer, "no-room-for-answer", "prompt and longest answer together do not fit the context: the answer may be cut off"},
});

constexpr auto kAmbiguous = std::to_array<std::string_view>({
    "appropriate",
    "appropriately",
    "proper",
    "properly",
    "suitable",
    "some",
    "several",
    "various",
    "etc",
    "and so on",
    "good",
    "nice",
    "nicely",
    "fast",
    "quick",
    "quickly",
    "simple",
    "simply",
    "easy",
    "easily",
    "efficient",
    "efficiently",
    "robust",
    "user-friendly",
    "as needed",
    "if necessary",
    "if needed",
    "where appropriate",
    "as appropriate",
    "reasonable",
    "reasonably",
    "adequate",
    "sufficient",
    "better",
    "clean",
    "modern",
    "scalable",
    "flexible",
    "intuitive",
    "best practices",
    "high performance",
    "optimized",
    "somehow",
    "something",
    "stuff",
    "things",
    "maybe",
    "probably",
    "a few",
    "many",
    "soon",
    "comprehensive",
    "well-structured",
    "production-ready",
    "seamless",
    "elegant",
    "适当",
    "合适",
    "合理",
    "良好",
    "尽可能",
    "尽量",
    "等等",
    "高效",
    "简洁",
    "友好",
    "若干",
    "一些",
});

constexpr auto kOutputWords = std::to_array<std::string_view>({
    "output",
    "outputs",
    "format*",
    "return only",
    "return the function",
    "return the code",
    "respond with",
    "respond in",
    "answer with",
    "answer in",
    "reply with",
    "print*",
    "json",
    "yaml",
    "csv",
    "markdown",
    "html",
    "code block",
    "fenced",
    "signature",
    "file named",
    "files named",
    "one file",
    "single file",
    "complete implementation",
    "complete program",
    "full implementation",
    "only the code",
    "code only",
    "function only",
    "implementation only",
    "say in",
    "in one sentence",
    "diff",
    "patch",
    "as a list",
    "as a table",
    "bullet points",
    "header-only",
    "输出",
    "格式",
    "仅返回",
    "只返回",
    "代码块",
    "签名",
    "单个文件",
    "一个文件",
});

constexpr auto kSuccessWords = std::to_array<std::string_view>({
    "success criteria",
    "acceptance",
    "criteria",
    "must pass",
    "test",
    "tests",
    "tested",
    "testing",
    "assert*",
    "coverage",
    "expected",
    "should return",
    "must return",
    "raises",
    "throws",
    "at least",
    "at most",
    "no more than",
    "less than",
    "fewer than",
    "exactly",
    "compliance",
    "compliant",
    "p95",
    "p99",
    "for example",
    "done when",
    "verify",
    "response times",
    "测试",
    "验收",
    "断言",
    "覆盖率",
    "期望",
    "预期",
    "至少",
    "最多",
    "不超过",
    "例如",
    "比如",
    "抛出",
});

/// Whether a phrase of the table stands among the words.
template <std::size_t kCount>
bool has_any(const std::vector<PromptWord>& words, const std::array<std::string_view, kCount>& phrases) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    for (const std::string_view phrase : phrases) {
      if (phrase_at(words, at, phrase)) return true;
    }
  }
  return false;
}

/// The tables hold English and Chinese words: of a text in Cyrillic, Arabic or Hangul they cannot say what is missing.
bool in_known_script(const std::vector<PromptWord>& words) {
  const auto foreign = std::count_if(words.begin(), words.end(), [](const PromptWord& word) {
    return !word.ideograph && static_cast<unsigned char>(word.lower.front()) >= 0xCD;  // U+0340 and above: no Latin letter
  });
  return static_cast<std::size_t>(foreign) * 2 <= words.size();
}

struct Lookalike {
  char32_t code_point;
  std::string_view ascii;
};

/// Letters of other scripts and punctuation of word processors that are drawn as ASCII characters are (after Unicode's confusables.txt).
constexpr auto kLookalikes = std::to_array<Lookalike>({
    {0x00A0, " "},  {0x2007, " "},  {0x202F, " "}, {0x3000, " "}, {0x2018, "'"}, {0x2019, "'"}, {0x201A, ","}, {0x201C, "\""},
    {0x201D, "\""}, {0x201E, "\""}, {0x2010, "-"}, {0x2011, "-"}, {0x2012, "-"}, {0x2013, "-"}, {0x2212, "-"}, {0x037E, ";"},
    {0x2024, "."},  {0x2044, "/"},  {0x2215, "/"}, {0x2236, ":"}, {0x02BC, "'"}, {0x00B4, "'"}, {0x0410, "A"}, {0x0412, "B"},
    {0x0415, "E"},  {0x041A, "K"},  {0x041C, "M"}, {0x041D, "H"}, {0x041E, "O"}, {0x0420, "P"}, {0x0421, "C"}, {0x0422, "T"},
    {0x0425, "X"},  {0x0406, "I"},  {0x0408, "J"}, {0x0405, "S"}, {0x0430, "a"}, {0x0435, "e"}, {0x043E, "o"}, {0x0440, "p"},
    {0x0441, "c"},  {0x0443, "y"},  {0x0445, "x"}, {0x0456, "i"}, {0x0458, "j"}, {0x0455, "s"}, {0x0391, "A"}, {0x0392, "B"},
    {0x0395, "E"},  {0x0396, "Z"},  {0x0397, "H"}, {0x0399, "I"}, {0x039A, "K"}, {0x039C, "M"}, {0x039D, "N"}, {0x039F, "O"},
    {0x03A1, "P"},  {0x03A4, "T"},  {0x03A5, "Y"}, {0x03A7, "X"}, {0x03BF, "o"},
});
constexpr auto kInvisible = std::to_array<char32_t>({0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E,
                                                     0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF});

std::string hex_of(char32_t code_point) { return fmt::format("U+{:04X}", static_cast<std::uint32_t>(code_point)); }

/// Letters of another script are normal among their like, and lookalikes in a word that has ASCII letters too; punctuation is always one.
bool in_latin_word(std::string_view line, std::size_t begin, std::size_t end) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto in_word = [&](char c) { return is_letter(c) || static_cast<unsigned char>(c) >= 0x80; };
  std::size_t first = begin, last = end;
  while (first > 0 && in_word(line[first - 1])) --first;
  while (last < line.size() && in_word(line[last])) ++last;
  return std::any_of(line.begin() + static_cast<std::ptrdiff_t>(first), line.begin() + static_cast<std::ptrdiff_t>(last), is_letter);
}

bool is_letter_lookalike(char32_t c) { return c >= 0x0370 && c < 0x0500 && c != 0x037E; }

/// Full-width and curved punctuation is what Chinese and Japanese text is written with, but not between two ASCII characters: `f（x`.
bool in_wide_text(std::string_view line, bool ideographs, std::size_t begin, std::size_t end) {
  const auto ascii = [&](std::size_t at) { return at < line.size() && line[at] > ' ' && line[at] < 0x7F; };
  return ideographs && !(begin > 0 && ascii(begin - 1) && ascii(end));
}

constexpr char32_t kFullWidthFirst = 0xFF01, kFullWidthLast = 0xFF5E;

/// One finding a line and character, so that a text full of typographic quotes stays readable.
void lint_characters(std::string_view line, std::size_t number, bool code, std::vector<LintFinding>& findings) {
  std::set<char32_t> said;
  const std::vector<PromptWord> words = split_words(line);
  const bool ideographs = std::any_of(words.begin(), words.end(), [](const PromptWord& word) { return word.ideograph; });
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t begin = at;
    const char32_t c = text::next_code_point(line, at);
    if (c < 0x80 || said.contains(c)) continue;
    if (std::find(kInvisible.begin(), kInvisible.end(), c) != kInvisible.end()) {
      findings.push_back({kInvisibleCharacter, number, hex_of(c)});
      said.insert(c);
      continue;
    }
    std::string ascii;
    for (const Lookalike& one : kLookalikes) {
      if (one.code_point == c && (!is_letter_lookalike(c) || in_latin_word(line, begin, at))) ascii = one.ascii;
    }
    if (c >= kFullWidthFirst && c <= kFullWidthLast) ascii = std::string(1, static_cast<char>(c - kFullWidthFirst + '!'));
    if (ascii.empty() || code || (!is_letter_lookalike(c) && in_wide_text(line, ideographs, begin, at))) continue;
    said.insert(c);
    findings.push_back({kLookalike, number, fmt::format("'{}' is {}, not '{}'", line.substr(begin, at - begin), hex_of(c), ascii)});
  }
}

bool is_capital_name(std::string_view text) {
  return text.size() >= 2 &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ' || c == '-'; }) &&
         std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> words) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return lower.starts_with(word); });
}

/// `{{name}}`, `${NAME}`, `<YOUR_NAME>`, `[INSERT ...]`, `{name}` alone is left alone: it is code more often than not.
void lint_brackets(std::string_view line, std::size_t number, std::vector<LintFinding>& findings) {
  struct Bracket {
    std::string_view open, close;
  };
  constexpr std::size_t kLongest = 60;
  for (const Bracket& bracket : {Bracket{"{{", "}}"}, Bracket{"${", "}"}, Bracket{"<", ">"}, Bracket{"[", "]"}}) {
    for (std::size_t at = line.find(bracket.open); at != std::string_view::npos; at = line.find(bracket.open, at + 1)) {
      const std::size_t begin = at + bracket.open.size(), end = line.find(bracket.close, begin);
      if (end == std::string_view::npos || end - begin > kLongest || end == begin) continue;
      const std::string_view inner = line.substr(begin, end - begin);
      const bool asks = begins_with_any(inner, {"your", "insert", "placeholder", "fill in", "replace", "todo", "tbd", "enter "});
      const bool named = bracket.open == "<" && is_capital_name(inner) && inner.find_first_of("_ ") != std::string_view::npos;
      if (bracket.open == "{{" || bracket.open == "${" || asks || named)
        findings.push_back({kUnresolvedPlaceholder, number, std::string(line.substr(at, end + bracket.close.size() - at))});
    }
  }
}

void lint_placeholder_words(const std::vector<PromptWord>& words, std::string_view text, const std::vector<PromptLine>& lines,
                            std::vector<LintFinding>& findings) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string_view word = text.substr(words[at].span.begin, words[at].span.size());
    const bool mark = word == "TODO" || word == "TBD" || word == "FIXME" || word == "XXX" || word == "TBC";
    if (!mark && !phrase_at(words, at, "lorem ipsum")) continue;
    const LineKind kind = lines[words[at].line - 1].kind;
    if (kind != LineKind::kCode) findings.push_back({kUnresolvedPlaceholder, words[at].line, std::string(word)});
  }
}

void lint_ambiguity(const std::vector<PromptWord>& words, const std::vector<PromptLine>& lines, std::vector<LintFinding>& findings) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    const LineKind kind = lines[words[at].line - 1].kind;
    if (kind == LineKind::kCode || kind == LineKind::kFence || words[at].in_code) continue;
    for (const std::string_view phrase : kAmbiguous) {
      if (phrase_at(words, at, phrase)) findings.push_back({kAmbiguousWord, words[at].line, fmt::format("'{}'", phrase)});
    }
  }
}

void lint_lines(std::string_view text, const std::vector<PromptLine>& lines, std::vector<LintFinding>& findings) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = text.substr(lines[i].span.begin, lines[i].span.size());
    const bool code = lines[i].kind == LineKind::kCode;
    if (!code && (line.ends_with(' ') || line.ends_with('\t'))) {
      const std::size_t kept = line.find_last_not_of(" \t");
      const std::size_t count = line.size() - (kept == std::string_view::npos ? 0 : kept + 1);
      findings.push_back({kTrailingWhitespace, i + 1, fmt::format("{} at the end of the line", plural(count, "blank"))});
    }
    lint_characters(line, i + 1, code, findings);
    if (!code) lint_brackets(line, i + 1, findings);
  }
}

void lint_length(std::span<const LintContext> contexts, std::vector<LintFinding>& findings) {
  for (const LintContext& one : contexts) {
    if (one.context <= 0) continue;
    if (one.prompt_tokens > one.context) {
      findings.push_back({kTooLongForContext, 0, fmt::format("{}: {} tokens, a context of {}", one.model, one.prompt_tokens, one.context)});
    } else if (one.prompt_tokens + one.max_new_tokens - 1 > one.context) {
      findings.push_back(
          {kNoRoomForAnswer, 0,
           fmt::format("{}: {} + {} tokens, a context of {}", one.model, one.prompt_tokens, one.max_new_tokens, one.context)});
    }
  }
}

}  // namespace

std::span<const LintRule> lint_rules() { return kRules; }

const LintRule& rule_of(LintId id) {
  const LintRule& rule = kRules[static_cast<std::size_t>(id)];
  QB_CHECK(rule.id == id);
  return rule;
}

std::vector<LintFinding> lint(std::string_view text, std::span<const LintContext> contexts) {
  const std::vector<PromptLine> lines = split_lines(text);
  const std::vector<PromptWord> words = split_words(text);
  std::vector<LintFinding> findings;
  lint_length(contexts, findings);
  const bool readable = in_known_script(words);
  if (readable && !has_any(words, kOutputWords) && text.find("->") == std::string_view::npos)
    findings.push_back({kMissingOutputFormat, 0, ""});
  if (readable && !has_any(words, kSuccessWords)) findings.push_back({kMissingSuccessCriteria, 0, ""});
  lint_ambiguity(words, lines, findings);
  lint_placeholder_words(words, text, lines, findings);
  lint_lines(text, lines, findings);
  for (LintFinding& finding : lint_numbers(text)) findings.push_back(std::move(finding));
  if (has_open_fence(text)) {
    const auto last = std::find_if(lines.rbegin(), lines.rend(), [](const PromptLine& line) { return line.kind == LineKind::kFence; });
    findings.push_back({kOpenFence, static_cast<std::size_t>(lines.rend() - last), ""});
  }
  std::stable_sort(findings.begin(), findings.end(), [](const LintFinding& a, const LintFinding& b) { return a.line < b.line; });
  return findings;
}

}  // namespace qbench::quality
