#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace qbench::catalog {

/// A checkpoint in the local Hugging Face cache (layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
struct HubSnapshot {
  std::filesystem::path path;  ///< <cache>/models--Org--Name/snapshots/<revision>
  std::string hub_id;          ///< "Org/Name"
  std::string revision;
};

/// "Org/Name": one slash, [A-Za-z0-9._-] on both sides.
bool is_hub_id(std::string_view text) noexcept;

/// <cache>/models--Org--Name
std::filesystem::path hub_folder(const std::filesystem::path& hub_cache, std::string_view hub_id);

/// The snapshot that refs/main names; without one, the newest (by time, then name). Nothing when there is none.
/// Error{kIo} when refs/main is there and cannot be read.
std::optional<HubSnapshot> find_snapshot(const std::filesystem::path& hub_cache, std::string_view hub_id);

/// What a path inside a hub cache is a snapshot of, from its folder names; nothing for other paths.
std::optional<HubSnapshot> snapshot_of_path(const std::filesystem::path& folder);

}  // namespace qbench::catalog
