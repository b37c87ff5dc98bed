#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <set>

#include "quality/prompt/lint.h"

namespace qbench::quality {
namespace {

constexpr std::size_t kReach = 256;  // earlier numbers that one is compared with

enum class Bound { kExact, kLower, kUpper };

struct Unit {
  std::string_view word;
  std::string_view canonical;
  double factor;
  bool counts;  ///< a count of things: bounds on it are the prompt's own, unless both name what they are of
};

constexpr auto kUnits = std::to_array<Unit>({
    {"%", "%", 1, false},
    {"percent", "%", 1, false},
    {"ms", "ms", 1, false},
    {"milliseconds", "ms", 1, false},
    {"s", "ms", 1e3, false},
    {"sec", "ms", 1e3, false},
    {"second", "ms", 1e3, false},
    {"seconds", "ms", 1e3, false},
    {"minute", "ms", 6e4, false},
    {"minutes", "ms", 6e4, false},
    {"hour", "ms", 3.6e6, false},
    {"hours", "ms", 3.6e6, false},
    {"kb", "bytes", 1e3, false},
    {"mb", "bytes", 1e6, false},
    {"gb", "bytes", 1e9, false},
    {"kib", "bytes", 1024, false},
    {"mib", "bytes", 1048576, false},
    {"gib", "bytes", 1073741824, false},
    {"bytes", "bytes", 1, false},
    {"line", "lines", 1, true},
    {"lines", "lines", 1, true},
    {"word", "words", 1, true},
    {"words", "words", 1, true},
    {"character", "characters", 1, true},
    {"characters", "characters", 1, true},
    {"chars", "characters", 1, true},
    {"token", "tokens", 1, true},
    {"tokens", "tokens", 1, true},
    {"sentence", "sentences", 1, true},
    {"sentences", "sentences", 1, true},
    {"paragraphs", "paragraphs", 1, true},
    {"function", "functions", 1, true},
    {"functions", "functions", 1, true},
    {"classes", "classes", 1, true},
    {"methods", "methods", 1, true},
    {"files", "files", 1, true},
    {"tests", "tests", 1, true},
    {"items", "items", 1, true},
    {"endpoints", "endpoints", 1, true},
    {"fields", "fields", 1, true},
    {"columns", "columns", 1, true},
    {"rows", "rows", 1, true},
    {"users", "users", 1, true},
    {"requests", "requests", 1, true},
    {"retries", "retries", 1, true},
    {"steps", "steps", 1, true},
    {"examples", "examples", 1, true},
    {"pages", "pages", 1, true},
    {"parameters", "parameters", 1, true},
    {"arguments", "arguments", 1, true},
    {"digits", "digits", 1, true},
    {"decimals", "decimals", 1, true},
});

struct Comparator {
  std::string_view phrase;
  Bound bound;
};
constexpr auto kComparators = std::to_array<Comparator>({
    {"at least", Bound::kLower},      {"no fewer than", Bound::kLower}, {"no less than", Bound::kLower}, {"not less than", Bound::kLower},
    {"minimum", Bound::kLower},       {"minimum of", Bound::kLower},    {"min", Bound::kLower},          {"no more than", Bound::kUpper},
    {"not more than", Bound::kUpper}, {"not exceed", Bound::kUpper},    {"at most", Bound::kUpper},      {"maximum", Bound::kUpper},
    {"maximum of", Bound::kUpper},    {"max", Bound::kUpper},           {"up to", Bound::kUpper},        {"less than", Bound::kUpper},
    {"fewer than", Bound::kUpper},    {"under", Bound::kUpper},         {"below", Bound::kUpper},        {"within", Bound::kUpper},
    {"sub", Bound::kUpper},           {"more than", Bound::kLower},     {"over", Bound::kLower},         {"above", Bound::kLower},
    {"greater than", Bound::kLower},  {"longer than", Bound::kLower},   {"shorter than", Bound::kUpper},
});

/// Words that say nothing of what a number is of.
constexpr auto kSilent = std::to_array<std::string_view>({
    "a",     "an",     "the",   "of",       "in",      "on",      "at",      "to",      "for",      "with",  "and",     "or",
    "is",    "are",    "be",    "it",       "its",     "that",    "this",    "must",    "should",   "shall", "will",    "can",
    "have",  "has",    "keep",  "stay",     "achieve", "reach",   "write",   "use",     "ensure",   "make",  "sure",    "need",
    "needs", "target", "aim",   "maintain", "remain",  "provide", "include", "contain", "contains", "add",   "least",   "most",
    "more",  "less",   "fewer", "than",     "no",      "not",     "minimum", "maximum", "min",      "max",   "up",      "under",
    "below", "within", "over",  "above",    "exceed",  "exactly", "about",   "also",    "please",   "total", "overall", "all",
    "every", "each",   "any",   "code",     "answer",  "i",       "want",    "we",      "you",      "your",  "then",    "but",
    "as",    "by",     "sub",   "greater",  "longer",  "shorter", "long",
});
constexpr auto kScopes =
    std::to_array<std::string_view>({"function",  "functions", "method",      "methods",   "class",   "classes",     "file",  "files",
                                     "module",    "test",      "tests",       "paragraph", "section", "sentence",    "page",  "endpoint",
                                     "docstring", "comment",   "description", "title",     "summary", "explanation", "readme"});

constexpr auto kVersioned = std::to_array<std::string_view>(
    {"python",   "node",  "node.js", "react",   "java",  "typescript", "go",      "rust",    "django", "postgresql",
     "postgres", "php",   "ruby",    "angular", "vue",   "ubuntu",     "debian",  "cuda",    "kotlin", "swift",
     "scala",    "flask", "fastapi", "spring",  "mysql", "redis",      "next.js", "pytorch", "c"});

template <std::size_t kCount>
bool contains(const std::array<std::string_view, kCount>& table, std::string_view word) {
  return std::find(table.begin(), table.end(), word) != table.end();
}

/// The number that a word begins with, and how many bytes it takes: "200ms", "1,000" (its commas are between words), "90".
std::optional<double> leading_number(std::string_view word, std::size_t& length) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, std::chars_format::fixed);
  if (error != std::errc() || word.front() == '-') return std::nullopt;
  length = static_cast<std::size_t>(end - word.data());
  return value;
}

