#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// Gives each distinct text a small number.
class StringInterner {
 public:
  StringInterner() = default;
  StringInterner(const StringInterner&) = delete;
  StringInterner& operator=(const StringInterner&) = delete;

  /// The text's number: its old one, or the next.
  std::uint32_t intern(std::string_view text) {
    if (const auto known = find(text)) return *known;
    const auto id = static_cast<std::uint32_t>(texts_.size());
    ids_.emplace(texts_.emplace_back(text), id);
    bytes_ += text.size();
    return id;
  }

  std::optional<std::uint32_t> find(std::string_view text) const {
    const auto at = ids_.find(std::string(text));
    if (at == ids_.end()) return std::nullopt;
    return at->second;
  }

  /// The text of a number; valid as long as the interner lives.
  std::string_view text(std::uint32_t id) const {
    if (id >= texts_.size()) throw std::out_of_range("StringInterner: no text has the id " + std::to_string(id));
    return texts_[id];
  }

  std::size_t size() const { return texts_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> ids_;
  std::size_t bytes_ = 0;
};
