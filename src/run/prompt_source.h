#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "run/job.h"
#include "run/opened_model.h"
#include "text/prompt_format.h"
#include "workload/suite.h"

namespace qbench::run {

/// A request to come: the prompt's turns up to `turn`, and the answers to the earlier ones.
struct Conversation {
  const workload::Prompt* prompt = nullptr;
  std::int64_t turn = 1;
  std::vector<Answer> answers;  ///< (turn - 1)
};

/// What is sent to the model.
struct PreparedPrompt {
  std::string text;                                ///< of sequence 0, as rendered; empty for a synthetic prompt
  std::vector<std::vector<std::int32_t>> ids;      ///< one per sequence
  bool synthetic = false;                          ///< seeded ids of the declared length: there is no tokenizer
  std::int64_t rendered_ns = 0, tokenized_ns = 0;  ///< now_ns() stamps
};

/// The conversation up to the user's turn `turn`: answers (turn - 1) are the model's, by turn.
text::PromptRequest prompt_request(const workload::Prompt& prompt, std::int64_t turn, std::span<const std::string> answers,
                                   std::optional<bool> enable_thinking);

/// Makes the prompts of one model: written as its kind wants them and encoded with its tokenizer, or seeded ids where it has no tokenizer.
class PromptSource {
 public:
  explicit PromptSource(const OpenedModel& opened);

  /// One prompt for each of the settings' `batch` sequences, each with its own history. Error{kTemplate}, {kUsage}.
  PreparedPrompt prepare(const Conversation& conversation, const workload::EffectiveSettings& settings) const;
  /// What tells prompts apart in results: the digest of the suite's prompt, or of the synthetic ids.
  std::string fingerprint(const Conversation& conversation) const;

 private:
  std::vector<std::int32_t> synthetic_ids(const Conversation& conversation, std::size_t sequence) const;
  text::FormattedPrompt format(const Conversation& conversation, const workload::EffectiveSettings& settings, std::size_t sequence) const;

  const OpenedModel* opened_;
  std::unique_ptr<text::PromptFormatter> formatter_;  // nullptr without a tokenizer
};

}  // namespace qbench::run
