#include "text/vocabulary.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"
#include "text/byte_alphabet.h"

namespace qbench::text {

Vocabulary::Vocabulary(std::size_t size, bool byte_level) : byte_level_(byte_level), entries_(size), slots_(std::bit_ceil(size * 2 + 2)) {}

std::uint32_t Vocabulary::append(std::string_view bytes) {
  QB_CHECK(arena_.size() + bytes.size() < std::numeric_limits<std::uint32_t>::max());
  const auto offset = static_cast<std::uint32_t>(arena_.size());
  arena_ += bytes;
  return offset;
}

bool Vocabulary::add(std::int32_t id, std::string_view text) {
  QB_CHECK(id >= 0 && static_cast<std::size_t>(id) < entries_.size());
  Entry& entry = entries_[static_cast<std::size_t>(id)];
  QB_CHECK(!entry.set);
  entry = {append(text), static_cast<std::uint32_t>(text.size()), true};
  if (!byte_level_) return index(id, text, entry.offset);
  const auto bytes = bytes_from_alphabet(text);
  if (!bytes) return unspellable_.emplace(text, id).second;
  return index(id, *bytes, *bytes == text ? entry.offset : append(*bytes));
}

bool Vocabulary::index(std::int32_t id, std::string_view bytes, std::uint32_t offset) {
  if (find(bytes) != kNone) return false;
  const std::uint64_t hash = hash_bytes(bytes);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].id != kNone) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {static_cast<std::uint32_t>(hash >> 32), id, offset, static_cast<std::uint32_t>(bytes.size())};
  longest_ = std::max(longest_, bytes.size());
  return true;
}

std::int32_t Vocabulary::find(std::string_view bytes) const noexcept {
  const std::uint64_t hash = hash_bytes(bytes);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.id == kNone) return kNone;
    if (slot.tag == tag && std::string_view(arena_).substr(slot.offset, slot.length) == bytes) return slot.id;
  }
}

std::int32_t Vocabulary::find_text(std::string_view text) const {
  if (!byte_level_) return find(text);
  if (const auto bytes = bytes_from_alphabet(text)) return find(*bytes);
  const auto found = unspellable_.find(std::string(text));
  return found == unspellable_.end() ? kNone : found->second;
}

std::string_view Vocabulary::text(std::int32_t id) const noexcept {
  if (!has(id)) return {};
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  return std::string_view(arena_).substr(entry.offset, entry.length);
}

}  // namespace qbench::text
