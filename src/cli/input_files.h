#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::cli {

/// Files that the person names on the command line. Whatever is wrong with one is Error{kUsage} that begins with the option.

/// Whole file as bytes; "-" is standard input.
std::string read_input(std::string_view option, const std::filesystem::path& path);

/// The same for text that a tokenizer gets: bytes that are no UTF-8 are refused with the offset of the first one.
std::string read_text_input(std::string_view option, const std::filesystem::path& path);

/// Refuses text that is no UTF-8; `name` is the file or what else it is.
void check_utf8(std::string_view option, const std::string& name, std::string_view text);

/// One JSON array of token ids (`--token-ids`, `--ids-file`): integers from 0 to 2^31 - 1.
std::vector<std::int32_t> read_ids(std::string_view option, const std::filesystem::path& path);

/// One JSON object, order of keys kept; of a key that stands twice the last one counts.
nlohmann::ordered_json read_json_object(std::string_view option, const std::filesystem::path& path);

/// One JSON string a line (`--jsonl`); an empty last line is none.
std::vector<std::string> read_json_strings(std::string_view option, const std::filesystem::path& path);

}  // namespace qbench::cli
