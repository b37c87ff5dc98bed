#include <algorithm>
#include <array>

#include "quality/prompt/repetition.h"

namespace qbench::quality {
namespace {

constexpr auto kAsking = std::to_array<std::string_view>(
    {"must",     "should", "shall",   "need",      "needs",  "want",    "wants",      "require",     "requires",
     "required", "ensure", "ensures", "make sure", "has to", "have to", "would like", "expected to", "please",
     "never",    "always", "do not",  "don't",     "cannot", "only",    "必须",       "应该",        "应当",
     "需要",     "请",     "要求",    "确保",      "务必",   "不要",    "不得",       "不能",        "只能"});
constexpr auto kImperatives = std::to_array<std::string_view>(
    {"write",   "generate",  "create", "build",    "implement", "develop",  "design",   "add",     "fix",   "refactor",
     "convert", "explain",   "return", "provide",  "make",      "complete", "use",      "include", "avoid", "handle",
     "support", "validate",  "test",   "document", "optimize",  "optimise", "keep",     "print",   "read",  "parse",
     "enhance", "integrate", "follow", "then",     "say",       "list",     "describe", "show",    "give",  "answer",
     "respond", "output",    "limit",  "prefer",   "编写",      "实现",     "创建",     "生成",    "开发",  "设计",
     "添加",    "修复",      "重构",   "返回",     "使用",      "包含",     "避免",     "处理",    "支持",  "提供"});

bool asks(const std::vector<PromptWord>& words) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    for (const std::string_view phrase : kAsking) {
      if (phrase_at(words, at, phrase)) return true;
    }
  }
  return std::any_of(kImperatives.begin(), kImperatives.end(), [&](std::string_view verb) { return phrase_at(words, 0, verb); });
}

constexpr auto kOpenings = std::to_array<std::string_view>(
    {"also", "then", "finally", "additionally", "moreover", "furthermore", "first", "second", "next", "ideally", "optionally", "besides"});

/// Without an opening word and its comma: "Also, ...".
std::string_view behind_opening(std::string_view text, const std::vector<PromptWord>& words) {
  if (words.empty() || std::find(kOpenings.begin(), kOpenings.end(), words.front().lower) == kOpenings.end()) return text;
  const std::size_t end = words.front().span.end;
  return end < text.size() && text[end] == ',' ? text.substr(end + 1) : text;
}

/// Without a `Label:` in front.
std::string_view behind_label(std::string_view text) {
  constexpr std::size_t kMostLabelWords = 4;
  std::size_t length = 0;
  const std::size_t colon = find_colon(text, length);
  if (colon == std::string_view::npos || (length == 1 && text.substr(colon + 1).substr(0, 1) != " ")) return text;
  return count_words(split_words(text.substr(0, colon))) > kMostLabelWords ? text : text.substr(colon + length);
}

/// Commas and semicolons between the members of an enumeration.
std::int64_t separators(std::string_view text) {
  std::int64_t count = 0;
  int depth = 0;
  bool code = false;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const char c = text[i];
    if (c == '`') code = !code;
    if (code) continue;
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') depth = std::max(depth - 1, 0);
    const bool gap = text[i + 1] == ' ' || text[i + 1] == '\n';
    const bool wide = text.substr(i).starts_with("\u3001") || text.substr(i).starts_with("\uFF1B");  // U+FF0C parts clauses
    if (depth == 0 && (wide || (gap && (c == ',' || c == ';')))) ++count;
  }
  return count;
}

std::int64_t count_in_item(std::string_view item) { return 1 + separators(behind_label(item)); }

std::int64_t count_in_prose(std::string_view text, TextSpan paragraph) {
  std::int64_t count = 0;
  for (const TextSpan& span : split_sentences(text, paragraph)) {
    const std::string_view sentence = text.substr(span.begin, span.size());
    const std::vector<PromptWord> words = split_words(sentence);
    if (asks(words)) count += 1 + separators(behind_opening(sentence, words));
  }
  return count;
}

}  // namespace

std::int64_t count_requirements(std::string_view text) {
  const std::vector<PromptLine> lines = split_lines(text);
  std::int64_t count = 0;
  for (std::size_t at = 0; at < lines.size();) {
    const PromptLine& first = lines[at];
    const std::size_t begin = first.body;
    ++at;
    if (first.kind != LineKind::kItem && first.kind != LineKind::kProse) continue;
    const bool item = first.kind == LineKind::kItem;
    // An item goes on in indented lines, a paragraph in the lines below it.
    while (at < lines.size() && lines[at].kind == LineKind::kProse && (!item || lines[at].indent >= 2)) ++at;
    const TextSpan span{begin, lines[at - 1].span.end};
    count += item ? count_in_item(text.substr(span.begin, span.size())) : count_in_prose(text, span);
  }
  return count;
}

}  // namespace qbench::quality
