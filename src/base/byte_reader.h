#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace qbench {

/// Reads little-endian values from untrusted bytes; every read past the end throws Error{kFormat} with the offset.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  template <class T>
  T read() {
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }

  std::string_view read_bytes(std::uint64_t count) { return {reinterpret_cast<const char*>(take(count)), static_cast<std::size_t>(count)}; }

  std::uint64_t offset() const noexcept { return offset_; }
  std::uint64_t remaining() const noexcept { return bytes_.size() - offset_; }

  [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorCode::kFormat, message, where_); }

 private:
  const std::byte* take(std::uint64_t count) {
    if (count > remaining()) {
      fail("truncated: need " + std::to_string(count) + " bytes at offset " + std::to_string(offset_) + ", the file ends after " +
           std::to_string(remaining()));
    }
    const std::byte* at = bytes_.data() + offset_;
    offset_ += count;
    return at;
  }

  std::span<const std::byte> bytes_;
  std::string where_;
  std::uint64_t offset_ = 0;
};

}  // namespace qbench
