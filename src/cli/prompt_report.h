#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/prompt_inputs.h"
#include "quality/prompt/analysis.h"

namespace qbench::cli {

/// One prompt through one model's tokenizer.
struct PromptInModel {
  const TextSide* model = nullptr;
  quality::PromptCounts counts;
  std::int64_t tokens_as_sent = 0;
  std::optional<double> context_use_ratio() const {
    return model->context ? std::optional(static_cast<double>(tokens_as_sent) / static_cast<double>(*model->context)) : std::nullopt;
  }
};

/// What `qbench prompts` says of one prompt.
struct PromptReport {
  NamedPrompt prompt;
  quality::PromptAnalysis analysis;
  std::vector<PromptInModel> models;
  quality::PromptCounts bytes;
  std::vector<quality::LintFinding> lint;

  /// Counts by the first model's tokenizer, in bytes without one.
  const quality::PromptCounts& counts() const { return models.empty() ? bytes : models.front().counts; }
};

/// `models` must outlive the report. Error{kTemplate}.
PromptReport make_prompt_report(const NamedPrompt& prompt, const std::vector<TextSide>& models);

/// Two wordings of one request; indices into the reports.
struct PromptPair {
  std::size_t prompt = 0, against = 0;
};

/// Pairs within each group: every member against the group's first one that is tagged "verbose", else its first one.
std::vector<PromptPair> pairs_of_groups(const std::vector<PromptReport>& reports);

nlohmann::ordered_json prompts_json(const std::vector<PromptReport>& reports, const std::vector<PromptPair>& pairs,
                                    const std::vector<TextSide>& models);

/// Tables for a terminal of 80 columns.
std::string prompts_text(const std::vector<PromptReport>& reports, const std::vector<PromptPair>& pairs,
                         const std::vector<TextSide>& models);

}  // namespace qbench::cli
