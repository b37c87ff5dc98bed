#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace qbench::text {

/// Hash of a byte string: multiply and fold, eight bytes at a time.
inline std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  const auto fold = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  std::uint64_t hash = bytes.size() * kFactor, word = 0;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left > 8; left -= 8, at += 8) {
    std::memcpy(&word, at, 8);
    hash = fold(hash ^ word, kFactor);
  }
  word = 0;
  if (left != 0) std::memcpy(&word, at, left);
  return fold(hash ^ word, kFactor);
}

/// A model's tokens by id, and ids by the bytes that a word consists of. Ids without a token are holes.
class Vocabulary {
 public:
  static constexpr std::int32_t kNone = -1;

  /// size: ids are in [0, size). byte_level: tokens are written in GPT-2's alphabet and found by the bytes that they spell; a token with a
  /// character outside it is never found in a word.
  Vocabulary(std::size_t size, bool byte_level);

  /// Gives an id that has none yet its token. False when another id has the same text already.
  bool add(std::int32_t id, std::string_view text);

  /// Id of the token for these bytes of a word, kNone when there is none.
  std::int32_t find(std::string_view bytes) const noexcept;
  /// Id of the token with this text as the file writes it.
  std::int32_t find_text(std::string_view text) const;
  /// The token's text as the file writes it; empty for a hole.
  std::string_view text(std::int32_t id) const noexcept;
  bool has(std::int32_t id) const noexcept {
    return id >= 0 && static_cast<std::size_t>(id) < entries_.size() && entries_[static_cast<std::size_t>(id)].set;
  }
  std::size_t size() const noexcept { return entries_.size(); }
  /// Bytes of the longest token that find can return.
  std::size_t longest() const noexcept { return longest_; }

 private:
  struct Entry {
    std::uint32_t offset = 0, length = 0;
    bool set = false;
  };
  struct Slot {
    std::uint32_t tag = 0;  ///< high half of the hash
    std::int32_t id = kNone;
    std::uint32_t offset = 0, length = 0;  ///< of the bytes, in the arena
  };
  std::uint32_t append(std::string_view bytes);
  bool index(std::int32_t id, std::string_view bytes, std::uint32_t offset);

  bool byte_level_;
  std::string arena_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;                                    ///< open addressing, a power of two, at most half full
  std::unordered_map<std::string, std::int32_t> unspellable_;  ///< byte_level: texts with a character outside the alphabet
  std::size_t longest_ = 0;
};

}  // namespace qbench::text
