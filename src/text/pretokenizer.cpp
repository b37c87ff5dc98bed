#include "text/pretokenizer.h"

#include <algorithm>

namespace qbench::text {
namespace {

using Behavior = PreTokenizer::Behavior;

struct Part {
  std::size_t begin, end;
  bool is_match;
};

/// The whole piece as stretches inside and outside the matches.
std::vector<Part> parts_of(const PreTokenizer::Split& step, std::string_view piece, MatchScratch& scratch) {
  std::vector<Part> parts;
  std::size_t done = 0;
  step.pattern.for_each(piece, scratch, [&](const Match& match) {
    if (done != match.begin) parts.push_back({done, match.begin, step.invert});
    parts.push_back({match.begin, match.end, !step.invert});
    done = match.end;
  });
  if (done != piece.size()) parts.push_back({done, piece.size(), step.invert});
  return parts;
}

/// Joins a match to the stretch before it, unless that is a match itself.
std::vector<Part> merged_with_previous(const std::vector<Part>& parts) {
  std::vector<Part> merged;
  bool previous = false;
  for (const Part& part : parts) {
    if (part.is_match && !previous && !merged.empty()) {
      merged.back().end = part.end;
    } else {
      merged.push_back(part);
    }
    previous = part.is_match;
  }
  return merged;
}

std::vector<Part> merged_with_next(const std::vector<Part>& parts) {
  std::vector<Part> merged;
  bool previous = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->is_match && !previous && !merged.empty()) {
      merged.back().begin = part->begin;
    } else {
      merged.push_back(*part);
    }
    previous = part->is_match;
  }
  std::reverse(merged.begin(), merged.end());
  return merged;
}

std::vector<Part> contiguous(const std::vector<Part>& parts) {
  std::vector<Part> merged;
  for (const Part& part : parts) {
    if (!merged.empty() && merged.back().is_match == part.is_match) {
      merged.back().end = part.end;
    } else {
      merged.push_back(part);
    }
  }
  return merged;
}

}  // namespace

void PreTokenizer::run(std::size_t index, std::string_view piece, bool at_start, MatchScratch& scratch, const Sink& sink) const {
  if (piece.empty()) return;
  if (index == steps_.size()) {
    sink(piece);
    return;
  }
  if (const auto* split = std::get_if<Split>(&steps_[index])) {
    run_split(index, *split, piece, at_start, scratch, sink);
  } else if (const auto* metaspace = std::get_if<Metaspace>(&steps_[index])) {
    run_metaspace(index, *metaspace, piece, at_start, scratch, sink);
  } else {
    std::string text(piece);
    if (!piece.starts_with(' ')) text.insert(text.begin(), ' ');
    run(index + 1, text, at_start, scratch, sink);
  }
}

void PreTokenizer::run_split(std::size_t index, const Split& step, std::string_view piece, bool at_start, MatchScratch& scratch,
                             const Sink& sink) const {
  const auto pass_on = [&](std::size_t begin, std::size_t end) {
    run(index + 1, piece.substr(begin, end - begin), at_start && begin == 0, scratch, sink);
  };
  if (step.behavior == Behavior::kIsolated) {  // the usual case needs no list
    std::size_t done = 0;
    step.pattern.for_each(piece, scratch, [&](const Match& match) {
      pass_on(done, match.begin);
      pass_on(match.begin, match.end);
      done = match.end;
    });
    pass_on(done, piece.size());
    return;
  }
  std::vector<Part> parts = parts_of(step, piece, scratch);
  if (step.behavior == Behavior::kMergedWithPrevious) parts = merged_with_previous(parts);
  if (step.behavior == Behavior::kMergedWithNext) parts = merged_with_next(parts);
  if (step.behavior == Behavior::kContiguous) parts = contiguous(parts);
  for (const Part& part : parts) {
    if (step.behavior != Behavior::kRemoved || !part.is_match) pass_on(part.begin, part.end);
  }
}

void PreTokenizer::run_metaspace(std::size_t index, const Metaspace& step, std::string_view piece, bool at_start, MatchScratch& scratch,
                                 const Sink& sink) const {
  std::string text;
  for (const char c : piece) {
    if (c == ' ') {
      text += step.replacement;
    } else {
      text += c;
    }
  }
  const bool wanted = step.prepend == Prepend::kAlways || (step.prepend == Prepend::kFirst && at_start);
  if (wanted && !text.starts_with(step.replacement)) text.insert(0, step.replacement);
  if (!step.split) {
    run(index + 1, text, at_start, scratch, sink);
    return;
  }
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t own = std::string_view(text).substr(begin).starts_with(step.replacement) ? step.replacement.size() : 0;
    const std::size_t next = std::min(text.find(step.replacement, begin + own), text.size());
    run(index + 1, std::string_view(text).substr(begin, next - begin), at_start && begin == 0, scratch, sink);
    begin = next;
  }
}

}  // namespace qbench::text
