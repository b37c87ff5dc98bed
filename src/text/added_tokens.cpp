#include "text/added_tokens.h"

#include <algorithm>

#include "text/regex_dialect.h"
#include "text/utf8.h"

namespace qbench::text {
namespace {

std::size_t previous_boundary(std::string_view text, std::size_t at) noexcept {
  do {
    --at;
  } while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

std::size_t skip_space_left(std::string_view text, std::size_t at, std::size_t limit) noexcept {
  while (at > limit) {
    const std::size_t before = previous_boundary(text, at);
    std::size_t next = before;
    if (!is_white_space(next_code_point(text, next))) break;
    at = before;
  }
  return std::max(at, limit);
}

std::size_t skip_space_right(std::string_view text, std::size_t at) noexcept {
  for (std::size_t next = at; at < text.size() && is_white_space(next_code_point(text, next)); at = next) {
  }
  return at;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher() = default;

AddedTokenMatcher::AddedTokenMatcher(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {
  std::stable_sort(patterns_.begin(), patterns_.end(), [](const Pattern& a, const Pattern& b) { return a.text < b.text; });
  std::vector<Pattern> unique;
  for (Pattern& pattern : patterns_) {
    if (!unique.empty() && unique.back().text == pattern.text) unique.pop_back();
    unique.push_back(std::move(pattern));
  }
  patterns_ = std::move(unique);
  for (const Pattern& pattern : patterns_) {
    begins_[static_cast<unsigned char>(pattern.text.front())] = true;
    if (pattern.token.single_word && word_ == nullptr) {
      word_ = std::make_shared<SplitRegex>("[" + std::string(kRustWordClass) + "]", "added tokens");
    }
  }
}

/// Narrows the sorted patterns byte by byte to those that the text goes on with; the shortest of a range is its first.
const AddedTokenMatcher::Pattern* AddedTokenMatcher::longest_at(std::string_view text, std::size_t at) const noexcept {
  const Pattern* longest = nullptr;
  auto first = patterns_.begin(), last = patterns_.end();
  for (std::size_t depth = 0; at + depth < text.size(); ++depth) {
    const auto wanted = static_cast<unsigned char>(text[at + depth]);
    const auto byte_of = [depth](const Pattern& pattern) {
      return pattern.text.size() > depth ? static_cast<int>(static_cast<unsigned char>(pattern.text[depth])) : -1;
    };
    first = std::partition_point(first, last, [&](const Pattern& pattern) { return byte_of(pattern) < wanted; });
    last = std::partition_point(first, last, [&](const Pattern& pattern) { return byte_of(pattern) <= wanted; });
    if (first == last) break;
    if (first->text.size() == depth + 1) longest = &*first;
  }
  return longest;
}

bool AddedTokenMatcher::stands_alone(std::string_view text, std::size_t begin, std::size_t end, MatchScratch& scratch) const {
  const auto is_word_at = [&](std::size_t at) {
    const auto match = word_->find(text.substr(at, utf8_length(text[at])), 0, scratch);
    return match.has_value();
  };
  return (begin == 0 || !is_word_at(previous_boundary(text, begin))) && (end == text.size() || !is_word_at(end));
}

std::vector<AddedTokenMatcher::Segment> AddedTokenMatcher::split(std::string_view text, MatchScratch& scratch) const {
  std::vector<Segment> segments;
  std::size_t done = 0, at = 0;
  while (!patterns_.empty() && at < text.size()) {
    if (!begins_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    const Pattern* pattern = longest_at(text, at);
    if (pattern == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + pattern->text.size();
    at = end;
    if (pattern->token.single_word && !stands_alone(text, begin, end, scratch)) continue;
    if (pattern->token.lstrip) begin = skip_space_left(text, begin, done);
    if (pattern->token.rstrip) end = skip_space_right(text, end);
    if (done < begin) segments.push_back({Segment::kText, done, begin});
    segments.push_back({pattern->token.id, begin, end});
    done = end;
  }
  if (done < text.size()) segments.push_back({Segment::kText, done, text.size()});
  return segments;
}

}  // namespace qbench::text
