#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "catalog/catalog.h"

namespace qbench::catalog {

/// Text as a label: every byte outside [A-Za-z0-9._-] becomes '-', at most 120 bytes; "model" when nothing is left.
std::string as_label(std::string_view text);

/// Label of a model file: its name without extension and without the number of a split file's part.
std::string label_of_file(const std::filesystem::path& path);

/// The catalogue's entry that a label names, also with a quantisation behind it ("SmolLM2-135M-Instruct.Q4_1"); nullptr when there is none.
const CatalogEntry* entry_of_label(const Catalog& catalog, std::string_view label);

}  // namespace qbench::catalog
