#include "workload/suite_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/text_file.h"
#include "workload/names.h"
#include "workload/task_folder.h"

namespace qbench::workload {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPromptBytes = 1u << 20;
constexpr std::size_t kMaxPrompts = 10000;
constexpr std::size_t kMaxTurns = 64;
constexpr std::size_t kMaxTags = 32;
constexpr std::int64_t kMaxPromptTokens = 1 << 20;
constexpr std::int64_t kTemplateTokens = 16;

[[noreturn]] void fail(const std::string& message, const std::string& where) { throw Error(ErrorCode::kConfig, message, where); }

std::string read_name(const json& value, std::string_view key, const std::string& where) {
  std::string name = read_string(value, key, where);
  if (!is_name(name)) {
    fail("'" + std::string(key) + "': '" + printable(name) +
             "' is no name: expected 1 to 64 of a-z, 0-9, '.', '_', '-', a letter or digit first",
         where);
  }
  return name;
}

std::string checked_text(std::string text, std::string_view key, const std::string& where) {
  if (text.empty()) fail("'" + std::string(key) + "' is empty", where);
  if (!is_clean_text(text)) fail("'" + std::string(key) + "' is not UTF-8 text without null bytes", where);
  return text;
}

/// The text file that a suite file names. It lies in the suite's folder or below: a suite is one thing that can be copied and compared.
fs::path file_below(const fs::path& folder, const std::string& name, const std::string& where) {
  const fs::path relative(name);
  const bool climbs = std::any_of(relative.begin(), relative.end(), [](const fs::path& part) { return part == ".."; });
  if (name.empty() || relative.is_absolute() || climbs)
    fail("'file': '" + printable(name, 200) + "' does not lie below the suite's folder", where);
  return folder / relative;
}

std::int64_t read_token_count(const json& value, const std::string& where) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 ||
      value.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxPromptTokens)) {
    fail("'prompt_tokens': expected a whole number from 1 to " + std::to_string(kMaxPromptTokens) + ", got " + describe_value(value),
         where);
  }
  return value.get<std::int64_t>();
}

Turn read_turn(const json& value, const fs::path& folder, const std::string& where) {
  if (!value.is_object()) fail("expected an object with 'file' or 'text', got " + describe_value(value), where);
  Turn turn;
  bool declared = false;
  if (value.contains("file") == value.contains("text")) fail("expected exactly one of 'file' and 'text'", where);
  for (const auto& [key, item] : value.items()) {
    if (key == "file") {
      turn.text = read_prompt_text(file_below(folder, read_string(item, key, where), where), where);
    } else if (key == "text") {
      turn.text = checked_text(read_string(item, key, where, kMaxPromptBytes), key, where);
    } else if (key == "prompt_tokens") {
      turn.prompt_tokens = read_token_count(item, where);
      declared = true;
    } else {
      fail_unknown_key(key, {"file", "text", "prompt_tokens"}, where);
    }
  }
  if (!declared) turn.prompt_tokens = estimate_prompt_tokens(turn.text);
  return turn;
}

std::vector<Turn> read_turns(const json& value, const fs::path& folder, const std::string& where) {
  if (!value.is_array() || value.empty() || value.size() > kMaxTurns) {
    fail("'turns': expected a list of 1 to " + std::to_string(kMaxTurns) + " turns, got " +
             (value.is_array() ? std::to_string(value.size()) : describe_value(value)),
         where);
  }
  std::vector<Turn> turns;
  for (std::size_t i = 0; i < value.size(); ++i) turns.push_back(read_turn(value[i], folder, where + ": turn " + std::to_string(i + 1)));
  return turns;
}

std::vector<std::string> read_tags(const json& value, const std::string& where) {
  if (!value.is_array() || value.size() > kMaxTags) {
    fail("'tags': expected a list of at most " + std::to_string(kMaxTags) + " names, got " + describe_value(value), where);
  }
  std::vector<std::string> tags;
  for (const json& item : value) tags.push_back(read_name(item, "tags", where));
  return tags;
}

std::vector<std::string> prompt_keys() {
  std::vector<std::string> keys = setting_names(SettingsScope::kPrompt);
  keys.insert(keys.end(), {"id", "title", "language", "system", "turns", "group", "size_class", "tags", "task"});
  return keys;
}

