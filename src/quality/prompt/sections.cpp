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
  const std::size_t colon = body.find(':');
  if (colon == std::string_view::npos || colon + 1 >= body.size()) return std::nullopt;
  if (body[colon + 1] != ' ' && body[colon + 1] != '*') return std::nullopt;  // "http://", "std::"
  const std::string_view label = body.substr(0, colon);
  const std::size_t words = split_words(label).size();
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

/// Puts parts together, line by line.
class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text), lines_(split_lines(text)) {}

  std::vector<Section> find() {
    for (std::size_t at = 0; at < lines_.size();) at = take(at);
    if (parts_.empty()) return {};
    parts_.front().span.begin = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) parts_[i].span.end = i + 1 < parts_.size() ? parts_[i + 1].span.begin : text_.size();
    return std::move(parts_);
  }

 private:
  std::string_view body(std::size_t at) const { return text_.substr(lines_[at].body, lines_[at].span.end - lines_[at].body); }

  /// Takes what begins at a line and returns the line behind it.
  std::size_t take(std::size_t at) {
    const PromptLine& line = lines_[at];
    in_item_ = line.kind == LineKind::kItem || (line.kind == LineKind::kProse && in_item_);
    switch (line.kind) {
      case LineKind::kBlank:
        break;
      case LineKind::kHeading:
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

  void take_heading(std::size_t at) {
    const PromptLine& line = lines_[at];
    if (line.closes_title) {
      heading_.reset();
      return;  // the line itself belongs to what it closes
    }
    heading_ = line.title;
    rule_ = fitting_rule(line.title, {Place::kOpening});  // "Design and implement an architecture:" is a task
    if (rule_ == nullptr) rule_ = fitting_rule(line.title, {Place::kTitle});
    if (rule_ == nullptr) rule_ = fitting_rule(line.title, {Place::kSentence});
    ++headings_;
    add({line.span.begin, line.span.end}, at, rule_, *heading_, false);
  }

  std::size_t take_fence(std::size_t at) {
    const std::size_t first = at;
    while (at + 1 < lines_.size() && lines_[at + 1].kind == LineKind::kCode) ++at;
    if (at + 1 < lines_.size() && lines_[at + 1].kind == LineKind::kFence) ++at;  // the one that closes
    add({lines_[first].span.begin, lines_[at].span.end}, first, rule_, heading_ ? *heading_ : "fenced block", heading_.has_value());
    if (rule_ == nullptr) {
      parts_.back().kind = SectionKind::kExamples;
      parts_.back().rule = "fenced block";
    }
    parts_.back().last_line = at + 1;
    return at + 1;
  }

  void take_item(std::size_t at) {
    const auto label = label_of(body(at));
    const SectionRule* own = label ? fitting_rule(*label, {Place::kTitle}) : nullptr;
    const SectionRule* rule = own != nullptr ? own : rule_ != nullptr ? rule_ : fitting_rule(body(at), kInText);
    const bool inherits = own == nullptr && heading_.has_value();
    add(lines_[at].span, at, rule, own != nullptr ? std::string(*label) : heading_ ? *heading_ : first_words(body(at)), inherits);
  }

  /// A paragraph: below a heading that fits all of it, else line by line where lines have labels, else sentence by sentence.
  std::size_t take_prose(std::size_t at) {
    std::size_t end = at + 1;
    if (at > 0 && lines_[at].body >= lines_[at].span.begin + 2 && in_item_) {  // an item that goes on
      parts_.back().last_line = end;
      return end;
    }
    const auto label = label_of(body(at));
    const SectionRule* own = label ? fitting_rule(*label, {Place::kTitle}) : nullptr;
    if (own != nullptr || rule_ != nullptr) {
      add(lines_[at].span, at, own != nullptr ? own : rule_, own != nullptr ? std::string(*label) : *heading_, own == nullptr);
      return end;
    }
    const auto continues = [&](std::size_t line) {
      const auto next = label_of(body(line));
      return lines_[line].kind == LineKind::kProse && !(next && fitting_rule(*next, {Place::kTitle}) != nullptr);
    };
    while (end < lines_.size() && continues(end)) ++end;
    const LineIndex index(text_);
    for (const TextSpan& sentence : split_sentences(text_, {lines_[at].body, lines_[end - 1].span.end})) {
      const std::string_view words = text_.substr(sentence.begin, sentence.size());
      const std::size_t first = index.line_at(sentence.begin) - 1;
      add(sentence, first, fitting_rule(words, kInText), first_words(words), false);
      const std::size_t last = words.find_last_not_of(" \t\r\n");
      parts_.back().last_line = index.line_at(sentence.begin + (last == std::string_view::npos ? 0 : last));
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
  std::vector<PromptLine> lines_;
  std::vector<Section> parts_;
  std::optional<std::string> heading_;
  const SectionRule* rule_ = nullptr;  // of the heading
  std::size_t headings_ = 0, last_heading_ = 0;
  bool in_item_ = false;  // the line belongs to a list item, or to prose right behind one
};

}  // namespace

std::vector<Section> find_sections(std::string_view text) { return Finder(text).find(); }

}  // namespace qbench::quality
