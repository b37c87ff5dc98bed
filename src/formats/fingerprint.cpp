#include "formats/fingerprint.h"

#include <algorithm>
#include <array>

namespace qbench::formats {

void Fingerprint::add_number(std::uint64_t number) {
  std::array<std::byte, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(number >> (8 * i));
  sha_.update(bytes);
}

void Fingerprint::add_text(std::string_view text) {
  add_number(text.size());  // so that neighbouring texts cannot be cut elsewhere with the same result
  sha_.update(text);
}

void Fingerprint::add_header(std::uint64_t file_bytes, std::span<const std::byte> header) {
  add_number(file_bytes);
  add_number(header.size());
  sha_.update(header);
}

void Fingerprint::add_sample(const TensorEntry& entry) {
  constexpr std::uint64_t kSample = 4096;
  const std::uint64_t size = std::min(entry.bytes, kSample);
  sha_.update(std::span(entry.data + (entry.bytes - size) / 2, size));
}

}  // namespace qbench::formats
