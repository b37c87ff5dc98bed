#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace qbench::engine {

/// When a thought is closed, and what changes with its end. Ids are those of single tokens.
struct ThinkingRule {
  std::int32_t open_id = -1;                ///< <think>; below 0: the model has no such token
  std::int32_t close_id = -1;               ///< </think>
  bool opened = false;                      ///< the prompt has opened the thought
  std::vector<std::int32_t> closing;        ///< what ends a thought at its budget: close_id among it, and what follows before the answer
  std::int64_t max_tokens = 0;              ///< of the thought, its opening included where the model writes that; 0: no budget
  std::int64_t timeout_ns = 0;              ///< after the start of the prefill; 0: none. What it cuts is not the same in every run
  std::optional<double> temperature;        ///< until the thought ends, in place of the request's
  std::optional<double> output_temperature; ///< from there on
};

/// What ended a thought.
enum class ThoughtEnd {
  kNone,     ///< there was none, or nobody looked: the request has no ThinkingRule
  kOpen,     ///< nothing: the generation ended in it
  kModel,    ///< the model
  kBudget,   ///< ThinkingRule::max_tokens
  kTimeout,  ///< ThinkingRule::timeout_ns
};
std::string_view name_of(ThoughtEnd end) noexcept;  ///< "", "open", "model", "budget", "timeout"

/// One sequence's way through its thought.
class Thought {
 public:
  /// rule: nullptr where there is none; outlives this.
  explicit Thought(const ThinkingRule* rule = nullptr);

  /// The token that comes next whatever the model says; nothing: it chooses.
  std::optional<std::int32_t> forced() const;
  /// Takes the next token. elapsed_ns: since the sequence's prefill began.
  void take(std::int32_t id, std::int64_t elapsed_ns);
  /// Of the next token.
  double temperature(double otherwise) const;

  ThoughtEnd end() const { return end_; }
  std::int64_t tokens() const { return tokens_; }         ///< of the thought so far: output up to and with its end, a forced close whole
  std::int64_t forced_tokens() const { return forced_; }  ///< that forced() gave and take() took

 private:
  void take_forced();

  const ThinkingRule* rule_;
  ThoughtEnd end_ = ThoughtEnd::kNone;
  bool closing_ = false;  // from the moment that the close is decided until all of it was taken
  bool fresh_ = true;     // nothing was taken
  std::int64_t taken_ = 0, tokens_ = 0, forced_ = 0;
};

}  // namespace qbench::engine
