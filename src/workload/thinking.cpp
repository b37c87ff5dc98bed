#include "workload/thinking.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/digest.h"
#include "base/environment.h"
#include "base/error.h"
#include "workload/names.h"
#include "workload/suite_json.h"

namespace qbench::workload {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxStages = 16;
constexpr std::int64_t kMaxBranches = 16;
constexpr std::size_t kMaxRequests = 64;
constexpr std::int64_t kMaxStageTokens = 1 << 22;
constexpr std::size_t kMaxTextBytes = 1u << 16;
constexpr std::string_view kStageKeys = "'stage', 'max_tokens', 'temperature', 'branching_factor'";

[[noreturn]] void fail(const std::string& message, const std::string& where) { throw Error(ErrorCode::kConfig, message, where); }

/// Reads one key; what was expected instead, or empty.
std::string read_stage_key(const std::string& key, const json& value, ThinkingStage& stage) {
  if (key == "stage") {
    if (!value.is_string() || !is_name(value.get_ref<const std::string&>())) return "'stage' to be a name (a-z, 0-9, '_', '-', '.')";
    stage.stage = value.get<std::string>();
  } else if (key == "temperature") {
    if (!value.is_number()) return "'temperature' to be a number";
    stage.temperature = value.get<double>();
  } else if (key == "max_tokens" || key == "branching_factor") {
    if (!value.is_number_integer()) return "'" + key + "' to be a whole number";
    if (value < 0 || value > kMaxStageTokens) return "'" + key + "' to be from 1 to " + std::to_string(kMaxStageTokens);
    (key == "max_tokens" ? stage.max_tokens : stage.branching_factor) = value.get<std::int64_t>();
  } else {
    return std::string(kStageKeys) + ", not '" + printable(key) + "'";
  }
  return {};
}

void replace_all(std::string& text, std::string_view what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) text.replace(at, what.size(), by);
}

/// A closing that does not close would leave the thought open: the answer would be counted, and shown, as a thought.
std::string read_closing(const json& value, const std::string& key, const std::string& where) {
  std::string text = read_string(value, key, where, kMaxTextBytes);
  if (!is_clean_text(text) || text.find("</think>") == std::string::npos)
    fail("'" + key + "': expected UTF-8 text with </think> in it", where);
  return text;
}

void read_closings(const json& object, const std::string& where, ThinkingTexts& texts) {
  if (!object.is_object() || !object.contains("text")) fail("'closing': expected an object with 'text' and 'models'", where);
  for (const auto& [key, value] : object.items()) {
    if (key == "text") {
      texts.closing = read_closing(value, key, where + ": closing");
    } else if (key == "models") {
      if (!value.is_object()) fail("'models': expected an object, got " + describe_value(value), where + ": closing");
      for (const auto& [name, text] : value.items())
        texts.closing_of.emplace_back(ascii_lower(name), read_closing(text, name, where + ": closing: models"));
    } else {
      fail_unknown_key(key, {"text", "models"}, where + ": closing");
    }
  }
}

/// As in a profile, with the instruction beside each stage.
void read_pipeline(json value, const std::string& where, ThinkingTexts& texts) {
  if (!value.is_array()) fail("'stages': expected a list, got " + describe_value(value), where);
  for (json& stage : value) {
    if (!stage.is_object() || !stage.contains("instruction")) fail("'stages': expected objects with 'stage' and 'instruction'", where);
    std::string text = read_string(stage["instruction"], "instruction", where + ": stages", kMaxTextBytes);
    if (text.empty() || !is_clean_text(text)) fail("'instruction': expected some UTF-8 text", where + ": stages");
    texts.instructions.emplace_back(stage.value("stage", json()).is_string() ? stage["stage"].get<std::string>() : "", std::move(text));
    stage.erase("instruction");
  }
  if (const std::string expected = read_stages(value, texts.stages); !expected.empty()) fail("'stages': expected " + expected, where);
  if (const std::string problem = stages_problem(texts.stages); !problem.empty()) fail("'stages': " + problem, where);
}

}  // namespace

const std::string& ThinkingTexts::closing_for(std::string_view model_name) const {
  const std::string name = ascii_lower(model_name);
  const std::pair<std::string, std::string>* best = nullptr;
  for (const auto& entry : closing_of) {
    if (name.find(entry.first) != std::string::npos && (best == nullptr || entry.first.size() > best->first.size())) best = &entry;
  }
  return best == nullptr ? closing : best->second;
}

