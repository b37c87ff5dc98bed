#include "workload/profile.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/json.h"
#include "workload/names.h"

namespace qbench::workload {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxNotYet = 256;

fs::path profiles_dir() { return data_dir() / "configs" / "profiles"; }

std::vector<std::pair<std::string, std::string>> read_not_yet(const nlohmann::json& value, const std::string& where) {
  if (!value.is_object()) throw Error(ErrorCode::kConfig, "'not_yet': expected an object, got " + describe_value(value), where);
  if (value.size() > kMaxNotYet) throw Error(ErrorCode::kConfig, "'not_yet': more than " + std::to_string(kMaxNotYet) + " keys", where);
  std::vector<std::pair<std::string, std::string>> keys;
  for (const auto& [key, item] : value.items()) {
    if (is_setting(key)) {
      throw Error(ErrorCode::kConfig, "'not_yet': '" + key + "' acts already; move it to 'settings'", where);
    }
    if (!is_name(key)) throw Error(ErrorCode::kConfig, "'not_yet': '" + printable(key) + "' is no name (a-z, 0-9, '_', '-', '.')", where);
    keys.emplace_back(key, dump_json(item));
  }
  return keys;
}

}  // namespace

Profile load_profile(const fs::path& path) {
  const nlohmann::json root = read_config_json(path);
  const std::string where = path.string();
  if (!root.is_object()) throw Error(ErrorCode::kConfig, "expected an object, got " + describe_value(root), where);
  Profile profile;
  profile.name = path.stem().string();
  profile.path = path;
  for (const auto& [key, value] : root.items()) {
    if (key == "title") {
      profile.title = read_string(value, key, where);
    } else if (key == "description") {
      profile.description = read_string(value, key, where);
    } else if (key == "settings") {
      profile.settings = settings_from_json(value, where + ": settings");
    } else if (key == "not_yet") {
      profile.not_yet = read_not_yet(value, where);
    } else if (is_setting(key)) {
      throw Error(ErrorCode::kConfig, "'" + key + "' stands at the top; it belongs under 'settings'", where);
    } else {
      fail_unknown_key(key, {"title", "description", "settings", "not_yet"}, where);
    }
  }
  if (!root.contains("settings")) throw Error(ErrorCode::kConfig, "has no 'settings'", where);
  profile.digest = sha256_hex(dump_json(nlohmann::json(to_json(profile.settings))));
  return profile;
}

std::vector<std::string> list_profiles() {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(profiles_dir(), failed)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Profile find_profile(std::string_view name_or_path) {
  const std::vector<std::string> names = list_profiles();
  if (std::find(names.begin(), names.end(), name_or_path) != names.end()) {
    return load_profile(profiles_dir() / (std::string(name_or_path) + ".json"));
  }
  const fs::path path(name_or_path);
  std::error_code ignored;
  if (looks_like_path(name_or_path) || fs::exists(path, ignored)) return load_profile(path);
  throw Error(ErrorCode::kConfig, no_such("profile", name_or_path, names, profiles_dir()));
}

Settings limit_to_machine(const Settings& profile, std::int64_t cores, std::int64_t checkpoint_context) {
  Settings limited = profile;
  if (limited.threads && cores > 0) limited.threads = std::min(*limited.threads, cores);
  if (limited.context && checkpoint_context > 0) limited.context = std::min(*limited.context, checkpoint_context);
  return limited;
}

}  // namespace qbench::workload
