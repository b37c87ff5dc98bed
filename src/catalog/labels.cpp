#include "catalog/labels.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace qbench::catalog {
namespace {

constexpr std::size_t kMaxLabelBytes = 120;  // leaves room for the time stamp in a file name of 255 bytes

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// `-00002-of-00005` at the end, as split GGUFs and shards have it.
std::string_view without_part_number(std::string_view stem) {
  const std::size_t of = stem.rfind("-of-");
  if (of == std::string_view::npos || !is_digits(stem.substr(of + 4))) return stem;
  const std::size_t dash = stem.rfind('-', of - 1);
  if (of == 0 || dash == std::string_view::npos || !is_digits(stem.substr(dash + 1, of - dash - 1))) return stem;
  return stem.substr(0, dash);
}

/// "Q4_K_M", "IQ4_XS", "bf16", "f32": what file names put behind the model's.
bool is_precision_word(std::string_view word) {
  const std::string lower = ascii_lower(word);
  constexpr std::array<std::string_view, 4> kFloats{"f32", "f16", "fp16", "bf16"};
  if (std::find(kFloats.begin(), kFloats.end(), lower) != kFloats.end()) return true;
  const std::string_view rest = std::string_view(lower).substr(lower.starts_with("iq") ? 2 : lower.starts_with("q") ? 1 : lower.size());
  return !rest.empty() && rest.front() >= '1' && rest.front() <= '8';
}

}  // namespace

std::string as_label(std::string_view text) {
  std::string label(text.substr(0, kMaxLabelBytes));
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  std::replace_if(
      label.begin(), label.end(), [&](char c) { return !allowed(c); }, '-');
  // A leading dot would hide the result files, a leading dash would look like an option.
  label.erase(0, std::min(label.find_first_not_of(".-"), label.size()));
  return label.empty() ? "model" : label;
}

std::string label_of_file(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  return as_label(without_part_number(stem));
}

const CatalogEntry* entry_of_label(const Catalog& catalog, std::string_view label) {
  if (const CatalogEntry* entry = catalog.find(label)) return entry;
  const std::size_t cut = label.find_last_of(".-");
  if (cut == std::string_view::npos || !is_precision_word(label.substr(cut + 1))) return nullptr;
  return catalog.find(label.substr(0, cut));
}

}  // namespace qbench::catalog
