#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quality/prompt/lint.h"
#include "quality/prompt/repetition.h"
#include "quality/prompt/sections.h"
#include "quality/prompt/token_map.h"
#include "text/tokenizer.h"

namespace qbench::quality {

/// What a prompt's text says about itself, whichever model reads it. Borrows nothing.
struct PromptAnalysis {
  std::string text;
  std::int64_t bytes = 0, lines = 0, words = 0;
  std::int64_t requirements = 0;
  std::vector<Section> sections;
  std::vector<Duplicate> duplicates;
  std::vector<Boilerplate> boilerplate;
};

/// `text`: UTF-8.
PromptAnalysis analyse_prompt(std::string text);

/// What it takes in some unit: a model's tokens, or bytes where there is no tokenizer.
struct PromptCounts {
  std::int64_t total = 0;  ///< of the text alone: no template, no BOS
  std::array<std::int64_t, kSectionKinds> by_kind{};
  std::vector<std::int64_t> by_section;  ///< (sections)
  std::int64_t duplicated = 0;           ///< in all places but each first one
  std::int64_t boilerplate = 0;
  bool exact = true;  ///< false: shares are estimated (see TokenMap::exact); the total never is

  std::int64_t of(SectionKind kind) const { return by_kind[static_cast<std::size_t>(kind)]; }
  /// Share of the total; nothing for an empty text.
  std::optional<double> share(std::int64_t part) const;
};
PromptCounts count_tokens(const PromptAnalysis& prompt, const text::Tokenizer& tokenizer);
PromptCounts count_bytes(const PromptAnalysis& prompt);

/// One prompt against another one that asks for the same.
struct Compression {
  std::int64_t tokens = 0, against_tokens = 0;
  std::int64_t requirements = 0, against_requirements = 0;
  std::optional<double> tokens_per_requirement() const { return per(tokens, requirements); }
  std::optional<double> against_tokens_per_requirement() const { return per(against_tokens, against_requirements); }
  std::optional<double> token_ratio() const { return per(tokens, against_tokens); }

 private:
  static std::optional<double> per(std::int64_t part, std::int64_t whole) {
    return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
  }
};

}  // namespace qbench::quality
