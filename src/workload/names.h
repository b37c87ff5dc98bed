#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::workload {

/// The name in `known` nearest to `name` by edit distance, when near enough to be a slip; else empty.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

/// True for text that is well-formed UTF-8 without NUL.
bool is_clean_text(std::string_view text) noexcept;

/// [a-z0-9] first, then [a-z0-9._-], at most 64.
bool is_name(std::string_view text) noexcept;

/// True when a --suite or --profile value is meant as a path: it has a slash or ends in .json, .jsonl or .gz.
bool looks_like_path(std::string_view value) noexcept;

/// Reads a configuration file as JSON, 4 MiB at most. Whatever is wrong with it is Error{kConfig}.
nlohmann::json read_config_json(const std::filesystem::path& path);

/// Value of a key that must be a string of at most `max_bytes`. Error{kConfig} naming where and key.
std::string read_string(const nlohmann::json& value, std::string_view key, std::string_view where, std::size_t max_bytes = 4096);

/// Foreign text for a one-line message: control characters become '?', cut after `max_bytes`.
std::string printable(std::string_view text, std::size_t max_bytes = 80);

/// `a string`, `an object`, `1.5`: what stands there, for messages.
std::string describe_value(const nlohmann::json& value);

/// `no profile 'realtim' in DIR; did you mean 'realtime'?; there are: qa, realtime, ...`
std::string no_such(std::string_view kind, std::string_view name, const std::vector<std::string>& known,
                    const std::filesystem::path& place);

/// Throws Error{kConfig} for a key that is not known, with the nearest known one.
[[noreturn]] void fail_unknown_key(std::string_view key, const std::vector<std::string>& known, std::string_view where);

}  // namespace qbench::workload
