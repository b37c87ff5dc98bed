#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/split_regex.h"

namespace qbench::text {

/// The steps that a tokenizer.json lists under `normalizer`, in order.
class Normalizer {
 public:
  struct Nfc {};
  struct Prepend {
    std::string text;  ///< put before a text that is not empty
  };
  struct Replace {
    SplitRegex pattern;
    std::string content;
  };
  using Step = std::variant<Nfc, Prepend, Replace>;

  void add(Step step) { steps_.push_back(std::move(step)); }
  bool empty() const noexcept { return steps_.empty(); }

  /// The normalised text, valid UTF-8 like `text`: either `text` itself or a view of `storage`.
  std::string_view apply(std::string_view text, MatchScratch& scratch, std::string& storage) const;

 private:
  std::vector<Step> steps_;
};

}  // namespace qbench::text
