#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::text::jinja {

class Runtime;

/// What methods and filters of the same name share. All work on valid UTF-8 and keep it.
std::size_t find_text(Runtime& runtime, std::string_view text, std::string_view wanted, std::size_t from = 0);  ///< npos: not there
std::size_t rfind_text(Runtime& runtime, std::string_view text, std::string_view wanted);
std::string_view strip_chars(Runtime& runtime, std::string_view text, std::string_view chars, bool left, bool right);
std::vector<std::string_view> split_space(Runtime& runtime, std::string_view text, std::int64_t most, bool from_right);
std::vector<std::string_view> split_on(Runtime& runtime, std::string_view text, std::string_view separator, std::int64_t most,
                                       bool from_right);
std::vector<std::string_view> split_lines(Runtime& runtime, std::string_view text, bool keep_ends);
std::string replace_all(Runtime& runtime, std::string_view text, std::string_view old, std::string_view with, std::int64_t most);
std::string center(Runtime& runtime, const std::string& text, std::int64_t width, const std::string& fill);

}  // namespace qbench::text::jinja