/// Reads the key into the prompt; false when it is none of a prompt's own.
bool read_prompt_key(Prompt& prompt, const std::string& key, const json& value, const fs::path& folder, const std::string& where) {
  if (key == "id") {
    prompt.id = read_name(value, key, where);
  } else if (key == "title") {
    prompt.title = read_string(value, key, where);
  } else if (key == "language") {
    prompt.language = read_name(value, key, where);
  } else if (key == "system") {
    prompt.system = read_string(value, key, where, kMaxPromptBytes);  // empty is meaningful: no system message's text
  } else if (key == "turns") {
    prompt.turns = read_turns(value, folder, where);
  } else if (key == "group") {
    prompt.group = read_name(value, key, where);
  } else if (key == "size_class") {
    prompt.size_class = read_name(value, key, where);
  } else if (key == "tags") {
    prompt.tags = read_tags(value, where);
  } else {
    return false;
  }
  return true;
}

/// The prompt's task, from the folder of this name beside the suite file; its prompt.txt is the one turn where the suite file has none.
void read_task(Prompt& prompt, const json& value, const fs::path& folder, const std::string& where) {
  const fs::path place = folder / read_name(value, "task", where);
  if (prompt.language.empty()) fail("prompt '" + prompt.id + "' has a 'task' and no 'language'", where);
  prompt.task = load_task(place, prompt.id, prompt.language);
  if (!prompt.turns.empty()) return;
  prompt.turns.push_back({read_prompt_text(place / "prompt.txt", where), 0});
  prompt.turns.front().prompt_tokens = estimate_prompt_tokens(prompt.turns.front().text);
}

Prompt read_prompt(const json& value, const Settings& defaults, const fs::path& folder, const std::string& where) {
  if (!value.is_object()) fail("expected an object, got " + describe_value(value), where);
  Prompt prompt;
  Settings own;
  for (const auto& [key, item] : value.items()) {
    if (key == "task" || read_prompt_key(prompt, key, item, folder, where) || read_setting(own, key, item, SettingsScope::kPrompt, where)) continue;
    if (is_setting(key)) fail("'" + key + "' cannot be set for one prompt; it may stand in the suite's 'defaults' or in a profile", where);
    fail_unknown_key(key, prompt_keys(), where);
  }
  if (prompt.id.empty()) fail("has no 'id'", where);
  if (value.contains("task")) read_task(prompt, value["task"], folder, where);
  if (prompt.turns.empty()) fail("prompt '" + prompt.id + "' has no 'turns'", where);
  if (prompt.title.empty()) prompt.title = prompt.id;
  prompt.settings = overlay(defaults, own);
  return prompt;
}

std::vector<Prompt> read_prompts(const json& value, const Settings& defaults, const fs::path& folder, const std::string& where) {
  if (!value.is_array() || value.empty() || value.size() > kMaxPrompts) {
    fail("'prompts': expected a list of 1 to " + std::to_string(kMaxPrompts) + " prompts, got " +
             (value.is_array() ? std::to_string(value.size()) : describe_value(value)),
         where);
  }
  std::vector<Prompt> prompts;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string at = where + ": prompt " + std::to_string(i + 1);
    prompts.push_back(read_prompt(value[i], defaults, folder, at));
    if (!ids.insert(prompts.back().id).second) fail("'id': '" + prompts.back().id + "' stands twice in the suite", at);
  }
  return prompts;
}

}  // namespace

std::string read_prompt_text(const fs::path& path, const std::string& named_by) {
  try {
    std::string text = read_text_file(path, kMaxPromptBytes);
    if (text.ends_with('\n')) text.pop_back();  // the one that ends a text file is not part of the prompt
    return checked_text(std::move(text), "the prompt", path.string());
  } catch (const Error& error) {
    throw Error(ErrorCode::kConfig, error.what(), named_by);  // whatever the file's fault, it is the suite that cannot be read
  }
}

std::int64_t estimate_prompt_tokens(std::string_view text) { return kTemplateTokens + static_cast<std::int64_t>((text.size() + 3) / 4); }

Suite suite_from_json(const json& root, const fs::path& file) {
  const std::string where = file.string();
  if (!root.is_object()) fail("expected an object, got " + describe_value(root), where);
  Suite suite;
  suite.path = file;
  if (root.contains("defaults")) suite.defaults = settings_from_json(root["defaults"], where + ": defaults", SettingsScope::kSuite);
  for (const auto& [key, value] : root.items()) {
    if (key == "title") {
      suite.title = read_string(value, key, where);
    } else if (key == "description") {
      suite.description = read_string(value, key, where);
    } else if (key == "prompts") {
      suite.prompts = read_prompts(value, suite.defaults, file.parent_path(), where);
    } else if (key != "defaults") {
      fail_unknown_key(key, {"title", "description", "defaults", "prompts"}, where);
    }
  }
  if (suite.prompts.empty()) fail("has no 'prompts'", where);
  return suite;
}

}  // namespace qbench::workload
