#include "catalog/resolve.h"

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "catalog/hub_cache.h"
#include "catalog/labels.h"
#include "workload/names.h"

namespace qbench::catalog {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSynthetic = "synthetic:";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// The shell expands `~` only at the start of a word, so in `--models ~/a,~/b` the second one arrives as written.
fs::path expand_home(std::string_view text) {
  const auto home = environment_variable("HOME");
  if (home && text.starts_with("~/")) return fs::path(*home) / text.substr(2);
  return fs::path(text);
}

/// True for what can only be meant as a path.
bool is_path_like(std::string_view request) {
  return request.starts_with('/') || request.starts_with("./") || request.starts_with("../") || request.starts_with("~/") ||
         request.ends_with(".gguf") || request.ends_with(".safetensors") || std::count(request.begin(), request.end(), '/') > 1;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : std::string(separator)) + part;
  return text;
}

std::string near_names(const Catalog& catalog, std::string_view name) {
  const std::vector<std::string> near = catalog.suggest(name);
  return near.empty() ? "" : "; did you mean " + join(near, " or ") + "?";
}

/// The .gguf files of a folder, of split ones only the first part.
std::vector<fs::path> gguf_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::set<std::string> labels;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->path().extension() == ".gguf") files.push_back(at->path());
  }
  if (failed) throw Error(ErrorCode::kIo, "cannot list the folder: " + failed.message(), folder.string());
  std::sort(files.begin(), files.end());
  std::erase_if(files, [&](const fs::path& file) { return !labels.insert(label_of_file(file)).second; });
  return files;
}

/// Points the reference at a folder, or at the one GGUF file in it where it holds no other checkpoint.
void set_folder(ModelRef& ref, const fs::path& folder) {
  ref.source = ModelSource::kDirectory;
  ref.path = folder;
  if (is_there(folder / "config.json")) return;
  const std::vector<fs::path> files = gguf_files(folder);
  if (files.empty()) return;  // tokenizer files alone are enough for some commands; whoever opens it says what is missing
  if (files.size() > 1) {
    std::vector<std::string> names;
    for (const fs::path& file : files) names.push_back(file.filename().string());
    throw Error(ErrorCode::kConfig,
                "the folder holds " + std::to_string(files.size()) + " GGUF models (" + join(names, ", ") + "); give the path of one",
                folder.string());
  }
  ref.source = ModelSource::kFile;
  ref.path = files.front();
}

std::optional<CatalogEntry> copy_of(const CatalogEntry* entry) { return entry == nullptr ? std::nullopt : std::optional(*entry); }

ModelRef from_synthetic(const Catalog& catalog, std::string_view request) {
  const std::string_view name = request.substr(kSynthetic.size());
  const CatalogEntry* entry = catalog.find(name);
  if (entry == nullptr) {
    throw Error(ErrorCode::kNotFound,
                "no shape '" + workload::printable(name, 200) + "' in the catalogue (" + std::to_string(catalog.entries().size()) +
                    " models)" + near_names(catalog, name) + " `qbench models list` shows all",
                "--models " + workload::printable(request, 200));
  }
  ModelRef ref;
  ref.request = request;
  ref.label = entry->label + "-synthetic";
  ref.source = ModelSource::kSynthetic;
  ref.hub_id = entry->hub_id;
  ref.entry = *entry;
  return ref;
}

ModelRef from_snapshot(const Catalog& catalog, std::string_view request, const HubSnapshot& snapshot) {
  ModelRef ref;
  ref.request = request;
  ref.hub_id = snapshot.hub_id;
  ref.revision = snapshot.revision;
  ref.label = as_label(snapshot.hub_id.substr(snapshot.hub_id.find('/') + 1));
  ref.entry = copy_of(catalog.find(snapshot.hub_id));
  set_folder(ref, snapshot.path);
  return ref;
}

ModelRef from_path(const Catalog& catalog, std::string_view request, const fs::path& path) {
  std::error_code ignored;
  const bool folder = fs::is_directory(path, ignored);
  if (const auto snapshot = snapshot_of_path(folder ? path : path.parent_path())) {
    ModelRef ref;
    if (folder) return from_snapshot(catalog, request, {path, snapshot->hub_id, snapshot->revision});
    ref.request = request;
    ref.path = path;
    ref.hub_id = snapshot->hub_id;
    ref.revision = snapshot->revision;
    ref.label = label_of_file(path);
    ref.entry = copy_of(catalog.find(snapshot->hub_id));
    if (!ref.entry) ref.entry = copy_of(entry_of_label(catalog, ref.label));
    return ref;
  }
  ModelRef ref;
  ref.request = request;
  ref.path = path;
  if (folder) {
    fs::path whole = fs::absolute(path, ignored).lexically_normal();
    if (!whole.has_filename()) whole = whole.parent_path();  // "dir/"
    ref.label = as_label(whole.filename().string());
    set_folder(ref, path);
  } else {
    ref.label = label_of_file(path);
  }
  ref.entry = copy_of(entry_of_label(catalog, ref.label));
  if (ref.entry) ref.hub_id = ref.entry->hub_id;
  return ref;
}

