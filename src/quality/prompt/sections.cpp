#include "quality/prompt/sections.h"

#include <algorithm>
#include <optional>

namespace qbench::quality {
namespace {

constexpr std::size_t kMostLabelWords = 4;
constexpr std::size_t kTitleBytes = 48;  // of a part that has no heading

using Place = SectionRule::Place;

/// The first rule for one of the places that fits.
const SectionRule* fitting_rule(std::string_view text, std::initializer_list<Place> places) {
  const std::vector<PromptWord> words = split_words(text);
  for (const SectionRule& rule : section_rules()) {
    if (std::find(places.begin(), places.end(), rule.place) == places.end()) continue;
    const std::size_t starts = rule.place == Place::kOpening ? std::min<std::size_t>(words.size(), 1) : words.size();
    for (std::size_t at = 0; at < starts; ++at) {
      if (phrase_at(words, at, rule.phrase)) return &rule;
    }
  }
  return nullptr;
}

constexpr auto kInText = {Place::kOpening, Place::kSentence};

/// The words before a colon at the beginning of a line or item, where they are few: "Tech Stack: React", "**Database:** PostgreSQL".
std::optional<std::string_view> label_of(std::string_view body) {
  while (body.starts_with('*')) body.remove_prefix(1);
  std::size_t length = 0;
  const std::size_t colon = find_colon(body, length);
  if (colon == std::string_view::npos || colon + length >= body.size()) return std::nullopt;
  if (length == 1 && body[colon + 1] != ' ' && body[colon + 1] != '*') return std::nullopt;  // "http://", "std::"
  const std::string_view label = body.substr(0, colon);
  const std::size_t words = count_words(split_words(label));
  if (words == 0 || words > kMostLabelWords || label.find_first_of(".,;!?`") != std::string_view::npos) return std::nullopt;
  return label;
}

/// The first words of a text, on one line.
std::string first_words(std::string_view text) {
  std::string title;
  for (const char c : text) {
    const bool gap = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (gap && (title.empty() || title.back() == ' ')) continue;
    if (title.size() >= kTitleBytes && gap) break;
    title += gap ? ' ' : c;
  }
  while (!title.empty() && title.back() == ' ') title.pop_back();
  return title;
}

/// "quality_requirements", "output-format": words.
std::string words_of(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '_' || c == '-'; }, ' ');
  return name;
}

/// A heading or tag that holds what follows.
struct Holder {
  std::string title;
  const SectionRule* rule = nullptr;
  int level = 0;    ///< of a heading; 0: of a tag
  std::string tag;  ///< as it closes; empty: a heading
};

constexpr std::size_t kDeepest = 64;  // tags and headings in each other; deeper ones are text
constexpr int kLowestHash = 6;        // `######`: below it bold lines and such, which hold only what belongs to themselves

