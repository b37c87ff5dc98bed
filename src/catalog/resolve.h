#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "base/error.h"
#include "catalog/catalog.h"

namespace qbench::catalog {

enum class ModelSource { kFile, kDirectory, kSynthetic };
std::string_view name_of(ModelSource source) noexcept;  ///< "file", "directory", "synthetic"

/// One model of a run, found.
struct ModelRef {
  std::string request;  ///< as it was asked for
  std::string label;    ///< in tables and file names: [A-Za-z0-9._-]; unique within resolve_models
  ModelSource source = ModelSource::kFile;
  std::filesystem::path path;         ///< for formats::open_model_file; empty for synthetic
  std::string hub_id;                 ///< empty when it does not come from the hub or is not known
  std::string revision;               ///< commit of the hub snapshot; empty otherwise
  std::optional<CatalogEntry> entry;  ///< the catalogue's entry: always for synthetic and aliases, else when hub id or label match one

  bool synthetic() const { return source == ModelSource::kSynthetic; }
  /// "synthetic" or "checkpoint": the column `weights`.
  std::string_view weights() const { return synthetic() ? "synthetic" : "checkpoint"; }
};

/// Where models are looked for.
struct ModelPlaces {
  std::filesystem::path hub_cache = hf_hub_cache_dir();  ///< models--Org--Name/snapshots/<revision>
  std::filesystem::path cache = cache_dir();             ///< CatalogEntry::cached_file
};

/// Splits one --models value at commas. `\,` is a comma inside a path; a value that names an existing file or folder is one model, commas
/// and all. Empty parts are Error{kUsage}.
std::vector<std::string> split_models(std::string_view value);

/// Finds one model: `synthetic:<catalogue name>`, a file, a folder, a catalogue alias, a hub id in the local cache, in this order.
/// Error{kNotFound} says every place where it looked, the one command that downloads it, and near names. Error{kConfig} for a folder or
/// file that cannot be a model.
ModelRef resolve_model(const Catalog& catalog, std::string_view request, const ModelPlaces& places = {});

/// One outcome per request: a model that is not there becomes a failed row, not a failed run.
struct ResolvedModel {
  std::string request;
  std::string label;            ///< made from the request when it was not found
  std::optional<ModelRef> ref;  ///< present when found
  std::optional<Error> error;   ///< present when not
};

/// resolve_model with a model that is not there, or is none, as a value.
ResolvedModel look_for_model(const Catalog& catalog, std::string_view request, const ModelPlaces& places = {});

/// Splits and resolves all --models values; their labels are unique. Equal labels get "-2", "-3". Error{kUsage} when there is no model at all.
std::vector<ResolvedModel> resolve_models(const Catalog& catalog, const std::vector<std::string>& values, const ModelPlaces& places = {});

}  // namespace qbench::catalog