ThinkingTexts load_thinking_texts() {
  const std::filesystem::path path = data_dir() / "configs" / "thinking.json";
  const json root = read_config_json(path);
  const std::string where = path.string();
  if (!root.is_object()) fail("expected an object, got " + describe_value(root), where);
  ThinkingTexts texts;
  for (const auto& [key, value] : root.items()) {
    if (key == "closing") {
      read_closings(value, where, texts);
    } else if (key == "stages") {
      read_pipeline(value, where, texts);
    } else {
      fail_unknown_key(key, {"closing", "stages"}, where);
    }
  }
  if (texts.closing.empty() || texts.stages.empty()) fail("expected 'closing' and 'stages'", where);
  return texts;
}

Prompt staged_prompt(const Prompt& prompt, const std::vector<ThinkingStage>& stages, const ThinkingTexts& texts) {
  Prompt staged = prompt;
  staged.turns.clear();
  std::string digest = prompt.digest + "\n" + stages_json(stages).dump() + "\n";
  for (const ThinkingStage& stage : stages) {
    const auto found =
        std::find_if(texts.instructions.begin(), texts.instructions.end(), [&](const auto& one) { return one.first == stage.stage; });
    if (found == texts.instructions.end()) {
      std::string known;
      for (const auto& one : texts.instructions) known += (known.empty() ? "" : ", ") + one.first;
      fail("stage '" + stage.stage + "' has no instruction in configs/thinking.json; there are " + known, "thinking_stages");
    }
    digest += found->second + "\n";
    for (std::int64_t branch = 1; branch <= stage.branching_factor; ++branch) {
      std::string text = found->second;
      replace_all(text, "{branch}", std::to_string(branch));
      replace_all(text, "{branches}", std::to_string(stage.branching_factor));
      if (staged.turns.empty()) text += "\n\n" + prompt.turns.front().text;
      const std::int64_t tokens = estimate_prompt_tokens(text);
      staged.turns.push_back(
          {std::move(text), tokens, TurnStage{stage.stage, branch, stage.branching_factor, stage.max_tokens, stage.temperature}});
    }
  }
  staged.digest = sha256_hex(digest);
  return staged;
}

bool sees_turn(const Prompt& prompt, std::int64_t turn, std::int64_t earlier) {
  if (earlier >= turn) return false;
  const auto& a = prompt.turns[static_cast<std::size_t>(turn - 1)].stage;
  const auto& b = prompt.turns[static_cast<std::size_t>(earlier - 1)].stage;
  // Branches of one stage stand together: the distance tells them from a later stage of the same name.
  return !a || !b || a->name != b->name || a->branch - b->branch != turn - earlier;
}

std::string stage_label(const Turn& turn) {
  if (!turn.stage) return {};
  const TurnStage& stage = *turn.stage;
  return stage.branches == 1 ? stage.name : stage.name + " " + std::to_string(stage.branch) + "/" + std::to_string(stage.branches);
}

std::string read_stages(const json& value, std::vector<ThinkingStage>& stages) {
  if (!value.is_array()) return "a list of stages";
  for (const json& object : value) {
    if (!object.is_object() || !object.contains("stage")) return "a list of objects with " + std::string(kStageKeys);
    ThinkingStage stage;
    for (const auto& [key, item] : object.items()) {
      if (const std::string expected = read_stage_key(key, item, stage); !expected.empty()) return expected;
    }
    stages.push_back(std::move(stage));
  }
  return {};
}

std::string stages_problem(const std::vector<ThinkingStage>& stages) {
  if (stages.size() > kMaxStages) return "expected at most " + std::to_string(kMaxStages) + " stages, got " + std::to_string(stages.size());
  std::size_t requests = 0;
  for (const ThinkingStage& stage : stages) {
    const std::string of = "stage '" + stage.stage + "': ";
    if (stage.max_tokens < 1 || stage.max_tokens > kMaxStageTokens)
      return of + "'max_tokens': expected 1 to " + std::to_string(kMaxStageTokens);
    if (!(stage.temperature >= 0.0 && stage.temperature <= 10.0)) return of + "'temperature': expected 0 to 10";
    if (stage.branching_factor < 1 || stage.branching_factor > kMaxBranches)
      return of + "'branching_factor': expected 1 to " + std::to_string(kMaxBranches);
    requests += static_cast<std::size_t>(stage.branching_factor);
  }
  if (requests > kMaxRequests)
    return "expected at most " + std::to_string(kMaxRequests) + " requests in all, got " + std::to_string(requests);
  return {};
}

nlohmann::ordered_json stages_json(const std::vector<ThinkingStage>& stages) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ThinkingStage& stage : stages) {
    nlohmann::ordered_json object{{"stage", stage.stage}, {"max_tokens", stage.max_tokens}, {"temperature", stage.temperature}};
    if (stage.branching_factor != 1) object["branching_factor"] = stage.branching_factor;
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace qbench::workload