/// Puts parts together, line by line.
class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text), index_(text), lines_(split_lines(text)) {
    has_title_ = std::count_if(lines_.begin(), lines_.end(),
                               [](const PromptLine& line) { return line.kind == LineKind::kHeading && line.level == 1; }) == 1;
  }

  std::vector<Section> find() {
    for (std::size_t at = 0; at < lines_.size();) at = take(at);
    if (parts_.empty() && !text_.empty()) parts_.push_back({{}, 1, lines_.size(), SectionKind::kUnclassified, "blank", {}});
    if (parts_.empty()) return {};
    parts_.front().span.begin = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) parts_[i].span.end = i + 1 < parts_.size() ? parts_[i + 1].span.begin : text_.size();
    return std::move(parts_);
  }

 private:
  std::string_view body(std::size_t at) const { return text_.substr(lines_[at].body, lines_[at].span.end - lines_[at].body); }

  const SectionRule* rule() const { return holders_.empty() ? nullptr : holders_.back().rule; }
  /// Of the heading or tag, where there is one.
  const std::string* heading() const { return holders_.empty() ? nullptr : &holders_.back().title; }

  static const SectionRule* rule_of_title(std::string_view title) {
    const SectionRule* found = fitting_rule(title, {Place::kOpening});  // "Design and implement an architecture:" is a task
    if (found == nullptr) found = fitting_rule(title, {Place::kTitle});
    return found != nullptr ? found : fitting_rule(title, {Place::kSentence});
  }

  /// Takes what begins at a line and returns the line behind it.
  std::size_t take(std::size_t at) {
    const PromptLine& line = lines_[at];
    in_item_ = line.kind == LineKind::kItem || (line.kind == LineKind::kProse && in_item_);
    const bool opened = open_tag(at);
    const std::size_t end = opened && line.kind == LineKind::kHeading && line.level == 0 ? at + 1 : take_body(at);
    for (std::size_t one = at; one < end; ++one) close_tag(lines_[one].closes);
    return end;
  }

  std::size_t take_body(std::size_t at) {
    switch (lines_[at].kind) {
      case LineKind::kBlank:
        break;
      case LineKind::kHeading:
        if (lines_[at].level == 0) return lines_[at].title.empty() && !parts_.empty() ? at + 1 : take_prose(at);  // tags that say nothing
        take_heading(at);
        break;
      case LineKind::kFence:
      case LineKind::kCode:
        return take_fence(at);
      case LineKind::kItem:
        take_item(at);
        break;
      case LineKind::kProse:
        return take_prose(at);
    }
    return at + 1;
  }

  bool opens_part(std::size_t at) const {
    return !lines_[at].opens.empty() && holders_.size() < kDeepest && rule_of_title(words_of(lines_[at].opens)) != nullptr;
  }

  bool open_tag(std::size_t at) {
    if (!opens_part(at)) return false;
    const std::string title = words_of(lines_[at].opens);
    holders_.push_back({title, rule_of_title(title), 0, lines_[at].opens});
    ++headings_;
    add(lines_[at].span, at, rule(), title, false);
    return true;
  }

  void close_tag(const std::string& name) {
    const auto open = std::find_if(holders_.rbegin(), holders_.rend(), [&](const Holder& one) { return !name.empty() && one.tag == name; });
    if (open == holders_.rend()) return;
    holders_.erase(std::next(open).base(), holders_.end());  // headings inside it end with it
    ++headings_;
  }

  void take_heading(std::size_t at) {
    const PromptLine& line = lines_[at];
    while (!holders_.empty() && holders_.back().tag.empty() && holders_.back().level >= line.level) holders_.pop_back();
    const SectionRule* own = rule_of_title(line.title);
    const bool holds = !holders_.empty() && holders_.back().level <= kLowestHash && !(has_title_ && holders_.back().level == 1);
    if (own == nullptr && holds) own = rule();
    holders_.push_back({line.title, own, line.level, {}});
    ++headings_;
    add({line.span.begin, line.span.end}, at, own, line.title, false);
  }

  std::size_t take_fence(std::size_t at) {
    const std::size_t first = at;
    while (at + 1 < lines_.size() && lines_[at + 1].kind == LineKind::kCode) ++at;
    if (at + 1 < lines_.size() && lines_[at + 1].kind == LineKind::kFence) ++at;  // the one that closes
    add({lines_[first].span.begin, lines_[at].span.end}, first, rule(), heading() != nullptr ? *heading() : "fenced block",
        heading() != nullptr);
    if (rule() == nullptr) {
      parts_.back().kind = SectionKind::kExamples;
      parts_.back().rule = "fenced block";
    }
    parts_.back().last_line = at + 1;
    return at + 1;
  }

  void take_item(std::size_t at) {
    const auto label = label_of(body(at));
    const SectionRule* own = label ? fitting_rule(*label, {Place::kTitle}) : nullptr;
    const SectionRule* found = own != nullptr ? own : rule() != nullptr ? rule() : fitting_rule(body(at), kInText);
    const bool inherits = own == nullptr && heading() != nullptr;
    add(lines_[at].span, at, found,
        own != nullptr         ? std::string(*label)
        : heading() != nullptr ? *heading()
                               : first_words(body(at)),
        inherits);
  }

  /// A paragraph: below a heading that fits all of it, else line by line where lines have labels, else sentence by sentence.
  std::size_t take_prose(std::size_t at) {
    std::size_t end = at + 1;
    if (at > 0 && lines_[at].indent >= 2 && in_item_) {  // an item that goes on
      parts_.back().last_line = end;
      return end;
    }
    const auto label = label_of(body(at));
    const SectionRule* own = label ? fitting_rule(*label, {Place::kTitle}) : nullptr;
    if (own != nullptr || rule() != nullptr) {
      add(lines_[at].span, at, own != nullptr ? own : rule(), own != nullptr ? std::string(*label) : *heading(), own == nullptr);
      return end;
    }
    const auto continues = [&](std::size_t line) {
      const auto next = label_of(body(line));
      return lines_[line].kind == LineKind::kProse && !opens_part(line) && !(next && fitting_rule(*next, {Place::kTitle}) != nullptr);
    };
    while (lines_[at].kind == LineKind::kProse && end < lines_.size() && continues(end)) ++end;  // a lone tag is no beginning of a sentence
    for (const TextSpan& sentence : split_sentences(text_, {lines_[at].body, lines_[end - 1].span.end})) {
      const std::string_view words = text_.substr(sentence.begin, sentence.size());
      const std::size_t first = index_.line_at(sentence.begin) - 1;
      add(sentence, first, fitting_rule(words, kInText), first_words(words), false);
      const std::size_t last = words.find_last_not_of(" \t\r\n");
      parts_.back().last_line = index_.line_at(sentence.begin + (last == std::string_view::npos ? 0 : last));
    }
    return end;
  }

  /// `continues`: a part of the same heading and kind takes it in.
  void add(TextSpan span, std::size_t line, const SectionRule* rule, const std::string& title, bool continues) {
    const SectionKind kind = rule == nullptr ? SectionKind::kUnclassified : rule->kind;
    if (continues && !parts_.empty() && parts_.back().kind == kind && last_heading_ == headings_ && parts_.back().title == title) {
      parts_.back().span.end = span.end;
      parts_.back().last_line = line + 1;
      return;
    }
    parts_.push_back({span, line + 1, line + 1, kind, title, rule == nullptr ? std::string() : std::string(rule->phrase)});
    last_heading_ = headings_;
  }

  std::string_view text_;
  LineIndex index_;
  std::vector<PromptLine> lines_;
  std::vector<Section> parts_;
  std::vector<Holder> holders_;  // the innermost last
  bool has_title_ = false;       // one `# ` heading: the text's own title
  std::size_t headings_ = 0, last_heading_ = 0;
  bool in_item_ = false;  // the line belongs to a list item, or to prose right behind one
};

}  // namespace

std::vector<Section> find_sections(std::string_view text) { return Finder(text).find(); }

}  // namespace qbench::quality