struct Quantity {
  double value = 0;
  Bound bound = Bound::kExact;
  const Unit* unit = nullptr;
  std::set<std::string> about;  ///< words of its clause that say what it is of
  std::size_t line = 0, clause = 0;
  std::string text;
};

struct Version {
  std::string_view name;
  std::string number;
  bool or_later = false;
  std::size_t line = 0;
};

/// What stands between words decides: where clauses end, signs of comparison, per cent.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text), words_(split_words(text)) {
    std::size_t clause = 0;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (i > 0 && ends_clause(gap(i - 1))) ++clause;
      clauses_.push_back(clause);
    }
    for (const PromptLine& line : split_lines(text)) kinds_.push_back(line.kind);
  }

  std::vector<Quantity> quantities() const {
    std::vector<Quantity> found;
    for (std::size_t at = 0; at < words_.size(); ++at) {
      if (judged(at)) {
        if (auto quantity = quantity_at(at)) found.push_back(std::move(*quantity));
      }
    }
    return found;
  }

  std::vector<Version> versions() const {
    std::vector<Version> found;
    for (std::size_t at = 0; at + 1 < words_.size(); ++at) {
      const auto name = std::find(kVersioned.begin(), kVersioned.end(), words_[at].lower);
      const std::string_view between = gap(at);
      if (name == kVersioned.end() || !judged(at) || !(*name == "c" ? between == "++" : between == " ")) continue;
      std::string number = words_[at + 1].lower;
      if (number.starts_with('v')) number.erase(0, 1);
      if (number.empty() || number.find_first_not_of("0123456789.") != std::string::npos) continue;
      const bool later = gap(at + 1).starts_with('+') || phrase_at(words_, at + 2, "or later") || phrase_at(words_, at + 2, "or newer") ||
                         phrase_at(words_, at + 2, "or higher");
      if (!moves(at)) found.push_back({*name, number, later, words_[at].line});
    }
    return found;
  }

 private:
  bool judged(std::size_t at) const {
    const LineKind kind = kinds_[words_[at].line - 1];
    return kind != LineKind::kCode && kind != LineKind::kFence && !words_[at].in_code;  // what stands in code is a value, not a bound
  }
  /// Bytes between a word and the next one.
  std::string_view gap(std::size_t at) const {
    const std::size_t end = at + 1 < words_.size() ? words_[at + 1].span.begin : text_.size();
    return text_.substr(words_[at].span.end, end - words_[at].span.end);
  }
  static bool ends_clause(std::string_view gap) { return gap.find_first_of(".;!?\n,") != std::string_view::npos && gap != ","; }

  /// A text that is about moving from one version to another names both.
  bool moves(std::size_t at) const {
    std::size_t first = at;
    while (first > 0 && words_[first - 1].line == words_[at].line) --first;
    for (std::size_t i = first; i < words_.size() && words_[i].line == words_[at].line; ++i) {
      for (const std::string_view verb : {"migrat*", "upgrad*", "port", "convert", "from"}) {
        if (phrase_at(words_, i, verb)) return true;
      }
    }
    return false;
  }

  const Unit* unit_at(std::size_t& at, std::string_view tail) const {
    if (gap(at).starts_with('%')) return &kUnits.front();
    const auto find = [](std::string_view word) -> const Unit* {
      const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& one) { return one.word == word; });
      return unit == kUnits.end() ? nullptr : &*unit;
    };
    if (!tail.empty()) return find(tail.starts_with('-') ? tail.substr(1) : tail);
    for (std::size_t ahead = 1; ahead <= 2 && at + ahead < words_.size() && clauses_[at + ahead] == clauses_[at]; ++ahead) {
      if (const Unit* unit = find(words_[at + ahead].lower)) {
        at += ahead;
        return unit;
      }
    }
    return nullptr;
  }

  Bound bound_of(std::size_t at, std::size_t end) const {
    const std::string_view after = gap(end), before = at > 0 ? gap(at - 1) : text_.substr(0, words_[at].span.begin);
    if (before.find('<') != std::string_view::npos) return Bound::kUpper;
    if (before.find('>') != std::string_view::npos) return Bound::kLower;
    for (const Comparator& one : kComparators) {
      const std::size_t length = phrase_length(one.phrase);
      for (std::size_t back = length; back <= length + 1 && back <= at; ++back) {
        if (clauses_[at - back] == clauses_[at] && phrase_at(words_, at - back, one.phrase)) return one.bound;
      }
    }
    if (after.starts_with('+') || after.starts_with("%+") || gap(at).starts_with('+')) return Bound::kLower;
    if (phrase_at(words_, end + 1, "or more")) return Bound::kLower;
    return phrase_at(words_, end + 1, "or less") || phrase_at(words_, end + 1, "or fewer") ? Bound::kUpper : Bound::kExact;
  }

  std::optional<Quantity> quantity_at(std::size_t at) const {
    std::string_view word = words_[at].lower;
    const bool sub = word.starts_with("sub-");
    if (sub) word.remove_prefix(4);
    std::size_t length = 0;
    auto value = word.empty() ? std::nullopt : leading_number(word, length);
    if (!value) return std::nullopt;
    std::size_t end = at;
    // "1,000 users", "1 000 users": three digits behind a comma or a blank belong to the number.
    while (length == word.size() && (gap(end) == "," || gap(end) == " ") && end + 1 < words_.size() && words_[end + 1].lower.size() == 3) {
      std::size_t digits = 0;
      const auto more = leading_number(words_[end + 1].lower, digits);
      if (!more || digits != 3) break;
      value = *value * 1000 + *more;
      ++end;
    }
    const Unit* unit = unit_at(end, word.substr(length));
    if (unit == nullptr) return std::nullopt;
    Quantity quantity{*value * unit->factor, sub ? Bound::kUpper : bound_of(at, end), unit, {}, words_[at].line, clauses_[at], {}};
    std::size_t first = at, last = end;
    while (first > 0 && clauses_[first - 1] == clauses_[at]) --first;
    while (last + 1 < words_.size() && clauses_[last + 1] == clauses_[at]) ++last;
    for (std::size_t i = first; i <= last; ++i) {
      std::size_t ignored = 0;
      if (i >= at && i <= end) continue;
      if (!contains(kSilent, words_[i].lower) && !leading_number(words_[i].lower, ignored)) quantity.about.insert(words_[i].lower);
    }
    const std::size_t from = at > first + 3 ? at - 3 : first;
    std::size_t stop = words_[std::min(last, end + 2)].span.end;
    if (unit == &kUnits.front() && stop < text_.size() && text_[stop] == '%') ++stop;
    quantity.text = text_.substr(words_[from].span.begin, stop - words_[from].span.begin);
    return quantity;
  }

  std::string_view text_;
  std::vector<PromptWord> words_;
  std::vector<std::size_t> clauses_;  // (words)
  std::vector<LineKind> kinds_;       // (lines)
};

