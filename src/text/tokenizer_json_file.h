#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qbench::text {

/// A tokenizer.json with its two large lists apart: nothing is built for them but what is kept.
struct TokenizerJsonFile {
  std::shared_ptr<const nlohmann::json> settings;  ///< the file without model.vocab and model.merges
  bool has_vocab = false, has_merges = false;
  std::vector<std::pair<std::string, std::int32_t>> vocab;
  std::vector<std::pair<std::string, std::string>> merges;  ///< by rank; written as "a b" or as ["a", "b"]
};

/// Error{kFormat}, with the position where there is one: not JSON, nested too deep, a key twice, a vocabulary or merge of the wrong type.
TokenizerJsonFile read_tokenizer_json(std::string_view text, const std::string& where);

}  // namespace qbench::text
