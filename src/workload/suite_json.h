#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "workload/suite.h"

namespace qbench::workload {

/// Builds a suite from the parsed suite file `file`; prompt texts are read from the same folder. Digests are not set yet. Error{kConfig}.
Suite suite_from_json(const nlohmann::json& root, const std::filesystem::path& file);

/// Reads a prompt's text: UTF-8, 1 byte to 1 MiB, one final newline dropped. Error{kConfig} naming the file, after `named_by`.
std::string read_prompt_text(const std::filesystem::path& path, const std::string& named_by = {});

/// Estimate of a text's tokens where the file declares none: a quarter of its bytes, and the template's dozen or so.
std::int64_t estimate_prompt_tokens(std::string_view text);

}  // namespace qbench::workload
