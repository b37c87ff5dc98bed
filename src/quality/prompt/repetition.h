#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quality/prompt/prompt_lines.h"

/// Text that a prompt could do without: what it says twice, and phrases that say nothing.
namespace qbench::quality {

inline constexpr std::size_t kLeastDuplicateWords = 6;

/// Words that stand in the prompt more than once; letters' case, punctuation and line breaks between them do not count.
struct Duplicate {
  std::string text;  ///< of the first place, white space as single blanks
  std::size_t words = 0;
  struct Place {
    TextSpan span;
    std::size_t first_line, last_line;
  };
  std::vector<Place> places;  ///< two or more, in order, without overlap; the first one is the original
};

/// Repeated runs of at least `least_words` words (two ideographs count as one), found by rolling n-grams of that many words: from left to
/// right, each place that repeats an earlier one is taken as far as it goes. Time grows with the text's length (at most 64 earlier places
/// of one n-gram are looked at).
std::vector<Duplicate> find_duplicates(std::string_view text, std::size_t least_words = kLeastDuplicateWords);

/// A phrase that can be left out, or said shorter.
struct BoilerplateRule {
  std::string_view phrase;   ///< as for phrase_at
  std::string_view instead;  ///< what to write; empty: nothing
};
std::span<const BoilerplateRule> boilerplate_rules();

struct Boilerplate {
  TextSpan span;
  std::size_t line = 1;
  const BoilerplateRule* rule = nullptr;
};

/// Phrases of the table outside fenced code, the longest at each place, in order.
std::vector<Boilerplate> find_boilerplate(std::string_view text);

/// Requirements that a prompt carries, counted by a rule: each list item and each sentence of prose that asks for something (a requirement
/// word such as "must", "should", "want", "need", "ensure", "use", or an imperative first) is one, and one more for each further member of
/// an enumeration in it (commas and semicolons outside brackets and code; an opening word such as "Also," does not count). Headings, fenced
/// code and labels (`Stack:`) are none.
std::int64_t count_requirements(std::string_view text);

}  // namespace qbench::quality