/// Collects where a model was looked for.
struct Search {
  const Catalog& catalog;
  const ModelPlaces& places;
  std::string request;
  std::vector<std::string> looked{};

  /// What the catalogue or the hub cache has under this name.
  std::optional<ModelRef> find() {
    const CatalogEntry* entry = catalog.find(request);
    if (entry != nullptr && !entry->cached_file.empty()) {
      const fs::path file = places.cache / entry->cached_file;
      if (is_there(file)) {
        ModelRef ref = from_path(catalog, request, file);
        ref.entry = *entry;
        ref.hub_id = entry->hub_id;
        return ref;
      }
      looked.push_back(file.string());
    }
    const std::string hub_id = entry != nullptr ? entry->hub_id : request;
    if (!is_hub_id(hub_id)) return std::nullopt;
    if (const auto snapshot = find_snapshot(places.hub_cache, hub_id)) return from_snapshot(catalog, request, *snapshot);
    looked.push_back(hub_folder(places.hub_cache, hub_id).string());
    return std::nullopt;
  }

  [[noreturn]] void fail() const {
    const CatalogEntry* entry = catalog.find(request);
    std::error_code ignored;
    std::string message = "model not found; looked for the file or folder " +
                          workload::printable(fs::absolute(expand_home(request), ignored).lexically_normal().string(), 500);
    for (const std::string& place : looked) message += ", " + place;
    if (entry != nullptr) {
      message += "; download it with: " + entry->download_command;
    } else if (is_path_like(request)) {
      message += "; check the path";
    } else {
      message += ", and the catalogue's " + std::to_string(catalog.entries().size()) + " names" + near_names(catalog, request);
      message += is_hub_id(request) ? "; download it with: hf download " + request : "; `qbench models list` shows the names";
    }
    throw Error(ErrorCode::kNotFound, message, "--models " + workload::printable(request, 200));
  }
};

/// The label that the request will have once the model is there, so that a resumed run knows the row again.
std::string label_when_found(const Catalog& catalog, const std::string& request) {
  if (const CatalogEntry* entry = catalog.find(request)) return entry->label;
  const fs::path path(request);
  if (path.extension() == ".gguf" || path.extension() == ".safetensors") return label_of_file(path);
  return as_label(path.has_filename() ? path.filename().string() : request);
}

std::string unique_label(std::set<std::string>& taken, const std::string& label) {
  // Compared without case: some file systems do not tell case apart.
  std::string candidate = label;
  for (int n = 2; !taken.insert(ascii_lower(candidate)).second; ++n) candidate = label + "-" + std::to_string(n);
  return candidate;
}

}  // namespace

std::string_view name_of(ModelSource source) noexcept {
  switch (source) {
    case ModelSource::kFile:
      return "file";
    case ModelSource::kDirectory:
      return "directory";
    case ModelSource::kSynthetic:
      return "synthetic";
  }
  return "unknown";
}

std::vector<std::string> split_models(std::string_view value) {
  if (is_there(expand_home(value))) return {std::string(value)};
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size() && value[i + 1] == ',') {
      parts.back() += value[++i];
    } else if (value[i] == ',') {
      parts.emplace_back();
    } else {
      parts.back() += value[i];
    }
  }
  if (std::find(parts.begin(), parts.end(), "") != parts.end()) {
    throw Error(ErrorCode::kUsage,
                "--models: an empty name in '" + workload::printable(value, 200) + "'; expected names separated by single commas");
  }
  return parts;
}

ModelRef resolve_model(const Catalog& catalog, std::string_view request, const ModelPlaces& places) {
  if (request.starts_with(kSynthetic)) return from_synthetic(catalog, request);
  const fs::path path = expand_home(request);
  if (!request.empty() && is_there(path)) return from_path(catalog, request, path);
  Search search{catalog, places, std::string(request)};
  if (auto ref = search.find()) return *ref;
  search.fail();
}

ResolvedModel look_for_model(const Catalog& catalog, std::string_view request, const ModelPlaces& places) {
  ResolvedModel model;
  model.request = request;
  try {
    model.ref = resolve_model(catalog, request, places);
    model.label = model.ref->label;
  } catch (const Error& error) {
    model.error = error;
    model.label = label_when_found(catalog, model.request);
  }
  return model;
}

std::vector<ResolvedModel> resolve_models(const Catalog& catalog, const std::vector<std::string>& values, const ModelPlaces& places) {
  std::vector<ResolvedModel> models;
  std::set<std::string> taken;
  for (const std::string& value : values) {
    for (const std::string& request : split_models(value)) {
      ResolvedModel model = look_for_model(catalog, request, places);
      model.label = unique_label(taken, model.label);
      if (model.ref) model.ref->label = model.label;
      models.push_back(std::move(model));
    }
  }
  if (models.empty()) throw Error(ErrorCode::kUsage, "--models: no model given; `qbench models list` shows the catalogue");
  return models;
}

}  // namespace qbench::catalog