bool is_subset(const std::set<std::string>& small, const std::set<std::string>& large) {
  return std::includes(large.begin(), large.end(), small.begin(), small.end());
}

bool same_thing(const Quantity& a, const Quantity& b) {
  if (a.unit->canonical != b.unit->canonical || a.clause == b.clause) return false;
  const bool exact = a.bound == Bound::kExact && b.bound == Bound::kExact;
  if (a.unit->counts && !exact) {
    const auto scope = [](const Quantity& q) {
      std::set<std::string> scopes;
      for (const std::string& word : q.about) {
        if (contains(kScopes, word)) scopes.insert(word);
      }
      return scopes;
    };
    const auto of_a = scope(a), of_b = scope(b);
    return of_a.empty() || of_b.empty() || of_a == of_b;
  }
  if (exact && (a.about.empty() || b.about.empty())) return a.about == b.about;
  return is_subset(a.about, b.about) || is_subset(b.about, a.about);
}

bool exclude(const Quantity& a, const Quantity& b) {
  if (a.bound == Bound::kExact && b.bound == Bound::kExact) return a.value != b.value;
  const auto low = [](const Quantity& q) { return q.bound == Bound::kUpper ? -std::numeric_limits<double>::infinity() : q.value; };
  const auto high = [](const Quantity& q) { return q.bound == Bound::kLower ? std::numeric_limits<double>::infinity() : q.value; };
  return low(a) > high(b) || low(b) > high(a);
}

