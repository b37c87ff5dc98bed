#include "workload/suite.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/json.h"
#include "workload/names.h"
#include "workload/public_suite.h"
#include "workload/suite_json.h"

namespace qbench::workload {
namespace fs = std::filesystem;
namespace {

fs::path suites_dir() { return data_dir() / "prompts"; }

/// Everything that decides what is asked and for how long. How often it is measured does not belong to it.
std::string digest_of(const Prompt& prompt) {
  Settings content = prompt.settings;
  content.repetitions.reset();
  content.warmup.reset();
  content.pass.reset();
  nlohmann::ordered_json turns = nlohmann::ordered_json::array();
  for (const Turn& turn : prompt.turns) turns.push_back({turn.text, turn.prompt_tokens});
  nlohmann::ordered_json object;
  object["id"] = prompt.id;
  object["language"] = prompt.language;
  object["system"] = prompt.system ? nlohmann::ordered_json(*prompt.system) : nlohmann::ordered_json();
  object["turns"] = std::move(turns);
  object["settings"] = to_json(content);
  if (prompt.task) object["task"] = prompt.task->digest;
  return sha256_hex(object.dump());
}

Suite with_digests(Suite suite) {
  std::string all = suite.name;
  for (Prompt& prompt : suite.prompts) {
    prompt.digest = digest_of(prompt);
    all += "\n" + prompt.digest;
  }
  suite.digest = sha256_hex(all);
  return suite;
}

Suite suite_of_one(std::string text) {
  Suite suite;
  suite.name = "prompt";
  suite.title = "A prompt given on the command line";
  Prompt prompt;
  prompt.id = "prompt";
  prompt.title = "prompt";
  prompt.turns.push_back({std::move(text), 0});
  prompt.turns.front().prompt_tokens = estimate_prompt_tokens(prompt.turns.front().text);
  suite.prompts.push_back(std::move(prompt));
  return suite;
}

/// Keeps the prompts that `ids` (comma-separated) names, in the suite's order.
Suite select_prompts(Suite suite, std::string_view ids) {
  std::vector<std::string> known;
  for (const Prompt& prompt : suite.prompts) known.push_back(prompt.id);
  std::vector<std::string> wanted;
  for (std::size_t start = 0; start <= ids.size();) {
    const std::size_t comma = std::min(ids.find(',', start), ids.size());
    const std::string id(ids.substr(start, comma - start));
    if (std::find(known.begin(), known.end(), id) == known.end()) {
      throw Error(ErrorCode::kConfig, no_such("prompt", id, known, suite.path));
    }
    wanted.push_back(id);
    start = comma + 1;
  }
  std::erase_if(suite.prompts, [&](const Prompt& prompt) { return std::find(wanted.begin(), wanted.end(), prompt.id) == wanted.end(); });
  return with_digests(std::move(suite));
}

/// A shipped suite's name means that suite whatever lies in the working folder; `./smoke` means the folder.
Suite find_whole_suite(std::string_view name_or_path) {
  const fs::path path(name_or_path);
  if (looks_like_path(name_or_path)) return load_suite(path);  // also by a program that stands alone, without shipped suites
  const std::vector<std::string> names = list_suites();
  if (std::find(names.begin(), names.end(), name_or_path) != names.end()) return load_suite(suites_dir() / name_or_path);
  std::error_code ignored;
  if (fs::exists(path, ignored)) return load_suite(path);
  throw Error(ErrorCode::kConfig, no_such("suite", name_or_path, names, suites_dir()));
}

}  // namespace

Suite load_suite(const fs::path& path) {
  std::error_code ignored;
  const bool folder = fs::is_directory(path, ignored);
  if (!folder && is_public_suite(path)) return with_digests(read_public_suite(path));
  if (!folder && fs::exists(path, ignored) && path.extension() != ".json") {
    throw Error(ErrorCode::kConfig,
                "is no suite: expected a folder with suite.json, a .json file or tasks in .jsonl or .jsonl.gz; a file with one prompt goes "
                "to --prompt-file",
                path.string());
  }
  if (folder && !fs::exists(path / "suite.json", ignored)) {
    throw Error(ErrorCode::kConfig, "is no suite: the folder has no suite.json (prompts/README.md describes the format)", path.string());
  }
  const fs::path file = folder ? path / "suite.json" : path;
  Suite suite = suite_from_json(read_config_json(file), file);
  // A folder names its suite, also when it was given as `dir/` or as `dir/suite.json`.
  const bool named_by_folder = file.filename() == "suite.json";
  suite.name = named_by_folder ? fs::absolute(file, ignored).lexically_normal().parent_path().filename().string() : file.stem().string();
  return with_digests(std::move(suite));
}

Suite find_suite(std::string_view name_or_path) {
  const std::size_t hash = name_or_path.rfind('#');
  std::error_code ignored;
  if (hash == std::string_view::npos || fs::exists(fs::path(name_or_path), ignored)) return find_whole_suite(name_or_path);
  return select_prompts(find_whole_suite(name_or_path.substr(0, hash)), name_or_path.substr(hash + 1));
}

std::string whole_text(const Prompt& prompt) {
  std::string text;
  for (const Turn& turn : prompt.turns) text += (text.empty() ? "" : "\n\n") + turn.text;
  return text;
}

std::vector<std::string> list_suites() {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(suites_dir(), failed)) {
    std::error_code ignored;
    if (fs::exists(entry.path() / "suite.json", ignored)) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Suite suite_from_text(std::string_view text) {
  if (text.empty()) throw Error(ErrorCode::kUsage, "--prompt: the text is empty");
  if (!is_clean_text(text)) throw Error(ErrorCode::kUsage, "--prompt: the text is not UTF-8");
  return with_digests(suite_of_one(std::string(text)));
}

Suite suite_from_prompt_file(const fs::path& path) {
  Suite suite = suite_of_one(read_prompt_text(path));
  suite.path = path;
  suite.prompts.front().title = path.filename().string();
  return with_digests(std::move(suite));
}

}  // namespace qbench::workload
