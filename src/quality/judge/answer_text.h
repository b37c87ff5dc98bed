#pragma once

#include <string>
#include <string_view>

namespace qbench::quality {

/// An answer without what is no part of it.
struct AnswerText {
  std::string text;
  bool unfinished = false;  ///< a thought that never closed: there is no answer
};

/// Drops, in this order: Windows line ends, byte order marks and zero-width characters; the header of the assistant's turn; thoughts
/// (closed, never closed, or with the closing tag alone, as templates leave them that open the thought themselves); fill-in-the-middle
/// tokens; all from the first token that ends the turn. Tags and tokens beside a quote or in a comment are the code's own. Linear in the
/// answer.
AnswerText clean_answer(std::string_view answer);

}  // namespace qbench::quality
