#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// A prompt taken apart into lines and words; everything that is said of a prompt names lines, counted from 1.
namespace qbench::quality {

/// Bytes [begin, end) of a text.
struct TextSpan {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
  bool operator==(const TextSpan&) const = default;
};

enum class LineKind {
  kBlank,
  kProse,
  kItem,     ///< of a list: "- x", "* x", "+ x", "• x", "1. x", "2) x"
  kHeading,  ///< see heading_title
  kFence,    ///< ``` or ~~~ that opens or closes a block of code
  kCode,     ///< inside such a block
};

struct PromptLine {
  TextSpan span;  ///< without the line break
  LineKind kind = LineKind::kProse;
  std::size_t indent = 0;  ///< blanks in front
  std::size_t body = 0;    ///< where the text begins: behind indentation, a list's mark and an opening tag
  std::string title;       ///< kHeading: its words
  int level = 0;           ///< kHeading: 1 to 6 for `#` to `######`, else 7
  std::string opens;       ///< `<tag>` or `<tag key="value">` in front; a line that is nothing else is a kHeading. Lower case
  std::string closes;      ///< `</tag>` at the end; a line that is nothing else is a kHeading without title. Lower case
};

/// Lines in order. CR before LF belongs to the line break.
std::vector<PromptLine> split_lines(std::string_view text);

/// True when a fenced block was opened and never closed.
bool has_open_fence(std::string_view text);

/// A word: letters of any script, digits and `_`, with `-`, `'` or `.` between such ("user-friendly", "3.11"). Of scripts that write no
/// blanks (Chinese, Japanese) each character is one.
struct PromptWord {
  TextSpan span;
  std::size_t line = 1;
  std::string lower;       ///< ASCII letters in lower case
  bool in_code = false;    ///< between backticks of its line
  bool ideograph = false;  ///< a character of such a script
};
/// `text`: UTF-8.
std::vector<PromptWord> split_words(std::string_view text);

/// Words, two ideographs for one: about what either carries.
std::size_t count_words(const std::vector<PromptWord>& words);

/// The colon, also a full-width one, behind a label; npos where there is none. Its length goes to `length`.
std::size_t find_colon(std::string_view text, std::size_t& length);

/// Line (from 1) of a byte offset.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text);
  std::size_t line_at(std::size_t offset) const;

 private:
  std::vector<std::size_t> starts_;
};

/// Sentences of one or several lines of prose: split behind `.`, `!`, `?` or `:` that white space and no lower-case letter follow, and
/// behind their full-width forms.
std::vector<TextSpan> split_sentences(std::string_view text, TextSpan span);

/// Whether `phrase` (lower case; words separated by single spaces, ideographs by nothing; a last `*` takes any ending) stands at words[at].
bool phrase_at(const std::vector<PromptWord>& words, std::size_t at, std::string_view phrase);
std::size_t phrase_length(std::string_view phrase);  ///< in words

}  // namespace qbench::quality
