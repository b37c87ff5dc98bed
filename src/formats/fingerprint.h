#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "formats/model_file.h"

namespace qbench::formats {

/// SHA-256 that tells weight files apart without reading them: headers, sizes, and 4 KiB from the middle of every stored tensor.
class Fingerprint {
 public:
  explicit Fingerprint(std::string_view kind) { add_text(kind); }
  void add_text(std::string_view text);
  /// stored: TensorEntry or what derives from it, each with its data.
  template <class Entry>
  void add_file(std::uint64_t file_bytes, std::span<const std::byte> header, const std::vector<Entry>& stored) {
    add_header(file_bytes, header);
    for (const TensorEntry& entry : stored) add_sample(entry);
  }
  std::string hex() { return sha_.hex_digest(); }

 private:
  void add_header(std::uint64_t file_bytes, std::span<const std::byte> header);
  void add_sample(const TensorEntry& entry);
  void add_number(std::uint64_t number);
  Sha256 sha_;
};

}  // namespace qbench::formats
