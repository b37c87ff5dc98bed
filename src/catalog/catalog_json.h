#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "catalog/catalog.h"

namespace qbench::catalog {

/// The entries of a parsed catalogue, each with a complete and valid shape; names are not yet compared with each other. Error{kConfig}.
std::vector<CatalogEntry> entries_from_json(const nlohmann::json& root, const std::string& where);

}  // namespace qbench::catalog
