#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/split_regex.h"

namespace qbench::text {

/// The steps that a tokenizer.json lists under `pre_tokenizer`: each cuts every piece of the step before into smaller ones.
class PreTokenizer {
 public:
  enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
  struct Split {
    SplitRegex pattern;
    Behavior behavior = Behavior::kIsolated;
    bool invert = false;  ///< what the pattern does not match is the delimiter
  };
  /// A blank before every piece that does not begin with one.
  struct PrefixSpace {};
  enum class Prepend { kAlways, kFirst, kNever };
  /// Blanks become `replacement`, which is put before the piece too (kFirst: only at the very beginning of the text).
  struct Metaspace {
    std::string replacement;
    Prepend prepend = Prepend::kAlways;
    bool split = true;  ///< cut before each replacement
  };
  using Step = std::variant<Split, PrefixSpace, Metaspace>;
  using Sink = std::function<void(std::string_view)>;

  void add(Step step) { steps_.push_back(std::move(step)); }

  /// Calls `sink` with every piece in order; none is empty. `at_start`: the text begins where the whole input began.
  void split(std::string_view text, bool at_start, MatchScratch& scratch, const Sink& sink) const { run(0, text, at_start, scratch, sink); }

 private:
  void run(std::size_t index, std::string_view piece, bool at_start, MatchScratch& scratch, const Sink& sink) const;
  void run_split(std::size_t index, const Split& step, std::string_view piece, bool at_start, MatchScratch& scratch,
                 const Sink& sink) const;
  void run_metaspace(std::size_t index, const Metaspace& step, std::string_view piece, bool at_start, MatchScratch& scratch,
                     const Sink& sink) const;

  std::vector<Step> steps_;
};

}  // namespace qbench::text
