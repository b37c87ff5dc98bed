#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace qbench {

/// What an untrusted JSON text may hold.
struct JsonLimits {
  int depth = 64;                  ///< nesting of objects and arrays
  bool unique_keys = true;         ///< a key twice in one object is an error
  bool one_line = false;           ///< the text is a line out of a file that the caller names: errors say the column alone
};

/// Why the text is no JSON within the limits, or nothing. Builds nothing, however large or deep the text.
std::optional<std::string> find_json_problem(std::string_view text, const JsonLimits& limits = {});

/// `not valid JSON at line 3, column 7: unexpected '}'; expected string literal` of what nlohmann's SAX interface hands to parse_error: bytes
/// read so far, the last token, the exception's words. Lines and columns count from 1, columns in bytes.
std::string describe_json_error(std::string_view text, std::size_t bytes_read, std::string_view last_token, std::string_view words,
                                bool one_line = false);

/// Parses a whole JSON text. `where` names it in errors. Throws Error{kFormat} with position on malformed, too deep or duplicate-key input.
nlohmann::json parse_json(std::string_view text, std::string_view where, const JsonLimits& limits = {});

/// Reads and parses a file; Error{kNotFound} or {kIo} when it cannot be read, {kFormat} as above.
nlohmann::json read_json_file(const std::filesystem::path& path, const JsonLimits& limits = {});

/// One line of JSON without spaces; invalid UTF-8 is replaced by U+FFFD, never an exception.
std::string dump_json(const nlohmann::json& value, int indent = -1);

}  // namespace qbench
