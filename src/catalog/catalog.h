#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_config.h"

namespace qbench::catalog {

/// How a model wants to be prompted.
enum class ModelKind {
  kInstruct,  ///< chat template with roles
  kCode,      ///< chat template, and the language and format asked for are stated
  kThinking,  ///< chat template; always thinks before it answers
  kBase,      ///< the prompt as it is
};
std::string_view name_of(ModelKind kind) noexcept;  ///< "instruct", "code", "thinking", "base"

/// The kind of a model that is not in the catalogue, from its name ("...-Coder-...-Instruct", "...-Thinking-...") and whether it has a chat
/// template.
ModelKind guess_kind(std::string_view model_name, bool has_chat_template);

/// Whether a model thinks (writes <think>...</think>).
enum class Thinking { kNever, kOptional, kAlways };
std::string_view name_of(Thinking thinking) noexcept;  ///< "never", "optional", "always"

/// One model that the catalogue knows.
struct CatalogEntry {
  std::string name;                  ///< "qwen2.5-coder-7b-instruct": lower case, the main alias
  std::vector<std::string> aliases;  ///< further names, lower case ("qwen2.5-coder-7b")
  std::string label;                 ///< "Qwen2.5-Coder-7B-Instruct": in tables and file names
  std::string hub_id;                ///< "Qwen/Qwen2.5-Coder-7B-Instruct"
  ModelKind kind = ModelKind::kInstruct;
  Thinking thinking = Thinking::kNever;
  std::string licence;              ///< SPDX id, or the licence's own name
  std::int64_t tokenizer_size = 0;  ///< ids from here on are padding rows
  std::string cached_file;          ///< file name below cache_dir() where the quick start keeps the model; empty: none
  std::string download_command;     ///< the one command that fetches it
  formats::ModelConfig shape;       ///< complete: synthetic weights need nothing else
};

/// configs/models.json.
class Catalog {
 public:
  /// Error{kConfig} naming file, entry and key: unreadable, unknown key, a shape that formats::validate refuses, a name that stands twice.
  static Catalog load(const std::filesystem::path& path);
  /// From data_dir()/configs/models.json.
  static Catalog load_default();

  const std::vector<CatalogEntry>& entries() const { return entries_; }
  /// By name, alias, label or hub id, whatever the case; nullptr when unknown.
  const CatalogEntry* find(std::string_view name) const;
  /// Up to three names close to a mistyped one, best first.
  std::vector<std::string> suggest(std::string_view name) const;

 private:
  std::vector<CatalogEntry> entries_;
};

}  // namespace qbench::catalog
