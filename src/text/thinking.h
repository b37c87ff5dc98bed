#pragma once

#include <string>
#include <string_view>

namespace qbench::text {

/// What a model that thinks wrote, its thoughts apart from its answer.
struct ThinkingSplit {
  std::string thinking;
  std::string answer;
  bool closed = true;   ///< false: a thought was opened and never ended, so there is no answer
};

/// Whether a rendered prompt ends inside a thought: templates of QwQ and of the Thinking models open <think> themselves.
bool opens_thinking(std::string_view prompt);

/// Splits a whole output at </think>. opened_in_prompt: opens_thinking of its prompt. Without that, an output whose first text is <think> is a
/// thought, and so is what stands before a </think> that nothing opened (special tokens may have been left out). The newlines around the tags
/// belong to neither part.
ThinkingSplit split_thinking(std::string_view output, bool opened_in_prompt);

/// The same for a text that comes in pieces, tags cut in two included; newlines stay where they are.
class ThinkingStream {
 public:
  explicit ThinkingStream(bool opened_in_prompt) : state_(opened_in_prompt ? State::kThinking : State::kStart) {}

  struct Pieces {
    std::string thinking, answer;   ///< text that became certain; may be empty
  };
  Pieces push(std::string_view piece);
  Pieces finish();                  ///< what was held back
  bool thinking() const { return state_ == State::kThinking; }

 private:
  enum class State { kStart, kThinking, kAnswer };
  State state_;
  std::string held_;
};

}  // namespace qbench::text
