#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace qbench {

/// Whole file as bytes. Error{kNotFound} when it is not there, {kIo} when it cannot be read, is larger than `max_bytes`, or is a folder, pipe
/// or device (which are never waited for).
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 30);

/// Writes through a temporary file in the same folder, fsync and rename, so that a reader sees the old or the new content, never half.
/// Error{kIo} with the system's reason.
void write_text_file_atomic(const std::filesystem::path& path, std::string_view content);

}  // namespace qbench
