#include "catalog/catalog.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/environment.h"
#include "base/error.h"
#include "catalog/catalog_json.h"
#include "catalog/labels.h"
#include "workload/names.h"

namespace qbench::catalog {
namespace {

/// Everything an entry answers to, lower case.
std::vector<std::string> names_of(const CatalogEntry& entry) {
  std::vector<std::string> names = entry.aliases;
  names.push_back(entry.name);
  names.push_back(ascii_lower(entry.hub_id));
  if (ascii_lower(entry.label) != entry.name) names.push_back(ascii_lower(entry.label));
  return names;
}

void check_unique(const std::vector<CatalogEntry>& entries, const std::string& where) {
  std::map<std::string, std::string> owner;
  for (const CatalogEntry& entry : entries) {
    for (const std::string& name : names_of(entry)) {
      const auto [at, fresh] = owner.emplace(name, entry.name);
      if (!fresh) throw Error(ErrorCode::kConfig, "'" + name + "' names both '" + at->second + "' and '" + entry.name + "'", where);
    }
  }
}

bool has(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

}  // namespace

std::string_view name_of(ModelKind kind) noexcept {
  switch (kind) {
    case ModelKind::kInstruct:
      return "instruct";
    case ModelKind::kCode:
      return "code";
    case ModelKind::kThinking:
      return "thinking";
    case ModelKind::kBase:
      return "base";
  }
  return "unknown";
}

std::string_view name_of(Thinking thinking) noexcept {
  switch (thinking) {
    case Thinking::kNever:
      return "never";
    case Thinking::kOptional:
      return "optional";
    case Thinking::kAlways:
      return "always";
  }
  return "unknown";
}

ModelKind guess_kind(std::string_view model_name, bool has_chat_template) {
  const std::string name = ascii_lower(model_name);
  if (!has_chat_template || has(name, "-base")) return ModelKind::kBase;
  const bool instruct = has(name, "instruct") || has(name, "chat") || has(name, "-it");
  // Qwen2 and Qwen2.5 ship a chat template with their base checkpoints too; only the name tells them apart.
  if (has(name, "qwen2") && !instruct) return ModelKind::kBase;
  if (has(name, "thinking") || has(name, "qwq")) return ModelKind::kThinking;
  return has(name, "code") ? ModelKind::kCode : ModelKind::kInstruct;
}

Catalog Catalog::load(const std::filesystem::path& path) {
  Catalog catalog;
  catalog.entries_ = entries_from_json(workload::read_config_json(path), path.string());
  check_unique(catalog.entries_, path.string());
  return catalog;
}

Catalog Catalog::load_default() { return load(data_dir() / "configs" / "models.json"); }

const CatalogEntry* Catalog::find(std::string_view name) const {
  const std::string wanted = ascii_lower(name);
  for (const CatalogEntry& entry : entries_) {
    const std::vector<std::string> names = names_of(entry);
    if (std::find(names.begin(), names.end(), wanted) != names.end()) return &entry;
  }
  return nullptr;
}

std::vector<std::string> Catalog::suggest(std::string_view name) const {
  const std::string wanted = ascii_lower(name.substr(0, 200));
  std::vector<std::string> known;
  for (const CatalogEntry& entry : entries_) {
    // The organisation counts for nothing in a slip: "Qwen/Qwen3-8" is near "qwen3-8b".
    known.push_back(entry.name);
    known.insert(known.end(), entry.aliases.begin(), entry.aliases.end());
  }
  const std::size_t slash = wanted.rfind('/');
  const std::string bare = slash == std::string::npos ? wanted : wanted.substr(slash + 1);
  std::vector<std::string> near;
  while (near.size() < 3) {
    const std::string best = workload::nearest(bare, known);
    if (best.empty()) break;
    near.push_back(best);
    std::erase(known, best);
  }
  return near;
}

}  // namespace qbench::catalog
