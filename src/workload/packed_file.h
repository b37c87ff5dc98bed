#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace qbench::workload {

/// The text of a file, unpacked where its name ends in .gz. At most `max_bytes`, packed and unpacked: a small file that unpacks into a
/// large one is refused at that size. Error{kConfig} when it cannot be read, is damaged, cut off, or larger.
std::string read_packed_file(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace qbench::workload
