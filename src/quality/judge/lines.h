#pragma once

#include <cstddef>
#include <string_view>

namespace qbench::quality {

inline std::string_view trim_left(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n\r\f\v");
  return first == std::string_view::npos ? text.substr(text.size()) : text.substr(first);
}

inline std::string_view trim(std::string_view text) {
  text = trim_left(text);
  return text.substr(0, text.find_last_not_of(" \t\n\r\f\v") + 1);
}

/// Bytes of the blanks that the line begins with.
inline std::size_t indent_of(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first == std::string_view::npos ? line.size() : first;
}

inline bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$'; }

/// The identifier that the text begins with; empty when it begins with none.
inline std::string_view leading_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(0, end);
}

/// The lines of a text, without their newlines.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}
  /// False when there is no further line.
  bool next() {
    if (next_ >= text_.size()) return false;
    begin_ = next_;
    const std::size_t end = text_.find('\n', begin_);
    next_ = end == std::string_view::npos ? text_.size() : end + 1;
    line_ = text_.substr(begin_, (end == std::string_view::npos ? text_.size() : end) - begin_);
    return true;
  }
  std::string_view line() const { return line_; }
  std::size_t begin() const { return begin_; }  ///< of the line in the text
  std::size_t after() const { return next_; }   ///< where the next line begins
  void jump(std::size_t to) { next_ = to; }

 private:
  std::string_view text_, line_;
  std::size_t begin_ = 0, next_ = 0;
};

}  // namespace qbench::quality