bool exclude(const Version& a, const Version& b) {
  const auto begins = [](const std::string& longer, const std::string& shorter) {
    return longer == shorter || longer.starts_with(shorter + ".");
  };
  return a.name == b.name && !a.or_later && !b.or_later && !begins(a.number, b.number) && !begins(b.number, a.number);
}

}  // namespace

std::vector<LintFinding> lint_numbers(std::string_view text) {
  const Reader reader(text);
  std::vector<LintFinding> findings;
  // Of the latest kReach, so that a long list of numbers takes time in proportion to its length.
  const auto first_against = [](const auto& all, std::size_t at, const auto& contradicts) {
    for (std::size_t i = at - std::min(at, kReach); i < at; ++i) {
      if (contradicts(all[i], all[at])) return i;
    }
    return at;
  };
  const auto add = [&](std::size_t line, const std::string& later, const std::string& early, std::size_t early_line) {
    findings.push_back({LintId::kContradictoryNumbers, line, fmt::format("'{}' against '{}' in line {}", later, early, early_line)});
  };
  const std::vector<Quantity> quantities = reader.quantities();
  for (std::size_t i = 0; i < quantities.size(); ++i) {
    const std::size_t early =
        first_against(quantities, i, [](const Quantity& a, const Quantity& b) { return same_thing(a, b) && exclude(a, b); });
    if (early < i) add(quantities[i].line, quantities[i].text, quantities[early].text, quantities[early].line);
  }
  const std::vector<Version> versions = reader.versions();
  const auto shown = [](const Version& v) { return v.name == "c" ? "C++" + v.number : std::string(v.name) + " " + v.number; };
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const std::size_t early = first_against(versions, i, [](const Version& a, const Version& b) { return exclude(a, b); });
    if (early < i) add(versions[i].line, shown(versions[i]), shown(versions[early]), versions[early].line);
  }
  return findings;
}

}  // namespace qbench::quality
