#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quality/prompt/prompt_lines.h"

/// Parts of a prompt against the budget of the optimisation guide: context 20 %, task 30 %, quality 25 %, examples 25 % of the tokens.
namespace qbench::quality {

enum class SectionKind : std::uint8_t { kContext, kTask, kQuality, kExamples, kUnclassified };
inline constexpr std::size_t kSectionKinds = 5;
std::string_view name_of(SectionKind kind) noexcept;  ///< "context", "task", "quality", "examples", "unclassified"

/// Share of the prompt's tokens that the guide gives a kind; 0 for kUnclassified.
double budget_ratio(SectionKind kind) noexcept;

/// How text is recognised. Rules are tried in the table's order at each place; the first one that fits decides:
///   1. a heading's title decides for all up to the next heading (its first word as an opening, then title rules, then sentence rules), a
///      tag's name up to where it closes; a heading that no rule fits takes the rule of the tag or of the `#` heading of a higher level
///      that it stands in (not that of the text's only `# Title`), and a tag that no rule fits is text;
///   2. below a heading, a list item or line `Label: text` whose label fits a title rule is a part of its own;
///   3. a fenced block belongs to its heading; without one it is an example;
///   4. without a heading that fits, each sentence and list item is classified by the sentence rules (`opening`: only as its first words).
/// What no rule fits is unclassified, and said.
struct SectionRule {
  enum class Place : std::uint8_t { kTitle, kOpening, kSentence };
  std::string_view phrase;  ///< as for phrase_at
  SectionKind kind;
  Place place;
};
std::span<const SectionRule> section_rules();

/// One part. Parts are in order and cover the whole text: blank lines belong to the part before them.
struct Section {
  TextSpan span;
  std::size_t first_line = 1, last_line = 1;
  SectionKind kind = SectionKind::kUnclassified;
  std::string title;  ///< of the heading or label, else the first words
  std::string rule;   ///< phrase of the rule that fitted, "fenced block", or empty
};

/// Neighbours under one heading and of one kind are one part; sentences of prose are parts of their own.
std::vector<Section> find_sections(std::string_view text);

}  // namespace qbench::quality
