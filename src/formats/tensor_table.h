#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/model_config.h"
#include "formats/model_file.h"

namespace qbench::formats {

/// The tensors of a model under their neutral names.
class TensorTable {
 public:
  /// Throws Error{kFormat} when the name is there already.
  void add(TensorEntry entry, const std::string& where);
  void erase(std::string_view name);
  void rename(std::string_view from, const std::string& to);
  const TensorEntry* find(std::string_view name) const;
  const std::vector<TensorEntry>& entries() const noexcept { return entries_; }

 private:
  void rebuild_index();
  std::vector<TensorEntry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// How a neutral name reads in the file at hand, for messages.
using StoredName = std::function<std::string(std::string_view neutral)>;

/// Every tensor that the config promises is present with its shape, vectors are in a floating type, and nothing else is there.
/// Throws Error{kFormat} (missing, wrong shape, vector in a block type) or {kUnsupported} (a tensor the decoder has no place for).
void check_tensors(const ModelConfig& config, const TensorTable& table, const StoredName& stored_name, const std::string& where);

/// Name of the type that most bytes are stored in.
std::string dominant_type(const TensorTable& table);

/// `blk.<layer>.<suffix>`.
std::string layer_tensor(std::int64_t layer, std::string_view suffix);
/// `blk.<layer>.expert.<expert>.<suffix>`.
std::string expert_tensor(std::int64_t layer, std::int64_t expert, std::string_view suffix);

/// The number at the start of `text`, followed by a dot; `text` is left behind the dot. Nothing when there is none, with leading zeros or
/// more than 6 digits.
std::optional<std::int64_t> take_index(std::string_view& text);

/// Views of a stored 3-D tensor (experts, rows, cols): expert e's rows [first, first + count). Borrows the data.
TensorEntry expert_view(const TensorEntry& stored, std::int64_t expert, std::int64_t first_row, std::int64_t row_count, std::string name);

}  // namespace qbench::formats
