#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace qbench {

/// What an untrusted JSON text may hold.
struct JsonLimits {
  int depth = 64;                  ///< nesting of objects and arrays
  bool unique_keys = true;         ///< a key twice in one object is an error
};

/// Parses a whole JSON text. `where` names it in errors. Throws Error{kFormat} with position on malformed, too deep or duplicate-key input.
nlohmann::json parse_json(std::string_view text, std::string_view where, const JsonLimits& limits = {});

/// Reads and parses a file; Error{kNotFound} or {kIo} when it cannot be read, {kFormat} as above.
nlohmann::json read_json_file(const std::filesystem::path& path, const JsonLimits& limits = {});

/// One line of JSON without spaces; invalid UTF-8 is replaced by U+FFFD, never an exception.
std::string dump_json(const nlohmann::json& value, int indent = -1);

}  // namespace qbench
